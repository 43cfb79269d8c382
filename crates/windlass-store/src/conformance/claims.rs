//! Questions about who is given which job.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use windlass::{Attempt, Command, JobStatus, Rejection, Report, StepName};

use super::races::at_once;
use super::setting::{
    at, branch, claim as claim_one, everything, job, lease, make, obeyed, push, refused, release, report, stop, url,
};
use super::{Everything, check_happenings};
use crate::{Address, Claims, Executed, Extras, JobKey, Notice, Store, StoredBranch, claim, execute};

pub async fn a_job_that_is_claimed_is_held_and_its_first_step_begun(s: Arc<dyn Store>) {
    let deploys = waits(&*s, "d1", "deploys", 0).await;
    let built = make(&*s, &branch(&*s, "d1", "built").await, release("abc"), at(1)).await.key();
    let mut news = s.notices();
    let claimed = claim(&*s, &claims("a", at(2), 5, 5)).await.unwrap();
    assert_eq!(keys(&claimed), [deploys, built]);
    for (claimed, step) in claimed.iter().zip([StepName::Deploy, StepName::Build]) {
        assert_eq!((claimed.job.status(), claimed.job.attempt()), (JobStatus::Running, Attempt::new(1)));
        assert_eq!(claimed.job.steps().last().map(|(step, _)| step), Some(step));
        assert_eq!(claimed.job, job(&*s, claimed.key()).await, "it is not what is stored");
        assert_eq!(claimed.branch, s.branch_by_uid(claimed.branch.uid).await.unwrap().unwrap());
        assert_eq!(news.recv().await.unwrap(), Notice { key: claimed.key(), status: JobStatus::Running });
    }
    assert_eq!(s.renew(&lease("a", at(20)), &[deploys, built]).await.unwrap().len(), 2);
    assert_eq!(s.work(at(19), 9).await.unwrap().working, [(claimed[0].branch.app.clone(), 2)]);
    everything(&*s).await;
}

pub async fn a_runner_is_given_no_more_than_it_has_room_for(s: Arc<dyn Store>) {
    let mut waiting = Vec::new();
    for minute in 0..4 {
        waiting.push(waits(&*s, "d1", &format!("{minute}"), minute).await);
    }
    for room in [0, 1, 2, 5] {
        let claimed = keys(&claim(&*s, &claims("a", at(4), room, 9)).await.unwrap());
        assert_eq!(claimed, waiting.drain(..room.min(waiting.len())).collect::<Vec<_>>(), "room for {room}");
    }
    assert_eq!(claim(&*s, &claims("a", at(4), 9, 9)).await.unwrap().len(), 0);
}

pub async fn no_more_are_in_work_than_may_be_however_many_claim_at_once(s: Arc<dyn Store>) {
    for n in 0..12 {
        waits(&*s, &format!("d{}", n % 3), &format!("{n}"), n).await;
    }
    for (round, expected) in [(0, 5), (1, 0), (2, 2)] {
        if round == 2 {
            // Two end, and make room for as many.
            for candidate in s.work(at(99), 2).await.unwrap().candidates.iter().filter(|candidate| candidate.lost) {
                stop(&*s, candidate.key, at(20)).await;
                obeyed(&*s, candidate.key, &[Command::Expire], at(21)).await;
            }
        }
        let one = |s: Arc<dyn Store>, n: i32| async move {
            claim(&*s, &claims(&format!("{n}"), at(20), 3, 5)).await.unwrap()
        };
        let claimed = at_once((0..6).map(|n| one(Arc::clone(&s), n))).await;
        let claimed: Vec<_> = claimed.iter().flat_map(|claimed| keys(claimed)).collect();
        assert_eq!(claimed.len(), expected, "in round {round}");
        assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), expected, "one was given twice in round {round}");
        let working = s.work(at(20), 0).await.unwrap().working;
        assert_eq!(working.iter().map(|(_, count)| count).sum::<u64>(), 5, "{working:?} in round {round}");
    }
    everything(&*s).await;
}

pub async fn an_app_with_many_jobs_keeps_no_other_waiting(s: Arc<dyn Store>) {
    let mut busy = Vec::new();
    for minute in 0..40 {
        busy.push(waits(&*s, "d1", &format!("{minute}"), minute).await);
    }
    let quiet = waits(&*s, "d2", "main", 50).await;
    let given = keys(&claim(&*s, &claims("a", at(60), 1, 9)).await.unwrap());
    assert_eq!(given, [busy[0]], "of two apps with nothing in work, the one that waits longer");
    let mut given = keys(&claim(&*s, &claims("b", at(60), 3, 9)).await.unwrap());
    given.sort_unstable();
    assert_eq!(given, [busy[1], busy[2], quiet]);
    let alone = waits(&*s, "d2", "other", 61).await;
    // Both are for whoever has the fewest, and d2 has one to d1's three.
    assert_eq!(keys(&claim(&*s, &claims("b", at(62), 1, 9)).await.unwrap()), [alone]);
}

