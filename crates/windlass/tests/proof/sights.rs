//! What must happen in some world of a scenario, so that its promises are not about nothing.

use stateright::Property;
use windlass::{Cause, EventKind, JobStatus, JobType, Limit, Rejection};

use crate::heard::{Deed, Heard};
use crate::orders::Order;
use crate::promises::{count, waits};
use crate::scenario::Scenario;
use crate::world::{Kept, World};

/// What happens in some world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Succeeds,
    UploadExpires,
    QueueExpires,
    ProvisionExpires,
    BuildExpires,
    ThreeRunnersLost,
    StopConfirmed,
    StopCutShort,
    StaleRefused,
    HeardTwice,
    RetryLive,
    PushReplaces,
    AllPlacesTaken,
    ClockAhead,
    HeldUp,
}

impl Sight {
    pub(crate) fn property(self) -> Property<Scenario> {
        let sometimes = Property::<Scenario>::sometimes;
        match self {
            Self::Succeeds => sometimes("a job succeeds", |_, world| ended(world, JobStatus::Succeed, |_| true)),
            Self::UploadExpires => sometimes("the upload limit fails a job", |_, world| expires(world, Limit::Upload)),
            Self::QueueExpires => sometimes("the queue limit fails a job", |_, world| expires(world, Limit::Queue)),
            Self::ProvisionExpires => {
                sometimes("the provision limit fails a job", |_, world| expires(world, Limit::Provision))
            }
            Self::BuildExpires => sometimes("the build limit fails a job", |_, world| expires(world, Limit::Build)),
            Self::ThreeRunnersLost => sometimes("three lost runners fail a job", |_, world| {
                fails(world, |cause| matches!(cause, Cause::Failed { reason, .. } if reason.contains("was lost")))
            }),
            Self::StopConfirmed => sometimes("a runner confirms a stop", |_, world| {
                ended(world, JobStatus::Cancelled, |kept| kept.given > 0 && ended_by(kept, EventKind::Stopped))
            }),
            Self::StopCutShort => sometimes("the cancel limit ends a stop that nobody confirms", |_, world| {
                ended(world, JobStatus::Cancelled, |kept| ended_by(kept, EventKind::Expired))
            }),
            Self::StaleRefused => sometimes("a stale report is refused", |scenario, world| {
                scenario.reports(world).any(|order| {
                    // Cheap, and most worlds are sorted out by it.
                    order.attempt().is_some_and(|attempt| attempt.get() < world.given(order.job()))
                        && matches!(answer(world, order), Some(Err(Rejection::StaleAttempt { .. })))
                })
            }),
            Self::HeardTwice => sometimes("a report that was heard is heard again", |scenario, world| {
                scenario.reports(world).any(|order| {
                    let heard = Heard::by(world, order, world.clock);
                    heard.obeyed && matches!(heard.deed, Deed::None)
                })
            }),
            Self::RetryLive => sometimes("a retry goes live", |_, world| {
                let live = world.branch.live().and_then(|live| world.jobs.get(&live.job));
                live.is_some_and(|kept| kept.job.job_type() == JobType::Retry)
            }),
            Self::PushReplaces => sometimes("a push takes the place of the one that waits", |_, world| {
                count(world, JobStatus::is_working) == 1
                    && world.jobs.values().any(|kept| {
                        waits(kept.job.status()) && kept.job.commit().is_some_and(|commit| &*commit.id == "b2")
                    })
            }),
            Self::AllPlacesTaken => sometimes("one job is live, one works and one waits", |_, world| {
                world.branch.live().is_some() && count(world, JobStatus::is_working) == 1 && count(world, waits) == 1
            }),
            Self::ClockAhead => sometimes("a record is dated by a clock that is ahead", |_, world| {
                world.jobs.values().any(|kept| kept.job.deadline().is_some() && kept.job.at() > world.clock)
            }),
            Self::HeldUp => sometimes("a driver is held up that will change the branch", |_, world| {
                world.slow.as_ref().is_some_and(|decided| decided.branch_after().is_some())
            }),
        }
    }
}

fn ended(world: &World, status: JobStatus, so: impl Fn(&Kept) -> bool) -> bool {
    world.jobs.values().any(|kept| kept.job.status() == status && so(kept))
}

fn expires(world: &World, passed: Limit) -> bool {
    fails(world, |cause| matches!(cause, Cause::Expired { limit, .. } if *limit == passed))
}

fn fails(world: &World, because: impl Fn(&Cause) -> bool) -> bool {
    ended(world, JobStatus::Failed, |kept| kept.job.cause().is_some_and(&because))
}

fn ended_by(kept: &Kept, kind: EventKind) -> bool {
    kept.records.last().and_then(|record| record.event.kind()) == Some(kind)
}

/// What a server with a right clock would answer.
fn answer(world: &World, order: Order) -> Option<Result<(), Rejection>> {
    order.decide(&world.branch, |id| world.job(id), world.clock).map(|change| change.answer)
}
