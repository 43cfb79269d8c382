//! What each call of the core allocates, and how much room a million jobs take. The hot paths must not allocate, so
//! this is a check as much as a table.

use std::hint::black_box;

use allocation_counter::measure;
use chrono::{DateTime, TimeDelta, Utc};
use windlass::{
    Artifact, Attempt, Birth, Command, Commit, Event, EventKind, Job, JobId, JobType, NewJob, Outcome, Progress,
    Record, Records, Report, Source, StepName,
};
use windlass_benches::mix::{Kind, job};
use windlass_benches::random::{Random, morning};
use windlass_benches::rows;

fn main() {
    let quick = !std::env::args().any(|argument| argument == "--bench");
    commands();
    measured();
    sizes();
    in_memory(if quick { 1_000 } else { 1_000_000 });
}

/// Each command once, in the order of a life, and what may follow from it.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn commands() {
    println!("{:<30} {:>7} {:>7} {:>7} {:>9} {:>7}", "allocations of", "decide", "apply", "handle", "deadline", "next");
    for Call { name, job, command, now, allowed } in calls() {
        let [decide, apply] = decide_and_apply(&job, &command, now);
        let handle = allocations(|| {
            let _ = black_box(job.handle(&command, now));
        });
        let deadline = allocations(|| {
            black_box(black_box(&job).deadline());
        });
        let next = allocations(|| {
            black_box(black_box(job.status()).next(EventKind::Expired));
        });
        println!("{name:<30} {decide:>7} {apply:>7} {handle:>7} {deadline:>9} {next:>7}");
        assert_eq!([decide, apply, handle, deadline, next], [allowed[0], allowed[1], allowed[2], 0, 0], "{name}");
    }
}

