//! What AWS itself answers, in the shapes that users have published. It leaves out members that its own model
//! requires, and its command line prints times as texts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use windlass::wire::{Job, JobSummary, Open, Step};
use windlass::{JobStatus, JobType};

use crate::has_null;

/// A deployment of a URL, a deployment of an upload, and a release, each just asked for.
#[test]
fn a_job_that_has_only_been_asked_for_has_no_times() {
    let commit_time = ("commitTime", json!("2024-06-11T12:51:43.157000+00:00"));
    let asked = [
        ("0000000001", "1", vec![]),
        ("0000000003", "3", vec![]),
        ("0000000268", "268", vec![("commitId", json!("HEAD")), commit_time]),
    ];
    for (padded, id, more) in asked {
        let mut sent = json!({"jobArn": job_arn(padded), "jobId": id, "status": "PENDING"});
        sent.as_object_mut().expect("an object").extend(more.into_iter().map(|(name, value)| (name.into(), value)));
        let summary = summary(&sent);
        assert_eq!((summary.job_arn, summary.job_id.as_str()), (job_arn(padded), id));
        assert_eq!((summary.status, summary.start_time, summary.end_time), (JobStatus::Pending.into(), None, None));
        assert_eq!(summary.commit_time.is_some(), summary.commit_id == "HEAD");
        assert_eq!((summary.commit_message.as_str(), summary.job_type), ("", None));
    }
}

#[test]
fn a_page_of_releases_has_ends_in_whole_seconds() {
    let summary = summary(&json!({
        "jobArn": job_arn("0000000002"), "jobId": "2", "commitId": "HEAD",
        "commitTime": "2020-08-13T09:12:57.156000+02:00", "startTime": "2020-08-13T09:12:57.978000+02:00",
        "status": "SUCCEED", "endTime": "2020-08-13T09:15:03+02:00"
    }));
    let times = [summary.commit_time, summary.start_time, summary.end_time];
    assert_eq!(times.map(millis), [Some(1_597_302_777_156), Some(1_597_302_777_978), Some(1_597_302_903_000)]);
}

#[test]
fn a_push_shows_its_commit() {
    let summary = summary(&json!({
        "jobArn": job_arn("0000000014"), "jobId": "14", "commitId": "0123456789abcdef0123456789abcdef01234567",
        "commitMessage": "fix: the \"menu\"\n", "commitTime": "2024-04-02T16:20:11.120000-07:00",
        "startTime": "2024-04-02T16:20:11.490000-07:00", "status": "FAILED",
        "endTime": "2024-04-02T16:21:40.002000-07:00"
    }));
    assert_eq!((summary.commit_id.len(), summary.commit_message.as_str()), (40, "fix: the \"menu\"\n"));
    assert_eq!(summary.status, Open::Known(JobStatus::Failed));
}

#[test]
fn a_manual_job_of_a_url_shows_it_and_no_commit() {
    let sent = |id: u32| {
        json!({
            "jobArn": job_arn(&format!("{id:010}")), "jobId": id.to_string(), "startTime": 1_785_000_014.352,
            "status": "SUCCEED", "endTime": 1_785_000_029.777, "sourceUrl": "s3://bucket/site.zip", "sourceUrlType": "ZIP"
        })
    };
    let page: Vec<JobSummary> = [16, 15, 14].map(|id| summary(&sent(id))).into();
    assert_eq!(page.iter().map(|job| job.job_id.as_str()).collect::<Vec<_>>(), ["16", "15", "14"]);
    assert_eq!((page[0].commit_id.as_str(), page[0].commit_time, &page[0].job_type), ("", None, &None));

    let step = |name, start, end| json!({"stepName": name, "startTime": start, "status": "SUCCEED", "endTime": end});
    let [deploy, verify] = [("DEPLOY", 14.372, 29.444), ("VERIFY", 29.624, 29.645)]
        .map(|(name, start, end)| step(name, 1_785_000_000.0 + start, 1_785_000_000.0 + end));
    let job: Job = read(&json!({"summary": sent(16), "steps": [deploy, verify]}));
    assert_eq!(job.summary, page[0]);
    let times: Vec<_> =
        job.steps.iter().map(|step| (step.start_time.timestamp_millis(), millis(step.end_time))).collect();
    assert_eq!(times, [(1_785_000_014_372, Some(1_785_000_029_444)), (1_785_000_029_624, Some(1_785_000_029_645))]);
}

