//! A job as one would write it without events and records: each guard is followed at once by a look at a table and by
//! the change itself, in place.

use chrono::{DateTime, TimeDelta, Utc};
use windlass::{
    Artifact, Attempt, Cause, Command, EventKind, JobId, JobStatus, Limit, NewJob, Report, Step, StepName, TRANSITIONS,
};

/// The law as a bare array, by status and event.
pub type Table = [[Option<JobStatus>; 15]; 8];

/// What one would look up by hand.
pub static TABLE: Table = {
    let mut table = [[None; 15]; 8];
    let mut i = 0;
    while i < TRANSITIONS.len() {
        table[TRANSITIONS[i].from as usize][TRANSITIONS[i].event as usize] = Some(TRANSITIONS[i].to);
        i += 1;
    }
    table
};

/// A job of a zip that holds the same facts as [`windlass::Job`].
#[derive(Clone, Debug)]
pub struct HandJob {
    /// Its number.
    pub id: JobId,
    /// Its status.
    pub status: JobStatus,
    /// How many things have happened to it.
    pub seq: u32,
    /// Since when it has had its status.
    pub since: DateTime<Utc>,
    /// When something last happened.
    pub at: DateTime<Utc>,
    /// When a runner took it.
    pub claimed: Option<DateTime<Utc>>,
    /// Which runner has it.
    pub attempt: u32,
    /// Its steps.
    pub steps: [Option<Step>; 4],
    /// Why it ended.
    pub cause: Option<Cause>,
    /// What it put live.
    pub artifact: Option<Artifact>,
    /// What it was made of.
    pub new: NewJob,
    /// When it was made.
    pub created: DateTime<Utc>,
    zip: Option<u64>,
    open: Option<StepName>,
    stopped_by: Option<Box<str>>,
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The table has no such entry.
    Illegal(JobStatus, EventKind),
    /// The runner was given up for lost.
    Stale(Attempt),
    /// A step came out of turn.
    OutOfTurn(StepName),
    /// There is no such upload slot.
    NoSlot(u32),
    /// The zip is not there.
    Missing,
    /// It builds no commit.
    Busy(JobId),
    /// No commit is resolved for it.
    NotBuilt(JobId),
}

/// Where a job writes down what happened to it.
pub trait Log {
    /// Writes it down.
    fn note(&mut self, job: &HandJob, what: impl FnOnce() -> What);
}

/// What happened, with the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the events")]
pub enum What {
    Created(Box<NewJob>),
    Uploaded { slot: u32, object: u64 },
    Started,
    Claimed { attempt: u32 },
    Provisioned,
    Reclaimed { attempt: u32 },
    StepStarted(StepName),
    StepEnded(StepName),
    StopRequested { by: Option<Box<str>> },
    Stopped { by: Option<Box<str>> },
    Skipped { reason: Box<str> },
    Failed { reason: Box<str> },
    Expired,
    Succeeded(Artifact),
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its place.
    pub seq: u32,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub what: What,
}

/// A job that forgets.
impl Log for () {
    fn note(&mut self, _: &HandJob, _: impl FnOnce() -> What) {}
}

/// A job that can say what happened to it.
impl Log for Vec<Note> {
    fn note(&mut self, job: &HandJob, what: impl FnOnce() -> What) {
        self.push(Note { seq: job.seq, at: job.at, what: what() });
    }
}

impl HandJob {
    /// A job that waits for its zip.
    #[must_use]
    pub fn new(id: JobId, new: NewJob, now: DateTime<Utc>, log: &mut impl Log) -> Self {
        let job = Self {
            id,
            status: JobStatus::Created,
            seq: 1,
            since: now,
            at: now,
            claimed: None,
            attempt: 0,
            steps: [None; 4],
            cause: None,
            artifact: None,
            new,
            created: now,
            zip: None,
            open: None,
            stopped_by: None,
        };
        log.note(&job, || What::Created(Box::new(job.new.clone())));
        job
    }

