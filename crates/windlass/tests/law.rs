//! Every row of the table and every pair that has none, on jobs that got where they are by commands.

use std::collections::BTreeSet;
use std::slice;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use strum::IntoEnumIterator;
use windlass::{
    Artifact, Attempt, Command, Commit, Event, EventKind, HistoryError, Job, JobId, JobStatus, JobType, NewJob, Record,
    Records, Rejection, Report, Source, StepName, TRANSITIONS, Transition,
};

#[test]
fn each_command_to_a_job_of_each_status_does_what_the_table_says_or_nothing() {
    let (mut taken, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for job in specimens() {
        let status = job.status();
        let deadline = job.deadline().map_or(job.at(), |deadline| deadline.at);
        let at_once = commands(&job).into_iter().map(|command| (command, job.at()));
        for (command, now) in at_once.chain([(Command::Expire, deadline)]) {
            let asked = asked_for(&command, &job);
            let outcome = job.handle(&command, now);
            match &outcome.answer {
                Ok(()) => {
                    let end = outcome.records.iter().fold(status, |from, record| {
                        let event = record.event.kind().expect("a job is made once");
                        taken.insert((from, event));
                        row(from, event).expect("no event without a row")
                    });
                    assert_eq!(outcome.job.status(), end, "{status}: {command:?}");
                    assert_eq!(outcome.job == job, outcome.records.is_empty(), "{status}: {command:?}");
                    let first = outcome.records.iter().next().and_then(|record| record.event.kind());
                    assert!(first.is_none_or(|event| asked.contains(&event)), "{status}: {command:?} gave {first:?}");
                }
                Err(Rejection::IllegalTransition { status: found, event }) => {
                    assert_eq!((*found, row(status, *event)), (status, None), "{command:?}");
                    assert!(asked.contains(event), "{status}: {command:?} was refused as {event}");
                    assert_eq!(outcome.job, job);
                    refused.insert((status, *event));
                }
                Err(Rejection::StaleAttempt { reported, current }) => {
                    assert!(*current == job.attempt() && (reported != current || *current == Attempt::NONE));
                    assert_eq!(outcome.job, job, "{status}: {command:?}");
                }
                Err(
                    Rejection::StepOutOfTurn { .. }
                    | Rejection::NotBuilt { .. }
                    | Rejection::OtherArtifact { .. }
                    | Rejection::NoSuchSlot { .. }
                    | Rejection::UploadsMissing { .. }
                    | Rejection::BranchBusy { .. },
                ) => assert_eq!(outcome.job, job, "{status}: {command:?}"),
                Err(
                    other @ (Rejection::NotEnded { .. } | Rejection::NothingToRetry { .. } | Rejection::Live { .. }),
                ) => {
                    panic!("{status}: {command:?} was answered {other}")
                }
            }
        }
    }
    let rows: BTreeSet<_> = TRANSITIONS.iter().map(|t| (t.from, t.event)).collect();
    assert_eq!(taken, rows, "each row was taken, and nothing else");
    assert_eq!(rows.len(), 24);

    let pairs = JobStatus::iter().flat_map(|status| EventKind::iter().map(move |event| (status, event)));
    let (otherwise, illegal): (BTreeSet<_>, BTreeSet<_>) =
        pairs.filter(|pair| !rows.contains(pair)).partition(|(status, event)| answered_otherwise(*status, *event));
    assert_eq!(refused, illegal, "each pair without a row that a command can ask for was refused as what it is");
    assert_eq!((illegal.len(), otherwise.len()), (72, 24), "8 * 15 pairs without 24 rows");
}

#[test]
fn a_history_takes_what_the_table_lists_and_refuses_the_rest() {
    let mut pairs = BTreeSet::new();
    for job in specimens() {
        let status = job.status();
        for event in events() {
            let kind = event.kind().expect("none of these makes a job");
            let (seq, mut after) = (job.seq() + 1, job.clone());
            let applied = after.apply(&Record { seq, at: job.at(), event });
            pairs.insert((status, kind));
            match row(status, kind) {
                Some(next) => assert_eq!((applied, after.status()), (Ok(()), next), "{status}, {kind}"),
                None => {
                    assert_eq!(applied, Err(HistoryError::Illegal { seq, status, event: kind }));
                    assert_eq!(after, job, "a record that is refused changes nothing");
                }
            }
        }
    }
    assert_eq!(pairs.len(), 8 * 15, "every pair of status and event");
    assert_eq!(pairs.iter().filter(|(status, kind)| row(*status, *kind).is_none()).count(), 96, "120 pairs, 24 rows");
}

#[test]
fn a_history_that_cannot_be_is_refused_and_says_where() {
    let (job, records) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), nine());
    let first = records.iter().next().expect("a history begins").clone();
    let upload = |seq, minutes| Record {
        seq,
        at: nine() + TimeDelta::minutes(minutes),
        event: Event::Uploaded { slot: 0, object: 1 },
    };
    let replay = |records: &[Record]| Job::replay(JobId::FIRST, records).map(|job| job.seq());

    assert_eq!(replay(slice::from_ref(&first)), Ok(1));
    assert_eq!(replay(&[first.clone(), upload(2, 3), upload(3, 3)]), Ok(3));
    assert_eq!(replay(&[]), Err(HistoryError::NoBeginning));
    assert_eq!(replay(&[upload(1, 0)]), Err(HistoryError::NoBeginning));
    let second = Record { seq: 2, ..first.clone() };
    assert_eq!(replay(slice::from_ref(&second)), Err(HistoryError::NoBeginning));
    let late = Record { at: nine() + TimeDelta::milliseconds(1), ..first.clone() };
    assert_eq!(replay(&[late]), Err(HistoryError::NoBeginning));
    assert_eq!(replay(&[first.clone(), second]), Err(HistoryError::SecondBeginning { seq: 2 }));
    assert_eq!(replay(&[first.clone(), upload(3, 0)]), Err(HistoryError::OutOfOrder { expected: 2, found: 3 }));
    assert_eq!(replay(&[first.clone(), first.clone()]), Err(HistoryError::OutOfOrder { expected: 2, found: 1 }));
    assert_eq!(replay(&[first, upload(2, 9), upload(3, 8)]), Err(HistoryError::TimeWentBack { seq: 3 }));
    assert_eq!(Job::from_parts(job.id(), job.birth().clone().into(), job.progress().clone()), job);
}

