//! The jobs that this runner has in hand, and how each is told to let go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use windlass::JobStatus;
use windlass_store::{JobKey, Notice};

/// The jobs in hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<Jobs>>);

#[derive(Debug, Default)]
struct Jobs {
    in_hand: BTreeMap<JobKey, CancellationToken>,
    /// While a claim is under way: the jobs that it may bring, and that are to be let go already.
    let_go: Option<BTreeSet<JobKey>>,
}

/// One job in hand. Dropping it takes the job out of hand.
#[derive(Debug)]
pub(crate) struct Hand {
    key: JobKey,
    let_go: CancellationToken,
    all: InFlight,
}

/// A claim under way.
#[derive(Debug)]
pub(crate) struct Reach(InFlight);

impl InFlight {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a claim. News of what it brings may come before its answer.
    pub(crate) fn reach(&self) -> Reach {
        self.jobs().let_go = Some(BTreeSet::new());
        Reach(self.clone())
    }

    /// Obeys news: whoever works on a job that is not to be worked on lets go.
    pub(crate) fn hear(&self, notice: &Notice) {
        if !must_let_go(notice.status) {
            return;
        }
        let mut jobs = self.jobs();
        match jobs.in_hand.get(&notice.key) {
            Some(let_go) => let_go.cancel(),
            None => jobs.let_go.iter_mut().for_each(|let_go| {
                let_go.insert(notice.key);
            }),
        }
    }

    /// Lets go of those jobs of `before`, which were held then, that are not ours to work on any more.
    pub(crate) fn keep_only(&self, before: &[JobKey], held: &[Notice]) {
        let jobs = self.jobs();
        for key in before {
            let ours = held.iter().any(|notice| notice.key == *key && !must_let_go(notice.status));
            if let Some(let_go) = jobs.in_hand.get(key).filter(|_| !ours) {
                let_go.cancel();
            }
        }
    }

    /// The jobs whose holds are to be renewed.
    pub(crate) fn held(&self) -> Vec<JobKey> {
        self.jobs().in_hand.keys().copied().collect()
    }
}

impl Reach {
    /// Takes a job in hand that was claimed, unless it is already.
    pub(crate) fn take(&self, key: JobKey) -> Option<Hand> {
        let mut jobs = self.0.jobs();
        if jobs.in_hand.contains_key(&key) {
            return None;
        }
        let let_go = CancellationToken::new();
        if jobs.let_go.as_ref().is_some_and(|those| those.contains(&key)) {
            let_go.cancel();
        }
        jobs.in_hand.insert(key, let_go.clone());
        Some(Hand { key, let_go, all: self.0.clone() })
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        self.0.jobs().let_go = None;
    }
}

impl Hand {
    pub(crate) const fn key(&self) -> JobKey {
        self.key
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
        self.all.jobs().in_hand.remove(&self.key);
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
    fn a_job_that_is_not_ours_any_more_is_let_go() {
        let all = InFlight::default();
        let hand = all.reach().take(KEY).expect("nobody has it");
        assert!(all.reach().take(KEY).is_none());
        all.keep_only(&all.held(), &[Notice { key: KEY, status: JobStatus::Running }]);
        assert!(!hand.let_go().is_cancelled());
        // A renewal that was on its way when it came in hand says nothing about it.
        all.keep_only(&[], &[]);
        assert!(!hand.let_go().is_cancelled());
        all.keep_only(&all.held(), &[]);
        assert!(hand.let_go().is_cancelled());
        drop(hand);
        assert!(all.held().is_empty());
    }

    #[test]
    fn a_stop_that_comes_before_the_answer_to_the_claim_is_heard() {
        let all = InFlight::default();
        let stopped = Notice { key: KEY, status: JobStatus::Cancelling };
        let reach = all.reach();
        all.hear(&Notice { status: JobStatus::Running, ..stopped.clone() });
        all.hear(&stopped);
        assert!(reach.take(KEY).expect("nobody has it").let_go().is_cancelled());
        drop(reach);

        // News from before it was claimed is none of it.
        all.hear(&stopped);
        assert!(!all.reach().take(KEY).expect("nobody has it").let_go().is_cancelled());
    }

    const KEY: JobKey = JobKey { branch: BranchUid(1), job: JobId::FIRST };
}
