//! Histories of a branch: the core beside the naive model.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use chrono::DateTime;
use windlass::{
    Artifact, Attempt, Branch, Change, Command, Commit, FileSlot, Job, JobId, JobType, Limits, NewJob, Record,
    Rejection, Report, Source, SourceUrlType, StepName,
};

use crate::model::ModelBranch;

/// More moves than this teach nothing new and make the fuzzer slow.
const MOVES: usize = 300;

/// Reads `data` as moves on one branch, makes each of them in the core and in the model, and compares.
///
/// # Panics
///
/// Where the two differ, or where a history does not make the job that it is the history of.
pub fn histories(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let mut play = Play { now: 1_767_258_000_000, ..Play::default() };
    for _ in 0..MOVES {
        if bytes.is_empty() {
            break;
        }
        let Ok(each) = Move::arbitrary(&mut bytes) else { break };
        play.make(&each);
    }
    for (id, records) in &play.records {
        assert_eq!(Job::replay(*id, records).as_ref(), Ok(&play.jobs[id]));
    }
}

#[derive(Debug, Arbitrary)]
enum Move {
    Create { from: From, hurried: bool },
    Retry(Which),
    Push { hurried: bool },
    Delete(Which),
    Upload { to: Which, slot: Slot, object: u8 },
    Start(Which),
    Replace(Which),
    Stop { which: Which, by: bool },
    Claim(Which),
    Reclaim(Which, Fence),
    Report(Which, Fence, Say),
    Expire(Which),
    Wait(u16),
    WaitLong(u16),
    GoBack(u16),
    WaitForDeadline(Which, Around),
}

/// One of the jobs, counted from the newest.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Which {
    Newest,
    Working,
    Older(u8),
}

#[derive(Debug, Arbitrary)]
enum From {
    Zip,
    Files(Slot),
    Url,
    Repository,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Slot {
    First,
    Second,
    SixtyFifth,
    Last,
}

/// Whose word it is: that of the runner that has the job, of one that was given up, or of none.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Fence {
    Current,
    Previous,
    Next,
}

#[derive(Debug, Arbitrary)]
enum Around {
    JustBefore,
    At,
    JustAfter,
}

#[derive(Debug, Arbitrary)]
enum Say {
    Provisioned,
    StepStarted(Name),
    StepEnded(Name),
    Failed(bool),
    Skipped,
    Succeeded(Whose, bool),
    Stopped,
    Resolved(bool),
}

/// Whose artifact it is that goes live.
#[derive(Debug, Arbitrary)]
enum Whose {
    Own,
    Others,
}

#[derive(Debug, Arbitrary)]
enum Name {
    Build,
    Test,
    Deploy,
    Verify,
}

#[derive(Default)]
struct Play {
    now: i64,
    branch: Branch,
    model: ModelBranch,
    jobs: BTreeMap<JobId, Job>,
    records: BTreeMap<JobId, Vec<Record>>,
}

impl Play {
    fn make(&mut self, each: &Move) {
        match each {
            Move::Create { from, hurried } => self.create(new_job(from, *hurried), Branch::create, ModelBranch::create),
            Move::Push { hurried } => {
                self.create(new_job(&From::Repository, *hurried), Branch::push, ModelBranch::push);
            }
            Move::Retry(which) => self.retry(*which),
            Move::Delete(which) => self.delete(*which),
            Move::Upload { to, slot, object } => {
                let slot = u32::try_from(slot.number()).expect("a small number");
                self.command(*to, |_| Command::Upload { slot, object: (*object).into() });
            }
            Move::Start(which) => self.command(*which, |_| Command::Start),
            Move::Replace(which) => self.command(*which, |_| Command::Replace { commit: Box::new(commit("b2")) }),
            Move::Stop { which, by } => self.command(*which, |_| Command::Stop { by: by.then(|| "Ann".into()) }),
            Move::Claim(which) => self.command(*which, |_| Command::Claim),
            Move::Reclaim(which, fence) => self.command(*which, |job| Command::Reclaim { attempt: fence.of(job) }),
            Move::Report(which, fence, say) => {
                self.command(*which, |job| Command::Report { attempt: fence.of(job), report: say.of(job) });
            }
            Move::Expire(which) => self.command(*which, |_| Command::Expire),
            Move::Wait(seconds) => self.now += i64::from(*seconds) * 97,
            Move::WaitLong(minutes) => self.now += i64::from(*minutes) * 60_000,
            Move::GoBack(seconds) => self.now -= i64::from(*seconds) * 997,
            Move::WaitForDeadline(which, around) => {
                if let Some(deadline) = self.pick(*which).and_then(|id| self.jobs[&id].deadline()) {
                    self.now = deadline.at.timestamp_millis() + around.millis();
                }
            }
        }
        self.model.compare(&self.branch);
        for job in self.jobs.values() {
            self.model.compare_job(job);
        }
    }

    fn create(
        &mut self,
        new: NewJob,
        core: fn(&Branch, NewJob, DateTime<chrono::Utc>) -> Result<Change, Rejection>,
        model: fn(&mut ModelBranch, NewJob, i64) -> Result<JobId, Rejection>,
    ) {
        let made = core(&self.branch, new.clone(), self.time());
        let modelled = model(&mut self.model, new, self.now);
        assert_eq!(made.as_ref().map(|change| change.job.id()), modelled.as_ref().copied());
        if let Ok(change) = made {
            self.keep(change);
        }
    }

