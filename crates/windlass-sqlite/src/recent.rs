//! What was looked at of late: jobs by name, which clients ask for over and over until they end.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use windlass::{AppId, BranchName, Job, JobId};
use windlass_store::{BranchUid, StoredBranch};

/// How many jobs are remembered. When there are more, all are forgotten: those that are asked for are soon here again.
const MOST: usize = 4096;

/// Jobs and their branches as the last commit left them. The writer has a branch forgotten after each commit that may
/// have changed it, before anyone is told of that commit, so what is remembered is never older than what was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Recent(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// How often something was forgotten.
    age: u64,
    jobs: usize,
    branches: HashMap<AppId, HashMap<BranchName, Looked>>,
    names: HashMap<BranchUid, (AppId, BranchName)>,
}

#[derive(Debug)]
struct Looked {
    branch: Arc<StoredBranch>,
    jobs: HashMap<JobId, Arc<Job>>,
}

/// From before a look: what it sees may be remembered only if nothing was forgotten since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age(u64);

/// What a commit may have changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Changed {
    /// One branch, or a job of it.
    Branch(BranchUid),
    /// Any.
    Anything,
}

impl Recent {
    /// The job of this name, or how old the memory is that does not have it.
    pub(crate) fn get(
        &self,
        app: &AppId,
        branch: &BranchName,
        job: JobId,
    ) -> Result<(Arc<StoredBranch>, Arc<Job>), Age> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let looked = known.branches.get(app).and_then(|branches| branches.get(branch));
        let found = looked.and_then(|looked| Some((Arc::clone(&looked.branch), Arc::clone(looked.jobs.get(&job)?))));
        found.ok_or(Age(known.age))
    }

    /// Remembers what a look has seen.
    pub(crate) fn put(&self, age: Age, branch: &Arc<StoredBranch>, job: &Arc<Job>) {
        let mut known = self.known();
        if known.age != age.0 {
            return;
        }
        if known.jobs >= MOST {
            known.forget_all();
        }
        let Known { jobs, branches, names, .. } = &mut *known;
        let of_app = branches.entry(branch.app.clone()).or_default();
        let looked = of_app.entry(branch.name.clone()).or_insert_with(|| {
            names.insert(branch.uid, (branch.app.clone(), branch.name.clone()));
            Looked { branch: Arc::clone(branch), jobs: HashMap::new() }
        });
        if (looked.branch.version, looked.branch.branch_version) != (branch.version, branch.branch_version) {
            // One of the two was seen just after a commit that has yet to have the other forgotten.
            return;
        }
        if looked.jobs.insert(job.id(), Arc::clone(job)).is_none() {
            *jobs += 1;
        }
    }

    /// Forgets what a commit may have changed.
    pub(crate) fn forget(&self, changed: Changed) {
        let mut known = self.known();
        known.age += 1;
        match changed {
            Changed::Branch(uid) => known.forget(uid),
            Changed::Anything => known.forget_all(),
        }
    }

    fn known(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget(&mut self, uid: BranchUid) {
        let Some((app, name)) = self.names.remove(&uid) else { return };
        let Some(of_app) = self.branches.get_mut(&app) else { return };
        if let Some(looked) = of_app.remove(&name) {
            self.jobs -= looked.jobs.len();
        }
        if of_app.is_empty() {
            self.branches.remove(&app);
        }
    }

    fn forget_all(&mut self) {
        self.jobs = 0;
        self.branches.clear();
        self.names.clear();
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use windlass::{Branch, NewJob, Source};

    use super::*;

    #[test]
    fn what_was_seen_before_a_commit_is_not_remembered_after_it() {
        let (recent, (branch, job)) = (Recent::default(), job(1));
        let get = || recent.get(&branch.app, &branch.name, job.id());
        let before = get().unwrap_err();
        recent.forget(Changed::Branch(BranchUid(7)));
        recent.put(before, &branch, &job);
        let age = get().unwrap_err();
        recent.put(age, &branch, &job);
        assert_eq!(get().unwrap(), (branch.clone(), job.clone()));
        recent.forget(Changed::Branch(BranchUid(7)));
        assert!(get().is_ok(), "another branch's change has it forgotten");
        recent.forget(Changed::Branch(branch.uid));
        assert!(get().is_err());
        recent.put(get().unwrap_err(), &branch, &job);
        recent.forget(Changed::Anything);
        assert!(get().is_err());
    }

    #[test]
    fn a_job_is_never_remembered_beside_a_branch_of_another_commit() {
        let (recent, (branch, job)) = (Recent::default(), job(1));
        let age = recent.get(&branch.app, &branch.name, job.id()).unwrap_err();
        recent.put(age, &branch, &job);
        let later = Arc::new(StoredBranch { branch_version: 2, ..StoredBranch::clone(&branch) });
        let next = Arc::new(Job::create(JobId::new(2), NewJob::manual(Source::Zip), DateTime::UNIX_EPOCH).0);
        recent.put(age, &later, &next);
        assert!(recent.get(&branch.app, &branch.name, next.id()).is_err());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let recent = Recent::default();
        for number in 0..MOST as u64 * 3 {
            let (branch, job) = job(number / 2);
            recent.put(recent.get(&branch.app, &branch.name, job.id()).err().unwrap_or(Age(0)), &branch, &job);
            let known = recent.known();
            let counted: usize =
                known.branches.values().flat_map(HashMap::values).map(|looked| looked.jobs.len()).sum();
            assert!(known.jobs == counted && counted <= MOST && known.names.len() <= MOST);
        }
    }

    fn job(uid: u64) -> (Arc<StoredBranch>, Arc<Job>) {
        let now = DateTime::UNIX_EPOCH;
        let made = Branch::default().create(NewJob::manual(Source::Zip), now).unwrap();
        let branch = StoredBranch {
            uid: BranchUid(uid),
            app: "d1".parse().unwrap(),
            name: format!("b{uid}").parse().unwrap(),
            label: format!("b{uid}"),
            attributes: windlass_store::Attributes::default(),
            created: now,
            updated: now,
            version: 1,
            branch: made.branch,
            branch_version: 1,
        };
        (Arc::new(branch), Arc::new(made.job))
    }
}
