//! One job in hand: claimed, its steps executed, its end reported.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
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

/// A job that this runner has claimed.
pub(crate) struct Claimed {
    hand: Hand,
    attempt: Attempt,
    /// The step that was started with the claim.
    first: StepName,
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

/// What an attempt has made and keeps.
#[derive(Default)]
pub(crate) struct Made {
    /// Those that no other attempt uses. They go unless the job goes live.
    keys: Vec<String>,
    /// The small ones, which ride in the commit that goes live.
    riding: Vec<(String, Bytes)>,
}

/// What came of a job's steps, with what is to be kept of them.
#[must_use = "a job that nobody reports is tried again"]
struct Finished {
    claimed: Claimed,
    reports: Vec<(Report, DateTime<Utc>)>,
    /// The parts of the artifact. They stay only if it goes live.
    made: Made,
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
                Ok(Some(Claimed { hand, attempt, first, branch, job }))
            }
            // Someone was faster, or it was stopped.
            Err(rejection) => {
                tracing::debug!(job = %key.job, "not claimed: {rejection}");
                Ok(None)
            }
        }
    }

    async fn work_on(&self, claimed: Claimed) -> Finished {
        let mut finished = Finished { claimed, reports: Vec::new(), made: Made::default(), logs: Vec::new() };
        let mut deploy = Log::new(self.0.clock.clone());
        let deployed = self.deploy(&finished.claimed, &mut deploy, &mut finished.made).await;
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
        finished.keep_log(finished.claimed.first, deploy);
        match verified {
            Ok(artifact) => {
                finished.say(self, Report::StepEnded(StepName::Verify));
                finished.say(self, Report::Succeeded { artifact });
            }
            Err(Halt::Failed(reason)) => finished.say(self, Report::Failed { reason: reason.into() }),
            Err(Halt::LetGo) => finished.let_go(self),
        }
        finished
    }

    /// Reports the end. What is kept of the job rides in the same transaction.
    async fn report(&self, finished: Finished) {
        let Finished { claimed, reports, made, logs } = finished;
        let artifact = match reports.last() {
            Some((Report::Succeeded { artifact }, _)) => Some(*artifact),
            Some(_) | None => None,
        };
        let riding = if artifact.is_some() { made.riding } else { Vec::new() };
        let blobs: Vec<_> = riding.into_iter().chain(logs.iter().cloned()).collect();
        let attempt = claimed.attempt;
        let commands: Vec<_> =
            reports.into_iter().map(|(report, at)| (Command::Report { attempt, report }, at)).collect();
        let Some(reported) = self.say_until_heard(claimed.key(), &commands, &blobs).await else { return };
        // The job says what went live, not the answer: an earlier one may have been lost.
        let is_live = artifact.is_some() && reported.as_ref().is_ok_and(|reported| reported.job.artifact() == artifact);
        match reported {
            Ok(_) if is_live => self.tidy(&claimed).await,
            Ok(Executed { answer: Ok(()), .. }) => {}
            Ok(Executed { job, .. }) => self.was_refused(&claimed, &job, logs).await,
            // The branch was deleted under the job, and what was kept for it since is nobody's.
            Err(ExecuteError::NoBranch) => self.discard(&keys::branch(claimed.key().branch)).await,
            Err(ExecuteError::NoJob | ExecuteError::Repeat(_) | ExecuteError::Store(_)) => {}
        }
        if !is_live {
            // Only what this attempt made: all else may be what another job deploys.
            for key in made.keys {
                self.discard(&key).await;
            }
        }
    }

    /// Brings reports before the job, again and again while the store is unavailable. `None` if it stays so: then
    /// nobody knows what was stored, the hold lapses, and the job is claimed again.
    async fn say_until_heard(
        &self,
        key: JobKey,
        commands: &[(Command, DateTime<Utc>)],
        blobs: &[(String, Bytes)],
    ) -> Option<Result<Executed, ExecuteError>> {
        let commands: Vec<_> = commands.iter().map(|(command, at)| (command, *at)).collect();
        for _ in 0..REPORT_TRIES {
            let extras = Extras { blobs: blobs.to_vec(), ..Extras::default() };
            match execute_each(&*self.0.store, Address::Key(key), &commands, extras).await {
                Err(ExecuteError::Store(error)) => tracing::warn!("cannot report job {}: {error}", key.job),
                heard => return Some(heard),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        None
    }

    /// The job does not take the report: it was stopped or ended meanwhile, or is another runner's.
    async fn was_refused(&self, claimed: &Claimed, job: &Job, logs: Vec<(String, Bytes)>) {
        let (key, attempt) = (claimed.key(), claimed.attempt);
        if job.attempt() != attempt {
            return;
        }
        let stored = if job.status() == JobStatus::Cancelling {
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
            tracing::warn!("cannot delete {prefix}: {error}");
        }
    }
}

impl Made {
    /// Keeps a part under a key that is this attempt's alone.
    pub(crate) async fn keep(&mut self, blobs: &Blobs, key: String, staged: Staged) -> Result<(), StoreError> {
        self.keys.push(key.clone());
        self.share(blobs, key, staged).await
    }

    /// Keeps a part under a key that others use as well, who keep the same under it: another attempt, or a retry that
    /// deploys the same upload and may be live before this attempt has ended.
    pub(crate) async fn share(&mut self, blobs: &Blobs, key: String, staged: Staged) -> Result<(), StoreError> {
        self.riding.extend(blobs.keep(key, staged).await?);
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

    fn keep_log(&mut self, step: StepName, log: Log) {
        self.logs.push((keys::log(self.claimed.key(), step.as_ref()), log.into_bytes().into()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_store::{Directory, MemoryStore};

    use super::*;

    #[tokio::test]
    async fn what_others_may_use_is_not_an_attempts_to_delete() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = Directory::open(directory.path()).expect("an empty one");
        let blobs = Blobs::new(Arc::new(MemoryStore::new([0; 32])), Arc::new(directory));
        let mut made = Made::default();
        let part = || Staged::Inline(Bytes::from_static(b"part"));
        made.keep(&blobs, "1/own.zip".to_owned(), part()).await.expect("room");
        made.share(&blobs, "1/uploaded.index".to_owned(), part()).await.expect("room");
        assert_eq!(made.keys, ["1/own.zip"]);
        assert_eq!(made.riding.len(), 2);
    }
}
