//! What is counted of requests and of jobs. Nothing that a client can make up becomes a label, and no label names an app
//! or a branch: there are as many series as there are rows in our tables, however many apps there are.

mod durations;
mod jobs;
mod requests;

use durations::Durations;
pub use jobs::JobCounts;
pub(crate) use requests::{Aim, Other, Requests};