#[test]
fn the_job_in_the_user_guide_is_read() {
    let log = "https://aws-amplify-prod-us-west-2-artifacts.s3.us-west-2.amazonaws.com/abcd1234/main/0000000002/BUILD/log.txt?X-Amz-Security-Token=...";
    let job: Job = read(&json!({
        "summary": {
            "jobArn": "arn:aws:amplify:us-west-2:111122223333:apps/abcd1234/main/jobs/0000000002", "jobId": "2",
            "commitId": "HEAD", "commitTime": "2024-02-08T21:54:42.398000+00:00",
            "startTime": "2024-02-08T21:54:42.674000+00:00", "status": "SUCCEED",
            "endTime": "2024-02-08T22:03:58.071000+00:00"
        },
        "steps": [{
            "stepName": "BUILD", "startTime": "2024-02-08T21:54:42.693000+00:00", "status": "SUCCEED",
            "endTime": "2024-02-08T22:03:30.897000+00:00", "logUrl": log
        }]
    }));
    assert_eq!(millis(job.summary.commit_time), Some(1_707_429_282_398));
    assert_eq!(millis(job.summary.end_time), Some(1_707_429_838_071));
    let [step] = &job.steps[..] else { panic!("one step") };
    assert_eq!((step.step_name.as_str(), step.log_url.as_deref()), ("BUILD", Some(log)));
}

#[test]
fn what_aws_may_add_is_passed_through_or_ignored() {
    let job: Job = read(&json!({
        "summary": {
            "jobArn": "arn", "jobId": "1", "status": "TELEPORTED", "jobType": "DREAM", "sourceUrlType": "TAR",
            "mood": {"good": [true, null]}
        },
        "steps": [{"stepName": "PRESENT", "startTime": 0, "status": "RUNNING", "context": "Ubuntu", "screenshots": {}}],
        "weather": "fair"
    }));
    assert_eq!(job.summary.status, Open::Unknown("TELEPORTED".into()));
    assert_eq!(job.summary.status.known(), None);
    assert_eq!(format!("{:>12}", job.summary.status), "  TELEPORTED");
    assert_eq!(format!("{:>12}", job.steps[0].status), "     RUNNING");
    let again = serde_json::to_value(&job).expect("JSON");
    assert_eq!((&again["summary"]["jobType"], &again["summary"]["sourceUrlType"]), (&json!("DREAM"), &json!("TAR")));
    assert_eq!((&again["steps"][0]["stepName"], &again["steps"][0]["screenshots"]), (&json!("PRESENT"), &json!({})));
    assert_eq!((again.get("weather"), again["summary"].get("mood")), (None, None));
}

#[test]
fn a_member_that_is_null_is_absent() {
    let required = ["jobArn", "jobId", "status"];
    let least = json!({"jobArn": "a", "jobId": "1", "status": "PENDING"});
    for name in SUMMARY {
        let mut sent = least.clone();
        sent[name] = Value::Null;
        let read = serde_json::from_value::<JobSummary>(sent).ok();
        assert_eq!(read, (!required.contains(&name)).then(|| summary(&least)), "{name}");
    }
    let required = ["stepName", "startTime", "status"];
    let least = json!({"stepName": "BUILD", "startTime": 0, "status": "RUNNING"});
    for name in STEP {
        let mut sent = least.clone();
        sent[name] = Value::Null;
        let step = serde_json::from_value::<Step>(sent).ok();
        assert_eq!(step, (!required.contains(&name)).then(|| read(&least)), "{name}");
    }
    let job: Job = read(&json!({"summary": {"jobArn": "a", "jobId": "1", "status": "PENDING"}, "steps": null}));
    assert_eq!(job.steps, []);
    // AWS's own client for Rust refuses a map that has no value for a key.
    let hole = json!({"stepName": "TEST", "startTime": 0, "status": "RUNNING", "screenshots": {"front": null}});
    assert!(serde_json::from_value::<Step>(hole).is_err());
}

