//! Why a job ended without going live.

use alloc::boxed::Box;
use core::fmt;

use crate::{Limit, StepName};

/// Why a job ended FAILED or CANCELLED. Its text is the job's `statusReason`, before that is
/// [cut to the API's length](crate::Job::status_reason).
///
/// A job that was told to stop ends of [`Cause::Stopped`], also where no runner let go of it and the
/// [cancel limit](crate::Limit::Cancel) ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Cause {
    /// A step failed, or what came before the first.
    Failed {
        /// Which; `None` where no step was open.
        step: Option<StepName>,
        /// What was wrong, in the words of the runner.
        reason: Box<str>,
    },
    /// A time limit passed.
    Expired {
        /// Which.
        limit: Limit,
        /// How long it is, in seconds.
        seconds: i64,
        /// The step that was open; `None` where none was.
        step: Option<StepName>,
    },
    /// It was stopped.
    Stopped {
        /// By whom, where that was said.
        by: Option<Box<str>>,
    },
    /// There was nothing to do, such as a build of what has not changed.
    Skipped {
        /// Why, in the words of the runner.
        reason: Box<str>,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { reason, .. } | Self::Skipped { reason } => f.write_str(reason),
            Self::Expired { limit, seconds, .. } => {
                let what = match limit {
                    Limit::Upload => "the deployment was not started",
                    Limit::Queue => "no runner took the job",
                    Limit::Provision => "the environment was not ready",
                    Limit::Build => "the job did not end",
                    Limit::Cancel => "the stop was not confirmed",
                };
                write!(f, "{what} within {}, the {limit} limit", Length(*seconds))
            }
            Self::Stopped { by: Some(by) } => write!(f, "stopped by {by}"),
            Self::Stopped { by: None } => f.write_str("stopped"),
        }
    }
}

/// A length of time in the largest unit that divides it.
struct Length(i64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.0 {
            s if s != 0 && s % 3600 == 0 => (s / 3600, "hour"),
            s if s != 0 && s % 60 == 0 => (s / 60, "minute"),
            s => (s, "second"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}
