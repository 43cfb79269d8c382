//! Stories of branches in `tests/lifecycles/*.txt`: a command, then what came of it. `UPDATE=1 cargo test`
//! rewrites what came of it; read the difference before you commit it.
//!
//! A command is `TIME [job N] VERB ARGUMENTS`. Its time counts from the beginning of the story, and without
//! a number it is for the newest job. Below it stand the records, the job, and, where they have changed,
//! its steps and the branch.
//!
//! All stories together tell everything: each row of the law, each type of job, each source and each end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use strum::IntoEnumIterator;
use windlass::{
    Artifact, Attempt, Branch, Cause, Change, Command, Commit, Event, EventKind, FileSlot, Job, JobId, JobStatus,
    JobType, Limits, NewJob, Place, Record, Rejection, Report, Source, SourceUrlType, TRANSITIONS, Uploads,
};

/// Every way in which a job ends.
const ENDS: [&str; 16] = [
    "SUCCEED",
    "FAILED in a step",
    "FAILED while RUNNING, between steps",
    "FAILED while PROVISIONING",
    "FAILED by its third lost runner",
    "FAILED by the upload limit",
    "FAILED by the queue limit",
    "FAILED by the provision limit",
    "FAILED by the build limit",
    "CANCELLED while CREATED",
    "CANCELLED while PENDING",
    "CANCELLED while PROVISIONING, confirmed",
    "CANCELLED while PROVISIONING, not confirmed",
    "CANCELLED while RUNNING, confirmed",
    "CANCELLED while RUNNING, not confirmed",
    "CANCELLED as needless",
];

const SOURCES: [&str; 6] = ["a zip", "a file map", "a URL", "an artifact", "uploads of another job", "a commit"];

#[test]
fn every_story_ends_as_it_is_told() {
    for (path, told) in STORIES.iter() {
        let (played, _) = play(told);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(path, &played).expect("a story can be rewritten");
        } else {
            assert!(*told == played, "{} ends otherwise:\n\n{played}", path.display());
        }
    }
}

#[test]
fn the_stories_leave_out_no_row_of_the_law_and_no_end_of_any_type_of_job() {
    let mut seen = Seen::default();
    for (_, told) in STORIES.iter() {
        seen.extend(play(told).1);
    }
    let rows = TRANSITIONS.iter().map(|t| (t.from, t.event)).collect();
    assert_eq!(missing(&rows, &seen.rows), [], "rows that no story takes");
    assert_eq!(seen.rows.len(), 24, "no story takes a row that the law does not have");

    let ends = ENDS.map(str::to_owned).into();
    assert_eq!(missing(&ends, &seen.ends), [""; 0], "ends that no story comes to");
    assert_eq!(missing(&seen.ends, &ends), [""; 0], "ends that are not listed here");

    let ended = [JobStatus::Succeed, JobStatus::Failed, JobStatus::Cancelled];
    let by_type = JobType::iter().flat_map(|job_type| ended.map(|status| format!("{job_type} {status}"))).collect();
    assert_eq!(missing(&by_type, &seen.by_type), [""; 0], "types that come to no such end in any story");
    let live = SOURCES.map(str::to_owned).into();
    assert_eq!(missing(&live, &seen.live), [""; 0], "sources that go live in no story");
}

/// All of them, read before any is rewritten.
static STORIES: LazyLock<Vec<(PathBuf, String)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lifecycles");
    let entries = fs::read_dir(folder).expect("the stories are there");
    let paths: BTreeSet<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    assert!(paths.len() >= 23, "stories are missing");
    let told = |path| fs::read_to_string(path).expect("a story is text");
    paths.into_iter().map(|path| (path.clone(), told(path))).collect()
});

fn missing<T: Ord + Clone>(wanted: &BTreeSet<T>, seen: &BTreeSet<T>) -> Vec<T> {
    wanted.difference(seen).cloned().collect()
}

