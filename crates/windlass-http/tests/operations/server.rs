//! The API, asked for an answer at a time, with what every answer must be.

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use windlass_http::Api;

use crate::support::api;

/// An API that asks for no signatures, and an app in it with a branch `main`.
pub(crate) struct Server {
    api: Api,
    pub(crate) app: String,
    _directory: TempDir,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (api, _, _) = api(directory.path()).await;
        let mut server = Self { api, app: String::new(), _directory: directory };
        let made = server.ask("POST", "/apps", &[], r#"{"name":"demo"}"#).await.json();
        server.app = made["app"]["appId"].as_str().expect("an id").to_owned();
        server.branch("main").await;
        server
    }

    /// CreateBranch.
    pub(crate) async fn branch(&self, name: &str) {
        let body = json!({ "branchName": name }).to_string();
        let made = self.ask("POST", &format!("/apps/{}/branches", self.app), &[], body).await;
        assert_eq!(made.status, 200, "{made:?}");
    }

    /// Sends a request, and checks what every answer must be.
    pub(crate) async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target).header("host", "localhost:8420");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.api.handle(request.body(body.into()).expect("a request")).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("text");
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        answer.check();
        answer
    }
}

impl Answer {
    /// Every answer has an id, and an error is in AWS's form: a bare type, and a body of a message and at most a code.
    fn check(&self) {
        assert!(self.status < 500, "{self:?}");
        assert_eq!(self.header("x-amzn-requestid").len(), 36, "{self:?}");
        let kind = self.header("x-amzn-errortype");
        assert_eq!(self.status >= 400, !kind.is_empty(), "{self:?}");
        if self.status >= 400 {
            assert!(kind.ends_with("Exception") && kind.bytes().all(|byte| byte.is_ascii_alphabetic()), "{self:?}");
            assert_eq!(self.header("content-type"), "application/json", "{self:?}");
            let mut members = self.json().as_object().expect("an object").clone();
            assert!(members.remove("message").is_some_and(|message| message.as_str() != Some("")), "{self:?}");
            assert!(members.keys().all(|name| name == "code"), "{self:?}");
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
}
