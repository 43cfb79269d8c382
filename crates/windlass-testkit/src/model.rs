//! What a branch and its jobs do, written down once more without the core's table: one `if` after the
//! other, times as plain numbers, and every question answered by looking at all jobs.

use chrono::{DateTime, Utc};
use windlass::{
    Artifact, Attempt, Cause, Command, Commit, EventKind, Job, JobId, JobStatus, Limit, Limits, NewJob, Rejection,
    Report, Source, StepName, Uploads,
};

const STEPS: [StepName; 4] = [StepName::Build, StepName::Test, StepName::Deploy, StepName::Verify];

/// A branch that keeps all its jobs in a list.
#[derive(Clone, Debug, Default)]
pub struct ModelBranch {
    jobs: Vec<ModelJob>,
    live: Option<(JobId, Artifact, i64)>,
}

/// A job with everything in the open.
#[derive(Clone, Debug)]
struct ModelJob {
    id: JobId,
    new: NewJob,
    deleted: bool,
    status: JobStatus,
    seq: u32,
    created: i64,
    claimed: Option<i64>,
    since: i64,
    at: i64,
    attempt: u32,
    slots: Vec<Option<u64>>,
    steps: [Option<ModelStep>; 4],
    commit: Option<Box<Commit>>,
    stopped_by: Option<Box<str>>,
    cause: Option<Cause>,
    artifact: Option<Artifact>,
}

#[derive(Clone, Copy, Debug)]
struct ModelStep {
    started: i64,
    ended: Option<i64>,
    status: JobStatus,
}

impl ModelBranch {
    /// CreateDeployment and StartJob.
    ///
    /// # Errors
    ///
    /// As the core's.
    pub fn create(&mut self, new: NewJob, now: i64) -> Result<JobId, Rejection> {
        if let Some(job) = self.waiting() {
            return Err(Rejection::BranchBusy { job });
        }
        if let Some((job, false)) = self.working() {
            return Err(Rejection::BranchBusy { job });
        }
        Ok(self.make(new, now))
    }

    /// A push that makes a job.
    ///
    /// # Errors
    ///
    /// As the core's.
    pub fn push(&mut self, new: NewJob, now: i64) -> Result<JobId, Rejection> {
        match self.waiting() {
            Some(job) => Err(Rejection::BranchBusy { job }),
            None => Ok(self.make(new, now)),
        }
    }

    fn make(&mut self, new: NewJob, now: i64) -> JobId {
        let id = JobId::new(self.jobs.len() as u64 + 1);
        let slots = match &new.source {
            Source::Zip => 1,
            Source::Files(files) => files.len(),
            Source::Url { .. } | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository => 0,
        };
        let uploaded = matches!(new.source, Source::Zip | Source::Files(_));
        self.jobs.push(ModelJob {
            id,
            deleted: false,
            status: if uploaded { JobStatus::Created } else { JobStatus::Pending },
            seq: if uploaded { 1 } else { 2 },
            created: now,
            claimed: None,
            since: now,
            at: now,
            attempt: 0,
            slots: vec![None; slots],
            steps: [None; 4],
            commit: new.commit.clone().map(Box::new),
            stopped_by: None,
            cause: None,
            artifact: None,
            new,
        });
        id
    }

