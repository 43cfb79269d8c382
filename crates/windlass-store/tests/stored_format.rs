//! The stored format as each version has written it, in `tests/stored`: what stands there is read for ever, and what is written
//! today stands there.
//!
//! `UPDATE=1` writes what today's code writes. A line that this changes is a change of the format: see `codec`.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strum::VariantArray as _;
use windlass::{
    Artifact, Attempt, Birth, Branch, Cause, Change, Command, Commit, FileSlot, Job, JobId, JobType, Limits, NewJob,
    Progress, Record, Report, Source, SourceUrlType, StepName, TRANSITIONS, Uploads,
};
use windlass_store::codec::{decode, encode};
use windlass_store::conformance::random::history;
use windlass_store::moving::{Missing, export, import};
use windlass_store::{App, Attributes, Directory, Document, Kind, MemoryStore, Store as _, StoreError};

#[test]
fn what_is_written_today_is_what_is_kept_here() {
    let Values { births, progresses, records, branches, apps, documents } = Values::all();
    kept("births", &births);
    kept("progresses", &progresses);
    kept("records", &records);
    kept("branches", &branches);
    kept("apps", &apps);
    kept("documents", &documents);
}

#[test]
fn what_is_kept_here_has_everything_in_it() {
    let Values { births, progresses, records, documents, .. } = Values::all();
    let happened: BTreeSet<_> = records.iter().filter_map(|record| record.event.kind()).collect();
    assert_eq!(happened, TRANSITIONS.iter().map(|transition| transition.event).collect(), "not every event");
    let statuses: BTreeSet<_> = progresses.iter().map(|progress| json!(progress)["status"].to_string()).collect();
    assert_eq!(statuses.len(), windlass::JobStatus::VARIANTS.len(), "not every status: {statuses:?}");
    let mut sources = BTreeSet::new();
    for birth in &births {
        // Without an arm for all else, so that a new one is missed here.
        sources.insert(match birth.source {
            Source::Zip => 0,
            Source::Files(_) => 1,
            Source::Url { .. } => 2,
            Source::Artifact(_) => 3,
            Source::UploadOf { .. } => 4,
            Source::Repository => 5,
        });
    }
    assert_eq!(sources.len(), 6, "not every source");
    let mut causes = BTreeSet::new();
    for progress in &progresses {
        let job = Job::from_parts(JobId::FIRST, births[0].clone().into(), progress.clone());
        let Some(cause) = job.cause() else { continue };
        causes.insert(match cause {
            Cause::Failed { .. } => 0,
            Cause::Expired { .. } => 1,
            Cause::Stopped { .. } => 2,
            Cause::Skipped { .. } => 3,
        });
    }
    assert_eq!(causes.len(), 4, "not every cause");
    let types: BTreeSet<_> = births.iter().map(|birth| birth.job_type.to_string()).collect();
    assert_eq!(types.len(), JobType::VARIANTS.len(), "not every way to make a job");
    let kinds: BTreeSet<_> = documents.iter().map(|document| document.kind).collect();
    assert_eq!(kinds.len(), Kind::VARIANTS.len(), "not every kind of document");
}

#[test]
fn whatever_any_version_wrote_is_read() {
    let mut versions = 0;
    for version in std::fs::read_dir(folder()).unwrap() {
        let version = version.unwrap().path();
        each::<Birth>(&version, "births");
        each::<Progress>(&version, "progresses");
        each::<Record>(&version, "records");
        each::<Branch>(&version, "branches");
        each::<App>(&version, "apps");
        each::<Document>(&version, "documents");
        versions += 1;
    }
    assert!(versions > 0, "there is nothing in {}", folder().display());
}

