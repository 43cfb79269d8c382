//! What is promised of every world and of every change.

use chrono::{DateTime, Utc};
use stateright::Property;
use windlass::{Change, EventKind, Job, JobStatus};

use crate::orders::Order;
use crate::scenario::Scenario;
use crate::world::{Kept, World};

/// What holds in every world that can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    Calm,
    Deadline,
    End,
    Live,
    Numbers,
    Records,
    Replay,
    Stale,
    Steps,
    Stopped,
    TimeFirst,
}

/// The promises that some change on the way has broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broken(u16);

impl Broken {
    pub(crate) fn add(&mut self, promise: Promise) {
        self.0 |= 1 << promise as u16;
    }

    pub(crate) const fn has(self, promise: Promise) -> bool {
        self.0 >> promise as u16 & 1 == 1
    }

    pub(crate) fn add_all(&mut self, others: Self) {
        self.0 |= others.0;
    }
}

/// Each promise by its name. What a change can break is noted with the change, so that no world hides it from the
/// checker by being like another.
pub(crate) fn always() -> Vec<Property<Scenario>> {
    let always = Property::<Scenario>::always;
    vec![
        always("time alone ends every job", |_, world| world.time_alone_ends_every_job()),
        always("a deadline moves only when the status does", |_, world| !world.broken.has(Promise::Deadline)),
        always("whoever speaks to an overdue job ends it", |_, world| !world.broken.has(Promise::TimeFirst)),
        always("an ended job never changes", |_, world| !world.broken.has(Promise::End)),
        always("one job of a branch works at a time", |_, world| count(world, JobStatus::is_working) <= 1),
        always("one job of a branch waits at a time", |_, world| count(world, waits) <= 1),
        always("a branch knows which job waits and which works", |_, world| knows(world)),
        always("the live job is the one that succeeded last", |_, world| {
            let live = world.branch.live().map(|live| (live.job, live.artifact));
            let kept = live.and_then(|(job, _)| world.jobs.get(&job));
            !world.broken.has(Promise::Live)
                && live.is_some() == kept.is_some()
                && kept.is_none_or(|kept| kept.job.status() == JobStatus::Succeed)
        }),
        always("nothing that a stale attempt says is heard", |_, world| !world.broken.has(Promise::Stale)),
        always("no job goes live after it was told to stop", |_, world| {
            !world.broken.has(Promise::Stopped)
                && each(world, |kept| !(kept.told_to_stop && kept.job.status() == JobStatus::Succeed))
        }),
        always("numbers never repeat", |_, world| !world.broken.has(Promise::Numbers)),
        always("records are in order of number and time", |_, world| !world.broken.has(Promise::Records)),
        always("the records make the job", |_, world| {
            !world.broken.has(Promise::Replay)
                && each(world, |kept| Job::replay(kept.job.id(), &kept.records).as_ref() == Ok(&kept.job))
        }),
        always("a step never outlives its job", |_, world| !world.broken.has(Promise::Steps)),
        always("nothing makes the core panic", |_, world| !world.broken.has(Promise::Calm)),
    ]
}

/// The promises that a change to the job that was `before` breaks.
pub(crate) fn broken_by(order: Order, now: DateTime<Utc>, before: Option<&Kept>, change: &Change) -> Vec<Promise> {
    let mut broken = Vec::new();
    if let Some(kept) = before {
        let before = &kept.job;
        let stale = order.attempt().is_some_and(|attempt| attempt.get() != kept.given);
        let heard = change.answer.is_ok() || !(change.is_empty() || ends_by_time(change));
        broken.extend((stale && heard).then_some(Promise::Stale));
        let changed = !change.is_empty() || change.job != *before;
        broken.extend((before.status().is_terminal() && changed).then_some(Promise::End));
        let moved = before.status() == change.job.status() && before.deadline() != change.job.deadline();
        broken.extend(moved.then_some(Promise::Deadline));
        broken.extend((before.is_due(now) && !ends_by_time(change)).then_some(Promise::TimeFirst));
        broken.extend((kept.told_to_stop && goes_live(change)).then_some(Promise::Stopped));
    }
    broken.extend((!in_order(before, change)).then_some(Promise::Records));
    broken.extend((!is_replayed(before, change)).then_some(Promise::Replay));
    broken.extend(outlives(&change.job).then_some(Promise::Steps));
    broken
}

fn kinds(change: &Change) -> impl Iterator<Item = EventKind> {
    change.records.iter().filter_map(|record| record.event.kind())
}

fn ends_by_time(change: &Change) -> bool {
    change.job.status().is_terminal() && kinds(change).eq([EventKind::Expired])
}

fn goes_live(change: &Change) -> bool {
    kinds(change).any(|kind| kind == EventKind::Succeeded)
}

/// Whether each record is the next one, and none is older than the one before.
fn in_order(before: Option<&Kept>, change: &Change) -> bool {
    let mut last = before.map(|kept| (kept.job.seq(), kept.job.at()));
    change.records.iter().all(|record| {
        let follows = last.is_none_or(|(seq, at)| record.seq == seq + 1 && record.at >= at);
        last = Some((record.seq, record.at));
        follows
    })
}

/// Whether the records alone turn the job that was into the one that is.
fn is_replayed(before: Option<&Kept>, change: &Change) -> bool {
    let Some(kept) = before else {
        return Job::replay(change.job.id(), &change.records).as_ref() == Ok(&change.job);
    };
    let mut job = kept.job.clone();
    change.records.iter().all(|record| job.apply(record).is_ok()) && job == change.job
}

fn outlives(job: &Job) -> bool {
    let Some(end) = job.ended() else { return false };
    job.steps().any(|(_, step)| step.ended.is_none_or(|ended| ended > end) || !step.status.is_terminal())
}

pub(crate) fn waits(status: JobStatus) -> bool {
    !status.is_terminal() && !status.is_working()
}

fn each(world: &World, holds: impl Fn(&Kept) -> bool) -> bool {
    world.jobs.values().all(|kept| holds(kept))
}

pub(crate) fn count(world: &World, is: fn(JobStatus) -> bool) -> usize {
    world.jobs.values().filter(|kept| is(kept.job.status())).count()
}

fn knows(world: &World) -> bool {
    let find = |is: fn(JobStatus) -> bool| world.jobs.values().map(|kept| &kept.job).find(|job| is(job.status()));
    let working = find(JobStatus::is_working).map(|job| (job.id(), job.status() == JobStatus::Cancelling));
    world.branch.waiting() == find(waits).map(Job::id)
        && world.branch.working().map(|working| (working.job, working.cancelling)) == working
        && world.branch.jobs() == world.jobs.len() as u64
        && world.branch.last() == world.made.len() as u64
}
