//! What follows from a command: every guard of a job's life.

use alloc::boxed::Box;
use alloc::format;

use chrono::{DateTime, Utc};

use super::{Job, after, commit_to_millis, to_millis};
use crate::{Attempt, Cause, Command, Commit, Event, EventKind, JobStatus, Record, Records, Rejection, Report};

impl Job {
    /// What follows from `command`, without changing the job. No records means that it was done before.
    ///
    /// # Errors
    ///
    /// [`Rejection`] where the job does not allow it.
    pub fn decide(&self, command: &Command, now: DateTime<Utc>) -> Result<Records, Rejection> {
        match command {
            Command::Upload { slot, object } => self.decide_upload(*slot, *object, now),
            Command::Start => self.decide_start(now),
            Command::Replace { commit } => self.decide_replace(commit, now),
            Command::Stop { by } => self.decide_stop(by.as_deref(), now),
            Command::Claim => self.decide_claim(now),
            Command::Reclaim { attempt } => self.decide_reclaim(*attempt, now),
            Command::Report { attempt, report } => {
                self.current(*attempt)?;
                self.decide_report(report, now)
            }
            Command::Expire if self.is_due(now) => Ok(Records::one(self.record(now, Event::Expired))),
            Command::Expire => Ok(Records::NONE),
        }
    }

    fn decide_upload(&self, slot: u32, object: u64, now: DateTime<Utc>) -> Result<Records, Rejection> {
        self.allows(EventKind::Uploaded)?;
        if slot as usize >= self.birth.source.slots() {
            return Err(Rejection::NoSuchSlot { slot });
        }
        Ok(Records::one(self.record(now, Event::Uploaded { slot, object })))
    }

    fn decide_start(&self, now: DateTime<Utc>) -> Result<Records, Rejection> {
        self.allows(EventKind::Started)?;
        if let Some((missing, first)) = self.missing_uploads() {
            return Err(Rejection::UploadsMissing { missing, first });
        }
        Ok(Records::one(self.record(now, Event::Started)))
    }

    fn decide_replace(&self, commit: &Commit, now: DateTime<Utc>) -> Result<Records, Rejection> {
        if !self.birth.source.needs_build() && !self.progress.status.is_terminal() {
            // It waits to deploy something that no commit can change.
            return Err(Rejection::BranchBusy { job: self.id });
        }
        self.allows(EventKind::Replaced)?;
        let commit = Box::new(commit_to_millis(commit.clone()));
        Ok(Records::one(self.record(now, Event::Replaced { commit })))
    }

    fn decide_stop(&self, by: Option<&str>, now: DateTime<Utc>) -> Result<Records, Rejection> {
        let by = || by.map(Into::into);
        match self.progress.status {
            JobStatus::Cancelling => Ok(Records::NONE),
            JobStatus::Created | JobStatus::Pending => {
                self.legal(now, || Event::Stopped { by: by() }, EventKind::Stopped)
            }
            JobStatus::Provisioning
            | JobStatus::Running
            | JobStatus::Succeed
            | JobStatus::Failed
            | JobStatus::Cancelled => self.legal(now, || Event::StopRequested { by: by() }, EventKind::StopRequested),
        }
    }

    fn decide_claim(&self, now: DateTime<Utc>) -> Result<Records, Rejection> {
        self.allows(EventKind::Claimed)?;
        // A job is claimed once: only PENDING allows it, and no row leads back there.
        let claimed = self.record(now, Event::Claimed { attempt: Attempt::new(1) });
        if self.birth.source.needs_build() {
            return Ok(Records::one(claimed));
        }
        let provisioned = Record { seq: after(claimed.seq), at: claimed.at, event: Event::Provisioned };
        Ok(Records::two(claimed, provisioned))
    }

    fn decide_reclaim(&self, lost: Attempt, now: DateTime<Utc>) -> Result<Records, Rejection> {
        self.current(lost)?;
        self.allows(EventKind::Reclaimed)?;
        let event = match self.progress.attempt.next() {
            Some(attempt) => Event::Reclaimed { attempt },
            None => {
                Event::Failed { reason: format!("the runner was lost in each of {} attempts", Attempt::MAX).into() }
            }
        };
        Ok(Records::one(self.record(now, event)))
    }

