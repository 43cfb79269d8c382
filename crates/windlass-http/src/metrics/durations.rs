//! A histogram of durations that takes no lock.

use core::fmt;
use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};

/// How often something took how long. Noting it is two additions, so it may be done in the middle of a request.
#[derive(Debug)]
pub(super) struct Durations {
    /// The upper bounds of the buckets but the last, in rising order.
    bounds: &'static [Duration],
    counts: Box<[AtomicU64]>,
    /// All durations together, in nanoseconds: enough for 584 years.
    sum: AtomicU64,
}

impl Durations {
    pub(super) fn new(bounds: &'static [Duration]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub(super) fn note(&self, took: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < took);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Writes it down, unless nothing was ever noted.
    pub(super) fn encode(&self, family: &mut MetricEncoder<'_>, labels: [(&str, &str); 2]) -> fmt::Result {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let bounds = self.bounds.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        if count == 0 {
            return Ok(());
        }
        let sum = Duration::from_nanos(self.sum.load(Ordering::Relaxed)).as_secs_f64();
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}
