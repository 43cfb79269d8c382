//! Questions about jobs, their histories, and what is stored of a command.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use chrono::TimeDelta;
use windlass::{Artifact, Command, EventKind, JobId, JobStatus, Rejection, Report, StepName};

use super::everything::all;
use super::setting::{
    app_id, at, branch, branch_name, broken, claim, commit_named, conflict, deployed, everything, failed, files, job,
    lease, make, obeyed, own_artifact, push, redeployed, release, report, running, stop, succeed, upload, url, zip,
};
use crate::{Address, Append, BranchUid, ExecuteError, Executed, Extras, JobKey, Notice, Store, StoredBranch, execute};

pub async fn a_job_is_read_by_key_and_by_name(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let Executed { branch, job, .. } = make(&*s, &main, zip(), at(0)).await;
    let key = JobKey { branch: main.uid, job: JobId::FIRST };
    assert_eq!(s.job(key).await.unwrap().as_ref(), Some(&job));
    assert_eq!(s.branch_by_uid(main.uid).await.unwrap().as_ref(), Some(&branch));
    let named = s.named_job(&main.app, &main.name, JobId::FIRST).await.unwrap();
    assert_eq!(named, Some((Arc::new(branch), Some(Arc::new(job)))));
}

pub async fn what_is_not_there_is_not_found(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let other = make(&*s, &branch(&*s, "d1", "other").await, zip(), at(0)).await;
    let none = JobId::new(7);
    for key in [JobKey { branch: main.uid, job: none }, JobKey { branch: BranchUid(1 << 40), job: other.job.id() }] {
        assert_eq!(s.job(key).await.unwrap(), None);
        assert!(s.history(key).await.unwrap().is_empty());
    }
    assert_eq!(s.named_job(&main.app, &main.name, none).await.unwrap(), Some((Arc::new(main.clone()), None)));
    assert_eq!(s.named_job(&main.app, &branch_name("none"), none).await.unwrap(), None);
    assert_eq!(s.named_job(&app_id("d2"), &main.name, none).await.unwrap(), None);
    assert_eq!(s.branch_by_uid(BranchUid(1 << 40)).await.unwrap(), None);
    assert!(s.jobs(main.uid, None, 10).await.unwrap().items.is_empty());

    let (no_branch, extras) = (branch_name("none"), Extras::default);
    let command = [Command::Expire];
    let by_name = execute(&*s, Address::Name(&main.app, &main.name, none), &command, at(0), extras()).await;
    assert!(matches!(by_name, Err(ExecuteError::NoJob)));
    let by_name = execute(&*s, Address::Name(&main.app, &no_branch, none), &command, at(0), extras()).await;
    assert!(matches!(by_name, Err(ExecuteError::NoBranch)));
    let key = JobKey { branch: main.uid, job: none };
    let by_key = execute(&*s, Address::Key(key), &command, at(0), extras()).await;
    assert!(matches!(by_key, Err(ExecuteError::NoJob)));
}

pub async fn a_job_that_was_seen_before_is_loaded_again_where_it_has_changed(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let seen = running(&*s, &main, at(0), "a").await;
    let execute = async |seen: &Executed, command: Command| {
        let address = Address::Seen(&seen.branch, &seen.job);
        execute(&*s, address, &[command], at(1), Extras::default()).await
    };
    // It is as it was.
    let done = execute(&seen, report(&seen.job, Report::Provisioned)).await.unwrap();
    assert_eq!(done.answer, Ok(()));
    assert_eq!((done.job, done.branch), (job(&*s, seen.key()).await, branch_now(&*s, &main).await));
    // It has moved on, and would not have done this before.
    let ends = report(&seen.job, Report::StepStarted(StepName::Deploy));
    let begun = execute(&seen, ends.clone()).await.unwrap();
    assert_eq!(begun.answer, Ok(()));
    // It was stopped: what the runner says of its end comes too late.
    stop(&*s, seen.key(), at(1)).await;
    let late =
        execute(&begun, report(&seen.job, Report::Succeeded { artifact: own_artifact(&seen.job) })).await.unwrap();
    assert!(late.answer.is_err(), "{late:?}");
    assert_eq!(late.job.status(), JobStatus::Cancelling);
    let stopped = execute(&begun, report(&seen.job, Report::Stopped)).await.unwrap();
    assert_eq!((stopped.answer, stopped.job.status()), (Ok(()), JobStatus::Cancelled));
    assert_eq!(branch_now(&*s, &main).await.branch.live(), None);
    // What is refused of what was seen, and not of what there is, is obeyed.
    let made = make(&*s, &main, zip(), at(1)).await;
    obeyed(&*s, made.key(), &[upload(0, 7)], at(1)).await;
    let started = execute(&made, Command::Start).await.unwrap();
    assert_eq!((started.answer.clone(), started.job.status()), (Ok(()), JobStatus::Pending));
    // It is no more.
    stop(&*s, made.key(), at(2)).await;
    crate::delete_job(&*s, Address::Seen(&made.branch, &made.job), at(2)).await.unwrap().unwrap();
    assert!(matches!(execute(&started, Command::Expire).await, Err(ExecuteError::NoJob)));
    s.delete_branch(main.uid).await.unwrap();
    assert!(matches!(execute(&begun, Command::Expire).await, Err(ExecuteError::NoBranch)));
}

