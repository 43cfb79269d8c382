//! Every command at every moment that matters, several commands deep. `DEEPER=1 cargo test` goes one
//! command deeper, which takes half a minute.

mod support;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use strum::EnumCount;
use support::{World, commands, sources, start};
use windlass::{Change, Job, JobStatus, NewJob};

#[test]
fn no_four_commands_break_a_promise_of_a_new_job() {
    let mut search = Search::default();
    for source in sources() {
        let mut world = World::new();
        world.create(source, start()).expect("the branch is empty");
        search.from(&world, start(), 4);
    }
    println!("{}", search.report());
}

#[test]
fn no_three_commands_break_a_promise_of_a_job_that_runs_behind_a_live_one() {
    let mut search = Search::default();
    for source in sources() {
        let mut world = World::new();
        let now = bring(&mut world, NewJob::manual(sources()[2].source.clone()), JobStatus::Succeed, start());
        let now = bring(&mut world, source, JobStatus::Running, now);
        search.from(&world, now, 3);
    }
    println!("{}", search.report());
}

#[test]
fn no_three_commands_break_a_promise_of_a_job_behind_another() {
    let mut search = Search::default();
    for ahead in [JobStatus::Running, JobStatus::Cancelling] {
        let mut world = World::new();
        let [.., repository] = sources();
        let now = bring(&mut world, repository.clone(), ahead, start());
        world.push(repository, now).expect("one job may wait");
        search.from(&world, now, 3);
    }
    println!("{}", search.report());
}

/// Counts what it looks at.
#[derive(Default)]
struct Search {
    tried: u64,
    worlds: u64,
    seen: BTreeSet<JobStatus>,
}

impl Search {
    /// Looks at everything that `depth` commands can bring about, or one more for the patient.
    fn from(&mut self, world: &World, clock: DateTime<Utc>, depth: u32) {
        let deeper = u32::from(std::env::var_os("DEEPER").is_some());
        self.below(world, clock, depth + deeper);
    }

    fn below(&mut self, world: &World, clock: DateTime<Utc>, depth: u32) {
        self.worlds += 1;
        world.check();
        self.seen.extend(world.jobs.values().map(|kept| kept.job.status()));
        if depth == 0 {
            return;
        }
        self.makes_jobs(world, clock, depth);
        self.deletes_jobs(world, clock, depth);
        let unfinished = world.branch.unfinished();
        let newest = world.jobs.last_key_value().map(|(id, _)| *id);
        for id in unfinished.chain(newest).collect::<BTreeSet<_>>() {
            let mut looked_into: Vec<Change> = Vec::new();
            for (command, now) in choices(&world.jobs[&id].job, clock) {
                self.tried += 1;
                let change = world.handle(id, &command, now);
                // What happened the same way before was looked into then.
                if change.is_empty() || looked_into.iter().any(|known| known.records == change.records) {
                    continue;
                }
                looked_into.push(change.clone());
                let mut next = world.clone();
                next.keep(change);
                self.below(&next, now, depth - 1);
            }
        }
    }

    fn deletes_jobs(&mut self, world: &World, clock: DateTime<Utc>, depth: u32) {
        for id in world.jobs.keys() {
            let mut next = world.clone();
            if next.delete(*id).is_ok() {
                self.below(&next, clock, depth - 1);
            }
        }
    }

    fn makes_jobs(&mut self, world: &World, clock: DateTime<Utc>, depth: u32) {
        let [zip, .., repository] = sources();
        let mut next = world.clone();
        if next.create(zip, clock).is_ok() {
            self.below(&next, clock, depth - 1);
        }
        let mut next = world.clone();
        if next.push(repository, clock).is_ok() {
            self.below(&next, clock, depth - 1);
        }
    }

    fn report(&self) -> String {
        assert_eq!(self.seen.len(), JobStatus::COUNT, "the search saw only {:?}", self.seen);
        format!("{} commands tried in {} worlds", self.tried, self.worlds)
    }
}

/// Every command, now, a bit later, one millisecond before the deadline, at it, a year later, and by a
/// clock that went back.
fn choices(job: &Job, clock: DateTime<Utc>) -> impl Iterator<Item = (windlass::Command, DateTime<Utc>)> {
    let deadline = job.deadline().map_or(clock, |deadline| deadline.at);
    let moments = [
        clock,
        clock + TimeDelta::milliseconds(7_300),
        deadline - TimeDelta::milliseconds(1),
        deadline,
        clock + TimeDelta::days(365),
        clock - TimeDelta::hours(1),
    ];
    commands(job).into_iter().flat_map(move |command| moments.map(|now| (command.clone(), now)))
}

/// Makes a job and brings it into `status` by the shortest way that [`commands`] offers.
fn bring(world: &mut World, new: NewJob, status: JobStatus, mut now: DateTime<Utc>) -> DateTime<Utc> {
    let id = world.create(new, now).expect("the branch is free");
    while world.jobs[&id].job.status() != status {
        now += TimeDelta::seconds(1);
        let step = commands(&world.jobs[&id].job).into_iter().find(|command| {
            let after = world.handle(id, command, now);
            let moved = after.job.seq() > world.jobs[&id].job.seq();
            let new_upload = after.job.uploads() != world.jobs[&id].job.uploads();
            moved
                && (new_upload || after.job.status() != world.jobs[&id].job.status())
                && after.job.status().can_reach(status)
        });
        let step = step.expect("every status can be reached");
        world.command(id, &step, now).expect("it was just allowed");
    }
    now
}
