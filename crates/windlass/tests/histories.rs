//! Random histories of a branch: several jobs, two runners that come back from the dead and say things
//! twice, pushes, retries, deletes, and a clock that also goes back.

mod support;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use support::{World, commands, commit, sources, start};
use windlass::{Attempt, Command, Job, JobId, JobType, NewJob, Place, Record, Rejection, Report};

proptest! {
    #![proptest_config(ProptestConfig { cases: 8 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_a_promise(moves in prop::collection::vec(any_move(), 1..120)) {
        let mut play = Play::new();
        for each in moves {
            play.make(&each);
        }
        play.world.check();
        for (id, kept) in &play.world.jobs {
            let stored = serde_json::to_string(&kept.records).expect("records are JSON");
            let records: Vec<Record> = serde_json::from_str(&stored).expect("and read back");
            prop_assert_eq!(Job::replay(*id, &records), Ok(kept.job.clone()));
        }
    }
}

#[derive(Clone, Debug)]
enum Move {
    /// CreateDeployment, or StartJob of type RELEASE.
    Create {
        source: prop::sample::Index,
    },
    /// StartJob of type RETRY.
    Retry {
        job: prop::sample::Index,
    },
    Push,
    /// Any command to any job, mostly to one that has not ended.
    Command {
        job: prop::sample::Index,
        any: bool,
        command: prop::sample::Index,
    },
    /// A runner claims what waits.
    Claim {
        runner: usize,
    },
    /// The sweeper gives a runner up; the other one takes over.
    Lose {
        runner: usize,
    },
    /// A runner says something of the job that it thinks it has.
    Say {
        runner: usize,
        report: prop::sample::Index,
    },
    /// A runner repeats itself, because it got no answer.
    SayAgain {
        runner: usize,
    },
    Delete {
        job: prop::sample::Index,
    },
    /// The clock moves, or jumps back.
    Wait {
        millis: i64,
    },
    /// The clock moves to the moment at which a job expires, give or take.
    WaitForDeadline {
        job: prop::sample::Index,
        millis: i64,
    },
}

fn any_move() -> impl Strategy<Value = Move> {
    let index = || any::<prop::sample::Index>();
    prop_oneof![
        3 => index().prop_map(|source| Move::Create { source }),
        1 => index().prop_map(|job| Move::Retry { job }),
        2 => Just(Move::Push),
        8 => (index(), prop::bool::weighted(0.2), index())
            .prop_map(|(job, any, command)| Move::Command { job, any, command }),
        3 => (0..2usize).prop_map(|runner| Move::Claim { runner }),
        1 => (0..2usize).prop_map(|runner| Move::Lose { runner }),
        8 => (0..2usize, index()).prop_map(|(runner, report)| Move::Say { runner, report }),
        2 => (0..2usize).prop_map(|runner| Move::SayAgain { runner }),
        1 => index().prop_map(|job| Move::Delete { job }),
        4 => (-60_000..120_000i64).prop_map(|millis| Move::Wait { millis }),
        1 => (index(), -1..2i64).prop_map(|(job, millis)| Move::WaitForDeadline { job, millis }),
    ]
}

/// What a runner believes.
#[derive(Clone, Default)]
struct Runner {
    has: Option<(JobId, Attempt)>,
    said: Option<Report>,
}

struct Play {
    world: World,
    clock: DateTime<Utc>,
    runners: [Runner; 2],
}

impl Play {
    fn new() -> Self {
        Self { world: World::new(), clock: start(), runners: [Runner::default(), Runner::default()] }
    }

