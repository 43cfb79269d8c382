//! Who may ask for an operation, and how what it is done to is called.

use core::fmt;
use core::str::FromStr;

use serde_json::{Map, Value};
use windlass::{Account, JobId};

use super::table::Definition;

/// What a key is for. Each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looking: Get and List.
    Read,
    /// Deploying as well: making, starting and stopping jobs.
    Deploy,
    /// Everything, in all apps.
    Admin,
}

/// Not the name of a [`Role`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is admin, deploy or read")]
pub struct UnknownRole;

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Deploy, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or(UnknownRole)
    }
}

impl Definition {
    /// The action, as a policy would name it: `amplify:ListJobs`.
    #[must_use]
    pub fn action(&self) -> String {
        let service = if self.is_extension() { "windlass" } else { "amplify" };
        format!("{service}:{}", self.name)
    }

    /// The ARN of what the operation is done to, with these members: `…:apps/d1/branches/main/jobs/*` for ListJobs,
    /// where `*` stands for whatever is in the collection.
    #[must_use]
    pub fn resource(&self, members: &Map<String, Value>, account: &Account) -> String {
        let value = |label: &str| members.get(label).and_then(Value::as_str).unwrap_or("*").to_owned();
        if let Some(label) = name_in(self.on) {
            return value(label);
        }
        let mut segments: Vec<_> = self.on.split('/').skip(1).collect();
        // What ends in a collection is done to whatever is in that.
        if segments.last().is_some_and(|last| name_in(last).is_none()) {
            segments.push("*");
        }
        let shown = segments.into_iter().map(|segment| match name_in(segment) {
            // A job's number stands in ARNs with zeros before it.
            Some("jobId") => {
                value("jobId").parse::<JobId>().map_or_else(|_| value("jobId"), |job| job.padded().to_string())
            }
            Some(label) => value(label),
            None => segment.to_owned(),
        });
        let path = shown.collect::<Vec<_>>().join("/");
        format!("arn:aws:amplify:{}:{}:{path}", account.region, account.id)
    }
}

/// The label that a segment of a template is.
fn name_in(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}
