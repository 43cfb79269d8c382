//! What is counted of a store's commits.

use std::sync::Arc;
use std::time::Duration;

use crate::Clock;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// In seconds: from a disk that syncs in a quarter of a millisecond to one that hangs.
const TIMES: [f64; 12] = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// How many changes ride in a commit: the largest group has 512.
const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// How long commits take, and how many changes ride in each. A clone counts along.
#[derive(Clone)]
pub struct Commits {
    clock: Arc<dyn Clock>,
    times: Histogram,
    sizes: Histogram,
    failed: Counter,
}

/// A commit that has begun. One that is never ended was none: there was nothing to store.
#[must_use]
pub struct Begun<'a> {
    commits: &'a Commits,
    at: Duration,
    size: usize,
}

impl Commits {
    /// Nothing so far. The time comes from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, times: Histogram::new(TIMES), sizes: Histogram::new(SIZES), failed: Counter::default() }
    }

    /// Has the counts among what `registry` shows.
    pub fn register(&self, registry: &mut Registry) {
        let help = "How long the store's commits took until they were durable";
        registry.register_with_unit("store_commit_duration", help, Unit::Seconds, self.times.clone());
        let help = "How many changes rode in each of the store's commits";
        registry.register("store_commit_changes", help, self.sizes.clone());
        let help = "Commits that the store could not make; nothing of them was stored";
        registry.register("store_commits_failed", help, self.failed.clone());
    }

    /// A commit of so many changes begins.
    pub fn begin(&self, size: usize) -> Begun<'_> {
        Begun { commits: self, at: self.clock.elapsed(), size }
    }
}

impl Begun<'_> {
    /// It has ended, and is durable or has failed.
    pub fn end(self, durable: bool) {
        let Self { commits, at, size } = self;
        if durable {
            commits.times.observe(commits.clock.elapsed().saturating_sub(at).as_secs_f64());
            commits.sizes.observe(size as f64);
        } else {
            commits.failed.inc();
        }
    }
}