    /// Makes one move. A refusal is as good as an effect: the world watches that it changes nothing.
    fn make(&mut self, each: &Move) {
        match each {
            Move::Create { source } => drop(self.world.create(source.get(&sources()).clone(), self.clock)),
            Move::Retry { job } => drop(self.pick(*job, true).map(|id| self.retry(id))),
            Move::Push => drop(self.push()),
            Move::Command { job, any, command } => {
                if let Some(id) = self.pick(*job, *any) {
                    let command = command.get(&commands(&self.world.jobs[&id].job)).clone();
                    drop(self.world.command(id, &command, self.clock));
                }
            }
            Move::Claim { runner } => self.claim(*runner),
            Move::Lose { runner } => self.lose(*runner),
            Move::Say { runner, report } => {
                let Some((id, attempt)) = self.runners[*runner].has else { return };
                let reports = self.world.jobs.get(&id).map_or_else(Vec::new, |kept| reports(&kept.job));
                if !reports.is_empty() {
                    self.runners[*runner].said = Some(report.get(&reports).clone());
                    self.say(*runner, id, attempt);
                }
            }
            Move::SayAgain { runner } => {
                if let Some((id, attempt)) = self.runners[*runner].has {
                    self.say(*runner, id, attempt);
                }
            }
            Move::Delete { job } => drop(self.pick(*job, true).map(|id| self.world.delete(id))),
            Move::Wait { millis } => self.clock += TimeDelta::milliseconds(*millis),
            Move::WaitForDeadline { job, millis } => {
                let deadline = self.pick(*job, false).and_then(|id| self.world.jobs[&id].job.deadline());
                if let Some(deadline) = deadline {
                    self.clock = deadline.at + TimeDelta::milliseconds(*millis);
                }
            }
        }
    }

    /// One of all jobs, or of the unfinished ones.
    fn pick(&self, index: prop::sample::Index, any: bool) -> Option<JobId> {
        let ids: Vec<_> =
            if any { self.world.jobs.keys().copied().collect() } else { self.world.branch.unfinished().collect() };
        (!ids.is_empty()).then(|| *index.get(&ids))
    }

    fn retry(&mut self, id: JobId) -> Result<JobId, Rejection> {
        let old = &self.world.jobs[&id].job;
        let new = NewJob {
            job_type: JobType::Retry,
            commit: old.commit().cloned(),
            retries: Some(id),
            ..NewJob::manual(old.retry_source()?)
        };
        self.world.create(new, self.clock)
    }

    fn push(&mut self) -> Result<(), Rejection> {
        let [.., repository] = sources();
        match self.world.branch.place_for_push() {
            Place::New => self.world.push(repository, self.clock).map(drop),
            Place::Replaces(waiting) => {
                let replace = Command::Replace { commit: Box::new(commit("c3")) };
                self.world.command(waiting, &replace, self.clock)
            }
        }
    }

    fn claim(&mut self, runner: usize) {
        if let Some(id) = self.world.branch.waiting()
            && self.world.command(id, &Command::Claim, self.clock) == Ok(())
        {
            self.runners[runner] = Runner { has: Some((id, self.world.jobs[&id].job.attempt())), said: None };
        }
    }

    fn lose(&mut self, runner: usize) {
        let Some((id, attempt)) = self.runners[runner].has else { return };
        if self.world.jobs.contains_key(&id)
            && self.world.command(id, &Command::Reclaim { attempt }, self.clock) == Ok(())
        {
            self.runners[1 - runner] = Runner { has: Some((id, self.world.jobs[&id].job.attempt())), said: None };
        }
    }

    fn say(&mut self, runner: usize, id: JobId, attempt: Attempt) {
        let (Some(kept), Some(report)) = (self.world.jobs.get(&id), self.runners[runner].said.clone()) else { return };
        let stale = kept.job.attempt() != attempt;
        let said = self.world.command(id, &Command::Report { attempt, report }, self.clock);
        assert!(!stale || said.is_err(), "a runner that was given up is not heard");
    }
}

fn reports(job: &Job) -> Vec<Report> {
    let said = |command| if let Command::Report { report, .. } = command { Some(report) } else { None };
    commands(job).into_iter().filter_map(said).collect()
}
