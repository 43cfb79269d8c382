//! One job in hand: claimed, its steps executed, its end reported.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use windlass::{Artifact, Attempt, Command, Job, JobStatus, Report, StepName};
use windlass_store::{Address, ExecuteError, Executed, Extras, JobKey, StoredBranch, execute, execute_each, keys};

use crate::inflight::Hand;
use crate::log::Log;
use crate::runner::Runner;

/// How often a report is tried again while the store is unavailable, with a second between. After that
/// the hold lapses, and the job is claimed again.
const REPORT_TRIES: u32 = 20;

/// A job that this runner has claimed.
pub(crate) struct Claimed {
    hand: Hand,
    attempt: Attempt,
    pub(crate) branch: StoredBranch,
    pub(crate) job: Job,
}

/// Why a step did not end well.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The step failed, and this is why, in words for whoever deploys.
    Failed(String),
    /// The job is to be let go.
    LetGo,
}

/// What came of a job's steps, with what is to be kept of them.
#[must_use = "a job that nobody reports is tried again"]
struct Finished {
    claimed: Claimed,
    reports: Vec<(Report, DateTime<Utc>)>,
    /// Small parts of the artifact. They are kept only if it goes live.
    artifact: Vec<(String, Bytes)>,
    /// They are kept however the job ends.
    logs: Vec<(String, Bytes)>,
}

