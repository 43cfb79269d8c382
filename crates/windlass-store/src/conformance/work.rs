//! Questions about what there is to do: what is due, what waits, who holds what.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use windlass::{Command, JobStatus, Report};

use super::setting::{
    at, branch, claim, everything, failed, lease, make, obeyed, push, release, report, running, stop, upload, url, zip,
};
use crate::{Address, Candidate, Executed, Extras, JobKey, Notice, Store, execute};

pub async fn a_job_is_due_from_its_deadline_on(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let deadline = at(8 * 60);
    assert_eq!(made.job.deadline().map(|deadline| deadline.at), Some(deadline));
    let just_before = deadline - TimeDelta::milliseconds(1);
    assert_eq!(s.due(just_before, 10).await.unwrap(), []);
    assert_eq!(s.due(deadline, 10).await.unwrap(), [made.key()]);
    obeyed(&*s, made.key(), &[Command::Expire], deadline).await;
    assert_eq!(s.due(at(1000), 10).await.unwrap(), []);
}

pub async fn what_is_longest_overdue_comes_first(s: Arc<dyn Store>) {
    let mut keys = Vec::new();
    for minute in [3, 1, 4, 2, 5] {
        let on = branch(&*s, "d1", &format!("at {minute}")).await;
        keys.push((minute, make(&*s, &on, zip(), at(minute)).await.key()));
    }
    keys.sort_unstable();
    let keys: Vec<_> = keys.into_iter().map(|(_, key)| key).collect();
    for limit in [0, 1, 2, 4, 5, 9, usize::MAX] {
        assert_eq!(s.due(at(8 * 60 + 4), limit).await.unwrap(), keys[..limit.min(4)], "at most {limit}");
    }
}

pub async fn the_deadline_follows_the_status(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let due_in = async |from: DateTime<Utc>, limit: TimeDelta| {
        assert_eq!(s.due(from + limit - TimeDelta::milliseconds(1), 10).await.unwrap(), []);
        assert_eq!(s.due(from + limit, 10).await.unwrap(), [made.key()]);
    };
    obeyed(&*s, made.key(), &[upload(0, 7), Command::Start], at(1)).await;
    due_in(at(1), TimeDelta::hours(24)).await;
    claim(&*s, made.key(), at(2), lease("a", at(9))).await;
    due_in(at(2), TimeDelta::minutes(30)).await;
    stop(&*s, made.key(), at(3)).await;
    due_in(at(3), TimeDelta::seconds(10)).await;
}

pub async fn jobs_wait_only_where_nothing_works(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    make(&*s, &branch(&*s, "d1", "created").await, zip(), at(0)).await;
    let held = running(&*s, &main, at(0), "a").await;
    let behind = make(&*s, &main, push("abc"), at(1)).await;
    assert_eq!(candidates(&*s, at(1), 10).await, []);
    stop(&*s, held.key(), at(2)).await;
    assert_eq!(candidates(&*s, at(2), 10).await, []);
    obeyed(&*s, held.key(), &[report(&held.job, Report::Stopped)], at(2)).await;
    let expected = Candidate { key: behind.key(), app: main.app.clone(), lost: false };
    assert_eq!(s.work(at(2), 10).await.unwrap().candidates, [expected]);
    stop(&*s, behind.key(), at(3)).await;
    assert_eq!(candidates(&*s, at(3), 10).await, []);
}

pub async fn the_longest_wait_comes_first(s: Arc<dyn Store>) {
    let mut waits = Vec::new();
    for minute in [3, 1, 4, 2] {
        let on = branch(&*s, "d1", &format!("at {minute}")).await;
        waits.push((minute, (make(&*s, &on, release("abc"), at(minute)).await.key(), false)));
    }
    waits.sort_unstable();
    let waits: Vec<_> = waits.into_iter().map(|(_, found)| found).collect();
    for limit in [0, 1, 3, 4, 5, usize::MAX] {
        assert_eq!(candidates(&*s, at(9), limit).await, waits[..limit.min(4)], "at most {limit}");
    }
    // A newer commit does not lose the place.
    let first = s.branch_by_uid(waits[0].0.branch).await.unwrap().unwrap();
    make(&*s, &first, push("def"), at(8)).await;
    assert_eq!(candidates(&*s, at(9), 1).await, waits[..1]);
}