/// Plays the commands of a story and writes it down again, with what comes of them now.
fn play(told: &str) -> (String, Seen) {
    let mut stage = Stage::default();
    let mut played = Vec::new();
    for block in told.trim_end().split("\n\n") {
        match block.split_once("\n----") {
            Some((command, _)) => played.push(format!("{command}\n----\n{}", stage.take(command).trim_end())),
            None => played.push(block.to_owned()),
        }
    }
    (played.join("\n\n") + "\n", stage.seen)
}

/// What happens in a story, to be counted.
#[derive(Default)]
struct Seen {
    rows: BTreeSet<(JobStatus, EventKind)>,
    ends: BTreeSet<String>,
    by_type: BTreeSet<String>,
    live: BTreeSet<String>,
}

impl Seen {
    fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.ends.extend(other.ends);
        self.by_type.extend(other.by_type);
        self.live.extend(other.live);
    }

    fn note(&mut self, job: &Job, mut status: JobStatus, records: &[Record], stopped_while: Option<JobStatus>) {
        for record in records {
            let Some(event) = record.event.kind() else { continue };
            self.rows.insert((status, event));
            let before = status;
            status = status.next(event).expect("only what is legal happens");
            if status.is_terminal() {
                self.ends.insert(end(job, before, &record.event, stopped_while));
                self.by_type.insert(format!("{} {status}", job.job_type()));
            }
            if status == JobStatus::Succeed {
                self.live.insert(source(job).to_owned());
            }
        }
    }
}

fn end(job: &Job, before: JobStatus, last: &Event, stopped_while: Option<JobStatus>) -> String {
    match (job.cause(), stopped_while) {
        (None, _) => job.status().to_string(),
        (Some(Cause::Failed { reason, .. }), _) if reason.starts_with("the runner was lost") => {
            "FAILED by its third lost runner".into()
        }
        (Some(Cause::Failed { step: Some(_), .. }), _) => "FAILED in a step".into(),
        (Some(Cause::Failed { step: None, .. }), _) if before == JobStatus::Running => {
            "FAILED while RUNNING, between steps".into()
        }
        (Some(Cause::Failed { step: None, .. }), _) => format!("FAILED while {before}"),
        (Some(Cause::Expired { limit, .. }), _) => format!("FAILED by the {limit} limit"),
        (Some(Cause::Skipped { .. }), _) => "CANCELLED as needless".into(),
        (Some(Cause::Stopped { .. }), None) => format!("CANCELLED while {before}"),
        (Some(Cause::Stopped { .. }), Some(while_)) => {
            let confirmed = if *last == Event::Expired { "not confirmed" } else { "confirmed" };
            format!("CANCELLED while {while_}, {confirmed}")
        }
    }
}

fn source(job: &Job) -> &'static str {
    match job.birth().source {
        Source::Zip => "a zip",
        Source::Files(_) => "a file map",
        Source::Url { .. } => "a URL",
        Source::Artifact(_) => "an artifact",
        Source::UploadOf { .. } => "uploads of another job",
        Source::Repository => "a commit",
    }
}

#[derive(Default)]
struct Stage {
    branch: Branch,
    jobs: BTreeMap<JobId, Job>,
    steps: BTreeMap<JobId, String>,
    stopped_while: BTreeMap<JobId, JobStatus>,
    shown: String,
    seen: Seen,
}

