//! A job: what it is, what it decides, and what its history makes of it.

mod decide;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;

use chrono::{DateTime, TimeDelta, Timelike, Utc};

use crate::{
    Artifact, Attempt, Birth, Cause, Command, Commit, Event, HistoryError, JobId, JobStatus, JobType, Limit, NewJob,
    Record, Records, Rejection, Source, Step, StepName, Steps, Uploads,
};

/// A job of a branch, from CREATED to SUCCEED, FAILED or CANCELLED.
///
/// A job is a value. [`decide`](Self::decide) says what follows from a command and changes nothing;
/// [`apply`](Self::apply) changes the job by a record of what was decided; [`handle`](Self::handle) does
/// both, after it has let time do its part. The same records always make the same job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    id: JobId,
    birth: Arc<Birth>,
    progress: Progress,
}

/// What has become of a job since its birth. With id and birth it is the job; only stores look at it
/// apart from them, because it alone changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Progress {
    seq: u32,
    status: JobStatus,
    #[cfg_attr(feature = "serde", serde(with = "chrono::serde::ts_milliseconds"))]
    since: DateTime<Utc>,
    #[cfg_attr(feature = "serde", serde(with = "chrono::serde::ts_milliseconds"))]
    at: DateTime<Utc>,
    #[cfg_attr(
        feature = "serde",
        serde(default, with = "chrono::serde::ts_milliseconds_option", skip_serializing_if = "Option::is_none")
    )]
    claimed: Option<DateTime<Utc>>,
    attempt: Attempt,
    uploads: Uploads,
    steps: Steps,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    commit: Option<Box<Commit>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    stopped_by: Option<Box<str>>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    cause: Option<Cause>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    artifact: Option<Artifact>,
}

/// When time will end a job, if nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The first moment at which [`Command::Expire`] ends the job.
    pub at: DateTime<Utc>,
    /// The limit that will have passed.
    pub limit: Limit,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    /// What happened, to be stored before anyone is told.
    pub records: Records,
    /// The job after it.
    pub job: Job,
    /// Whether the command was obeyed. Time may have changed the job even where it was not.
    pub answer: Result<(), Rejection>,
}

impl Job {
    /// Makes a job, and lets it go at once unless it waits for uploads.
    #[must_use]
    pub fn create(id: JobId, new: NewJob, now: DateTime<Utc>) -> (Self, Records) {
        let at = to_millis(now);
        let NewJob { job_type, source, commit, retries, job_reason, limits } = new;
        let started = !source.is_uploaded();
        let birth = Arc::new(Birth { job_type, source, retries, job_reason, limits, created: at });
        let commit = commit.map(|commit| Box::new(commit_to_millis(commit)));
        let mut job = Self::born(id, Arc::clone(&birth), commit.clone());
        let first = Record { seq: 1, at, event: Event::Created { birth, commit } };
        if !started {
            return (job, Records::one(first));
        }
        let second = Record { seq: 2, at, event: Event::Started };
        job.advance(JobStatus::Pending, &second);
        (job, Records::two(first, second))
    }

    fn born(id: JobId, birth: Arc<Birth>, commit: Option<Box<Commit>>) -> Self {
        let created = birth.created;
        let progress = Progress {
            seq: 1,
            status: JobStatus::Created,
            since: created,
            at: created,
            claimed: None,
            attempt: Attempt::NONE,
            uploads: Uploads::awaited_by(&birth.source),
            steps: Steps::default(),
            commit,
            stopped_by: None,
            cause: None,
            artifact: None,
        };
        Self { id, birth, progress }
    }

    /// Puts a job together again from what a store kept of it.
    #[must_use]
    pub const fn from_parts(id: JobId, birth: Arc<Birth>, progress: Progress) -> Self {
        Self { id, birth, progress }
    }

