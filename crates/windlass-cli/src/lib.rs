//! The parts of the `windlass` command that its tests put together themselves: a whole server in a process.

pub mod server;