async fn branch_now(s: &dyn Store, on: &StoredBranch) -> StoredBranch {
    s.branch_by_uid(on.uid).await.unwrap().unwrap()
}

pub async fn jobs_are_listed_newest_first(s: Arc<dyn Store>) {
    let (main, other) = (branch(&*s, "d1", "main").await, branch(&*s, "d1", "other").await);
    make(&*s, &other, zip(), at(0)).await;
    for number in 1..=101 {
        let made = make(&*s, &main, zip(), at(number)).await;
        stop(&*s, made.key(), at(number)).await;
    }
    let expected: Vec<_> = (1..=101).rev().map(JobId::new).collect();
    for size in [1, 2, 10, 50, 100, 101, 102, usize::MAX] {
        let found = all(async |from| {
            let page = s.jobs(main.uid, from, size).await?;
            assert!(page.items.len() == size || page.next.is_none(), "a page of {size} is not full");
            Ok(page)
        });
        let found: Vec<_> = found.await.unwrap().into_iter().map(|job| job.id()).collect();
        assert_eq!(found, expected, "in pages of {size}");
    }
    assert_eq!(s.jobs(main.uid, None, 101).await.unwrap().next, None, "a full last page leads to an empty one");
}

pub async fn a_list_of_jobs_goes_on_where_it_stopped(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    for number in 1..=9 {
        broken(&*s, &main, at(number)).await;
    }
    let first = s.jobs(main.uid, None, 4).await.unwrap();
    for number in [6, 5, 3] {
        let key = JobKey { branch: main.uid, job: JobId::new(number) };
        crate::delete_job(&*s, Address::Key(key), at(10)).await.unwrap().unwrap();
    }
    make(&*s, &main, zip(), at(10)).await;
    let rest = all(async |from| s.jobs(main.uid, from.or(first.next), 2).await).await.unwrap();
    let rest: Vec<_> = rest.into_iter().map(|job| job.id().get()).collect();
    assert_eq!(rest, [4, 2, 1]);
}

pub async fn every_row_is_what_its_history_makes_of_it(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let uploaded = make(&*s, &main, zip(), at(0)).await;
    obeyed(&*s, uploaded.key(), &[upload(0, 7)], at(1)).await;
    obeyed(&*s, uploaded.key(), &[upload(0, 8), Command::Start], at(2)).await;
    let held = claim(&*s, uploaded.key(), at(3), lease("a", at(5))).await;
    succeed(&*s, &held, Artifact { job: held.job.id(), object: 8 }, at(4)).await;

    let many = make(&*s, &main, files(70), at(5)).await;
    for slot in (0..70).rev() {
        obeyed(&*s, many.key(), &[upload(slot, 1)], at(5)).await;
    }
    obeyed(&*s, many.key(), &[Command::Start], at(6)).await;
    stop(&*s, many.key(), at(7)).await;

    let build = make(&*s, &main, release("abc"), at(10)).await;
    let held = claim(&*s, build.key(), at(11), lease("a", at(12))).await;
    let taken = obeyed(&*s, build.key(), &[Command::Reclaim { attempt: held.job.attempt() }], at(12)).await;
    for said in [
        Report::Provisioned,
        Report::Resolved { commit: commit_named("abcdef").into() },
        Report::StepStarted(StepName::Build),
        Report::StepEnded(StepName::Build),
        Report::StepStarted(StepName::Deploy),
    ] {
        obeyed(&*s, build.key(), &[report(&taken.job, said)], at(13)).await;
    }
    make(&*s, &main, push("def"), at(14)).await;
    make(&*s, &main, push("ghi"), at(15)).await;
    obeyed(&*s, build.key(), &[failed(&taken.job)], at(16)).await;

    let other = branch(&*s, "d1", "other").await;
    broken(&*s, &other, at(0)).await;
    deployed(&*s, &other, at(1)).await;
    redeployed(&*s, &other, 2, at(2)).await;
    let stopped = running(&*s, &other, at(3), "a").await;
    obeyed(&*s, stopped.key(), &[Command::Stop { by: Some("me".into()) }], at(4)).await;
    let waits = make(&*s, &other, url(), at(4)).await;
    obeyed(&*s, stopped.key(), &[Command::Expire], at(5)).await;
    obeyed(&*s, waits.key(), &[Command::Expire], at(60 * 25)).await;

    let everything = everything(&*s).await;
    let statuses: Vec<_> = everything.jobs.iter().map(|(_, job, _)| job.status()).collect();
    use JobStatus::{Cancelled, Failed, Pending, Succeed};
    assert_eq!(statuses, [Pending, Failed, Cancelled, Succeed, Failed, Cancelled, Succeed, Succeed, Failed]);
    assert_eq!(everything.jobs[0].1.commit(), Some(&commit_named("ghi")));
}

