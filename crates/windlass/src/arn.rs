//! Amazon Resource Names of apps, branches and jobs.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::{AppId, BranchName, JobId};

/// Where a server stands in AWS's world: its region and account, which every ARN names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// For example `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub id: String,
}

impl Account {
    /// The ARN of `resource` in this account.
    #[must_use]
    pub fn arn(&self, resource: Resource) -> Arn {
        Arn { account: self.clone(), resource }
    }
}

/// What an ARN names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// An app.
    App(AppId),
    /// A branch of an app.
    Branch(AppId, BranchName),
    /// A job of a branch.
    Job(AppId, BranchName, JobId),
}

/// An ARN, such as `arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/main/jobs/0000000003`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    /// Region and account.
    pub account: Account,
    /// What it names.
    pub resource: Resource,
}

/// A text is not the ARN of an app, a branch or a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "an Amplify ARN is arn:aws:amplify:REGION:ACCOUNT:apps/ID, with /branches/NAME for a branch and /jobs/NUMBER for a job"
)]
pub struct InvalidArn;

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:amplify:{}:{}:", self.account.region, self.account.id)?;
        match &self.resource {
            Resource::App(app) => write!(f, "apps/{app}"),
            Resource::Branch(app, branch) => write!(f, "apps/{app}/branches/{branch}"),
            Resource::Job(app, branch, job) => write!(f, "apps/{app}/branches/{branch}/jobs/{}", job.padded()),
        }
    }
}

impl FromStr for Arn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, InvalidArn> {
        let mut parts = text.strip_prefix("arn:aws:amplify:").ok_or(InvalidArn)?.splitn(3, ':');
        let (Some(region), Some(id), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidArn);
        };
        if region.is_empty() || id.is_empty() {
            return Err(InvalidArn);
        }
        let account = Account { region: region.to_string(), id: id.to_string() };
        Ok(Self { account, resource: resource(path)? })
    }
}

fn resource(path: &str) -> Result<Resource, InvalidArn> {
    let path = path.strip_prefix("apps/").ok_or(InvalidArn)?;
    let Some((app, branch)) = path.split_once("/branches/") else {
        return path.parse().map(Resource::App).map_err(|_| InvalidArn);
    };
    let app = app.parse().map_err(|_| InvalidArn)?;
    // A branch name may hold slashes, so the job is looked for from the end, in the padded form that is ours.
    if let Some((name, number)) = branch.rsplit_once("/jobs/")
        && number.len() >= 10
        && let (Ok(name), Ok(job)) = (name.parse(), number.parse())
    {
        return Ok(Resource::Job(app, name, job));
    }
    branch.parse().map(|name| Resource::Branch(app, name)).map_err(|_| InvalidArn)
}
