//! `next` beside other ways to write the same law: an array, a `match`, and three crates of state machines.

mod by_match;
mod by_rust_fsm;
mod by_smlang;
mod by_statig;

use std::hint::black_box;

use strum::VariantArray;
use windlass::{EventKind, JobStatus};

use self::by_match::Match;
use self::by_rust_fsm::RustFsm;
use self::by_smlang::Smlang;
use self::by_statig::Statig;
use crate::by_hand::TABLE;
use crate::random::Random;
use crate::table::{Aim, CHUNKS, Peer, Row};

const PAIRS: usize = 4096;
const WALK: usize = 16;

/// A machine that knows its status and is told what happens.
trait Law: Clone + 'static {
    /// The crate's own form of an event.
    type Event: Copy + 'static;

    fn at(status: JobStatus) -> Self;
    fn event(event: EventKind) -> Self::Event;
    /// Moves where the law allows it, and says whether it does.
    fn step(&mut self, event: Self::Event) -> bool;
    fn status(&self) -> JobStatus;
}

#[derive(Clone, Copy)]
struct Ours(JobStatus);

impl Law for Ours {
    type Event = EventKind;

    fn at(status: JobStatus) -> Self {
        Self(status)
    }

    fn event(event: EventKind) -> EventKind {
        event
    }

    fn step(&mut self, event: EventKind) -> bool {
        let next = self.0.next(event);
        self.0 = next.unwrap_or(self.0);
        next.is_some()
    }

    fn status(&self) -> JobStatus {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Array(JobStatus);

impl Law for Array {
    type Event = EventKind;

    fn at(status: JobStatus) -> Self {
        Self(status)
    }

    fn event(event: EventKind) -> EventKind {
        event
    }

    fn step(&mut self, event: EventKind) -> bool {
        let next = TABLE[self.0 as usize][event as usize];
        self.0 = next.unwrap_or(self.0);
        next.is_some()
    }

    fn status(&self) -> JobStatus {
        self.0
    }
}

/// `next` on events of any status, on those of a job that goes well, and on those of jobs that are held in the hand.
pub(crate) fn rows() -> Vec<Row> {
    check::<Array>();
    check::<Match>();
    check::<RustFsm>();
    check::<Smlang>();
    check::<Statig>();

    let foreseen: Vec<_> = GOOD_LIFE.iter().copied().cycle().take(PAIRS * CHUNKS).collect();
    vec![
        row("next, unforeseen", &pairs(), Some(Aim::AtMost(1.2)), Some(Aim::AtMost(0.25))),
        row("next, foreseen", &foreseen, None, None),
        walks(),
    ]
}

/// Every machine must know the same law, or comparing them means nothing.
fn check<L: Law>() {
    for &status in JobStatus::VARIANTS {
        for &event in EventKind::VARIANTS {
            let (mut ours, mut peer) = (Ours::at(status), L::at(status));
            let legal = [ours.step(event), peer.step(L::event(event))];
            assert_eq!(legal[0], legal[1], "{status}, {event}");
            assert_eq!(ours.status(), peer.status(), "{status}, {event}");
        }
    }
}

fn row(what: &'static str, pairs: &[(JobStatus, EventKind)], array: Option<Aim>, machines: Option<Aim>) -> Row {
    Row {
        what,
        calls: PAIRS,
        ours: each_of::<Ours>(pairs),
        aim: None,
        peers: vec![
            Peer { name: "a bare array", aim: array, body: each_of::<Array>(pairs) },
            Peer { name: "a nested match", aim: None, body: each_of::<Match>(pairs) },
            Peer { name: "statig", aim: machines, body: each_of::<Statig>(pairs) },
            Peer { name: "rust-fsm", aim: machines, body: each_of::<RustFsm>(pairs) },
            Peer { name: "smlang", aim: machines, body: each_of::<Smlang>(pairs) },
        ],
        allocations: 0,
    }
}

/// Each event happens to another job, as it does on a server, which loads the job first.
fn each_of<L: Law>(pairs: &[(JobStatus, EventKind)]) -> Box<dyn Fn(usize)> {
    let pairs: Vec<_> = pairs.iter().map(|&(status, event)| (L::at(status), L::event(event))).collect();
    Box::new(move |chunk| {
        for (machine, event) in &pairs[chunk * PAIRS..][..PAIRS] {
            let mut machine = machine.clone();
            let legal = machine.step(*event);
            black_box((machine, legal));
        }
    })
}

fn walks() -> Row {
    let events = walk_events();
    Row {
        what: "next, one job for a while",
        calls: PAIRS,
        ours: walk::<Ours>(&events),
        aim: None,
        peers: vec![
            Peer { name: "a bare array", aim: None, body: walk::<Array>(&events) },
            Peer { name: "a nested match", aim: None, body: walk::<Match>(&events) },
            Peer { name: "statig", aim: None, body: walk::<Statig>(&events) },
            Peer { name: "rust-fsm", aim: None, body: walk::<RustFsm>(&events) },
            Peer { name: "smlang", aim: None, body: walk::<Smlang>(&events) },
        ],
        allocations: 0,
    }
}

/// The same job takes sixteen events, so that each look-up waits for the one before.
fn walk<L: Law>(events: &[EventKind]) -> Box<dyn Fn(usize)> {
    let events: Vec<_> = events.iter().copied().map(L::event).collect();
    let created = L::at(JobStatus::Created);
    Box::new(move |chunk| {
        for walk in events[chunk * PAIRS..][..PAIRS].chunks_exact(WALK) {
            let mut machine = created.clone();
            for event in walk {
                black_box(machine.step(*event));
            }
            black_box(machine);
        }
    })
}

const GOOD_LIFE: &[(JobStatus, EventKind)] = &[
    (JobStatus::Created, EventKind::Uploaded),
    (JobStatus::Created, EventKind::Started),
    (JobStatus::Pending, EventKind::Claimed),
    (JobStatus::Provisioning, EventKind::Provisioned),
    (JobStatus::Running, EventKind::StepStarted),
    (JobStatus::Running, EventKind::StepEnded),
    (JobStatus::Running, EventKind::StepStarted),
    (JobStatus::Running, EventKind::StepEnded),
    (JobStatus::Running, EventKind::Succeeded),
];

/// Pairs of status and event, of which about one in five is legal, as they come.
fn pairs() -> Vec<(JobStatus, EventKind)> {
    let mut random = Random::new();
    let mut pick = |end| random.below(end);
    let (statuses, events) = (JobStatus::VARIANTS, EventKind::VARIANTS);
    (0..PAIRS * CHUNKS).map(|_| (statuses[pick(statuses.len())], events[pick(events.len())])).collect()
}

/// Walks from CREATED in which half of the events are legal and none ends the job, so that it goes on.
fn walk_events() -> Vec<EventKind> {
    let mut random = Random::new();
    let mut status = JobStatus::Created;
    let goes_on = |status: JobStatus, event| status.next(event).is_some_and(|next| !next.is_terminal());
    (0..PAIRS * CHUNKS)
        .map(|place| {
            if place % WALK == 0 {
                status = JobStatus::Created;
            }
            let legal: Vec<_> = EventKind::VARIANTS.iter().copied().filter(|event| goes_on(status, *event)).collect();
            let refused: Vec<_> =
                EventKind::VARIANTS.iter().copied().filter(|event| status.next(*event).is_none()).collect();
            let events = if legal.is_empty() || random.below(2) == 0 { refused } else { legal };
            let event = events[random.below(events.len())];
            status = status.next(event).unwrap_or(status);
            event
        })
        .collect()
}