pub async fn an_append_to_a_job_that_has_changed_stores_nothing(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let fits = claim_to_come(&obeyed(&*s, made.key(), &[upload(0, 7), Command::Start], at(1)).await);
    let before = everything(&*s).await;
    // 0 would make the job a second time.
    for expected_seq in [0, 1, 2, 4, 5, u32::MAX] {
        conflict(s.append(Append { expected_seq, ..fits.clone() }).await);
        conflict(s.append(Append { expected_seq, branch: None, ..fits.clone() }).await);
    }
    assert_eq!(everything(&*s).await, before);
    assert_eq!(s.blob("rides").await.unwrap(), None);
    assert!(s.renew(&lease("a", at(9)), &[fits.key]).await.unwrap().is_empty());
    s.append(fits).await.unwrap();
    everything(&*s).await;
}

pub async fn an_append_to_a_branch_that_has_changed_stores_nothing(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let fits = claim_to_come(&make(&*s, &main, url(), at(0)).await);
    let before = everything(&*s).await;
    let (version, after) = fits.branch.clone().unwrap();
    for version in [version - 1, version + 1, u64::MAX / 2] {
        conflict(s.append(Append { branch: Some((version, after.clone())), ..fits.clone() }).await);
    }
    assert_eq!(everything(&*s).await, before);
    assert_eq!(s.blob("rides").await.unwrap(), None);
    assert!(s.renew(&lease("a", at(9)), &[fits.key]).await.unwrap().is_empty());
    s.append(fits).await.unwrap();
    everything(&*s).await;
}

pub async fn an_append_where_there_is_nothing_stores_nothing(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let fits = claim_to_come(&make(&*s, &main, url(), at(0)).await);
    let before = everything(&*s).await;
    let elsewhere = JobKey { job: JobId::new(2), ..fits.key };
    conflict(s.append(Append { key: elsewhere, branch: None, ..fits.clone() }).await);
    let nowhere = JobKey { branch: BranchUid(1 << 40), ..fits.key };
    conflict(s.append(Append { key: nowhere, expected_seq: 0, branch: None, ..fits.clone() }).await);
    conflict(s.append(Append { key: nowhere, expected_seq: 0, ..fits }).await);
    assert_eq!(everything(&*s).await, before);
    assert_eq!(s.blob("rides").await.unwrap(), None);
}

pub async fn commands_that_come_together_are_stored_together(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let mut news = s.notices();
    let started = obeyed(&*s, made.key(), &[upload(0, 7), upload(0, 8), Command::Start], at(1)).await;
    assert_eq!((started.job.seq(), started.job.status()), (4, JobStatus::Pending));
    assert_eq!(started.branch.branch_version, made.branch.branch_version, "the branch was as it was");
    assert_eq!(news.try_recv(), Ok(Notice { key: made.key(), status: JobStatus::Pending }));
    assert!(news.try_recv().is_err(), "there was more than one commit");
    everything(&*s).await;
}