    /// Does what is asked.
    ///
    /// # Errors
    ///
    /// Where the status or a fact does not allow it.
    pub fn command(&mut self, command: &Command, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        match command {
            Command::Upload { slot, object } => {
                let next = self.next(EventKind::Uploaded)?;
                if *slot != 0 {
                    return Err(Refused::NoSlot(*slot));
                }
                self.zip = Some(*object);
                self.turn(next, now);
                log.note(self, || What::Uploaded { slot: *slot, object: *object });
            }
            Command::Start => {
                let next = self.next(EventKind::Started)?;
                if self.zip.is_none() {
                    return Err(Refused::Missing);
                }
                self.turn(next, now);
                log.note(self, || What::Started);
            }
            Command::Claim => {
                let next = self.next(EventKind::Claimed)?;
                self.turn(next, now);
                (self.claimed, self.attempt) = (Some(self.at), 1);
                log.note(self, || What::Claimed { attempt: 1 });
                let next = self.next(EventKind::Provisioned)?;
                self.turn(next, now);
                log.note(self, || What::Provisioned);
            }
            Command::Replace { .. } => return Err(Refused::Busy(self.id)),
            Command::Stop { by } => self.stop(by.as_deref(), now, log)?,
            Command::Reclaim { attempt } => self.reclaim(*attempt, now, log)?,
            Command::Report { attempt, report } => {
                self.current(*attempt)?;
                self.report(report, now, log)?;
            }
            Command::Expire => self.expire(now, log)?,
        }
        Ok(())
    }

    /// Ends the job if its time is up.
    ///
    /// # Errors
    ///
    /// None that a job can get to.
    pub fn expire(&mut self, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        let Some((limit, seconds)) = self.limit().filter(|(_, seconds)| now >= self.since + seconds_of(*seconds))
        else {
            return Ok(());
        };
        let next = self.next(EventKind::Expired)?;
        self.cause = Some(match limit {
            Limit::Cancel => Cause::Stopped { by: self.stopped_by.take() },
            Limit::Upload | Limit::Queue | Limit::Provision | Limit::Build => {
                Cause::Expired { limit, seconds: seconds.into(), step: self.open }
            }
        });
        self.turn(next, now);
        log.note(self, || What::Expired);
        Ok(())
    }

    fn stop(&mut self, by: Option<&str>, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        match self.status {
            JobStatus::Cancelling => {}
            JobStatus::Created | JobStatus::Pending => {
                let next = self.next(EventKind::Stopped)?;
                self.cause = Some(Cause::Stopped { by: by.map(Into::into) });
                self.turn(next, now);
                log.note(self, || What::Stopped { by: by.map(Into::into) });
            }
            JobStatus::Provisioning
            | JobStatus::Running
            | JobStatus::Failed
            | JobStatus::Succeed
            | JobStatus::Cancelled => {
                let next = self.next(EventKind::StopRequested)?;
                self.stopped_by = by.map(Into::into);
                if let Some(step) = self.open_step() {
                    step.status = JobStatus::Cancelling;
                }
                self.turn(next, now);
                log.note(self, || What::StopRequested { by: by.map(Into::into) });
            }
        }
        Ok(())
    }

    fn reclaim(&mut self, lost: Attempt, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        self.current(lost)?;
        let next = self.next(EventKind::Reclaimed)?;
        if self.attempt == Attempt::MAX.get() {
            let reason = format!("the runner was lost in each of {} attempts", Attempt::MAX);
            return self.fail(&reason, now, log);
        }
        self.attempt += 1;
        (self.steps, self.open) = ([None; 4], None);
        self.turn(next, now);
        log.note(self, || What::Reclaimed { attempt: self.attempt });
        Ok(())
    }

