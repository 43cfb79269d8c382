//! What a proof is about: who is there, and what they can do.

use chrono::{DateTime, Utc};

use crate::sights::Sight;
use crate::world::{TICK, World};

/// What there is to explore, and what must be seen on the way.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Where it begins.
    pub(crate) begin: fn() -> World,
    /// How many jobs are ever made.
    pub(crate) jobs: usize,
    pub(crate) asks: &'static [Ask],
    pub(crate) runners: Runners,
    /// How many runners may be believed to be lost for each job. The law itself allows three.
    pub(crate) lost: u32,
    /// The clocks of the servers. Any of them may handle any order.
    pub(crate) clocks: &'static [Clock],
    /// How long one driver may be held up between deciding and storing. It may crash then, too.
    pub(crate) held_up: HeldUp,
    pub(crate) sights: &'static [Sight],
}

/// What users ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// CreateDeployment, the upload and StartDeployment.
    Zip,
    Url,
    Release,
    Push,
    Retry,
    Stop,
    Delete,
}

/// How runners behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runners {
    /// Two of them do their work as well as their beliefs let them. Each move of one may come at any time, so it may
    /// pause, be given up, and come back with a belief that is wrong by then; or it crashes and has none.
    Diligent {
        /// Whether work may fail, or turn out to be needless.
        fail: bool,
        /// Whether they take a job and begin its first step in one transaction.
        whole: bool,
    },
    /// Any number of them say anything at any time, of every attempt that was ever given to one. Whatever a
    /// runner, its crashes and its network can do is among that.
    Rogue,
}

/// How long a driver may be held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldUp {
    Never,
    /// While others store what they like, but no longer than a tick.
    AMoment,
    AnyTime,
}

/// How far a server's clock is from the true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Clock {
    Right,
    Behind,
    Ahead,
}

impl Clock {
    pub(crate) const ALL: &[Self] = &[Self::Right, Self::Behind, Self::Ahead];

    pub(crate) fn shows(self, time: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Behind => time - TICK,
            Self::Right => time,
            Self::Ahead => time + TICK,
        }
    }
}
