//! Times: numbers on the wire, texts as the AWS CLI prints them.

use chrono::{DateTime, FixedOffset, TimeZone as _, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use windlass::wire::{Step, epoch_seconds};

use crate::{from_millis, nine};

#[test]
fn times_are_read_as_epoch_seconds_and_as_rfc_3339() {
    assert_eq!(read(json!(1_767_258_000)), Some(1_767_258_000_000));
    assert_eq!(read(json!(1_767_258_000.123)), Some(1_767_258_000_123));
    assert_eq!(read(json!(1.767258e9)), Some(1_767_258_000_000));
    assert_eq!(read(json!(-1)), Some(-1_000));
    assert_eq!(read(json!(-0.001)), Some(-1));
    assert_eq!(read(json!(-1.5)), Some(-1_500));
    assert_eq!(read(json!(0.9996)), Some(1_000));
    assert_eq!(read(json!("2026-01-01T09:00:00.123Z")), Some(1_767_258_000_123));
    assert_eq!(read(json!("2026-01-01T10:00:00.123499+01:00")), Some(1_767_258_000_123));
    assert_eq!(read(json!("2026-01-01T10:00:00.122500+01:00")), Some(1_767_258_000_123));
    assert_eq!(read(json!("2025-12-31T23:30:00-09:30")), Some(1_767_258_000_000));
    assert_eq!(read(json!("2016-12-31T23:59:60.5Z")), Some(1_483_228_800_500));
    assert_eq!(read(json!("2026-01-01 09:00")), None);
    assert_eq!(read(json!("2026-01-01T09:00:00")), None);
    for outside in [json!(1e300), json!(-1e300), json!(u64::MAX), json!(i64::MIN), json!(9e12), json!(true), json!([])]
    {
        assert_eq!(read(outside.clone()), None, "{outside}");
    }
    for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        assert_eq!(epoch_seconds::from_seconds(seconds), None);
    }
}

#[test]
fn a_number_is_read_in_each_of_its_spellings() {
    for text in ["1767258000.123", "1.767258000123E9", "1767258000123e-3", "1767258000.123000", "1767258000.1229999"] {
        assert_eq!(serde_json::from_str(text).ok().and_then(read), Some(nine().timestamp_millis()), "{text}");
    }
}

#[test]
fn what_is_no_time_is_named() {
    let error = |time: Value| serde_json::from_value::<Step>(step(&time)).expect_err("no time").to_string();
    assert_eq!(error(json!("soon")), r#"invalid value: string "soon", expected epoch seconds or an RFC 3339 time"#);
    assert_eq!(error(json!(9e12)), "a time outside of the calendar");
    assert_eq!(error(json!(null)), "invalid type: null, expected epoch seconds or an RFC 3339 time");
}

#[test]
fn the_first_and_the_last_moment_of_the_calendar_are_read_as_they_were_written() {
    let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC].map(|end| end.timestamp_millis());
    for millis in [ends[0], ends[0] + 1, -1, 0, 1, ends[1] - 1, ends[1]] {
        there_and_back(from_millis(millis));
    }
}

proptest! {
    #[test]
    fn every_moment_of_the_calendar_is_read_as_it_was_written(time in any_time()) {
        there_and_back(time);
    }

    /// To the millisecond, whatever stands behind it, wherever the clock that printed it hung.
    #[test]
    fn a_moment_is_the_same_as_number_and_as_text(
        // Four digits of a year are all that clients print.
        millis in -62_000_000_000_000i64..253_000_000_000_000,
        micros in -450i64..=450,
        minutes in -1439i32..=1439,
    ) {
        let clock = FixedOffset::east_opt(minutes * 60).expect("less than a day");
        let time = clock.timestamp_micros(millis * 1000 + micros).single().expect("a time of the calendar");
        for text in [time.format("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string(), time.to_rfc3339()] {
            prop_assert_eq!(read(text.into()), Some(millis));
        }
        #[expect(clippy::cast_precision_loss, reason = "the same loss as on the wire")]
        let seconds = (millis * 1000 + micros) as f64 / 1e6;
        prop_assert_eq!(read(seconds.into()), Some(millis));
    }

    #[test]
    fn whatever_is_read_of_a_double_is_the_nearest_millisecond(
        seconds in prop_oneof![-9e12..9e12, any::<f64>()],
    ) {
        if let Some(time) = epoch_seconds::from_seconds(seconds) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a double holds them")]
            let rest = (time.timestamp_millis() - seconds.trunc() as i64 * 1000) as f64;
            let off = (seconds.fract() * 1000.0 - rest).abs();
            prop_assert!(off <= 0.5 + 1e-9, "{seconds} is read {off} ms off");
        } else {
            prop_assert!(!(-8.3e12..8.2e12).contains(&seconds));
        }
    }
}

/// Any whole millisecond of the calendar, most of them of our days.
pub(crate) fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    let [first, last] = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC].map(|end| end.timestamp_millis());
    prop_oneof![1_500_000_000_000i64..2_000_000_000_000, first..=last].prop_map(from_millis)
}

fn there_and_back(time: DateTime<Utc>) {
    let text = serde_json::to_string(&At(time)).expect("JSON");
    let again: At = serde_json::from_str(&text).expect("our own");
    assert_eq!(again.0, time, "{text}");
}

#[derive(serde::Serialize, serde::Deserialize)]
struct At(#[serde(with = "epoch_seconds")] DateTime<Utc>);

fn read(time: Value) -> Option<i64> {
    serde_json::from_value::<Step>(step(&time)).map(|step| step.start_time.timestamp_millis()).ok()
}

fn step(start_time: &Value) -> Value {
    json!({"stepName": "BUILD", "startTime": start_time, "status": "RUNNING"})
}
