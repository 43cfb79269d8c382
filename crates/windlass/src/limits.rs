//! How long a job may stay in each status.

use core::ops::RangeInclusive;

use chrono::TimeDelta;
use strum::{AsRefStr, Display, EnumIter};
use thiserror::Error;

use crate::JobStatus;

/// What a time limit limits. It prints in lower case: `upload`, `queue`, `provision`, `build`, `cancel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, Display, EnumIter)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[strum(serialize_all = "lowercase")]
pub enum Limit {
    /// From CreateDeployment to StartDeployment: how long a job may be CREATED.
    Upload,
    /// From the start to the claim: how long it may be PENDING.
    Queue,
    /// From the claim to a ready environment: how long it may be PROVISIONING.
    Provision,
    /// From a ready environment to the end: how long it may be RUNNING, all steps and attempts together.
    Build,
    /// From the stop request to the end: how long it may be CANCELLING.
    Cancel,
}

/// The time limits of one job, in seconds: how long it may stay in each status that is not an end.
///
/// They are copied into the job when it is made, so that a later change of settings changes no history.
/// A limit of 0 ends the job the first time that anyone looks at the clock.
///
/// ```
/// use windlass::{JobStatus, Limit, Limits};
///
/// let limits = Limits { queue: 3600, ..Limits::default() }.with_build_minutes(45)?;
/// let (limit, length) = limits.of(JobStatus::Running).unwrap();
/// assert_eq!((limit, length.num_minutes()), (Limit::Build, 45));
/// # Ok::<(), windlass::BuildLimitOutOfRange>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// CREATED, by default 8 hours, which is the most that AWS allows between
    /// [CreateDeployment and StartDeployment](https://docs.aws.amazon.com/amplify/latest/APIReference/API_StartDeployment.html).
    pub upload: u32,
    /// PENDING, by default 24 hours. AWS states none.
    pub queue: u32,
    /// PROVISIONING, by default 10 minutes. AWS states none.
    pub provision: u32,
    /// RUNNING, by default 30 minutes, which is also
    /// [AWS's default](https://docs.aws.amazon.com/amplify/latest/userguide/troubleshooting-build-issues.html).
    /// [`Limits::with_build_minutes`] takes what AWS takes.
    pub build: u32,
    /// CANCELLING, by default 10 seconds. AWS states none.
    pub cancel: u32,
}

/// A build limit is shorter or longer than AWS allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a build may be limited to {} to {} minutes, not to {minutes}",
    Limits::BUILD_MINUTES.start(),
    Limits::BUILD_MINUTES.end()
)]
pub struct BuildLimitOutOfRange {
    /// What was asked for, in minutes.
    pub minutes: u32,
}

/// AWS's limits where it states one.
impl Default for Limits {
    fn default() -> Self {
        Self {
            //= https://docs.aws.amazon.com/goto/WebAPI/amplify-2017-07-25/StartDeployment
            //# The maximum duration between the CreateDeployment call and the StartDeployment call cannot exceed 8 hours.
            upload: 8 * 3600,
            queue: 24 * 3600,
            provision: 600,
            build: 1800,
            cancel: 10,
        }
    }
}

impl Limits {
    //= https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html
    //# The build timeout duration in minutes. The minimum value is 5. The maximum value is 120.
    /// The build limits that AWS takes from an app's
    /// [`_BUILD_TIMEOUT`](https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html), in minutes.
    pub const BUILD_MINUTES: RangeInclusive<u32> = 5..=120;

    /// The same limits with another one on the build, within what AWS allows. [`Limits::build`] itself takes any
    /// length, for tools that are not bound by it.
    ///
    /// # Errors
    ///
    /// [`BuildLimitOutOfRange`] outside of [`Limits::BUILD_MINUTES`].
    pub fn with_build_minutes(self, minutes: u32) -> Result<Self, BuildLimitOutOfRange> {
        if Self::BUILD_MINUTES.contains(&minutes) {
            Ok(Self { build: minutes * 60, ..self })
        } else {
            Err(BuildLimitOutOfRange { minutes })
        }
    }

    /// The limit on `status` and what it limits, or `None` for a status that ends a job.
    #[must_use]
    pub fn of(&self, status: JobStatus) -> Option<(Limit, TimeDelta)> {
        let (limit, seconds) = match status {
            JobStatus::Created => (Limit::Upload, self.upload),
            JobStatus::Pending => (Limit::Queue, self.queue),
            JobStatus::Provisioning => (Limit::Provision, self.provision),
            JobStatus::Running => (Limit::Build, self.build),
            JobStatus::Cancelling => (Limit::Cancel, self.cancel),
            JobStatus::Failed | JobStatus::Succeed | JobStatus::Cancelled => return None,
        };
        Some((limit, TimeDelta::seconds(seconds.into())))
    }
}
