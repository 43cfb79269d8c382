//! The job lifecycle of AWS Amplify Hosting as a value.
//!
//! A [`Job`] is a value. Someone sends a [`Command`]; the job *decides* which [`Event`]s follow; each is
//! *applied* and gives the next [`JobStatus`]. Time is an argument.
//!
//! ```text
//! command, now ──▶ decide ──▶ records ──▶ apply ──▶ job
//! ```
//!
//! A guard chooses the event, the [table](TRANSITIONS) chooses the status. The table is one array, shown
//! as a diagram and a grid in [`lifecycle`].
//!
//! What this crate is not: it stores nothing, waits for nothing, reads no clock and talks to nobody. It
//! is `no_std`, has no `unsafe` code, and never panics on any input.
//!
//! ```
//! use chrono::{TimeDelta, TimeZone, Utc};
//! use windlass::{Branch, Command, JobStatus, NewJob, Source};
//!
//! let nine = Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap();
//!
//! // CreateDeployment makes job 1 of the branch.
//! let created = Branch::default().create(NewJob::manual(Source::Zip), nine)?;
//! assert_eq!(created.job.status(), JobStatus::Created);
//!
//! // Nothing was uploaded, so StartDeployment is refused, and the job is as it was.
//! let refused = created.branch.handle(&created.job, &Command::Start, nine + TimeDelta::hours(1));
//! assert_eq!(
//!     refused.answer.unwrap_err().to_string(),
//!     "1 of the job's uploads did not arrive, the first of them the zip"
//! );
//!
//! // Eight hours after its creation the job fails, whatever is asked of it, and says why.
//! let late = created.branch.handle(&created.job, &Command::Start, nine + TimeDelta::hours(8));
//! assert_eq!(late.job.status(), JobStatus::Failed);
//! assert_eq!(
//!     late.job.status_reason().as_deref(),
//!     Some("the deployment was not started within 8 hours, the upload limit")
//! );
//! # Ok::<(), windlass::Rejection>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::alloc_instead_of_core)]

extern crate alloc;

mod arn;
mod branch;
mod capacity;
mod cause;
mod deployment;
mod event;
mod ids;
mod job;
pub mod lifecycle;
mod limits;
mod rejection;
#[cfg(feature = "serde")]
mod shared;
mod status;
mod steps;
#[cfg(feature = "serde")]
pub mod wire;

pub use arn::{Account, Arn, InvalidArn, Resource};
pub use branch::{Branch, Change, Live, Place, Working};
pub use capacity::next_to_claim;
pub use cause::Cause;
pub use deployment::{Artifact, Birth, Commit, FileSlot, JobType, NewJob, Source, SourceUrlType, Uploads};
pub use event::{Command, Event, Record, Records, Report, StepName};
pub use ids::{AppId, Attempt, BranchName, InvalidAppId, InvalidBranchName, InvalidJobId, JobId, PaddedJobId};
pub use job::{Deadline, Job, Outcome, Progress};
pub use limits::{Limit, Limits};
pub use rejection::{HistoryError, Rejection};
pub use status::{EventKind, JobStatus, TRANSITIONS, Transition};
pub use steps::Step;
pub(crate) use steps::Steps;
