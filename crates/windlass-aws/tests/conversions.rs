//! Jobs there and back between Windlass's types and the SDK's.

mod support;

use core::fmt::Debug;
use std::collections::BTreeMap;

use aws_sdk_amplify::{primitives, types};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::option;
use proptest::prelude::*;
use support::{Canned, seven};
use windlass::wire::{Artifact, Job, JobSummary, Open, Step};
use windlass::{JobStatus, JobType, SourceUrlType};
use windlass_aws::{from_sdk, get_job, to_sdk};

proptest! {
    #[test]
    fn a_job_comes_back_from_the_sdks_types_as_it_was(job in job(any_time())) {
        let there = to_sdk::job(job.clone());
        prop_assert_eq!(from_sdk::job(there.clone()), Some(job.clone()));
        // And so do the SDK's.
        prop_assert_eq!(from_sdk::job(there.clone()).map(to_sdk::job), Some(there));
    }

    #[test]
    fn an_artifact_comes_back_as_it_was(name in ".*", id in ".*") {
        let artifact = Artifact { artifact_file_name: name, artifact_id: id };
        let there = to_sdk::artifact(artifact.clone());
        prop_assert_eq!(from_sdk::artifact(there.clone()), artifact);
        prop_assert_eq!(to_sdk::artifact(from_sdk::artifact(there.clone())), there);
    }

    #[test]
    fn a_job_of_the_sdks_comes_back_as_it_was(job in sdk_job()) {
        prop_assert_eq!(from_sdk::job(job.clone()).map(to_sdk::job), Some(job));
    }

    /// Times are of whole milliseconds, as the service sends them.
    #[test]
    fn an_answer_says_the_same_whether_the_sdk_reads_it_or_serde(job in job(millis())) {
        let job = Job { summary: JobSummary { job_id: "7".into(), ..job.summary }, ..job };
        let text = serde_json::to_string(&job).expect("a job is JSON");
        let canned = Canned::new([support::job(&serde_json::from_str(&text).expect("and JSON a value"))]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let look = runtime.block_on(get_job(&canned.client(), &seven())).expect("it is answered");
        prop_assert_eq!(serde_json::from_str::<Job>(&text).expect("serde reads it"), look.job);
    }
}

/// A job whose times are any of `times`.
fn job(times: impl Strategy<Value = DateTime<Utc>> + Clone + 'static) -> impl Strategy<Value = Job> {
    let summary = summary(times.clone());
    (summary, prop::collection::vec(step(times), 0..4)).prop_map(|(summary, steps)| Job { summary, steps })
}

fn summary(times: impl Strategy<Value = DateTime<Utc>> + Clone + 'static) -> impl Strategy<Value = JobSummary> {
    // Where absence and the epoch cannot be told apart, there is no epoch.
    let time = option::of(times.clone().prop_filter("the epoch", |time| *time != DateTime::UNIX_EPOCH));
    let texts = (".*", "[0-9]{1,20}", ".*", ".*", option::of(".*"));
    let values = (open(statuses()), option::of(open(job_types())), option::of(open(source_url_types())));
    (texts, values, time.clone(), time, option::of(times)).prop_map(|(texts, values, commit_time, start_time, end)| {
        let (job_arn, job_id, commit_id, commit_message, source_url) = texts;
        let (status, job_type, source_url_type) = values;
        JobSummary {
            job_arn,
            job_id,
            commit_id,
            commit_message,
            commit_time,
            start_time,
            status,
            end_time: end,
            job_type,
            source_url,
            source_url_type,
        }
    })
}

fn step(times: impl Strategy<Value = DateTime<Utc>> + Clone + 'static) -> impl Strategy<Value = Step> {
    let end = option::of(times.clone().prop_filter("the epoch", |time| *time != DateTime::UNIX_EPOCH));
    let text = || option::of(".*");
    let texts = (text(), text(), text(), text(), text(), text());
    let screenshots = option::of(prop::collection::btree_map(".*", ".*", 0..3));
    (".*", times, open(statuses()), end, texts, screenshots).prop_map(
        |(name, start, status, end, texts, screenshots)| {
            let (log_url, artifacts_url, test_artifacts_url, test_config_url, status_reason, context) = texts;
            Step {
                step_name: name,
                start_time: start,
                status,
                end_time: end,
                log_url,
                artifacts_url,
                test_artifacts_url,
                test_config_url,
                screenshots,
                status_reason,
                context,
            }
        },
    )
}

/// A job as it might come out of the SDK, every member of it chosen freely.
fn sdk_job() -> impl Strategy<Value = types::Job> {
    let time = || any_time().prop_map(to_sdk::time);
    let name = || prop_oneof!["[A-Z_]{0,12}", Just("no value was set".to_owned())];
    let summary = (".*", name(), name(), option::of(name()), time(), time(), option::of(time())).prop_map(
        |(text, status, job_type, url_type, commit, start, end)| {
            types::JobSummary::builder()
                .job_arn(&text)
                .job_id(&text)
                .commit_id(&text)
                .commit_message(text)
                .commit_time(commit)
                .start_time(start)
                .status(status.as_str().into())
                .set_end_time(end)
                .job_type(job_type.as_str().into())
                .set_source_url_type(url_type.map(|name| name.as_str().into()))
                .build()
                .expect("all is set")
        },
    );
    let step = (".*", name(), time(), time(), option::of(prop::collection::hash_map(".*", ".*", 0..3))).prop_map(
        |(text, status, start, end, screenshots)| {
            let step = types::Step::builder().step_name(&text).status(status.as_str().into()).start_time(start);
            step.end_time(end).set_screenshots(screenshots).context(text).build().expect("all is set")
        },
    );
    (summary, prop::collection::vec(step, 0..3)).prop_map(|(summary, steps)| {
        types::Job::builder().summary(summary).set_steps(Some(steps)).build().expect("all is set")
    })
}

/// A time of the calendar in whole milliseconds, one of our days to the nanosecond, or one that is out of the way.
fn any_time() -> impl Strategy<Value = DateTime<Utc>> + Clone {
    // Two microseconds on either side of a millisecond are left to `a_millisecond_survives_…`.
    let nanos = (0..4_000_000_000_000i64, 2_000..998_000i64).prop_map(|(millis, nanos)| at(millis, nanos));
    prop_oneof![
        4 => millis(),
        4 => nanos,
        1 => (DateTime::<Utc>::MIN_UTC.timestamp_millis()..DateTime::<Utc>::MAX_UTC.timestamp_millis())
            .prop_map(|millis| at(millis, 0)),
        1 => prop_oneof![Just(DateTime::<Utc>::MIN_UTC), Just(DateTime::<Utc>::MAX_UTC), Just(at(0, 0)), Just(at(-1, 0))],
    ]
}

/// The years 1 to 9999, mostly ours.
fn millis() -> impl Strategy<Value = DateTime<Utc>> + Clone {
    let year_one = -62_135_596_800_000i64;
    prop_oneof![0..4_000_000_000_000i64, year_one..253_402_300_800_000].prop_map(|millis| at(millis, 0))
}

fn at(millis: i64, nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).expect("a time of the calendar") + TimeDelta::nanoseconds(nanos)
}

