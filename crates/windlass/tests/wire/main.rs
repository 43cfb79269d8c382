//! The JSON of jobs, and the texts of ids and ARNs, as AWS's clients read and write them.

mod golden;
mod names;
mod shown;
mod times;
mod transcripts;
mod trips;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use serde_json::Value;
use windlass::wire;
use windlass::{Account, Arn, Attempt, Command, Job, JobId, NewJob, Report, Resource};

/// A job that lives through commands, each so many milliseconds after its creation at [`nine`].
fn lived(id: u64, new: NewJob, commands: &[(i64, Command)]) -> Job {
    let (job, _) = Job::create(JobId::new(id), new, nine());
    commands.iter().fold(job, |job, (millis, command)| {
        let outcome = job.handle(command, nine() + TimeDelta::milliseconds(*millis));
        assert_eq!(outcome.answer, Ok(()), "{command:?}");
        outcome.job
    })
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}

fn form(job: &Job) -> wire::Job {
    let form = wire::Job::new(job, &arn(job));
    assert_eq!(form.summary, wire::JobSummary::new(job, &arn(job)));
    form
}

fn arn(job: &Job) -> Arn {
    let [app, branch] = ["d1", "main"];
    account().arn(Resource::Job(app.parse().expect("an id"), branch.parse().expect("a name"), job.id()))
}

fn account() -> Account {
    Account { region: "us-east-1".into(), id: "000000000000".into() }
}

/// A little after nine in the morning.
fn nine() -> DateTime<Utc> {
    from_millis(1_767_258_000_123)
}

fn from_millis(millis: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(millis).single().expect("a time of the calendar")
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
