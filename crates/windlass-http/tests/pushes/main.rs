//! Repositories, their tokens, and what pushes to them start, through the API without a network.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod apps;
mod events;
mod forges;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use windlass::{AppId, Command, Job};
use windlass_http::Api;
use windlass_store::{Address, Extras, JobKey, MemoryStore, Store as _, execute};

use crate::forges::Event;

/// An app that is connected to a repository, its branch `main`, and a webhook of it.
struct World {
    api: Api,
    store: Arc<MemoryStore>,
    app: String,
    id: String,
    token: String,
    _directory: TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (api, store, _) = support::api(directory.path()).await;
        let (app, id, token) = Default::default();
        let mut world = Self { api, store, app, id, token, _directory: directory };
        let made = world.ask("/apps", json!({ "name": "web", "repository": "https://example.com/r" })).await;
        world.app = made.ok()["app"]["appId"].as_str().unwrap().to_owned();
        world.ask(&format!("/apps/{}/branches", world.app), json!({ "branchName": "main" })).await.ok();
        let hook = world.ask(&format!("/apps/{}/webhooks", world.app), json!({ "branchName": "main" })).await;
        let url = url::Url::parse(hook.ok()["webhook"]["webhookUrl"].as_str().unwrap()).unwrap();
        let member = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        (world.id, world.token) = (member("id"), member("token"));
        world
    }

    async fn ask(&self, target: &str, body: Value) -> Answer {
        self.post(target, &[("content-type", "application/json".to_owned())], body.to_string().into_bytes()).await
    }

    async fn post(&self, target: &str, headers: &[(&'static str, String)], body: impl Into<Body>) -> Answer {
        self.send("POST", target, headers, body).await
    }

    async fn send(&self, method: &str, target: &str, headers: &[(&str, String)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(target).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let (parts, body) = self.api.handle(request.body(body.into()).unwrap()).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    /// Delivers an event as its forge does, signed, without the token in the URL.
    async fn deliver(&self, event: &Event) -> Answer {
        let body = event.body.to_string().into_bytes();
        self.deliver_bytes(event, body).await
    }

    async fn deliver_bytes(&self, event: &Event, body: Vec<u8>) -> Answer {
        let mut headers = event.forge.headers(event.name, &event.id);
        headers.push(event.forge.proof(&self.token, &body));
        headers.push(("content-type", "application/json".to_owned()));
        self.post(&format!("/-/webhooks?id={}", self.id), &headers, body).await
    }

    /// Changes the branch, or the app.
    async fn set(&self, below: &str, members: Value) {
        self.ask(&format!("/apps/{}{below}", self.app), members).await.ok();
    }

    /// The jobs of a branch, newest first.
    async fn jobs(&self, branch: &str) -> Vec<Job> {
        let app: AppId = self.app.parse().unwrap();
        let branch = self.store.branch(&app, &branch.parse().unwrap()).await.unwrap().unwrap();
        self.store.jobs(branch.uid, None, 50).await.unwrap().items
    }

    /// A runner does something to a job of `main`.
    async fn does(&self, job: u64, command: Command) {
        let app: AppId = self.app.parse().unwrap();
        let branch = self.store.branch(&app, &"main".parse().unwrap()).await.unwrap().unwrap();
        let key = JobKey { branch: branch.uid, job: windlass::JobId::new(job) };
        let done = execute(&*self.store, Address::Key(key), &[command], support::noon(), Extras::default()).await;
        done.unwrap().answer.unwrap();
    }
}

impl Answer {
    #[track_caller]
    fn ok(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.json);
        &self.json
    }

    fn message(&self) -> &str {
        self.json["message"].as_str().unwrap_or_default()
    }

    /// The number of the job that was started.
    fn job(&self) -> Option<&str> {
        self.headers.get("x-windlass-job").map(|job| job.to_str().unwrap())
    }

    /// Nothing was started, which is no error, for this reason.
    #[track_caller]
    fn starts_nothing(&self, because: &str) {
        self.ok();
        assert_eq!(self.job(), None);
        assert!(self.message().contains(because) && self.message().contains("othing was started"), "{}", self.json);
    }
}
