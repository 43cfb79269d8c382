//! One job in hand: claimed, its steps executed, its end reported.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span};
use windlass::{Artifact, Attempt, Command, Job, JobStatus, Report, Source, StepName};
use windlass_store::{
    Address, Blobs, ExecuteError, Executed, Extras, JobKey, Staged, StoreError, StoredBranch, execute, execute_each,
    keys,
};

use crate::inflight::Hand;
use crate::log::Log;
use crate::runner::Runner;

/// How often a report is tried again while the store is unavailable, with a second between. After that
/// the hold lapses, and the job is claimed again.
const REPORT_TRIES: u32 = 20;

/// A job that this runner has claimed, and whose first step has begun with that.
pub(crate) struct Claimed {
    pub(crate) hand: Hand,
    pub(crate) attempt: Attempt,
    pub(crate) branch: StoredBranch,
    pub(crate) job: Job,
}

/// Why a step did not end well.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The step failed, and this is why, in words for whoever deploys.
    Failed(String),
    /// There is nothing to do, and this is why.
    NothingToDo(String),
    /// The job is to be let go.
    LetGo,
}

/// What an attempt has made: what names it, or is small, rides in the commit that goes live. If none does, nothing is kept.
#[derive(Default)]
pub(crate) struct Made(Vec<(String, Bytes)>);

/// What came of a job's steps, with what is to be kept of them.
#[must_use = "a job that nobody reports is tried again"]
struct Finished {
    claimed: Claimed,
    reports: Vec<(Report, DateTime<Utc>)>,
    /// The parts of the artifact, and what else goes live with it.
    made: Made,
    /// Logs, and what tests made. They are kept however the job ends.
    logs: Vec<(String, Bytes)>,
}

impl Runner {
    /// Sees a job to its end.
    pub(crate) async fn see_to(&self, claimed: Claimed) {
        let mut finished = self.work_on(claimed).await;
        if finished.claimed.let_go().is_cancelled() {
            finished.let_go(self);
        }
        self.report(finished).instrument(info_span!("report")).await;
    }

    async fn work_on(&self, claimed: Claimed) -> Finished {
        let mut finished = Finished { claimed, reports: Vec::new(), made: Made::default(), logs: Vec::new() };
        match self.execute_steps(&mut finished).await {
            Ok(artifact) => finished.say(self, Report::Succeeded { artifact }),
            Err(Halt::Failed(reason)) => finished.say(self, Report::Failed { reason: reason.into() }),
            Err(Halt::NothingToDo(reason)) => finished.say(self, Report::Skipped { reason: reason.into() }),
            Err(Halt::LetGo) => finished.let_go(self),
        }
        finished
    }

    /// Executes the steps in turn. A build is long, so its steps are reported as they come; what comes after it is short
    /// and reported with the end.
    async fn execute_steps(&self, finished: &mut Finished) -> Result<Artifact, Halt> {
        let needs_build = finished.claimed.job.birth().source.needs_build();
        let built = if needs_build { Some(self.execute_build(finished).await?) } else { None };
        let deploy = Log::new(self.0.clock.clone());
        finished.claimed.introduce(&deploy);
        let key = finished.claimed.log_key(StepName::Deploy);
        let work = self.deploy(&finished.claimed, built, &deploy, &mut finished.made);
        let deployed = deploy.kept_while(&*self.0.store, &key, work).instrument(info_span!("deploy")).await;
        finished.keep_log(StepName::Deploy, &deploy);
        let deployed = deployed?;
        finished.say(self, Report::StepEnded(StepName::Deploy));
        finished.say(self, Report::StepStarted(StepName::Verify));
        let verify = Log::new(self.0.clock.clone());
        let verified = self.verify(&finished.claimed, &deployed, &verify).instrument(info_span!("verify")).await;
        finished.keep_log(StepName::Verify, &verify);
        verified?;
        finished.say(self, Report::StepEnded(StepName::Verify));
        Ok(deployed.artifact)
    }

