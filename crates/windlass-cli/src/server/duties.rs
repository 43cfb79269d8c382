//! What one process does for all that share a database: of those that could, one at a time does.

use std::pin::pin;
use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use windlass_store::{Clock, Duty, Store};

/// Who has duties at all.
#[derive(Clone)]
pub(super) enum Duties {
    /// Nobody else: the store is this process's alone.
    Alone,
    /// Whoever's turn it is.
    Shared(Arc<dyn Store>, Arc<dyn Clock>),
}

impl Duties {
    /// Does `work` while it is this process's turn, until `stop` fires, which the work is told. Where the turn is lost it is
    /// broken off.
    pub(super) async fn take<F>(self, name: &str, stop: CancellationToken, work: impl Fn(CancellationToken) -> F)
    where
        F: Future<Output = ()>,
    {
        let mut duty = match self {
            Self::Alone => return work(stop).await,
            Self::Shared(store, clock) => Duty::new(store, clock, name),
        };
        let mut look = interval(Duty::EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = look.tick() => {}
            }
            if !duty.is_ours().await {
                continue;
            }
            tracing::debug!(name, "a duty is this process's");
            let mut working = pin!(work(stop.clone()));
            loop {
                tokio::select! {
                    () = &mut working => {
                        // It ends by itself at the stop alone, or where there is nothing to do here.
                        duty.lay_down().await;
                        return;
                    }
                    _ = look.tick() => {}
                }
                if !duty.is_ours().await {
                    tracing::info!(name, "a duty is another process's now");
                    break;
                }
            }
        }
        duty.lay_down().await;
    }
}
