//! A server hears an order: it loads, decides, and has something to store.

use std::panic;

use chrono::{DateTime, TimeDelta, Utc};
use windlass::{Attempt, Branch, Change, Command, Job, JobId};

use crate::orders::{Order, Words, newer};
use crate::promises::{Broken, Promise, broken_by};
use crate::world::World;

/// What a driver has decided on what it loaded, not stored yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) order: Order,
    /// When, by the clock of that server.
    pub(crate) now: DateTime<Utc>,
    pub(crate) obeyed: bool,
    pub(crate) deed: Deed,
    /// The promises that it breaks.
    pub(crate) broken: Broken,
    /// How many records the job had when it was loaded.
    seq: u32,
    /// The version of the branch when it was loaded, where storing changes it.
    branch_version: Option<u64>,
}

/// What there is to store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    None,
    Change(Box<Change>),
    /// A job goes, and the branch is this without it.
    Delete(JobId, Branch),
}

impl Heard {
    /// A server decides on an order. It stores nothing.
    pub(crate) fn by(world: &World, order: Order, now: DateTime<Utc>) -> Self {
        let decided = panic::catch_unwind(|| decide(world, order, now));
        let calm = decided.is_ok();
        let (obeyed, deed, mut broken) = decided.unwrap_or((false, Deed::None, Broken::default()));
        if !calm {
            broken.add(Promise::Calm);
        }
        let mut heard = Self { order, now, obeyed, deed, broken, seq: 0, branch_version: None };
        heard.seq = heard.seq_in(world);
        heard.branch_version =
            heard.branch().is_some_and(|after| *after != world.branch).then_some(world.branch_version);
        heard
    }

    /// Whether storing it makes no difference.
    pub(crate) fn is_nothing(&self, world: &World) -> bool {
        matches!(self.deed, Deed::None) && self.broken == Broken::default() && !self.tells_to_stop(world)
    }

    /// Whether the store takes it: the job is as it was loaded, and so is the branch where it is to change.
    pub(crate) fn fits(&self, world: &World) -> bool {
        self.seq == self.seq_in(world) && self.branch_version.is_none_or(|version| version == world.branch_version)
    }

    /// The branch after it, where it has changed.
    pub(crate) fn branch_after(&self) -> Option<&Branch> {
        self.branch_version.and_then(|_| self.branch())
    }

    fn branch(&self) -> Option<&Branch> {
        match &self.deed {
            Deed::None => None,
            Deed::Change(change) => Some(&change.branch),
            Deed::Delete(_, branch) => Some(branch),
        }
    }

    /// How many records the job has that it is about, none where there is no such job.
    fn seq_in(&self, world: &World) -> u32 {
        let id = match &self.deed {
            Deed::None => None,
            Deed::Change(change) => Some(change.job.id()),
            Deed::Delete(job, _) => Some(*job),
        };
        id.and_then(|id| world.job(id)).map_or(0, Job::seq)
    }

    /// Whether someone is told that a job stops who was not told before.
    pub(crate) fn tells_to_stop(&self, world: &World) -> bool {
        let Order::Stop { job } = self.order else { return false };
        self.obeyed && world.jobs.get(&job).is_some_and(|kept| !kept.told_to_stop)
    }
}

fn decide(world: &World, order: Order, now: DateTime<Utc>) -> (bool, Deed, Broken) {
    let mut broken = Broken::default();
    if let Order::Delete { job } = order {
        let deleted = world.job(job).and_then(|job| world.branch.delete(job).ok());
        let deed = deleted.map_or(Deed::None, |branch| Deed::Delete(job, branch));
        return (!matches!(deed, Deed::None), deed, broken);
    }
    let Some(change) = order.decide(&world.branch, |id| world.job(id), now) else {
        return (false, Deed::None, broken);
    };
    let before = world.jobs.get(&change.job.id()).filter(|_| !is_birth(&change));
    for promise in broken_by(order, now, before.map(|kept| &**kept), &change) {
        broken.add(promise);
    }
    let obeyed = change.answer.is_ok();
    if change.is_empty() && before.is_some_and(|kept| kept.job == change.job) {
        return (obeyed, Deed::None, broken);
    }
    if change.job.status().is_terminal() && !stays_as_it_is(&change.job, now) {
        broken.add(Promise::End);
    }
    (obeyed, Deed::Change(Box::new(change)), broken)
}

/// Whether a change makes a job.
pub(crate) fn is_birth(change: &Change) -> bool {
    change.records.first().is_some_and(|record| record.seq == 1)
}

/// Whether a job that has just ended stays as it is, whatever anyone says to it, even a year later.
fn stays_as_it_is(job: &Job, now: DateTime<Utc>) -> bool {
    let attempts = || (0..=Attempt::MAX.get() + 1).map(Attempt::new);
    let reports = attempts().flat_map(|attempt| Words::all(job).map(move |words| words.command(job, attempt)));
    let reclaims = attempts().map(|attempt| Command::Reclaim { attempt });
    let asks = [
        Command::Upload { slot: 0, object: 2 },
        Command::Start,
        Command::Replace { commit: Box::new(newer(job.commit())) },
        Command::Stop { by: None },
        Command::Claim,
        Command::Expire,
    ];
    let later = now + TimeDelta::days(365);
    let mut commands = reports.chain(reclaims).chain(asks);
    job.deadline().is_none()
        && !commands.any(|command| job.decide(&command, later).is_ok_and(|records| !records.is_empty()))
}
