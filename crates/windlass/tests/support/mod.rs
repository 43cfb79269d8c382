//! A branch with all its jobs and their whole histories, which watches over every promise while it is driven.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass::{
    Artifact, Attempt, Branch, Change, Command, Commit, Event, FileSlot, Job, JobId, JobStatus, JobType, Live, NewJob,
    Record, Rejection, Report, Source, SourceUrlType, StepName,
};

/// The branch, and what a store would keep beside it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) branch: Branch,
    pub(crate) jobs: BTreeMap<JobId, Kept>,
    live: Option<Live>,
    made: u64,
}

/// A job and how it came about.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) job: Job,
    pub(crate) records: Vec<Record>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { branch: Branch::default(), jobs: BTreeMap::new(), live: None, made: 0 }
    }

    /// CreateDeployment or StartJob. One unfinished job is one too many, unless it was told to stop.
    pub(crate) fn create(&mut self, new: NewJob, now: DateTime<Utc>) -> Result<JobId, Rejection> {
        let busy = self.jobs.values().map(|kept| kept.job.status()).any(|status| match status {
            JobStatus::Created | JobStatus::Pending | JobStatus::Provisioning | JobStatus::Running => true,
            JobStatus::Cancelling | JobStatus::Failed | JobStatus::Succeed | JobStatus::Cancelled => false,
        });
        let created = self.branch.create(new, now);
        assert_eq!(created.is_err(), busy, "a job is made where no other is unfinished");
        Ok(self.keep_new(created?))
    }

    /// A push that needs a job of its own. One may wait behind the one that works.
    pub(crate) fn push(&mut self, new: NewJob, now: DateTime<Utc>) -> Result<JobId, Rejection> {
        let waits = self.jobs.values().any(|kept| waits(kept.job.status()));
        let pushed = self.branch.push(new, now);
        assert_eq!(pushed.is_err(), waits, "one job may wait");
        Ok(self.keep_new(pushed?))
    }

    fn keep_new(&mut self, change: Change) -> JobId {
        self.made += 1;
        assert_eq!(change.job.id(), JobId::new(self.made), "numbers never repeat and leave no gap");
        let id = change.job.id();
        self.keep(change);
        self.check();
        id
    }

    /// What comes of a command, watched. Nothing is kept of it yet.
    pub(crate) fn handle(&self, id: JobId, command: &Command, now: DateTime<Utc>) -> Change {
        let before = &self.jobs[&id].job;
        let change = self.branch.handle(before, command, now);
        check_change(&self.branch, before, command, now, &change);
        if change.answer.is_ok() && matches!(command, Command::Report { .. }) {
            let again = change.branch.handle(&change.job, command, now);
            assert_eq!((again.answer, again.records), (Ok(()), vec![]), "a report said twice counts once: {command:?}");
        }
        change
    }

    /// Stores what came of a command.
    pub(crate) fn keep(&mut self, change: Change) {
        let id = change.job.id();
        for record in &change.records {
            if let Event::Succeeded { artifact } = record.event {
                self.live = Some(Live { job: id, artifact, since: record.at });
            }
        }
        self.branch = change.branch;
        let mut records = self.jobs.remove(&id).map_or_else(Vec::new, |kept| kept.records);
        records.extend(change.records);
        let replayed = Job::replay(id, &records).expect("what was stored can be replayed");
        assert_eq!(replayed, change.job, "the row is what its records make");
        self.jobs.insert(id, Kept { job: change.job, records });
    }

    /// Both of them, and every promise about the whole afterwards.
    pub(crate) fn command(&mut self, id: JobId, command: &Command, now: DateTime<Utc>) -> Result<(), Rejection> {
        let change = self.handle(id, command, now);
        let answer = change.answer.clone();
        if !change.is_empty() {
            self.keep(change);
            self.check();
        }
        answer
    }

    /// DeleteJob. Nothing unfinished goes, and nothing that is live.
    pub(crate) fn delete(&mut self, id: JobId) -> Result<(), Rejection> {
        let job = &self.jobs[&id].job;
        let must_stay = !job.status().is_terminal() || self.live.is_some_and(|live| live.job == id);
        let deleted = self.branch.delete(job);
        assert_eq!(deleted.is_err(), must_stay);
        self.branch = deleted?;
        self.jobs.remove(&id);
        self.check();
        Ok(())
    }

    /// The branch is what its jobs make of it, and each job is sound.
    pub(crate) fn check(&self) {
        let statuses = || self.jobs.iter().map(|(id, kept)| (*id, kept.job.status()));
        let waiting: Vec<_> = statuses().filter(|(_, status)| waits(*status)).map(|(id, _)| id).collect();
        let working: Vec<_> = statuses().filter(|(_, status)| status.is_working()).collect();
        assert!(waiting.len() <= 1, "one job waits: {waiting:?}");
        assert!(working.len() <= 1, "one job works: {working:?}");
        let branch = &self.branch;
        assert_eq!(branch.waiting(), waiting.first().copied());
        let known = branch.working().map(|w| (w.job, w.cancelling));
        assert_eq!(known, working.first().map(|(id, status)| (*id, *status == JobStatus::Cancelling)));
        assert_eq!(branch.live(), self.live, "what is live changes by a success alone");
        assert_eq!(branch.last(), self.made);
        assert_eq!(branch.jobs(), self.jobs.len() as u64);
        assert!(branch.unfinished().eq(waiting.iter().copied().chain(working.iter().map(|(id, _)| *id))));
        for kept in self.jobs.values() {
            check_job(&kept.job);
        }
    }
}

