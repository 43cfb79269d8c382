//! The three things that a runner does all the time: take work, keep its hold on it, sweep.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use windlass::{Attempt, Command, JobStatus};
use windlass_artifact::Budget;
use windlass_store::{
    Address, Blobs, Claims, Clock, Executed, Extras, Lease, Notice, RunnerId, Store, StoreError, claim, execute,
    forget_requests,
};

use crate::counts::Counts;
use crate::inflight::{InFlight, Reach};
use crate::run::Claimed;
use crate::sources::Sources;

/// How many overdue jobs are ended in one go.
const BATCH: usize = 128;

/// How often requests are forgotten that nobody needs to remember any more.
const FORGET: TimeDelta = TimeDelta::hours(1);

/// What a runner may do, and how often it does what it does all the time.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many jobs are in work at a time at most, whichever runners have them: the account's quota, which is 5 by AWS's
    /// default. One runner may have them all.
    pub concurrent: u64,
    /// How long its hold on a job lasts unless it is renewed, which it is three times as often.
    pub lease: Duration,
    /// How often it looks for overdue jobs, and for work that no news told of.
    pub sweep: Duration,
    /// What an artifact may be.
    pub budget: Budget,
}

impl Default for Settings {
    fn default() -> Self {
        Self { concurrent: 5, lease: Duration::from_secs(30), sweep: Duration::from_secs(1), budget: Budget::default() }
    }
}

/// A runner. Cheap to clone.
#[derive(Clone)]
pub struct Runner(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) id: RunnerId,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sources: Sources,
    pub(crate) settings: Settings,
    pub(crate) in_flight: InFlight,
    pub(crate) counts: Counts,
    tasks: TaskTracker,
    /// A job has changed, or one is out of hand, so there may be work or room for it.
    news: Notify,
}

impl Runner {
    /// A runner on `store`. `id` must be new for each life of a process.
    #[must_use]
    pub fn new(
        id: RunnerId,
        store: Arc<dyn Store>,
        blobs: Blobs,
        clock: Arc<dyn Clock>,
        sources: impl Into<Sources>,
        settings: Settings,
    ) -> Self {
        let (in_flight, counts, tasks, news) =
            (InFlight::default(), Counts::default(), TaskTracker::new(), Notify::new());
        let sources = sources.into();
        Self(Arc::new(Inner { id, store, blobs, clock, sources, settings, in_flight, counts, tasks, news }))
    }

    /// Has what this runner counts among what `registry` shows.
    pub fn register(&self, registry: &mut Registry) {
        self.0.counts.register(registry);
    }

    /// Works until `stop` fires; then takes no more jobs, and returns when those in hand have ended.
    pub async fn run(&self, stop: CancellationToken) {
        // Until the last job is out of hand, news are heard, holds are kept and overdue jobs ended.
        let background = CancellationToken::new();
        let mut others = JoinSet::new();
        others.spawn(self.clone().listen(self.0.store.notices(), background.clone()));
        others.spawn(self.clone().keep_holds(background.clone()));
        others.spawn(self.clone().sweep(background.clone()));
        self.take_work(stop).await;
        self.0.tasks.close();
        self.0.tasks.wait().await;
        background.cancel();
        others.join_all().await;
    }

