//! The stored format: what is written is read again, and what cannot be read says why.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use windlass::{
    Artifact, Attempt, Birth, Branch, Command, Commit, FileSlot, Job, JobId, JobType, NewJob, Progress, Record, Report,
    Source, SourceUrlType, StepName, TRANSITIONS, Uploads,
};
use windlass_store::codec::{decode, encode};
use windlass_store::{App, Attributes, StoreError};

#[test]
fn everything_that_happens_to_a_job_is_read_as_it_was_written() {
    let mut seen = BTreeSet::new();
    for (job, branch, records) in lives() {
        there_and_back(job.birth());
        there_and_back(job.progress());
        there_and_back(&branch);
        for record in &records {
            there_and_back(record);
            seen.extend(record.event.kind());
        }
    }
    let all: BTreeSet<_> = TRANSITIONS.iter().map(|transition| transition.event).collect();
    assert_eq!(seen, all, "not all that can happen did");
}

#[test]
fn every_source_is_read_as_it_was_written() {
    let slot = |n: u8| FileSlot { path: format!("{n}/ü.html").into(), md5: [n; 16] };
    let sources = [
        Source::Zip,
        (0..70).map(slot).collect(),
        Source::Files([].into()),
        Source::Url { url: "https://example.com/a?b=c&d".into(), url_type: SourceUrlType::Zip },
        Source::Url { url: "s3://bucket/prefix/".into(), url_type: SourceUrlType::BucketPrefix },
        Source::Artifact(Artifact { job: JobId::new(u64::MAX), object: u64::MAX }),
        Source::UploadOf { job: JobId::new(3), uploads: Uploads::Zip(Some(7)), files: [].into() },
        Source::UploadOf { job: JobId::new(3), uploads: Uploads::Files([1].into()), files: [slot(0)].into() },
        Source::Repository,
    ];
    for source in sources {
        let new =
            NewJob { retries: Some(JobId::new(2)), job_reason: Some("\"\u{0}\n".into()), ..NewJob::manual(source) };
        let (job, records) = Job::create(JobId::FIRST, new, nine());
        there_and_back(job.birth());
        there_and_back(job.progress());
        records.iter().for_each(there_and_back);
    }
}

#[test]
fn what_an_earlier_version_wrote_is_read() {
    let birth = br#"1{"type":"MANUAL","source":{"url":{"url":"https://example.com/a.zip","type":"ZIP"}},"limits":{"upload":28800,"queue":86400,"provision":600,"build":1800,"cancel":10},"created":1767258000000}"#;
    let source = Source::Url { url: "https://example.com/a.zip".into(), url_type: SourceUrlType::Zip };
    let (job, _) = Job::create(JobId::FIRST, NewJob::manual(source), nine());
    assert_eq!(decode::<Birth>(birth).unwrap(), *job.birth());

    let record = br#"1{"seq":2,"at":1767258000000,"event":"Started"}"#;
    let expected = Record { seq: 2, at: nine(), event: windlass::Event::Started };
    assert_eq!(decode::<Record>(record).unwrap(), expected);

    let branch = br#"1{"last":1,"jobs":1,"waiting":1,"working":null,"live":null}"#;
    let made = Branch::default().create(NewJob::manual(Source::Zip), nine()).unwrap();
    assert_eq!(decode::<Branch>(branch).unwrap(), made.branch);
}

#[test]
fn members_that_a_later_version_adds_are_ignored() {
    for (job, branch, records) in lives() {
        ignores_more(job.birth());
        ignores_more(job.progress());
        ignores_more(&branch);
        records.iter().for_each(ignores_more);
    }
    ignores_more(&App {
        id: "d1".parse().unwrap(),
        attributes: Attributes::new(),
        created: nine(),
        updated: nine(),
        version: 1,
    });
}

#[test]
fn an_unknown_format_is_named() {
    for (bytes, name) in [(&b"2{}"[..], "format '2'"), (b"{}", "format '{'"), (b"\x00", "format '\\0'")] {
        assert!(damage::<Branch>(bytes).contains(name), "{}", damage::<Branch>(bytes));
    }
    assert!(damage::<Branch>(b"").contains("nothing"));
}

