//! Times as epoch seconds with milliseconds.
//!
//! For `#[serde(with = "windlass::wire::epoch_seconds")]`. A moment is read to the nearest millisecond, the
//! same one whether it is written as a number or as a text. A double holds the milliseconds of every moment
//! of the calendar.

use core::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Writes the time as epoch seconds.
///
/// # Errors
///
/// Those of the serializer.
#[expect(clippy::cast_precision_loss, reason = "milliseconds fit a double for 285,000 years")]
pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.timestamp_millis() as f64 / 1000.0)
}

/// Reads epoch seconds, or RFC 3339.
///
/// # Errors
///
/// For anything that is neither, or that lies outside of the calendar.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    deserializer.deserialize_any(Time)
}

/// The time at so many seconds of the epoch, to the millisecond; `None` outside of the calendar.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a value out of range saturates, and is then out of the calendar"
)]
pub fn from_seconds(seconds: f64) -> Option<DateTime<Utc>> {
    if !seconds.is_finite() {
        return None;
    }
    // Whole seconds apart from the rest, so that no millisecond is lost in far years. `f64::round` needs std;
    // adding a half before the cut does the same.
    let whole = seconds as i64;
    let rest = (seconds - whole as f64) * 1000.0;
    let rest = (if rest < 0.0 { rest - 0.5 } else { rest + 0.5 }) as i64;
    DateTime::from_timestamp_millis(whole.checked_mul(1000)?.checked_add(rest)?)
}

fn from_text(text: &str) -> Option<DateTime<Utc>> {
    let half = TimeDelta::microseconds(500);
    let time = DateTime::parse_from_rfc3339(text).ok()?.checked_add_signed(half)?;
    DateTime::from_timestamp_millis(time.timestamp_millis())
}

struct Time;

impl Visitor<'_> for Time {
    type Value = DateTime<Utc>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("epoch seconds or an RFC 3339 time")
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Self::Value, E> {
        from_seconds(seconds).ok_or_else(outside)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
        DateTime::from_timestamp(seconds, 0).ok_or_else(outside)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Self::Value, E> {
        i64::try_from(seconds).map_or_else(|_| Err(outside()), |seconds| self.visit_i64(seconds))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        from_text(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

fn outside<E: Error>() -> E {
    E::custom("a time outside of the calendar")
}

/// The same for a time that may be absent.
pub mod option {
    use core::fmt;

    use chrono::{DateTime, Utc};
    use serde::de::Visitor;
    use serde::{Deserializer, Serializer};

    /// Writes the time as epoch seconds; an absent one is to be skipped.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads epoch seconds, RFC 3339, or nothing.
    ///
    /// # Errors
    ///
    /// For anything else.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        deserializer.deserialize_option(MaybeTime)
    }

    struct MaybeTime;

    impl<'de> Visitor<'de> for MaybeTime {
        type Value = Option<DateTime<Utc>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("epoch seconds, an RFC 3339 time or nothing")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            super::deserialize(deserializer).map(Some)
        }
    }
}
