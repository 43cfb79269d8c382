//! How fast the core is, beside what one would write by hand: a bare array for the law, and a job that
//! changes in place and keeps no history.

use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BatchSize, Criterion, Throughput};
use windlass::{Command, EventKind, Job, JobId, JobStatus, NewJob, Record, Source, TRANSITIONS};
use windlass_benches::{HandJob, Random, life, pairs};

type Table = [[Option<JobStatus>; 14]; 8];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let inputs = Inputs::new();
    the_law(&mut criterion, &inputs);
    whole_jobs(&mut criterion, &inputs);
    replay(&mut criterion, &inputs);
    criterion.final_summary();

    let rounds = if std::env::args().any(|argument| argument == "--bench") { 101 } else { 1 };
    print_ratios(&inputs, rounds);
}

struct Inputs {
    pairs: Vec<(JobStatus, EventKind)>,
    table: Table,
    start: DateTime<Utc>,
    lives: Vec<Vec<Command>>,
    histories: Vec<Vec<Record>>,
}

impl Inputs {
    fn new() -> Self {
        let mut table = [[None; 14]; 8];
        for row in TRANSITIONS {
            table[row.from as usize][row.event as usize] = Some(row.to);
        }
        let start = DateTime::from_timestamp_millis(1_767_258_000_000).expect("a time of the calendar");
        let mut random = Random::new();
        let lives: Vec<_> = (0..512).map(|_| life(&mut random)).collect();
        let histories = lives.iter().map(|life| history(life, start)).collect();
        let inputs = Self { pairs: pairs(8192), table, start, lives, histories };
        inputs.check();
        inputs
    }

    /// Both jobs must be doing the same, or comparing them means nothing.
    fn check(&self) {
        for life in &self.lives {
            let (ours, peer) = (live(life, self.start), live_by_hand(life, self.start));
            assert_eq!((ours.status(), ours.seq()), (peer.status, peer.seq()), "{life:?}");
        }
    }
}

fn the_law(criterion: &mut Criterion, inputs: &Inputs) {
    let mut group = criterion.benchmark_group("next");
    group.throughput(Throughput::Elements(inputs.pairs.len() as u64));
    group.bench_function("windlass", |bencher| bencher.iter(|| next_all(&inputs.pairs)));
    group.bench_function("bare array", |bencher| bencher.iter(|| look_up_all(&inputs.pairs, &inputs.table)));
    group.finish();
}

fn whole_jobs(criterion: &mut Criterion, inputs: &Inputs) {
    let mut group = criterion.benchmark_group("commands");
    group.throughput(Throughput::Elements(commands_of(inputs)));
    group.bench_function("decide and apply", |bencher| bencher.iter(|| live_all(inputs)));
    group.bench_function("handle", |bencher| bencher.iter(|| handle_all(inputs)));
    group.bench_function("by hand", |bencher| bencher.iter(|| live_all_by_hand(inputs)));
    group.finish();
}

fn replay(criterion: &mut Criterion, inputs: &Inputs) {
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(inputs.histories.iter().map(|history| history.len() as u64).sum()));
    group.bench_function("records", |bencher| {
        bencher.iter_batched_ref(|| (), |()| replay_all(inputs), BatchSize::SmallInput);
    });
    group.finish();
}

fn next_all(pairs: &[(JobStatus, EventKind)]) {
    for (status, event) in pairs {
        black_box(black_box(*status).next(black_box(*event)));
    }
}

fn look_up_all(pairs: &[(JobStatus, EventKind)], table: &Table) {
    for (status, event) in pairs {
        black_box(table[black_box(*status) as usize][black_box(*event) as usize]);
    }
}

fn live_all(inputs: &Inputs) {
    for life in &inputs.lives {
        black_box(live(life, inputs.start));
    }
}

fn live(life: &[Command], start: DateTime<Utc>) -> Job {
    let (mut job, _) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), start);
    let mut now = start;
    for command in life {
        now += TimeDelta::seconds(1);
        if let Ok(records) = job.decide(black_box(command), now) {
            for record in records {
                job.apply(&record).expect("what was decided applies");
            }
        }
    }
    job
}

fn handle_all(inputs: &Inputs) {
    for life in &inputs.lives {
        let (mut job, _) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), inputs.start);
        let mut now = inputs.start;
        for command in life {
            now += TimeDelta::seconds(1);
            job = job.handle(black_box(command), now).job;
        }
        black_box(job);
    }
}

fn live_all_by_hand(inputs: &Inputs) {
    for life in &inputs.lives {
        black_box(live_by_hand(life, inputs.start));
    }
}

fn live_by_hand(life: &[Command], start: DateTime<Utc>) -> HandJob {
    let mut job = HandJob::new(start);
    let mut now = start;
    for command in life {
        now += TimeDelta::seconds(1);
        let _ = black_box(job.handle(black_box(command), now));
    }
    job
}

fn replay_all(inputs: &Inputs) {
    for history in &inputs.histories {
        black_box(Job::replay(JobId::FIRST, black_box(history)).expect("our own history"));
    }
}

fn history(life: &[Command], start: DateTime<Utc>) -> Vec<Record> {
    let (mut job, records) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), start);
    let mut history: Vec<_> = records.into_iter().collect();
    for command in life {
        let outcome = job.handle(command, job.at() + TimeDelta::seconds(1));
        history.extend(outcome.records);
        job = outcome.job;
    }
    history
}

fn commands_of(inputs: &Inputs) -> u64 {
    inputs.lives.iter().map(|life| life.len() as u64).sum()
}

/// Ours and the peer in turn, so that a slow moment of the machine hits both; the middle of all rounds.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn print_ratios(inputs: &Inputs, rounds: usize) {
    let per_pair = inputs.pairs.len() as f64;
    let per_command = commands_of(inputs) as f64;
    println!("{:<28} {:>9} {:>9} {:>7}", "ns each", "windlass", "by hand", "ratio");
    let print = |what: &str, [ours, peer]: [f64; 2], each: f64| {
        println!("{what:<28} {:>9.2} {:>9.2} {:>7.2}", ours / each, peer / each, ours / peer);
    };
    let law = in_turn(rounds, || next_all(&inputs.pairs), || look_up_all(&inputs.pairs, &inputs.table));
    print("next, of any status", law, per_pair);
    let jobs = in_turn(rounds, || live_all(inputs), || live_all_by_hand(inputs));
    print("command, decided and applied", jobs, per_command);
    let handled = in_turn(rounds, || handle_all(inputs), || live_all_by_hand(inputs));
    print("command, handled on a copy", handled, per_command);
}

/// The middle of the times in nanoseconds.
fn in_turn(rounds: usize, ours: impl Fn(), peer: impl Fn()) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        times[0].push(time(&ours));
        times[1].push(time(&peer));
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn time(body: impl Fn()) -> f64 {
    let before = Instant::now();
    body();
    before.elapsed().as_nanos() as f64
}
