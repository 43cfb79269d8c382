//! Whatever befalls the processes: every job ends, each goes live at most once and by one attempt, nothing that was
//! acknowledged is lost, no branch goes back, and nobody has to start anything again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_amplify::types::JobStatus;

use crate::chance::Chance;
use crate::fleet::{Fleet, Member};
use crate::load::{Doors, Habits, Load, Told, retry};
use crate::proxy::Cutter;
use crate::records::{Verdict, judge, not_listed};
use crate::source::Source;
use crate::support::{BRANCH, ended, http, status};
use crate::{make_app, until};

/// How long a job may take to end once nothing is in its way, on a slow machine. Only one that is stuck takes it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

fn doors(members: &[&Member]) -> Doors {
    let doors = Doors::default();
    for member in members {
        doors.open(&member.data.display().to_string(), member.door());
    }
    doors
}

/// Ends the load, and panics with all that was told where a promise is broken. Every process still does what it is for.
async fn end(fleet: &mut Fleet, load: Load, members: &[&Member]) -> Verdict {
    for member in members {
        let door = member.door();
        let ready = http().get(format!("{}/readyz", door.endpoint)).send().await.unwrap();
        assert_eq!(ready.status(), 200);
    }
    load.goes_on(12).await;
    let app = load.app().to_owned();
    let visits = load.visits();
    let told = load.end().await;
    let mut verdict = judge(&fleet.store, &app, &told, PATIENCE).await;
    for member in members {
        verdict.violations.extend(not_listed(&member.door(), &app, &told).await);
    }
    eprintln!("{} starts were acknowledged, {visits} visits; {verdict}", told.started.len());
    if !verdict.violations.is_empty() {
        panic!("{verdict}\nthe logs are in {}", fleet.keep_folder(true).display());
    }
    // Each process shows the sites.
    for (branch, ..) in told.started.iter().rev().take(5) {
        for member in members {
            let host = format!("{branch}.{app}.localhost");
            let shown = http().get(member.door().endpoint).header("host", host).send().await.unwrap();
            assert_eq!(shown.status(), 200);
        }
    }
    verdict
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_killed() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let mut a = fleet.serve("a", &["--lease", "2"]).await;
    let mut b = fleet.serve("b", &["--lease", "2"]).await;
    let doors = doors(&[&a, &b]);
    let load = Load::start(doors.clone(), Habits::default(), Chance::new(1)).await;
    for _ in 0..2 {
        for member in [&mut a, &mut b] {
            load.goes_on(10).await;
            doors.close(&member.data.display().to_string());
            member.kill();
            load.goes_on(5).await;
            fleet.start_again(member).await;
            doors.open(&member.data.display().to_string(), member.door());
        }
    }
    let verdict = end(&mut fleet, load, &[&a, &b]).await;
    assert!(verdict.failed.keys().all(|why| why.contains("the runner was lost in each of 3 attempts")), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_stands_still_for_longer_than_its_lease_comes_back_and_puts_nothing_live() {
    let Some(fleet) = Fleet::start().await else { return };
    let source = Source::start().await;
    let api = fleet.serve("api", &["--roles", "api,site", "--lease", "2"]).await;
    let app = make_app(&api.door(), BRANCH).await;
    let host = format!("{BRANCH}.{app}.localhost");
    let first = fleet.serve("first", &["--roles", "runner", "--lease", "2"]).await;
    let url = source.gated("new");
    let start = api.door().client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(&url);
    let job = start.send().await.unwrap().job_summary.unwrap().job_id;
    while source.asked() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.freeze();
    let _second = fleet.serve("second", &["--roles", "runner", "--lease", "2"]).await;
    assert_eq!(status(&until(&api.door(), &app, BRANCH, &job, ended).await), JobStatus::Succeed);
    assert_eq!(source.asked(), 2);
    // Another job goes live before the first comes back with what it has.
    let call = api.door().client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(source.gated("newer"));
    let newer = call.send().await.unwrap().job_summary.unwrap().job_id;
    assert_eq!(status(&until(&api.door(), &app, BRANCH, &newer, ended).await), JobStatus::Succeed);
    source.open();
    first.thaw();

    // It does take work again, and by then has had its say.
    let back = retry(&api.door(), &app, BRANCH, &job).await;
    assert_eq!(status(&until(&api.door(), &app, BRANCH, &back, ended).await), JobStatus::Succeed);
    let url = until(&api.door(), &app, BRANCH, &job, ended).await.steps[0].log_url.clone().unwrap();
    loop {
        let log = http().get(&url).send().await.unwrap().text().await.unwrap();
        let ends = ["Deployment finished.", "Deployment was stopped."].map(|words| log.matches(words).count());
        if ends[0] + ends[1] == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let shown = http().get(api.door().endpoint).header("host", &host).send().await.unwrap();
    assert_eq!(shown.headers()["x-windlass-job"].to_str().unwrap(), back);
    let verdict = judge(&fleet.store, &app, &Told::default(), PATIENCE).await;
    assert!(verdict.violations.is_empty(), "{verdict}");
    assert_eq!((verdict.jobs, verdict.succeeded, verdict.reclaimed), (3, 3, 1), "{verdict}");

    // It would be seen if something had been lost, had not been stopped, or were another's.
    let told = Told {
        started: vec![(BRANCH.to_owned(), "9".to_owned(), String::new()), (BRANCH.to_owned(), job, "new".to_owned())],
        stopped: vec![(BRANCH.to_owned(), newer)],
        seen: [((BRANCH.to_owned(), 1), "newer".to_owned())].into(),
        ..Told::default()
    };
    let verdict = judge(&fleet.store, &app, &told, PATIENCE).await;
    assert_eq!(verdict.violations.len(), 3, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_stand_still_under_load_for_longer_than_their_leases() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let a = fleet.serve("a", &["--lease", "1"]).await;
    let b = fleet.serve("b", &["--lease", "1"]).await;
    let load = Load::start(doors(&[&a, &b]), Habits::default(), Chance::new(2)).await;
    for member in [&a, &b, &a] {
        load.goes_on(10).await;
        member.freeze();
        // This is how long it stands still.
        tokio::time::sleep(Duration::from_secs(3)).await;
        member.thaw();
    }
    let verdict = end(&mut fleet, load, &[&a, &b]).await;
    assert!(verdict.failed.keys().all(|why| why.contains("the runner was lost in each of 3 attempts")), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_killed_and_comes_back() {
    let Some(mut fleet) = Fleet::start().await else { return };
    // The only runner has to find its way back by itself.
    let a = fleet.serve("a", &["--roles", "api,site", "--lease", "2"]).await;
    let b = fleet.serve("b", &["--roles", "api,runner,site", "--lease", "2"]).await;
    let load = Load::start(doors(&[&a, &b]), Habits::default(), Chance::new(3)).await;
    for pause in [0, 2500] {
        load.goes_on(10).await;
        fleet.restart_database(Duration::from_millis(pause)).await;
    }
    let verdict = end(&mut fleet, load, &[&a, &b]).await;
    assert_eq!(verdict.failed.len(), 0, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_the_database_are_cut_at_any_moment() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let a = fleet.serve("a", &["--lease", "2"]).await;
    let b = fleet.serve("b", &["--lease", "2"]).await;
    let load = Load::start(doors(&[&a, &b]), Habits::default(), Chance::new(4)).await;
    let cutter = Cutter::start(vec![a.proxy.clone(), b.proxy.clone()], Chance::new(5));
    load.goes_on(40).await;
    drop(cutter);
    let verdict = end(&mut fleet, load, &[&a, &b]).await;
    assert!(verdict.failed.keys().all(|why| why.contains("the runner was lost in each of 3 attempts")), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_through_to_the_database_for_longer_than_a_lease() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let a = fleet.serve("a", &["--lease", "2"]).await;
    let b = fleet.serve("b", &["--lease", "2"]).await;
    let load = Load::start(doors(&[&a, &b]), Habits::default(), Chance::new(6)).await;
    for (member, ends_by_a_cut) in [(&a, false), (&b, true)] {
        load.goes_on(10).await;
        member.proxy.hold(true);
        // This is how long it is cut off.
        tokio::time::sleep(Duration::from_secs(4)).await;
        if ends_by_a_cut {
            member.proxy.cut();
        }
        member.proxy.hold(false);
    }
    let verdict = end(&mut fleet, load, &[&a, &b]).await;
    assert!(verdict.failed.keys().all(|why| why.contains("the runner was lost in each of 3 attempts")), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_refuses_and_is_gone_for_a_while() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let a = fleet.serve("a", &["--lease", "2"]).await;
    let b = fleet.serve("b", &["--lease", "2"]).await;
    let habits = Habits { large: 4, ..Habits::default() };
    let load = Load::start(doors(&[&a, &b]), habits, Chance::new(7)).await;
    for mood in [&fleet.s3.mood.refuses, &fleet.s3.mood.is_gone] {
        load.goes_on(10).await;
        mood.store(true, Ordering::SeqCst);
        // What is small needs no bucket.
        load.goes_on(3).await;
        mood.store(false, Ordering::SeqCst);
    }
    let verdict = end(&mut fleet, load, &[&a, &b]).await;
    assert!(verdict.succeeded > 10, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_are_an_hour_apart() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let Some(a) = fleet.serve_ahead("a", &["--lease", "2"], 3600).await else { return };
    let Some(b) = fleet.serve_ahead("b", &["--lease", "2"], -3600).await else { return };
    let c = fleet.serve("c", &["--lease", "2"]).await;
    let members = [&a, &b, &c];
    // S3 has its own opinion of clocks, and refuses what was signed more than 15 minutes from now.
    let habits = Habits { large: 0, ..Habits::default() };
    let load = Load::start(doors(&members), habits, Chance::new(8)).await;
    load.goes_on(40).await;
    let verdict = end(&mut fleet, load, &members).await;
    for (name, is_apart) in [("a", true), ("b", true), ("c", false)] {
        let told = std::fs::read_to_string(fleet.log(name)).unwrap();
        assert_eq!(told.contains("ms apart"), is_apart, "{name}: {told}");
    }
    // No deadline has passed for anybody, and no runner seemed to be lost.
    assert_eq!((verdict.failed.len(), verdict.reclaimed), (0, 0), "{verdict}");
}