    fn decide_report(&self, report: &Report, now: DateTime<Utc>) -> Result<Records, Rejection> {
        if self.has_heard(report) {
            return Ok(Records::NONE);
        }
        match report {
            Report::Provisioned => self.legal(now, || Event::Provisioned, EventKind::Provisioned),
            Report::Resolved { commit } => {
                self.allows(EventKind::Resolved)?;
                if !self.birth.source.needs_build() {
                    return Err(Rejection::NotBuilt { job: self.id });
                }
                let commit = Box::new(commit_to_millis(Commit::clone(commit)));
                Ok(Records::one(self.record(now, Event::Resolved { commit })))
            }
            Report::StepStarted(step) => {
                self.allows(EventKind::StepStarted)?;
                if !self.progress.steps.may_start(*step) {
                    return Err(Rejection::StepOutOfTurn { step: *step });
                }
                Ok(Records::one(self.record(now, Event::StepStarted { step: *step })))
            }
            Report::StepEnded(step) => {
                self.allows(EventKind::StepEnded)?;
                if self.progress.steps.open() != Some(*step) {
                    return Err(Rejection::StepOutOfTurn { step: *step });
                }
                Ok(Records::one(self.record(now, Event::StepEnded { step: *step })))
            }
            Report::Failed { reason } => {
                self.legal(now, || Event::Failed { reason: reason.clone() }, EventKind::Failed)
            }
            Report::Skipped { reason } => {
                self.legal(now, || Event::Skipped { reason: reason.clone() }, EventKind::Skipped)
            }
            Report::Succeeded { artifact } => {
                self.allows(EventKind::Succeeded)?;
                if let Some(step) = self.progress.steps.open() {
                    return Err(Rejection::StepOutOfTurn { step });
                }
                if *artifact != self.artifact_kept_as(artifact.object) {
                    return Err(Rejection::OtherArtifact { job: artifact.job });
                }
                Ok(Records::one(self.record(now, Event::Succeeded { artifact: *artifact })))
            }
            Report::Stopped => self.legal(now, || Event::Stopped { by: None }, EventKind::Stopped),
        }
    }

    /// Whether the runner has said this before: its answer was lost, and it says it again. It says several things in
    /// a row, so what it said of a step before the job ended comes again after that.
    fn has_heard(&self, report: &Report) -> bool {
        match report {
            Report::Provisioned => self.progress.status == JobStatus::Running,
            Report::Resolved { commit } => {
                self.progress.status != JobStatus::Cancelling
                    && self.progress.commit.as_deref().is_some_and(|known| {
                        known.id == commit.id && known.message == commit.message && known.time == to_millis(commit.time)
                    })
            }
            Report::StepStarted(step) => {
                self.progress.status != JobStatus::Cancelling && self.progress.steps.get(*step).is_some()
            }
            Report::StepEnded(step) => {
                self.progress.status != JobStatus::Cancelling
                    && self.progress.steps.get(*step).is_some_and(|step| step.status == JobStatus::Succeed)
            }
            Report::Failed { reason } => {
                matches!(&self.progress.cause, Some(Cause::Failed { reason: known, .. }) if known == reason)
            }
            Report::Skipped { .. } => matches!(self.progress.cause, Some(Cause::Skipped { .. })),
            Report::Succeeded { artifact } => self.progress.artifact == Some(*artifact),
            Report::Stopped => matches!(self.progress.cause, Some(Cause::Stopped { .. })),
        }
    }

    /// Only the runner that has the job is heard; before the first claim there is none.
    fn current(&self, reported: Attempt) -> Result<(), Rejection> {
        if reported == self.progress.attempt && reported != Attempt::NONE {
            Ok(())
        } else {
            Err(Rejection::StaleAttempt { reported, current: self.progress.attempt })
        }
    }

    fn allows(&self, event: EventKind) -> Result<(), Rejection> {
        match self.progress.status.next(event) {
            Some(_) => Ok(()),
            None => Err(Rejection::IllegalTransition { status: self.progress.status, event }),
        }
    }

    fn legal(&self, now: DateTime<Utc>, event: impl FnOnce() -> Event, kind: EventKind) -> Result<Records, Rejection> {
        self.allows(kind)?;
        Ok(Records::one(self.record(now, event())))
    }

    /// The next record. Its time is never before that of the last one, whatever the clock says.
    pub(super) fn record(&self, now: DateTime<Utc>, event: Event) -> Record {
        Record { seq: after(self.progress.seq), at: to_millis(now).max(self.progress.at), event }
    }
}
