//! The law alone, in a tool of one's own, such as a dashboard: what may follow a status, and is a job overdue?
//!
//! `cargo run -p windlass --example embed`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use chrono::{DateTime, Utc};
use windlass::{JobStatus, Limits, TRANSITIONS};

fn main() {
    // What the tool has at hand: a status as AWS spells it, since when the job has it, and what its clock says.
    let status: JobStatus = "RUNNING".parse().expect("AWS spells it so");
    let since: DateTime<Utc> = "2026-01-01T09:00:00Z".parse().expect("a time");
    let now: DateTime<Utc> = "2026-01-01T09:31:00Z".parse().expect("a time");

    for next in TRANSITIONS.iter().filter(|step| step.from == status && step.to != status) {
        println!("{status} becomes {} by {}", next.to, next.event);
    }
    println!("{status} can become PENDING again: {}", status.can_reach(JobStatus::Pending));

    if let Some((limit, length)) = Limits::default().of(status) {
        let over = (now - (since + length)).num_seconds();
        println!("it is over its {limit} limit of {} minutes by {over} seconds", length.num_minutes());
        assert_eq!(over, 60);
    }
    assert!(status.can_reach(JobStatus::Succeed) && !status.can_reach(JobStatus::Pending));
}

#[test]
fn the_example_runs() {
    main();
}
