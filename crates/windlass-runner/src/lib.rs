//! The runner: it claims jobs, keeps its hold on them, executes their steps, and sweeps what is overdue.
//!
//! It decides nothing about a job. It reads off the store what there is to do ([`Store::work`]), brings
//! commands before jobs and obeys the answers: a job that does not take its report any more is no longer
//! its own. Whatever it is killed in the middle of, the same reading finds the same work again.
//!
//! [`Store::work`]: windlass_store::Store::work

mod counts;
mod deploy;
pub mod fetch;
pub mod guard;
mod inflight;
mod log;
mod run;
mod runner;
mod verify;

pub use runner::{Runner, Settings};
