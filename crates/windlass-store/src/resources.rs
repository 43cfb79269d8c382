//! Apps, branches and documents as they are stored: identity, the attributes that their owner set, and times.

use std::iter;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{AsRefStr, EnumString, VariantArray};
use windlass::{AppId, Branch, BranchName};

use crate::BranchUid;

/// The members of an app or a branch that its owner set, as they were validated, by their API names.
pub type Attributes = Map<String, Value>;

/// An app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// What its owner set.
    pub attributes: Attributes,
    /// When it was made.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub created: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub updated: DateTime<Utc>,
    /// How often it was changed; a store compares and sets by it.
    pub version: u64,
}

impl App {
    /// The repository that it is connected to. Deployments by hand are for apps without one.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        self.attributes.get("repository").and_then(Value::as_str).filter(|url| !url.is_empty())
    }
}

/// A branch to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBranch {
    /// Its app.
    pub app: AppId,
    /// Its name, unique in the app.
    pub name: BranchName,
    /// What its owner set.
    pub attributes: Attributes,
    /// Now.
    pub created: DateTime<Utc>,
}

/// A branch: its settings, and the job side of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredBranch {
    /// What tells it from every other branch that ever was, also from an earlier one of its name.
    pub uid: BranchUid,
    /// Its app.
    pub app: AppId,
    /// Its name.
    pub name: BranchName,
    /// Its place in host names, unique in the app.
    pub label: String,
    /// What its owner set.
    pub attributes: Attributes,
    /// When it was made.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub created: DateTime<Utc>,
    /// When its settings were last changed.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub updated: DateTime<Utc>,
    /// How often its settings were changed; a store compares and sets by it.
    pub version: u64,
    /// Numbering, places and the live job.
    pub branch: Branch,
    /// How often [`branch`](Self::branch) was changed; a store compares and sets by it.
    pub branch_version: u64,
}

/// What a document describes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, AsRefStr, EnumString, VariantArray, Serialize, Deserialize,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An incoming webhook, by its id.
    Webhook,
    /// A domain association, by its domain name.
    Domain,
    /// A backend environment, by app and name.
    BackendEnvironment,
    /// A key pair that requests may be signed with, by its access key id.
    Key,
    /// Who is told of what happens to jobs, by its id.
    Subscriber,
    /// The key pair that every server on the store accepts.
    RootKey,
    /// What one of all processes does for the others, by its name.
    Duty,
}

/// Something beside apps, branches and jobs that has a name and some attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// What it describes.
    pub kind: Kind,
    /// Its name, unique among its kind.
    pub id: String,
    /// The app that it belongs to and goes with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// What it says.
    pub attributes: Attributes,
    /// When it was made.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub created: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub updated: DateTime<Utc>,
    /// How often it was changed; a store compares and sets by it.
    pub version: u64,
}

/// The labels that may stand for a branch in host names, of which it gets the first that no other branch
/// of its app has: the [`label`] itself, then those with a number, the branch's own first.
pub fn labels(name: &BranchName, uid: BranchUid) -> impl Iterator<Item = String> {
    let plain = label(name);
    let numbered = plain.clone();
    iter::once(plain).chain((uid.0..=u64::MAX).map(move |number| format!("{numbered}-{number}")))
}

/// The label that would stand for a branch if it were the only one of its app: lower case, `feature/x` as
/// `feature-x`, at most 50 of the 63 characters that DNS allows, and never empty.
#[must_use]
pub fn label(name: &BranchName) -> String {
    let dashed: String = name
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(50)
        .collect();
    let trimmed = dashed.trim_matches('-');
    if trimmed.is_empty() { "branch".to_owned() } else { trimmed.to_owned() }
}
