//! A branch, and a naive picture of it that knows no table: the same deeds are done to both, and where they
//! differ, what is printed is a short list of deeds that shows it.

#[path = "support/picture.rs"]
mod picture;

use chrono::{DateTime, Utc};
use picture::{Content, Deed, Fence, Picture, Request, Word};
use proptest::test_runner::Config;
use proptest_state_machine::{StateMachineTest, prop_state_machine};
use windlass::{
    Artifact, Attempt, Branch, Change, Command, Commit, FileSlot, Job, JobId, JobType, NewJob, Place, Rejection,
    Report, Source, SourceUrlType, StepName,
};

prop_state_machine! {
    #![proptest_config(Config { cases: 4 * Config::default().cases, ..Config::default() })]
    #[test]
    fn a_branch_is_what_a_naive_picture_of_it_shows(sequential 1..80 => Real);
}

/// The branch itself, and what a store would keep beside it.
#[derive(Default)]
struct Real {
    branch: Branch,
    jobs: Vec<Job>,
}

impl StateMachineTest for Real {
    type SystemUnderTest = Self;
    type Reference = Picture;

    fn init_test(_: &Picture) -> Self {
        Self::default()
    }

    fn apply(mut real: Self, picture: &Picture, deed: Deed) -> Self {
        let answer = real.does(&deed, DateTime::from_timestamp_millis(picture.now).expect("a time of the calendar"));
        assert_eq!(answer.map_err(|rejection| reason(&rejection)), picture.answer, "{deed:?}");
        real
    }

    fn check_invariants(real: &Self, picture: &Picture) {
        let id = |job: usize| JobId::new(job as u64 + 1);
        assert_eq!(real.branch.waiting(), picture.waiting().map(id));
        assert_eq!(real.branch.working().map(|working| working.job), picture.working().map(id));
        assert_eq!(real.branch.live().map(|live| live.job), picture.live.map(id));
        assert_eq!(real.branch.jobs(), picture.jobs.iter().filter(|job| !job.deleted).count() as u64);
        assert_eq!(real.jobs.len(), picture.jobs.len());
        for (job, drawn) in real.jobs.iter().zip(&picture.jobs) {
            assert_eq!(job.status().as_ref(), drawn.status, "job {}", job.id());
            assert_eq!((job.seq(), job.attempt().get()), (drawn.records, drawn.attempt), "job {}", job.id());
            let times = (job.since().timestamp_millis(), job.at().timestamp_millis());
            assert_eq!(times, (drawn.since, drawn.at), "job {}", job.id());
            assert_eq!(job.deadline().map(|deadline| deadline.at.timestamp_millis()), drawn.deadline());
            let steps: Vec<_> = job.steps().map(|(step, shown)| (step as usize, shown.status.as_ref())).collect();
            assert_eq!(steps, drawn.steps, "job {}", job.id());
            assert_eq!(job.commit().cloned(), drawn.commit.map(commit), "job {}", job.id());
            assert_eq!(job.artifact().map(|artifact| artifact.object), drawn.artifact);
        }
    }
}

impl Real {
    fn does(&mut self, deed: &Deed, now: DateTime<Utc>) -> Result<(), Rejection> {
        match *deed {
            Deed::Create(content) => self.branch.create(new(content), now).and_then(|change| self.keep(change)),
            Deed::Push => match self.branch.place_for_push() {
                Place::New => self.branch.push(new(Content::Commit), now).and_then(|change| self.keep(change)),
                Place::Replaces(waiting) => self.asks(waiting.get() as usize - 1, Request::Replace, now),
            },
            Deed::Retry(back) => {
                let old = &self.jobs[self.jobs.len() - 1 - back];
                let (source, commit) = (old.retry_source()?, old.commit().cloned());
                let retry = NewJob { job_type: JobType::Retry, commit, ..NewJob::manual(source) };
                self.branch.create(retry, now).and_then(|change| self.keep(change))
            }
            Deed::Delete(back) => {
                self.branch = self.branch.delete(&self.jobs[self.jobs.len() - 1 - back])?;
                Ok(())
            }
            Deed::Ask(back, request) => self.asks(self.jobs.len() - 1 - back, request, now),
            Deed::Wait(_) => Ok(()),
        }
    }

