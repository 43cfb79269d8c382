//! How many jobs there are of each kind, and how long they take, without ever looking at all of them.
//!
//! Everything that happens is stored in one order, so whoever counts reads on where he stopped. Only the unfinished jobs
//! are kept in mind: a store may hold millions of others. Now and then those are compared with what the store lists, which
//! finds the ones that were there before us, and lets go of the ones that were deleted.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use strum::{EnumCount as _, VariantArray as _};
use tokio::sync::Mutex as Turn;
use tokio::time::{MissedTickBehavior, interval};
use windlass::{Event, Job, JobStatus, JobType, Record};
use windlass_store::{Clock, Happening, JobKey, Store, StoreError};

use super::Durations;

/// How many happenings are read at a time.
const PAGE: usize = 512;

/// How often it is read on, so that there is little to read when someone asks.
const OFTEN: Duration = Duration::from_secs(1);

/// How often the unfinished jobs are compared with the store's, in seconds.
const COMPARED_EVERY: TimeDelta = TimeDelta::seconds(60);

/// From ten milliseconds, which a small deployment takes, to a day, the longest that a job waits.
const BOUNDS: &[Duration] = &[
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(24 * 3600),
];

/// Counts the jobs of a store, whoever drives them: processes that share a store count the same. A clone counts along.
#[derive(Clone)]
pub struct JobCounts(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// One reads on at a time.
    turn: Turn<()>,
    tally: Mutex<Tally>,
}

/// What is known.
#[derive(Debug)]
struct Tally {
    /// The last happening that is in here, once it is known where to begin.
    cursor: Option<u64>,
    compared: Option<DateTime<Utc>>,
    unfinished: BTreeMap<JobKey, Unfinished>,
    /// How often a job got into a status.
    entered: ByKind<u64>,
    /// How long jobs were in a status that they have left.
    spent: ByKind<Durations>,
}

#[derive(Clone, Copy, Debug)]
struct Unfinished {
    job_type: JobType,
    status: JobStatus,
    since: DateTime<Utc>,
    /// How many of its records are in here.
    seq: u32,
}

impl JobCounts {
    /// Counts what happens in `store` from now on, and what is unfinished there.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let tally = Tally {
            cursor: None,
            compared: None,
            unfinished: BTreeMap::new(),
            entered: ByKind::new(|| 0),
            spent: ByKind::new(|| Durations::new(BOUNDS)),
        };
        Self(Arc::new(Inner { store, clock, turn: Turn::new(()), tally: Mutex::new(tally) }))
    }

    /// Has the counts among what `registry` shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// Reads on, again and again, until `stop` ends.
    pub async fn follow(&self, stop: impl Future<Output = ()>) {
        let mut often = interval(OFTEN);
        often.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = core::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = often.tick() => {}
            }
            if let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "jobs are not counted for now");
            }
        }
    }

    /// Counts everything that has happened until now.
    ///
    /// # Errors
    ///
    /// Those of the store. What was counted before stays.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let _turn = self.0.turn.lock().await;
        let store = &*self.0.store;
        let known = self.tally().cursor;
        let mut cursor = match known {
            Some(cursor) => cursor,
            None => store.last_happening().await?,
        };
        self.tally().cursor = Some(cursor);
        loop {
            let happenings = store.happenings(cursor, PAGE).await?;
            let mut tally = self.tally();
            for happening in &happenings {
                tally.count(happening);
                cursor = happening.cursor;
            }
            tally.cursor = Some(cursor);
            if happenings.len() < PAGE {
                break;
            }
        }
        let now = self.0.clock.now();
        let compared = self.tally().compared;
        if compared.is_none_or(|compared| now - compared >= COMPARED_EVERY || now < compared) {
            self.compare().await?;
            self.tally().compared = Some(now);
        }
        Ok(())
    }

    /// Keeps in mind what the store lists as unfinished, and nothing that is not there any more.
    async fn compare(&self) -> Result<(), StoreError> {
        let store = &*self.0.store;
        // Each unfinished job has a deadline, and none has one that is later than this.
        let listed: BTreeSet<_> = store.due(DateTime::<Utc>::MAX_UTC, usize::MAX).await?.into_iter().collect();
        let known: BTreeSet<_> = self.tally().unfinished.keys().copied().collect();
        for key in listed.symmetric_difference(&known) {
            let job = store.job(*key).await?;
            let mut tally = self.tally();
            match job {
                // How it ended will be read; until then it is known as it was.
                Some(job) if !job.status().is_terminal() => tally.meet(*key, &job),
                Some(_) => {}
                None => drop(tally.unfinished.remove(key)),
            }
        }
        Ok(())
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Whatever is under the lock is plain numbers.
        self.0.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for JobCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JobCounts").field(&self.tally()).finish()
    }
}

