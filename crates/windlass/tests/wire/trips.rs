//! There and back: every type, with any text, any time of the calendar, values that AWS has not invented yet, and
//! each optional member there or not.

use std::fmt::Debug;
use std::str::FromStr;

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strum::{IntoEnumIterator, VariantArray as _};
use windlass::wire::{Artifact, Job, JobSummary, Open, Step};
use windlass::{JobStatus, JobType, SourceUrlType};

use crate::has_null;
use crate::times::any_time;

proptest! {
    #[test]
    fn a_job_is_read_as_it_was_written(job in any_job()) {
        there_and_back(&job);
    }

    #[test]
    fn a_page_is_read_as_it_was_written(page in prop::collection::vec(any_summary(), 0..4)) {
        there_and_back(&page);
    }

    #[test]
    fn a_step_is_read_as_it_was_written(step in any_step()) {
        there_and_back(&step);
    }

    #[test]
    fn an_artifact_is_read_as_it_was_written(name in any_text(), id in any_text()) {
        there_and_back(&Artifact { artifact_file_name: name, artifact_id: id });
    }

    #[test]
    fn values_known_and_unknown_are_read_as_they_were_written(
        status in any_status(),
        job_type in any_value::<JobType>(),
        url_type in any_value::<SourceUrlType>(),
    ) {
        there_and_back(&(status, job_type, url_type));
    }
}

fn any_job() -> impl Strategy<Value = Job> {
    (any_summary(), prop::collection::vec(any_step(), 0..4)).prop_map(|(summary, steps)| Job { summary, steps })
}

fn any_summary() -> impl Strategy<Value = JobSummary> {
    let texts = (any_text(), any_text(), any_text(), any_text());
    let times = (of(any_time()), of(any_time()), of(any_time()));
    let source = (of(any_text()), of(any_value::<SourceUrlType>()));
    (texts, times, any_status(), of(any_value::<JobType>()), source).prop_map(
        |(
            (job_arn, job_id, commit_id, commit_message),
            (commit_time, start_time, end_time),
            status,
            job_type,
            (source_url, source_url_type),
        )| JobSummary {
            job_arn,
            job_id,
            commit_id,
            commit_message,
            commit_time,
            start_time,
            status,
            end_time,
            job_type,
            source_url,
            source_url_type,
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let urls = (of(any_text()), of(any_text()), of(any_text()), of(any_text()));
    let screenshots = of(prop::collection::btree_map(any_text(), any_text(), 0..3));
    let words = (any_text(), of(any_text()), of(any_text()));
    (words, any_time(), any_status(), of(any_time()), urls, screenshots).prop_map(
        |(
            (step_name, status_reason, context),
            start_time,
            status,
            end_time,
            (log_url, artifacts_url, test_artifacts_url, test_config_url),
            screenshots,
        )| Step {
            step_name,
            start_time,
            status,
            end_time,
            log_url,
            artifacts_url,
            test_artifacts_url,
            test_config_url,
            screenshots,
            status_reason,
            context,
        },
    )
}

fn any_status() -> impl Strategy<Value = Open<JobStatus>> {
    prop_oneof![select(JobStatus::VARIANTS).prop_map(Open::Known), any_text().prop_map(open)]
}

fn any_value<T: IntoEnumIterator + FromStr + Clone + Debug + 'static>() -> impl Strategy<Value = Open<T>> {
    prop_oneof![select(T::iter().collect::<Vec<_>>()).prop_map(Open::Known), any_text().prop_map(open)]
}

/// A text that happens to be a value that we know is read as that.
fn open<T: FromStr>(text: String) -> Open<T> {
    text.parse().map_or(Open::Unknown(text), Open::Known)
}

/// Any characters at all, and words that mean something in JSON.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "(?s).{0,12}", 1 => r#"null|""|\\u0000|[\x00-\x1f"\\/]{1,4}|SUCCEED|true|-1e9"#]
}

/// Written and read as text, as a stream, as a value, and with spaces.
fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("JSON");
    let tree: Value = serde_json::from_str(&text).expect("JSON");
    assert!(!has_null(&tree), "no member is ever null: {text}");
    let pretty = serde_json::to_string_pretty(value).expect("JSON");
    let read: [T; 4] = [
        serde_json::from_str(&text).expect("our own"),
        serde_json::from_reader(text.as_bytes()).expect("our own"),
        serde_json::from_value(tree).expect("our own"),
        serde_json::from_str(&pretty).expect("our own"),
    ];
    for again in read {
        assert_eq!(again, *value, "{text}");
    }
}