    /// Makes the job that `records`, its whole history, describe.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] where the records cannot follow each other: what was stored is damaged.
    pub fn replay<'a>(id: JobId, records: impl IntoIterator<Item = &'a Record>) -> Result<Self, HistoryError> {
        let mut records = records.into_iter();
        let Some(Record { seq: 1, at, event: Event::Created { birth, commit } }) = records.next() else {
            return Err(HistoryError::NoBeginning);
        };
        if *at != birth.created {
            return Err(HistoryError::NoBeginning);
        }
        let mut job = Self::born(id, Arc::clone(birth), commit.clone());
        for record in records {
            job.apply(record)?;
        }
        Ok(job)
    }

    /// Lets time do its part, then decides the command, and applies what follows.
    pub fn handle(&self, command: &Command, now: DateTime<Utc>) -> Outcome {
        let mut job = self.clone();
        let mut records = Records::NONE;
        if self.is_due(now) {
            let expired = self.record(now, Event::Expired);
            job.advance_legally(&expired);
            records = Records::one(expired);
        }
        let answer = job.decide(command, now).map(|decided| {
            for record in decided.iter() {
                job.advance_legally(record);
            }
            if records.is_empty() {
                records = decided;
            }
        });
        Outcome { records, job, answer }
    }

    /// Changes the job by what was decided.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] where the record cannot follow those before it; the job is unchanged.
    pub fn apply(&mut self, record: &Record) -> Result<(), HistoryError> {
        let seq = record.seq;
        if seq <= self.progress.seq || seq != after(self.progress.seq) {
            return Err(HistoryError::OutOfOrder { expected: after(self.progress.seq), found: seq });
        }
        if record.at < self.progress.at {
            return Err(HistoryError::TimeWentBack { seq });
        }
        let Some(event) = record.event.kind() else { return Err(HistoryError::SecondBeginning { seq }) };
        let Some(next) = self.progress.status.next(event) else {
            return Err(HistoryError::Illegal { seq, status: self.progress.status, event });
        };
        self.advance(next, record);
        Ok(())
    }

    /// Applies a record that this job has just decided, which the law therefore allows.
    fn advance_legally(&mut self, record: &Record) {
        let next = record.event.kind().and_then(|event| self.progress.status.next(event));
        debug_assert!(next.is_some(), "a job decides only what the law allows");
        if let Some(next) = next {
            self.advance(next, record);
        }
    }

    /// The one place where a job changes.
    fn advance(&mut self, next: JobStatus, record: &Record) {
        let at = record.at;
        match &record.event {
            Event::Created { .. } | Event::Started | Event::Provisioned => {}
            Event::Uploaded { slot, object } => self.progress.uploads.fill(*slot, *object),
            Event::Replaced { commit } | Event::Resolved { commit } => self.progress.commit = Some(commit.clone()),
            Event::Claimed { attempt } => {
                self.progress.attempt = *attempt;
                self.progress.claimed = Some(at);
            }
            Event::Reclaimed { attempt } => {
                self.progress.attempt = *attempt;
                self.progress.steps = Steps::default();
            }
            Event::StepStarted { step } => self.progress.steps.start(*step, at),
            Event::StepEnded { step } => self.progress.steps.end(*step, JobStatus::Succeed, at),
            Event::StopRequested { by } => {
                self.progress.stopped_by.clone_from(by);
                self.progress.steps.cancel();
            }
            Event::Stopped { by } => {
                self.progress.cause =
                    Some(Cause::Stopped { by: by.clone().or_else(|| self.progress.stopped_by.take()) });
            }
            Event::Skipped { reason } => self.progress.cause = Some(Cause::Skipped { reason: reason.clone() }),
            Event::Failed { reason } => {
                self.progress.cause = Some(Cause::Failed { step: self.progress.steps.open(), reason: reason.clone() });
            }
            Event::Expired => self.progress.cause = Some(self.expired()),
            Event::Succeeded { artifact } => self.progress.artifact = Some(*artifact),
        }
        if next != self.progress.status {
            self.progress.status = next;
            self.progress.since = at;
        }
        if next.is_terminal() {
            self.progress.steps.close(next, at);
        }
        self.progress.at = at;
        self.progress.seq = record.seq;
    }

    /// The cause of an end by time. A stop that no runner answered is still a stop.
    fn expired(&mut self) -> Cause {
        match self.birth.limits.of(self.progress.status) {
            Some((limit, length)) if limit != Limit::Cancel => {
                Cause::Expired { limit, seconds: length.num_seconds(), step: self.progress.steps.open() }
            }
            _ => Cause::Stopped { by: self.progress.stopped_by.take() },
        }
    }

    /// When time will end the job, or `None` once it has ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let (limit, length) = self.birth.limits.of(self.progress.status)?;
        let at = self.progress.since.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Some(Deadline { at, limit })
    }

    /// Whether time is up.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline.at)
    }

    /// What a retry of this job deploys: the artifact that it put live, or else what it was given. What was
    /// built from a [commit](Self::commit) is built from it again, and not from the tip that its branch has by then.
    ///
    /// # Errors
    ///
    /// [`Rejection::NotEnded`] while it has not ended, and [`Rejection::NothingToRetry`] where its
    /// uploads never arrived.
    pub fn retry_source(&self) -> Result<Source, Rejection> {
        if !self.progress.status.is_terminal() {
            return Err(Rejection::NotEnded { job: self.id, status: self.progress.status });
        }
        let source = &self.birth.source;
        if let Some(artifact) = self.progress.artifact
            && !source.needs_build()
        {
            return Ok(Source::Artifact(artifact));
        }
        if self.progress.uploads.missing(source).next().is_some() {
            return Err(Rejection::NothingToRetry { job: self.id });
        }
        let files: &[_] = match source {
            Source::Zip => &[],
            Source::Files(files) => files,
            Source::Url { .. } | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository => {
                return Ok(source.clone());
            }
        };
        Ok(Source::UploadOf { job: self.id, uploads: self.progress.uploads.clone(), files: files.into() })
    }

    /// The job whose kept bytes this job deploys or deployed: its own number unless it goes back to an
    /// earlier one. Those bytes must be kept as long as this job is.
    #[must_use]
    pub fn content_of(&self) -> JobId {
        match &self.birth.source {
            Source::Artifact(artifact) => artifact.job,
            Source::UploadOf { job, .. } => *job,
            Source::Zip | Source::Files(_) | Source::Url { .. } | Source::Repository => self.id,
        }
    }

    /// The artifact that is made of this job's content and kept under the number `object`, or the earlier one that the
    /// job goes back to. No other can go live with it.
    #[must_use]
    pub fn artifact_kept_as(&self, object: u64) -> Artifact {
        match &self.birth.source {
            Source::Artifact(artifact) => *artifact,
            Source::Zip | Source::Files(_) | Source::Url { .. } | Source::UploadOf { .. } | Source::Repository => {
                Artifact { job: self.content_of(), object }
            }
        }
    }

    /// Its number on the branch.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// How it came about.
    #[must_use]
    pub fn job_type(&self) -> JobType {
        self.birth.job_type
    }

    /// What was decided when it was made.
    #[must_use]
    pub fn birth(&self) -> &Birth {
        &self.birth
    }

    /// What has become of it since.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The commit that it builds, where there is a repository: what it was given until a runner has
    /// [resolved](crate::Report::Resolved) that.
    #[must_use]
    pub fn commit(&self) -> Option<&Commit> {
        self.progress.commit.as_deref()
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> JobStatus {
        self.progress.status
    }

    /// Since when it has had this status.
    #[must_use]
    pub const fn since(&self) -> DateTime<Utc> {
        self.progress.since
    }

    /// How many records its history has; a store compares and sets by it.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        self.progress.seq
    }

    /// The time of its last record.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.progress.at
    }

    /// When work on it began, or when it was made while no work has.
    #[must_use]
    pub fn started(&self) -> DateTime<Utc> {
        self.progress.claimed.unwrap_or(self.birth.created)
    }

    /// When it ended.
    #[must_use]
    pub fn ended(&self) -> Option<DateTime<Utc>> {
        self.progress.status.is_terminal().then_some(self.progress.since)
    }

    /// The attempt that it is on; a runner's reports must carry it.
    #[must_use]
    pub const fn attempt(&self) -> Attempt {
        self.progress.attempt
    }

    /// The upload slots that are filled.
    #[must_use]
    pub const fn uploads(&self) -> &Uploads {
        &self.progress.uploads
    }

    /// The steps that have begun, in order.
    pub fn steps(&self) -> impl Iterator<Item = (StepName, &Step)> {
        self.progress.steps.iter()
    }

    /// The uploads that it still waits for: how many, and what the first one is, the path of a file or `the zip`.
    #[must_use]
    pub fn missing_uploads(&self) -> Option<(usize, Box<str>)> {
        let mut missing = self.progress.uploads.missing(&self.birth.source);
        let first = missing.next()?;
        let first = match &self.birth.source {
            Source::Files(files) => files[first].path.clone(),
            Source::Zip | Source::Url { .. } | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository => {
                "the zip".into()
            }
        };
        Some((1 + missing.count(), first))
    }

    /// Who asked for the stop of a job in CANCELLING.
    #[must_use]
    pub fn stopped_by(&self) -> Option<&str> {
        self.progress.stopped_by.as_deref()
    }

    /// Why it ended, unless it succeeded.
    #[must_use]
    pub const fn cause(&self) -> Option<&Cause> {
        self.progress.cause.as_ref()
    }

    /// Why it ended, in words of at most 1,000 characters, the API's limit for a `statusReason`.
    #[must_use]
    pub fn status_reason(&self) -> Option<Box<str>> {
        let words = self.progress.cause.as_ref()?.to_string();
        Some(match words.char_indices().nth(1000) {
            Some((cut, _)) => words[..cut].into(),
            None => words.into(),
        })
    }

    /// What it put live.
    #[must_use]
    pub const fn artifact(&self) -> Option<Artifact> {
        self.progress.artifact
    }

    /// How long it has taken so far, from its creation to its end or to `now`.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> TimeDelta {
        self.ended().unwrap_or(now).signed_duration_since(self.birth.created)
    }
}

/// The place in a history after `seq`. No job gets as far as the last one, but damaged bytes may say so.
const fn after(seq: u32) -> u32 {
    seq.saturating_add(1)
}

/// Stores keep whole milliseconds, and a job is what its store keeps of it.
fn to_millis(time: DateTime<Utc>) -> DateTime<Utc> {
    let nanos = time.timestamp_subsec_nanos();
    // A leap second's nanoseconds go on past the end of its second, which no number of milliseconds since the epoch
    // can say. All other times are cut without taking the date apart.
    let cut = if nanos < 1_000_000_000 {
        time.naive_utc().with_nanosecond(nanos - nanos % 1_000_000).map(|time| time.and_utc())
    } else {
        DateTime::from_timestamp_millis(time.timestamp_millis())
    };
    cut.unwrap_or(time)
}

fn commit_to_millis(commit: Commit) -> Commit {
    Commit { time: to_millis(commit.time), ..commit }
}