impl Tally {
    fn meet(&mut self, key: JobKey, job: &Job) {
        let (job_type, status, since, seq) = (job.job_type(), job.status(), job.since(), job.seq());
        self.unfinished.entry(key).or_insert(Unfinished { job_type, status, since, seq });
    }

    fn count(&mut self, happening: &Happening) {
        let Happening { key, record: Record { seq, at, event }, .. } = happening;
        if let Event::Created { birth, .. } = event {
            let (job_type, status) = (birth.job_type, JobStatus::Created);
            self.unfinished.insert(*key, Unfinished { job_type, status, since: *at, seq: *seq });
            *self.entered.of(status, job_type) += 1;
            return;
        }
        // One that nobody knows ended while we began to count.
        let Some(job) = self.unfinished.get_mut(key).filter(|job| job.seq < *seq) else { return };
        job.seq = *seq;
        let Some(status) = event.kind().and_then(|event| job.status.next(event)).filter(|next| *next != job.status)
        else {
            return;
        };
        let spent = (*at - job.since).to_std().unwrap_or_default();
        self.spent.of(job.status, job.job_type).note(spent);
        *self.entered.of(status, job.job_type) += 1;
        (job.status, job.since) = (status, *at);
        if status.is_terminal() {
            self.unfinished.remove(key);
        }
    }
}

impl Collector for JobCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tally = self.tally();
        let mut now = ByKind::new(|| 0_i64);
        for job in tally.unfinished.values() {
            *now.of(job.status, job.job_type) += 1;
        }
        let help = "How often a job of the store got into a status, since this process began to count";
        let mut family = encoder.encode_descriptor("jobs", help, None, MetricType::Counter)?;
        for (labels, count) in tally.entered.each().filter(|(_, count)| **count > 0) {
            ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
        }
        let help = "Unfinished jobs of the store";
        let mut family = encoder.encode_descriptor("jobs_unfinished", help, None, MetricType::Gauge)?;
        for (labels, count) in now.each().filter(|(_, count)| **count > 0) {
            ConstGauge::new(*count).encode(family.encode_family(&labels)?)?;
        }
        let help = "How long jobs were in a status that they have left, by their records";
        let mut family =
            encoder.encode_descriptor("job_status_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (labels, spent) in tally.spent.each() {
            spent.encode(&mut family, labels)?;
        }
        self.encode_queue(&tally, &mut encoder)
    }
}

impl JobCounts {
    fn encode_queue(&self, tally: &Tally, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let waiting = || tally.unfinished.values().filter(|job| job.status == JobStatus::Pending);
        let help = "Jobs that wait for a runner";
        let depth = i64::try_from(waiting().count()).unwrap_or(i64::MAX);
        ConstGauge::new(depth).encode(encoder.encode_descriptor("queue_depth", help, None, MetricType::Gauge)?)?;
        let help = "How long the job that has waited longest for a runner has waited; 0 where none waits";
        let since = waiting().map(|job| job.since).min();
        let wait = since.and_then(|since| (self.0.clock.now() - since).to_std().ok()).unwrap_or_default();
        let wait = ConstGauge::new(wait.as_secs_f64());
        let unit = Some(&Unit::Seconds);
        wait.encode(encoder.encode_descriptor("queue_oldest_wait", help, unit, MetricType::Gauge)?)
    }
}

/// Something for each status and type.
#[derive(Debug)]
struct ByKind<T>(Vec<T>);

impl<T> ByKind<T> {
    fn new(make: impl FnMut() -> T) -> Self {
        let mut all = Vec::new();
        all.resize_with(JobStatus::COUNT * JobType::VARIANTS.len(), make);
        Self(all)
    }

    fn of(&mut self, status: JobStatus, job_type: JobType) -> &mut T {
        &mut self.0[status as usize * JobType::VARIANTS.len() + job_type as usize]
    }

    /// All of it, with the labels that tell what it is of.
    fn each(&self) -> impl Iterator<Item = ([(&'static str, &'static str); 2], &T)> {
        let kinds = JobStatus::VARIANTS.iter().flat_map(|status| JobType::VARIANTS.iter().map(move |it| (status, it)));
        kinds
            .zip(&self.0)
            .map(|((status, job_type), it)| ([("status", status.as_ref()), ("type", job_type.as_ref())], it))
    }
}
