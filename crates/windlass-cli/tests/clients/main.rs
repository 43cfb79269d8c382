//! AWS's SDK for Rust against the real binary. Its other clients are run by `tests/clients/run` at the top of the repository.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod model;
mod recorder;
#[path = "../support/mod.rs"]
mod support;
mod walk;