pub async fn what_was_lost_is_given_first(s: Arc<dyn Store>) {
    let lost = waits(&*s, "d1", "lost", 5).await;
    claim(&*s, &claims("a", at(5), 1, 1)).await.unwrap();
    let (waits, renewed) = (waits(&*s, "d2", "waits", 0).await, lease("a", at(30)));
    assert_eq!(claim(&*s, &claims("b", at(14), 1, 1)).await.unwrap().len(), 0, "it is held still");
    let claimed = claim(&*s, &claims("b", at(15), 1, 1)).await.unwrap();
    assert_eq!((keys(&claimed), claimed[0].job.attempt()), (vec![lost], Attempt::new(2)));
    assert_eq!(s.renew(&renewed, &[lost]).await.unwrap(), []);
    let late = Command::Report { attempt: Attempt::new(1), report: Report::StepEnded(StepName::Deploy) };
    refused(&*s, lost, &[late], at(16)).await;
    assert_eq!(keys(&claim(&*s, &claims("c", at(17), 2, 2)).await.unwrap()), [waits]);
    everything(&*s).await;
}

pub async fn a_runner_is_not_given_what_it_has_in_hand(s: Arc<dyn Store>) {
    let (lost, waits) = (waits(&*s, "d1", "lost", 0).await, waits(&*s, "d1", "waits", 1).await);
    claim(&*s, &claims("a", at(2), 1, 9)).await.unwrap();
    // Its hold has lapsed, and it works all the same, so that it counts.
    let again = |concurrent| Claims { in_hand: vec![lost], ..claims("a", at(30), 9, concurrent) };
    assert_eq!(claim(&*s, &again(1)).await.unwrap().len(), 0);
    assert_eq!(keys(&claim(&*s, &again(2)).await.unwrap()), [waits]);
    assert_eq!(job(&*s, lost).await.attempt(), Attempt::new(1));
}

pub async fn a_job_that_is_lost_too_often_ends_and_makes_room(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let lost = make(&*s, &main, release("abc"), at(0)).await.key();
    for round in 1..=3 {
        let claimed = claim(&*s, &claims("a", at(round * 10), 1, 1)).await.unwrap();
        assert_eq!((keys(&claimed), claimed[0].job.status()), (vec![lost], JobStatus::Running), "time {round}");
    }
    let next = waits(&*s, "d2", "next", 40).await;
    let claimed = claim(&*s, &claims("a", at(40), 1, 1)).await.unwrap();
    let became = |of| claimed.iter().find(|claimed| claimed.key() == of).map(|claimed| claimed.job.status());
    assert_eq!((became(lost), became(next)), (Some(JobStatus::Failed), Some(JobStatus::Running)));
    assert_eq!(s.renew(&lease("a", at(90)), &[lost, next]).await.unwrap().len(), 1);
    everything(&*s).await;
}

pub async fn a_job_whose_time_is_up_ends_and_makes_room(s: Arc<dyn Store>) {
    let overdue = waits(&*s, "d1", "overdue", 0).await;
    let now = 24 * 60;
    let next = waits(&*s, "d1", "next", now - 1).await;
    let claimed = claim(&*s, &claims("a", at(now), 1, 1)).await.unwrap();
    let became = |of| claimed.iter().find(|claimed| claimed.key() == of).map(|claimed| claimed.job.status());
    assert_eq!((became(overdue), became(next)), (Some(JobStatus::Failed), Some(JobStatus::Running)));
    assert!(claimed.iter().any(|claimed| claimed.answer.is_err()));
    assert_eq!(s.renew(&lease("a", at(now)), &[overdue]).await.unwrap(), [], "a hold came with its end");
    everything(&*s).await;
}

