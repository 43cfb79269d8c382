//! Input that no client should send: each is refused in words that name what is wrong, and changes nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod bodies;
mod file_maps;
mod members;
mod names;
mod protocol;
mod site_rules;
mod sources;
mod states;
#[path = "../support/mod.rs"]
mod support;
mod uploads;
