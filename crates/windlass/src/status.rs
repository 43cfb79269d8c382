//! The law of a job's life: one array of legal steps, and everything that follows from it.
//!
//! [`TRANSITIONS`] is the only place where a status follows from another. [`JobStatus::next`], the
//! diagram and the grid in [`lifecycle`](crate::lifecycle), the tests and any SQL that has to know
//! which statuses are unfinished are computed from it. What is not listed is illegal.

use strum::{AsRefStr, Display, EnumCount, EnumIter, EnumString, VariantArray};

/// The status of a job, or of a step of it.
///
/// Spelling and order are those of AWS's
/// [`JobStatus`](https://docs.aws.amazon.com/amplify/latest/APIReference/API_JobSummary.html).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    AsRefStr,
    Display,
    EnumCount,
    EnumIter,
    EnumString,
    VariantArray,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "SCREAMING_SNAKE_CASE"))]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Made by CreateDeployment; waits for its uploads and for StartDeployment.
    Created,
    /// Started; waits for its turn on the branch and for a runner.
    Pending,
    /// Claimed by a runner that prepares its environment.
    Provisioning,
    /// A runner works on its steps.
    Running,
    /// Ended: a step failed, or a limit passed.
    Failed,
    /// Ended: what it deployed went live.
    Succeed,
    /// Told to stop while a runner had it; the runner lets go, or the cancel limit passes.
    Cancelling,
    /// Ended: stopped, or found to be needless.
    Cancelled,
}

/// What happened to a job, without the facts that came with it.
///
/// [`Event`](crate::Event) carries the facts; the law needs only the kind.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    AsRefStr,
    Display,
    EnumCount,
    EnumIter,
    EnumString,
    VariantArray,
)]
pub enum EventKind {
    /// The bytes of an upload slot arrived.
    Uploaded,
    /// StartDeployment or StartJob let it go.
    Started,
    /// A newer push took the queued job's place.
    Replaced,
    /// A runner took it.
    Claimed,
    /// Its environment is ready.
    Provisioned,
    /// Its runner was lost and another took over.
    Reclaimed,
    /// The commit that it builds became known.
    Resolved,
    /// A step began.
    StepStarted,
    /// A step ended well.
    StepEnded,
    /// Someone asked for it to stop while a runner had it.
    StopRequested,
    /// It stopped.
    Stopped,
    /// There was nothing to do.
    Skipped,
    /// A step failed.
    Failed,
    /// Its status lasted longer than the limit allows.
    Expired,
    /// All steps ended well and the artifact went live.
    Succeeded,
}

/// One legal step: in status `from`, `event` leads to status `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The status before.
    pub from: JobStatus,
    /// What happens.
    pub event: EventKind,
    /// The status after.
    pub to: JobStatus,
}

use EventKind as E;
use JobStatus::{Cancelled, Cancelling, Created, Pending, Provisioning, Running, Succeed};

const fn row(from: JobStatus, event: EventKind, to: JobStatus) -> Transition {
    Transition { from, event, to }
}

/// Every legal step of a job's life.
pub const TRANSITIONS: &[Transition] = &[
    row(Created, E::Uploaded, Created),
    row(Created, E::Started, Pending),
    row(Created, E::Stopped, Cancelled),
    row(Created, E::Expired, JobStatus::Failed),
    row(Pending, E::Replaced, Pending),
    row(Pending, E::Claimed, Provisioning),
    row(Pending, E::Stopped, Cancelled),
    row(Pending, E::Expired, JobStatus::Failed),
    row(Provisioning, E::Provisioned, Running),
    row(Provisioning, E::Reclaimed, Provisioning),
    row(Provisioning, E::StopRequested, Cancelling),
    row(Provisioning, E::Failed, JobStatus::Failed),
    row(Provisioning, E::Expired, JobStatus::Failed),
    row(Running, E::Reclaimed, Running),
    row(Running, E::Resolved, Running),
    row(Running, E::StepStarted, Running),
    row(Running, E::StepEnded, Running),
    row(Running, E::StopRequested, Cancelling),
    row(Running, E::Skipped, Cancelled),
    row(Running, E::Failed, JobStatus::Failed),
    row(Running, E::Expired, JobStatus::Failed),
    row(Running, E::Succeeded, Succeed),
    row(Cancelling, E::Stopped, Cancelled),
    row(Cancelling, E::Expired, Cancelled),
];

const STATUSES: usize = JobStatus::COUNT;
const EVENTS: usize = EventKind::COUNT;

/// [`TRANSITIONS`] by status and event.
const NEXT: [[Option<JobStatus>; EVENTS]; STATUSES] = {
    let mut next = [[None; EVENTS]; STATUSES];
    let mut i = 0;
    while i < TRANSITIONS.len() {
        let Transition { from, event, to } = TRANSITIONS[i];
        assert!(next[from as usize][event as usize].is_none(), "two rows for one status and event");
        next[from as usize][event as usize] = Some(to);
        i += 1;
    }
    next
};