    /// A command to a job.
    ///
    /// # Errors
    ///
    /// As the core's.
    pub fn command(&mut self, id: JobId, command: &Command, now: i64) -> Result<(), Rejection> {
        let working = self.working();
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return Ok(()) };
        job.let_time_pass(now);
        if let (Command::Claim, Some((other, _))) = (command, working)
            && other != id
        {
            return Err(Rejection::BranchBusy { job: other });
        }
        let was = job.status;
        job.command(command, now)?;
        if was != JobStatus::Succeed
            && job.status == JobStatus::Succeed
            && let Some(artifact) = job.artifact
        {
            self.live = Some((id, artifact, job.since));
        }
        Ok(())
    }

    /// DeleteJob.
    ///
    /// # Errors
    ///
    /// As the core's.
    pub fn delete(&mut self, id: JobId) -> Result<(), Rejection> {
        let live = self.live.is_some_and(|(live, ..)| live == id);
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return Ok(()) };
        if !job.ended() {
            return Err(Rejection::NotEnded { job: id, status: job.status });
        }
        if live {
            return Err(Rejection::Live { job: id });
        }
        job.deleted = true;
        Ok(())
    }

    /// What a retry of a job deploys.
    ///
    /// # Errors
    ///
    /// As the core's.
    pub fn retry_source(&self, id: JobId) -> Result<Source, Rejection> {
        let job = self.jobs.iter().find(|job| job.id == id).expect("a job that the model has");
        if !job.ended() {
            return Err(Rejection::NotEnded { job: id, status: job.status });
        }
        if let Some(artifact) = job.artifact
            && job.new.source != Source::Repository
        {
            return Ok(Source::Artifact(artifact));
        }
        if job.slots.iter().any(Option::is_none) {
            return Err(Rejection::NothingToRetry { job: id });
        }
        Ok(match &job.new.source {
            Source::Zip => Source::UploadOf { job: id, uploads: Uploads::Zip(job.slots[0]), files: Box::new([]) },
            Source::Files(files) => {
                let full = files.chunks(64).map(|chunk| u64::MAX >> (64 - chunk.len())).collect();
                Source::UploadOf { job: id, uploads: Uploads::Files(full), files: files.clone() }
            }
            other @ (Source::Url { .. } | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository) => {
                other.clone()
            }
        })
    }

    fn waiting(&self) -> Option<JobId> {
        self.jobs.iter().find(|job| job.is(JobStatus::Created) || job.is(JobStatus::Pending)).map(|job| job.id)
    }

    fn working(&self) -> Option<(JobId, bool)> {
        let has_runner = |job: &&ModelJob| {
            job.is(JobStatus::Provisioning) || job.is(JobStatus::Running) || job.is(JobStatus::Cancelling)
        };
        self.jobs.iter().find(has_runner).map(|job| (job.id, job.is(JobStatus::Cancelling)))
    }

    /// Panics where the core's branch is not this one.
    pub fn compare(&self, branch: &windlass::Branch) {
        assert_eq!(branch.waiting(), self.waiting());
        assert_eq!(branch.working().map(|w| (w.job, w.cancelling)), self.working());
        assert_eq!(branch.live().map(|live| (live.job, live.artifact, live.since.timestamp_millis())), self.live);
        assert_eq!(branch.last(), self.jobs.len() as u64);
        assert_eq!(branch.jobs(), self.jobs.iter().filter(|job| !job.deleted).count() as u64);
    }

    /// Panics where the core's job is not the one of this number here.
    pub fn compare_job(&self, job: &Job) {
        let model = self.jobs.iter().find(|model| model.id == job.id()).expect("a job that the model has");
        model.compare(job);
    }
}

impl ModelJob {
    fn is(&self, status: JobStatus) -> bool {
        self.status == status
    }

    fn has_runner_at_work(&self) -> bool {
        self.is(JobStatus::Provisioning) || self.is(JobStatus::Running)
    }

    fn ended(&self) -> bool {
        self.is(JobStatus::Failed) || self.is(JobStatus::Succeed) || self.is(JobStatus::Cancelled)
    }

    fn limit(&self) -> Option<(Limit, u32)> {
        let Limits { upload, queue, provision, build, cancel } = self.new.limits;
        if self.is(JobStatus::Created) {
            Some((Limit::Upload, upload))
        } else if self.is(JobStatus::Pending) {
            Some((Limit::Queue, queue))
        } else if self.is(JobStatus::Provisioning) {
            Some((Limit::Provision, provision))
        } else if self.is(JobStatus::Running) {
            Some((Limit::Build, build))
        } else if self.is(JobStatus::Cancelling) {
            Some((Limit::Cancel, cancel))
        } else {
            None
        }
    }

    fn let_time_pass(&mut self, now: i64) {
        let Some((limit, seconds)) = self.limit() else { return };
        if now < self.since + i64::from(seconds) * 1000 {
            return;
        }
        if limit == Limit::Cancel {
            let cause = Cause::Stopped { by: self.stopped_by.clone() };
            self.end(JobStatus::Cancelled, Some(cause), now);
        } else {
            let cause = Cause::Expired { limit, seconds: seconds.into(), step: self.open() };
            self.end(JobStatus::Failed, Some(cause), now);
        }
    }