pub async fn a_command_that_changes_nothing_stores_nothing(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let held = running(&*s, &main, at(0), "a").await;
    let stopping = stop(&*s, held.key(), at(1)).await;
    let before = everything(&*s).await;
    let mut news = s.notices();
    let again = obeyed(&*s, held.key(), &[Command::Stop { by: Some("me".into()) }, Command::Expire], at(1)).await;
    assert_eq!((again.job, again.branch), (stopping.job, stopping.branch));
    assert_eq!(everything(&*s).await, before);
    assert!(news.try_recv().is_err());
}

pub async fn time_has_its_way_even_where_the_command_is_refused(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let late = at(8 * 60) + TimeDelta::seconds(1);
    let done = execute(&*s, Address::Key(made.key()), &[Command::Start], late, Extras::default()).await.unwrap();
    let illegal = Rejection::IllegalTransition { status: JobStatus::Failed, event: EventKind::Started };
    assert_eq!(done.answer, Err(illegal));
    assert_eq!(job(&*s, made.key()).await, done.job);
    assert_eq!(done.job.status(), JobStatus::Failed);
    assert_eq!(everything(&*s).await.branches[0].branch.busy(), None);
}

pub async fn a_site_shows_what_went_live_last(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "Main").await;
    let live = async || s.site(&main.app, "main").await.unwrap().unwrap().live;
    assert_eq!(live().await, None);

    let first = deployed(&*s, &main, at(1)).await;
    let shown = live().await.unwrap();
    assert_eq!((shown.job, shown.artifact, shown.since), (first.job.id(), own_artifact(&first.job), at(1)));

    deployed(&*s, &main, at(2)).await;
    broken(&*s, &main, at(3)).await;
    assert_eq!(live().await.unwrap().job, JobId::new(2));

    redeployed(&*s, &main, 1, at(4)).await;
    let shown = live().await.unwrap();
    assert_eq!((shown.job, shown.artifact, shown.since), (JobId::new(4), own_artifact(&first.job), at(4)));
}

pub async fn whoever_listens_hears_of_every_change(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let mut news = s.notices();
    let made = make(&*s, &main, zip(), at(0)).await;
    obeyed(&*s, made.key(), &[upload(0, 7), Command::Start], at(1)).await;
    let held = claim(&*s, made.key(), at(2), lease("a", at(9))).await;
    stop(&*s, made.key(), at(3)).await;
    obeyed(&*s, made.key(), &[report(&held.job, Report::Stopped)], at(3)).await;
    use JobStatus::{Cancelled, Cancelling, Created, Pending, Running};
    for status in [Created, Pending, Running, Cancelling, Cancelled] {
        assert_eq!(news.try_recv(), Ok(Notice { key: made.key(), status }));
    }
    assert!(news.try_recv().is_err());
}

/// What would be stored of the claim of a job that waits.
fn claim_to_come(waits: &Executed) -> Append {
    let change = waits.branch.branch.handle(&waits.job, &Command::Claim, at(2));
    assert_eq!(change.answer, Ok(()));
    Append {
        app: waits.branch.app.clone(),
        key: waits.key(),
        expected_seq: waits.job.seq(),
        records: change.records,
        job: change.job,
        branch: Some((waits.branch.branch_version, change.branch)),
        lease: Some(lease("a", at(9))),
        blobs: vec![("rides".into(), "along".into())],
    }
}

pub async fn the_jobs_with_a_content_are_listed_newest_first(s: Arc<dyn Store>) {
    let (main, other) = (branch(&*s, "d1", "main").await, branch(&*s, "d1", "other").await);
    deployed(&*s, &main, at(0)).await;
    deployed(&*s, &main, at(1)).await;
    deployed(&*s, &other, at(1)).await;
    for minute in 2..6 {
        redeployed(&*s, &main, 1, at(minute)).await;
    }
    let content = |branch: BranchUid, job| JobKey { branch, job: JobId::new(job) };
    for (content, expected) in [
        (content(main.uid, 1), vec![6, 5, 4, 3, 1]),
        (content(main.uid, 2), vec![2]),
        (content(main.uid, 3), vec![]),
        (content(other.uid, 1), vec![1]),
    ] {
        for size in [1, 2, 4, 5, 100] {
            let found = all(async |from| s.jobs_with(content, from, size).await).await.unwrap();
            let found: Vec<_> = found.iter().map(|job| job.id().get()).collect();
            assert_eq!(found, expected, "{content:?} in pages of {size}");
        }
    }
}
