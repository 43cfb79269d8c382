//! What no branch predictor foresees, and what is the same in each run.

use chrono::{DateTime, TimeDelta, Utc};
use strum::VariantArray;
use windlass::{Artifact, Attempt, Command, JobId, Report, StepName};

/// A small generator of numbers, so that each run sees the same ones.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator that every bench begins with.
    #[must_use]
    pub const fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

/// The morning on which all jobs here are made.
#[must_use]
pub fn morning() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_767_258_000)
}

/// What is asked of a job, and when.
pub type Asked = (Command, DateTime<Utc>);

/// All that is asked of one job of a zip.
pub type Life = Vec<Asked>;

/// What happens to a job from its upload to some end, with much that is refused in between.
#[must_use]
pub fn unforeseen_life(random: &mut Random) -> Life {
    let mut life = vec![Command::Upload { slot: 0, object: 1 }, Command::Start, Command::Claim];
    while life.len() < 24 {
        life.push(match random.below(16) {
            0 => Command::Upload { slot: 0, object: 2 },
            1 => Command::Start,
            2 => Command::Claim,
            3 => Command::Expire,
            4 => Command::Reclaim { attempt: Attempt::new(2) },
            5..=8 => report(Report::StepStarted(step(random))),
            9..=12 => report(Report::StepEnded(step(random))),
            13 => report(Report::Provisioned),
            14 if life.len() > 16 => report(Report::Succeeded { artifact: ARTIFACT }),
            14 => Command::Expire,
            _ if life.len() > 16 && random.below(4) == 0 => Command::Stop { by: None },
            _ => Command::Start,
        });
    }
    at_seconds(life)
}

/// What happens to a job that goes well.
#[must_use]
pub fn good_life() -> Life {
    at_seconds(vec![
        Command::Upload { slot: 0, object: 1 },
        Command::Start,
        Command::Claim,
        report(Report::StepStarted(StepName::Deploy)),
        report(Report::StepEnded(StepName::Deploy)),
        report(Report::StepStarted(StepName::Verify)),
        report(Report::StepEnded(StepName::Verify)),
        report(Report::Succeeded { artifact: ARTIFACT }),
    ])
}

const ARTIFACT: Artifact = Artifact { job: JobId::FIRST, object: 2 };

fn at_seconds(commands: Vec<Command>) -> Life {
    let mut now = morning();
    let mut next = || {
        now += TimeDelta::seconds(1);
        now
    };
    commands.into_iter().map(|command| (command, next())).collect()
}

fn step(random: &mut Random) -> StepName {
    StepName::VARIANTS[random.below(StepName::VARIANTS.len())]
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}
