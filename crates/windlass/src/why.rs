//! Why a job is as it is: as data for programs, and in words for people.

use alloc::boxed::Box;
use core::fmt;

use chrono::{DateTime, Timelike as _, Utc};

use crate::{Artifact, Attempt, Branch, Cause, Command, Deadline, EventKind, Job, JobId, JobStatus, StepName};

/// Why a job is as it is at a moment: [`Job::why`] says so.
///
/// Its text is one line for people, without a full stop, with times in UTC to the second. It is not for programs: they
/// read the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Its status at that moment.
    pub status: JobStatus,
    /// Since when it has had it. For a job whose time was up without anyone saying so, that is the moment that was
    /// asked about.
    pub since: DateTime<Utc>,
    /// When time will end it, unless it has ended.
    pub until: Option<Deadline>,
    /// What it waits for, works on, or ended of.
    pub because: Because,
}

/// What a job waits for, works on, or ended of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// CREATED: not everything was uploaded.
    UploadsMissing {
        /// How many uploads.
        missing: usize,
        /// What the first one is: the path of a file, or `the zip`.
        first: Box<str>,
    },
    /// CREATED: everything is there, and StartDeployment was not called.
    NotStarted,
    /// PENDING: no runner has taken it. A job alone knows no more; see [`Why::on`], [`Why::with_room`] and
    /// [`Why::without_runner`].
    NotClaimed,
    /// PENDING: its branch works on another job.
    Behind {
        /// That job.
        job: JobId,
        /// Whether that job was told to stop.
        cancelling: bool,
    },
    /// PENDING: as many jobs are in work as the account may have.
    NoRoom {
        /// How many are in work.
        working: u64,
        /// How many may be.
        limit: u64,
    },
    /// PENDING: no runner is there to take it.
    NoRunner {
        /// When one was last heard of.
        since: DateTime<Utc>,
    },
    /// PROVISIONING: its runner prepares the environment.
    Provisioning {
        /// The attempt that the runner is on.
        attempt: Attempt,
    },
    /// RUNNING: its runner works on it.
    Running {
        /// The attempt that the runner is on.
        attempt: Attempt,
        /// The step that is open; `None` before the first and between two.
        step: Option<StepName>,
    },
    /// CANCELLING: its runner has not let go yet.
    Stopping {
        /// Who asked for the stop, where that was said.
        by: Option<Box<str>>,
        /// The step that is open, if any is.
        step: Option<StepName>,
    },
    /// SUCCEED: it went live. Whether it still is, its [branch](Branch::live) knows.
    Succeeded {
        /// What went live: its own content, or an earlier job's to which it went back.
        artifact: Artifact,
    },
    /// FAILED or CANCELLED, of this.
    Ended(Cause),
    /// It has ended, and what a store kept of it does not say of what. No job that was made by its records is so.
    NotKept,
}

impl Job {
    /// Why the job is as it is at `now`. A job whose time is up then is shown as ended, as [`Command::Expire`] at `now`
    /// would leave it, whether or not anyone has said so to it.
    ///
    /// A job alone cannot know why it is not claimed. [`Why::on`], [`Why::with_room`] and [`Why::without_runner`] take
    /// what others know, in the order in which they are called: the first that explains it counts.
    ///
    /// ```
    /// use chrono::{TimeZone, Utc};
    /// use windlass::{Because, Branch, Command, JobType, NewJob, Source};
    ///
    /// let nine = Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap();
    /// let push = || NewJob { job_type: JobType::WebHook, ..NewJob::manual(Source::Repository) };
    /// let first = Branch::default().push(push(), nine)?;
    /// let first = first.branch.handle(&first.job, &Command::Claim, nine);
    /// let second = first.branch.push(push(), nine)?;
    ///
    /// let why = second.job.why(nine).on(&second.branch).with_room(5, 5);
    /// assert_eq!(why.because, Because::Behind { job: first.job.id(), cancelling: false });
    /// assert_eq!(
    ///     why.to_string(),
    ///     "PENDING since 2026-01-01 09:00:00 UTC: behind job 1 of the branch; \
    ///      if still PENDING at 2026-01-02 09:00:00 UTC, it becomes FAILED (queue limit)"
    /// );
    /// # Ok::<(), windlass::Rejection>(())
    /// ```
    #[must_use]
    pub fn why(&self, now: DateTime<Utc>) -> Why {
        let job = self.handle(&Command::Expire, now).job;
        Why { status: job.status(), since: job.since(), until: job.deadline(), because: job.because() }
    }