#[test]
fn what_a_later_version_calls_by_a_new_name_is_refused_and_the_name_told() {
    let record = br#"1{"seq":2,"at":0,"event":{"Promoted":{"to":"production"}}}"#;
    let birth = br#"1{"type":"MANUAL","source":{"bundle":{"url":"x"}},"limits":{"upload":1,"queue":1,"provision":1,"build":1,"cancel":1},"created":0}"#;
    for (told, name) in [(refused::<Record>(record), "Promoted"), (refused::<Birth>(birth), "bundle")] {
        assert!(told.contains(&format!("unknown variant `{name}`")), "{told}");
        assert!(told.contains("a newer version"), "{told}");
    }
    // What cannot be read as anything is no newer version's.
    assert!(!refused::<Record>(br#"1{"seq":2,"at":"#).contains("newer"));
}

#[tokio::test]
async fn a_file_that_any_version_exported_is_imported_and_exported_again_the_same() {
    let path = folder().join("1/export");
    let folder = tempfile::tempdir().unwrap();
    let vault = Directory::open(folder.path()).unwrap();
    if std::env::var_os("UPDATE").is_some() && !path.exists() {
        let old = Arc::new(MemoryStore::new([7; 32]));
        history(old.clone(), 7, 120).await;
        let document = Values::all().documents.remove(0);
        old.create_document(&Document { app: None, ..document }).await.unwrap();
        std::fs::write(&path, exported(old, &vault).await).unwrap();
    }
    let file = std::fs::read(&path).unwrap();
    let store = Arc::new(MemoryStore::new([0; 32]));
    let moved = import(store.clone(), &vault, Missing::Refused, &mut &file[..]).await.unwrap();
    assert!(moved.rows.jobs > 1 && moved.rows.documents > 0 && moved.rows.blobs > 0, "{moved:?}");
    assert!(exported(store, &vault).await == file, "what is written today differs from {}", path.display());
}

async fn exported(store: Arc<MemoryStore>, vault: &Directory) -> Vec<u8> {
    let mut file = Vec::new();
    export(store, Some(vault), Missing::Refused, &mut file).await.unwrap();
    file
}

/// Compares what today's code writes with what is kept, value by value.
fn kept<T: Serialize>(name: &str, values: &[T]) {
    let path = folder().join(char::from(encode(&0)[0]).to_string()).join(name);
    let written: Vec<_> = values.iter().map(|value| String::from_utf8(encode(value)).unwrap()).collect();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, written.join("\n") + "\n").unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let kept: Vec<_> = kept.lines().collect();
    for (written, kept) in written.iter().zip(&kept) {
        assert_eq!(written, kept, "it stands otherwise in {}", path.display());
    }
    assert_eq!(written.len(), kept.len(), "{} has more or fewer", path.display());
}

/// Reads every value of a file, and reads it as a later version might write it.
fn each<T: Serialize + DeserializeOwned + PartialEq + Debug>(version: &Path, name: &str) {
    let path = version.join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.is_empty(), "{} is empty", path.display());
    for line in text.lines() {
        let value = decode::<T>(line.as_bytes()).unwrap_or_else(|error| panic!("{}: {line}: {error}", path.display()));
        assert_eq!(decode::<T>(&encode(&value)).unwrap(), value);
        let (format, json) = line.split_at(1);
        let json: Value = serde_json::from_str(json).unwrap();
        let mut more = json.clone();
        more["later"] = json!({ "added": [1, null] });
        assert_eq!(decode::<T>(format!("{format}{more}").as_bytes()).unwrap(), value, "{line}");
        // Deeper inside it is ignored, too, or refused where it would be a name; it never makes another value.
        for place in 0..nodes(&json) {
            let mut more = json.clone();
            add(&mut more, &mut { place });
            let read = decode::<T>(format!("{format}{more}").as_bytes());
            // What its owner may write freely may have any member.
            assert!(read.is_err() || has_attributes(&json) || read.unwrap() == value, "{more}");
        }
    }
}

fn has_attributes(json: &Value) -> bool {
    json.get("attributes").is_some()
}

