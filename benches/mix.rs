//! Jobs as they lie in a store: most are zips that went live, many are builds of a commit, some wait for their upload.

use chrono::TimeDelta;
use windlass::{Artifact, Attempt, Command, Commit, Job, JobId, JobType, NewJob, Report, Source, StepName};

use crate::random::{Random, morning};

/// What a job is, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Made by CreateDeployment; its zip has not come.
    Awaited,
    /// A zip that is live, or was.
    Deployed,
    /// A commit that was built.
    Built,
    /// A commit whose build failed.
    Failed,
}

impl Kind {
    /// Of ten jobs five are zips, three are builds, one failed, and one waits.
    pub fn any(random: &mut Random) -> Self {
        match random.below(10) {
            0 => Self::Awaited,
            1..=5 => Self::Deployed,
            6..=8 => Self::Built,
            _ => Self::Failed,
        }
    }
}

/// The job with that number.
#[must_use]
pub fn job(kind: Kind, number: u64) -> Job {
    let id = JobId::new(number);
    let artifact = Artifact { job: id, object: number * 2 + 1 };
    let (new, commands) = match kind {
        Kind::Awaited => (NewJob::manual(Source::Zip), Vec::new()),
        Kind::Deployed => {
            let mut commands = vec![Command::Upload { slot: 0, object: number * 2 }, Command::Start, Command::Claim];
            commands.extend([StepName::Deploy, StepName::Verify].into_iter().flat_map(step));
            commands.push(report(Report::Succeeded { artifact }));
            (NewJob::manual(Source::Zip), commands)
        }
        Kind::Built => {
            let mut commands = vec![Command::Claim, report(Report::Provisioned)];
            commands.extend([StepName::Build, StepName::Deploy, StepName::Verify].into_iter().flat_map(step));
            commands.push(report(Report::Succeeded { artifact }));
            (release(number), commands)
        }
        Kind::Failed => {
            let reason = "amplify.yml, line 7: `npm run build` ended with status 1".into();
            let commands = vec![
                Command::Claim,
                report(Report::Provisioned),
                report(Report::StepStarted(StepName::Build)),
                report(Report::Failed { reason }),
            ];
            (release(number), commands)
        }
    };
    live(id, new, &commands)
}

fn live(id: JobId, new: NewJob, commands: &[Command]) -> Job {
    let made = morning() + TimeDelta::milliseconds(id.get().cast_signed() * 1_234);
    let (mut job, _) = Job::create(id, new, made);
    for command in commands {
        let outcome = job.handle(command, job.at() + TimeDelta::milliseconds(1_717));
        outcome.answer.expect("these commands are legal");
        job = outcome.job;
    }
    job
}

fn release(number: u64) -> NewJob {
    let commit = Commit {
        id: format!("{number:040x}").into(),
        message: format!("Say on the front page what job {number} is about").into(),
        time: morning(),
    };
    NewJob { job_type: JobType::Release, commit: Some(commit), ..NewJob::manual(Source::Repository) }
}

fn step(name: StepName) -> [Command; 2] {
    [report(Report::StepStarted(name)), report(Report::StepEnded(name))]
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}
