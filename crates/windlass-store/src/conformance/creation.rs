//! Questions about making jobs: where there is room, what a retry deploys, where a push goes.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use windlass::{
    Artifact, Command, FileSlot, JobId, JobStatus, JobType, Rejection, Report, Source, SourceUrlType, Uploads,
};

use super::setting::{
    at, branch, branch_name, broken, claim, commit_named, deployed, everything, failed, files, job, lease, make,
    make_refused, obeyed, own_artifact, push, redeployed, refused, release, report, retry, running, stop, upload, url,
    zip,
};
use crate::{ExecuteError, Store, create};

pub async fn a_branch_takes_one_job_at_a_time(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let busy = Rejection::BranchBusy { job: made.job.id() };
    assert_eq!(make_refused(&*s, &main, url(), at(1)).await, busy);
    obeyed(&*s, made.key(), &[upload(0, 7), Command::Start], at(2)).await;
    assert_eq!(make_refused(&*s, &main, url(), at(2)).await, busy);
    let held = claim(&*s, made.key(), at(3), lease("a", at(9))).await;
    assert_eq!(make_refused(&*s, &main, url(), at(3)).await, busy);
    obeyed(&*s, made.key(), &[failed(&held.job)], at(4)).await;
    assert_eq!(make(&*s, &main, url(), at(4)).await.job.id(), JobId::new(2));

    let none = create(&*s, &main.app, &branch_name("none"), &url(), at(0)).await;
    assert!(matches!(none, Err(ExecuteError::NoBranch)));
    everything(&*s).await;
}

pub async fn a_job_that_is_overdue_makes_room(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let old = make(&*s, &main, zip(), at(0)).await;
    let eight_hours = at(8 * 60);
    let just_before = eight_hours - chrono::TimeDelta::milliseconds(1);
    assert_eq!(make_refused(&*s, &main, zip(), just_before).await, Rejection::BranchBusy { job: old.job.id() });
    let new = make(&*s, &main, zip(), eight_hours).await;
    assert_eq!((new.job.id(), new.job.status()), (JobId::new(2), JobStatus::Created));
    let old = job(&*s, old.key()).await;
    assert_eq!((old.status(), old.ended()), (JobStatus::Failed, Some(eight_hours)));
    everything(&*s).await;
}

pub async fn a_stop_makes_room_at_once(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let held = running(&*s, &main, at(0), "a").await;
    assert_eq!(stop(&*s, held.key(), at(1)).await.job.status(), JobStatus::Cancelling);
    let next = make(&*s, &main, url(), at(1)).await;
    let busy = Rejection::BranchBusy { job: held.job.id() };
    assert_eq!(refused(&*s, next.key(), &[Command::Claim], at(1)).await, busy);
    obeyed(&*s, held.key(), &[report(&held.job, Report::Stopped)], at(1)).await;
    claim(&*s, next.key(), at(1), lease("a", at(9))).await;
    everything(&*s).await;
}

pub async fn a_success_is_retried_from_its_artifact(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let first = deployed(&*s, &main, at(0)).await;
    deployed(&*s, &main, at(1)).await;
    let again = redeployed(&*s, &main, 1, at(2)).await.job;
    assert_eq!((again.job_type(), again.birth().retries), (JobType::Retry, Some(JobId::FIRST)));
    assert_eq!(again.birth().job_reason.as_deref(), Some("once more"));
    assert_eq!(again.content_of(), JobId::FIRST);
    // A retry of a retry deploys what the first one did.
    let third = make(&*s, &main, retry(3), at(3)).await.job;
    assert_eq!(third.birth().source, Source::Artifact(own_artifact(&first.job)));
    everything(&*s).await;
}

pub async fn a_failure_is_retried_from_what_was_uploaded(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let zipped = make(&*s, &main, zip(), at(0)).await;
    obeyed(&*s, zipped.key(), &[upload(0, 7), Command::Start], at(0)).await;
    let held = claim(&*s, zipped.key(), at(0), lease("a", at(9))).await;
    obeyed(&*s, zipped.key(), &[failed(&held.job)], at(1)).await;
    let again = make(&*s, &main, retry(1), at(2)).await;
    let uploads = Uploads::Zip(Some(7));
    assert_eq!(again.job.birth().source, Source::UploadOf { job: JobId::FIRST, uploads, files: [].into() });
    assert_eq!(again.job.status(), JobStatus::Pending);
    stop(&*s, again.key(), at(2)).await;

    let mapped = make(&*s, &main, files(2), at(3)).await;
    obeyed(&*s, mapped.key(), &[upload(0, 1), upload(1, 1), Command::Start], at(3)).await;
    stop(&*s, mapped.key(), at(4)).await;
    let again = make(&*s, &main, retry(3), at(5)).await;
    let slot = |n| FileSlot { path: format!("{n}.html").into(), md5: [n; 16] };
    let (uploads, files) = (Uploads::Files([0b11].into()), [slot(0), slot(1)].into());
    assert_eq!(again.job.birth().source, Source::UploadOf { job: JobId::new(3), uploads, files });
    assert_eq!(job(&*s, again.key()).await, again.job);
    everything(&*s).await;
}

