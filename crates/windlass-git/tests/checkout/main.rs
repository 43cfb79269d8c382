//! Checkouts from repositories that git has made, by path and by `git http-backend`.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, like the test")]

mod commits;
mod large;
mod limits;
mod origin;
mod refusals;
mod secrets;
mod server;
mod ssh;
mod submodules;
