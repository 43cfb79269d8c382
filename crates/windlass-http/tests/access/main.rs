//! Who may ask, and how much: an API on a store in memory, and requests that AWS's own signer has signed.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod apps;
mod doors;
mod events;
mod keys;
mod quotas;
mod rate;
mod roles;
#[path = "../operations/sample.rs"]
#[allow(dead_code, reason = "the table's own tests use the rest")]
mod sample;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::body::Body;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use windlass::{Account, Limits};
use windlass_http::{Api, Auth, DomainVerification, Quotas, Settings};
use windlass_store::{Blobs, Clock as _, Directory, ManualClock, MemoryStore};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "111122223333";

/// An API with the app `app`, which has the branch `main`.
struct World {
    api: Api,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    /// The server's own.
    admin: Key,
    app: String,
    _directory: TempDir,
}

/// A key pair.
#[derive(Clone, Debug)]
struct Key {
    id: String,
    secret: String,
}

/// What the API answered.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    kind: String,
    headers: HeaderMap,
    json: Value,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new([7; 32]));
        let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(directory.path()).unwrap()));
        let mut settings = Settings {
            account: Account { region: REGION.to_owned(), id: ACCOUNT.to_owned() },
            site_authority: "localhost:8420".to_owned(),
            limits: Limits::default(),
            quotas: Quotas::default(),
            request_rate: None,
            allow_local_repositories: false,
            domains: DomainVerification::Offline,
            courier: None,
            closed: None,
        };
        change(&mut settings);
        let clock = Arc::new(ManualClock::at("2026-03-10T12:00:00Z".parse().unwrap()));
        let admin = Key { id: "WDLSADMIN".to_owned(), secret: "the server's own".to_owned() };
        let auth = Auth::SigV4(BTreeMap::from([(admin.id.parse().unwrap(), admin.secret.parse().unwrap())]));
        let api = Api::new(store.clone(), blobs, clock.clone(), auth, settings).await.unwrap();
        let mut world = Self { api, store, clock, admin, app: String::new(), _directory: directory };
        world.app = world.make_app("demo").await;
        world
    }

    /// An app of this name that has the branch `main`.
    async fn make_app(&self, name: &str) -> String {
        let made = self.admin("POST", "/apps", json!({ "name": name, "repository": "https://example.com/r" })).await;
        let id = made.ok()["app"]["appId"].as_str().unwrap().to_owned();
        self.admin("POST", &format!("/apps/{id}/branches"), json!({ "branchName": "main" })).await.ok();
        id
    }

    /// A new key.
    async fn key(&self, new: Value) -> Key {
        let made = self.admin("POST", "/-/keys", new).await;
        let text = |name: &str| made.ok()["key"][name].as_str().unwrap().to_owned();
        Key { id: text("accessKeyId"), secret: text("secretAccessKey") }
    }

    /// Asks as whoever may do everything.
    async fn admin(&self, method: &str, target: &str, body: Value) -> Answer {
        self.ask(&self.admin, method, target, body).await
    }

    /// Asks with a key. `null` is no body.
    async fn ask(&self, key: &Key, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = self.signed(key, method, target, body.as_bytes());
        self.send(request.map(|()| Body::from(body))).await
    }

    /// The head of a request with this body, as AWS's SDK signs it.
    fn signed(&self, key: &Key, method: &str, target: &str, body: &[u8]) -> Request<()> {
        let url = format!("http://windlass.test{target}");
        let identity = Credentials::new(&key.id, &key.secret, None, None, "test").into();
        let now = u64::try_from(self.clock.now().timestamp()).unwrap();
        let params = v4::SigningParams::builder().identity(&identity).region(REGION).name("amplify");
        let params =
            params.time(SystemTime::UNIX_EPOCH + Duration::from_secs(now)).settings(SigningSettings::default());
        let signable = SignableRequest::new(method, &url, [].into_iter(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(signable, &params.build().unwrap().into()).unwrap().into_parts();
        let mut request = Request::builder().method(method).uri(&url).body(()).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        request.headers_mut().insert(HOST, HeaderValue::from_static("windlass.test"));
        *request.uri_mut() = target.parse().unwrap();
        request
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.api.handle(request).await.into_parts();
        let body: Bytes = body.collect().await.unwrap().to_bytes();
        let kind = parts.headers.get("x-amzn-errortype").map_or("", |kind| kind.to_str().unwrap()).to_owned();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: parts.status.as_u16(), kind, headers: parts.headers, json }
    }

    /// The ARN of something.
    fn arn(&self, path: &str) -> String {
        format!("arn:aws:amplify:{REGION}:{ACCOUNT}:{path}")
    }
}

impl Answer {
    /// The answer of an operation that did what it was asked to do.
    #[track_caller]
    fn ok(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        &self.json
    }

    fn message(&self) -> &str {
        self.json["message"].as_str().unwrap_or_default()
    }

    #[track_caller]
    fn refuses(&self, status: u16, kind: &str, message: &str) {
        assert_eq!((self.status, self.kind.as_str(), self.message()), (status, kind, message));
    }

    /// The answer says that `user` may not do `action` to `resource`.
    #[track_caller]
    fn denies(&self, user: &str, action: &str, resource: &str) {
        let message = format!(
            "User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: {action} on resource: {resource}"
        );
        self.refuses(403, "AccessDeniedException", &message);
    }

    fn is_denied(&self) -> bool {
        self.kind == "AccessDeniedException"
    }
}
