//! A client that signs requests and keeps its connection, and does as little else as it can.

#![allow(dead_code, reason = "each bench uses some of it")]

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    credentials: Credentials,
}

impl Connection {
    pub(crate) async fn open(endpoint: &str, access_key: &str, secret_key: &str) -> Self {
        let host = endpoint.trim_start_matches("http://").to_owned();
        Self {
            sender: connect(&host).await,
            host,
            credentials: Credentials::new(access_key, secret_key, None, None, "bench"),
        }
    }

    /// Calls an operation of the API.
    pub(crate) async fn call(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let uri = format!("http://{}{path}", self.host);
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        for (name, value) in self.signature(method, &uri, body.as_bytes()) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        serde_json::from_slice(&self.send(request).await).expect("JSON")
    }

    /// Uploads to a presigned URL.
    pub(crate) async fn put(&mut self, url: &str, bytes: &[u8]) {
        let path = url.strip_prefix(&format!("http://{}", self.host)).expect("a URL of this server");
        let request = Request::put(path).header("host", &self.host).body(Full::new(Bytes::copy_from_slice(bytes)));
        self.send(request.expect("a request")).await;
    }

    /// A new app's branch; answers its path.
    pub(crate) async fn branch(&mut self) -> String {
        let app = self.call("POST", "/apps", &json!({ "name": "bench" })).await;
        let branches = format!("/apps/{}/branches", text(&app["app"]["appId"]));
        self.call("POST", &branches, &json!({ "branchName": "main" })).await;
        format!("{branches}/main")
    }

    /// Begins a deployment; answers its job and where to put the zip.
    pub(crate) async fn create_deployment(&mut self, branch: &str) -> (String, String) {
        let made = self.call("POST", &format!("{branch}/deployments"), &json!({})).await;
        (text(&made["jobId"]).to_owned(), text(&made["zipUploadUrl"]).to_owned())
    }

    /// Starts a deployment and waits until it is live.
    pub(crate) async fn go_live(&mut self, branch: &str, job: &str) {
        self.call("POST", &format!("{branch}/deployments/start"), &json!({ "jobId": job })).await;
        self.until_succeeded(branch, job).await;
    }

    /// Deploys a zip; answers the job.
    pub(crate) async fn deploy(&mut self, branch: &str, zip: &[u8]) -> String {
        let (job, url) = self.create_deployment(branch).await;
        self.put(&url, zip).await;
        self.go_live(branch, &job).await;
        job
    }

    /// Looks at a job until it has succeeded, with pauses that leave the processor to the server.
    pub(crate) async fn until_succeeded(&mut self, branch: &str, job: &str) {
        let path = format!("{branch}/jobs/{job}");
        let mut pause = tokio::time::interval(Duration::from_millis(1));
        loop {
            let found = self.call("GET", &path, &Value::Null).await;
            match text(&found["job"]["summary"]["status"]) {
                "SUCCEED" => return,
                "FAILED" | "CANCELLED" => panic!("job {job} ended otherwise: {found}"),
                _ => pause.tick().await,
            };
        }
    }

    /// A page of a site on the same server.
    pub(crate) async fn page(&mut self, site: &str, path: &str) -> String {
        let request = Request::get(path).header("host", site).body(Full::default()).expect("a request");
        String::from_utf8(self.send(request).await.into()).expect("text")
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Bytes {
        if self.sender.ready().await.is_err() {
            // Servers hang up on who says nothing for long.
            self.sender = connect(&self.host).await;
        }
        let response = self.sender.send_request(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a whole answer").to_bytes();
        assert!(status.is_success(), "{status}: {body:?}");
        body
    }

    /// The headers that sign a request. They may be sent again and again for 15 minutes.
    pub(crate) fn signature(&self, method: &str, uri: &str, body: &[u8]) -> Vec<(String, String)> {
        let identity = self.credentials.clone().into();
        #[expect(clippy::disallowed_methods, reason = "signatures carry the time")]
        let now = SystemTime::now();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("amplify")
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .expect("all parameters")
            .into();
        let request = SignableRequest::new(method, uri, std::iter::empty(), SignableBody::Bytes(body));
        let (instructions, _) = sign(request.expect("a request"), &params).expect("a signature").into_parts();
        let (headers, _) = instructions.into_parts();
        headers.into_iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect()
    }
}

async fn connect(host: &str) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(host).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("the server speaks HTTP");
    tokio::spawn(connection);
    sender
}

/// What a member of an answer says.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
