//! One of the two stores, whose answers are put into words that do not depend on its own numbers.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use windlass::{Job, JobId, Rejection};

use super::operation::Operation;
use crate::conformance::Everything;
use crate::conformance::everything::all;
use crate::conformance::setting::{app_id, app_named, attributes, branch_named};
use crate::{
    Address, BranchUid, Candidate, Claims, ExecuteError, Executed, JobKey, Store, StoredBranch, claim, create,
    delete_job, execute,
};

pub(super) struct Side {
    store: Arc<dyn Store>,
    /// The branches in the order of their creation, those that were deleted too.
    branches: Vec<StoredBranch>,
}

/// What a store answered, in words.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) words: String,
    /// Whether a command was obeyed.
    pub(super) obeyed: bool,
    /// The jobs that a claim brought, by the place of the branch and the number of the job.
    pub(super) given: Vec<(usize, JobId)>,
}

impl Side {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, branches: Vec::new() }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(super) fn branches(&self) -> usize {
        self.branches.len()
    }

    pub(super) fn key(&self, on: usize, job: JobId) -> JobKey {
        JobKey { branch: self.branches[on].uid, job }
    }

    /// The place of a branch in the order of their creation.
    pub(super) fn place(&self, uid: BranchUid) -> usize {
        self.branches.iter().position(|branch| branch.uid == uid).unwrap()
    }

    pub(super) async fn job(&self, on: usize, job: JobId) -> Option<Job> {
        self.store.job(self.key(on, job)).await.unwrap()
    }

    pub(super) async fn last(&self, on: usize) -> u64 {
        self.now(on).await.map_or(0, |branch| branch.branch.last())
    }

    pub(super) async fn unfinished(&self, on: usize) -> Vec<JobId> {
        self.now(on).await.map_or_else(Vec::new, |branch| branch.branch.unfinished().collect())
    }

    pub(super) async fn next_deadline(&self) -> Option<DateTime<Utc>> {
        let key = *self.store.due(DateTime::<Utc>::MAX_UTC, 1).await.unwrap().first()?;
        let job = self.store.job(key).await.unwrap()?;
        Some(job.deadline()?.at)
    }

    /// How many records the job has that an operation is about.
    pub(super) async fn seq(&self, operation: &Operation) -> u32 {
        let Operation::Execute { on, job, .. } = operation else { return 0 };
        self.job(*on, *job).await.map_or(0, |job| job.seq())
    }

    async fn now(&self, on: usize) -> Option<StoredBranch> {
        self.store.branch_by_uid(self.branches[on].uid).await.unwrap()
    }

    /// Does it.
    pub(super) async fn perform(&mut self, operation: &Operation, now: DateTime<Utc>) -> Answer {
        let s = &*self.store;
        match operation.clone() {
            Operation::CreateApp(id) => words(s.create_app(&app_named(id)).await),
            Operation::UpdateApp(id, on) => {
                let Some(mut app) = s.app(&app_id(id)).await.unwrap() else { return words("no app") };
                app.version += on;
                app.updated = now;
                words(s.update_app(&app).await)
            }
            Operation::DeleteApp(id) => {
                let deleted = s.delete_app(&app_id(id)).await.unwrap();
                words(deleted.map(|uids| uids.into_iter().map(|uid| self.place(uid)).collect::<BTreeSet<_>>()))
            }
            Operation::CreateBranch(app, name) => match s.create_branch(&branch_named(app, name)).await {
                Ok(made) => {
                    self.branches.push(made.clone());
                    words(self.plain(made))
                }
                Err(error) => words(error),
            },
            Operation::UpdateBranch(on, by) => {
                let Some(branch) = self.now(on).await else { return words("no branch") };
                let changed = StoredBranch {
                    version: branch.version + by,
                    updated: now,
                    attributes: attributes(&now.to_string()),
                    ..branch
                };
                words(s.update_branch(&changed).await)
            }
            Operation::DeleteBranch(on) => match self.branches.get(on) {
                Some(branch) => words(s.delete_branch(branch.uid).await),
                None => words("no branch"),
            },
            Operation::Create(on, plan) => {
                let StoredBranch { app, name, .. } = &self.branches[on];
                self.executed(create(s, app, name, &plan, now).await)
            }
            Operation::Execute { on, job, commands, extras, by_name } => {
                let StoredBranch { app, name, .. } = &self.branches[on];
                let address = if by_name { Address::Name(app, name, job) } else { Address::Key(self.key(on, job)) };
                self.executed(execute(s, address, &commands, now, extras).await.map(Ok))
            }
            Operation::DeleteJob(on, job) => {
                let deleted = delete_job(s, Address::Key(self.key(on, job)), now).await;
                let garbage = match &deleted {
                    Ok(Ok((_, garbage))) => garbage.iter().map(|key| key.job).collect(),
                    Ok(Err(_)) | Err(_) => Vec::new(),
                };
                let done = self.executed(deleted.map(|deleted| deleted.map(|(done, _)| done)));
                words((done, garbage))
            }
            Operation::Claim { lease, room, concurrent } => {
                let claimed = claim(s, &Claims { lease, room, in_hand: Vec::new(), concurrent, now }).await.unwrap();
                let given = claimed.iter().filter(|claimed| claimed.answer.is_ok());
                let given = given.map(|claimed| (self.place(claimed.branch.uid), claimed.job.id())).collect();
                let plain =
                    claimed.into_iter().map(|claimed| (self.plain(claimed.branch), claimed.job, claimed.answer));
                Answer { given, ..words(plain.collect::<Vec<_>>()) }
            }
            Operation::Renew(lease) => {
                let mut jobs = Vec::new();
                for on in 0..self.branches() {
                    jobs.extend(self.unfinished(on).await.into_iter().map(|job| self.key(on, job)));
                }
                let held = s.renew(&lease, &jobs).await.unwrap();
                let mut held: Vec<_> =
                    held.into_iter().map(|held| (self.place(held.key.branch), held.key.job, held.status)).collect();
                held.sort_unstable();
                words(held)
            }
            Operation::PutBlob(key, bytes) => words(s.put_blob(&key, bytes).await),
            Operation::DeleteBlobs(prefix) => words(s.delete_blobs(&prefix).await),
            Operation::ListApps(size) => words(all(async |from| s.apps(from, size).await).await),
            Operation::ListBranches(app, size) => {
                let found = all(async |from| s.branches(&app_id(app), from, size).await).await.unwrap();
                words(found.into_iter().map(|branch| self.plain(branch)).collect::<Vec<_>>())
            }
            Operation::ListJobs(on, size) => {
                words(all(async |from| s.jobs(self.branches[on].uid, from, size).await).await)
            }
        }
    }

    fn executed(&self, done: Result<Result<Executed, Rejection>, ExecuteError>) -> Answer {
        match done {
            Ok(Ok(Executed { branch, job, answer })) => {
                Answer { obeyed: answer.is_ok(), ..words((self.plain(branch), job, answer)) }
            }
            Ok(Err(rejection)) => words(rejection),
            Err(error) => words(error),
        }
    }

    fn plain(&self, branch: StoredBranch) -> StoredBranch {
        StoredBranch { uid: BranchUid(self.place(branch.uid) as u64), label: String::new(), ..branch }
    }

    fn plain_key(&self, key: JobKey) -> JobKey {
        JobKey { branch: BranchUid(self.place(key.branch) as u64), ..key }
    }

    /// All that it holds, after every branch was found by its label and every small artifact by its key.
    pub(super) async fn everything(&self, context: &str) -> (Everything, Vec<String>) {
        let mut all = Everything::of(&*self.store).await.unwrap();
        all.check(context);
        for branch in &mut all.branches {
            let site = self.store.site(&branch.app, &branch.label).await.unwrap().unwrap();
            assert_eq!((site.branch, site.live), (branch.uid, branch.branch.live()), "{context}");
            *branch = self.plain(branch.clone());
        }
        for (key, ..) in &mut all.jobs {
            *key = self.plain_key(*key);
        }
        all.due = all.due.into_iter().map(|key| self.plain_key(key)).collect();
        all.due.sort_unstable();
        let candidates = all.work.candidates.into_iter();
        all.work.candidates = candidates.map(|it| Candidate { key: self.plain_key(it.key), ..it }).collect();
        all.work.candidates.sort_by_key(|candidate| candidate.key);
        let mut blobs = Vec::new();
        for prefix in 0..20 {
            for name in (1..30).map(|job: u64| job.to_string()).chain(["x".to_owned()]) {
                let key = format!("{prefix}/{name}");
                if let Some(bytes) = self.store.blob(&key).await.unwrap() {
                    blobs.push(format!("{key}: {bytes:?}"));
                }
            }
        }
        (all, blobs)
    }
}

fn words(answer: impl Debug) -> Answer {
    Answer { words: format!("{answer:?}"), obeyed: true, given: Vec::new() }
}