    fn asks(&mut self, job: usize, request: Request, now: DateTime<Utc>) -> Result<(), Rejection> {
        let command = command(&self.jobs[job], request);
        self.keep(self.branch.handle(&self.jobs[job], &command, now))
    }

    fn keep(&mut self, change: Change) -> Result<(), Rejection> {
        self.branch = change.branch;
        let place = change.job.id().get() as usize - 1;
        if place == self.jobs.len() {
            self.jobs.push(change.job)
        } else {
            self.jobs[place] = change.job
        }
        change.answer
    }
}

fn new(content: Content) -> NewJob {
    let file = |path: &str| FileSlot { path: path.into(), md5: [7; 16] };
    match content {
        Content::Zip => NewJob::manual(Source::Zip),
        Content::TwoFiles => NewJob::manual(["index.html", "app.js"].map(file).into_iter().collect()),
        Content::Url => {
            let url = "https://example.com/site.zip".into();
            NewJob::manual(Source::Url { url, url_type: SourceUrlType::Zip })
        }
        Content::Commit => NewJob { commit: Some(commit(0)), ..NewJob::manual(Source::Repository) },
    }
}

fn command(job: &Job, request: Request) -> Command {
    let attempt = |fence| match fence {
        Fence::Current => job.attempt(),
        Fence::Former => Attempt::new(job.attempt().get().wrapping_sub(1)),
        Fence::Next => Attempt::new(job.attempt().get() + 1),
    };
    match request {
        Request::Upload(slot) => Command::Upload { slot, object: 0 },
        Request::Start => Command::Start,
        Request::Replace => Command::Replace { commit: Box::new(commit(0)) },
        Request::Stop => Command::Stop { by: Some("Ann".into()) },
        Request::Claim => Command::Claim,
        Request::Expire => Command::Expire,
        Request::Reclaim(fence) => Command::Reclaim { attempt: attempt(fence) },
        Request::Say(fence, word) => Command::Report { attempt: attempt(fence), report: report(job, word) },
    }
}

fn report(job: &Job, word: Word) -> Report {
    let step = |step| [StepName::Build, StepName::Test, StepName::Deploy, StepName::Verify][step];
    match word {
        Word::Provisioned => Report::Provisioned,
        Word::Resolved(which) => Report::Resolved { commit: Box::new(commit(which)) },
        Word::StepStarted(name) => Report::StepStarted(step(name)),
        Word::StepEnded(name) => Report::StepEnded(step(name)),
        Word::Failed(reason) => Report::Failed { reason: reason.into() },
        Word::Skipped => Report::Skipped { reason: "nothing changed".into() },
        Word::Succeeded(object) => Report::Succeeded { artifact: Artifact { job: job.content_of(), object } },
        Word::Stopped => Report::Stopped,
    }
}

fn reason(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::IllegalTransition { .. } => "illegal",
        Rejection::StaleAttempt { .. } => "stale",
        Rejection::StepOutOfTurn { .. } => "out of turn",
        Rejection::NotBuilt { .. } => "not built",
        Rejection::OtherArtifact { .. } => "other artifact",
        Rejection::NoSuchSlot { .. } => "no such slot",
        Rejection::UploadsMissing { .. } => "uploads missing",
        Rejection::BranchBusy { .. } => "busy",
        Rejection::NotEnded { .. } => "not ended",
        Rejection::NothingToRetry { .. } => "nothing to retry",
        Rejection::Live { .. } => "live",
    }
}

fn commit(which: u8) -> Commit {
    Commit { id: ["a1", "c3"][usize::from(which)].into(), message: "Shorter".into(), time: DateTime::UNIX_EPOCH }
}