    fn command(&mut self, command: &Command, now: i64) -> Result<(), Rejection> {
        match command {
            Command::Upload { slot, object } => {
                self.must_be(self.is(JobStatus::Created), EventKind::Uploaded)?;
                let Some(place) = self.slots.get_mut(*slot as usize) else {
                    return Err(Rejection::NoSuchSlot { slot: *slot });
                };
                *place = Some(*object);
                self.note(now);
            }
            Command::Start => {
                self.must_be(self.is(JobStatus::Created), EventKind::Started)?;
                let missing = self.slots.iter().filter(|slot| slot.is_none()).count();
                if let Some(first) = self.slots.iter().position(Option::is_none) {
                    let first =
                        if let Source::Files(files) = &self.new.source { &files[first].path } else { "the zip" };
                    return Err(Rejection::UploadsMissing { missing, first: first.into() });
                }
                self.turn(JobStatus::Pending, now);
            }
            Command::Replace { commit } => {
                let ended = matches!(self.status, JobStatus::Succeed | JobStatus::Failed | JobStatus::Cancelled);
                if self.new.source != Source::Repository && !ended {
                    return Err(Rejection::BranchBusy { job: self.id });
                }
                self.must_be(self.is(JobStatus::Pending), EventKind::Replaced)?;
                self.commit = Some(commit.clone());
                self.note(now);
            }
            Command::Stop { by } => {
                if self.is(JobStatus::Created) || self.is(JobStatus::Pending) {
                    self.end(JobStatus::Cancelled, Some(Cause::Stopped { by: by.clone() }), now);
                } else if !self.is(JobStatus::Cancelling) {
                    self.must_be(self.has_runner_at_work(), EventKind::StopRequested)?;
                    self.stopped_by.clone_from(by);
                    self.turn(JobStatus::Cancelling, now);
                    for step in self.steps.iter_mut().flatten().filter(|step| step.ended.is_none()) {
                        step.status = JobStatus::Cancelling;
                    }
                }
            }
            Command::Claim => {
                self.must_be(self.is(JobStatus::Pending), EventKind::Claimed)?;
                self.turn(JobStatus::Provisioning, now);
                self.attempt = 1;
                self.claimed = Some(self.at);
                if self.new.source != Source::Repository {
                    self.turn(JobStatus::Running, now);
                }
            }
            Command::Reclaim { attempt } => {
                self.must_have(*attempt)?;
                self.must_be(self.has_runner_at_work(), EventKind::Reclaimed)?;
                if self.attempt == 3 {
                    self.fail("the runner was lost in each of 3 attempts", now);
                } else {
                    self.attempt += 1;
                    self.steps = [None; 4];
                    self.note(now);
                }
            }
            Command::Report { attempt, report } => {
                self.must_have(*attempt)?;
                self.report(report, now)?;
            }
            Command::Expire => {}
        }
        Ok(())
    }

    fn report(&mut self, report: &Report, now: i64) -> Result<(), Rejection> {
        let running = self.is(JobStatus::Running);
        match report {
            Report::Provisioned => {
                if !running {
                    self.must_be(self.is(JobStatus::Provisioning), EventKind::Provisioned)?;
                    self.turn(JobStatus::Running, now);
                }
            }
            Report::Resolved { commit } => {
                if !self.is(JobStatus::Cancelling) && self.commit.as_ref() == Some(commit) {
                    return Ok(());
                }
                self.must_be(running, EventKind::Resolved)?;
                if self.new.source != Source::Repository {
                    return Err(Rejection::NotBuilt { job: self.id });
                }
                self.commit = Some(commit.clone());
                self.note(now);
            }
            Report::StepStarted(step) => {
                if !self.is(JobStatus::Cancelling) && self.step(*step).is_some() {
                    return Ok(());
                }
                self.must_be(running, EventKind::StepStarted)?;
                if self.open().is_some() || STEPS.iter().any(|other| other >= step && self.step(*other).is_some()) {
                    return Err(Rejection::StepOutOfTurn { step: *step });
                }
                self.note(now);
                *self.step(*step) = Some(ModelStep { started: self.at, ended: None, status: JobStatus::Running });
            }
            Report::StepEnded(step) => {
                let well = self.step(*step).is_some_and(|step| step.status == JobStatus::Succeed);
                if !self.is(JobStatus::Cancelling) && well {
                    return Ok(());
                }
                self.must_be(running, EventKind::StepEnded)?;
                if self.open() != Some(*step) {
                    return Err(Rejection::StepOutOfTurn { step: *step });
                }
                self.note(now);
                self.end_step(JobStatus::Succeed);
            }
            Report::Failed { reason } => {
                let said = matches!(&self.cause, Some(Cause::Failed { reason: known, .. }) if known == reason);
                if !said {
                    self.must_be(self.has_runner_at_work(), EventKind::Failed)?;
                    self.fail(reason, now);
                }
            }
            Report::Skipped { reason } => {
                if !matches!(self.cause, Some(Cause::Skipped { .. })) {
                    self.must_be(running, EventKind::Skipped)?;
                    self.end(JobStatus::Cancelled, Some(Cause::Skipped { reason: reason.clone() }), now);
                }
            }
            Report::Succeeded { artifact } => {
                if self.artifact == Some(*artifact) {
                    return Ok(());
                }
                self.must_be(running, EventKind::Succeeded)?;
                if let Some(step) = self.open() {
                    return Err(Rejection::StepOutOfTurn { step });
                }
                let is_its_own = match &self.new.source {
                    Source::Artifact(old) => artifact == old,
                    Source::UploadOf { job, .. } => artifact.job == *job,
                    Source::Zip | Source::Files(_) | Source::Url { .. } | Source::Repository => artifact.job == self.id,
                };
                if !is_its_own {
                    return Err(Rejection::OtherArtifact { job: artifact.job });
                }
                self.artifact = Some(*artifact);
                self.end(JobStatus::Succeed, None, now);
            }
            Report::Stopped => {
                if !matches!(self.cause, Some(Cause::Stopped { .. })) {
                    self.must_be(self.is(JobStatus::Cancelling), EventKind::Stopped)?;
                    let cause = Cause::Stopped { by: self.stopped_by.clone() };
                    self.end(JobStatus::Cancelled, Some(cause), now);
                }
            }
        }
        Ok(())
    }

