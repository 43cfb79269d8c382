//! All that a store holds, to be compared and to be checked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use strum::VariantArray as _;
use windlass::{Branch, Job, JobStatus, Record};

use crate::{App, Document, Happening, JobKey, Kind, Page, Store, StoreError, StoredBranch, Work};

/// All that a store says it holds, but for small artifacts.
#[derive(Clone, Debug, PartialEq)]
pub struct Everything {
    /// The apps.
    pub apps: Vec<App>,
    /// Their branches.
    pub branches: Vec<StoredBranch>,
    /// Their jobs, each with its history, newest first.
    pub jobs: Vec<(JobKey, Job, Vec<Record>)>,
    /// All documents, by kind.
    pub documents: Vec<Document>,
    /// The jobs that time will end.
    pub due: Vec<JobKey>,
    /// What there was to do before any hold was lost.
    pub work: Work,
}

impl Everything {
    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let apps = all(async |from| store.apps(from, 7).await).await?;
        let mut branches = Vec::new();
        for app in &apps {
            branches.extend(all(async |from| store.branches(&app.id, from, 7).await).await?);
        }
        let mut jobs = Vec::new();
        for branch in &branches {
            for job in all(async |from| store.jobs(branch.uid, from, 7).await).await? {
                let key = JobKey { branch: branch.uid, job: job.id() };
                let history = store.history(key).await?;
                jobs.push((key, job, history));
            }
        }
        let mut documents = Vec::new();
        for kind in Kind::VARIANTS {
            documents.extend(all(async |from| store.documents(*kind, None, from, 7).await).await?);
        }
        let mut due = store.due(DateTime::<Utc>::MAX_UTC, usize::MAX).await?;
        due.sort_unstable();
        let work = store.work(DateTime::<Utc>::MIN_UTC, usize::MAX).await?;
        Ok(Self { apps, branches, jobs, documents, due, work })
    }

    /// Checks what is true of every store at every moment.
    ///
    /// # Panics
    ///
    /// Where it is not, naming the job or the branch and then `context`.
    pub fn check(&self, context: &str) {
        for (key, job, history) in &self.jobs {
            let replayed = Job::replay(key.job, history);
            assert_eq!(replayed.as_ref(), Ok(job), "{key:?} is not what its history makes of it, {context}");
        }
        for branch in &self.branches {
            let jobs: Vec<_> =
                self.jobs.iter().filter(|(key, ..)| key.branch == branch.uid).map(|(_, job, _)| job).collect();
            check_branch(&branch.branch, &jobs, &format!("on branch {}, {context}", branch.uid));
        }
        let mut unfinished: Vec<_> = self.jobs.iter().filter(|(_, job, _)| !job.status().is_terminal()).collect();
        unfinished.sort_by_key(|(key, ..)| *key);
        let unfinished: Vec<_> = unfinished.into_iter().map(|(key, ..)| *key).collect();
        assert_eq!(self.due, unfinished, "time does not end every job that has not ended, {context}");
    }
}

fn check_branch(branch: &Branch, jobs: &[&Job], context: &str) {
    let numbers = |statuses: &[JobStatus]| {
        let found = jobs.iter().filter(|job| statuses.contains(&job.status()));
        found.map(|job| job.id()).collect::<Vec<_>>()
    };
    let waiting = numbers(&[JobStatus::Created, JobStatus::Pending]);
    assert_eq!(Vec::from_iter(branch.waiting()), waiting, "the job that waits {context}");
    let working = numbers(&[JobStatus::Provisioning, JobStatus::Running, JobStatus::Cancelling]);
    assert_eq!(Vec::from_iter(branch.working().map(|working| working.job)), working, "the job that works {context}");
    assert_eq!(branch.jobs(), jobs.len() as u64, "the number of jobs {context}");
    assert!(jobs.iter().all(|job| job.id().get() <= branch.last()), "a number may be given twice {context}");
    assert!(jobs.windows(2).all(|pair| pair[0].id() > pair[1].id()), "the newest is not first {context}");
    match branch.live() {
        Some(live) => {
            let job = jobs.iter().find(|job| job.id() == live.job).map(|job| (job.artifact(), job.since()));
            assert_eq!(job, Some((Some(live.artifact), live.since)), "what is live {context}");
        }
        None => assert!(jobs.iter().all(|job| job.artifact().is_none()), "nothing is live {context}"),
    }
}

/// Checks that all of it could happen in the order in which it did: a branch works on one job at a time, and shows what went
/// live last.
///
/// # Panics
///
/// Where it could not, naming the job.
pub async fn check_happenings(store: &dyn Store) {
    let mut histories = BTreeMap::<JobKey, Vec<Record>>::new();
    let (mut working, mut live) = (BTreeMap::new(), BTreeMap::new());
    for Happening { key, record, .. } in store.happenings(0, usize::MAX).await.unwrap() {
        let history = histories.entry(key).or_default();
        history.push(record);
        let job = Job::replay(key.job, &*history).unwrap();
        if job.status().is_working() {
            let other = *working.entry(key.branch).or_insert(key);
            assert_eq!(other, key, "two jobs of a branch work at a time");
        } else if working.get(&key.branch) == Some(&key) {
            working.remove(&key.branch);
        }
        if job.artifact().is_some() {
            live.insert(key.branch, key.job);
        }
    }
    for (branch, job) in live {
        let shown = store.branch_by_uid(branch).await.unwrap().unwrap().branch.live();
        assert_eq!(shown.map(|live| live.job), Some(job), "branch {branch} shows another job than went live last");
    }
}

/// Everything that a list holds, page by page.
pub(super) async fn all<T>(
    page: impl AsyncFn(Option<u64>) -> Result<Page<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let page = page(from).await?;
        assert!(page.next.is_none() || page.next != from, "the next page begins where this one did, at {from:?}");
        items.extend(page.items);
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(items),
        }
    }
}