    fn report(&mut self, report: &Report, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        match report {
            Report::Provisioned if self.status == JobStatus::Running => {}
            Report::Provisioned => {
                let next = self.next(EventKind::Provisioned)?;
                self.turn(next, now);
                log.note(self, || What::Provisioned);
            }
            Report::Resolved { .. } => {
                self.next(EventKind::Resolved)?;
                return Err(Refused::NotBuilt(self.id));
            }
            Report::StepStarted(step) => self.start_step(*step, now, log)?,
            Report::StepEnded(step) => self.end_step(*step, now, log)?,
            Report::Succeeded { artifact } if self.artifact == Some(*artifact) => {}
            Report::Succeeded { artifact } => {
                let next = self.next(EventKind::Succeeded)?;
                if let Some(open) = self.open {
                    return Err(Refused::OutOfTurn(open));
                }
                self.artifact = Some(*artifact);
                self.turn(next, now);
                log.note(self, || What::Succeeded(*artifact));
            }
            Report::Failed { reason } => {
                if !matches!(&self.cause, Some(Cause::Failed { reason: known, .. }) if known == reason) {
                    self.fail(reason, now, log)?;
                }
            }
            Report::Skipped { .. } if matches!(self.cause, Some(Cause::Skipped { .. })) => {}
            Report::Skipped { reason } => {
                let next = self.next(EventKind::Skipped)?;
                self.cause = Some(Cause::Skipped { reason: reason.clone() });
                self.turn(next, now);
                log.note(self, || What::Skipped { reason: reason.clone() });
            }
            Report::Stopped if matches!(self.cause, Some(Cause::Stopped { .. })) => {}
            Report::Stopped => {
                let next = self.next(EventKind::Stopped)?;
                self.cause = Some(Cause::Stopped { by: self.stopped_by.take() });
                self.turn(next, now);
                log.note(self, || What::Stopped { by: None });
            }
        }
        Ok(())
    }

    fn start_step(&mut self, step: StepName, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        if self.status == JobStatus::Running && self.open == Some(step) {
            return Ok(());
        }
        let next = self.next(EventKind::StepStarted)?;
        if self.open.is_some() || self.steps[step as usize..].iter().any(Option::is_some) {
            return Err(Refused::OutOfTurn(step));
        }
        self.turn(next, now);
        self.steps[step as usize] = Some(Step { started: self.at, ended: None, status: JobStatus::Running });
        self.open = Some(step);
        log.note(self, || What::StepStarted(step));
        Ok(())
    }

    fn end_step(&mut self, step: StepName, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        let next = self.next(EventKind::StepEnded)?;
        if self.open != Some(step) {
            let ended = self.steps[step as usize].is_some();
            return if ended { Ok(()) } else { Err(Refused::OutOfTurn(step)) };
        }
        self.turn(next, now);
        self.close(JobStatus::Succeed);
        log.note(self, || What::StepEnded(step));
        Ok(())
    }

    fn fail(&mut self, reason: &str, now: DateTime<Utc>, log: &mut impl Log) -> Result<(), Refused> {
        let next = self.next(EventKind::Failed)?;
        self.cause = Some(Cause::Failed { step: self.open, reason: reason.into() });
        self.turn(next, now);
        log.note(self, || What::Failed { reason: reason.into() });
        Ok(())
    }

    const fn next(&self, event: EventKind) -> Result<JobStatus, Refused> {
        match TABLE[self.status as usize][event as usize] {
            Some(next) => Ok(next),
            None => Err(Refused::Illegal(self.status, event)),
        }
    }

    const fn current(&self, attempt: Attempt) -> Result<(), Refused> {
        if attempt.get() == self.attempt && self.attempt != 0 { Ok(()) } else { Err(Refused::Stale(attempt)) }
    }

    const fn limit(&self) -> Option<(Limit, u32)> {
        match self.status {
            JobStatus::Created => Some((Limit::Upload, self.new.limits.upload)),
            JobStatus::Pending => Some((Limit::Queue, self.new.limits.queue)),
            JobStatus::Provisioning => Some((Limit::Provision, self.new.limits.provision)),
            JobStatus::Running => Some((Limit::Build, self.new.limits.build)),
            JobStatus::Cancelling => Some((Limit::Cancel, self.new.limits.cancel)),
            JobStatus::Failed | JobStatus::Succeed | JobStatus::Cancelled => None,
        }
    }

    fn turn(&mut self, next: JobStatus, now: DateTime<Utc>) {
        self.seq += 1;
        self.at = self.at.max(now);
        if next != self.status {
            (self.status, self.since) = (next, self.at);
        }
        if next.is_terminal() {
            self.close(next);
        }
    }

    fn close(&mut self, status: JobStatus) {
        let at = self.at;
        if let Some(step) = self.open_step() {
            (step.ended, step.status) = (Some(at), status);
        }
        self.open = None;
    }

    fn open_step(&mut self) -> Option<&mut Step> {
        self.steps[self.open? as usize].as_mut()
    }
}

fn seconds_of(seconds: u32) -> TimeDelta {
    TimeDelta::seconds(seconds.into())
}