    fn because(&self) -> Because {
        let step = self.steps().find(|(_, step)| step.ended.is_none()).map(|(name, _)| name);
        match (self.status(), self.cause(), self.artifact()) {
            (JobStatus::Created, ..) => match self.missing_uploads() {
                Some((missing, first)) => Because::UploadsMissing { missing, first },
                None => Because::NotStarted,
            },
            (JobStatus::Pending, ..) => Because::NotClaimed,
            (JobStatus::Provisioning, ..) => Because::Provisioning { attempt: self.attempt() },
            (JobStatus::Running, ..) => Because::Running { attempt: self.attempt(), step },
            (JobStatus::Cancelling, ..) => Because::Stopping { by: self.stopped_by().map(Into::into), step },
            (JobStatus::Succeed, _, Some(artifact)) => Because::Succeeded { artifact },
            (JobStatus::Succeed | JobStatus::Failed | JobStatus::Cancelled, Some(cause), _) => {
                Because::Ended(cause.clone())
            }
            (JobStatus::Succeed | JobStatus::Failed | JobStatus::Cancelled, None, _) => Because::NotKept,
        }
    }
}

impl Why {
    /// The same, knowing the branch that the job is of: while that works on another job, this one is behind it.
    #[must_use]
    pub fn on(self, branch: &Branch) -> Self {
        match branch.working() {
            Some(ahead) => self.unclaimed_is(Because::Behind { job: ahead.job, cancelling: ahead.cancelling }),
            None => self,
        }
    }

    /// The same, knowing that `working` jobs of the account are in work and that `limit` may be: where there is no
    /// room, the job waits for that.
    #[must_use]
    pub fn with_room(self, working: u64, limit: u64) -> Self {
        if working >= limit { self.unclaimed_is(Because::NoRoom { working, limit }) } else { self }
    }

    /// The same, knowing that no runner was heard of after `since`.
    #[must_use]
    pub fn without_runner(self, since: DateTime<Utc>) -> Self {
        self.unclaimed_is(Because::NoRunner { since })
    }

    fn unclaimed_is(mut self, because: Because) -> Self {
        if self.because == Because::NotClaimed {
            self.because = because;
        }
        self
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, since, until, because } = self;
        let preposition = if status.is_terminal() { "at" } else { "since" };
        write!(f, "{status} {preposition} {}{because}", Moment(*since))?;
        match (until, status.next(EventKind::Expired)) {
            (Some(Deadline { at, limit }), Some(end)) => {
                write!(f, "; if still {status} at {}, it becomes {end} ({limit} limit)", Moment(*at))
            }
            (None, _) | (_, None) => Ok(()),
        }
    }
}

/// What follows on the status and its time, the separator included.
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UploadsMissing { missing: 1, first } => write!(f, ": waiting for 1 upload, {first}"),
            Self::UploadsMissing { missing, first } => {
                write!(f, ": waiting for {missing} uploads, the first of them {first}")
            }
            Self::NotStarted => f.write_str(": all uploads have arrived, waiting for StartDeployment"),
            Self::NotClaimed => f.write_str(": waiting for a runner to take it"),
            Self::Behind { job, cancelling: false } => write!(f, ": behind job {job} of the branch"),
            Self::Behind { job, cancelling: true } => {
                write!(f, ": behind job {job} of the branch, which is being stopped")
            }
            Self::NoRoom { working, limit } => {
                write!(f, ": {working} of the account's {limit} concurrent jobs are in work")
            }
            Self::NoRunner { since } => write!(f, ": no runner has been seen since {}", Moment(*since)),
            Self::Provisioning { attempt } => write!(f, ": the environment is being prepared{}", Try(*attempt)),
            Self::Running { attempt, step: Some(step) } => write!(f, ": in step {step}{}", Try(*attempt)),
            Self::Running { attempt, step: None } => write!(f, ": between steps{}", Try(*attempt)),
            Self::Stopping { by, step } => {
                f.write_str(": stopped")?;
                by.iter().try_for_each(|by| write!(f, " by {by}"))?;
                f.write_str(", its runner has not let go")?;
                step.iter().try_for_each(|step| write!(f, " of step {step}"))?;
                f.write_str(" yet")
            }
            Self::Succeeded { artifact } => write!(f, ": went live with the artifact of job {}", artifact.job),
            Self::Ended(cause @ (Cause::Failed { step: Some(step), .. } | Cause::Expired { step: Some(step), .. })) => {
                write!(f, " in step {step}: {cause}")
            }
            Self::Ended(cause) => write!(f, ": {cause}"),
            Self::NotKept => f.write_str(": the reason was not kept"),
        }
    }
}

/// A time to the second.
struct Moment(DateTime<Utc>);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, hour, minute, second) = (self.0.date_naive(), self.0.hour(), self.0.minute(), self.0.second());
        write!(f, "{date} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

/// Says which attempt it is, from the second on.
struct Try(Attempt);

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > Attempt::new(1) { write!(f, ", attempt {} of {}", self.0, Attempt::MAX) } else { Ok(()) }
    }
}
