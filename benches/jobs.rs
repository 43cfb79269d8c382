//! Whole jobs: commands decided and applied, handled, and replayed, beside a machine that one would write by hand.
//!
//! Two of those stand beside `decide` and `apply`. Both hold the facts of a job, guard each command, look the next
//! status up in a table and change in place. One forgets what happened. The other notes each change with its facts, the
//! job's creation too, as a machine must whose history is to be read later: like ours, it has an allocation to make for
//! what a job was made of. Records are facts, and ours always makes them, so the second is the one that we aim at. The
//! first shows what it costs to have a history at all.

use std::hint::black_box;

use windlass::{Job, JobId, NewJob, Record, Source};

use crate::by_hand::{HandJob, Log, Note};
use crate::random::{Asked, Life, Random, good_life, morning, unforeseen_life};
use crate::table::{Aim, Body, CHUNKS, Peer, Row};

/// How many lives there are in a part of the input.
const LIVES: usize = 32;

/// Commands decided and applied, handled, and histories replayed.
pub(crate) fn rows() -> Vec<Row> {
    let mut random = Random::new();
    let lives: Vec<_> = (0..LIVES * CHUNKS).map(|_| unforeseen_life(&mut random)).collect();
    let good: Vec<_> = (0..LIVES * CHUNKS).map(|_| good_life()).collect();
    lives.iter().chain(&good[..1]).for_each(check);
    vec![
        decided("decide + apply, unforeseen", &lives, Some(Aim::AtMost(1.5))),
        decided("decide + apply, all goes well", &good, None),
        handled(&lives),
        replayed(&lives),
    ]
}

/// All jobs must be doing the same at every command, or comparing them means nothing.
fn check(life: &Life) {
    let new = NewJob::manual(Source::Zip);
    let (mut job, records) = Job::create(JobId::FIRST, new.clone(), morning());
    let mut log = Vec::new();
    let mut peer = HandJob::new(JobId::FIRST, new.clone(), morning(), &mut log);
    let mut forgets = HandJob::new(JobId::FIRST, new, morning(), &mut ());
    assert_eq!(records.len(), log.len());
    for (command, now) in life {
        log.clear();
        let decided = job.decide(command, *now);
        let answers = [peer.command(command, *now, &mut log).is_ok(), forgets.command(command, *now, &mut ()).is_ok()];
        assert_eq!(answers, [decided.is_ok(); 2], "{life:?}");
        let records = decided.unwrap_or_default();
        for record in records.iter() {
            job.apply(record).expect("what was decided applies");
        }
        let ours: Vec<_> = records.iter().map(|record| (record.seq, record.at)).collect();
        let noted: Vec<_> = log.iter().map(|note| (note.seq, note.at)).collect();
        assert_eq!(ours, noted, "{life:?}");
        assert_eq!(facts(&job), facts_by_hand(&peer), "{life:?}");
        assert_eq!(facts(&job), facts_by_hand(&forgets), "{life:?}");
    }
}

fn facts(job: &Job) -> String {
    let steps: Vec<_> = job.steps().map(|(_, step)| step).collect();
    format!(
        "{} {} {:?} {:?} {} {steps:?} {:?} {:?}",
        job.status(),
        job.seq(),
        job.since(),
        job.started(),
        job.attempt(),
        job.cause(),
        job.artifact(),
    )
}

fn facts_by_hand(job: &HandJob) -> String {
    let steps: Vec<_> = job.steps.iter().flatten().collect();
    let started = job.claimed.unwrap_or(job.created);
    format!(
        "{} {} {:?} {started:?} {} {steps:?} {:?} {:?}",
        job.status,
        job.seq,
        job.since,
        job.attempt,
        job.cause.as_ref(),
        job.artifact,
    )
}

