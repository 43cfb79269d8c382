//! Questions about deleting jobs, and what becomes of the bytes that were kept for them.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use windlass::{Command, JobId, JobStatus, Rejection};

use super::setting::{
    at, branch, broken, claim, conflict, deployed, everything, lease, make, make_refused, obeyed, redeployed, retry,
    running, stop, upload, zip,
};
use crate::{Address, ExecuteError, JobKey, Store, StoredBranch, delete_job};

pub async fn a_deleted_job_is_gone_with_its_history(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    deployed(&*s, &main, at(0)).await;
    let before = everything(&*s).await;
    let gone = broken(&*s, &main, at(1)).await;
    let (deleted, garbage) = delete_job(&*s, Address::Key(gone.key()), at(2)).await.unwrap().unwrap();
    assert_eq!((deleted.job, garbage), (gone.job.clone(), vec![gone.key()]));
    assert_eq!(s.branch_by_uid(main.uid).await.unwrap(), Some(deleted.branch));
    assert_eq!(s.job(gone.key()).await.unwrap(), None);
    assert!(s.history(gone.key()).await.unwrap().is_empty());
    assert_eq!(everything(&*s).await.jobs, before.jobs);

    let again = delete_job(&*s, Address::Name(&main.app, &main.name, gone.job.id()), at(2)).await;
    assert!(matches!(again, Err(ExecuteError::NoJob)));
    assert_eq!(make(&*s, &main, zip(), at(3)).await.job.id(), JobId::new(3), "a number is given twice");
}

pub async fn a_job_that_has_not_ended_stays(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let key = made.key();
    let refusal = async |now| delete_job(&*s, Address::Key(key), now).await.unwrap().unwrap_err();
    let not_ended = |status| Rejection::NotEnded { job: key.job, status };
    assert_eq!(refusal(at(0)).await, not_ended(JobStatus::Created));
    obeyed(&*s, key, &[upload(0, 7), Command::Start], at(1)).await;
    assert_eq!(refusal(at(1)).await, not_ended(JobStatus::Pending));
    claim(&*s, key, at(2), lease("a", at(9))).await;
    assert_eq!(refusal(at(2)).await, not_ended(JobStatus::Running));
    stop(&*s, key, at(3)).await;
    assert_eq!(refusal(at(3)).await, not_ended(JobStatus::Cancelling));
    everything(&*s).await;
}

pub async fn the_live_job_stays(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let first = deployed(&*s, &main, at(0)).await;
    let refusal = delete_job(&*s, Address::Key(first.key()), at(1)).await.unwrap();
    assert_eq!(refusal.unwrap_err(), Rejection::Live { job: first.job.id() });
    deployed(&*s, &main, at(2)).await;
    delete_job(&*s, Address::Key(first.key()), at(3)).await.unwrap().unwrap();
    everything(&*s).await;
}

pub async fn an_overdue_job_ends_before_it_is_deleted(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let (deleted, garbage) = delete_job(&*s, Address::Key(made.key()), at(8 * 60)).await.unwrap().unwrap();
    assert_eq!((deleted.job.status(), garbage), (JobStatus::Failed, vec![made.key()]));
    assert_eq!(s.branch_by_uid(main.uid).await.unwrap(), Some(deleted.branch));
    assert!(everything(&*s).await.jobs.is_empty());
}

pub async fn bytes_are_garbage_once_no_job_needs_them(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    // The same numbers on another branch are other jobs.
    let other = branch(&*s, "d1", "other").await;
    deployed(&*s, &other, at(0)).await;
    redeployed(&*s, &other, 1, at(0)).await;

    deployed(&*s, &main, at(1)).await;
    deployed(&*s, &main, at(2)).await;
    broken(&*s, &main, at(3)).await;
    redeployed(&*s, &main, 1, at(4)).await;
    assert_eq!(deleted(&*s, &main, 1, at(5)).await, [0; 0], "job 4 shows what was kept for job 1");
    assert_eq!(deleted(&*s, &main, 2, at(5)).await, [2]);
    assert_eq!(deleted(&*s, &main, 3, at(5)).await, [3]);

    // Job 1 is gone; what it deployed still goes live again.
    let gone = crate::create(&*s, &main.app, &main.name, &retry(1), at(6)).await;
    assert!(matches!(gone, Err(ExecuteError::NoJob)));
    redeployed(&*s, &main, 4, at(6)).await;
    assert_eq!(deleted(&*s, &main, 4, at(7)).await, [4]);
    let waits = make(&*s, &main, retry(5), at(8)).await;
    assert!(matches!(make_refused(&*s, &main, retry(5), at(8)).await, Rejection::BranchBusy { .. }));
    stop(&*s, waits.key(), at(8)).await;
    deployed(&*s, &main, at(9)).await;
    assert_eq!(deleted(&*s, &main, 5, at(10)).await, [5], "job 6 would deploy what was kept for job 1");
    assert_eq!(deleted(&*s, &main, 6, at(10)).await, [6, 1]);
    everything(&*s).await;
}

pub async fn a_job_that_has_changed_is_not_deleted(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let gone = broken(&*s, &main, at(0)).await;
    let held = running(&*s, &main, at(1), "a").await;
    let branch = held.branch;
    let (version, after) = (branch.branch_version, branch.branch.delete(&gone.job).unwrap());
    let before = everything(&*s).await;
    for seq in [0, gone.job.seq() - 1, gone.job.seq() + 1] {
        conflict(s.delete_job(gone.key(), seq, (version, after.clone())).await);
    }
    for version in [version - 1, version + 1] {
        conflict(s.delete_job(gone.key(), gone.job.seq(), (version, after.clone())).await);
    }
    let none = JobKey { job: JobId::new(9), ..gone.key() };
    conflict(s.delete_job(none, gone.job.seq(), (version, after.clone())).await);
    assert_eq!(everything(&*s).await, before);
    assert!(!s.delete_job(gone.key(), gone.job.seq(), (version, after)).await.unwrap());
    everything(&*s).await;
}

/// Deletes a job, and answers the numbers of those whose bytes nobody needs any more.
async fn deleted(s: &dyn Store, on: &StoredBranch, job: u64, now: DateTime<Utc>) -> Vec<u64> {
    let key = JobKey { branch: on.uid, job: JobId::new(job) };
    let (_, garbage) = delete_job(s, Address::Key(key), now).await.unwrap().unwrap();
    assert!(garbage.iter().all(|garbage| garbage.branch == on.uid));
    garbage.into_iter().map(|garbage| garbage.job.get()).collect()
}
