//! The AWS Amplify API, as AWS's own clients speak it, on a [`Store`](windlass_store::Store).
//!
//! A request goes through the same doors in the same order: it is [routed](operations), its signature is
//! [checked](sigv4), its members are validated, it is asked whether its key is for that, and the operation runs. Beside
//! the API's operations there are three of ours, on keys, paths below `/-/` that AWS's clients see only as URLs that they
//! were given (uploads, logs, artifacts, webhooks), `/prod/webhooks`, the proof that a domain leads here, and `/healthz`
//! and `/readyz`.
//!
//! This crate decides nothing about jobs: it brings commands before them and puts the answers into
//! AWS's words. It knows nothing of runners and sites.

mod access_logs;
mod answer;
mod api;
mod apps;
mod artifacts;
mod asked;
mod auth;
mod branches;
mod deployments;
mod documents;
mod domains;
mod downloads;
mod environments;
mod error;
mod events;
mod jobs;
mod keys;
mod looks;
mod metrics;
mod objects;
mod once;
pub mod operations;
mod pages;
mod quotas;
mod range;
mod rate;
mod repository;
pub mod sigv4;
mod tags;
mod uploads;
mod webhooks;

pub use api::{Api, Settings};
pub use auth::{Auth, is_from_this_machine};
pub use domains::{Answered, DomainCheck, DomainVerification, PROOF_PATH};
pub use events::{Courier, Delivered};
pub use metrics::JobCounts;
pub use quotas::{InvalidQuota, Quota, Quotas};