fn waits(status: JobStatus) -> bool {
    !status.is_terminal() && !status.is_working()
}

/// Records apply once, in order and in time, and they alone make the job.
fn check_change(branch: &Branch, before: &Job, command: &Command, now: DateTime<Utc>, change: &Change) {
    let mut job = before.clone();
    for record in &change.records {
        assert!(record.at >= job.at(), "time never goes back");
        assert_eq!(record.at.timestamp_subsec_nanos() % 1_000_000, 0, "times are whole milliseconds");
        job.apply(record).expect("what was decided applies");
        let applied = job.clone();
        assert!(job.apply(record).is_err(), "a record applies once");
        assert_eq!(job, applied, "a record that is refused changes nothing");
    }
    assert_eq!(job, change.job, "records alone change a job");
    if let Command::Report { attempt, .. } | Command::Reclaim { attempt } = command
        && (*attempt != before.attempt() || *attempt == Attempt::NONE)
    {
        assert!(change.answer.is_err(), "only the runner that has the job is heard: {command:?}");
    }
    match (before.is_due(now), &change.answer) {
        (true, answer) => {
            assert!(matches!(change.records[..], [Record { event: Event::Expired, .. }]), "time comes first");
            assert!(job.status().is_terminal());
            // Only what the job has been told before is no news to an ended job.
            assert!(answer.is_err() || matches!(command, Command::Expire | Command::Report { .. }), "{command:?}");
        }
        (false, Ok(())) => {
            let decided = before.decide(command, now).expect("what is handled is decided");
            assert!(decided.iter().eq(&change.records));
        }
        (false, Err(_)) => assert_eq!((change.records.len(), &change.branch), (0, branch), "a refusal changes nothing"),
    }
}