/// The rows of the other bench are printed there with what they allocate: it has to be true.
fn measured() {
    for row in rows() {
        let found = allocations(|| (row.ours)(0));
        assert_eq!(found, row.allocations, "allocations of the first part of: {}", row.what);
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn sizes() {
    println!("\nbytes: {:>4} Job, of which {} Progress", size_of::<Job>(), size_of::<Progress>());
    println!("       {:>4} Birth, shared", size_of::<Birth>());
    println!("       {:>4} Command", size_of::<Command>());
    println!("       {:>4} Record, of which {} Event", size_of::<Record>(), size_of::<Event>());
    println!("       {:>4} Records", size_of::<Records>());
    println!("       {:>4} Outcome", size_of::<Outcome>());
}

/// What jobs take up that lie in a `Vec` of their own.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn in_memory(count: u64) {
    let mut random = Random::new();
    let mut jobs = Vec::new();
    let list = measure(|| jobs = Vec::with_capacity(usize::try_from(count).unwrap_or_default()));
    let heap = measure(|| jobs.extend((1..=count).map(|number| job(Kind::any(&mut random), number))));
    let each = |bytes: i64| bytes as f64 / count as f64;
    println!(
        "\n{count} jobs: {:.0} MB, {:.0} bytes each: {:.0} in place and {:.0} behind them in {:.2} allocations",
        (list.bytes_current + heap.bytes_current) as f64 / 1e6,
        each(list.bytes_current + heap.bytes_current),
        each(list.bytes_current),
        each(heap.bytes_current),
        each(heap.count_current),
    );
    for (what, kind) in
        [("awaited", Kind::Awaited), ("deployed", Kind::Deployed), ("built", Kind::Built), ("failed", Kind::Failed)]
    {
        let mut one = None;
        let found = measure(|| one = Some(job(kind, 1)));
        println!("{what:>12}: {} bytes behind it in {} allocations", found.bytes_current, found.count_current);
        drop(one);
    }
}

fn allocations(body: impl FnOnce()) -> u64 {
    measure(body).count_total
}

fn decide_and_apply(job: &Job, command: &Command, now: DateTime<Utc>) -> [u64; 2] {
    let mut decided = None;
    let decide = allocations(|| decided = job.decide(command, now).ok());
    let (records, mut job) = (decided.expect("these commands are legal"), job.clone());
    let apply = allocations(|| {
        for record in records.iter() {
            job.apply(record).expect("what was decided applies");
        }
    });
    [decide, apply]
}

/// A command, the job that it is for, when, and what deciding, applying and handling it may cost.
struct Call {
    name: &'static str,
    job: Job,
    command: Command,
    now: DateTime<Utc>,
    allowed: [u64; 3],
}

fn calls() -> Vec<Call> {
    let zip = made(NewJob::manual(Source::Zip));
    let build = NewJob { job_type: JobType::WebHook, commit: Some(commit()), ..NewJob::manual(Source::Repository) };
    let build = made(build);
    let artifact = Artifact { job: JobId::FIRST, object: 1 };

    let mut calls = Vec::new();
    let mut job = zip.clone();
    for (name, command) in [
        ("Upload", Command::Upload { slot: 0, object: 1 }),
        ("Expire, too early", Command::Expire),
        ("Start", Command::Start),
        ("Claim", Command::Claim),
        ("StepStarted", report(Report::StepStarted(StepName::Deploy))),
        ("StepStarted, again", report(Report::StepStarted(StepName::Deploy))),
        ("StepEnded", report(Report::StepEnded(StepName::Deploy))),
        ("Reclaim", Command::Reclaim { attempt: Attempt::new(1) }),
        ("Succeeded", of(2, Report::Succeeded { artifact })),
    ] {
        let now = job.at() + TimeDelta::seconds(1);
        let after = after(&job, &[&command]);
        calls.push(Call { name, job: std::mem::replace(&mut job, after), command, now, allowed: [0; 3] });
    }

    let mut call = |name, job: &Job, command, allowed| {
        let now = job.deadline().expect("these have not ended").at;
        let now = if command == Command::Expire { now } else { job.at() + TimeDelta::seconds(1) };
        calls.push(Call { name, job: job.clone(), command, now, allowed });
    };
    let running = after(&zip, &[&Command::Upload { slot: 0, object: 1 }, &Command::Start, &Command::Claim]);
    let cancelling = after(&running, &[&Command::Stop { by: None }]);
    call("Stop, before work", &zip, Command::Stop { by: None }, [0; 3]);
    call("Stop", &running, Command::Stop { by: None }, [0; 3]);
    call("Stop, again", &cancelling, Command::Stop { by: None }, [0; 3]);
    call("Stopped", &cancelling, report(Report::Stopped), [0; 3]);
    call("Expire", &running, Command::Expire, [0; 3]);

    // Words are kept in the record and in the job: once each.
    let ann = Command::Stop { by: Some("Ann".into()) };
    call("Stop, by Ann", &running, ann.clone(), [1, 1, 2]);
    call("Failed, with a reason", &running, report(Report::Failed { reason: "no index.html".into() }), [1, 1, 2]);
    call("Skipped, with a reason", &running, report(Report::Skipped { reason: "the same".into() }), [1, 1, 2]);
    call("Stopped, of Ann's stop", &after(&running, &[&ann]), report(Report::Stopped), [0, 0, 1]);

    // A commit is a box with two texts, and `handle` copies the job with it.
    let newer = Command::Replace { commit: commit().into() };
    call("Replace, with a commit", &build, newer, [3, 3, 9]);
    call("Claim, of a build", &build, Command::Claim, [0, 0, 3]);
    let found = report(Report::Resolved { commit: Commit { id: "a1b2c3".into(), ..commit() }.into() });
    let fetching = after(&build, &[&Command::Claim, &report(Report::Provisioned)]);
    call("Resolved, with a commit", &fetching, found, [3, 3, 9]);
    calls
}

fn made(new: NewJob) -> Job {
    Job::create(JobId::FIRST, new, morning()).0
}

fn after(job: &Job, commands: &[&Command]) -> Job {
    commands.iter().fold(job.clone(), |job, command| job.handle(command, job.at()).job)
}

fn commit() -> Commit {
    Commit { id: "a1".into(), message: "Say hello".into(), time: morning() }
}

const fn report(report: Report) -> Command {
    of(1, report)
}

const fn of(attempt: u32, report: Report) -> Command {
    Command::Report { attempt: Attempt::new(attempt), report }
}
