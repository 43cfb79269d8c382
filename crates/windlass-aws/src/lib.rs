//! Follows jobs of AWS Amplify Hosting to their end, through [`aws_sdk_amplify`].
//!
//! The API has no waiter and no events to subscribe to, so whoever deploys to Amplify polls GetJob. [`Watch`] does that
//! once and for all: with a pause that grows while nothing happens, patience with a service that throttles, and an eye
//! on the law of a job's life, [`windlass::TRANSITIONS`], which says what must have happened between two looks and what
//! cannot have.
//!
//! ```no_run
//! use windlass_aws::{JobRef, Watch};
//!
//! # async fn follow(client: aws_sdk_amplify::Client) -> Result<(), windlass_aws::Error> {
//! let mut watch = Watch::new(client, JobRef::new("d2ek69ya1jyvs1", "main", "7"));
//! while let Some(seen) = watch.next().await? {
//!     let summary = &seen.look.job.summary;
//!     println!("{}, after {:?}", summary.status, seen.observation.passed);
//!     for contradiction in &seen.observation.contradictions {
//!         eprintln!("job {} is not to be trusted: {contradiction}", summary.job_id);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It works the same on a [Windlass](https://github.com/windlass-rs/windlass) server, which adds why a job is as it is:
//! [`Look::status_reason`] and [`Look::why`].
//!
//! # What this crate is not
//!
//! It makes no client: credentials, region and retries are `aws-config`'s business. It starts and stops nothing.
//!
//! # What no loss means
//!
//! [`from_sdk`] and [`to_sdk`] turn the SDK's types into [`windlass::wire`]'s, which print AWS's JSON, and back. A job
//! that goes there and back is what it was, unknown values of enums and nanoseconds included, but for what the SDK's
//! types cannot tell apart:
//!
//! * For a required member that the service left out, the SDK puts the epoch in the place of a time and the text
//!   `no value was set` in that of an enum. So a commit time, a job's start or a step's end of exactly the epoch, and a
//!   job type of exactly that text, come back absent. A text that is absent is empty on both sides.
//! * A leap second comes back as the first second of the next minute.
//! * [`Open::Unknown`](windlass::wire::Open) that holds a name that is known comes back known. No such value is ever
//!   read from anywhere.
//! * A time with the nanoseconds that the SDK makes of a whole millisecond comes back as [that millisecond](from_sdk::time).
//!
//! From the SDK's side, in addition, a time outside of chrono's calendar comes back as the calendar's end.

mod error;
pub mod from_sdk;
mod look;
pub mod to_sdk;
mod watch;

pub use error::{Error, Refusal};
pub use look::{JobRef, Look, get_job};
pub use watch::{Seen, Watch};

/// What the SDK puts in the place of an enum that the model requires and the service left out.
const ABSENT: &str = "no value was set";

const NANOS_PER_SECOND: u32 = 1_000_000_000;