#[test]
fn an_illegal_transition_carries_both_halves() {
    let [created, ..] = specimens();
    let refused = created.decide(&Command::Claim, nine()).expect_err("nobody claims a job that waits for uploads");
    assert_eq!(refused.to_string(), "the job is CREATED, and Claimed is not possible then");
}

#[test]
fn to_decide_that_time_is_up_is_to_end_the_job_at_its_deadline_and_not_before() {
    for job in specimens() {
        let Some(deadline) = job.deadline() else {
            assert_eq!(job.decide(&Command::Expire, job.at() + TimeDelta::days(9)), Ok(Records::NONE));
            continue;
        };
        let early = job.decide(&Command::Expire, deadline.at - TimeDelta::milliseconds(1));
        assert_eq!(early, Ok(Records::NONE), "{}", job.status());
        let due = job.decide(&Command::Expire, deadline.at).expect("time is never refused");
        let expired = Record { seq: job.seq() + 1, at: deadline.at, event: Event::Expired };
        assert_eq!((due.len(), due.iter().next()), (1, Some(&expired)), "{}", job.status());
    }
}

#[test]
fn what_lies_between_two_statuses_is_what_every_way_from_the_one_to_the_other_has() {
    for (from, to) in JobStatus::iter().flat_map(|from| JobStatus::iter().map(move |to| (from, to))) {
        let ways = ways(from, to);
        assert_eq!(from.can_reach(to), !ways.is_empty(), "{from} to {to}");
        let on_every =
            |is_it: &dyn Fn(&Transition) -> bool| !ways.is_empty() && ways.iter().all(|way| way.iter().any(is_it));
        let between = |status: &JobStatus| on_every(&|step| step.to == *status && step.to != to);
        let passed: Vec<_> = JobStatus::iter().filter(between).collect();
        assert_eq!(from.must_pass(to).collect::<Vec<_>>(), passed, "{from} to {to}");
        let happened: Vec<_> = EventKind::iter().filter(|event| on_every(&|step| step.event == *event)).collect();
        assert_eq!(from.must_happen(to).collect::<Vec<_>>(), happened, "{from} to {to}");
    }
    let shortest = JobStatus::Created.must_pass(JobStatus::Succeed);
    assert!(shortest.eq([JobStatus::Pending, JobStatus::Provisioning, JobStatus::Running]));
    let events = [EventKind::Started, EventKind::Claimed, EventKind::Provisioned, EventKind::Succeeded];
    assert!(JobStatus::Created.must_happen(JobStatus::Succeed).eq(events));
}

