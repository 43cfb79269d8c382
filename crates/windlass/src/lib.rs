//! The job lifecycle of AWS Amplify Hosting as a value.
//!
//! Which status may follow which, when a job is overdue, what stops it, what goes live, and why a job is as it is: for
//! dashboards, bots, CI steps, emulators and deployment tools of one's own. Names and rules are those of
//! [Amplify's jobs](https://docs.aws.amazon.com/amplify/latest/APIReference/API_JobSummary.html).
//!
//! A [`Job`] is a value. Someone sends a [`Command`]; the job *decides* which [`Event`]s follow; each is
//! *applied* and gives the next [`JobStatus`]. Time is an argument.
//!
//! ```text
//! command, now ──▶ decide ──▶ records ──▶ apply ──▶ job
//! ```
//!
//! A guard chooses the event, the table chooses the status. There is one table, [`TRANSITIONS`]; what it does not list
//! is illegal. Its steps from one status to another, at a glance:
//!
//! ```text
//! CREATED ─Started▶ PENDING ─Claimed▶ PROVISIONING ─Provisioned▶ RUNNING ─Succeeded▶ SUCCEED
//!
//! CREATED, PENDING ─Stopped▶ CANCELLED
//! PROVISIONING, RUNNING ─StopRequested▶ CANCELLING ─Stopped, Expired▶ CANCELLED
//! RUNNING ─Skipped▶ CANCELLED
//! PROVISIONING, RUNNING ─Failed▶ FAILED
//! CREATED, PENDING, PROVISIONING, RUNNING ─Expired▶ FAILED
//! ```
//!
//! The other events leave the status as it is. [`lifecycle`] has all of it as a diagram and as a grid. That every
//! unfinished status has a way out that time alone takes, that no ended job moves, and that nothing but a running job
//! goes live is checked when this crate is compiled.
//!
//! # What it is not
//!
//! It stores nothing, waits for nothing, reads no clock and talks to nobody; it builds and serves no site. It is
//! `no_std` with `alloc`, has no `unsafe` code, and panics on no input. What only the outside can know, it believes:
//! that a URL may be fetched, that an upload has its MD5, that the caller may call.
//! [The repository](https://github.com/windlass-rs/windlass) has stores, an HTTP API for AWS's own clients, a runner
//! and a site server around it.
//!
//! # An example
//!
//! ```
//! use chrono::{TimeDelta, TimeZone, Utc};
//! use windlass::{Artifact, Branch, Command, JobStatus, NewJob, Report, Source};
//!
//! let nine = Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap();
//!
//! // CreateDeployment makes job 1 of the branch, which waits for a zip.
//! let made = Branch::default().create(NewJob::manual(Source::Zip), nine)?;
//! assert_eq!(made.job.status(), JobStatus::Created);
//!
//! // StartDeployment before the zip is there is refused, and the job is as it was.
//! let refused = made.branch.handle(&made.job, &Command::Start, nine);
//! assert_eq!(
//!     refused.answer.unwrap_err().to_string(),
//!     "1 of the job's uploads did not arrive, the first of them the zip"
//! );
//!
//! // The zip arrives and is kept under the number 7; the job is started, and a runner takes it.
//! let commands = [Command::Upload { slot: 0, object: 7 }, Command::Start, Command::Claim];
//! let taken = made.branch.handle_all(&made.job, &commands, nine + TimeDelta::minutes(1));
//! assert_eq!(taken.job.status(), JobStatus::Running);
//!
//! // It publishes it and reports so, naming the attempt that its claim began. Job 1 is live.
//! let attempt = taken.job.attempt();
//! let artifact = Artifact { job: taken.job.id(), object: 7 };
//! let report = Command::Report { attempt, report: Report::Succeeded { artifact } };
//! let done = taken.branch.handle(&taken.job, &report, nine + TimeDelta::minutes(2));
//! assert_eq!(done.job.status(), JobStatus::Succeed);
//! assert_eq!(done.branch.live().map(|live| live.job), Some(done.job.id()));
//!
//! // Had nobody started it, it would have failed after eight hours, and would say why.
//! let late = made.branch.handle(&made.job, &Command::Start, nine + TimeDelta::hours(8));
//! assert_eq!(late.job.status(), JobStatus::Failed);
//! assert_eq!(
//!     late.job.status_reason().as_deref(),
//!     Some("the deployment was not started within 8 hours, the upload limit")
//! );
//! # Ok::<(), windlass::Rejection>(())
//! ```
//!
//! Four examples go on from here: [`embed.rs`](https://docs.rs/crate/windlass/latest/source/examples/embed.rs)
//! asks the law alone, [`by_hand.rs`](https://docs.rs/crate/windlass/latest/source/examples/by_hand.rs) drives a
//! job from end to end, [`follow.rs`](https://docs.rs/crate/windlass/latest/source/examples/follow.rs) follows a
//! job of AWS's, and [`store.rs`](Change#a-whole-store) is a store of one's own.
//!
//! # Where to look
//!
//! | What you want | Where it is |
//! |---|---|
//! | whether one status may follow another | [`JobStatus::next`], [`JobStatus::can_reach`], [`TRANSITIONS`], [`lifecycle`] |
//! | whether a job has ended, whether a runner has it | [`JobStatus::is_terminal`], [`JobStatus::is_working`] |
//! | to make a job | [`NewJob`], [`Source`], then [`Branch::create`], or [`Branch::push`] for a push |
//! | to ask something of a job | [`Command`], then [`Branch::handle`] |
//! | to know what would follow, and change nothing | [`Job::decide`] |
//! | when a job is overdue | [`Job::deadline`], [`Job::is_due`], [`Limits`] |
//! | why a job waits, works or has ended | [`Job::why`], [`Job::cause`], [`Job::status_reason`] |
//! | to deploy again, or to go back | [`Job::retry_source`] |
//! | what is live | [`Branch::live`] |
//! | who goes next where there is room for some only | [`next_to_claim`] |
//! | to store a job, and to read it again | [`Change`], [`Job::progress`], [`Job::from_parts`], [`Job::replay`] |
//! | ids, names and ARNs | [`AppId`], [`BranchName`], [`JobId`], [`Arn`] |
#![cfg_attr(feature = "serde", doc = "| AWS's JSON | [`wire`] |")]
#![cfg_attr(feature = "serde", doc = "| to follow a job of AWS's, of which only samples are seen | [`Observer`] |")]
//!
//! # Storing jobs
//!
//! Whoever stores jobs has these duties, in this order:
//!
//! 1. **Load** the job and its branch, as they are at one moment.
//! 2. **Handle** the command by [`Branch::handle`], at the time that it is now. Before a job is made, let time have its
//!    way with the [unfinished](Branch::unfinished) ones, by [`Command::Expire`]; one that is overdue would be in the way.
//! 3. **Store** records, job and branch in **one** transaction, only if the stored job still has the
//!    [`seq`](Job::seq) that was loaded (0 for one that is new) and the branch is what was loaded; if not, begin again
//!    at 1. Two jobs of a branch change it, so `seq` alone is not enough. A change without records needs no storing; a
//!    rejection with records does, because time has ended the job.
//! 4. **Answer**, once that is durable. [`Change`] shows a store that does all this in a few lines.
//! 5. **Wake** whoever the job as it now is concerns: PENDING wants a runner, CANCELLING wants its runner interrupted,
//!    an end lets the job behind it go, and [`Job::deadline`] is when to send [`Command::Expire`].
//!
//! What a job needs is read off the job, not off a queue beside it, so a crash between two of these loses nothing. The
//! row is the job as it is; the records are how it came about; [`Job::replay`] makes the one from the other, and a
//! [`HistoryError`] means that what was stored is damaged. [`Birth`] never changes and is stored once;
//! [`Progress`] is what each change rewrites. Both have serde under the feature `serde`; keep a number of the format
//! beside what you store of them.
//!
//! # Fencing
//!
//! A claim begins attempt 1 of a job. The runner keeps that [`Attempt`] and names it in every [`Report`]. Whoever gives
//! a runner up for lost sends [`Command::Reclaim`] with its attempt; the next one begins, and whatever the first runner
//! says after that is a [`Rejection::StaleAttempt`] and has no effect. After [`Attempt::MAX`] the job fails. A report
//! that is repeated, because its answer was lost, counts once. A runner that was told nothing may still publish; what
//! it publishes goes live only by the record of its success, which a stopped or superseded attempt cannot get.
//!
//! # Time
//!
//! `now` is an argument, and [`Job::deadline`] is an answer, not a timer. Time comes first: a command to a job that is
//! due finds it ended. [`Command::Expire`] too early, or twice, does nothing. A record's time is in whole milliseconds
//! and never before that of the record before, even where a clock goes back. [`Limits`] are copied into a job when it
//! is made.
//!
//! # Retry
//!
//! A retry is a new job, made with this:
//!
//! ```text
//! let source = old.retry_source()?;
//! let commit = old.commit().cloned();
//! NewJob { job_type: JobType::Retry, retries: Some(old.id()), commit, ..NewJob::manual(source) }
//! ```
//!
//! What was built from a commit is built from it again; any other job that
//! succeeded deploys the [`Artifact`] that is kept of it, which is how one goes back without a rebuild. Keep those
//! bytes as long as there is a job whose [`content_of`](Job::content_of) names them.
//!
//! # Why
//!
//! [`Job::why`] says what a job waits for, works on, or ended of, as [data](Because) and as a line of text. A job does
//! not know why nobody takes it, so its [branch](Why::on), [the account's room](Why::with_room) and
//! [the runners](Why::without_runner) add that.
//!
//! # Features
//!
//! `serde`, on by default, is AWS's JSON (`wire`), the `Observer` of jobs that are seen from outside, and serde for what
//! stores keep. Without it the crate depends on `chrono`, `strum` and `thiserror` alone. Names and iteration of the
//! enums are [`strum`](https://docs.rs/strum)'s: `JobStatus::VARIANTS` is there with `use strum::VariantArray`.
//!
//! Windlass is not affiliated with Amazon Web Services.

#![cfg_attr(docsrs, feature(doc_cfg))]
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
#[cfg(feature = "serde")]
mod observer;
mod rejection;
#[cfg(feature = "serde")]
mod shared;
mod status;
mod steps;
mod why;
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
pub use limits::{BuildLimitOutOfRange, Limit, Limits};
#[cfg(feature = "serde")]
pub use observer::{Contradiction, Member, Observation, Observer, Pace};
pub use rejection::{HistoryError, Rejection};
pub use status::{EventKind, JobStatus, TRANSITIONS, Transition};
pub use steps::Step;
pub(crate) use steps::Steps;
pub use why::{Because, Why};

/// The README's example, for `cargo test`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