impl Stage {
    fn take(&mut self, line: &str) -> String {
        let mut words = line.split(' ').peekable();
        let now = start() + length(words.next().expect("a time"));
        let mut job = JobId::new(self.branch.last());
        if words.next_if_eq(&"job").is_some() {
            job = words.next().expect("a number").parse().expect("a job's number");
        }
        let verb = words.next().expect("a verb");
        let arguments: Vec<_> = words.collect();
        let answer = match (verb, arguments.as_slice()) {
            ("CreateDeployment", ["zip"]) => self.create(NewJob::manual(Source::Zip), now),
            ("CreateDeployment", paths) => self.create(NewJob::manual(paths.iter().copied().map(file).collect()), now),
            ("StartDeployment", [url]) => {
                let source = Source::Url { url: (*url).into(), url_type: SourceUrlType::default() };
                self.create(NewJob::manual(source), now)
            }
            ("StartJob", ["RELEASE", commit]) => self.create(release(commit), now),
            ("StartJob", ["RETRY"]) => self.retry(job, now),
            ("Push", [commit]) => self.push(commit, now),
            ("DeleteJob", []) => self.branch.delete(&self.jobs[&job]).map(|branch| {
                self.branch = branch;
                self.jobs.remove(&job);
                "deleted\n".to_owned()
            }),
            _ => {
                let command = command(&self.jobs[&job], verb, &arguments);
                let change = self.branch.handle(&self.jobs[&job], &command, now);
                Ok(self.keep(change, now))
            }
        };
        let mut text = answer.unwrap_or_else(|rejection| refused(&rejection));
        self.show_branch(&mut text);
        text
    }

    fn create(&mut self, new: NewJob, now: DateTime<Utc>) -> Result<String, Rejection> {
        self.branch.create(new, now).map(|change| self.keep(change, now))
    }

    fn retry(&mut self, job: JobId, now: DateTime<Utc>) -> Result<String, Rejection> {
        let old = &self.jobs[&job];
        let source = old.retry_source()?;
        let commit = old.commit().cloned();
        self.create(NewJob { job_type: JobType::Retry, commit, retries: Some(job), ..NewJob::manual(source) }, now)
    }

    fn push(&mut self, commit: &str, now: DateTime<Utc>) -> Result<String, Rejection> {
        let change = match self.branch.place_for_push() {
            Place::New => self.branch.push(NewJob { job_type: JobType::WebHook, ..release(commit) }, now)?,
            Place::Replaces(waiting) => {
                let replace = Command::Replace { commit: Box::new(commit_of(commit)) };
                self.branch.handle(&self.jobs[&waiting], &replace, now)
            }
        };
        Ok(self.keep(change, now))
    }

    fn keep(&mut self, change: Change, now: DateTime<Utc>) -> String {
        self.note(&change);
        let mut text = String::new();
        for record in &change.records {
            line(&mut text, format_args!("{}", Told(record, now)));
        }
        match &change.answer {
            Err(rejection) => text += &refused(rejection),
            Ok(()) if change.records.is_empty() => text += "nothing\n",
            Ok(()) => {}
        }
        if !change.records.is_empty() {
            line(&mut text, format_args!("{}", status(&change.job)));
            let steps = steps(&change.job);
            let before = self.steps.insert(change.job.id(), steps.clone()).unwrap_or_default();
            match (before == steps, steps.is_empty()) {
                (true, _) => {}
                (false, true) => text += "  no steps\n",
                (false, false) => text += &steps,
            }
        }
        self.branch = change.branch;
        self.jobs.insert(change.job.id(), change.job);
        text
    }

    fn note(&mut self, change: &Change) {
        let id = change.job.id();
        let before = self.jobs.get(&id).map_or(JobStatus::Created, Job::status);
        if matches!(change.records.last(), Some(Record { event: Event::StopRequested { .. }, .. })) {
            self.stopped_while.insert(id, before);
        }
        self.seen.note(&change.job, before, &change.records, self.stopped_while.get(&id).copied());
    }

    fn show_branch(&mut self, text: &mut String) {
        let mut branch = String::from("branch:");
        if let Some(job) = self.branch.waiting() {
            part(&mut branch, format_args!(" {job} waits,"));
        }
        if let Some(working) = self.branch.working() {
            let how = if working.cancelling { "is being stopped" } else { "works" };
            part(&mut branch, format_args!(" {} {how},", working.job));
        }
        match self.branch.live() {
            Some(live) => part(
                &mut branch,
                format_args!(" live is {} since {}, artifact {}", live.job, Since(live.since), name(live.artifact)),
            ),
            None => branch += " nothing is live",
        }
        if branch != self.shown {
            line(text, format_args!("{branch}"));
        }
        self.shown = branch;
    }
}