#[test]
fn a_runner_has_a_job_from_its_claim_to_its_end() {
    for status in JobStatus::iter() {
        let claimed = JobStatus::Provisioning.can_reach(status);
        assert_eq!(status.is_working(), claimed && !status.is_terminal(), "{status}");
    }
    assert_eq!(JobStatus::iter().filter(|status| status.is_working()).count(), 3);
}

/// Every way from one status to another on which none comes twice.
fn ways(from: JobStatus, to: JobStatus) -> Vec<Vec<Transition>> {
    let (mut found, mut open) = (Vec::new(), vec![Vec::new()]);
    while let Some(way) = open.pop() {
        let at = way.last().map_or(from, |last: &Transition| last.to);
        if at == to {
            found.push(way);
            continue;
        }
        let been = |status| status == from || way.iter().any(|step| step.to == status);
        let next = TRANSITIONS.iter().filter(|step| step.from == at && !been(step.to));
        open.extend(next.map(|step| [way.as_slice(), &[*step]].concat()));
    }
    found
}

/// Whether no command can ask for what the table does not list here, because something else answers it first.
fn answered_otherwise(status: JobStatus, event: EventKind) -> bool {
    let waits = matches!(status, JobStatus::Created | JobStatus::Pending);
    match event {
        // There is no runner yet that could say so.
        EventKind::Provisioned
        | EventKind::Reclaimed
        | EventKind::Resolved
        | EventKind::StepStarted
        | EventKind::StepEnded
        | EventKind::Skipped
        | EventKind::Failed
        | EventKind::Succeeded
            if waits =>
        {
            true
        }
        // It happened before, and asking again is no error.
        EventKind::Provisioned => status == JobStatus::Running,
        EventKind::StopRequested if status == JobStatus::Cancelling => true,
        EventKind::Expired => status.is_terminal(),
        // A job without a runner stops at once.
        EventKind::StopRequested => waits,
        // What waits for uploads builds no commit, and keeps its place.
        EventKind::Replaced => status == JobStatus::Created,
        EventKind::Uploaded
        | EventKind::Started
        | EventKind::Claimed
        | EventKind::Reclaimed
        | EventKind::Resolved
        | EventKind::StepStarted
        | EventKind::StepEnded
        | EventKind::Stopped
        | EventKind::Skipped
        | EventKind::Failed
        | EventKind::Succeeded => false,
    }
}

fn row(from: JobStatus, event: EventKind) -> Option<JobStatus> {
    TRANSITIONS.iter().find(|t| (t.from, t.event) == (from, event)).map(|t| t.to)
}

/// What a command wants to happen; more than one thing where the job's past decides.
fn asked_for(command: &Command, job: &Job) -> &'static [EventKind] {
    match command {
        Command::Upload { .. } => &[EventKind::Uploaded],
        Command::Start => &[EventKind::Started],
        Command::Replace { .. } => &[EventKind::Replaced],
        Command::Stop { .. } => match job.status() {
            JobStatus::Created | JobStatus::Pending => &[EventKind::Stopped],
            JobStatus::Cancelling => &[],
            JobStatus::Provisioning
            | JobStatus::Running
            | JobStatus::Failed
            | JobStatus::Succeed
            | JobStatus::Cancelled => &[EventKind::StopRequested],
        },
        Command::Claim => &[EventKind::Claimed],
        Command::Reclaim { .. } => &[EventKind::Reclaimed, EventKind::Failed],
        Command::Expire => &[EventKind::Expired],
        Command::Report { report, .. } => match report {
            Report::Provisioned => &[EventKind::Provisioned],
            Report::Resolved { .. } => &[EventKind::Resolved],
            Report::StepStarted(_) => &[EventKind::StepStarted],
            Report::StepEnded(_) => &[EventKind::StepEnded],
            Report::Failed { .. } => &[EventKind::Failed],
            Report::Skipped { .. } => &[EventKind::Skipped],
            Report::Succeeded { .. } => &[EventKind::Succeeded],
            Report::Stopped => &[EventKind::Stopped],
        },
    }
}

