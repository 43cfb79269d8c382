//! The only clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use windlass_postgres::PostgresStore;
use windlass_store::{Clock, StoreError};

/// The machine's own time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the time comes from; all else takes it as an argument"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the time comes from; all else takes it as an argument"
    )]
    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// The time of a database, as far as this process knows it: the process's own, moved by as much as the two are apart. So
/// all processes that share a database agree on what is overdue, whatever their machines' clocks say.
pub(super) struct SharedClock {
    own: Arc<dyn Clock>,
    /// How many milliseconds the database's clock is ahead of ours.
    ahead: AtomicI64,
}

/// How often it is found out how far the clocks are apart.
const COMPARED_EVERY: Duration = Duration::from_secs(10);

/// From how many milliseconds on clocks that are apart are worth a warning.
const APART: i64 = 1000;

impl SharedClock {
    pub(super) fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, ahead: AtomicI64::new(0) }
    }

    /// Finds out how far the clocks are apart.
    pub(super) async fn compare(&self, store: &PostgresStore) -> Result<(), StoreError> {
        let (now, begun) = (self.own.now(), self.own.elapsed());
        let time = store.time().await?;
        // Somewhere between the question and the answer, which is nearer than anyone needs to know.
        let passed = self.own.elapsed().saturating_sub(begun) / 2;
        let ahead = (time - now).num_milliseconds() - i64::try_from(passed.as_millis()).unwrap_or_default();
        let before = self.ahead.swap(ahead, Ordering::Relaxed);
        if (ahead - before).abs() >= APART {
            let apart = ahead.abs();
            tracing::warn!("this machine's clock and the database's, which counts, are {apart} ms apart");
        }
        Ok(())
    }

    /// Finds it out again and again, until `stop` fires.
    pub(super) async fn follow(self: Arc<Self>, store: Arc<PostgresStore>, stop: CancellationToken) {
        let mut look = interval(COMPARED_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let following = async {
            loop {
                look.tick().await;
                if let Err(error) = self.compare(&store).await {
                    tracing::debug!("the database's clock cannot be read: {error}");
                }
            }
        };
        stop.run_until_cancelled(following).await;
    }
}

impl Clock for SharedClock {
    fn now(&self) -> DateTime<Utc> {
        self.own.now() + TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.own.elapsed()
    }
}