fn command(job: &Job, verb: &str, arguments: &[&str]) -> Command {
    match (verb, arguments) {
        ("Upload", [slot, object]) => Command::Upload { slot: number(slot), object: number(object).into() },
        ("StartDeployment", []) => Command::Start,
        ("StopJob", by) => Command::Stop { by: (!by.is_empty()).then(|| by.join(" ").into()) },
        ("Claim", []) => Command::Claim,
        ("Expire", []) => Command::Expire,
        ("Reclaim", [attempt]) => Command::Reclaim { attempt: Attempt::new(number(attempt)) },
        ("Runner", [attempt, report @ ..]) => {
            Command::Report { attempt: Attempt::new(number(attempt)), report: report_of(job, report) }
        }
        _ => panic!("unknown command: {verb} {arguments:?}"),
    }
}

fn report_of(job: &Job, words: &[&str]) -> Report {
    let step = |name: &str| name.parse().expect("a step's name");
    match words {
        ["Provisioned"] => Report::Provisioned,
        ["Resolved", id] => Report::Resolved { commit: Box::new(commit_of(id)) },
        ["StepStarted", name] => Report::StepStarted(step(name)),
        ["StepEnded", name] => Report::StepEnded(step(name)),
        ["Failed", reason @ ..] => Report::Failed { reason: reason.join(" ").into() },
        ["Skipped", reason @ ..] => Report::Skipped { reason: reason.join(" ").into() },
        ["Succeeded", object] => {
            let object = number(object).into();
            Report::Succeeded { artifact: job.artifact_kept_as(object) }
        }
        ["Succeeded", "of", other, object] => {
            let artifact = Artifact { job: JobId::new(number(other).into()), object: number(object).into() };
            Report::Succeeded { artifact }
        }
        ["Stopped"] => Report::Stopped,
        _ => panic!("unknown report: {words:?}"),
    }
}

fn refused(rejection: &Rejection) -> String {
    format!("refused: {rejection}\n")
}

fn status(job: &Job) -> String {
    let mut text = format!("job {} {}", job.id(), job.status());
    match (job.deadline(), job.status_reason()) {
        (Some(deadline), _) => part(&mut text, format_args!(", {} limit at {}", deadline.limit, Since(deadline.at))),
        (None, Some(reason)) => part(&mut text, format_args!(" at {}: {reason}", Since(job.since()))),
        (None, None) => part(&mut text, format_args!(" at {}", Since(job.since()))),
    }
    text
}

fn steps(job: &Job) -> String {
    job.steps().fold(String::new(), |mut text, (name, step)| {
        let until = step.ended.map_or_else(String::new, |end| format!(" to {}", Since(end)));
        line(&mut text, format_args!("  {name} {} from {}{until}", step.status, Since(step.started)));
        text
    })
}

