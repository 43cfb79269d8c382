//! A server of repositories: `git http-backend` with Git LFS beside it, and servers that do not do as they should.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use windlass_git::{Git, RepositoryUrl};

use crate::origin::NOBODY;

/// How a server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Open,
    /// It wants this header.
    Closed(&'static str),
    /// It says that everything is elsewhere.
    Moved(String),
    /// It speaks the first protocol alone, in which commits are not given away by their hash.
    Old,
    /// It names its branches and then says no more.
    Stuck,
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    folder: PathBuf,
    manner: Manner,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(folder: PathBuf, manner: Manner) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let desk = Desk { folder, manner, asked: Arc::clone(&asked) };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(desk);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { at, asked, task }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://localhost:{}/{name}/.git", self.at.port())
    }

    pub(crate) fn address(&self, name: &str) -> RepositoryUrl {
        RepositoryUrl::parse(&self.url(name)).unwrap()
    }

    /// What it was asked for, each with the header that opens it.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until it is asked for something.
    pub(crate) async fn is_asked_for(&self, what: &str) {
        while !self.asked().iter().any(|asked| asked.contains(what)) {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(desk): State<Desk>, request: Request) -> Response {
    let headers = request.headers().clone();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let authorization = text(header::AUTHORIZATION);
    // A fetch has a long body; the listing of branches before it a short one.
    let fetches = text(header::CONTENT_LENGTH).parse().is_ok_and(|length: u32| length > 250);
    desk.asked.lock().unwrap().push(format!("{} {} {authorization}", request.method(), request.uri()));
    match &desk.manner {
        Manner::Closed(wanted) if authorization != *wanted => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")]).into_response()
        }
        Manner::Moved(to) => {
            (StatusCode::FOUND, [(header::LOCATION, format!("{to}{}", request.uri()))]).into_response()
        }
        Manner::Stuck if fetches => std::future::pending().await,
        Manner::Open | Manner::Closed(_) | Manner::Old | Manner::Stuck => {
            let path = request.uri().path().to_owned();
            if let Some(repository) = path.strip_suffix("/info/lfs/objects/batch") {
                batch(repository, request).await
            } else if let Some(object) = path.strip_prefix("/objects/") {
                // Where it lies is its name.
                let file = desk.folder.join(object);
                std::fs::read(file).map_or_else(|_| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
            } else {
                serve(desk, request).await
            }
        }
    }
}

/// Says where each file is to be had, as Git LFS asks for it.
///
/// <https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md>
async fn batch(repository: &str, request: Request) -> Response {
    let host = request.headers()[header::HOST].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let answer = |object: &Value| {
        let oid = object["oid"].as_str().unwrap();
        let (one, two) = (&oid[..2], &oid[2..4]);
        let href = format!("http://{host}/objects{repository}/lfs/objects/{one}/{two}/{oid}");
        json!({ "oid": oid, "size": object["size"], "actions": { "download": { "href": href } } })
    };
    let objects: Vec<_> = asked["objects"].as_array().unwrap().iter().map(answer).collect();
    let answer = json!({ "transfer": "basic", "objects": objects }).to_string();
    ([(header::CONTENT_TYPE, "application/vnd.git-lfs+json")], answer).into_response()
}

/// One request by the rules of CGI.
async fn serve(desk: Desk, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let protocol = if desk.manner == Manner::Old { "" } else { text("git-protocol") };
    let mut child = Command::new("git")
        .args(["http-backend"])
        .env_clear()
        .env("PATH", Git::default().path)
        .envs(NOBODY)
        .envs([("GIT_HTTP_EXPORT_ALL", "1"), ("GIT_PROTOCOL", protocol), ("REQUEST_METHOD", head.method.as_str())])
        .envs([("PATH_INFO", head.uri.path()), ("QUERY_STRING", head.uri.query().unwrap_or_default())])
        .envs([("CONTENT_TYPE", text("content-type")), ("HTTP_CONTENT_ENCODING", text("content-encoding"))])
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("GIT_PROJECT_ROOT", &desk.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async move {
        // It may have heard enough.
        drop(stdin.write_all(&body).await);
    };
    let ((), ended) = tokio::join!(write, child.wait_with_output());
    let output = ended.unwrap().stdout;
    let split = output.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..split]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            _ => response.header(name, value),
        };
    }
    response.body(Body::from(output[split + 4..].to_vec())).unwrap()
}