fn statuses() -> impl Strategy<Value = JobStatus> + Clone {
    use windlass::JobStatus::*;
    prop::sample::select(vec![Created, Pending, Provisioning, Running, Failed, Succeed, Cancelling, Cancelled])
}

fn job_types() -> impl Strategy<Value = JobType> + Clone {
    prop::sample::select(vec![JobType::Release, JobType::Retry, JobType::Manual, JobType::WebHook])
}

fn source_url_types() -> impl Strategy<Value = SourceUrlType> + Clone {
    prop::sample::select(vec![SourceUrlType::Zip, SourceUrlType::BucketPrefix])
}

/// A known value, or a text that is none.
fn open<T: Clone + Debug + 'static>(known: impl Strategy<Value = T> + Clone + 'static) -> impl Strategy<Value = Open<T>>
where
    Open<T>: Debug,
{
    // The names of AWS's enums are in capitals.
    prop_oneof![4 => known.prop_map(Open::Known), 1 => "[a-z ]*".prop_map(Open::Unknown)]
}

#[test]
fn every_value_of_an_enum_has_the_same_name_on_both_sides() {
    for name in types::JobStatus::values() {
        let status: types::JobStatus = (*name).into();
        assert!(matches!(from_sdk::job_status(&status), Open::Known(_)), "{name}");
        assert_eq!(to_sdk::job_status(&from_sdk::job_status(&status)), status);
    }
    for name in types::JobType::values() {
        let kind: types::JobType = (*name).into();
        assert!(matches!(from_sdk::job_type(&kind), Open::Known(_)), "{name}");
        assert_eq!(to_sdk::job_type(&from_sdk::job_type(&kind)), kind);
    }
    for name in types::SourceUrlType::values() {
        let kind: types::SourceUrlType = (*name).into();
        assert!(matches!(from_sdk::source_url_type(&kind), Open::Known(_)), "{name}");
        assert_eq!(to_sdk::source_url_type(&from_sdk::source_url_type(&kind)), kind);
    }
}