pub async fn a_claim_that_is_refused_leaves_nothing_behind(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let held = make(&*s, &main, url(), at(0)).await.key();
    claim_one(&*s, held, at(0), lease("b", at(20))).await;
    let behind = make(&*s, &main, push("abc"), at(1)).await.key();
    let waits = waits(&*s, "d2", "other", 2).await;
    let (before, mut news) = (everything(&*s).await, s.notices());
    // There is no room in the account, and then none on the branch.
    assert_eq!(claim(&*s, &claims("a", at(3), 9, 1)).await.unwrap().len(), 0);
    stop(&*s, waits, at(3)).await;
    assert_eq!(claim(&*s, &claims("a", at(3), 9, 9)).await.unwrap().len(), 0);
    let after = everything(&*s).await;
    let untouched = |key: JobKey| {
        let of = |all: &Everything| all.jobs.iter().find(|(other, ..)| *other == key).cloned();
        assert_eq!(of(&before), of(&after));
    };
    untouched(held);
    untouched(behind);
    assert_eq!(news.recv().await.unwrap(), Notice { key: waits, status: JobStatus::Cancelled });
    assert!(news.try_recv().is_err());
}

pub async fn the_jobs_of_a_branch_never_overlap_whoever_claims(s: Arc<dyn Store>) {
    let branches = [branch(&*s, "d1", "1").await, branch(&*s, "d1", "2").await, branch(&*s, "d2", "3").await];
    for round in 1..=30 {
        for on in &branches {
            // The one that works, and one behind it.
            make(&*s, on, push("abc"), at(round)).await;
        }
        let one = |s: Arc<dyn Store>, n: i64| async move {
            let runner = format!("{n}");
            let claimed = claim(&*s, &claims(&runner, at(round), 2, 3)).await.unwrap();
            for claimed in &claimed {
                let end = if n % 2 == 0 { Report::Failed { reason: "it did".into() } } else { Report::Stopped };
                match obey(&*s, claimed, end, at(round)).await {
                    Ok(()) => {}
                    // What nobody stopped cannot report that it has stopped: then it fails.
                    Err(_) => obey(&*s, claimed, Report::Failed { reason: "it did".into() }, at(round)).await.unwrap(),
                }
            }
            claimed.len()
        };
        let again = |s: Arc<dyn Store>, on: StoredBranch| async move {
            make(&*s, &on, push("def"), at(round)).await;
            0
        };
        let mut tasks: Vec<Pin<Box<dyn Future<Output = usize> + Send>>> = Vec::new();
        for n in 0..4 {
            tasks.push(Box::pin(one(Arc::clone(&s), n)));
        }
        for on in &branches {
            tasks.push(Box::pin(again(Arc::clone(&s), on.clone())));
        }
        at_once(tasks).await;
        // Whatever waits still is left for the next round.
    }
    check_happenings(&*s).await;
    everything(&*s).await;
}

async fn obey(s: &dyn Store, of: &Executed, end: Report, now: DateTime<Utc>) -> Result<(), Rejection> {
    let reported = [report(&of.job, end)];
    execute(s, Address::Key(of.key()), &reported, now, Extras::default()).await.unwrap().answer
}

pub async fn a_job_is_claimed_or_stopped_when_both_come_at_once(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    for round in 1..=40 {
        let key = make(&*s, &main, url(), at(round)).await.key();
        let claims = {
            let s = Arc::clone(&s);
            async move { claim(&*s, &claims("a", at(round), 1, 1)).await.unwrap().len() }
        };
        let stops = {
            let s = Arc::clone(&s);
            async move {
                stop(&*s, key, at(round)).await;
                0
            }
        };
        let claimed: usize = at_once([Box::pin(claims) as Pin<Box<dyn Future<Output = _> + Send>>, Box::pin(stops)])
            .await
            .into_iter()
            .sum();
        let stopped = job(&*s, key).await;
        let expected = if claimed == 1 { JobStatus::Cancelling } else { JobStatus::Cancelled };
        assert_eq!(stopped.status(), expected, "with {claimed} claims");
        obeyed(&*s, key, &[Command::Expire], at(round + 1)).await;
    }
    everything(&*s).await;
}

/// Runner `runner` asks at this time for a hold of ten minutes.
fn claims(runner: &str, now: DateTime<Utc>, room: usize, concurrent: u64) -> Claims {
    let until = now + TimeDelta::minutes(10);
    Claims { lease: lease(runner, until), room, in_hand: Vec::new(), concurrent, now }
}

/// A job that waits for a runner since so many minutes, on a branch of its own.
async fn waits(s: &dyn Store, app: &str, name: &str, minute: i64) -> JobKey {
    make(s, &branch(s, app, name).await, url(), at(minute)).await.key()
}

fn keys(claimed: &[Executed]) -> Vec<JobKey> {
    claimed.iter().map(Executed::key).collect()
}
