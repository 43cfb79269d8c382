//! What the API answers, member by member: what the model requires, what Terraform expects, and what emulators get wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod apps;
mod aws_suite;
mod branches;
mod capacity;
mod emulators;
mod jobs;
mod lists;
mod logs;
mod metrics;
mod repeated;
#[path = "../support/mod.rs"]
mod support;
mod terraform;