#[test]
fn what_the_service_left_out_stays_absent() {
    let (epoch, unset) = (primitives::DateTime::from_secs(0), "no value was set");
    let summary = types::JobSummary::builder().job_arn("arn").job_id("1").commit_id("").commit_message("");
    let summary = summary.commit_time(epoch).start_time(epoch).status(unset.into()).job_type(unset.into()).build();
    let summary = from_sdk::job_summary(summary.expect("all is set"));
    assert_eq!((summary.commit_time, summary.start_time, summary.end_time, summary.job_type), (None, None, None, None));
    assert_eq!(summary.status, Open::Unknown(unset.into()));
    let step = types::Step::builder().step_name("DEPLOY").start_time(epoch).status("RUNNING".into()).end_time(epoch);
    let step = from_sdk::step(step.build().expect("all is set"));
    assert_eq!((step.start_time, step.end_time), (DateTime::UNIX_EPOCH, None));
}

#[test]
fn a_status_that_aws_adds_passes_through() {
    let paused = from_sdk::job_status(&"PAUSED".into());
    assert_eq!(paused, Open::Unknown("PAUSED".into()));
    assert_eq!(to_sdk::job_status(&paused).as_str(), "PAUSED");
}

#[test]
fn a_millisecond_survives_the_double_that_the_sdk_reads_it_as() {
    for millis in (1_707_429_282_000..1_707_429_283_000).chain(-2_000..2_000).chain(253_402_300_799_000..).take(6_000) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds fit a double for 285,000 years")]
        let read = primitives::DateTime::from_secs_f64(millis as f64 / 1000.0);
        assert_eq!(from_sdk::time(read), at(millis, 0), "{read:?}");
    }
    // It is not about the nearest millisecond: what no double gives is as it is.
    let near = primitives::DateTime::from_secs_and_nanos(1_707_429_282, 397_999_000);
    assert_eq!(from_sdk::time(near), at(1_707_429_282_397, 999_000));
}

#[test]
fn what_the_types_cannot_hold_comes_back_as_the_nearest_that_they_can() {
    let leap: DateTime<Utc> = "2016-12-31T23:59:60.500Z".parse().expect("a leap second");
    assert_eq!(from_sdk::time(to_sdk::time(leap)).to_rfc3339(), "2017-01-01T00:00:00.500+00:00");
    assert_eq!(from_sdk::time(primitives::DateTime::from_secs(i64::MAX)), DateTime::<Utc>::MAX_UTC);
    assert_eq!(from_sdk::time(primitives::DateTime::from_secs(i64::MIN)), DateTime::<Utc>::MIN_UTC);
    let mut crooked = primitives::DateTime::from_secs(1);
    crooked.set_subsec_nanos(u32::MAX);
    assert_eq!(from_sdk::time(crooked), at(5_000, 294_967_295));

    let known_as_unknown = Open::Unknown("PENDING".into());
    assert_eq!(from_sdk::job_status(&to_sdk::job_status(&known_as_unknown)), Open::Known(JobStatus::Pending));
    assert_eq!(from_sdk::job(types::Job::builder().set_steps(Some(vec![])).build().expect("all is set")), None);
}

#[test]
fn pictures_are_kept_by_name() {
    let pictures = BTreeMap::from([("a.png".to_owned(), "https://a".to_owned()), ("b.png".into(), "https://b".into())]);
    let mut step: Step =
        serde_json::from_str(r#"{"stepName": "TEST", "startTime": 1, "status": "SUCCEED"}"#).expect("a step of AWS's");
    step.screenshots = Some(pictures);
    let there = to_sdk::step(step.clone());
    assert_eq!(there.screenshots.as_ref().map(|by_name| by_name["b.png"].as_str()), Some("https://b"));
    assert_eq!(from_sdk::step(there), step);
}
