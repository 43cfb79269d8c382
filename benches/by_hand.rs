//! A job as one would write it without a table, events or records: it changes in place, and forgets how.

use chrono::{DateTime, TimeDelta, Utc};
use windlass::{Artifact, Attempt, Command, JobId, JobStatus, Limits, Report, Step, StepName};

/// A job of a zip that holds the same facts as [`windlass::Job`].
#[derive(Clone, Debug)]
pub struct HandJob {
    /// Its number.
    pub id: JobId,
    /// Its status.
    pub status: JobStatus,
    limits: Limits,
    seq: u32,
    since: DateTime<Utc>,
    at: DateTime<Utc>,
    claimed: Option<DateTime<Utc>>,
    attempt: u32,
    zip: Option<u64>,
    steps: [Option<Step>; 4],
    open: Option<StepName>,
    stopped_by: Option<Box<str>>,
    cause: Option<Box<str>>,
    artifact: Option<Artifact>,
}

/// A command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl HandJob {
    /// A job that waits for its zip.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            id: JobId::FIRST,
            status: JobStatus::Created,
            limits: Limits::default(),
            seq: 1,
            since: now,
            at: now,
            claimed: None,
            attempt: 0,
            zip: None,
            steps: [None; 4],
            open: None,
            stopped_by: None,
            cause: None,
            artifact: None,
        }
    }

    /// How many things have happened to it.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        self.seq
    }

    /// Does what is asked.
    ///
    /// # Errors
    ///
    /// Where the status does not allow it.
    pub fn handle(&mut self, command: &Command, now: DateTime<Utc>) -> Result<(), Refused> {
        match (command, self.status) {
            (Command::Upload { slot: 0, object }, JobStatus::Created) => {
                self.zip = Some(*object);
                self.note(now);
            }
            (Command::Start, JobStatus::Created) if self.zip.is_some() => self.turn(JobStatus::Pending, now),
            (Command::Claim, JobStatus::Pending) => {
                self.turn(JobStatus::Provisioning, now);
                self.turn(JobStatus::Running, now);
                self.claimed = Some(self.at);
                self.attempt = 1;
            }
            (Command::Stop { by }, JobStatus::Created | JobStatus::Pending) => {
                self.cause.clone_from(by);
                self.turn(JobStatus::Cancelled, now);
            }
            (Command::Stop { by }, JobStatus::Provisioning | JobStatus::Running) => {
                self.stopped_by.clone_from(by);
                self.turn(JobStatus::Cancelling, now);
                if let Some(step) = self.open_step() {
                    step.status = JobStatus::Cancelling;
                }
            }
            (Command::Stop { .. }, JobStatus::Cancelling) => {}
            (Command::Reclaim { attempt }, JobStatus::Provisioning | JobStatus::Running) => {
                if attempt.get() != self.attempt {
                    return Err(Refused);
                }
                if self.attempt == Attempt::MAX.get() {
                    self.fail("the runner was lost", now);
                } else {
                    self.attempt += 1;
                    (self.steps, self.open) = ([None; 4], None);
                    self.note(now);
                }
            }
            (Command::Report { attempt, report }, _) if attempt.get() == self.attempt => self.report(report, now)?,
            (Command::Expire, _) => {
                if self.deadline().is_some_and(|deadline| now >= deadline) {
                    self.fail("time is up", now);
                }
            }
            (
                Command::Upload { .. }
                | Command::Start
                | Command::Claim
                | Command::Stop { .. }
                | Command::Reclaim { .. }
                | Command::Report { .. }
                | Command::Replace { .. },
                _,
            ) => return Err(Refused),
        }
        Ok(())
    }

    fn report(&mut self, report: &Report, now: DateTime<Utc>) -> Result<(), Refused> {
        match (report, self.status) {
            (Report::Provisioned, JobStatus::Running) => {}
            (Report::Provisioned, JobStatus::Provisioning) => self.turn(JobStatus::Running, now),
            (Report::StepStarted(step), JobStatus::Running) if self.open == Some(*step) => {}
            (Report::StepStarted(step), JobStatus::Running) => {
                if self.open.is_some() || self.steps[*step as usize..].iter().any(Option::is_some) {
                    return Err(Refused);
                }
                self.note(now);
                self.steps[*step as usize] = Some(Step { started: self.at, ended: None, status: JobStatus::Running });
                self.open = Some(*step);
            }
            (Report::StepEnded(step), JobStatus::Running) if self.open == Some(*step) => {
                self.note(now);
                self.close(JobStatus::Succeed);
            }
            (Report::StepEnded(step), JobStatus::Running) => {
                if self.steps[*step as usize].is_none() {
                    return Err(Refused);
                }
            }
            (Report::Succeeded { artifact }, JobStatus::Running) if self.open.is_none() => {
                self.artifact = Some(*artifact);
                self.turn(JobStatus::Succeed, now);
            }
            (Report::Succeeded { artifact }, JobStatus::Succeed) if self.artifact == Some(*artifact) => {}
            (Report::Failed { reason }, JobStatus::Provisioning | JobStatus::Running) => self.fail(reason, now),
            (Report::Skipped { reason }, JobStatus::Running) => {
                self.cause = Some(reason.clone());
                self.turn(JobStatus::Cancelled, now);
                self.close(JobStatus::Cancelled);
            }
            (Report::Stopped, JobStatus::Cancelling) => {
                self.cause = self.stopped_by.take();
                self.turn(JobStatus::Cancelled, now);
                self.close(JobStatus::Cancelled);
            }
            (
                Report::Provisioned
                | Report::StepStarted(_)
                | Report::StepEnded(_)
                | Report::Succeeded { .. }
                | Report::Failed { .. }
                | Report::Skipped { .. }
                | Report::Stopped,
                _,
            ) => return Err(Refused),
        }
        Ok(())
    }

    fn deadline(&self) -> Option<DateTime<Utc>> {
        let seconds = match self.status {
            JobStatus::Created => self.limits.upload,
            JobStatus::Pending => self.limits.queue,
            JobStatus::Provisioning => self.limits.provision,
            JobStatus::Running => self.limits.build,
            JobStatus::Cancelling => self.limits.cancel,
            JobStatus::Failed | JobStatus::Succeed | JobStatus::Cancelled => return None,
        };
        Some(self.since + TimeDelta::seconds(seconds.into()))
    }

    fn note(&mut self, now: DateTime<Utc>) {
        self.seq += 1;
        self.at = self.at.max(now);
    }

    fn turn(&mut self, status: JobStatus, now: DateTime<Utc>) {
        self.note(now);
        (self.status, self.since) = (status, self.at);
    }

    fn fail(&mut self, reason: &str, now: DateTime<Utc>) {
        self.cause = Some(reason.into());
        self.turn(JobStatus::Failed, now);
        self.close(JobStatus::Failed);
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
