//! What stores with tables keep beside the bodies of things, since their queries need it. All of it follows from the things
//! themselves.

use chrono::serde::ts_milliseconds;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use windlass::{Branch, EventKind, Job, JobStatus};

use crate::{Attributes, BranchUid, NewBranch, StoredBranch};

/// What the body of a branch holds: what is not in columns of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BranchBody {
    /// What clients may set.
    pub attributes: Attributes,
    /// When it was made.
    #[serde(with = "ts_milliseconds")]
    pub created: DateTime<Utc>,
    /// When its attributes changed last.
    #[serde(with = "ts_milliseconds")]
    pub updated: DateTime<Utc>,
}

impl BranchBody {
    /// That of a branch.
    #[must_use]
    pub fn of(branch: &StoredBranch) -> Self {
        let StoredBranch { attributes, created, updated, .. } = branch;
        Self { attributes: attributes.clone(), created: *created, updated: *updated }
    }
}

impl StoredBranch {
    /// A branch that has just been made.
    #[must_use]
    pub fn new(uid: BranchUid, label: String, new: NewBranch) -> Self {
        let NewBranch { app, name, attributes, created } = new;
        let (branch, updated) = (Branch::default(), created);
        Self { uid, app, name, label, attributes, created, updated, version: 1, branch, branch_version: 0 }
    }
}

/// What queries need of a job. Times are in milliseconds of the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobColumns {
    /// When time ends it, unless it has ended.
    pub due: Option<i64>,
    /// Since when it waits for a runner, if it does.
    pub waits: Option<i64>,
    /// The number of the job whose kept bytes it deploys.
    pub content: u64,
    /// Whether another runner could take it over: one that is CANCELLING has nothing to be taken over.
    pub passable: bool,
    /// Whether it has ended, and nobody holds it any more.
    pub ended: bool,
}

impl JobColumns {
    /// Those of a job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        let status = job.status();
        Self {
            due: job.deadline().map(|deadline| deadline.at.timestamp_millis()),
            waits: (status == JobStatus::Pending).then(|| job.since().timestamp_millis()),
            content: job.content_of().get(),
            passable: status.next(EventKind::Reclaimed).is_some(),
            ended: status.is_terminal(),
        }
    }
}
