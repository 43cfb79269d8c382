//! Events as they go over the wire: server-sent ones, and signed requests to subscribers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::time::interval;
use windlass_store::Clock as _;

use crate::support::process::{Process, windlass};
use crate::support::web::serve;
use crate::support::{BRANCH, World, http, page};

/// How the life of a job that is uploaded and goes live is told.
const LIFE: [&str; 5] = ["CREATED", "PENDING", "STARTED", "RUNNING", "SUCCEED"];

#[tokio::test]
async fn whoever_listens_is_cut_off_and_misses_nothing() {
    let world = World::unsigned().await;
    let url = format!("{}/-/events", world.server.endpoint());
    let mut told = Vec::new();
    let mut listening = Listening::new(&url, "0").await;
    for _ in 0..3 {
        world.deploy(page("one")).await;
        // Cut off in the middle of each.
        for _ in 0..3 {
            told.push(listening.next().await);
        }
        let last = told.last().map(|(id, _)| id.clone()).unwrap();
        drop(listening);
        listening = Listening::new(&url, &last).await;
    }
    while told.len() < 15 {
        told.push(listening.next().await);
    }
    let expected: Vec<_> = (1..=3).flat_map(|job| LIFE.map(|status| format!("{job} {status}"))).collect();
    assert_eq!(told.iter().map(|(_, event)| summary(event)).collect::<Vec<_>>(), expected);

    let event = &told[14].1;
    let arn = format!("arn:aws:amplify:us-east-1:000000000000:apps/{}/branches/main/jobs/0000000003", world.app);
    assert_eq!(event["resources"], json!([arn]));
    let members = ["version", "detail-type", "source", "account", "region"].map(|name| event[name].as_str().unwrap());
    assert_eq!(members, ["0", "Amplify Deployment Status Change", "aws.amplify", "000000000000", "us-east-1"]);
    let detail = json!({
        "appId": world.app, "branchName": BRANCH, "jobId": "3", "jobStatus": "SUCCEED", "status": "SUCCEED",
        "jobType": "MANUAL",
    });
    assert_eq!(event["detail"], detail);
    let mut failed = Listening::new(&format!("{url}?appId={}", world.app), &told[14].0).await;
    world.deploy(b"no zip".to_vec()).await;
    while failed.next().await.1["detail"]["jobStatus"] != "RUNNING" {}
    let (_, end) = failed.next().await;
    assert_eq!((&end["detail"]["jobStatus"], &end["detail"]["jobStep"]), (&"FAILED".into(), &"DEPLOY".into()));
    assert!(!end["detail"]["statusReason"].as_str().unwrap().is_empty(), "{end}");
}

