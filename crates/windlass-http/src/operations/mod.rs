//! The operations of the Amplify API: one table, and what follows from it.
//!
//! `table` declares every operation with its method, path, members, and who may ask for it; `shapes` the shapes of the
//! members. [`route`] finds the operation of a request, [`Routed::input`] gathers and checks its members,
//! [`Definition::resource`] names what it is done to; all read the table and nothing else. A new operation is a row, one of
//! our own too, and handlers that `match` on [`Operation`] do not compile until they know it.
//!
//! ```
//! use http::Method;
//! use windlass_http::operations::{Operation, route};
//!
//! let routed = route(&Method::GET, "/apps/d1/branches/feature%2Fx/jobs")?;
//! assert_eq!(routed.operation(), Operation::ListJobs);
//!
//! let input = routed.input(Some("maxResults=5"), b"")?;
//! assert_eq!(input["branchName"], "feature/x");
//! assert_eq!(input["maxResults"], 5);
//!
//! let violation = routed.input(Some("maxResults=51"), b"").unwrap_err();
//! assert_eq!(
//!     violation.to_string(),
//!     "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: \
//!      Member must have value less than or equal to 50"
//! );
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod check;
mod input;
mod role;
mod route;
mod shape;
mod shapes;
mod table;
mod violation;

pub use role::{Role, UnknownRole};
pub use route::{RouteError, Routed, route};
pub use shape::{Length, Member, Pattern, Shape};
pub use table::{Definition, Operation};
pub use violation::{Constraint, Failure, Violation};