#[test]
fn whatever_is_cut_off_or_overwritten_is_damaged() {
    let (job, _, records) = lives().remove(0);
    let whole = encode(&records[0]);
    for end in 0..whole.len() {
        damage::<Record>(&whole[..end]);
    }
    damage::<Record>(&encode(job.progress()));
    damage::<Progress>(&encode(&records[0]));
    damage::<Record>(&[&whole[..], b"x"].concat());
    damage::<Record>(&[b"1", &[0xff; 40][..]].concat());
    damage::<Progress>(b"1null");
}

#[test]
fn a_reason_goes_before_the_damage_and_nothing_else() {
    let named = StoreError::damaged("no more").of("job 3");
    assert_eq!(named.to_string(), "what is stored is damaged: job 3: no more");
    assert!(matches!(StoreError::Conflict.of("job 3"), StoreError::Conflict));
}

fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    assert_eq!(decode::<T>(&encode(value)).expect("it was just written"), *value);
}

fn ignores_more<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let mut json: Value = serde_json::from_slice(&encode(value)[1..]).expect("JSON follows the format");
    json.as_object_mut().expect("an object").insert("later".into(), json!({ "added": [1, null] }));
    assert_eq!(decode::<T>(&encode(&json)).expect("more is no damage"), *value);
}

fn damage<T: DeserializeOwned + std::fmt::Debug>(bytes: &[u8]) -> String {
    match decode::<T>(bytes) {
        Err(StoreError::Damaged { reason }) => reason,
        other => panic!("{:?} is {other:?}", String::from_utf8_lossy(bytes)),
    }
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("nine o'clock")
}

/// A job, the branch after it, and its history.
type Life = (Job, Branch, Vec<Record>);

/// Lives of jobs in which everything happens that can.
fn lives() -> Vec<Life> {
    use Command::{Claim, Expire, Start};
    use StepName::{Build, Deploy};
    let commit = |id: &str| Commit { id: id.into(), message: "Ä \"quoted\"\n".into(), time: nine() };
    let build =
        NewJob { job_type: JobType::WebHook, commit: Some(commit("abc")), ..NewJob::manual(Source::Repository) };
    let files = (0..2).map(|n| FileSlot { path: format!("{n}").into(), md5: [n; 16] });
    let url = || NewJob::manual(Source::Url { url: "s3://a/b".into(), url_type: SourceUrlType::BucketPrefix });
    let upload = |slot| Command::Upload { slot, object: u64::MAX };
    let stop = || Command::Stop { by: Some("me".into()) };
    let lost = |attempt| Command::Reclaim { attempt: Attempt::new(attempt) };
    let says = |attempt, report| Command::Report { attempt: Attempt::new(attempt), report };
    let begins = |attempt, step| says(attempt, Report::StepStarted(step));
    let ends = |attempt, step| says(attempt, Report::StepEnded(step));
    let goes_live = Report::Succeeded { artifact: Artifact { job: JobId::FIRST, object: u64::MAX } };
    vec![
        life(
            build,
            vec![
                Command::Replace { commit: commit("def").into() },
                Claim,
                says(1, Report::Provisioned),
                lost(1),
                says(2, Report::Resolved { commit: commit("defabc").into() }),
                begins(2, Build),
                ends(2, Build),
                begins(2, Deploy),
                ends(2, Deploy),
                says(2, goes_live),
            ],
        ),
        life(NewJob::manual(files.collect()), vec![upload(1), upload(0), Start, stop()]),
        life(NewJob::manual(Source::Zip), vec![upload(0), Expire]),
        life(url(), vec![Claim, begins(1, Deploy), stop(), says(1, Report::Stopped)]),
        life(url(), vec![Claim, stop(), Expire]),
        life(url(), vec![Claim, begins(1, Deploy), says(1, Report::Failed { reason: "no".into() })]),
        life(url(), vec![Claim, says(1, Report::Skipped { reason: "nothing changed".into() })]),
        life(url(), vec![Claim, lost(1), lost(2), lost(3)]),
    ]
}

fn life(new: NewJob, commands: Vec<Command>) -> Life {
    let made = Branch::default().create(new, nine()).expect("an empty branch has room");
    let (mut job, mut branch, mut records) = (made.job, made.branch, made.records);
    for command in commands {
        let passed = if command == Command::Expire { TimeDelta::days(2) } else { TimeDelta::milliseconds(1) };
        let change = branch.handle(&job, &command, job.at() + passed);
        assert_eq!(change.answer, Ok(()), "{command:?}");
        records.extend(change.records);
        (job, branch) = (change.job, change.branch);
    }
    (job, branch, records)
}
