//! What is counted of a runner's work.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// What a runner did so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Jobs whose runner was lost, and that this runner took over or ended.
    pub(crate) leases_lost: Counter,
}

impl Counts {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Leases that lapsed under their jobs, which this process then took over or ended";
        registry.register("leases_lost", help, self.leases_lost.clone());
    }
}
