//! Builds: the phases of a [build specification](windlass_buildspec) on a folder.
//!
//! A [`Room`] is where one build goes on: the working folder, a home and a place for temporary files, and nothing else
//! that it may write to. A [`Workshop`] runs commands there, in a [jail](windlass_jail), and hands on what they print
//! line by line. When they have ended nothing of them runs any more, so what they made can be [`collected`](files) and
//! put into the [`Cache`] without anyone who changes it meanwhile.
//!
//! It knows neither jobs nor repositories: those who work on a folder of their own have the same steps as a server.

mod cache;
mod collect;
mod lines;
mod room;
mod workshop;

pub use cache::{Cache, CacheError, Restored, Saved};
pub use collect::{CollectError, Found, files};
pub use lines::Lines;
pub use room::Room;
pub use workshop::{BuildError, Commands, Workshop};
