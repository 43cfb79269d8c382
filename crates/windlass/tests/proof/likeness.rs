//! Which worlds are alike.
//!
//! Two worlds are told apart by what can still make a difference, and by nothing else; so the number of worlds is
//! finite, though time is not bounded. Times are distances from the true time, as far as anyone's clock can see
//! them: what is overdue by every clock is overdue. Histories are left out; they are checked wherever they grow. Of an
//! ended job only that is left which a retry or the live branch can show; what is said to it changes nothing,
//! which is checked as it ends. And it makes no difference which of the runners is which.

use std::hash::{Hash, Hasher};

use windlass::Cause;

use crate::world::{APART, Kept, LONGEST, World};

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { clock: _, branch, branch_version: _, jobs, runners, network, slow, made, went_live: _, broken } =
            self;
        (branch.last(), branch.jobs(), branch.waiting(), made.len(), broken).hash(state);
        branch.working().map(|working| (working.job, working.cancelling)).hash(state);
        branch.live().map(|live| (live.job, live.artifact)).hash(state);
        jobs.len().hash(state);
        for kept in jobs.values() {
            self.hash_job(kept, state);
        }
        // Nothing that a runner says whose belief is wrong makes a difference, so it matters only that it is busy.
        let mut beliefs = runners.map(|belief| belief.map(|belief| self.is_current(belief).then_some(belief)));
        beliefs.sort_unstable();
        (beliefs, network).hash(state);
        if let Some(heard) = slow {
            let age = heard.now - self.clock;
            (heard.order, age.max(-(LONGEST + APART)).num_seconds()).hash(state);
        }
    }
}

impl World {
    fn hash_job<H: Hasher>(&self, kept: &Kept, state: &mut H) {
        let Kept { job, records, given, told_to_stop } = kept;
        (job.id(), job.status(), job.job_type(), told_to_stop).hash(state);
        (&job.birth().source, job.uploads(), job.commit(), job.artifact()).hash(state);
        let Some(deadline) = job.deadline() else {
            hash_cause(job.cause(), state);
            return records.last().and_then(|record| record.event.kind()).hash(state);
        };
        (job.attempt(), given, job.stopped_by()).hash(state);
        for (name, step) in job.steps() {
            (name, step.status, step.ended.is_some()).hash(state);
        }
        (deadline.at - self.clock).max(-APART).num_seconds().hash(state);
        (job.at() - self.clock).max(-APART).num_seconds().hash(state);
    }
}

fn hash_cause(cause: Option<&Cause>, state: &mut impl Hasher) {
    match cause {
        None => 0.hash(state),
        Some(Cause::Failed { reason, .. }) => (1, reason).hash(state),
        Some(Cause::Expired { limit, .. }) => (2, limit).hash(state),
        Some(Cause::Stopped { by }) => (3, by).hash(state),
        Some(Cause::Skipped { reason }) => (4, reason).hash(state),
    }
}