impl Runner {
    /// Claims the job and sees it to its end.
    pub(crate) async fn take(&self, hand: Hand, lost: bool) {
        let key = hand.key();
        let claimed = match self.claim(hand, lost).await {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!("cannot claim job {}: {error}", key.job);
                return;
            }
        };
        let mut finished = self.work_on(claimed).await;
        if finished.claimed.let_go().is_cancelled() {
            finished.let_go(self);
        }
        self.report(finished).await;
    }

    /// Claims a job and starts its first step, in one transaction. `None` when there is nothing to do after all.
    async fn claim(&self, hand: Hand, lost: bool) -> Result<Option<Claimed>, ExecuteError> {
        let (store, key) = (&*self.0.store, hand.key());
        let Some(job) = store.job(key).await? else { return Ok(None) };
        let (claim, attempt) = if lost {
            let lost = job.attempt();
            (Command::Reclaim { attempt: lost }, lost.next())
        } else {
            (Command::Claim, Some(Attempt::new(1)))
        };
        let Some(attempt) = attempt else {
            // It has been lost once too often: claiming it ends it.
            execute(store, Address::Key(key), &[claim], self.0.clock.now(), Extras::default()).await?;
            return Ok(None);
        };
        let first = if job.birth().source.needs_build() { StepName::Build } else { StepName::Deploy };
        let commands = [
            claim,
            Command::Report { attempt, report: Report::Provisioned },
            Command::Report { attempt, report: Report::StepStarted(first) },
        ];
        let extras = Extras { lease: Some(self.lease()), ..Extras::default() };
        let Executed { branch, job, answer } =
            execute(store, Address::Key(key), &commands, self.0.clock.now(), extras).await?;
        match answer {
            Ok(()) => {
                hand.hold();
                Ok(Some(Claimed { hand, attempt, branch, job }))
            }
            // Someone was faster, or it was stopped.
            Err(rejection) => {
                tracing::debug!(job = %key.job, "not claimed: {rejection}");
                Ok(None)
            }
        }
    }

    async fn work_on(&self, claimed: Claimed) -> Finished {
        let mut finished = Finished { claimed, reports: Vec::new(), artifact: Vec::new(), logs: Vec::new() };
        let mut deploy = Log::new(self.0.clock.clone());
        let deployed = self.deploy(&finished.claimed, &mut deploy, &mut finished.artifact).await;
        let verified = match deployed {
            Ok(deployed) => {
                finished.say(self, Report::StepEnded(StepName::Deploy));
                finished.say(self, Report::StepStarted(StepName::Verify));
                let mut verify = Log::new(self.0.clock.clone());
                let verified = self.verify(&finished.claimed, &deployed, &mut verify).await;
                finished.keep_log(StepName::Verify, verify);
                verified.map(|()| deployed.artifact)
            }
            Err(halt) => Err(halt),
        };
        finished.keep_log(StepName::Deploy, deploy);
        match verified {
            Ok(artifact) => {
                finished.say(self, Report::StepEnded(StepName::Verify));
                finished.say(self, Report::Succeeded { artifact });
            }
            Err(Halt::Failed(reason)) => {
                finished.artifact.clear();
                finished.say(self, Report::Failed { reason: reason.into() });
            }
            Err(Halt::LetGo) => finished.let_go(self),
        }
        finished
    }

    /// Reports the end. What is kept of the job rides in the same transaction.
    async fn report(&self, finished: Finished) {
        let Finished { claimed, reports, artifact, logs } = finished;
        let key = claimed.key();
        let blobs: Vec<_> = artifact.into_iter().chain(logs).collect();
        let attempt = claimed.attempt;
        let commands: Vec<_> =
            reports.into_iter().map(|(report, at)| (Command::Report { attempt, report }, at)).collect();
        let commands: Vec<_> = commands.iter().map(|(command, at)| (command, *at)).collect();
        for _ in 0..REPORT_TRIES {
            let extras = Extras { lease: None, blobs: blobs.clone() };
            match execute_each(&*self.0.store, Address::Key(key), &commands, extras).await {
                Ok(Executed { job, answer, .. }) => {
                    if job.status() == JobStatus::Cancelling && answer.is_err() {
                        // It was stopped while the report was on its way.
                        self.confirm_stop(key, attempt).await;
                    }
                    self.tidy(&claimed, &job).await;
                    return;
                }
                Err(ExecuteError::NoBranch) => {
                    // The branch was deleted under the job, and what was kept for it since is nobody's.
                    self.discard(&keys::branch(key.branch)).await;
                    return;
                }
                Err(ExecuteError::NoJob) => {
                    self.discard(&keys::job(key)).await;
                    return;
                }
                Err(ExecuteError::Store(error)) => tracing::warn!("cannot report job {}: {error}", key.job),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn confirm_stop(&self, key: JobKey, attempt: Attempt) {
        let stopped = Command::Report { attempt, report: Report::Stopped };
        let now = self.0.clock.now();
        if let Err(error) = execute(&*self.0.store, Address::Key(key), &[stopped], now, Extras::default()).await {
            // Time will confirm it then.
            tracing::warn!("cannot confirm the stop of job {}: {error}", key.job);
        }
    }

    /// Deletes the uploaded files that were packed into an artifact.
    async fn tidy(&self, claimed: &Claimed, job: &Job) {
        if job.status() == JobStatus::Succeed && job.birth().source.slots() > 1 {
            self.discard(&keys::files(claimed.key())).await;
        }
    }

    async fn discard(&self, prefix: &str) {
        if let Err(error) = self.0.blobs.delete(prefix).await {
            tracing::warn!("cannot delete {prefix}: {error}");
        }
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

    /// Where the zip that is made of the job's content will be kept under the number `object`: with the job whose
    /// content it is, which is kept as long as anyone needs it.
    pub(crate) fn artifact(&self, object: u64) -> Artifact {
        Artifact { job: self.job.content_of(), object }
    }
}

impl Finished {
    fn say(&mut self, runner: &Runner, report: Report) {
        self.reports.push((report, runner.0.clock.now()));
    }

    /// Stopped, expired or taken from us: whatever is finished, it does not go live.
    fn let_go(&mut self, runner: &Runner) {
        self.reports.clear();
        self.artifact.clear();
        self.say(runner, Report::Stopped);
    }

    fn keep_log(&mut self, step: StepName, log: Log) {
        self.logs.push((keys::log(self.claimed.key(), step.as_ref()), log.into_bytes().into()));
    }
}
