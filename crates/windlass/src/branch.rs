//! A branch: it numbers its jobs, lets one work at a time, and knows which one is live.

use alloc::vec::Vec;

use chrono::{DateTime, Utc};

use crate::{Artifact, Command, Job, JobId, JobStatus, NewJob, Outcome, Record, Rejection};

/// The job side of a branch: it numbers its jobs, lets one work at a time, and knows which one is live.
///
/// A branch has two places. One job at most *waits* (CREATED or PENDING), and one at most *works*
/// (PROVISIONING, RUNNING or CANCELLING). All of it follows from the jobs: a branch is changed only by
/// [`create`](Self::create), [`push`](Self::push), [`handle`](Self::handle) and [`delete`](Self::delete), which return
/// what it is after. `Branch::default()` is a branch that has had no job.
///
/// A job is put live by the record of its success and by nothing else, so it never happens to a job that was told
/// to stop, and it is stored, or not, in one piece with that record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Branch {
    last: u64,
    jobs: u64,
    waiting: Option<JobId>,
    working: Option<Working>,
    live: Option<Live>,
}

/// The job of a branch that a runner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Working {
    /// Which.
    pub job: JobId,
    /// Whether it was told to stop.
    pub cancelling: bool,
}

/// What a branch shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Live {
    /// The job that went live last.
    pub job: JobId,
    /// Its content.
    pub artifact: Artifact,
    /// When it went live.
    #[cfg_attr(feature = "serde", serde(with = "chrono::serde::ts_milliseconds"))]
    pub since: DateTime<Utc>,
}

/// What came of a command to a job of a branch. Records, job and branch are stored in one transaction,
/// or not at all, and only if job and branch are still what they were when they were loaded.
///
/// Whatever the answer is, what is there has to be stored: time may have ended a job that refuses a command.
///
/// # A whole store
///
/// `examples/store.rs`, in which two runners race for a claim:
///
#[doc = concat!("```\n", include_str!("../examples/store.rs"), "```")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Change {
    /// What happened to the job, in order; nothing where it was done before or is refused.
    pub records: Vec<Record>,
    /// The job after it.
    pub job: Job,
    /// The branch after it.
    pub branch: Branch,
    /// Whether the command was obeyed, to be told once the rest is stored.
    pub answer: Result<(), Rejection>,
}

/// Where a push goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into a new job.
    New,
    /// Into the job that waits, whose commit it replaces.
    Replaces(JobId),
}

impl Branch {
    /// Makes the next job, where no other is unfinished. One in CANCELLING does not count: the new
    /// job waits until that has ended.
    ///
    /// A job whose time is up still counts until it has been told: send [`Command::Expire`] to the
    /// [`unfinished`](Self::unfinished) ones first.
    ///
    /// # Errors
    ///
    /// [`Rejection::BranchBusy`] with the unfinished job.
    pub fn create(&self, new: NewJob, now: DateTime<Utc>) -> Result<Change, Rejection> {
        match self.busy() {
            Some(job) => Err(Rejection::BranchBusy { job }),
            None => Ok(self.make(new, now)),
        }
    }

    /// Where a push goes: behind a job that works, one job may wait, and later pushes take its place.
    ///
    /// ```
    /// use chrono::{TimeZone, Utc};
    /// use windlass::{Branch, Command, Commit, JobType, NewJob, Place, Source};
    ///
    /// let now = Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap();
    /// let commit = |id: &str| Commit { id: id.into(), message: "".into(), time: now };
    /// let push = |id| NewJob { job_type: JobType::WebHook, commit: Some(commit(id)), ..NewJob::manual(Source::Repository) };
    ///
    /// let first = Branch::default().push(push("a1"), now)?;
    /// let works = first.branch.handle(&first.job, &Command::Claim, now);
    /// assert_eq!(works.branch.place_for_push(), Place::New);
    ///
    /// let second = works.branch.push(push("b2"), now)?;
    /// assert_eq!(second.branch.place_for_push(), Place::Replaces(second.job.id()));
    ///
    /// let replace = Command::Replace { commit: commit("c3").into() };
    /// let replaced = second.branch.handle(&second.job, &replace, now);
    /// assert_eq!(replaced.job.commit().map(|commit| &*commit.id), Some("c3"));
    /// # Ok::<(), windlass::Rejection>(())
    /// ```
    #[must_use]
    pub fn place_for_push(&self) -> Place {
        self.waiting.map_or(Place::New, Place::Replaces)
    }

    /// Makes a job for a push, behind the one that works. Unlike [`create`](Self::create) it does not mind that one.
    ///
    /// # Errors
    ///
    /// [`Rejection::BranchBusy`] where a job waits already; see [`Branch::place_for_push`].
    pub fn push(&self, new: NewJob, now: DateTime<Utc>) -> Result<Change, Rejection> {
        match self.waiting {
            Some(job) => Err(Rejection::BranchBusy { job }),
            None => Ok(self.make(new, now)),
        }
    }

    fn make(&self, new: NewJob, now: DateTime<Utc>) -> Change {
        let (job, records) = Job::create(JobId::new(self.last.saturating_add(1)), new, now);
        let mut branch = self.clone();
        branch.last = job.id().get();
        branch.jobs = branch.jobs.saturating_add(1);
        branch.follow(&job);
        Change { records: records.into_iter().collect(), job, branch, answer: Ok(()) }
    }