fn nodes(json: &Value) -> usize {
    let below = match json {
        Value::Array(values) => values.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    1 + below
}

/// Adds a member to one node of a tree, the `left`-th, if it is an object.
fn add(node: &mut Value, left: &mut usize) {
    if *left == 0
        && let Value::Object(members) = node
    {
        members.insert("later".into(), Value::Null);
    }
    *left = left.wrapping_sub(1);
    match node {
        Value::Array(values) => values.iter_mut().for_each(|value| add(value, left)),
        Value::Object(members) => members.values_mut().for_each(|value| add(value, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn refused<T: DeserializeOwned + Debug>(bytes: &[u8]) -> String {
    match decode::<T>(bytes) {
        Err(StoreError::Damaged { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored")
}

/// Values of every kind.
#[derive(Default)]
struct Values {
    births: Vec<Birth>,
    progresses: Vec<Progress>,
    records: Vec<Record>,
    branches: Vec<Branch>,
    apps: Vec<App>,
    documents: Vec<Document>,
}

impl Values {
    fn all() -> Self {
        let mut values = Self::default();
        for (new, commands) in lives() {
            values.live(new, &commands);
        }
        let attributes = json!({ "name": "ä\n", "environmentVariables": { "A": "b" }, "enableAutoBuild": true });
        let attributes: Attributes = attributes.as_object().cloned().unwrap();
        let (id, created) = ("d1".parse().unwrap(), nine());
        let updated = created + TimeDelta::milliseconds(1);
        values.apps.push(App { id, attributes: attributes.clone(), created, updated, version: 2 });
        for (kind, number) in Kind::VARIANTS.iter().zip(1..) {
            let app = (number % 2 == 1).then(|| "d1".parse().unwrap());
            let (id, attributes) = (format!("\u{0}{number}"), attributes.clone());
            values.documents.push(Document { kind: *kind, id, app, attributes, created, updated, version: number });
        }
        values
    }

    fn live(&mut self, new: NewJob, commands: &[Command]) {
        let made = Branch::default().create(new, nine()).expect("an empty branch has room");
        self.births.push(made.job.birth().clone());
        let mut change = made;
        self.keep(&change);
        for command in commands {
            let passed = if *command == Command::Expire { TimeDelta::days(2) } else { TimeDelta::milliseconds(1) };
            change = change.branch.handle(&change.job, command, change.job.at() + passed);
            assert_eq!(change.answer, Ok(()), "{command:?}");
            self.keep(&change);
        }
    }

    fn keep(&mut self, change: &Change) {
        self.records.extend_from_slice(&change.records);
        self.progresses.push(change.job.progress().clone());
        self.branches.push(change.branch.clone());
    }
}

/// Jobs of every kind, and commands that bring about all that can happen.
fn lives() -> Vec<(NewJob, Vec<Command>)> {
    use Command::{Claim, Expire, Start};
    use StepName::{Build, Deploy, Test, Verify};
    let commit = |id: &str| Commit { id: id.into(), message: "Ä \"quoted\"\n".into(), time: nine() };
    let build = |job_type| NewJob { job_type, commit: Some(commit("abc")), ..NewJob::manual(Source::Repository) };
    let slot = |n: u8| FileSlot { path: format!("{n}/ü.html").into(), md5: [n; 16] };
    let url = |url: &str, url_type| NewJob::manual(Source::Url { url: url.into(), url_type });
    let zip = || url("https://example.com/a.zip?b=c&d", SourceUrlType::Zip);
    let upload = |slot| Command::Upload { slot, object: u64::MAX };
    let stop = |by: Option<&str>| Command::Stop { by: by.map(Into::into) };
    let says = |attempt, report| Command::Report { attempt: Attempt::new(attempt), report };
    let lost = |attempt| Command::Reclaim { attempt: Attempt::new(attempt) };
    let step = |step| [says(2, Report::StepStarted(step)), says(2, Report::StepEnded(step))];
    let artifact = Artifact { job: JobId::FIRST, object: u64::MAX };
    let built = [
        vec![Command::Replace { commit: commit("def").into() }, Claim, says(1, Report::Provisioned), lost(1)],
        vec![says(2, Report::Resolved { commit: commit("defabc").into() })],
        [step(Build), step(Test), step(Deploy), step(Verify)].concat(),
        vec![says(2, Report::Succeeded { artifact })],
    ];
    let retry = |source| NewJob {
        job_type: JobType::Retry,
        retries: Some(JobId::new(2)),
        job_reason: Some("\"\u{0}\n".into()),
        limits: Limits { upload: 1, queue: 2, provision: 3, build: 4, cancel: 0 },
        ..NewJob::manual(source)
    };
    let uploaded = |uploads, files: Box<[FileSlot]>| Source::UploadOf { job: JobId::new(3), uploads, files };
    vec![
        (build(JobType::WebHook), built.concat()),
        (build(JobType::Release), vec![Claim, Expire]),
        (NewJob::manual((0..70).map(slot).collect()), vec![upload(65), upload(0), stop(Some("me"))]),
        (NewJob::manual(Source::Files([].into())), vec![Start, Expire]),
        (NewJob::manual(Source::Zip), vec![upload(0), Expire]),
        (zip(), vec![Claim, says(1, Report::StepStarted(Deploy)), stop(None), says(1, Report::Stopped)]),
        (url("s3://a/b/", SourceUrlType::BucketPrefix), vec![Claim, stop(Some("me")), Expire]),
        (zip(), vec![Claim, says(1, Report::StepStarted(Deploy)), says(1, Report::Failed { reason: "no".into() })]),
        (zip(), vec![Claim, says(1, Report::Skipped { reason: "nothing changed".into() })]),
        (zip(), vec![Claim, lost(1), lost(2), lost(3)]),
        (retry(Source::Artifact(Artifact { job: JobId::new(u64::MAX), object: u64::MAX })), vec![]),
        (retry(uploaded(Uploads::Zip(Some(7)), [].into())), vec![]),
        (retry(uploaded(Uploads::Files([1].into()), [slot(0)].into())), vec![]),
    ]
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap()
}
