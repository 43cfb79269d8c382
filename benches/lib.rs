//! What the benches share: inputs that are the same in each run, the ways in which others do the same, and a table of
//! both.
//!
//! `lifecycle` measures the rows of [`rows`], `allocations` checks what each of them allocates.

pub mod by_hand;
mod jobs;
mod law;
pub mod mix;
pub mod random;
pub mod table;
mod wire;

/// Everything that is measured of the core.
#[must_use]
pub fn rows() -> Vec<table::Row> {
    [law::rows(), jobs::rows(), wire::rows()].into_iter().flatten().collect()
}
