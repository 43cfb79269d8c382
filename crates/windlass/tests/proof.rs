//! The proof of liveness and safety: whatever users, servers, runners, their network and wrong clocks do, in any
//! order, no promise of the lifecycle is broken, and time alone ends every job.
//!
//! It visits every world that can be reached in a few scenarios, by the crate's own rules: nothing here decides
//! about a job. Neither time nor the number of reports, orders, crashes and stops is bounded, but the number of
//! jobs is. `DEEPER=1 cargo test` goes further, which takes minutes.

#[path = "proof/heard.rs"]
mod heard;
#[path = "proof/likeness.rs"]
mod likeness;
#[path = "proof/moves.rs"]
mod moves;
#[path = "proof/orders.rs"]
mod orders;
#[path = "proof/promises.rs"]
mod promises;
#[path = "proof/scenario.rs"]
mod scenario;
#[path = "proof/sights.rs"]
mod sights;
#[path = "proof/world.rs"]
mod world;

use moves::Move;
use scenario::{Ask, Clock, HeldUp, Runners, Scenario};
use sights::Sight;
use stateright::{Checker, CheckerBuilder, Expectation, HasDiscoveries, Model, Path, Property};
use world::World;

#[test]
fn a_manual_job_with_two_runners_keeps_every_promise() {
    let told = prove(Scenario {
        name: "a manual job with two runners",
        begin: World::new,
        jobs: if deeper() { 2 } else { 1 },
        asks: &[Ask::Zip, Ask::Stop],
        runners: Runners::Diligent { fail: true, whole: false },
        lost: 3,
        clocks: Clock::ALL,
        held_up: HeldUp::Never,
        sights: &[
            Sight::Succeeds,
            Sight::UploadExpires,
            Sight::QueueExpires,
            Sight::BuildExpires,
            Sight::ThreeRunnersLost,
            Sight::StopConfirmed,
            Sight::StopCutShort,
            Sight::StaleRefused,
            Sight::HeardTwice,
            Sight::ClockAhead,
        ],
    });
    println!("{told}");
}

#[test]
fn pushes_behind_a_job_that_works_keep_every_promise() {
    let told = prove(Scenario {
        name: "pushes behind a job that works",
        begin: World::new,
        jobs: 2,
        asks: &[Ask::Push, Ask::Stop],
        runners: Runners::Diligent { fail: false, whole: false },
        lost: if deeper() { 3 } else { 1 },
        clocks: if deeper() { &[Clock::Right, Clock::Ahead] } else { &[Clock::Right] },
        held_up: HeldUp::Never,
        sights: &[
            Sight::Succeeds,
            Sight::ProvisionExpires,
            Sight::StopConfirmed,
            Sight::StaleRefused,
            Sight::PushReplaces,
        ],
    });
    println!("{told}");
}

#[test]
fn a_retry_behind_a_live_job_keeps_every_promise() {
    let told = prove(Scenario {
        name: "a retry behind a live job",
        begin: World::with_a_live_job,
        jobs: 3,
        asks: &[Ask::Url, Ask::Retry, Ask::Stop, Ask::Delete],
        runners: Runners::Diligent { fail: true, whole: true },
        lost: if deeper() { 3 } else { 1 },
        clocks: if deeper() { &[Clock::Right, Clock::Behind] } else { &[Clock::Right] },
        held_up: HeldUp::Never,
        sights: &[Sight::StaleRefused, Sight::RetryLive],
    });
    println!("{told}");
}

#[test]
fn no_rogue_runner_breaks_a_promise() {
    let told = prove(Scenario {
        name: "rogue runners",
        begin: World::with_a_live_job,
        jobs: 3,
        asks: &[Ask::Zip, Ask::Release, Ask::Push, Ask::Retry, Ask::Stop, Ask::Delete],
        runners: Runners::Rogue,
        lost: if deeper() { 3 } else { 2 },
        clocks: if deeper() { Clock::ALL } else { &[Clock::Behind, Clock::Ahead] },
        held_up: HeldUp::Never,
        sights: &[Sight::RetryLive, Sight::PushReplaces, Sight::AllPlacesTaken, Sight::ClockAhead],
    });
    println!("{told}");
}

#[test]
fn a_driver_that_is_held_up_before_it_stores_breaks_no_promise() {
    let told = prove(Scenario {
        name: "a driver that is held up",
        begin: World::new,
        jobs: 2,
        asks: &[Ask::Push, Ask::Stop],
        runners: Runners::Rogue,
        lost: if deeper() { 3 } else { 1 },
        clocks: &[Clock::Right],
        held_up: if deeper() { HeldUp::AnyTime } else { HeldUp::AMoment },
        sights: &[Sight::Succeeds, Sight::PushReplaces, Sight::HeldUp],
    });
    println!("{told}");
}

fn deeper() -> bool {
    std::env::var_os("DEEPER").is_some()
}

/// Visits all of a scenario's worlds, or finds one in which a promise is broken. Tells how far it went.
fn prove(scenario: Scenario) -> String {
    let name = scenario.name;
    let checker = visit(scenario.clone().checker());
    if checker.model().properties().iter().any(|property| is_broken(&checker, property)) {
        panic!("{name}\n{}", shortest_way_to_break_a_promise(&scenario));
    }
    for property in checker.model().properties() {
        let seen = property.expectation != Expectation::Sometimes || checker.discovery(property.name).is_some();
        assert!(seen, "{name}: never seen: {}", property.name);
    }
    let (worlds, moves, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth() - 1);
    format!("{name}: {worlds} worlds, {moves} moves between them, at most {depth} in a row")
}

fn visit(worlds: CheckerBuilder<Scenario>) -> impl Checker<Scenario> {
    worlds.threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join()
}

fn is_broken(checker: &impl Checker<Scenario>, property: &Property<Scenario>) -> bool {
    property.expectation == Expectation::Always && checker.discovery(property.name).is_some()
}

/// The checker has found a way, but not always the shortest. So it looks again, one move further each time.
fn shortest_way_to_break_a_promise(scenario: &Scenario) -> String {
    for depth in 2.. {
        let checker = visit(scenario.clone().checker().target_max_depth(depth));
        let properties = checker.model().properties();
        let broken = properties.iter().filter(|property| is_broken(&checker, property));
        let ways: String = broken
            .map(|property| {
                let way = checker.discovery(property.name).map(tell).unwrap_or_default();
                format!("violated: {}\n{way}", property.name)
            })
            .collect();
        if !ways.is_empty() {
            return ways;
        }
    }
    unreachable!("a broken promise is some moves away")
}

/// What happened on the way, and how the jobs stood after it.
fn tell(path: Path<World, Move>) -> String {
    let steps = path.into_vec();
    let mut told = String::new();
    for ((_, made), (after, _)) in steps.iter().zip(&steps[1..]) {
        let made = made.map(|made| made.to_string()).unwrap_or_default();
        told += &format!("  {} {made}\n          {after}\n", after.clock.format("%H:%M"));
    }
    told
}