    /// Executes BUILD, and TEST where the specification has one. Answers the zip of what was built.
    async fn execute_build(&self, finished: &mut Finished) -> Result<Staged, Halt> {
        let log = Log::new(self.0.clock.clone());
        finished.claimed.introduce(&log);
        let key = finished.claimed.log_key(StepName::Build);
        let work = self.build(&finished.claimed, &log);
        let built = log.kept_while(&*self.0.store, &key, work).instrument(info_span!("build")).await;
        finished.keep_log(StepName::Build, &log);
        let built = built?;
        let mut ended = StepName::Build;
        if built.has_tests() {
            self.move_on(finished, StepName::Build, StepName::Test).await?;
            ended = StepName::Test;
            let log = Log::new(self.0.clock.clone());
            let key = finished.claimed.log_key(StepName::Test);
            let work = self.test(&finished.claimed, &built, &log);
            let (tested, made) = log.kept_while(&*self.0.store, &key, work).instrument(info_span!("test")).await;
            finished.keep_log(StepName::Test, &log);
            finished.logs.extend(made);
            tested?;
        }
        self.move_on(finished, ended, StepName::Deploy).await?;
        if let Some(headers) = built.headers {
            finished
                .made
                .0
                .push((keys::headers_by(&finished.claimed.branch.app, finished.claimed.key()), headers.into()));
        }
        Ok(built.zip)
    }

    /// Reports that one step has ended and the next begun, with the logs so far.
    async fn move_on(&self, finished: &mut Finished, from: StepName, to: StepName) -> Result<(), Halt> {
        let logs = std::mem::take(&mut finished.logs);
        self.tell(&finished.claimed, &[Report::StepEnded(from), Report::StepStarted(to)], &logs).await
    }

    /// Brings reports before the job at once.
    pub(crate) async fn tell(
        &self,
        claimed: &Claimed,
        reports: &[Report],
        blobs: &[(String, Bytes)],
    ) -> Result<(), Halt> {
        let (attempt, now) = (claimed.attempt, self.0.clock.now());
        let commands: Vec<_> =
            reports.iter().map(|report| (Command::Report { attempt, report: report.clone() }, now)).collect();
        match self.say_until_heard(claimed, &commands, blobs).await {
            Some(Ok(Executed { answer: Ok(()), .. })) => Ok(()),
            // It was stopped, or is another runner's.
            Some(Ok(Executed { answer: Err(_), .. }) | Err(_)) | None => {
                if let Err(error) = self.keep_logs(blobs.to_vec()).await {
                    tracing::warn!("cannot keep a log: {error}");
                }
                Err(Halt::LetGo)
            }
        }
    }

    /// Reports the end. What is kept of the job rides in the same transaction.
    async fn report(&self, finished: Finished) {
        let Finished { claimed, reports, made, logs } = finished;
        let artifact = match reports.last() {
            Some((Report::Succeeded { artifact }, _)) => Some(*artifact),
            Some(_) | None => None,
        };
        let riding = if artifact.is_some() { made.0 } else { Vec::new() };
        let blobs: Vec<_> = riding.into_iter().chain(logs.iter().cloned()).collect();
        let attempt = claimed.attempt;
        let commands: Vec<_> =
            reports.into_iter().map(|(report, at)| (Command::Report { attempt, report }, at)).collect();
        let Some(reported) = self.say_until_heard(&claimed, &commands, &blobs).await else { return };
        // The job says what went live, not the answer: an earlier one may have been lost.
        let is_live = artifact.is_some() && reported.as_ref().is_ok_and(|reported| reported.job.artifact() == artifact);
        match reported {
            Ok(_) if is_live => {
                if blobs.iter().any(|(key, _)| key.starts_with(keys::HEADERS)) {
                    // At once, though the next sweep would find them.
                    self.sweep_headers().await;
                }
                self.tidy(&claimed).await;
            }
            Ok(Executed { answer: Ok(()), .. }) => {}
            Ok(Executed { job, .. }) => self.was_refused(&claimed, &job, logs).await,
            // The branch was deleted under the job, and what it made with it.
            Err(ExecuteError::NoBranch | ExecuteError::NoJob | ExecuteError::Repeat(_) | ExecuteError::Store(_)) => {}
        }
    }

