//! Questions about what several do at once. Each is put many times over.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use windlass::{Command, JobId, JobStatus, Rejection};

use super::setting::{
    app, app_id, at, branch, branch_named, broken, claim, deployed, everything, failed, job, lease, make, obeyed,
    own_artifact, push, running, stop, succeed, upload, url, zip,
};
use crate::{
    Address, ExecuteError, Extras, JobKey, Once, Store, StoredBranch, create, create_with, delete_job, execute,
};

pub async fn two_who_make_a_job_at_once_make_one(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    for round in 1..=50 {
        let one = |s: Arc<dyn Store>, main: StoredBranch| async move {
            create(&*s, &main.app, &main.name, &url(), at(round)).await.unwrap()
        };
        let made = at_once((0..3).map(|_| one(Arc::clone(&s), main.clone()))).await;
        let key = JobKey { branch: main.uid, job: JobId::new(round.unsigned_abs()) };
        let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1, "of three at once");
        for refused in refused {
            assert_eq!(refused.unwrap_err(), Rejection::BranchBusy { job: key.job });
        }
        stop(&*s, key, at(round)).await;
    }
    assert_eq!(everything(&*s).await.jobs.len(), 50);
}

pub async fn two_who_send_the_same_request_at_once_make_one_job(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    for round in 1..=50 {
        let one = |s: Arc<dyn Store>, main: StoredBranch| async move {
            let once = Once { name: round.to_string(), request: "deploy".to_owned(), at: at(round) };
            let extras = Extras { once: Some(once), ..Extras::default() };
            create_with(&*s, &main.app, &main.name, &url(), at(round), &extras).await.unwrap()
        };
        let answers = at_once((0..3).map(|_| one(Arc::clone(&s), main.clone()))).await;
        let key = JobKey { branch: main.uid, job: JobId::new(round.unsigned_abs()) };
        for answer in answers {
            let made = answer.unwrap();
            assert_eq!((made.key(), made.job.status()), (key, JobStatus::Pending), "of three at once");
        }
        stop(&*s, key, at(round)).await;
    }
    assert_eq!(everything(&*s).await.jobs.len(), 50);
}

pub async fn two_who_claim_a_job_at_once_make_one_claim(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    for round in 1..=50 {
        let key = make(&*s, &main, url(), at(round)).await.key();
        let one = |s: Arc<dyn Store>, runner: &'static str| async move {
            let extras = Extras { lease: Some(lease(runner, at(round + 9))), ..Extras::default() };
            let done = execute(&*s, Address::Key(key), &[Command::Claim], at(round), extras).await.unwrap();
            (runner, done.answer)
        };
        let answers = at_once(["a", "b", "c"].map(|runner| one(Arc::clone(&s), runner))).await;
        assert_eq!(answers.iter().filter(|(_, answer)| answer.is_ok()).count(), 1, "of three at once");
        for (runner, answer) in answers {
            let holds = s.renew(&lease(runner, at(round + 9)), &[key]).await.unwrap().len();
            assert_eq!(holds, usize::from(answer.is_ok()), "runner {runner} was answered {answer:?}");
        }
        let held = job(&*s, key).await;
        obeyed(&*s, key, &[failed(&held)], at(round)).await;
    }
    everything(&*s).await;
}

pub async fn what_many_do_at_once_is_all_there(s: Arc<dyn Store>) {
    let mut tasks = Vec::new();
    for number in 0..12 {
        let main = branch(&*s, if number % 2 == 0 { "d1" } else { "d2" }, &format!("branch {number}")).await;
        tasks.push((Arc::clone(&s), main));
    }
    let many = |(s, on): (Arc<dyn Store>, StoredBranch)| async move {
        for round in 0..4 {
            let made = make(&*s, &on, zip(), at(round)).await;
            let name = format!("{}/{round}", on.uid);
            let extras = Extras { blobs: vec![(name.clone(), name.into())], ..Extras::default() };
            execute(&*s, Address::Key(made.key()), &[upload(0, 7)], at(round), extras).await.unwrap().answer.unwrap();
            let loaded = s.branch_by_uid(on.uid).await.unwrap().unwrap();
            s.update_branch(&StoredBranch { version: loaded.version + 1, ..loaded }).await.unwrap();
            obeyed(&*s, made.key(), &[Command::Start], at(round)).await;
            let held = claim(&*s, made.key(), at(round), lease(&on.uid.to_string(), at(99))).await;
            assert_eq!(s.renew(&lease(&on.uid.to_string(), at(100)), &[held.key()]).await.unwrap().len(), 1);
            succeed(&*s, &held, own_artifact(&held.job), at(round)).await;
        }
        on
    };
    let branches = at_once(tasks.into_iter().map(many)).await;
    let everything = everything(&*s).await;
    assert_eq!(everything.jobs.len(), 48);
    assert!(everything.jobs.iter().all(|(_, job, history)| job.status() == JobStatus::Succeed && history.len() == 6));
    assert!(everything.branches.iter().all(|branch| (branch.version, branch.branch.last()) == (5, 4)));
    for on in branches {
        for round in 0..4 {
            let name = format!("{}/{round}", on.uid);
            assert_eq!(s.blob(&name).await.unwrap(), Some(name.into()));
        }
    }
}

