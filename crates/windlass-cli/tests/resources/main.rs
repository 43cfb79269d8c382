//! What belongs to an app beside its jobs, driven by AWS's own client: artifacts, webhooks, tags, backend environments,
//! domains, access logs. What GetJob says beside AWS's answer, logs of steps as they grow, and sources in S3.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod access_logs;
mod artifacts;
mod domains;
mod environments;
mod events;
mod logs;
mod proofs;
mod s3;
#[path = "../support/mod.rs"]
mod support;
mod tags;
mod webhooks;
mod why;

/// A refusal as [`support::error`] tells it.
fn refusal(kind: &str, message: impl Into<String>) -> (String, String) {
    (kind.to_owned(), message.into())
}
