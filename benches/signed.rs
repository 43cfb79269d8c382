//! A client that signs requests and keeps its connection, and does as little else as it can.

#![allow(dead_code, reason = "each bench uses some of it")]

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    credentials: Credentials,
}

impl Connection {
    pub(crate) async fn open(endpoint: &str, access_key: &str, secret_key: &str) -> Self {
        let host = endpoint.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await.expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("the server speaks HTTP");
        tokio::spawn(connection);
        Self { sender, host, credentials: Credentials::new(access_key, secret_key, None, None, "bench") }
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

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Bytes {
        self.sender.ready().await.expect("the connection stays");
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
