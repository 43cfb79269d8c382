//! Jobs of repositories: cloned, built as an `amplify.yml` says, published, and stopped when told.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod cache;
mod commits;
mod escaping;
mod failing;
mod flood;
mod isolation;
mod killed;
mod lost;
mod overdue;
mod polling;
mod publishing;
mod pushes;
mod repository;
mod stopping;
mod vite;
mod working_folder;
