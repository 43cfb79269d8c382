//! A branch, its store, its runners, the network between them and the true time, and what an onlooker remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass::{Attempt, Branch, Change, Command, Event, EventKind, Job, JobId, Live, Record, StepName};

use crate::heard::{Deed, Heard, is_birth};
use crate::orders::{LIMITS, Order, Words};
use crate::promises::{Broken, Promise};

/// By how much the true time moves at once. Every limit is a multiple, and clocks are apart by multiples, so
/// that each deadline is met exactly, missed by one tick, and seen too early by a clock that is ahead.
pub(crate) const TICK: TimeDelta = TimeDelta::minutes(2);

/// How far a clock may be ahead of the true time, or behind it.
pub(crate) const APART: TimeDelta = TICK;

/// The longest of a job's limits.
pub(crate) const LONGEST: TimeDelta = TimeDelta::seconds(LIMITS.queue as i64);

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) clock: DateTime<Utc>,
    pub(crate) branch: Branch,
    /// How often the stored branch has changed; a store compares and sets by it.
    pub(crate) branch_version: u64,
    pub(crate) jobs: BTreeMap<JobId, Arc<Kept>>,
    pub(crate) runners: [Option<Belief>; 2],
    /// Every report of a current attempt that was ever sent. Any of them arrives at any time, as often as it likes,
    /// or never: that is delay, reordering, duplication and loss. What a runner says after it was given up need
    /// not be remembered: it may have said anything.
    pub(crate) network: BTreeSet<Order>,
    /// What a slow driver has decided and not stored yet.
    pub(crate) slow: Option<Arc<Heard>>,
    /// Every number that was given to a job, deleted ones too.
    pub(crate) made: Vec<JobId>,
    /// What the record of the last success says is live.
    pub(crate) went_live: Option<Live>,
    pub(crate) broken: Broken,
}

/// A stored job, and what the onlooker knows about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) job: Job,
    pub(crate) records: Vec<Record>,
    /// How many runners were given the job, by the records.
    pub(crate) given: u32,
    /// Whether anyone's request to stop it was obeyed.
    pub(crate) told_to_stop: bool,
}

/// What a runner believes. It may be wrong: the runner may have been given up meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Belief {
    pub(crate) job: JobId,
    pub(crate) attempt: Attempt,
    /// What it says next, again and again until it gets an answer.
    pub(crate) words: Words,
}

impl World {
    /// A branch without jobs.
    pub(crate) fn new() -> Self {
        Self {
            clock: Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar"),
            branch: Branch::default(),
            branch_version: 0,
            jobs: BTreeMap::new(),
            runners: [None, None],
            network: BTreeSet::new(),
            slow: None,
            made: Vec::new(),
            went_live: None,
            broken: Broken::default(),
        }
    }

    /// A branch whose job 1 was uploaded by hand and is live.
    pub(crate) fn with_a_live_job() -> Self {
        let mut world = Self::new();
        let (job, attempt) = (JobId::FIRST, Attempt::new(1));
        let way = [Order::CreateDeployment, Order::Upload { job }, Order::Start { job }];
        let work = [Words::Begins(StepName::Deploy), Words::Ends(StepName::Deploy), Words::Succeeds];
        let reports = work.map(|words| Order::Report { job, attempt, words });
        for order in way.into_iter().chain([Order::Claim { job, whole: false }]).chain(reports) {
            let heard = Heard::by(&world, order, world.clock);
            world.store(&heard);
        }
        assert!(world.branch.live().is_some(), "the way to a live job: {:?}", world.jobs);
        world
    }

    /// The store's transaction: what was decided on an order, all of it.
    pub(crate) fn store(&mut self, heard: &Heard) {
        self.broken.add_all(heard.broken);
        match &heard.deed {
            Deed::None => {}
            Deed::Change(change) => self.append(change),
            Deed::Delete(job, _) => {
                self.jobs.remove(job);
            }
        }
        if let Some(after) = heard.branch_after() {
            self.branch = after.clone();
            self.branch_version += 1;
        }
        if self.branch.live() != self.went_live {
            self.broken.add(Promise::Live);
        }
        if heard.tells_to_stop(self)
            && let Some(kept) = heard.order.job().and_then(|job| self.jobs.get_mut(&job))
        {
            Arc::make_mut(kept).told_to_stop = true;
        }
        self.forget_what_makes_no_difference();
    }

    /// Keeps a job with its records.
    fn append(&mut self, change: &Change) {
        let id = change.job.id();
        if is_birth(change) {
            if self.made.contains(&id) {
                self.broken.add(Promise::Numbers);
            }
            self.made.push(id);
        }
        let mut kept = match self.jobs.remove(&id) {
            Some(kept) => Arc::unwrap_or_clone(kept),
            None => Kept { job: change.job.clone(), records: vec![], given: 0, told_to_stop: false },
        };
        for record in &change.records {
            let gives = [EventKind::Claimed, EventKind::Reclaimed];
            kept.given += u32::from(record.event.kind().is_some_and(|kind| gives.contains(&kind)));
            if let Event::Succeeded { artifact } = record.event {
                self.went_live = Some(Live { job: id, artifact, since: record.at });
            }
        }
        kept.records.extend(change.records.iter().cloned());
        kept.job = change.job.clone();
        self.jobs.insert(id, Arc::new(kept));
    }

    /// Reports of attempts that are over, and what a slow driver holds that the store will refuse because job or
    /// branch has changed since: its sender sends again.
    fn forget_what_makes_no_difference(&mut self) {
        let mut network = std::mem::take(&mut self.network);
        network.retain(|order| order.belief().is_some_and(|belief| self.is_current(belief)));
        self.network = network;
        self.slow = self.slow.take().filter(|heard| heard.fits(self));
    }

    /// Whether a runner's belief is still right.
    pub(crate) fn is_current(&self, belief: Belief) -> bool {
        self.jobs
            .get(&belief.job)
            .is_some_and(|kept| kept.given == belief.attempt.get() && !kept.job.status().is_terminal())
    }

    pub(crate) fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id).map(|kept| &kept.job)
    }

    /// How many runners were given a job.
    pub(crate) fn given(&self, job: Option<JobId>) -> u32 {
        job.and_then(|job| self.jobs.get(&job)).map_or(0, |kept| kept.given)
    }

    /// Whether time alone ends every job, without anyone's help, and soon.
    pub(crate) fn time_alone_ends_every_job(&self) -> bool {
        let soon = self.clock + APART + LONGEST;
        let mut branch = self.branch.clone();
        let mut jobs: Vec<Job> = self.jobs.values().map(|kept| kept.job.clone()).collect();
        let unfinished = jobs.iter().filter(|job| !job.status().is_terminal()).count();
        for _ in 0..unfinished {
            let first = jobs.iter_mut().filter_map(|job| Some((job.deadline()?.at, job))).min_by_key(|(at, _)| *at);
            let Some((at, job)) = first.filter(|(at, _)| *at <= soon) else { return false };
            let change = branch.handle(job, &Command::Expire, at);
            (branch, *job) = (change.branch, change.job);
        }
        jobs.iter().all(|job| job.status().is_terminal()) && branch.unfinished().next().is_none()
    }
}

/// How the jobs stand.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, kept) in &self.jobs {
            let live = if self.branch.live().is_some_and(|live| live.job == *id) { ", live" } else { "" };
            write!(f, "job {id} {}, attempt {}{live}; ", kept.job.status(), kept.job.attempt())?;
        }
        Ok(())
    }
}