    fn retry(&mut self, which: Which) {
        let Some(id) = self.pick(which) else { return };
        let source = self.jobs[&id].retry_source();
        assert_eq!(source, self.model.retry_source(id));
        let Ok(source) = source else { return };
        let new = NewJob { job_type: JobType::Retry, retries: Some(id), ..NewJob::manual(source) };
        self.create(new, Branch::create, ModelBranch::create);
    }

    fn delete(&mut self, which: Which) {
        let Some(id) = self.pick(which) else { return };
        let deleted = self.branch.delete(&self.jobs[&id]);
        assert_eq!(deleted.as_ref().map(drop), self.model.delete(id).as_ref().map(drop));
        if let Ok(branch) = deleted {
            self.branch = branch;
            self.jobs.remove(&id);
            self.records.remove(&id);
        }
    }

    fn command(&mut self, which: Which, command: impl FnOnce(&Job) -> Command) {
        let Some(id) = self.pick(which) else { return };
        let job = &self.jobs[&id];
        let command = command(job);
        let change = self.branch.handle(job, &command, self.time());
        assert_eq!(change.answer, self.model.command(id, &command, self.now), "{command:?}");
        self.keep(change);
    }

    fn keep(&mut self, change: Change) {
        let id = change.job.id();
        if let Some(before) = self.jobs.get(&id) {
            let mut job = before.clone();
            for record in &change.records {
                job.apply(record).expect("what was decided applies");
                assert!(job.clone().apply(record).is_err(), "a record applies once");
            }
            assert_eq!(job, change.job, "records alone change a job");
        }
        self.branch = change.branch;
        self.records.entry(id).or_default().extend(change.records);
        self.jobs.insert(id, change.job);
    }

    fn pick(&self, which: Which) -> Option<JobId> {
        let newest = self.jobs.keys().rev();
        match which {
            Which::Newest => newest.copied().next(),
            Which::Working => self.branch.working().map(|working| working.job),
            Which::Older(by) => newest.copied().cycle().nth(by.into()),
        }
    }

    fn time(&self) -> DateTime<chrono::Utc> {
        DateTime::from_timestamp_millis(self.now).expect("the moves stay within the calendar")
    }
}

impl Slot {
    const fn number(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
            Self::SixtyFifth => 64,
            Self::Last => 65,
        }
    }
}

impl Around {
    const fn millis(&self) -> i64 {
        match self {
            Self::JustBefore => -1,
            Self::At => 0,
            Self::JustAfter => 1,
        }
    }
}

impl Fence {
    const fn of(self, job: &Job) -> Attempt {
        let current = job.attempt().get();
        Attempt::new(match self {
            Self::Current => current,
            Self::Previous => current.wrapping_sub(1),
            Self::Next => current + 1,
        })
    }
}

impl Say {
    fn of(&self, job: &Job) -> Report {
        match self {
            Self::Provisioned => Report::Provisioned,
            Self::StepStarted(name) => Report::StepStarted(name.of()),
            Self::StepEnded(name) => Report::StepEnded(name.of()),
            Self::Failed(quota) => Report::Failed { reason: if *quota { "disk full" } else { "no index.html" }.into() },
            Self::Skipped => Report::Skipped { reason: "nothing changed".into() },
            Self::Succeeded(Whose::Own, first) => {
                Report::Succeeded { artifact: job.artifact_kept_as(u64::from(*first)) }
            }
            Self::Succeeded(Whose::Others, first) => {
                let number = if *first { job.id().get() } else { job.content_of().get() + 1 };
                Report::Succeeded { artifact: Artifact { job: JobId::new(number), object: 1 } }
            }
            Self::Stopped => Report::Stopped,
            Self::Resolved(first) => Report::Resolved { commit: Box::new(commit(if *first { "a1" } else { "c3" })) },
        }
    }
}

impl Name {
    const fn of(&self) -> StepName {
        match self {
            Self::Build => StepName::Build,
            Self::Test => StepName::Test,
            Self::Deploy => StepName::Deploy,
            Self::Verify => StepName::Verify,
        }
    }
}

fn new_job(from: &From, hurried: bool) -> NewJob {
    let source = match from {
        From::Zip => Source::Zip,
        From::Files(last) => (0..=last.number()).map(file).collect(),
        From::Url => Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip },
        From::Repository => Source::Repository,
    };
    let limits = Limits { upload: 60, queue: 50, provision: 40, build: 30, cancel: 0 };
    NewJob {
        commit: matches!(from, From::Repository).then(|| commit("a1")),
        limits: if hurried { limits } else { Limits::default() },
        ..NewJob::manual(source)
    }
}

fn file(number: usize) -> FileSlot {
    FileSlot { path: format!("{number}.html").into(), md5: [0; 16] }
}

fn commit(id: &str) -> Commit {
    Commit { id: id.into(), message: "Shorter".into(), time: DateTime::UNIX_EPOCH }
}
