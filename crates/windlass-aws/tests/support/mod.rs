//! AWS's own client, with canned answers instead of a network.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_sdk_amplify::Client;
use aws_sdk_amplify::config::retry::RetryConfig;
use aws_sdk_amplify::config::{BehaviorVersion, Credentials, HttpClient, Region, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};
use windlass_aws::JobRef;

/// What the other side does when it is asked.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It answers with a status, headers and a body.
    Http(u16, Vec<(&'static str, String)>, String),
    /// The connection breaks.
    Broken,
    /// Nothing ever comes.
    Silence,
}

/// GetJob's answer.
pub(crate) fn job(job: &Value) -> Answer {
    Answer::Http(200, Vec::new(), json!({ "job": job }).to_string())
}

/// The answer about a job that has only a summary.
pub(crate) fn summary(summary: &Value) -> Answer {
    job(&json!({ "summary": summary, "steps": [] }))
}

/// A refusal in AWS's form.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let headers = vec![("x-amzn-errortype", code.to_owned()), ("x-amzn-requestid", "0b5e-77".to_owned())];
    Answer::Http(status, headers, json!({ "message": message }).to_string())
}

/// The other side: its answers in turn, and when each was asked for. The last answer is for ever.
#[derive(Clone, Debug)]
pub(crate) struct Canned(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<(Instant, String)>,
}

impl Canned {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self(Arc::new(Mutex::new(Script { answers: answers.into_iter().collect(), asked: Vec::new() })))
    }

    /// A client that retries nothing by itself, so that every answer is seen.
    pub(crate) fn client(&self) -> Client {
        let config = aws_sdk_amplify::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("AKIA", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(SharedHttpClient::new(self.clone()))
            .build();
        Client::from_conf(config)
    }

    /// The paths that were asked for.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.lock().expect("no test panics in here").asked.iter().map(|(_, path)| path.clone()).collect()
    }

    /// How long after each look the next one was.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        let script = self.0.lock().expect("no test panics in here");
        script.asked.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut script = self.0.lock().expect("no test panics in here");
        let path = request.uri().split_once(".amazonaws.com").map_or(request.uri(), |(_, path)| path);
        script.asked.push((Instant::now(), path.to_owned()));
        let last = script.answers.len() == 1;
        let answer = if last { script.answers.front().cloned() } else { script.answers.pop_front() };
        match answer.expect("there is an answer") {
            Answer::Http(status, headers, body) => {
                let status = status.try_into().expect("a status of HTTP's");
                let mut response = HttpResponse::new(status, body.into());
                for (name, value) in headers {
                    response.headers_mut().insert(name, value);
                }
                HttpConnectorFuture::ready(Ok(response))
            }
            Answer::Broken => HttpConnectorFuture::ready(Err(ConnectorError::io("the line is cut".into()))),
            Answer::Silence => HttpConnectorFuture::new(core::future::pending()),
        }
    }
}

impl HttpClient for Canned {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

pub(crate) fn seven() -> JobRef {
    JobRef::new("d2ek69ya1jyvs1", "feature/x", "7")
}
