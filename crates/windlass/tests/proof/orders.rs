//! What anyone may ask of a branch and its jobs, and what the branch decides.

use std::{fmt, iter};

use chrono::{DateTime, Utc};
use windlass::{
    Attempt, Branch, Change, Command, Commit, Job, JobId, JobType, Limits, NewJob, Place, Report, Source,
    SourceUrlType, StepName,
};

use crate::world::Belief;

/// The limits of every job here. They are short, because only their proportion to the ticks of the true time and
/// to the error of the clocks matters.
pub(crate) const LIMITS: Limits = Limits { upload: 240, queue: 360, provision: 120, build: 240, cancel: 120 };

/// What a server is asked to do. Whoever gets no answer asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Order {
    /// CreateDeployment without a file map.
    CreateDeployment,
    /// StartDeployment with a source URL.
    DeployUrl,
    /// StartJob of type RELEASE, for which the branch has to be free.
    Release,
    /// A commit to build as soon as may be: it waits behind the job that works, or takes the place of the one that
    /// waits.
    Push,
    /// StartJob of type RETRY.
    Retry { job: JobId },
    /// The zip arrives.
    Upload { job: JobId },
    /// StartDeployment with a number.
    Start { job: JobId },
    /// StopJob.
    Stop { job: JobId },
    /// DeleteJob.
    Delete { job: JobId },
    /// A runner takes a job, and begins its first step in the same transaction if it goes whole.
    Claim { job: JobId, whole: bool },
    /// A runner takes over from one that it believes is lost.
    Reclaim { job: JobId, lost: Attempt, whole: bool },
    /// A runner reports.
    Report { job: JobId, attempt: Attempt, words: Words },
    /// The sweeper thinks that a job's time is up.
    Expire { job: JobId },
}

/// What a runner says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Words {
    Provisioned,
    Resolves,
    Begins(StepName),
    Ends(StepName),
    Fails,
    Skips,
    Succeeds,
    Stopped,
}

impl Order {
    /// The job that it is for, unless it asks for a new one.
    pub(crate) const fn job(self) -> Option<JobId> {
        match self {
            Self::CreateDeployment | Self::DeployUrl | Self::Release | Self::Push | Self::Retry { .. } => None,
            Self::Upload { job }
            | Self::Start { job }
            | Self::Stop { job }
            | Self::Delete { job }
            | Self::Claim { job, .. }
            | Self::Reclaim { job, .. }
            | Self::Report { job, .. }
            | Self::Expire { job } => Some(job),
        }
    }

    /// What the runner believes that sent it as a report.
    pub(crate) const fn belief(self) -> Option<Belief> {
        let Self::Report { job, attempt, words } = self else { return None };
        Some(Belief { job, attempt, words })
    }

    /// The attempt that it speaks of.
    pub(crate) const fn attempt(self) -> Option<Attempt> {
        if let Self::Reclaim { lost: attempt, .. } | Self::Report { attempt, .. } = self { Some(attempt) } else { None }
    }

    /// What a runner believes whose order was obeyed, or nothing where its work is done.
    pub(crate) fn obeyed(self, job: &Job) -> Option<Belief> {
        let script = Words::script(job);
        let (attempt, said) = if let Self::Claim { whole, .. } = self {
            (Attempt::new(1), if whole { Words::opening(job).len() } else { 0 })
        } else if let Self::Reclaim { lost, whole, .. } = self {
            // After the last attempt there is none: the job has failed.
            (lost.next()?, if whole { Words::opening(job).len() } else { 0 })
        } else {
            let Belief { attempt, words, .. } = self.belief()?;
            (attempt, 1 + script.iter().position(|other| *other == words)?)
        };
        Some(Belief { job: job.id(), attempt, words: *script.get(said)? })
    }