pub async fn a_hold_is_lost_at_its_last_moment(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, url(), at(0)).await;
    let until = at(5);
    claim(&*s, made.key(), at(0), lease("a", until)).await;
    assert_eq!(candidates(&*s, until - TimeDelta::milliseconds(1), 10).await, []);
    assert_eq!(candidates(&*s, until, 10).await, [(made.key(), true)]);
    let build = make(&*s, &branch(&*s, "d1", "build").await, release("abc"), at(0)).await;
    assert_eq!(claim(&*s, build.key(), at(0), lease("a", at(4))).await.job.status(), JobStatus::Provisioning);
    assert_eq!(candidates(&*s, at(4), 10).await, [(build.key(), true)]);
}

pub async fn what_was_lost_comes_before_what_waits(s: Arc<dyn Store>) {
    let waits = make(&*s, &branch(&*s, "d1", "waits").await, url(), at(0)).await.key();
    let mut lost = Vec::new();
    for minute in [3, 1, 2] {
        let on = branch(&*s, "d1", &format!("until {minute}")).await;
        let made = make(&*s, &on, url(), at(0)).await;
        claim(&*s, made.key(), at(0), lease("a", at(minute))).await;
        lost.push((minute, (made.key(), true)));
    }
    lost.sort_unstable();
    let expected: Vec<_> = lost.into_iter().map(|(_, found)| found).collect();
    for limit in [1, 2, 3, 4, usize::MAX] {
        let most = [&expected[..limit.min(3)], &[(waits, false)]].concat();
        assert_eq!(candidates(&*s, at(9), limit).await, most, "at most {limit}");
    }
}

pub async fn what_waits_is_offered_of_every_app(s: Arc<dyn Store>) {
    let mut waits = Vec::new();
    for (minute, app) in [(1, "d1"), (2, "d1"), (3, "d2"), (4, "d1"), (5, "d3"), (6, "d2"), (7, "d2")] {
        let on = branch(&*s, app, &format!("at {minute}")).await;
        waits.push((make(&*s, &on, url(), at(minute)).await.key(), false));
    }
    let of = |places: &[usize]| places.iter().map(|place| waits[place - 1]).collect::<Vec<_>>();
    assert_eq!(candidates(&*s, at(9), 0).await, []);
    assert_eq!(candidates(&*s, at(9), 1).await, of(&[1, 3, 5]));
    assert_eq!(candidates(&*s, at(9), 2).await, of(&[1, 2, 3, 5, 6]));
    assert_eq!(candidates(&*s, at(9), 3).await, waits);
}

pub async fn a_job_told_to_stop_is_offered_to_nobody(s: Arc<dyn Store>) {
    for name in ["1", "2", "3"] {
        let stopping = running_until(&*s, name, 1).await;
        stop(&*s, stopping.key(), at(0)).await;
    }
    let lost = running_until(&*s, "lost", 2).await;
    // Those that nobody is offered do not stand in the way of others.
    assert_eq!(candidates(&*s, at(9), 1).await, [(lost.key(), true)]);
    assert_eq!(candidates(&*s, at(9), 10).await, [(lost.key(), true)]);
}

pub async fn jobs_in_work_are_counted_by_app(s: Arc<dyn Store>) {
    let mut held = Vec::new();
    for (app, name) in [("d2", "1"), ("d1", "1"), ("d1", "2"), ("d1", "3"), ("d3", "1")] {
        let on = branch(&*s, app, name).await;
        let made = make(&*s, &on, url(), at(0)).await;
        held.push(claim(&*s, made.key(), at(0), lease("a", at(if name == "3" { 1 } else { 9 }))).await);
    }
    make(&*s, &branch(&*s, "d4", "waits").await, url(), at(0)).await;
    let counts = async |now| {
        let counts = s.work(now, 0).await.unwrap().working;
        counts.into_iter().map(|(app, count)| format!("{app} {count}")).collect::<Vec<_>>()
    };
    assert_eq!(counts(at(0)).await, ["d1 3", "d2 1", "d3 1"]);
    assert_eq!(counts(at(1)).await, ["d1 2", "d2 1", "d3 1"], "a lost one is not in work");
    stop(&*s, held[1].key(), at(2)).await;
    assert_eq!(counts(at(2)).await, ["d1 2", "d2 1", "d3 1"], "one that was told to stop still is");
    obeyed(&*s, held[4].key(), &[failed(&held[4].job)], at(3)).await;
    assert_eq!(counts(at(3)).await, ["d1 2", "d2 1"]);
    assert_eq!(counts(at(9)).await, [""; 0]);
}

