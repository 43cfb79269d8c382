//! Times as signatures write them: ISO 8601 in its basic form, to the second, for example `20150830T123600Z`.
//!
//! Every request has one, so they are read and written digit by digit, not by a pattern that is parsed anew each time.

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};

pub(super) fn write(time: &DateTime<Utc>) -> String {
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

pub(super) fn read(text: &str) -> Option<DateTime<Utc>> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(number::<4>(date, 0)?).ok()?, two(date, 4)?, two(date, 6)?)?;
    let time = date.and_hms_opt(two(clock, 0)?, two(clock, 2)?, two(clock, 4)?)?;
    (text.len() == "20150830T123600Z".len()).then(|| time.and_utc())
}

fn two(text: &str, from: usize) -> Option<u32> {
    number::<2>(text, from)
}

/// The number that so many digits stand for.
fn number<const DIGITS: usize>(text: &str, from: usize) -> Option<u32> {
    let digits = text.as_bytes().get(from..from + DIGITS)?;
    digits.iter().try_fold(0, |number, digit| Some(number * 10 + char::from(*digit).to_digit(10)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for text in ["20150830T123600Z", "20000229T235959Z", "00010101T000000Z", "99991231T000001Z"] {
            assert_eq!(write(&read(text).unwrap()), text);
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "Z",
            "TZ",
            "20150830T123600",
            "20150830123600Z",
            "2015083T1236000Z",
            "201508300T12360Z",
            "20150230T000000Z",
            "20150830T240000Z",
            "20150830T123660Z",
            "+0150830T123600Z",
            "20150830T1236 0Z",
            "20150830t123600Z",
            "20150830T12360üZ",
            "20150830T123600ZZ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