    /// Brings reports before the job, again and again while the store is unavailable. `None` if it stays so: then
    /// nobody knows what was stored, the hold lapses, and the job is claimed again.
    async fn say_until_heard(
        &self,
        claimed: &Claimed,
        commands: &[(Command, DateTime<Utc>)],
        blobs: &[(String, Bytes)],
    ) -> Option<Result<Executed, ExecuteError>> {
        let commands: Vec<_> = commands.iter().map(|(command, at)| (command, *at)).collect();
        for _ in 0..REPORT_TRIES {
            let extras = Extras { blobs: blobs.to_vec(), ..Extras::default() };
            // A build is reported as it goes on. All other jobs are most likely as they were when they were claimed.
            let address = if claimed.job.birth().source.needs_build() {
                Address::Key(claimed.key())
            } else {
                Address::Seen(&claimed.branch, &claimed.job)
            };
            match execute_each(&*self.0.store, address, &commands, extras).await {
                Err(ExecuteError::Store(error)) => tracing::warn!("cannot report job {}: {error}", claimed.job.id()),
                heard => return Some(heard),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        None
    }

    /// The job does not take the report: it was stopped or ended meanwhile, or is another runner's.
    async fn was_refused(&self, claimed: &Claimed, job: &Job, logs: Vec<(String, Bytes)>) {
        let (key, attempt) = (claimed.key(), claimed.attempt);
        let stored = if job.attempt() == attempt && job.status() == JobStatus::Cancelling {
            let stopped = [Command::Report { attempt, report: Report::Stopped }];
            let extras = Extras { blobs: logs, ..Extras::default() };
            execute(&*self.0.store, Address::Key(key), &stopped, self.0.clock.now(), extras).await.map(drop)
        } else {
            self.keep_logs(logs).await.map_err(ExecuteError::from)
        };
        if let Err(error) = stored {
            // Time will confirm a stop, and a log is no more than a log.
            tracing::warn!("cannot confirm the end of job {}: {error}", key.job);
        }
    }

    async fn keep_logs(&self, logs: Vec<(String, Bytes)>) -> Result<(), StoreError> {
        for (key, log) in logs {
            self.0.store.put_blob(&key, log).await?;
        }
        Ok(())
    }

    /// Deletes the uploaded files that were packed into an artifact.
    async fn tidy(&self, claimed: &Claimed) {
        match &claimed.job.birth().source {
            Source::Files(_) => self.discard(&keys::files(claimed.key())).await,
            Source::Zip | Source::Url { .. } | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository => {}
        }
    }

    async fn discard(&self, prefix: &str) {
        if let Err(error) = self.0.blobs.delete(prefix).await {
            tracing::warn!("{prefix} stays until everything is looked through: {error}");
        }
    }
}

impl Made {
    /// Makes a part ready to be kept.
    pub(crate) async fn keep(&mut self, blobs: &Blobs, key: String, staged: Staged) -> Result<(), StoreError> {
        self.0.extend(blobs.keep(key, staged).await?);
        Ok(())
    }
}

impl Claimed {
    pub(crate) const fn key(&self) -> JobKey {
        self.hand.key()
    }

    /// Fires when the job is to be let go.
    pub(crate) const fn let_go(&self) -> &CancellationToken {
        self.hand.let_go()
    }

    /// Where this attempt's log of a step is kept. Each attempt has its own, so that none can take away what another wrote.
    fn log_key(&self, step: StepName) -> String {
        keys::log(self.key(), step.as_ref(), self.attempt)
    }

    /// Says in the log of an attempt that is not the first why there is another.
    fn introduce(&self, log: &Log) {
        let attempt = self.attempt.get();
        if attempt > 1 {
            log.warning(format_args!("The runner was lost; this is attempt {attempt}, which begins again"));
        }
    }

    /// Where the zip that is made of the job's content will be kept under the number `object`: with the job whose
    /// content it is, which is kept as long as anyone needs it.
    pub(crate) fn artifact(&self, object: u64) -> Artifact {
        self.job.artifact_kept_as(object)
    }
}

impl Finished {
    fn say(&mut self, runner: &Runner, report: Report) {
        self.reports.push((report, runner.0.clock.now()));
    }

    /// Stopped, expired or taken from us: whatever is finished, it does not go live.
    fn let_go(&mut self, runner: &Runner) {
        self.reports.clear();
        self.say(runner, Report::Stopped);
    }

    fn keep_log(&mut self, step: StepName, log: &Log) {
        self.logs.push((self.claimed.log_key(step), log.text()));
    }
}
