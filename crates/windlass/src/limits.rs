//! How long a job may stay in each status.

use chrono::TimeDelta;
use strum::{AsRefStr, Display, EnumIter};

use crate::JobStatus;

/// What a time limit limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, Display, EnumIter)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[strum(serialize_all = "lowercase")]
pub enum Limit {
    /// From CreateDeployment to StartDeployment.
    Upload,
    /// From the start to the claim.
    Queue,
    /// From the claim to the first step.
    Provision,
    /// From the first step to the end.
    Build,
    /// From the stop request to the end.
    Cancel,
}

/// The time limits of one job, in seconds. They are copied into the job when it is made, so that a
/// later change of settings changes no history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// CREATED, by default 8 hours.
    pub upload: u32,
    /// PENDING, by default 24 hours.
    pub queue: u32,
    /// PROVISIONING, by default 10 minutes.
    pub provision: u32,
    /// RUNNING, by default 30 minutes, which is also AWS's default.
    pub build: u32,
    /// CANCELLING, by default 10 seconds.
    pub cancel: u32,
}

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
