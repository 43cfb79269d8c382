//! The jobs that this runner has in hand, and how each is told to let go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use windlass::JobStatus;
use windlass_store::{JobKey, Notice};

/// The jobs in hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<BTreeMap<JobKey, InHand>>>);

#[derive(Debug)]
struct InHand {
    let_go: CancellationToken,
    /// Whether its claim is stored. Until then there is no hold to renew, nor to lose.
    held: bool,
}

/// One job in hand. Dropping it takes the job out of hand.
#[derive(Debug)]
pub(crate) struct Hand {
    key: JobKey,
    let_go: CancellationToken,
    all: InFlight,
}

impl InFlight {
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<JobKey, InHand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job in hand, unless it is already.
    pub(crate) fn take(&self, key: JobKey) -> Option<Hand> {
        let mut jobs = self.jobs();
        if jobs.contains_key(&key) {
            return None;
        }
        let let_go = CancellationToken::new();
        jobs.insert(key, InHand { let_go: let_go.clone(), held: false });
        Some(Hand { key, let_go, all: self.clone() })
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs().len()
    }

    /// Obeys news: whoever works on a job that is not to be worked on lets go.
    pub(crate) fn hear(&self, notice: &Notice) {
        if must_let_go(notice.status)
            && let Some(job) = self.jobs().get(&notice.key)
        {
            job.let_go.cancel();
        }
    }

    /// Lets go of those jobs of `before`, which were held then, that are not ours to work on any more.
    pub(crate) fn keep_only(&self, before: &[JobKey], held: &[Notice]) {
        let jobs = self.jobs();
        for key in before {
            let ours = held.iter().any(|notice| notice.key == *key && !must_let_go(notice.status));
            if let Some(job) = jobs.get(key).filter(|_| !ours) {
                job.let_go.cancel();
            }
        }
    }

    /// The jobs whose holds are to be renewed.
    pub(crate) fn held(&self) -> Vec<JobKey> {
        self.jobs().iter().filter(|(_, job)| job.held).map(|(key, _)| *key).collect()
    }
}

impl Hand {
    pub(crate) const fn key(&self) -> JobKey {
        self.key
    }

    /// Says that the job's claim is stored.
    pub(crate) fn hold(&self) {
        if let Some(job) = self.all.jobs().get_mut(&self.key) {
            job.held = true;
        }
    }

    /// Fires when the job is to be let go.
    pub(crate) const fn let_go(&self) -> &CancellationToken {
        &self.let_go
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // What still works on it in another thread has nobody to report to.
        self.let_go.cancel();
        self.all.jobs().remove(&self.key);
    }
}

fn must_let_go(status: JobStatus) -> bool {
    match status {
        JobStatus::Cancelling | JobStatus::Cancelled | JobStatus::Failed | JobStatus::Succeed => true,
        JobStatus::Created | JobStatus::Pending | JobStatus::Provisioning | JobStatus::Running => false,
    }
}

#[cfg(test)]
mod tests {
    use windlass::JobId;
    use windlass_store::BranchUid;

    use super::*;

    #[test]
    fn a_job_is_lost_only_after_its_claim_is_stored() {
        let all = InFlight::default();
        let hand = all.take(JobKey { branch: BranchUid(1), job: JobId::FIRST }).expect("nobody has it");
        assert!(all.take(hand.key()).is_none());
        // A renewal that comes between the taking and the claim finds no hold, and that is no loss.
        all.keep_only(&all.held(), &[]);
        assert!(!hand.let_go().is_cancelled());

        hand.hold();
        all.keep_only(&all.held(), &[Notice { key: hand.key(), status: JobStatus::Running }]);
        assert!(!hand.let_go().is_cancelled());
        all.keep_only(&all.held(), &[]);
        assert!(hand.let_go().is_cancelled());
        drop(hand);
        assert!(all.held().is_empty() && all.len() == 0);
    }
}
