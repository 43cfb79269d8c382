//! `windlass jobs logs`: what the steps of a job wrote, and what they go on to write.

use core::time::Duration;
use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use reqwest::StatusCode;
use reqwest::header::RANGE;
use serde::Serialize;
use url::Url;
use windlass::wire::Step;
use windlass_aws::{JobRef, Look};

use crate::client::output::{self, Format};
use crate::client::watch::is_ended;
use crate::client::{Client, Place, web};

/// Which logs, and for how long.
#[derive(clap::Args, Debug)]
pub(crate) struct Which {
    /// Of this step only, for example DEPLOY
    #[arg(long, value_name = "STEP", value_parser = step)]
    step: Option<String>,

    /// Go on until the job has ended
    #[arg(long, short)]
    follow: bool,
}

/// What programs are told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    job_id: &'a str,
    steps: Vec<ToldStep<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldStep<'a> {
    step_name: &'a str,
    log: String,
}

/// How much of each step's log was read.
#[derive(Default)]
struct Reader {
    logs: BTreeMap<String, Vec<u8>>,
    /// How much of each has been shown.
    shown: BTreeMap<String, usize>,
}

/// Names of steps are upper case.
fn step(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("a step has a name") } else { Ok(text.to_ascii_uppercase()) }
}

/// Shows them.
///
/// # Errors
///
/// Where the job has no such step, or a log cannot be read.
pub(super) async fn show(client: &Client, job: &JobRef, which: &Which, format: Format) -> anyhow::Result<ExitCode> {
    let following = async {
        let mut reader = Reader::default();
        loop {
            let look = client.look(job).await?;
            // What it wrote before it ended is there once it is seen to have ended.
            let is_last = !which.follow || is_ended(&look.job.summary.status);
            which.check(&look, is_last)?;
            for step in look.job.steps.iter().filter(|step| which.wants(step)) {
                reader.read(step).await.with_context(|| format!("cannot read the log of {}", step.step_name))?;
                if format == Format::Text {
                    reader.show(&step.step_name, is_last)?;
                }
            }
            if is_last {
                return anyhow::Ok((reader, look));
            }
            tokio::time::sleep(client.log_pace()).await;
        }
    };
    let (mut reader, look) = tokio::select! {
        read = following => read?,
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
    };
    if format == Format::Json {
        let steps = look.job.steps.iter().filter(|step| which.wants(step)).map(|step| {
            let log = reader.logs.remove(&step.step_name).unwrap_or_default();
            ToldStep { step_name: &step.step_name, log: String::from_utf8_lossy(&log).into_owned() }
        });
        output::json(&Told { job_id: &job.job_id, steps: steps.collect() })?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Which {
    fn wants(&self, step: &Step) -> bool {
        self.step.as_ref().is_none_or(|name| *name == step.step_name)
    }

    /// Says that a step that was named is not there, once it cannot come any more.
    fn check(&self, look: &Look, is_last: bool) -> anyhow::Result<()> {
        let steps = &look.job.steps;
        if let Some(name) = self.step.as_ref().filter(|_| is_last && !steps.iter().any(|step| self.wants(step))) {
            let there: Vec<_> = steps.iter().map(|step| output::plain(&step.step_name)).collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            bail!("job {} has no step {name}; its steps so far: {there}", look.job.summary.job_id);
        }
        Ok(())
    }
}

impl Reader {
    /// Reads what a step's log has beyond what was read before.
    async fn read(&mut self, step: &Step) -> anyhow::Result<()> {
        let Some(url) = &step.log_url else { return Ok(()) };
        let url: Url = url.parse().context("its URL is damaged")?;
        let log = self.logs.entry(step.step_name.clone()).or_default();
        let request = web::client(&url)?.get(url).timeout(TIMEOUT);
        let request = if log.is_empty() { request } else { request.header(RANGE, format!("bytes={}-", log.len())) };
        // The URL is a credential: it is not shown.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                let is_rest = answer.status() == StatusCode::PARTIAL_CONTENT;
                let bytes = answer.bytes().await.map_err(reqwest::Error::without_url)?;
                // Whoever does not know ranges sends all of it.
                let new = if is_rest { &bytes[..] } else { bytes.get(log.len()..).unwrap_or_default() };
                log.extend_from_slice(new);
            }
            // There is no more of it yet. An empty log has no ranges at all.
            StatusCode::RANGE_NOT_SATISFIABLE => {}
            // AWS keeps a log once its step has ended.
            StatusCode::NOT_FOUND => ensure!(step.end_time.is_none(), "it is not kept"),
            status => bail!("the server answered {status}"),
        }
        Ok(())
    }

    /// Writes the lines that have not been written yet, and at the end what is no whole line, too.
    fn show(&mut self, step: &str, is_last: bool) -> anyhow::Result<()> {
        let log = self.logs.get(step).map(Vec::as_slice).unwrap_or_default();
        let shown = self.shown.entry(step.to_owned()).or_default();
        let new = &log[(*shown).min(log.len())..];
        let whole =
            if is_last { new.len() } else { new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1) };
        for line in String::from_utf8_lossy(&new[..whole]).lines() {
            output::line(format_args!("{}", output::plain(line)))?;
        }
        *shown += whole;
        Ok(())
    }
}

