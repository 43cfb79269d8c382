use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use windlass::{Artifact, Attempt, Commit, Event as Happened, EventKind, JobId, NewJob, Source, TRANSITIONS};

use super::*;

/// What the page beside this file says, and by the law: an event wherever the status changes, `STARTED` where a job
/// that nobody worked on is worked on.
#[test]
fn every_change_of_status_is_an_event_and_nothing_else_is() {
    let account = Account { region: "us-east-1".to_owned(), id: "000000000000".to_owned() };
    let (app, branch) = ("d1".parse().unwrap(), "feature/x".parse().unwrap());
    let at = At { account: &account, app: &app, branch: &branch, uid: BranchUid(3) };
    let (job, records) = Job::create(JobId::new(12), new_job(), nine());
    let first = records.into_iter().next().unwrap();
    let made = serde_json::to_string_pretty(&Event::of(at, None, &job, &first).unwrap()).unwrap();
    let mut page = format!("Created, CREATED:\n{made}\n");
    for row in TRANSITIONS {
        let before = job_in(row.from, row.event);
        let record = next(&before, row.event);
        let mut job = before.clone();
        job.apply(&record).unwrap();
        let event = Event::of(at, Some(before.status()), &job, &record);
        assert_eq!(event.is_some(), row.from != row.to, "{row:?}");
        page += &format!("\n{}, {}, {}:", row.from, row.event, row.to);
        let Some(event) = event else {
            page += " no event\n";
            continue;
        };
        let begins = row.to.is_working() && !row.from.is_working();
        assert_eq!(event.detail.job_status, if begins { "STARTED" } else { row.to.as_ref() }, "{row:?}");
        page += &format!("\n{}\n", serde_json::to_string_pretty(&event).unwrap());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/events/form/transitions.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "{} is not what events are; UPDATE=1 cargo test rewrites it:\n{page}", path.display());
}

/// The same for the same moment of the same job, and for no other.
#[test]
fn an_event_has_an_id_of_its_own() {
    let (one, other) = ("d1".parse::<AppId>().unwrap(), "d2".parse::<AppId>().unwrap());
    let account = Account { region: "us-east-1".to_owned(), id: "000000000000".to_owned() };
    let branch = "main".parse().unwrap();
    let mut ids = BTreeSet::new();
    for (app, uid, number) in [(&one, 1, 1), (&one, 1, 2), (&one, 2, 1), (&other, 1, 1), (&one, 11, 1), (&one, 1, 11)] {
        let at = At { account: &account, app, branch: &branch, uid: BranchUid(uid) };
        let (job, records) = Job::create(JobId::new(number), new_job(), nine());
        let record = records.into_iter().next().unwrap();
        let started = next(&job, EventKind::Started);
        for record in [record, started] {
            let id = id(at, &job, &record);
            assert_eq!(super::id(at, &job, &record), id);
            assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 8);
            assert!(ids.insert(id), "{app} {uid} {number}");
        }
    }
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap() + TimeDelta::milliseconds(345)
}

fn new_job() -> NewJob {
    let commit = Commit { id: "0a1b2c3".into(), message: "Fix \"it\"\nat last".into(), time: nine() };
    NewJob { commit: Some(commit), ..NewJob::manual(Source::Zip) }
}

/// A job that has this status, by the shortest way; in a step if it runs, unless that is what begins next.
fn job_in(status: JobStatus, then: EventKind) -> Job {
    let mut ways = VecDeque::from([Job::create(JobId::new(12), new_job(), nine()).0]);
    while let Some(job) = ways.pop_front() {
        if job.status() == status {
            let begins = status == JobStatus::Running && then != EventKind::StepStarted;
            return if begins { after(&job, EventKind::StepStarted) } else { job };
        }
        let moves = TRANSITIONS.iter().filter(|row| row.from == job.status() && row.to != row.from);
        ways.extend(moves.map(|row| after(&job, row.event)));
    }
    panic!("no way leads to {status}");
}

fn after(job: &Job, kind: EventKind) -> Job {
    let mut job = job.clone();
    job.apply(&next(&job, kind)).unwrap();
    job
}

/// A minute later.
fn next(job: &Job, kind: EventKind) -> Record {
    let at = nine() + TimeDelta::minutes(job.seq().into());
    Record {
        seq: job.seq() + 1,
        at: DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap(),
        event: sample(kind),
    }
}

fn newer() -> Commit {
    Commit { id: "4d5e6f".into(), message: "".into(), time: nine() }
}

fn sample(kind: EventKind) -> Happened {
    let attempt = Attempt::new(1);
    match kind {
        EventKind::Uploaded => Happened::Uploaded { slot: 0, object: 7 },
        EventKind::Started => Happened::Started,
        EventKind::Replaced => Happened::Replaced { commit: newer().into() },
        EventKind::Claimed => Happened::Claimed { attempt },
        EventKind::Provisioned => Happened::Provisioned,
        EventKind::Reclaimed => Happened::Reclaimed { attempt },
        EventKind::Resolved => Happened::Resolved { commit: newer().into() },
        EventKind::StepStarted => Happened::StepStarted { step: StepName::Deploy },
        EventKind::StepEnded => Happened::StepEnded { step: StepName::Deploy },
        EventKind::StopRequested => Happened::StopRequested { by: Some("AKIAONE".into()) },
        EventKind::Stopped => Happened::Stopped { by: Some("AKIAONE".into()) },
        EventKind::Skipped => Happened::Skipped { reason: "nothing has changed".into() },
        EventKind::Failed => Happened::Failed { reason: "index.html is missing".into() },
        EventKind::Expired => Happened::Expired,
        EventKind::Succeeded => Happened::Succeeded { artifact: Artifact { job: JobId::new(12), object: 7 } },
    }
}