pub async fn a_runner_renews_its_own_holds_only(s: Arc<dyn Store>) {
    let held = running_until(&*s, "held", 5).await;
    let stopping = running_until(&*s, "stopping", 5).await;
    let lapsed = running_until(&*s, "lapsed", 1).await;
    let theirs = make(&*s, &branch(&*s, "d1", "theirs").await, url(), at(0)).await;
    claim(&*s, theirs.key(), at(0), lease("b", at(5))).await;
    stop(&*s, stopping.key(), at(1)).await;

    let left = running_until(&*s, "left", 5).await;
    let jobs = [theirs.key(), held.key(), stopping.key(), lapsed.key()];

    let mut answer = s.renew(&lease("a", at(7)), &jobs).await.unwrap();
    answer.sort_unstable_by_key(|notice| notice.key);
    let notice = |of: &Executed, status| Notice { key: of.key(), status };
    let expected = [
        notice(&held, JobStatus::Running),
        notice(&stopping, JobStatus::Cancelling),
        notice(&lapsed, JobStatus::Running),
    ];
    assert_eq!(answer, expected);
    // What it does not name is not renewed, though it is its own.
    assert_eq!(candidates(&*s, at(6), 10).await, [(theirs.key(), true), (left.key(), true)]);
    assert_eq!(candidates(&*s, at(7), 10).await.len(), 4);
    assert_eq!(s.renew(&lease("c", at(9)), &jobs).await.unwrap(), []);
    assert_eq!(s.renew(&lease("a", at(9)), &[]).await.unwrap(), []);
    everything(&*s).await;
}

pub async fn a_job_taken_over_is_held_by_the_other_runner(s: Arc<dyn Store>) {
    let held = running_until(&*s, "main", 1).await;
    let reclaim = [Command::Reclaim { attempt: held.job.attempt() }];
    let extras = Extras { lease: Some(lease("b", at(9))), ..Extras::default() };
    execute(&*s, Address::Key(held.key()), &reclaim, at(1), extras).await.unwrap().answer.unwrap();
    assert_eq!(s.renew(&lease("a", at(20)), &[held.key()]).await.unwrap(), []);
    assert_eq!(s.renew(&lease("b", at(10)), &[held.key()]).await.unwrap().len(), 1);
    assert_eq!(candidates(&*s, at(9), 10).await, []);
    assert_eq!(candidates(&*s, at(10), 10).await, [(held.key(), true)]);
}

pub async fn a_job_that_ends_is_let_go(s: Arc<dyn Store>) {
    let fails = running_until(&*s, "fails", 5).await;
    obeyed(&*s, fails.key(), &[failed(&fails.job)], at(1)).await;
    let expires = running_until(&*s, "expires", 5).await;
    // Though a hold comes with the command that ends it.
    let extras = Extras { lease: Some(lease("a", at(9))), ..Extras::default() };
    execute(&*s, Address::Key(expires.key()), &[Command::Expire], at(40), extras).await.unwrap().answer.unwrap();
    assert_eq!(s.renew(&lease("a", at(9)), &[fails.key(), expires.key()]).await.unwrap(), []);
    let work = s.work(at(2), 10).await.unwrap();
    assert!(work.working.is_empty() && work.candidates.is_empty(), "{work:?}");
}

/// Runner `a` has a job on a branch of this name until so many minutes.
async fn running_until(s: &dyn Store, name: &str, minute: i64) -> Executed {
    let made = make(s, &branch(s, "d1", name).await, url(), at(0)).await;
    claim(s, made.key(), at(0), lease("a", at(minute))).await
}

async fn candidates(s: &dyn Store, now: DateTime<Utc>, limit: usize) -> Vec<(JobKey, bool)> {
    let found = s.work(now, limit).await.unwrap().candidates;
    found.into_iter().map(|candidate| (candidate.key, candidate.lost)).collect()
}
