//! Commands, and the events and records that they are decided into.

use alloc::boxed::Box;
use alloc::sync::Arc;

use chrono::{DateTime, Utc};
use strum::{AsRefStr, Display, EnumCount, EnumIter, EnumString, VariantArray};

use crate::{Artifact, Attempt, Birth, Commit, EventKind};

/// A step of a job, by the API's names. A job runs its steps in this order and may leave some out.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    AsRefStr,
    Display,
    EnumCount,
    EnumIter,
    EnumString,
    VariantArray,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "SCREAMING_SNAKE_CASE"))]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum StepName {
    /// Builds the commit.
    Build,
    /// Runs the tests that the build specification names.
    Test,
    /// Fetches, verifies, indexes and stores the artifact.
    Deploy,
    /// Reads the stored artifact as a visitor would.
    Verify,
}

/// What someone asks of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The bytes of an upload slot arrived and are kept under the number `object`.
    Upload {
        /// The slot, from 0.
        slot: u32,
        /// The number under which the bytes are kept.
        object: u64,
    },
    /// StartDeployment, or the start that is part of StartJob.
    Start,
    /// A newer push wants the queued job's place.
    Replace {
        /// The newer commit.
        commit: Box<Commit>,
    },
    /// StopJob.
    Stop {
        /// Who asks, for the history.
        by: Option<Box<str>>,
    },
    /// A runner takes the job.
    Claim,
    /// The runner of `attempt` is lost; another takes over.
    Reclaim {
        /// The attempt whose runner is lost.
        attempt: Attempt,
    },
    /// What the runner of `attempt` has to say.
    Report {
        /// The attempt that the runner was given when it claimed the job.
        attempt: Attempt,
        /// What it says.
        report: Report,
    },
    /// Time passes: end the job if its deadline is over, else do nothing.
    Expire,
}

/// What a runner says of the job that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The environment is ready.
    Provisioned,
    /// The commit that it builds is known: what stood for the tip of a branch, or for a short hash, has a full hash, a
    /// message and a time.
    Resolved {
        /// That commit.
        commit: Box<Commit>,
    },
    /// A step begins.
    StepStarted(StepName),
    /// A step ended well.
    StepEnded(StepName),
    /// The open step failed, or what came before the first.
    Failed {
        /// What is wrong, in words.
        reason: Box<str>,
    },
    /// There is nothing to do.
    Skipped {
        /// Why, in words.
        reason: Box<str>,
    },
    /// The artifact is verified and kept.
    Succeeded {
        /// What goes live.
        artifact: Artifact,
    },
    /// The runner has let go of a job that was told to stop.
    Stopped,
}

/// What happened to a job, with the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event {
    /// The job was made. Every history begins with this, in CREATED, and no other does it again.
    Created {
        /// What is decided at birth.
        #[cfg_attr(feature = "serde", serde(with = "crate::shared"))]
        birth: Arc<Birth>,
        /// The commit to build.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        commit: Option<Box<Commit>>,
    },
    /// An upload slot was filled.
    Uploaded {
        /// The slot.
        slot: u32,
        /// The number under which the bytes are kept.
        object: u64,
    },
    /// The job was let go.
    Started,
    /// A newer push took the job's place in the queue.
    Replaced {
        /// The commit that will be built instead.
        commit: Box<Commit>,
    },
    /// A runner took the job.
    Claimed {
        /// The attempt that begins.
        attempt: Attempt,
    },
    /// Its environment is ready.
    Provisioned,
    /// Its runner was lost and another took over; its steps begin again.
    Reclaimed {
        /// The attempt that begins.
        attempt: Attempt,
    },
    /// The commit that the job builds became known.
    Resolved {
        /// That commit.
        commit: Box<Commit>,
    },
    /// A step began.
    StepStarted {
        /// Which.
        step: StepName,
    },
    /// A step ended well.
    StepEnded {
        /// Which.
        step: StepName,
    },
    /// Someone asked for a stop while a runner had the job.
    StopRequested {
        /// Who.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        by: Option<Box<str>>,
    },
    /// The job stopped.
    Stopped {
        /// Who asked, where no StopRequested came before.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        by: Option<Box<str>>,
    },
    /// There was nothing to do.
    Skipped {
        /// Why.
        reason: Box<str>,
    },
    /// The open step failed, or what came before the first.
    Failed {
        /// What is wrong.
        reason: Box<str>,
    },
    /// The job's status lasted longer than its limit.
    Expired,
    /// All steps ended well; the artifact is live from this moment.
    Succeeded {
        /// What went live.
        artifact: Artifact,
    },
}

impl Event {
    /// The kind that the law knows, or `None` for [`Event::Created`], with which a history begins.
    #[must_use]
    pub const fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::Created { .. } => return None,
            Self::Uploaded { .. } => EventKind::Uploaded,
            Self::Started => EventKind::Started,
            Self::Replaced { .. } => EventKind::Replaced,
            Self::Claimed { .. } => EventKind::Claimed,
            Self::Provisioned => EventKind::Provisioned,
            Self::Reclaimed { .. } => EventKind::Reclaimed,
            Self::Resolved { .. } => EventKind::Resolved,
            Self::StepStarted { .. } => EventKind::StepStarted,
            Self::StepEnded { .. } => EventKind::StepEnded,
            Self::StopRequested { .. } => EventKind::StopRequested,
            Self::Stopped { .. } => EventKind::Stopped,
            Self::Skipped { .. } => EventKind::Skipped,
            Self::Failed { .. } => EventKind::Failed,
            Self::Expired => EventKind::Expired,
            Self::Succeeded { .. } => EventKind::Succeeded,
        })
    }
}

/// An event of one job: the `seq`-th, at a time that is never before the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Record {
    /// Its place in the job's history, from 1.
    pub seq: u32,
    /// When it happened, in whole milliseconds.
    #[cfg_attr(feature = "serde", serde(with = "chrono::serde::ts_milliseconds"))]
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
}

/// The records of one decision: none, one or two, without an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records([Option<Record>; 2]);

impl Records {
    /// Nothing happens.
    pub const NONE: Self = Self([None, None]);

    pub(crate) const fn one(first: Record) -> Self {
        Self([Some(first), None])
    }

    pub(crate) const fn two(first: Record, second: Record) -> Self {
        Self([Some(first), Some(second)])
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether nothing happens.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.0.iter().flatten()
    }
}

impl IntoIterator for Records {
    type Item = Record;
    type IntoIter = core::iter::Flatten<core::array::IntoIter<Option<Record>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}