/// Ended, timed and stepped as it must be.
fn check_job(job: &Job) {
    let (status, ended) = (job.status(), job.status().is_terminal());
    assert_eq!(ended, job.ended().is_some(), "an ended job has an end time");
    assert_eq!(ended, job.deadline().is_none(), "an ended job has no deadline");
    assert_eq!(ended && status != JobStatus::Succeed, job.cause().is_some(), "every other end says why");
    assert_eq!(job.artifact().is_some(), status == JobStatus::Succeed);
    assert!(job.birth().created <= job.started() && job.started() <= job.at() && job.since() <= job.at());
    assert!(job.attempt() <= Attempt::MAX);

    let mut earlier = job.started();
    for (name, step) in job.steps() {
        assert!(step.started >= earlier, "steps follow each other: {name}");
        earlier = step.ended.unwrap_or(step.started);
        assert!(earlier >= step.started && job.ended().is_none_or(|end| earlier <= end), "{name} outlives its job");
        assert_eq!(step.ended.is_some(), step.status.is_terminal());
    }
    let open: Vec<_> = job.steps().filter(|(_, step)| step.ended.is_none()).collect();
    assert!(open.len() <= 1, "one step is open: {open:?}");
    for (_, step) in open {
        assert_eq!(step.status, status, "an open step is what its job is");
    }

    if let Some(deadline) = job.deadline() {
        let early = job.handle(&Command::Expire, deadline.at - TimeDelta::milliseconds(1));
        assert_eq!((early.answer, early.records.len()), (Ok(()), 0), "too early does nothing");
        let due = job.handle(&Command::Expire, deadline.at);
        assert!(due.job.status().is_terminal(), "time always ends a job");
        assert!(due.job.ended().is_some_and(|end| end >= deadline.at));
        let twice = due.job.handle(&Command::Expire, deadline.at);
        assert_eq!((twice.answer, twice.records.len()), (Ok(()), 0), "twice does nothing");
    }
}

/// Every command that means anything to `job`, and some that do not.
pub(crate) fn commands(job: &Job) -> Vec<Command> {
    let attempt = job.attempt();
    let artifact = Artifact { job: job.id(), object: 4 };
    let of = |attempt, report| Command::Report { attempt, report };
    let mut commands = vec![
        Command::Upload { slot: 0, object: 4 },
        Command::Upload { slot: 1, object: 0 },
        Command::Upload { slot: 64, object: 0 },
        Command::Start,
        Command::Replace { commit: Box::new(commit("b2")) },
        Command::Stop { by: Some("Ann".into()) },
        Command::Claim,
        Command::Reclaim { attempt },
        Command::Reclaim { attempt: Attempt::new(attempt.get() + 1) },
        of(Attempt::new(attempt.get().wrapping_sub(1)), Report::Succeeded { artifact }),
        Command::Expire,
    ];
    let reports = [
        Report::Provisioned,
        Report::Resolved { commit: Box::new(commit("c3")) },
        Report::StepStarted(StepName::Build),
        Report::StepStarted(StepName::Deploy),
        Report::StepEnded(StepName::Build),
        Report::StepEnded(StepName::Deploy),
        Report::Failed { reason: "no index.html".into() },
        Report::Skipped { reason: "nothing changed".into() },
        Report::Succeeded { artifact },
        Report::Stopped,
    ];
    commands.extend(reports.map(|report| of(attempt, report)));
    commands
}

/// One job for each way in which content arrives.
pub(crate) fn sources() -> [NewJob; 5] {
    let file = |path: &str| FileSlot { path: path.into(), md5: [7; 16] };
    let url = Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip };
    let first = Artifact { job: JobId::FIRST, object: 1 };
    [
        NewJob::manual(Source::Zip),
        NewJob::manual(["index.html", "app.js"].map(file).into_iter().collect()),
        NewJob::manual(url),
        NewJob { job_type: JobType::Retry, retries: Some(JobId::FIRST), ..NewJob::manual(Source::Artifact(first)) },
        NewJob { job_type: JobType::Release, commit: Some(commit("a1")), ..NewJob::manual(Source::Repository) },
    ]
}

pub(crate) fn commit(id: &str) -> Commit {
    Commit { id: id.into(), message: "Shorter".into(), time: start() }
}

/// Nine in the morning.
pub(crate) fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}