fn decided(what: &'static str, lives: &[Life], aim: Option<Aim>) -> Row {
    Row {
        what,
        calls: lives[0].len() * LIVES,
        ours: each_of(lives, |life| {
            black_box(decide_and_apply(life));
        }),
        aim: None,
        peers: vec![
            Peer { name: "by hand, noting", aim, body: noting(lives, command_in_place) },
            Peer {
                name: "by hand, forgetting",
                aim: None,
                body: each_of(lives, |life| {
                    black_box(by_hand(life, &mut ()));
                }),
            },
        ],
        // The birth of each job.
        allocations: LIVES as u64,
    }
}

fn handled(lives: &[Life]) -> Row {
    Row {
        what: "handle, which leaves the job alone",
        calls: lives[0].len() * LIVES,
        ours: each_of(lives, |life| {
            black_box(handle(life));
        }),
        aim: None,
        peers: vec![Peer {
            name: "by hand, noting, on a copy",
            aim: None,
            body: noting(lives, |job, (command, now), log| {
                let mut copy = job.clone();
                let _ = copy.expire(*now, log);
                let _ = black_box(copy.command(command, *now, log));
                *job = copy;
            }),
        }],
        allocations: LIVES as u64,
    }
}

fn replayed(lives: &[Life]) -> Row {
    let histories: Vec<_> = lives.iter().map(history).collect();
    let records = histories.iter().map(Vec::len).sum::<usize>();
    Row {
        what: "replay, a record",
        calls: records / CHUNKS,
        ours: each_of(&histories, |history| {
            black_box(Job::replay(JobId::FIRST, history).expect("our own history"));
        }),
        // Fifty million records a second.
        aim: Some(Aim::Nanoseconds(20.0)),
        peers: Vec::new(),
        allocations: 0,
    }
}

fn each_of<T: Clone + 'static>(all: &[T], body: impl Fn(&T) + 'static) -> Body {
    let all = all.to_vec();
    Box::new(move |chunk| all[chunk * LIVES..][..LIVES].iter().for_each(|one| body(black_box(one))))
}

fn decide_and_apply(life: &Life) -> Job {
    let (mut job, records) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), morning());
    black_box(&records);
    for (command, now) in life {
        let decided = job.decide(black_box(command), *now);
        if let Ok(records) = &decided {
            for record in records.iter() {
                job.apply(record).expect("what was decided applies");
            }
        }
        black_box(&decided);
    }
    job
}

fn handle(life: &Life) -> Job {
    let (mut job, records) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), morning());
    black_box(&records);
    for (command, now) in life {
        let outcome = job.handle(black_box(command), *now);
        black_box(&outcome);
        job = outcome.job;
    }
    job
}

fn by_hand(life: &Life, log: &mut impl Log) -> HandJob {
    let mut job = HandJob::new(JobId::FIRST, NewJob::manual(Source::Zip), morning(), log);
    for (command, now) in life {
        let _ = black_box(job.command(black_box(command), *now, log));
    }
    job
}

/// The log is one that the caller keeps and empties, so that a note costs no allocation unless it carries words.
fn noting(lives: &[Life], command: impl Fn(&mut HandJob, &Asked, &mut Vec<Note>) + 'static) -> Body {
    let lives = lives.to_vec();
    Box::new(move |chunk| {
        let mut log = Vec::with_capacity(2);
        for life in &lives[chunk * LIVES..][..LIVES] {
            log.clear();
            let mut job = HandJob::new(JobId::FIRST, NewJob::manual(Source::Zip), morning(), &mut log);
            black_box(&log);
            for asked in life {
                log.clear();
                command(&mut job, black_box(asked), &mut log);
                black_box(&log);
            }
            black_box(job);
        }
    })
}

fn command_in_place(job: &mut HandJob, (command, now): &Asked, log: &mut Vec<Note>) {
    let _ = black_box(job.command(command, *now, log));
}

fn history(life: &Life) -> Vec<Record> {
    let (mut job, records) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), morning());
    let mut history: Vec<_> = records.into_iter().collect();
    for (command, now) in life {
        let outcome = job.handle(command, *now);
        history.extend(outcome.records);
        job = outcome.job;
    }
    history
}