pub async fn a_failed_fetch_is_retried_from_its_url(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    broken(&*s, &main, at(0)).await;
    let again = make(&*s, &main, retry(1), at(1)).await.job;
    let url = "https://example.com/site.zip".into();
    assert_eq!(again.birth().source, Source::Url { url, url_type: SourceUrlType::Zip });
    assert_eq!(again.content_of(), again.id());
}

pub async fn a_failed_build_is_retried_from_its_commit(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, release("abc"), at(0)).await;
    let held = claim(&*s, made.key(), at(0), lease("a", at(9))).await;
    obeyed(&*s, made.key(), &[failed(&held.job)], at(1)).await;
    let again = make(&*s, &main, retry(1), at(2)).await.job;
    assert_eq!((&again.birth().source, again.commit()), (&Source::Repository, Some(&commit_named("abc"))));
    assert_eq!(again.status(), JobStatus::Pending);
}

pub async fn what_has_not_ended_or_never_arrived_is_not_retried(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let held = running(&*s, &main, at(0), "a").await;
    let not_ended = Rejection::NotEnded { job: held.job.id(), status: JobStatus::Running };
    assert_eq!(make_refused(&*s, &main, retry(1), at(1)).await, not_ended);
    obeyed(&*s, held.key(), &[failed(&held.job)], at(1)).await;

    let empty = make(&*s, &main, zip(), at(2)).await;
    stop(&*s, empty.key(), at(2)).await;
    let nothing = Rejection::NothingToRetry { job: empty.job.id() };
    assert_eq!(make_refused(&*s, &main, retry(2), at(3)).await, nothing);
    let none = create(&*s, &main.app, &main.name, &retry(9), at(3)).await;
    assert!(matches!(none, Err(ExecuteError::NoJob)));
    everything(&*s).await;
}

pub async fn a_push_waits_behind_the_job_that_works(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let first = make(&*s, &main, push("abc"), at(0)).await;
    assert_eq!((first.job.id(), first.job.commit()), (JobId::FIRST, Some(&commit_named("abc"))));
    let held = claim(&*s, first.key(), at(1), lease("a", at(9))).await;
    let second = make(&*s, &main, push("def"), at(2)).await;
    assert_eq!((second.job.id(), second.job.status()), (JobId::new(2), JobStatus::Pending));
    assert!(s.work(at(2), 10).await.unwrap().candidates.is_empty(), "two jobs of a branch would be in work");
    let live = report(&held.job, Report::Succeeded { artifact: Artifact { job: held.job.id(), object: 1 } });
    obeyed(&*s, first.key(), &[report(&held.job, Report::Provisioned), live], at(3)).await;
    claim(&*s, second.key(), at(3), lease("a", at(9))).await;
    everything(&*s).await;
}

pub async fn a_push_takes_the_place_of_the_one_that_waits(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let waits = make(&*s, &main, push("abc"), at(0)).await;
    for commit in ["def", "ghi"] {
        let replaced = make(&*s, &main, push(commit), at(1)).await;
        assert_eq!(replaced.key(), waits.key());
        assert_eq!(job(&*s, waits.key()).await.commit(), Some(&commit_named(commit)));
    }
    assert_eq!(s.history(waits.key()).await.unwrap().len(), 4, "what was replaced is not recorded");
    everything(&*s).await;
}

pub async fn a_push_does_not_take_the_place_of_an_upload(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let waits = make(&*s, &main, zip(), at(0)).await;
    let before = everything(&*s).await;
    let busy = Rejection::BranchBusy { job: waits.job.id() };
    assert_eq!(make_refused(&*s, &main, push("abc"), at(1)).await, busy);
    assert_eq!(everything(&*s).await, before);
}
