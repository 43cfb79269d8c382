//! The jobs that this runner has in hand, and how each is told to let go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use windlass::JobStatus;
use windlass_store::{JobKey, Notice};

/// The jobs in hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<BTreeMap<JobKey, CancellationToken>>>);

/// One job in hand. Dropping it takes the job out of hand.
#[derive(Debug)]
pub(crate) struct Hand {
    key: JobKey,
    let_go: CancellationToken,
    all: InFlight,
}

impl InFlight {
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<JobKey, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job in hand, unless it is already.
    pub(crate) fn take(&self, key: JobKey) -> Option<Hand> {
        let mut jobs = self.jobs();
        if jobs.contains_key(&key) {
            return None;
        }
        let let_go = CancellationToken::new();
        jobs.insert(key, let_go.clone());
        Some(Hand { key, let_go, all: self.clone() })
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs().len()
    }

    /// Obeys news: whoever works on a job that is not to be worked on lets go.
    pub(crate) fn hear(&self, notice: &Notice) {
        if must_let_go(notice.status)
            && let Some(let_go) = self.jobs().get(&notice.key)
        {
            let_go.cancel();
        }
    }

    /// Lets go of every job but those that are still ours to work on, of those that were in hand at `before`.
    pub(crate) fn keep_only(&self, before: &[JobKey], held: &[Notice]) {
        let jobs = self.jobs();
        for key in before {
            let ours = held.iter().any(|notice| notice.key == *key && !must_let_go(notice.status));
            if let Some(let_go) = jobs.get(key).filter(|_| !ours) {
                let_go.cancel();
            }
        }
    }

    pub(crate) fn keys(&self) -> Vec<JobKey> {
        self.jobs().keys().copied().collect()
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
        self.all.jobs().remove(&self.key);
    }
}

fn must_let_go(status: JobStatus) -> bool {
    match status {
        JobStatus::Cancelling | JobStatus::Cancelled | JobStatus::Failed | JobStatus::Succeed => true,
        JobStatus::Created | JobStatus::Pending | JobStatus::Provisioning | JobStatus::Running => false,
    }
}