/// How long one reading may take.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Client {
    /// How often to look for more. AWS is far and asked by many.
    fn log_pace(&self) -> Duration {
        match &self.place {
            Place::Endpoint(_) => Duration::from_millis(500),
            Place::Aws(_) => Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::get;

    use super::*;

    #[tokio::test]
    async fn a_log_is_read_on_whether_the_server_knows_ranges_or_not() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = "first\nsecond\n";
        let ranges = move |headers: HeaderMap| async move {
            match headers.get(RANGE).map(|range| range.to_str().unwrap().to_owned()).as_deref() {
                None => (StatusCode::OK, &text[..6]),
                Some("bytes=6-") => (StatusCode::PARTIAL_CONTENT, &text[6..]),
                Some(_) => (StatusCode::RANGE_NOT_SATISFIABLE, ""),
            }
        };
        // It has the second line by the time it is asked for it.
        let whole = move |headers: HeaderMap| async move { &text[..if headers.contains_key(RANGE) { 13 } else { 6 }] };
        let router = Router::new().route("/ranges", get(ranges)).route("/whole", get(whole));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        for path in ["ranges", "whole"] {
            let step = step_at(&format!("{origin}/{path}"), None);
            let mut reader = Reader::default();
            for expected in [&text[..6], text, text] {
                reader.read(&step).await.unwrap();
                assert_eq!(reader.logs["DEPLOY"], expected.as_bytes(), "{path}");
            }
        }
    }

    #[tokio::test]
    async fn a_log_that_is_not_there_yet_is_empty_and_one_that_is_gone_is_an_error() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/log.txt?X-Amz-Signature=SECRET", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new()).await });
        let mut reader = Reader::default();
        reader.read(&step_at(&url, None)).await.unwrap();
        assert!(reader.logs["DEPLOY"].is_empty());
        let error = format!("{:#}", reader.read(&step_at(&url, Some(2))).await.unwrap_err());
        assert_eq!(error, "it is not kept");
        let error = reader.read(&step_at("http://127.0.0.1:1/?X-Amz-Signature=SECRET", None)).await.unwrap_err();
        assert!(!format!("{error:#}").contains("SECRET"), "{error:#}");
    }

    fn step_at(url: &str, end: Option<i64>) -> Step {
        let step = serde_json::json!({
            "stepName": "DEPLOY", "status": "RUNNING", "startTime": 1, "endTime": end, "logUrl": url,
        });
        serde_json::from_value(step).unwrap()
    }
}