    /// Handles a command to `job`, one of this branch's, at `now`: time first, then the command.
    ///
    /// `self` and `job` are changed by storing what is returned, not here. Both must have been loaded together.
    pub fn handle(&self, job: &Job, command: &Command, now: DateTime<Utc>) -> Change {
        self.handle_all(job, core::slice::from_ref(command), now)
    }

    /// Handles commands to `job` in turn: all of them, or none if one is refused.
    pub fn handle_all(&self, job: &Job, commands: &[Command], now: DateTime<Utc>) -> Change {
        self.handle_each(job, commands.iter().map(|command| (command, now)))
    }

    /// Handles commands to `job` in turn, each at its own time: all of them, or none if one is refused.
    /// What time does to the job until then, it does all the same.
    pub fn handle_each<'a>(
        &self,
        before: &Job,
        commands: impl IntoIterator<Item = (&'a Command, DateTime<Utc>)>,
    ) -> Change {
        let mut change = Change { records: Vec::new(), job: before.clone(), branch: self.clone(), answer: Ok(()) };
        for (command, now) in commands {
            if let Err(rejection) = change.branch.permits(&change.job, command) {
                return self.refused(before, rejection, now);
            }
            let Outcome { records, job, answer } = change.job.handle(command, now);
            if let Err(rejection) = answer {
                return self.refused(before, rejection, now);
            }
            if !records.is_empty() {
                change.records.extend(records);
                change.branch.follow(&job);
                change.job = job;
            }
        }
        change
    }

    /// The change that time alone makes.
    fn refused(&self, job: &Job, rejection: Rejection, now: DateTime<Utc>) -> Change {
        let Outcome { records, job, .. } = job.handle(&Command::Expire, now);
        let mut branch = self.clone();
        if !records.is_empty() {
            branch.follow(&job);
        }
        Change { records: records.into_iter().collect(), job, branch, answer: Err(rejection) }
    }

    /// The one rule that a job cannot know alone: its branch works on one job at a time.
    fn permits(&self, job: &Job, command: &Command) -> Result<(), Rejection> {
        match self.working {
            Some(working) if *command == Command::Claim && working.job != job.id() => {
                Err(Rejection::BranchBusy { job: working.job })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Follows what has just happened to one of its jobs.
    fn follow(&mut self, job: &Job) {
        let id = job.id();
        self.waiting = self.waiting.filter(|&waiting| waiting != id);
        self.working = self.working.filter(|working| working.job != id);
        match job.status() {
            JobStatus::Created | JobStatus::Pending => self.waiting = Some(id),
            JobStatus::Provisioning | JobStatus::Running => self.working = Some(Working { job: id, cancelling: false }),
            JobStatus::Cancelling => self.working = Some(Working { job: id, cancelling: true }),
            JobStatus::Succeed => {
                // A branch works on one job at a time, so the job that succeeds last also went live last.
                self.live = job.artifact().map(|artifact| Live { job: id, artifact, since: job.since() });
            }
            JobStatus::Failed | JobStatus::Cancelled => {}
        }
    }

    /// The branch without a job that is to be deleted. Its number is not used again.
    ///
    /// What was kept for the job may be deleted with it only if no other job deploys it; see
    /// [`Job::content_of`].
    ///
    /// # Errors
    ///
    /// [`Rejection::NotEnded`] while it has not ended, [`Rejection::Live`] while it is what the branch shows.
    pub fn delete(&self, job: &Job) -> Result<Self, Rejection> {
        if !job.status().is_terminal() {
            return Err(Rejection::NotEnded { job: job.id(), status: job.status() });
        }
        if self.live.is_some_and(|live| live.job == job.id()) {
            return Err(Rejection::Live { job: job.id() });
        }
        let mut branch = self.clone();
        branch.jobs = branch.jobs.saturating_sub(1);
        Ok(branch)
    }

    /// The job that keeps the branch from taking another: one that has not ended and was not told to stop.
    #[must_use]
    pub fn busy(&self) -> Option<JobId> {
        self.waiting.or_else(|| self.working.filter(|working| !working.cancelling).map(|working| working.job))
    }

    /// The jobs that have not ended, the waiting one first: two at most.
    pub fn unfinished(&self) -> impl Iterator<Item = JobId> {
        self.waiting.into_iter().chain(self.working.map(|working| working.job))
    }

    /// The job that waits, CREATED or PENDING.
    #[must_use]
    pub const fn waiting(&self) -> Option<JobId> {
        self.waiting
    }

    /// The job that a runner has, PROVISIONING, RUNNING or CANCELLING.
    #[must_use]
    pub const fn working(&self) -> Option<Working> {
        self.working
    }

    /// What the branch shows, or `None` before its first success.
    #[must_use]
    pub const fn live(&self) -> Option<Live> {
        self.live
    }

    /// The number of the last job made, 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// How many jobs it has, without those that were deleted.
    #[must_use]
    pub const fn jobs(&self) -> u64 {
        self.jobs
    }
}

impl Change {
    /// Whether there is anything to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
