//! What people and programs read: results on standard output, progress and errors on standard error.
//!
//! Colours are for terminals only. A reader that has gone away is no error: there is nobody left to tell.

use core::fmt::{self, Arguments};
use std::borrow::Cow;
use std::io::{self, Write};

use anyhow::Context;
use chrono::{DateTime, Local, TimeDelta, Utc};
use clap::builder::styling::AnsiColor;
use serde::Serialize;
use windlass::JobStatus;
use windlass::wire::Open;

use super::watch::Change;

/// For whom output is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON value.
    Json,
}

/// Writes a line of a result, without spaces at its end.
///
/// # Errors
///
/// Where standard output cannot be written, other than because its reader has gone.
pub(crate) fn line(text: Arguments<'_>) -> anyhow::Result<()> {
    match writeln!(anstream::stdout().lock(), "{}", text.to_string().trim_end()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a value as JSON.
///
/// # Errors
///
/// Where standard output cannot be written.
pub(crate) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    line(format_args!("{}", serde_json::to_string_pretty(value)?))
}

/// Writes a line that is no result. Where it cannot be written, nobody misses it.
pub(crate) fn note(text: Arguments<'_>) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Writes what changed about a job, as a line of progress.
pub(crate) fn change(change: &Change) {
    match change {
        Change::Status { status: now, at, took } => {
            let at = at.map_or_else(|| " ".repeat(8), clock);
            note(format_args!("{at}  {}{}", status(now), after(*took)));
        }
        Change::Step { name, status: now, at, took } => {
            note(format_args!("{}    {} {}{}", clock(*at), plain(name), status(now), after(*took)));
        }
        Change::Contradiction(contradiction) => {
            let words = contradiction.to_string();
            note(format_args!("warning: the server contradicts itself: {}", plain(&words)));
        }
    }
}

fn after(took: Option<TimeDelta>) -> String {
    took.map(|took| format!(" after {}", duration(took))).unwrap_or_default()
}

/// A status in its colour.
pub(crate) fn status(status: &Open<JobStatus>) -> impl fmt::Display {
    coloured(status, 0)
}

/// A status in its colour, filled up with spaces to `width`.
pub(crate) fn coloured(status: &Open<JobStatus>, width: usize) -> String {
    let text = match status {
        Open::Known(known) => known.to_string(),
        Open::Unknown(text) => plain(text).into_owned(),
    };
    let colour = match status.known() {
        Some(JobStatus::Succeed) => AnsiColor::Green,
        Some(JobStatus::Failed) => AnsiColor::Red,
        Some(JobStatus::Cancelling | JobStatus::Cancelled) => AnsiColor::Yellow,
        Some(JobStatus::Created | JobStatus::Pending | JobStatus::Provisioning | JobStatus::Running) | None => {
            AnsiColor::Cyan
        }
    };
    let style = colour.on_default();
    format!("{style}{text:width$}{style:#}")
}

/// A text from elsewhere without the characters that would steer a terminal.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_unsafe) { text.replace(is_unsafe, " ").into() } else { text.into() }
}

fn is_unsafe(c: char) -> bool {
    // Beside the controls, the marks that turn the direction of writing.
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a text from elsewhere, on one line.
pub(crate) fn excerpt(text: &str, length: usize) -> String {
    let text = plain(text.trim());
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// A day and time, in the zone of this machine.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time of day, in the zone of this machine.
fn clock(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%H:%M:%S").to_string()
}

/// A length of time, as exactly as someone wants to know it.
pub(crate) fn duration(time: TimeDelta) -> String {
    let millis = time.num_milliseconds().max(0);
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..10 => format!("{seconds}.{} s", millis % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A number of bytes, in the largest unit that leaves a digit before the point.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short() {
        let cases = [(-5, "0 ms"), (0, "0 ms"), (249, "249 ms"), (9_999, "9.9 s"), (61_000, "1 min 01 s")];
        for (millis, expected) in cases.into_iter().chain([(59_999, "59 s"), (5_430_000, "1 h 30 min")]) {
            assert_eq!(duration(TimeDelta::milliseconds(millis)), expected);
        }
    }

    #[test]
    fn sizes_are_in_decimal_units() {
        for (bytes, expected) in [(0, "0 bytes"), (999, "999 bytes"), (1_999, "1.9 kB"), (5_000_000_000, "5.0 GB")] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn a_text_from_elsewhere_cannot_steer_a_terminal() {
        assert_eq!(plain("fix\u{1b}[2J\r\n\u{202e}it"), "fix [2J   it");
        assert!(matches!(plain("über"), Cow::Borrowed("über")));
        assert_eq!(excerpt(" first\nsecond ", 8), "first se…");
        assert_eq!(excerpt("first", 5), "first");
    }
}
