//! Why a command is refused, and why a history cannot be.

use alloc::boxed::Box;

use thiserror::Error;

use crate::{Attempt, EventKind, JobId, JobStatus, StepName};

/// The sender's fault: the command asks for what the job does not allow. A service answers with a 4xx status.
///
/// The command has no effect, but time may have had: a job that was due has ended all the same, and what
/// [`Branch::handle`](crate::Branch::handle) returns beside the rejection has to be stored.
///
/// Being asked for what was done already is no rejection: stopping twice is stopping once, and a report that is
/// repeated counts once.
///
/// The texts are fragments without a full stop, so that they can follow a colon.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The [law](crate::TRANSITIONS) has no row for this: a start of a job that was started, a stop of one that has
    /// ended, an upload to one that no longer waits for any.
    #[error("the job is {status}, and {event} is not possible then")]
    IllegalTransition {
        /// The job's status.
        status: JobStatus,
        /// What would have had to happen.
        event: EventKind,
    },
    /// A report of a runner that was given up for lost, or the loss of one that has been replaced. Such a runner lets
    /// go of the job.
    #[error("this is attempt {current} of the job, and the report is of attempt {reported}")]
    StaleAttempt {
        /// The attempt that the report carries.
        reported: Attempt,
        /// The attempt that the job is on.
        current: Attempt,
    },
    /// A step was reported out of turn: it began before another ended, or after a later one, or ended without being
    /// open, or the job succeeded while it was open.
    #[error("step {step} was reported out of turn")]
    StepOutOfTurn {
        /// The step.
        step: StepName,
    },
    /// A commit was resolved for a job that is not built: what it deploys it was given, and no commit can change that.
    #[error("job {job} is not built from a commit")]
    NotBuilt {
        /// The job.
        job: JobId,
    },
    /// The job succeeded with an artifact that is not made of its content. What another job keeps may go with that job,
    /// so it cannot be what this one shows.
    #[error("the artifact is of job {job}, and this job does not deploy that")]
    OtherArtifact {
        /// The job whose artifact it is.
        job: JobId,
    },
    /// The job has no such upload slot.
    #[error("the job has no upload slot {slot}")]
    NoSuchSlot {
        /// The slot asked for, from 0.
        slot: u32,
    },
    /// Not everything was uploaded.
    #[error("{missing} of the job's uploads did not arrive, the first of them {first}")]
    UploadsMissing {
        /// How many.
        missing: usize,
        /// What the first one is: the path of a file, or `the zip`. They are in the order of their slots.
        first: Box<str>,
    },
    /// Another job of the branch has not ended. `CreateDeployment` and `StartJob` answer this, each with an error of its own
    /// on AWS; a claim is refused so while the branch works on another job, a newer commit while the job that waits is
    /// not one that builds.
    #[error("job {job} of the branch has not ended")]
    BranchBusy {
        /// The job in the way.
        job: JobId,
    },
    /// A job that has not ended cannot be retried or deleted.
    #[error("job {job} has not ended, it is {status}")]
    NotEnded {
        /// The job.
        job: JobId,
        /// Its status.
        status: JobStatus,
    },
    /// The job cannot be retried: it ended before its uploads arrived, so it never had anything to deploy.
    #[error("job {job} has nothing to deploy again: its uploads never arrived")]
    NothingToRetry {
        /// The job.
        job: JobId,
    },
    /// The job is what the branch shows, and cannot be deleted while it is.
    #[error("job {job} is the live job of the branch")]
    Live {
        /// The job.
        job: JobId,
    },
}

/// Our fault: records that cannot follow each other, so that what was stored is damaged. A service answers with a 5xx
/// status and alerts someone; asking again will not help.
///
/// Records that [`Job::decide`](crate::Job::decide) has made for a job can always be applied to it.
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
    /// A record is missing, stands there twice, or was applied before.
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
