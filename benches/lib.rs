//! What the benches share: events that no branch predictor foresees, and the machine that one would write
//! by hand, to compare with.

mod by_hand;

pub use by_hand::HandJob;
use strum::VariantArray;
use windlass::{Artifact, Attempt, Command, EventKind, JobId, JobStatus, Report, StepName};

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

/// Pairs of status and event, of which about one in five is legal, as they come.
#[must_use]
pub fn pairs(count: usize) -> Vec<(JobStatus, EventKind)> {
    let mut random = Random::new();
    let mut pick = |end| random.below(end);
    let (statuses, events) = (JobStatus::VARIANTS, EventKind::VARIANTS);
    (0..count).map(|_| (statuses[pick(statuses.len())], events[pick(events.len())])).collect()
}

/// What happens to one job of a zip, from its upload to some end, with much that is refused in between.
#[must_use]
pub fn life(random: &mut Random) -> Vec<Command> {
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
            14 if life.len() > 16 => report(Report::Succeeded { artifact: Artifact { job: JobId::FIRST, object: 2 } }),
            14 => Command::Expire,
            _ if life.len() > 16 && random.below(4) == 0 => Command::Stop { by: None },
            _ => Command::Start,
        });
    }
    life
}

fn step(random: &mut Random) -> StepName {
    StepName::VARIANTS[random.below(StepName::VARIANTS.len())]
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}
