//! Who holds what, kept beside the stores, and what is due and what there is to do because of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use windlass::{AppId, Job, JobId, JobStatus};

use super::operation::Operation;
use super::side::{Answer, Side};
use crate::conformance::Everything;
use crate::{Candidate, JobKey, Lease};

/// The holds that were given, by the place of the branch and the number of the job. Those of jobs that have
/// ended or are gone mean nothing.
#[derive(Default)]
pub(super) struct Ledger(BTreeMap<(usize, JobId), Lease>);

impl Ledger {
    /// Follows an operation that was obeyed.
    pub(super) fn follow(&mut self, operation: &Operation, answer: &Answer, stored: bool) {
        if let Operation::Execute { on, job, extras, .. } = operation
            && let Some(lease) = &extras.lease
            && stored
        {
            self.0.insert((*on, *job), lease.clone());
        }
        if let Operation::Claim { lease, .. } = operation {
            self.0.extend(answer.given.iter().map(|place| (*place, lease.clone())));
        }
        if let Operation::Renew(lease) = operation {
            for held in self.0.values_mut().filter(|held| held.runner == lease.runner) {
                held.until = lease.until;
            }
        }
    }

    /// Checks what is due and what there is to do against all jobs, one by one.
    pub(super) async fn check(&self, side: &Side, all: &Everything, now: DateTime<Utc>, limit: usize, context: &str) {
        let mut due = Queue::default();
        let (mut lost, mut waiting) = (Queue::default(), BTreeMap::<AppId, Queue>::new());
        let mut working = BTreeMap::<AppId, u64>::new();
        for (key, job, _) in &all.jobs {
            let place = (key.branch.0 as usize, key.job);
            let branch = all.branches.iter().find(|branch| branch.uid == key.branch).unwrap();
            if let Some(deadline) = job.deadline().filter(|deadline| deadline.at <= now) {
                due.push(deadline.at, place);
            }
            match self.0.get(&place).filter(|_| !job.status().is_terminal()) {
                Some(lease) if lease.until > now => *working.entry(branch.app.clone()).or_default() += 1,
                Some(lease) if job.status() != JobStatus::Cancelling => lost.push(lease.until, place),
                Some(_) => {}
                None if waits(job) && branch.branch.working().is_none() => {
                    waiting.entry(branch.app.clone()).or_default().push(job.since(), place);
                }
                None => {}
            }
        }

        let place = |key: &JobKey| (side.place(key.branch), key.job);
        let found = side.store().due(now, limit).await.unwrap();
        due.check(found.iter().map(place), limit, &format!("what is due, {context}"));

        let work = side.store().work(now, limit).await.unwrap();
        assert_eq!(work.working, Vec::from_iter(working), "what is in work, {context}");
        let first_waiting = work.candidates.iter().position(|candidate| !candidate.lost);
        let (were_lost, wait) = work.candidates.split_at(first_waiting.unwrap_or(work.candidates.len()));
        assert!(wait.iter().all(|candidate| !candidate.lost), "what was lost does not come first, {context}");
        lost.check(were_lost.iter().map(|it| place(&it.key)), limit, &format!("what is lost, {context}"));
        let since = |it: &Candidate| waiting.get(&it.app).and_then(|of_app| of_app.0.get(&place(&it.key)));
        assert!(wait.is_sorted_by_key(since), "the longest wait does not come first, {context}");
        assert!(wait.iter().all(|it| since(it).is_some()), "one does not wait, {context}");
        for (app, of_app) in &waiting {
            let found = wait.iter().filter(|it| it.app == *app);
            of_app.check(found.map(|it| place(&it.key)), limit, &format!("what waits of {app}, {context}"));
        }
    }
}

fn waits(job: &Job) -> bool {
    job.status() == JobStatus::Pending
}

/// Jobs and since when each has a claim to be looked at.
#[derive(Default)]
struct Queue(BTreeMap<(usize, JobId), DateTime<Utc>>);

impl Queue {
    fn push(&mut self, since: DateTime<Utc>, place: (usize, JobId)) {
        self.0.insert(place, since);
    }

    /// Checks that these are its first `limit` jobs, where any order will do for equal times.
    fn check(&self, found: impl Iterator<Item = (usize, JobId)>, limit: usize, context: &str) {
        let found: Vec<_> = found.collect();
        let distinct: BTreeSet<_> = found.iter().collect();
        assert_eq!(distinct.len(), found.len(), "one stands there twice: {context}");
        let times: Vec<_> = found.iter().map(|place| self.0.get(place).copied()).collect();
        let mut expected: Vec<_> = self.0.values().copied().map(Some).collect();
        expected.sort_unstable();
        expected.truncate(limit);
        assert_eq!(times, expected, "{context}");
    }
}
