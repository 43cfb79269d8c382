//! The runner: it claims jobs, keeps its hold on them, executes their steps, and sweeps what is overdue.
//!
//! It decides nothing about a job. It reads off the store what there is to do ([`Store::work`]), brings
//! commands before jobs and obeys the answers: a job that does not take its report any more is no longer
//! its own. Whatever it is killed in the middle of, the same reading finds the same work again.
//!
//! Beside it, a [`Janitor`] lets go of what is kept too long, and a [`Checkup`] says whether all that should be kept is.
//!
//! [`Store::work`]: windlass_store::Store::work

mod build;
mod checkup;
mod counts;
mod deploy;
pub mod fetch;
pub mod guard;
mod headers;
mod inflight;
mod janitor;
mod log;
mod run;
mod runner;
pub mod s3;
mod sources;
mod verify;
mod walk;

pub use build::Builds;
pub use checkup::{Checkup, Counts, Depth, Said};
pub use janitor::{Janitor, Swept, Upkeep};
pub use runner::{Runner, Settings};
pub use sources::{Sources, Tried};
