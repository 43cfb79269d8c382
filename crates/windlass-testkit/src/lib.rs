//! Fuzz bodies, reference models and a store that misbehaves, for Windlass's own tests.
//!
//! A fuzz body is a function of bytes that panics where a promise is broken. `fuzz/` runs them under
//! libFuzzer for as long as one likes; `cargo test` runs them on the committed corpus and on fresh bytes.

mod archives;
mod histories;
mod meanwhile;
pub mod model;
mod names;
mod postgres;
mod specifications;
mod stored;
mod wire;

pub use archives::archives;
pub use histories::histories;
pub use meanwhile::{Look, Meanwhile};
pub use names::names;
pub use postgres::{Named, Postgres, run_tests};
pub use specifications::specifications;
pub use stored::stored;
pub use wire::wire;