#[tokio::test]
async fn events_are_for_those_who_sign() {
    let world = World::new().await;
    for path in ["/-/events", "/-/subscribers", "/-/subscribers/1"] {
        let answer = http().get(format!("{}{path}", world.server.endpoint())).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
    let url = format!("{}/-/events?cursor=0", world.server.endpoint());
    let keys = world.server.credentials();
    let identity = Credentials::new(keys.access_key_id.as_str(), &keys.secret_access_key, None, None, "test").into();
    let params = v4::SigningParams::builder().identity(&identity).region("us-east-1").name("amplify");
    let params = params.time(world.clock.now().into()).settings(SigningSettings::default()).build().unwrap().into();
    let signable = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(b"")).unwrap();
    let mut request = axum::http::Request::get(&url).body("").unwrap();
    sign(signable, &params).unwrap().into_parts().0.apply_to_request_http1x(&mut request);
    world.deploy(page("one")).await;
    let answer = http().execute(request.try_into().unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(summary(&Listening::of(answer).next().await.1), "1 CREATED");
}

#[tokio::test]
async fn a_subscriber_that_was_down_is_told_everything_by_signed_requests() {
    let world = World::unsigned().await;
    // A port at which nobody is yet.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let made = subscribe(&world, &format!("http://{address}/hook")).await;
    for _ in 0..2 {
        world.deploy(page("one")).await;
    }
    let seen = until(&world, &made, |seen| seen["status"] == "RETRYING").await;
    assert!(seen["statusReason"].as_str().unwrap().contains("refused"), "{seen}");

    let taken = Taken::default();
    let listener = TcpListener::bind(address).await.unwrap();
    let router = taken.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let expected: BTreeMap<_, _> = (1..=2).map(|job| (job.to_string(), LIFE.map(str::to_owned).to_vec())).collect();
    taken.until(&expected).await;
    until(&world, &made, |seen| seen["status"] == "ACTIVE").await;

    let secret = STANDARD.decode(made["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
    for (headers, body) in taken.requests() {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((header("webhook-id"), header("content-type")), (text(&event, "id"), "application/json".into()));
        let signed = [format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes(), &body].concat();
        let expected = format!("v1,{}", STANDARD.encode(hmac(&secret, &signed)));
        assert_eq!(header("webhook-signature"), expected);
    }
}

#[tokio::test]
async fn dead_subscribers_hold_up_no_job_and_no_other() {
    let world = World::with(|config| {
        config.signed = false;
        config.drain = Duration::from_secs(20);
    })
    .await;
    let hung = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let taken = Taken::default();
    let well = serve(taken.router()).await;
    let moved = serve(Router::new().route("/", post(|| async { Redirect::temporary("http://127.0.0.1:1/") }))).await;
    let hung_url = format!("http://{}/", hung.local_addr().unwrap());
    let mut made = Vec::new();
    for url in [hung_url, format!("{moved}/"), "http://127.0.0.1:1/".to_owned(), format!("{well}/hook")] {
        made.push(subscribe(&world, &url).await);
    }
    for _ in 0..50 {
        world.deploy(page("one")).await;
    }
    let expected: BTreeMap<_, _> = (1..=50).map(|job| (job.to_string(), LIFE.map(str::to_owned).to_vec())).collect();
    taken.until(&expected).await;
    let seen = until(&world, &made[1], |seen| seen["status"] == "RETRYING").await;
    assert!(seen["statusReason"].as_str().unwrap().contains("redirects are not followed"), "{seen}");
    // It ends by itself, though one of them still has not answered.
    let World { server, .. } = world;
    server.shut_down().await;
}

#[tokio::test]
async fn a_subscriber_is_not_inside() {
    let world = World::with(|config| {
        config.signed = false;
        config.allow_source = Vec::new();
    })
    .await;
    for url in ["http://127.0.0.1:9/", "http://[::1]/", "http://169.254.169.254/", "http://2130706433/"] {
        let refused = world.ask("POST", "/-/subscribers", json!({ "url": url }).to_string()).await;
        refused.is_bad("may not be", url);
    }
    // What the name hides is seen when it is asked for.
    let made = subscribe(&world, "http://localhost:9/").await;
    world.deploy(page("one")).await;
    let seen = until(&world, &made, |seen| seen["status"] == "RETRYING").await;
    assert!(seen["statusReason"].as_str().unwrap().contains("loopback"), "{seen}");
}

#[tokio::test]
async fn subscribers_are_kept_by_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let client = server.client(data.path());
    let app = client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
    client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    let run = |args: &[&str]| {
        let done = windlass().arg("subscribers").args(args).arg("--data").arg(data.path()).output().unwrap();
        let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
        assert_eq!(done.status.success(), err.is_empty() || err.contains("told") || err.contains("secret"), "{err}");
        (done.status.success(), out, err)
    };
    let url = "http://127.0.0.1:1/hook";
    let made = run(&["add", url, "--app", "demo", "--branch", BRANCH, "--description", "for chat", "--output", "json"]);
    let made: Value = serde_json::from_str(&made.1).unwrap();
    assert_eq!((&made["appId"], &made["branchName"], &made["status"]), (&app.into(), &BRANCH.into(), &"ACTIVE".into()));
    let id = text(&made, "subscriberId");
    let added = run(&["add", url]).1;
    assert!(added.contains("secret  whsec_"), "{added}");
    let listed = run(&["list"]).1;
    assert!(listed.contains(&id) && listed.contains("for chat") && listed.contains("all apps"), "{listed}");
    assert!(!listed.contains("whsec_"), "{listed}");
    assert!(run(&["remove", &id]).0);
    let left: Value = serde_json::from_str(&run(&["list", "--output", "json"]).1).unwrap();
    assert_eq!(left["subscribers"].as_array().unwrap().len(), 1);
    let again = run(&["remove", &id]);
    assert!(!again.0 && again.2.contains("not found"), "{again:?}");
    let refused = run(&["add", "ftp://a.example/"]);
    assert!(!refused.0 && refused.2.contains("begins with http"), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_stops_ends_what_is_listened_to() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &["--auth", "none"]);
    let listening = Listening::new(&format!("{}/-/events", server.endpoint), "0").await;
    let pid = i32::try_from(server.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(tokio::task::spawn_blocking(move || server.wait()).await.unwrap(), Some(0));
    // By an end, not by a break.
    listening.ended().await;
}

async fn subscribe(world: &World, url: &str) -> Value {
    let answer = world.ask("POST", "/-/subscribers", json!({ "url": url }).to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let made: Value = serde_json::from_str(&answer.body).unwrap();
    made["subscriber"].clone()
}

/// Waits until a subscriber is listed like this.
async fn until(world: &World, subscriber: &Value, is: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/-/subscribers/{}", text(subscriber, "subscriberId"));
    let mut look = interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        let seen: Value = serde_json::from_str(&world.ask("GET", &path, "").await.body).unwrap();
        if is(&seen["subscriber"]) {
            return seen["subscriber"].clone();
        }
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

fn summary(event: &Value) -> String {
    format!("{} {}", text(&event["detail"], "jobId"), text(&event["detail"], "jobStatus"))
}

/// HMAC-SHA256 as RFC 2104 has it, from the hash alone.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    assert!(key.len() <= 64);
    let padded = |pad: u8| (0..64).map(|n| key.get(n).copied().unwrap_or(0) ^ pad).collect::<Vec<_>>();
    let inner = Sha256::digest([padded(0x36), message.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).into()
}

/// What a subscriber was sent.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Taken {
    fn router(&self) -> Router {
        let taken = self.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            taken.0.lock().unwrap().push((headers, body));
            StatusCode::NO_CONTENT
        };
        Router::new().route("/hook", post(take))
    }

    fn requests(&self) -> Vec<(HeaderMap, Bytes)> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until each job was told of like this, without what was told again.
    async fn until(&self, expected: &BTreeMap<String, Vec<String>>) {
        let mut look = interval(Duration::from_millis(20));
        let wanted: usize = expected.values().map(Vec::len).sum();
        loop {
            look.tick().await;
            let (mut jobs, mut known) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
            for (_, body) in self.requests() {
                let event: Value = serde_json::from_slice(&body).unwrap();
                if known.insert(text(&event, "id")) {
                    let detail = &event["detail"];
                    jobs.entry(text(detail, "jobId")).or_default().push(text(detail, "jobStatus"));
                }
            }
            if known.len() >= wanted {
                return assert_eq!(jobs, *expected);
            }
        }
    }
}

/// A client of server-sent events.
struct Listening {
    answer: reqwest::Response,
    read: String,
}

impl Listening {
    async fn new(url: &str, last: &str) -> Self {
        let answer = http().get(url).header("last-event-id", last).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
            (200, "text/event-stream")
        );
        Self::of(answer)
    }

    fn of(answer: reqwest::Response) -> Self {
        Self { answer, read: String::new() }
    }

    /// The next event and its id.
    async fn next(&mut self) -> (String, Value) {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let lines: BTreeMap<_, _> = event.lines().filter_map(|line| line.split_once(": ")).collect();
                let found = lines.get("data").map(|data| (lines["id"].to_owned(), serde_json::from_str(data).unwrap()));
                self.read = rest.to_owned();
                if let Some(found) = found {
                    return found;
                }
            }
            let chunk = self.answer.chunk().await.unwrap().expect("the stream goes on");
            self.read += std::str::from_utf8(&chunk).unwrap();
        }
    }

    async fn ended(self) {
        let mut rest = self.answer.bytes_stream();
        while let Some(chunk) = rest.next().await {
            chunk.unwrap();
        }
    }
}