    async fn take_work(&self, stop: CancellationToken) {
        let mut tick = ticks(self.0.settings.sweep);
        loop {
            if let Err(error) = self.take_what_there_is().await {
                tracing::warn!("cannot look for work: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.news.notified() => {}
                _ = tick.tick() => {}
            }
        }
    }

    /// Tells news to those whom they concern.
    async fn listen(self, mut news: broadcast::Receiver<Notice>, stop: CancellationToken) {
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return,
                next = news.recv() => next,
            };
            match next {
                Ok(notice) => {
                    self.0.in_flight.hear(&notice);
                    if may_mean_work(notice.status) {
                        self.0.news.notify_one();
                    }
                }
                // Whatever was missed, renewing the holds and the next tick find it out.
                Err(broadcast::error::RecvError::Lagged(_)) => self.0.news.notify_one(),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn take_what_there_is(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        let (in_hand, concurrent) = (inner.in_flight.held(), inner.settings.concurrent);
        let room = usize::try_from(concurrent).unwrap_or(usize::MAX).saturating_sub(in_hand.len());
        if room == 0 {
            return Ok(());
        }
        let reach = inner.in_flight.reach();
        let claims = Claims { lease: self.lease(), room, in_hand, concurrent, now: inner.clock.now() };
        for claimed in claim(&*inner.store, &claims).await? {
            self.start(&reach, claimed);
        }
        Ok(())
    }

    fn start(&self, reach: &Reach, claimed: Executed) {
        let (key, attempt, status) = (claimed.key(), claimed.job.attempt(), claimed.job.status());
        let Executed { branch, job, answer } = claimed;
        if let Err(rejection) = answer {
            tracing::debug!(%key, "not claimed: {rejection}");
            return;
        }
        // One that was lost too often has ended with the claim.
        if attempt > Attempt::new(1) || !status.is_working() {
            self.0.counts.leases_lost.inc();
        }
        if !status.is_working() {
            return;
        }
        let Some(hand) = reach.take(key) else { return };
        // At the highest level, so that whatever is said of the work is said of its job.
        let span = tracing::error_span!(
            "job", %key, app = %branch.app, branch = %branch.name, job = %key.job, attempt = attempt.get()
        );
        let runner = self.clone();
        let work = async move {
            runner.see_to(Claimed { hand, attempt, branch, job }).await;
            runner.0.news.notify_one();
        };
        self.0.tasks.spawn(work.instrument(span));
    }

    async fn keep_holds(self, stop: CancellationToken) {
        let inner = &self.0;
        let mut tick = ticks(inner.settings.lease / 3);
        while !ended(&stop, tick.tick()).await {
            let before = inner.in_flight.held();
            if before.is_empty() {
                continue;
            }
            match inner.store.renew(&self.lease(), &before).await {
                Ok(held) => inner.in_flight.keep_only(&before, &held),
                Err(error) => tracing::warn!("cannot renew the hold on {} jobs: {error}", before.len()),
            }
        }
    }

    /// Ends what is overdue, with no help from whoever had it, and clears away what was kept for a day only.
    async fn sweep(self, stop: CancellationToken) {
        let inner = &self.0;
        let mut tick = ticks(inner.settings.sweep);
        let mut forgot = DateTime::<Utc>::MIN_UTC;
        while !ended(&stop, tick.tick()).await {
            let now = inner.clock.now();
            if now.signed_duration_since(forgot) >= FORGET {
                match forget_requests(&*inner.store, now).await {
                    Ok(()) => forgot = now,
                    Err(error) => tracing::warn!("cannot forget old requests: {error}"),
                }
            }
            self.sweep_headers().await;
            let due = match inner.store.due(now, BATCH).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!("cannot look for overdue jobs: {error}");
                    continue;
                }
            };
            for key in due {
                let expired =
                    execute(&*inner.store, Address::Key(key), &[Command::Expire], now, Extras::default()).await;
                match expired {
                    Ok(done) => tracing::info!(branch = %done.branch.name, job = %done.job.id(), "overdue"),
                    Err(error) => tracing::warn!("cannot end an overdue job: {error}"),
                }
            }
        }
    }

    /// Makes headers their apps' that a runner has left, or has been kept from, after their jobs went live.
    pub(crate) async fn sweep_headers(&self) {
        if let Err(error) = self.take_over_headers().await {
            tracing::warn!("custom headers of repositories are not taken over for now: {error}");
        }
    }

    /// A hold that begins now.
    pub(crate) fn lease(&self) -> Lease {
        let length = TimeDelta::from_std(self.0.settings.lease).unwrap_or(TimeDelta::MAX);
        Lease { runner: self.0.id.clone(), until: self.0.clock.now() + length }
    }
}

/// Whether a job that now has this status may be one to claim, or have made room for one.
fn may_mean_work(status: JobStatus) -> bool {
    match status {
        JobStatus::Pending | JobStatus::Succeed | JobStatus::Failed | JobStatus::Cancelled => true,
        JobStatus::Created | JobStatus::Provisioning | JobStatus::Running | JobStatus::Cancelling => false,
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Waits for `next`, and answers whether `stop` fired first.
async fn ended<T>(stop: &CancellationToken, next: impl Future<Output = T>) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        _ = next => false,
    }
}