impl JobStatus {
    /// The status that `event` leads to, or `None` where the law does not allow it.
    #[inline]
    #[must_use]
    pub const fn next(self, event: EventKind) -> Option<Self> {
        NEXT[self as usize][event as usize]
    }

    /// Whether a job in this status has ended: SUCCEED, FAILED or CANCELLED.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Failed | Self::Succeed | Self::Cancelled => true,
            Self::Created | Self::Pending | Self::Provisioning | Self::Running | Self::Cancelling => false,
        }
    }

    /// Whether a runner has the job: PROVISIONING, RUNNING or CANCELLING.
    ///
    /// At most one job of a branch is in such a status at a time.
    #[must_use]
    pub const fn is_working(self) -> bool {
        match self {
            Self::Provisioning | Self::Running | Self::Cancelling => true,
            Self::Created | Self::Pending | Self::Failed | Self::Succeed | Self::Cancelled => false,
        }
    }

    /// Whether `self` can become `later` in one or more legal steps, or is the same status.
    ///
    /// A poller sees only samples of a job's life; this says whether two samples can follow each other.
    #[must_use]
    pub const fn can_reach(self, later: Self) -> bool {
        REACH[self as usize][later as usize]
    }

    /// The statuses between `self` and `later` that no way from the one to the other leaves out, in the order in
    /// which a job passes them. None where there is no way.
    pub fn must_pass(self, later: Self) -> impl Iterator<Item = Self> {
        let between = move |status: &Self| *status != self && *status != later;
        let avoids = move |status: &Self| reach(Some(*status), None)[self as usize][later as usize];
        let reachable = self.can_reach(later);
        Self::VARIANTS.iter().copied().filter(move |status| reachable && between(status) && !avoids(status))
    }

    /// The events that happen on every way from `self` to `later`, in the order in which they do. None where there
    /// is no way, or where the job may not have moved at all.
    pub fn must_happen(self, later: Self) -> impl Iterator<Item = EventKind> {
        let avoids = move |event: &EventKind| reach(None, Some(*event))[self as usize][later as usize];
        let reachable = self.can_reach(later);
        EventKind::VARIANTS.iter().copied().filter(move |event| reachable && !avoids(event))
    }
}

/// The reflexive transitive closure of [`TRANSITIONS`].
const REACH: [[bool; STATUSES]; STATUSES] = reach(None, None);

/// Which status can become which, in a world without one status, or without one event.
const fn reach(without: Option<JobStatus>, never: Option<EventKind>) -> [[bool; STATUSES]; STATUSES] {
    let mut reach = [[false; STATUSES]; STATUSES];
    let mut i = 0;
    while i < STATUSES {
        reach[i][i] = true;
        i += 1;
    }
    // One round per status is enough: no shortest path is longer.
    let mut round = 0;
    while round < STATUSES {
        let mut start = 0;
        while start < STATUSES {
            let mut i = 0;
            while i < TRANSITIONS.len() {
                let t = TRANSITIONS[i];
                let never = matches!(never, Some(event) if event as usize == t.event as usize);
                let without = matches!(without, Some(status) if status as usize == t.from as usize);
                if reach[start][t.from as usize] && !never && !without {
                    reach[start][t.to as usize] = true;
                }
                i += 1;
            }
            start += 1;
        }
        round += 1;
    }
    reach
}

// What the law promises, checked when it is compiled.
const _: () = {
    let mut s = 0;
    while s < STATUSES {
        let status = JobStatus::VARIANTS[s];
        assert!(REACH[Created as usize][s], "a status that nothing leads to");
        let mut moves = false;
        let mut e = 0;
        while e < EVENTS {
            moves |= NEXT[s][e].is_some();
            e += 1;
        }
        assert!(moves != status.is_terminal(), "an ended job moves, or an unfinished one cannot");
        let expires = match NEXT[s][E::Expired as usize] {
            Some(after) => after.is_terminal(),
            None => status.is_terminal(),
        };
        assert!(expires, "an unfinished status that time does not end");
        s += 1;
    }
};

const _: () = {
    let mut e = 0;
    while e < EVENTS {
        let mut used = false;
        let mut s = 0;
        while s < STATUSES {
            used |= NEXT[s][e].is_some();
            s += 1;
        }
        assert!(used, "an event that no row uses");
        e += 1;
    }
};

// Ways are told in the order of the statuses' declaration, so no row may lead back.
const _: () = {
    let mut i = 0;
    while i < TRANSITIONS.len() {
        let t = TRANSITIONS[i];
        assert!(t.from as usize <= t.to as usize, "the statuses are declared in the order in which a job passes them");
        i += 1;
    }
};

// Only a running job goes live, so nothing that was stopped can.
const _: () = {
    let mut i = 0;
    while i < TRANSITIONS.len() {
        let t = TRANSITIONS[i];
        let goes_live = matches!(t.to, Succeed);
        let by_success = matches!(t.event, E::Succeeded) && matches!(t.from, Running);
        assert!(goes_live == by_success, "SUCCEED must follow from RUNNING by Succeeded alone");
        i += 1;
    }
};
