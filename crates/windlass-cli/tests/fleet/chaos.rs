//! Minutes of chance: processes are killed, stopped and started, the database and the bucket fail, and clients deploy all the
//! time. `scripts/chaos` runs it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use windlass_cli::server::SystemClock;
use windlass_store::Clock as _;

use crate::chance::Chance;
use crate::faults::PATIENCE;
use crate::fleet::{Fleet, Member};
use crate::load::{Doors, Habits, Load};
use crate::records::{judge, not_listed};
use crate::support::http;

/// How many processes there are.
const MEMBERS: u64 = 4;

/// What befalls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Kill,
    Stop,
    Freeze,
    Cut,
    Hold,
    Database,
    Bucket,
}

impl Fault {
    fn any(chance: &mut Chance) -> Self {
        match chance.below(20) {
            0..=5 => Self::Kill,
            6..=8 => Self::Freeze,
            9..=10 => Self::Stop,
            11..=14 => Self::Cut,
            15..=16 => Self::Hold,
            17 => Self::Database,
            _ => Self::Bucket,
        }
    }
}

#[ignore = "it takes minutes; scripts/chaos runs it"]
#[tokio::test(flavor = "multi_thread")]
async fn chaos() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let minutes = number("CHAOS_MINUTES").unwrap_or(10);
    let seed = number("CHAOS_SEED").unwrap_or_else(|| getrandom::u64().unwrap() % 1_000_000);
    println!("seed {seed}, {minutes} minutes, {MEMBERS} processes");
    let mut fleet = Fleet::start().await.expect("PostgreSQL");
    println!("logs in {}, unless all is well", fleet.keep_folder(true).display());
    let mut chance = Chance::new(seed);
    let doors = Doors::default();
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        let member = fleet.serve(&format!("p{n}"), &["--lease", "3"]).await;
        doors.open(&member.name, member.door());
        members.push(member);
    }
    let habits = Habits { branches: 8, slow: (3, Duration::from_secs(4)), ..Habits::default() };
    let load = Load::start(doors.clone(), habits, chance.fork()).await;

    let (begun, whole) = (SystemClock.elapsed(), Duration::from_secs(60 * minutes));
    let (mut counts, mut told) = (BTreeMap::<Fault, u64>::new(), 0);
    while (SystemClock.elapsed() - begun) < whole {
        tokio::time::sleep(Duration::from_millis(200 + chance.below(2500))).await;
        let (fault, whom) = (Fault::any(&mut chance), chance.below(MEMBERS) as usize);
        *counts.entry(fault).or_default() += 1;
        befall(&fleet, &doors, &mut members[whom], fault, &mut chance).await;
        if (SystemClock.elapsed() - begun).as_secs() / 60 > told {
            told = (SystemClock.elapsed() - begun).as_secs() / 60;
            println!("{told} min: {} jobs seen to end, {} visits, {counts:?}", load.ended(), load.visits());
        }
    }

    // All is well again, and each of them is as it was.
    load.goes_on(20).await;
    let mut violations = Vec::new();
    for member in &members {
        let ready =
            http().get(format!("{}/readyz", member.door().endpoint)).timeout(Duration::from_secs(30)).send().await;
        if !ready.is_ok_and(|answer| answer.status() == 200) {
            violations.push(format!("{} is not ready", member.name));
        }
        if member.door().client.list_apps().send().await.is_err() {
            violations.push(format!("{} does not answer", member.name));
        }
    }
    let (app, visits) = (load.app().to_owned(), load.visits());
    let told = load.end().await;
    let mut verdict = judge(&fleet.store, &app, &told, PATIENCE).await;
    verdict.violations.extend(violations);
    for member in &members {
        verdict.violations.extend(not_listed(&member.door(), &app, &told).await);
    }
    println!("{} starts and {} stops were acknowledged, {visits} visits", told.started.len(), told.stopped.len());
    println!("{counts:?}");
    println!("{verdict}");
    assert!(verdict.violations.is_empty(), "seed {seed}: {} violations", verdict.violations.len());
    fleet.keep_folder(false);
}

/// Something befalls a process, or what all of them need, and passes.
async fn befall(fleet: &Fleet, doors: &Doors, member: &mut Member, fault: Fault, chance: &mut Chance) {
    let while_ =
        async |most: u64, chance: &mut Chance| tokio::time::sleep(Duration::from_millis(chance.below(most))).await;
    match fault {
        Fault::Kill | Fault::Stop => {
            doors.close(&member.name);
            if fault == Fault::Kill {
                member.kill()
            } else {
                member.stop().await
            }
            while_(4000, chance).await;
            fleet.start_again(member).await;
            doors.open(&member.name, member.door());
        }
        Fault::Freeze => {
            member.freeze();
            while_(8000, chance).await;
            member.thaw();
        }
        Fault::Cut => member.proxy.cut(),
        Fault::Hold => {
            member.proxy.hold(true);
            while_(8000, chance).await;
            if chance.one_in(2) {
                member.proxy.cut();
            }
            member.proxy.hold(false);
        }
        Fault::Database => fleet.restart_database(Duration::from_millis(chance.below(3000))).await,
        Fault::Bucket => {
            let mood = &fleet.s3.mood;
            let mood = if chance.one_in(2) { &mood.refuses } else { &mood.is_gone };
            mood.store(true, Ordering::SeqCst);
            while_(4000, chance).await;
            mood.store(false, Ordering::SeqCst);
        }
    }
}
