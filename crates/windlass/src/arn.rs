//! Amazon Resource Names of apps and of what belongs to them.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::{AppId, BranchName, JobId};

/// Where a server stands in AWS's world: its region and account, which every ARN names. Neither is checked here,
/// except that an ARN that is read has both.
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
    /// A webhook of an app, by its id.
    Webhook(AppId, String),
    /// A domain association of an app, by its domain name.
    Domain(AppId, String),
    /// A backend environment of an app, by its name.
    BackendEnvironment(AppId, String),
}

/// An ARN, such as `arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/main/jobs/0000000003`.
///
/// It prints as AWS prints it, with the job's number padded to ten digits, and reads only that form: since a branch
/// name may hold slashes, `…/branches/main/jobs/3` is the ARN of a branch that is called `main/jobs/3`.
///
/// ```
/// use windlass::{Account, Arn, Resource};
///
/// let account = Account { region: "us-east-1".into(), id: "000000000000".into() };
/// let job = Resource::Job("d1".parse()?, "feature/x".parse()?, "3".parse()?);
/// let text = account.arn(job.clone()).to_string();
/// assert_eq!(text, "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/feature/x/jobs/0000000003");
/// assert_eq!(text.parse::<Arn>()?.resource, job);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    /// Region and account.
    pub account: Account,
    /// What it names.
    pub resource: Resource,
}

/// A text is not the ARN of an app or of anything that belongs to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "an Amplify ARN is arn:aws:amplify:REGION:ACCOUNT:apps/ID, with /branches/NAME for a branch and /jobs/NUMBER for a \
     job, or with /webhooks/ID, /domains/NAME or /backendenvironments/NAME"
)]
pub struct InvalidArn;

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:amplify:{}:{}:", self.account.region, self.account.id)?;
        match &self.resource {
            Resource::App(app) => write!(f, "apps/{app}"),
            Resource::Branch(app, branch) => write!(f, "apps/{app}/branches/{branch}"),
            Resource::Job(app, branch, job) => write!(f, "apps/{app}/branches/{branch}/jobs/{}", job.padded()),
            Resource::Webhook(app, id) => write!(f, "apps/{app}/webhooks/{id}"),
            Resource::Domain(app, name) => write!(f, "apps/{app}/domains/{name}"),
            Resource::BackendEnvironment(app, name) => write!(f, "apps/{app}/backendenvironments/{name}"),
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
    let Some((app, below)) = path.split_once('/') else {
        return path.parse().map(Resource::App).map_err(|_| InvalidArn);
    };
    let app = app.parse().map_err(|_| InvalidArn)?;
    match below.split_once('/').filter(|(_, name)| !name.is_empty()) {
        Some(("branches", branch)) => branch_or_job(app, branch),
        Some(("webhooks", id)) => Ok(Resource::Webhook(app, id.to_string())),
        Some(("domains", name)) => Ok(Resource::Domain(app, name.to_string())),
        Some(("backendenvironments", name)) => Ok(Resource::BackendEnvironment(app, name.to_string())),
        Some(_) | None => Err(InvalidArn),
    }
}

fn branch_or_job(app: AppId, branch: &str) -> Result<Resource, InvalidArn> {
    // A branch name may hold slashes, so the job is looked for from the end, in the padded form that is ours.
    if let Some((name, number)) = branch.rsplit_once("/jobs/")
        && number.len() >= 10
        && let (Ok(name), Ok(job)) = (name.parse(), number.parse())
    {
        return Ok(Resource::Job(app, name, job));
    }
    branch.parse().map(|name| Resource::Branch(app, name)).map_err(|_| InvalidArn)
}
