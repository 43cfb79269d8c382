//! Why a command is refused, and why a history cannot be.

use alloc::boxed::Box;

use thiserror::Error;

use crate::{Attempt, EventKind, JobId, JobStatus, StepName};

/// The sender's fault: the command asks for what the job does not allow. The job is unchanged, but for
/// the time that has passed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The law has no row for this.
    #[error("the job is {status}, and {event} is not possible then")]
    IllegalTransition {
        /// The job's status.
        status: JobStatus,
        /// What would have had to happen.
        event: EventKind,
    },
    /// A report of a runner that was given up for lost.
    #[error("this is attempt {current} of the job, and the report is of attempt {reported}")]
    StaleAttempt {
        /// The attempt that the report carries.
        reported: Attempt,
        /// The attempt that the job is on.
        current: Attempt,
    },
    /// A step was reported out of turn.
    #[error("step {step} was reported out of turn")]
    StepOutOfTurn {
        /// The step.
        step: StepName,
    },
    /// The job has no such upload slot.
    #[error("the job has no upload slot {slot}")]
    NoSuchSlot {
        /// The slot asked for.
        slot: u32,
    },
    /// Not everything was uploaded.
    #[error("{missing} of the job's uploads did not arrive, the first of them {first}")]
    UploadsMissing {
        /// How many.
        missing: usize,
        /// What the first one is: the path of a file, or `the zip`.
        first: Box<str>,
    },
    /// Another job of the branch has not ended.
    #[error("job {job} of the branch has not ended")]
    BranchBusy {
        /// That job.
        job: JobId,
    },
    /// Only a job that has ended can be retried or deleted.
    #[error("job {job} has not ended, it is {status}")]
    NotEnded {
        /// The job.
        job: JobId,
        /// Its status.
        status: JobStatus,
    },
    /// The job never had anything to deploy.
    #[error("job {job} has nothing to deploy again: its uploads never arrived")]
    NothingToRetry {
        /// The job.
        job: JobId,
    },
    /// The job is what the branch shows.
    #[error("job {job} is the live job of the branch")]
    Live {
        /// The job.
        job: JobId,
    },
}

/// Our fault: records that cannot follow each other, so that what was stored is damaged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// The history is empty, or does not begin with the job's creation.
    #[error("a history begins with the creation of its job")]
    NoBeginning,
    /// The job was made twice.
    #[error("record {seq} creates the job a second time")]
    SecondBeginning {
        /// The record.
        seq: u32,
    },
    /// A record is missing or stands there twice.
    #[error("record {found} stands where record {expected} belongs")]
    OutOfOrder {
        /// The place in the history.
        expected: u32,
        /// The record that stands there.
        found: u32,
    },
    /// A record is older than the one before.
    #[error("record {seq} is older than the one before")]
    TimeWentBack {
        /// The record.
        seq: u32,
    },
    /// The law has no row for this.
    #[error("record {seq}: the job is {status}, and {event} is not possible then")]
    Illegal {
        /// The record.
        seq: u32,
        /// The status before it.
        status: JobStatus,
        /// What it says happened.
        event: EventKind,
    },
}
