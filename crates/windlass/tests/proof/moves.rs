//! Everything that can happen next in a world: time, users, servers, runners, the network, crashes.

use std::fmt;
use std::sync::Arc;

use stateright::{Model, Property};
use windlass::{Attempt, JobId, JobStatus};

use crate::heard::Heard;
use crate::orders::{Order, Words};
use crate::promises;
use crate::scenario::{Ask, Clock, HeldUp, Runners, Scenario};
use crate::world::{Belief, Kept, TICK, World};

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// The true time moves on by a tick.
    Tick,
    /// A server handles an order, and stores what comes of it. Then it answers, or crashes before it does. One
    /// that crashes before it stores leaves nothing behind, as if the order had been lost on its way.
    Order { order: Order, clock: Clock, answers: Option<usize> },
    /// A runner sends a report.
    Say { runner: usize, words: Words },
    /// A runner looks its job up and sees that it is to stop.
    LookUp { runner: usize },
    /// A runner crashes, and forgets what it had.
    Crash { runner: usize },
    /// A slow driver loads and decides, and is held up before it stores.
    SlowDecide { order: Order, clock: Clock },
    /// The slow driver stores.
    SlowStore,
    /// The slow driver crashes before it stores.
    SlowCrash,
}

impl Model for Scenario {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        vec![(self.begin)()]
    }

    fn actions(&self, world: &World, moves: &mut Vec<Move>) {
        if world.slow.is_none() || self.held_up == HeldUp::AnyTime {
            moves.push(Move::Tick);
        }
        for order in self.orders(world) {
            self.handled(world, order, moves);
        }
        if let Runners::Diligent { fail, whole } = self.runners {
            for runner in [0, 1] {
                match world.runners[runner] {
                    Some(belief) => work(world, runner, belief, fail, moves),
                    None => self.take(world, runner, whole, moves),
                }
            }
        }
        if world.slow.is_some() {
            moves.extend([Move::SlowStore, Move::SlowCrash]);
        }
    }

    fn next_state(&self, before: &World, made: Move) -> Option<World> {
        let hear = |order, clock: Clock| Heard::by(before, order, clock.shows(before.clock));
        let mut world;
        match made {
            Move::Order { order, clock, answers } => {
                let heard = hear(order, clock);
                if answers.is_none() && heard.is_nothing(before) {
                    return None;
                }
                world = before.clone();
                world.store(&heard);
                if let Some(runner) = answers {
                    world.runners[runner] = believes(&world, order, heard.obeyed);
                }
            }
            Move::SlowDecide { order, clock } => {
                let heard = hear(order, clock);
                if heard.is_nothing(before) {
                    return None;
                }
                world = World { slow: Some(Arc::new(heard)), ..before.clone() };
            }
            Move::SlowStore => {
                world = before.clone();
                let heard = world.slow.take()?;
                world.store(&heard);
            }
            Move::SlowCrash => world = World { slow: None, ..before.clone() },
            Move::Tick => world = World { clock: before.clock + TICK, ..before.clone() },
            Move::Say { runner, words } => {
                let belief = Belief { words, ..before.runners[runner]? };
                world = before.clone();
                world.network.insert(belief.report());
                world.runners[runner] = Some(belief);
            }
            Move::LookUp { runner } => {
                world = before.clone();
                world.runners[runner].as_mut()?.words = Words::Stopped;
            }
            Move::Crash { runner } => {
                world = before.clone();
                world.runners[runner] = None;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::always().into_iter().chain(self.sights.iter().map(|sight| sight.property())).collect()
    }
}

impl Scenario {
    /// What may arrive at a server, whether or not anyone waits for the answer. What is said to an ended job is not
    /// among it: everything is tried as it ends.
    fn orders(&self, world: &World) -> Vec<Order> {
        let mut orders: Vec<_> = self.reports(world).collect();
        for ask in self.asks {
            ask.orders(world, world.made.len() < self.jobs, &mut orders);
        }
        for (job, kept) in unfinished(world) {
            orders.push(Order::Expire { job });
            if self.runners == Runners::Rogue {
                orders.push(Order::Claim { job, whole: false });
            }
            let known = kept.given + u32::from(self.runners == Runners::Rogue && kept.given <= self.lost);
            orders.extend((1..known).map(|lost| Order::Reclaim { job, lost: Attempt::new(lost), whole: false }));
        }
        orders
    }

    /// The reports that may arrive: those that were sent, and any that were given up may have sent.
    pub(crate) fn reports<'a>(&'a self, world: &'a World) -> impl Iterator<Item = Order> + 'a {
        let anything = unfinished(world).flat_map(|(job, kept)| {
            let known = kept.given + u32::from(self.runners == Runners::Rogue);
            (1..known)
                .map(Attempt::new)
                .flat_map(move |attempt| Words::all(&kept.job).map(move |words| Order::Report { job, attempt, words }))
        });
        world.network.iter().copied().chain(anything)
    }

    /// Every way in which an order is handled.
    fn handled(&self, world: &World, order: Order, moves: &mut Vec<Move>) {
        let waits = |belief: &Option<Belief>| belief.is_some_and(|belief| belief.report() == order);
        let runner = world.runners.iter().position(waits);
        // When a stale report arrives makes no difference, but that time is up, which the sweeper sees too.
        let stale = order.attempt().is_some_and(|attempt| world.given(order.job()) != attempt.get());
        for clock in self.clocks.iter().take(if stale { 1 } else { self.clocks.len() }) {
            moves.push(Move::Order { order, clock: *clock, answers: None });
            if runner.is_some() {
                moves.push(Move::Order { order, clock: *clock, answers: runner });
            }
            if self.held_up != HeldUp::Never && world.slow.is_none() {
                moves.push(Move::SlowDecide { order, clock: *clock });
            }
        }
    }

    /// A runner without a job takes one that waits, or one whose runner it believes is lost.
    fn take(&self, world: &World, runner: usize, whole: bool, moves: &mut Vec<Move>) {
        for (job, kept) in unfinished(world) {
            let lost = kept.job.attempt();
            let order = match kept.job.status() {
                JobStatus::Pending => Order::Claim { job, whole },
                JobStatus::Provisioning | JobStatus::Running if kept.given <= self.lost => {
                    Order::Reclaim { job, lost, whole }
                }
                JobStatus::Created
                | JobStatus::Provisioning
                | JobStatus::Running
                | JobStatus::Cancelling
                | JobStatus::Succeed
                | JobStatus::Failed
                | JobStatus::Cancelled => continue,
            };
            for clock in self.clocks {
                moves.push(Move::Order { order, clock: *clock, answers: Some(runner) });
                // Whose answer is lost makes no difference.
                if runner == 0 || world.runners[0].is_some() {
                    moves.push(Move::Order { order, clock: *clock, answers: None });
                }
                if self.held_up != HeldUp::Never && world.slow.is_none() {
                    moves.push(Move::SlowDecide { order, clock: *clock });
                }
            }
        }
    }
}

impl Ask {
    fn orders(self, world: &World, room: bool, orders: &mut Vec<Order>) {
        let ended = || world.jobs.iter().filter(|(_, kept)| kept.job.status().is_terminal()).map(|(job, _)| *job);
        match self {
            Self::Zip => {
                orders.extend(room.then_some(Order::CreateDeployment));
                let zips = unfinished(world).filter(|(_, kept)| kept.job.birth().source.is_uploaded());
                orders.extend(zips.flat_map(|(job, _)| [Order::Upload { job }, Order::Start { job }]));
            }
            Self::Url => orders.extend(room.then_some(Order::DeployUrl)),
            Self::Release => orders.extend(room.then_some(Order::Release)),
            Self::Push => {
                let needs_none = world.branch.waiting().is_some();
                orders.extend((room || needs_none).then_some(Order::Push));
            }
            Self::Retry if room => orders.extend(ended().map(|job| Order::Retry { job })),
            Self::Retry => {}
            Self::Stop => orders.extend(unfinished(world).map(|(job, _)| Order::Stop { job })),
            Self::Delete => orders.extend(ended().map(|job| Order::Delete { job })),
        }
    }
}

/// What a runner does about the job that it believes to have.
fn work(world: &World, runner: usize, belief: Belief, fail: bool, moves: &mut Vec<Move>) {
    moves.push(Move::Crash { runner });
    if !world.is_current(belief) {
        return;
    }
    if world.job(belief.job).is_some_and(|job| job.status() == JobStatus::Cancelling) {
        moves.push(Move::LookUp { runner });
    }
    moves.push(Move::Say { runner, words: belief.words });
    if fail && !belief.words.is_last() {
        moves.extend([Words::Fails, Words::Skips].map(|words| Move::Say { runner, words }));
    }
}

/// What a runner believes after an answer: what it says next, or that it has nothing to do.
fn believes(world: &World, order: Order, obeyed: bool) -> Option<Belief> {
    let job = world.job(order.job()?)?;
    if obeyed {
        return order.obeyed(job);
    }
    // A runner whose report is refused looks why, and lets go of a job that is to stop.
    let stops = |belief: &Belief| job.status() == JobStatus::Cancelling && world.is_current(*belief);
    order.belief().filter(stops).map(|belief| Belief { words: Words::Stopped, ..belief })
}

fn unfinished(world: &World) -> impl Iterator<Item = (JobId, &Kept)> {
    let jobs = world.jobs.iter().filter(|(_, kept)| !kept.job.status().is_terminal());
    jobs.map(|(job, kept)| (*job, &**kept))
}

impl Belief {
    /// What the runner says next.
    fn report(self) -> Order {
        Order::Report { job: self.job, attempt: self.attempt, words: self.words }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |order: &Order, clock: &Clock| format!("{order}, by a clock that is {clock}");
        match self {
            Self::Tick => write!(f, "{} minutes pass", TICK.num_minutes()),
            Self::Order { order, clock, answers: None } => write!(f, "{}", told(order, clock)),
            Self::Order { order, clock, answers: Some(runner) } => {
                write!(f, "{}, and runner {runner} hears the answer", told(order, clock))
            }
            Self::Say { runner, words } => write!(f, "runner {runner} sends {words:?}"),
            Self::LookUp { runner } => write!(f, "runner {runner} sees that it is to stop"),
            Self::Crash { runner } => write!(f, "runner {runner} crashes"),
            Self::SlowDecide { order, clock } => write!(f, "a driver decides {}, and is held up", told(order, clock)),
            Self::SlowStore => f.write_str("the driver that was held up stores"),
            Self::SlowCrash => f.write_str("the driver that was held up crashes"),
        }
    }
}
