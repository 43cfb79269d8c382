//! Waiting at a terminal for a job to end: with its changes shown, a limit, and Ctrl-C.

use core::time::Duration;
use std::process::ExitCode;

use serde::Serialize;
use windlass::JobStatus;
use windlass::wire::Job;
use windlass_aws::{JobRef, Look};

use super::Client;
use super::output::{self, Format};
use super::watch::Change;

/// How long to wait.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Give up waiting after this long, for example 90s or 10m; the job goes on
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

/// What programs are told of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'a> {
    /// As GetJob answers it.
    pub job: &'a Job,
    /// Why it ended as it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<&'a str>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(look: &'a Look) -> Self {
        Self { job: &look.job, status_reason: look.reason() }
    }
}

impl Client {
    /// Waits until the job has ended. Where Ctrl-C is pressed or patience ends before that, says that the job goes on and gives
    /// the exit code.
    ///
    /// # Errors
    ///
    /// Where the server does not answer, or knows no such job.
    pub(super) async fn wait(
        &self,
        job: &JobRef,
        patience: Patience,
        format: Format,
    ) -> anyhow::Result<Result<Look, ExitCode>> {
        let mut show = |change: &Change| {
            if format == Format::Text {
                output::change(change);
            }
        };
        let limit = async {
            match patience.timeout {
                Some(limit) => tokio::time::sleep(limit).await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            look = self.watch(job, &mut show) => look.map(Ok),
            _ = tokio::signal::ctrl_c() => Ok(Err(self.goes_on(job, "interrupted", ExitCode::from(130)))),
            () = limit => Ok(Err(self.goes_on(job, "the time is up", ExitCode::FAILURE))),
        }
    }

    /// Says that a job does not end because nobody waits for it.
    fn goes_on(&self, job: &JobRef, why: &str, code: ExitCode) -> ExitCode {
        let (watch, stop) = (self.command("watch", job), self.command("stop", job));
        let id = &job.job_id;
        output::note(format_args!("windlass: {why}; job {id} goes on: `{watch}` shows how, `{stop}` stops it"));
        code
    }
}

/// Says how the job ended and gives the exit code: success only where it is `wanted`.
///
/// # Errors
///
/// Where nothing can be written.
pub(super) fn finish(job: &JobRef, look: &Look, wanted: JobStatus, format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Text => output::line(format_args!("job {} {}", job.job_id, output::status(&look.job.summary.status)))?,
        Format::Json => output::json(&Shown::new(look))?,
    }
    Ok(verdict(job, look, wanted))
}

/// The exit code of an ended job, and on standard error why it is not success.
pub(super) fn verdict(job: &JobRef, look: &Look, wanted: JobStatus) -> ExitCode {
    let status = &look.job.summary.status;
    if status.known() == Some(wanted) {
        return ExitCode::SUCCESS;
    }
    let reason = look.reason().map(output::plain);
    let reason = reason.unwrap_or_else(|| "no reason was given".into());
    output::note(format_args!("windlass: job {} is {status}: {reason}", job.job_id));
    ExitCode::FAILURE
}

/// Reads `90`, `90s`, `500ms`, `10m` or `2h`.
fn duration(text: &str) -> Result<Duration, &'static str> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()].parse().map_err(|_| "a number and s, m or h, for example 10m")?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("the units are ms, s, m and h"),
    };
    Ok(Duration::from_millis(number.saturating_mul(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7_200), ("0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "m", "-1", "1d", "1.5h", "10 m", "٣", "99999999999999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