pub async fn a_push_is_never_refused_because_a_runner_was_quicker(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    for round in 1..=100 {
        let waits = make(&*s, &main, push("abc"), at(round)).await.key();
        let pushes = {
            let (s, main) = (Arc::clone(&s), main.clone());
            async move { make(&*s, &main, push("def"), at(round)).await }
        };
        let claims = {
            let s = Arc::clone(&s);
            async move { claim(&*s, waits, at(round), lease("a", at(round + 9))).await }
        };
        let pushed =
            at_once([Box::pin(pushes) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>, Box::pin(claims)]).await;
        let held = job(&*s, waits).await;
        obeyed(&*s, waits, &[failed(&held)], at(round)).await;
        for done in pushed.iter().filter(|done| done.key() != waits) {
            stop(&*s, done.key(), at(round)).await;
        }
    }
    everything(&*s).await;
}

pub async fn a_job_and_its_branch_are_seen_at_one_moment(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let (s, main, done) = (Arc::clone(&s), main.clone(), Arc::clone(&done));
        readers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let last = s.branch_by_uid(main.uid).await.unwrap().unwrap().branch.last();
                see(&*s, &main, JobId::new(last)).await;
                see(&*s, &main, JobId::new(last + 1)).await;
                tokio::task::yield_now().await;
            }
        });
    }
    for round in 0..40 {
        deployed(&*s, &main, at(round)).await;
        let held = running(&*s, &main, at(round), "a").await;
        stop(&*s, held.key(), at(round)).await;
        obeyed(&*s, held.key(), &[Command::Expire], at(round + 1)).await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
}

/// Looks at a job and its branch, which must agree.
async fn see(s: &dyn Store, main: &StoredBranch, id: JobId) {
    let Some((on, Some(job))) = s.named_job(&main.app, &main.name, id).await.unwrap() else { return };
    let (status, branch) = (job.status(), &on.branch);
    let waits = matches!(status, JobStatus::Created | JobStatus::Pending);
    assert_eq!(branch.waiting() == Some(id), waits, "{status}, and the branch is {branch:?}");
    let works = matches!(status, JobStatus::Provisioning | JobStatus::Running | JobStatus::Cancelling);
    assert_eq!(branch.working().is_some_and(|working| working.job == id), works, "{status}, {branch:?}");
}

pub async fn two_who_delete_a_job_at_once_delete_one(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    for round in 0..30 {
        let key = broken(&*s, &main, at(round)).await.key();
        let one = |s: Arc<dyn Store>| async move { delete_job(&*s, Address::Key(key), at(round)).await };
        let (deleted, others): (Vec<_>, Vec<_>) =
            at_once((0..3).map(|_| one(Arc::clone(&s)))).await.into_iter().partition(Result::is_ok);
        assert_eq!(deleted.len(), 1, "of three at once");
        assert!(others.iter().all(|other| matches!(other, Err(ExecuteError::NoJob))), "{others:?}");
    }
    assert_eq!(everything(&*s).await.branches[0].branch.jobs(), 0);
}

pub async fn branches_made_at_once_have_labels_of_their_own(s: Arc<dyn Store>) {
    app(&*s, "d1").await;
    let names = ["x", "X", "x/", "x.", "x-", "x_", "/x", ".x", "-x", "_x", "x-2", "x-3", "x-9", "x-12"];
    let one = |s: Arc<dyn Store>, name: &'static str| async move {
        s.create_branch(&branch_named("d1", name)).await.unwrap()
    };
    let made = at_once(names.map(|name| one(Arc::clone(&s), name))).await;
    let labels: BTreeSet<_> = made.iter().map(|branch| &branch.label).collect();
    assert_eq!(labels.len(), names.len());
    for on in &made {
        assert_eq!(s.site(&app_id("d1"), &on.label).await.unwrap().unwrap().branch, on.uid);
    }
}

/// Does all of it at once, and answers in their order.
pub(super) async fn at_once<F: Future<Output: Send> + Send + 'static>(
    tasks: impl IntoIterator<Item = F>,
) -> Vec<F::Output> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    let all_there = Arc::new(Barrier::new(tasks.len()));
    let begun: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let all_there = Arc::clone(&all_there);
            tokio::spawn(async move {
                all_there.wait().await;
                task.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(begun.len());
    for task in begun {
        answers.push(task.await.unwrap());
    }
    answers
}
