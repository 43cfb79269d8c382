//! A job from CreateDeployment to a live site, driven by hand: each command, the records that it is decided into, and
//! why the job is then as it is.
//!
//! `cargo run -p windlass --example by_hand`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass::{
    Artifact, Attempt, Branch, Change, Command, Event, FileSlot, Job, JobStatus, NewJob, Record, Rejection, Report,
    StepName,
};

fn main() -> Result<(), Rejection> {
    // The site has two files, and each has an upload slot.
    let file = |path: &str, md5| FileSlot { path: path.into(), md5 };
    let files = [file("index.html", [0x5d; 16]), file("app.js", [0x9e; 16])];

    let at = nine();
    println!("{} CreateDeployment", at.time());
    let made = Branch::default().create(NewJob::manual(files.into_iter().collect()), at)?;
    let mut records = made.records.clone();
    show(&made, at);

    let upload = |slot| Command::Upload { slot, object: 0 };
    let report = |report| Command::Report { attempt: Attempt::new(1), report };
    let artifact = Artifact { job: made.job.id(), object: 0 };
    let commands = [
        (5, upload(0)),
        (6, Command::Start),
        (9, upload(1)),
        (10, Command::Start),
        // From here on a runner speaks. It prepares nothing, since there is nothing to build.
        (12, Command::Claim),
        (12, report(Report::StepStarted(StepName::Deploy))),
        (14, report(Report::StepEnded(StepName::Deploy))),
        // The answer was lost, so the runner says it again. Nothing happens twice.
        (15, report(Report::StepEnded(StepName::Deploy))),
        (15, report(Report::StepStarted(StepName::Verify))),
        (16, report(Report::StepEnded(StepName::Verify))),
        (16, report(Report::Succeeded { artifact })),
        (20, Command::Stop { by: Some("ann".into()) }),
    ];
    let mut change = made;
    let mut refused = 0;
    for (second, command) in commands {
        let at = nine() + TimeDelta::seconds(second);
        println!("\n{} {command:?}", at.time());
        change = change.branch.handle(&change.job, &command, at);
        records.extend(change.records.iter().cloned());
        refused += u32::from(change.answer.is_err());
        show(&change, at);
    }

    // A start without all files is refused, and so is a stop of what has ended.
    assert_eq!((change.job.status(), refused), (JobStatus::Succeed, 2));
    assert_eq!(change.branch.live().map(|live| live.artifact), Some(artifact));
    // The records are the whole truth: they make the same job again.
    assert_eq!(Job::replay(change.job.id(), &records), Ok(change.job));
    println!("\n{} records make the same job again", records.len());
    Ok(())
}

fn show(change: &Change, now: DateTime<Utc>) {
    for Record { seq, event, .. } in &change.records {
        if let Event::Created { birth, .. } = event {
            println!("  record {seq}: Created, {} uploads to come", birth.source.slots());
        } else {
            println!("  record {seq}: {event:?}");
        }
    }
    match &change.answer {
        Err(rejection) => println!("  refused: {rejection}"),
        Ok(()) if change.is_empty() => println!("  nothing, it was done before"),
        Ok(()) => {}
    }
    println!("  {}", change.job.why(now).on(&change.branch));
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}

#[test]
fn the_example_runs() {
    assert_eq!(main(), Ok(()));
}