    fn must_be(&self, fits: bool, event: EventKind) -> Result<(), Rejection> {
        if fits { Ok(()) } else { Err(Rejection::IllegalTransition { status: self.status, event }) }
    }

    fn must_have(&self, reported: Attempt) -> Result<(), Rejection> {
        if self.attempt != 0 && reported.get() == self.attempt {
            Ok(())
        } else {
            Err(Rejection::StaleAttempt { reported, current: Attempt::new(self.attempt) })
        }
    }

    /// Something happened, and it was no earlier than what happened before.
    fn note(&mut self, now: i64) {
        self.seq += 1;
        self.at = self.at.max(now);
    }

    fn turn(&mut self, status: JobStatus, now: i64) {
        self.note(now);
        self.status = status;
        self.since = self.at;
    }

    fn end(&mut self, status: JobStatus, cause: Option<Cause>, now: i64) {
        self.turn(status, now);
        self.end_step(status);
        self.cause = cause;
    }

    fn fail(&mut self, reason: &str, now: i64) {
        let cause = Cause::Failed { step: self.open(), reason: reason.into() };
        self.end(JobStatus::Failed, Some(cause), now);
    }

    fn step(&mut self, name: StepName) -> &mut Option<ModelStep> {
        &mut self.steps[STEPS.iter().position(|step| *step == name).expect("there are four steps")]
    }

    fn open(&self) -> Option<StepName> {
        let open = self.steps.iter().position(|step| step.is_some_and(|step| step.ended.is_none()));
        open.map(|open| STEPS[open])
    }

    fn end_step(&mut self, status: JobStatus) {
        for step in self.steps.iter_mut().flatten().filter(|step| step.ended.is_none()) {
            (step.ended, step.status) = (Some(self.at), status);
        }
    }

    fn compare(&self, job: &Job) {
        let millis = |time: DateTime<Utc>| time.timestamp_millis();
        assert_eq!(job.status(), self.status);
        assert_eq!((job.seq(), millis(job.at()), millis(job.since())), (self.seq, self.at, self.since));
        assert_eq!(millis(job.started()), self.claimed.unwrap_or(self.created));
        assert_eq!(job.ended().map(millis), self.ended().then_some(self.since));
        let deadline = self.limit().map(|(limit, seconds)| (limit, self.since + i64::from(seconds) * 1000));
        assert_eq!(job.deadline().map(|deadline| (deadline.limit, millis(deadline.at))), deadline);
        assert_eq!(job.attempt().get(), self.attempt);
        assert_eq!((job.cause(), job.artifact()), (self.cause.as_ref(), self.artifact));
        assert_eq!(job.commit(), self.commit.as_deref());
        assert_eq!(job.birth().source, self.new.source);
        for (slot, object) in self.slots.iter().enumerate() {
            assert_eq!(job.uploads().is_filled(slot), object.is_some());
        }
        let zip = if let Uploads::Zip(object) = job.uploads() { *object } else { None };
        assert!(self.new.source != Source::Zip || zip == self.slots[0], "the last zip counts");
        let steps = STEPS.iter().zip(&self.steps).filter_map(|(name, step)| step.map(|step| (*name, step)));
        let steps: Vec<_> = steps.map(|(name, step)| (name, step.started, step.ended, step.status)).collect();
        let known = job.steps().map(|(name, step)| (name, millis(step.started), step.ended.map(millis), step.status));
        assert_eq!(known.collect::<Vec<_>>(), steps);
    }
}