fn commands(job: &Job) -> Vec<Command> {
    let mut commands = vec![
        Command::Upload { slot: 0, object: 4 },
        Command::Upload { slot: 1, object: 4 },
        Command::Start,
        replace(),
        Command::Stop { by: None },
        Command::Claim,
        Command::Expire,
    ];
    for attempt in [job.attempt(), Attempt::new(job.attempt().get() + 1)] {
        commands.push(Command::Reclaim { attempt });
        commands.extend(reports().map(|report| Command::Report { attempt, report }));
    }
    // An end that is told again with other facts is another end.
    let attempt = job.attempt();
    let other = Artifact { job: JobId::FIRST, object: 2 };
    commands.push(Command::Report { attempt, report: Report::Failed { reason: "disk full".into() } });
    commands.push(Command::Report { attempt, report: Report::Succeeded { artifact: other } });
    commands
}

fn reports() -> [Report; 8] {
    [
        Report::Provisioned,
        Report::Resolved { commit: Box::new(resolved()) },
        Report::StepStarted(StepName::Deploy),
        Report::StepEnded(StepName::Deploy),
        Report::Failed { reason: "exit status 1".into() },
        Report::Skipped { reason: "nothing changed".into() },
        Report::Succeeded { artifact: artifact() },
        Report::Stopped,
    ]
}

/// One event of each kind.
fn events() -> [Event; 15] {
    let step = StepName::Verify;
    [
        Event::Uploaded { slot: 0, object: 4 },
        Event::Started,
        Event::Replaced { commit: Box::new(commit()) },
        Event::Claimed { attempt: Attempt::new(1) },
        Event::Provisioned,
        Event::Reclaimed { attempt: Attempt::new(2) },
        Event::Resolved { commit: Box::new(resolved()) },
        Event::StepStarted { step },
        Event::StepEnded { step },
        Event::StopRequested { by: None },
        Event::Stopped { by: None },
        Event::Skipped { reason: "nothing changed".into() },
        Event::Failed { reason: "exit status 1".into() },
        Event::Expired,
        Event::Succeeded { artifact: artifact() },
    ]
}

/// Jobs of every status, in each of the shapes that a guard asks about.
fn specimens() -> [Job; 18] {
    let report = |report| Command::Report { attempt: Attempt::new(1), report };
    let [provisioned, resolved, deploying, deployed, failed, skipped, succeeded, stopped] = reports().map(report);
    let upload = Command::Upload { slot: 0, object: 1 };
    let stop = || Command::Stop { by: Some("Ann".into()) };
    let lost = |attempt| Command::Reclaim { attempt: Attempt::new(attempt) };
    let running = [Command::Claim, provisioned];
    let run = |then: &[Command]| built(&[&running, then].concat());
    [
        uploaded(&[]),
        uploaded(slice::from_ref(&upload)),
        uploaded(&[upload, Command::Start]),
        built(&[]),
        built(&[Command::Claim]),
        built(&[Command::Claim, lost(1), lost(2)]),
        run(&[]),
        run(&[resolved]),
        run(slice::from_ref(&deploying)),
        run(&[deploying.clone(), deployed.clone()]),
        run(&[lost(1), lost(2)]),
        run(&[stop()]),
        run(&[failed]),
        run(slice::from_ref(&succeeded)),
        run(&[deploying, deployed, succeeded]),
        run(&[skipped]),
        run(&[stop(), stopped]),
        built(&[stop()]),
    ]
}

fn uploaded(commands: &[Command]) -> Job {
    brought(NewJob::manual(Source::Zip), commands)
}

fn built(commands: &[Command]) -> Job {
    let manual = NewJob::manual(Source::Repository);
    brought(NewJob { job_type: JobType::Release, commit: Some(commit()), ..manual }, commands)
}

fn brought(new: NewJob, commands: &[Command]) -> Job {
    let (mut job, _) = Job::create(JobId::FIRST, new, nine());
    for (minute, command) in (1..).zip(commands) {
        let outcome = job.handle(command, nine() + TimeDelta::minutes(minute));
        outcome.answer.expect("the way there is legal");
        assert!(!outcome.records.is_empty(), "{command:?} did nothing");
        job = outcome.job;
    }
    job
}

fn replace() -> Command {
    Command::Replace { commit: Box::new(commit()) }
}

fn commit() -> Commit {
    Commit { id: "a1".into(), message: "Shorter".into(), time: nine() }
}

fn resolved() -> Commit {
    Commit { id: "a1b2c3d4".into(), ..commit() }
}

const fn artifact() -> Artifact {
    Artifact { job: JobId::FIRST, object: 1 }
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}