#[test]
fn a_value_is_a_text_and_a_known_one_is_known() {
    for (sent, name) in [(json!(1), "integer `1`"), (json!(true), "boolean `true`"), (json!([]), "sequence")] {
        let error = serde_json::from_value::<Open<JobStatus>>(sent).expect_err("no text").to_string();
        assert_eq!(error, format!("invalid type: {name}, expected the name of an enum's value"));
    }
    assert_eq!(read::<Open<JobType>>(&json!("WEB_HOOK")), JobType::WebHook.into());
    assert_eq!(read::<Open<JobType>>(&json!("WEB_HOOK")).known(), Some(JobType::WebHook));
    assert_eq!(read::<Open<JobType>>(&json!("web_hook")).known(), None);
    assert_eq!("SUCCEED".parse(), Ok(Open::Known(JobStatus::Succeed)));
    assert_eq!(serde_json::from_str::<Open<JobStatus>>(r#""\u0052UNNING""#).ok(), Some(JobStatus::Running.into()));
}

const SUMMARY: [&str; 11] = [
    "jobArn",
    "jobId",
    "commitId",
    "commitMessage",
    "commitTime",
    "startTime",
    "status",
    "endTime",
    "jobType",
    "sourceUrl",
    "sourceUrlType",
];

const STEP: [&str; 11] = [
    "stepName",
    "startTime",
    "status",
    "endTime",
    "logUrl",
    "artifactsUrl",
    "testArtifactsUrl",
    "testConfigUrl",
    "screenshots",
    "statusReason",
    "context",
];

/// Reads a summary, and writes it with the members that it came with. Two texts are written always.
fn summary(sent: &Value) -> JobSummary {
    let summary: JobSummary = read(sent);
    let mut members = names(sent);
    members.extend(["commitId".to_owned(), "commitMessage".to_owned()]);
    let written = serde_json::to_value(&summary).expect("JSON");
    assert_eq!(names(&written), members);
    assert!(["commitTime", "startTime", "endTime"].iter().all(|name| written.get(name).is_none_or(Value::is_f64)));
    summary
}

/// Reads a value from each of the forms in which JSON may lie before us.
fn read<T: serde::de::DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(sent: &Value) -> T {
    let value: T = serde_json::from_value(sent.clone()).expect("AWS sends it");
    let text = sent.to_string();
    assert_eq!(serde_json::from_str::<T>(&text).expect("the same as text"), value);
    assert_eq!(serde_json::from_reader::<_, T>(text.as_bytes()).expect("the same as a stream"), value);
    let written = serde_json::to_value(&value).expect("JSON");
    assert!(!has_null(&written), "no member is ever null: {written}");
    assert_eq!(serde_json::from_value::<T>(written).expect("our own"), value);
    value
}

fn names(value: &Value) -> BTreeSet<String> {
    let members: BTreeMap<String, Value> = serde_json::from_value(value.clone()).expect("an object");
    members.into_keys().collect()
}

fn millis(time: Option<chrono::DateTime<chrono::Utc>>) -> Option<i64> {
    time.map(|time| time.timestamp_millis())
}

fn job_arn(padded: &str) -> String {
    format!("arn:aws:amplify:us-east-1:111122223333:apps/d1/branches/main/jobs/{padded}")
}