/// A record, with its time only where that is not the moment of the command.
struct Told<'a>(&'a Record, DateTime<Utc>);

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(Record { seq, at, event }, now) = self;
        write!(f, "{seq} ")?;
        match event {
            Event::Created { birth, commit } => {
                write!(f, "Created {}", birth.job_type)?;
                birth.retries.iter().try_for_each(|job| write!(f, " of {job}:"))?;
                match &birth.source {
                    Source::Zip | Source::Files(_) | Source::Repository => {}
                    Source::Url { url, .. } => write!(f, " {url}")?,
                    Source::Artifact(artifact) => write!(f, " artifact {}", name(*artifact))?,
                    Source::UploadOf { job, uploads: Uploads::Zip(Some(zip)), .. } => {
                        write!(f, " upload {job}/{zip}")?;
                    }
                    Source::UploadOf { job, files, .. } => {
                        write!(f, " uploads of {job},")?;
                        files.iter().try_for_each(|file| write!(f, " {}", file.path))?;
                    }
                }
                commit.iter().try_for_each(|commit| write!(f, " {}", commit.id))
            }
            Event::Uploaded { slot, object } => write!(f, "Uploaded slot {slot}, object {object}"),
            Event::Started => f.write_str("Started"),
            Event::Replaced { commit } => write!(f, "Replaced by {}", commit.id),
            Event::Claimed { attempt } => write!(f, "Claimed, attempt {attempt}"),
            Event::Provisioned => f.write_str("Provisioned"),
            Event::Reclaimed { attempt } => write!(f, "Reclaimed, attempt {attempt}"),
            Event::Resolved { commit } => write!(f, "Resolved to {}", commit.id),
            Event::StepStarted { step } => write!(f, "StepStarted {step}"),
            Event::StepEnded { step } => write!(f, "StepEnded {step}"),
            Event::StopRequested { by } => write!(f, "StopRequested{}", By(by.as_deref())),
            Event::Stopped { by } => write!(f, "Stopped{}", By(by.as_deref())),
            Event::Skipped { .. } => f.write_str("Skipped"),
            Event::Failed { .. } => f.write_str("Failed"),
            Event::Expired => f.write_str("Expired"),
            Event::Succeeded { artifact } => write!(f, "Succeeded with {}", name(*artifact)),
        }?;
        if at == now { Ok(()) } else { write!(f, " at {}", Since(*at)) }
    }
}

struct By<'a>(Option<&'a str>);

impl std::fmt::Display for By<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|by| write!(f, " by {by}"))
    }
}

fn name(artifact: Artifact) -> String {
    format!("{}/{}", artifact.job, artifact.object)
}

/// A time as the length of the story up to it: `8h0m0.001s` without what is zero.
struct Since(DateTime<Utc>);

impl std::fmt::Display for Since {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = (self.0 - start()).num_milliseconds();
        let (hours, minutes, rest) = (millis / 3_600_000, millis / 60_000 % 60, millis % 60_000);
        if hours != 0 {
            write!(f, "{hours}h")?;
        }
        if minutes != 0 {
            write!(f, "{minutes}m")?;
        }
        match (rest % 1000, rest / 1000) {
            (0, 0) if millis != 0 => Ok(()),
            (0, seconds) => write!(f, "{seconds}s"),
            (millis, seconds) => write!(f, "{seconds}.{millis:03}s"),
        }
    }
}

fn length(text: &str) -> TimeDelta {
    let mut total = TimeDelta::zero();
    for part in text.split_inclusive(['h', 'm', 's']) {
        let (count, unit) = part.split_at(part.len() - 1);
        total += match unit {
            "h" => TimeDelta::hours(number(count).into()),
            "m" => TimeDelta::minutes(number(count).into()),
            "s" => {
                let (seconds, millis) = count.split_once('.').unwrap_or((count, "0"));
                TimeDelta::seconds(number(seconds).into()) + TimeDelta::milliseconds(number(millis).into())
            }
            _ => panic!("a time such as 8h0m0.001s, not {text}"),
        };
    }
    total
}

fn number(text: &str) -> u32 {
    text.parse().expect("a number")
}

fn file(path: &str) -> FileSlot {
    FileSlot { path: path.into(), md5: [0; 16] }
}

fn release(commit: &str) -> NewJob {
    let limits = Limits::default();
    NewJob { job_type: JobType::Release, commit: Some(commit_of(commit)), limits, ..NewJob::manual(Source::Repository) }
}

fn commit_of(id: &str) -> Commit {
    Commit { id: id.into(), message: "Shorter".into(), time: start() }
}

fn line(text: &mut String, args: std::fmt::Arguments<'_>) {
    part(text, args);
    text.push('\n');
}

fn part(text: &mut String, args: std::fmt::Arguments<'_>) {
    text.write_fmt(args).expect("a string takes everything");
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}