    /// What the branch decides. `None` where there is no such job, or no room for a new one.
    pub(crate) fn decide<'a>(
        self,
        branch: &Branch,
        find: impl Fn(JobId) -> Option<&'a Job>,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        let create = |new| branch.create(new, now).ok();
        let command = |job, command| Some(branch.handle(find(job)?, &command, now));
        match self {
            Self::CreateDeployment => create(new(JobType::Manual, Source::Zip)),
            Self::DeployUrl => {
                let url = Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip };
                create(new(JobType::Manual, url))
            }
            Self::Release => create(release()),
            Self::Push => match branch.place_for_push() {
                Place::New => branch.push(release(), now).ok(),
                Place::Replaces(waiting) => {
                    let job = find(waiting)?;
                    Some(branch.handle(job, &Command::Replace { commit: Box::new(newer(job.commit())) }, now))
                }
            },
            Self::Retry { job } => {
                let old = find(job)?;
                let commit = old.commit().cloned();
                create(NewJob { commit, retries: Some(job), ..new(JobType::Retry, old.retry_source().ok()?) })
            }
            Self::Upload { job } => command(job, Command::Upload { slot: 0, object: 1 }),
            Self::Start { job } => command(job, Command::Start),
            Self::Stop { job } => command(job, Command::Stop { by: Some("Ann".into()) }),
            // A deletion is no command: it leaves no record.
            Self::Delete { .. } => None,
            Self::Claim { job, whole } => Some(take(branch, find(job)?, Command::Claim, Attempt::new(1), whole, now)),
            Self::Reclaim { job, lost, whole } => {
                let next = Attempt::new(lost.get() + 1);
                Some(take(branch, find(job)?, Command::Reclaim { attempt: lost }, next, whole, now))
            }
            Self::Report { job, attempt, words } => {
                let job = find(job)?;
                Some(branch.handle(job, &words.command(job, attempt), now))
            }
            Self::Expire { job } => command(job, Command::Expire),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateDeployment => f.write_str("CreateDeployment"),
            Self::DeployUrl => f.write_str("StartDeployment of a URL"),
            Self::Release => f.write_str("StartJob RELEASE"),
            Self::Push => f.write_str("a push"),
            Self::Retry { job } => write!(f, "StartJob RETRY of job {job}"),
            Self::Upload { job } => write!(f, "the upload to job {job}"),
            Self::Start { job } => write!(f, "StartDeployment of job {job}"),
            Self::Stop { job } => write!(f, "StopJob of job {job}"),
            Self::Delete { job } => write!(f, "DeleteJob of job {job}"),
            Self::Claim { job, .. } => write!(f, "a claim of job {job}"),
            Self::Reclaim { job, lost, .. } => write!(f, "a takeover of job {job} from attempt {lost}"),
            Self::Report { job, attempt, words } => write!(f, "the report {words:?} of job {job}, attempt {attempt}"),
            Self::Expire { job } => write!(f, "the sweeper's look at job {job}"),
        }
    }
}

/// A runner takes a job. It reports the environment and the first step in the same transaction if it goes whole.
fn take(branch: &Branch, job: &Job, claim: Command, attempt: Attempt, whole: bool, now: DateTime<Utc>) -> Change {
    let opening = Words::opening(job).iter().filter(|_| whole);
    let reports = opening.map(|words| words.command(job, attempt));
    let commands: Vec<_> = iter::once(claim).chain(reports).collect();
    branch.handle_all(job, &commands, now)
}

impl Words {
    /// What a runner says of a job with which all goes well, in turn.
    pub(crate) fn script(job: &Job) -> &'static [Self] {
        if job.birth().source.needs_build() {
            &[
                Self::Provisioned,
                Self::Resolves,
                Self::Begins(StepName::Build),
                Self::Ends(StepName::Build),
                Self::Succeeds,
            ]
        } else {
            &[Self::Begins(StepName::Deploy), Self::Ends(StepName::Deploy), Self::Succeeds]
        }
    }

    /// As much of it as ends with the beginning of the first step.
    fn opening(job: &Job) -> &'static [Self] {
        let script = Self::script(job);
        let begins = script.iter().position(|words| matches!(words, Self::Begins(_)));
        &script[..begins.map_or(0, |begins| begins + 1)]
    }

    /// Everything that can be said of a job.
    pub(crate) fn all(job: &Job) -> impl Iterator<Item = Self> {
        Self::script(job).iter().copied().chain([Self::Fails, Self::Skips, Self::Stopped])
    }

    /// Whether nothing follows.
    pub(crate) const fn is_last(self) -> bool {
        match self {
            Self::Fails | Self::Skips | Self::Succeeds | Self::Stopped => true,
            Self::Provisioned | Self::Resolves | Self::Begins(_) | Self::Ends(_) => false,
        }
    }

    /// The command of a runner that says so.
    pub(crate) fn command(self, job: &Job, attempt: Attempt) -> Command {
        let report = match self {
            Self::Provisioned => Report::Provisioned,
            // What a runner finds in the repository is not what the job was made for.
            Self::Resolves => Report::Resolved { commit: Box::new(commit("c3")) },
            Self::Begins(step) => Report::StepStarted(step),
            Self::Ends(step) => Report::StepEnded(step),
            Self::Fails => Report::Failed { reason: "no index.html".into() },
            Self::Skips => Report::Skipped { reason: "nothing changed".into() },
            // Each attempt has an artifact of its own, so that a mix-up shows.
            Self::Succeeds => Report::Succeeded { artifact: job.artifact_kept_as(attempt.get().into()) },
            Self::Stopped => Report::Stopped,
        };
        Command::Report { attempt, report }
    }
}

fn new(job_type: JobType, source: Source) -> NewJob {
    NewJob { job_type, limits: LIMITS, ..NewJob::manual(source) }
}

fn release() -> NewJob {
    NewJob { commit: Some(commit("a1")), ..new(JobType::Release, Source::Repository) }
}

/// One of two commits, in turn.
pub(crate) fn newer(than: Option<&Commit>) -> Commit {
    commit(if than.is_some_and(|commit| &*commit.id == "a1") { "b2" } else { "a1" })
}

fn commit(id: &str) -> Commit {
    Commit { id: id.into(), message: "Shorter".into(), time: DateTime::UNIX_EPOCH }
}
