//! Who may ask: whoever signs with a key of this server, for this server, about now, and nobody else; and what a key may.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod keys;
mod secrets;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use chrono::{DateTime, TimeDelta, Utc};
use support::raw::Answer;
use support::{World, client, error, page};
use windlass_store::Clock as _;

/// A request and how it is signed.
#[derive(Clone)]
struct Request {
    method: &'static str,
    target: String,
    body: String,
    key: String,
    secret: String,
    region: &'static str,
    service: &'static str,
    at: DateTime<Utc>,
    /// A session token, which is none of ours.
    token: Option<String>,
    /// In the query, for so many seconds.
    presigned: Option<u64>,
}

/// A request as it is sent.
#[derive(Clone)]
struct Signed {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    /// One that the server does as it is asked.
    fn good(world: &World, method: &'static str, target: &str, body: &str) -> Self {
        let keys = world.server.credentials();
        Self {
            method,
            target: target.to_owned(),
            body: body.to_owned(),
            key: keys.access_key_id.as_str().to_owned(),
            secret: keys.secret_access_key.clone(),
            region: "us-east-1",
            service: "amplify",
            at: world.clock.now(),
            token: None,
            presigned: None,
        }
    }

    /// CreateDeployment, which would be seen to have been obeyed.
    fn create(world: &World) -> Self {
        let body = r#"{"fileMap":{"index.html":"d41d8cd98f00b204e9800998ecf8427e"}}"#;
        Self::good(world, "POST", &format!("{}/deployments", world.branch_path()), body)
    }

    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn sign(&self, world: &World) -> Signed {
        self.sign_for(world.server.endpoint())
    }

    /// Signs it as AWS's SDK does.
    fn sign_for(&self, endpoint: &str) -> Signed {
        let mut settings = SigningSettings::default();
        if let Some(seconds) = self.presigned {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        let identity = Credentials::new(&self.key, &self.secret, self.token.clone(), None, "test").into();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(self.at.timestamp().unsigned_abs());
        let params = v4::SigningParams::builder().identity(&identity).region(self.region).name(self.service);
        let params = params.time(at).settings(settings).build().unwrap().into();
        let url = format!("{endpoint}{}", self.target);
        // Whoever is given a URL sends what headers they like.
        let content_type = if self.presigned.is_some() { &[][..] } else { &[("content-type", "application/json")] };
        let signable = SignableRequest::new(
            self.method,
            &url,
            content_type.iter().copied(),
            SignableBody::Bytes(self.body.as_bytes()),
        );
        let mut request = http::Request::builder().method(self.method).uri(&url).body(()).unwrap();
        let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
        };
        let mut headers: Vec<_> = request.headers().iter().map(header).collect();
        headers.extend(content_type.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let target = request.uri().path_and_query().unwrap().as_str().to_owned();
        Signed { method: self.method, target, headers, body: self.body.clone() }
    }

    async fn send(&self, world: &World) -> Answer {
        self.sign(world).send(world).await
    }
}

impl Signed {
    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(known, _)| known == name).unwrap().1
    }

    async fn send(&self, world: &World) -> Answer {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = world.ask_with(self.method, &self.target, &headers, &self.body).await;
        let secret = &world.server.credentials().secret_access_key;
        assert!(!answer.body.contains(secret.as_str()), "{answer:?}");
        answer
    }
}

/// What there is, as whoever may ask sees it.
async fn seen(world: &World) -> Vec<String> {
    let mut seen = Vec::new();
    for target in ["/apps".to_owned(), format!("/apps/{}/branches", world.app), format!("{}/jobs", world.branch_path())]
    {
        let answer = Request::good(world, "GET", &target, "").send(world).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        seen.push(answer.body);
    }
    seen
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided.";

#[tokio::test]
async fn who_signs_with_another_key_is_refused() {
    let world = World::new().await;
    let before = seen(&world).await;
    let create = Request::create(&world);
    let unknown = create.clone().but(|request| request.key = "AKIDEXAMPLE".to_owned()).send(&world).await;
    let words = "The security token included in the request is invalid.";
    unknown.refuses(403, "UnrecognizedClientException", words, "another key id");
    for secret in [
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        create.secret.to_lowercase(),
        format!("{}x", create.secret),
    ] {
        let wrong = create.clone().but(|request| request.secret = secret).send(&world).await;
        wrong.refuses(403, "InvalidSignatureException", MISMATCH, "another secret");
    }
    assert_eq!(seen(&world).await, before);
    create.send(&world).await.ok("the right key");

    let keys = world.server.credentials();
    let stranger = client(world.server.endpoint(), keys.access_key_id.as_str(), "not the secret");
    let refused = stranger.list_apps().send().await.unwrap_err();
    assert_eq!(error(refused).0, "InvalidSignatureException");
}

#[tokio::test]
async fn what_was_changed_after_it_was_signed_is_refused() {
    let world = World::new().await;
    let before = seen(&world).await;
    let create = || Request::create(&world).sign(&world);
    let bent = [
        ("body", create().but(|signed| signed.body = signed.body.replace("index", "other"))),
        ("no body", create().but(|signed| signed.body.clear())),
        ("a longer body", create().but(|signed| signed.body.push(' '))),
        ("path", create().but(|signed| signed.target = signed.target.replace("main", "mein"))),
        ("more path", create().but(|signed| signed.target.push_str("/start"))),
        ("query", create().but(|signed| signed.target.push_str("?x=1"))),
        ("method", create().but(|signed| (signed.method, signed.target) = ("GET", "/apps".to_owned()))),
        ("content type", create().but(|signed| *signed.header("content-type") = "text/plain".to_owned())),
        ("host", create().but(|signed| signed.headers.push(("host".to_owned(), "elsewhere.test".to_owned())))),
        (
            "a second later",
            create().but(|signed| {
                let later = (world.clock.now() + TimeDelta::seconds(1)).format("%Y%m%dT%H%M%SZ").to_string();
                *signed.header("x-amz-date") = later;
            }),
        ),
        (
            "signature",
            create().but(|signed| {
                let header = signed.header("authorization");
                let last = if header.ends_with('0') { '1' } else { '0' };
                header.pop();
                header.push(last);
            }),
        ),
    ];
    for (what, signed) in bent {
        signed.send(&world).await.refuses(403, "InvalidSignatureException", MISMATCH, what);
    }
    let list = Request::good(&world, "GET", "/apps?maxResults=1", "").sign(&world);
    let more = list.clone().but(|signed| signed.target = signed.target.replace("=1", "=100"));
    more.send(&world).await.refuses(403, "InvalidSignatureException", MISMATCH, "a larger page");
    list.send(&world).await.ok("as it was signed");
    assert_eq!(seen(&world).await, before);
}

#[tokio::test]
async fn what_is_signed_for_somewhere_else_is_refused_and_told_what_is_served() {
    let world = World::new().await;
    let before = seen(&world).await;
    let create = Request::create(&world);
    let region = create.clone().but(|request| request.region = "eu-west-1").send(&world).await;
    let words = "Credential should be scoped to a valid region, not 'eu-west-1'. This server answers for 'us-east-1'.";
    region.refuses(403, "InvalidSignatureException", words, "another region");
    for service in ["s3", "sts", "Amplify"] {
        let other = create.clone().but(|request| request.service = service).send(&world).await;
        let words = "Credential should be scoped to correct service: 'amplify'.";
        other.refuses(403, "InvalidSignatureException", words, service);
    }
    let other_day = create.sign(&world).but(|signed| {
        let day = world.clock.now().format("%Y%m%d").to_string();
        let header = signed.header("authorization");
        *header = header.replace(&day, "20150830");
    });
    let words = "Date in Credential scope does not match";
    other_day.send(&world).await.refuses(403, "InvalidSignatureException", words, "another day");
    assert_eq!(seen(&world).await, before);
}

#[tokio::test]
async fn a_signer_whose_clock_is_a_quarter_of_an_hour_off_is_refused() {
    let world = World::new().await;
    let before = seen(&world).await;
    let off = |minutes| Request::create(&world).but(|request| request.at += TimeDelta::minutes(minutes));
    for minutes in [-16, -60, -24 * 60] {
        let late = off(minutes).send(&world).await;
        late.refuses(403, "InvalidSignatureException", "Signature expired: ", &format!("{minutes} minutes"));
    }
    for minutes in [16, 60, 24 * 60] {
        let early = off(minutes).send(&world).await;
        early.refuses(403, "InvalidSignatureException", "Signature not yet current: ", &format!("{minutes} minutes"));
    }
    assert_eq!(seen(&world).await, before);
    for minutes in [-14, 14] {
        let list = Request::good(&world, "GET", "/apps", "").but(|request| request.at += TimeDelta::minutes(minutes));
        list.send(&world).await.ok(&format!("{minutes} minutes"));
    }
    // What counts is the server's own clock.
    world.clock.advance(TimeDelta::minutes(16));
    let stale = Request::create(&world).but(|request| request.at -= TimeDelta::minutes(16)).send(&world).await;
    stale.refuses(403, "InvalidSignatureException", "Signature expired: ", "after the server's clock has moved");
}

#[tokio::test]
async fn what_is_not_signed_or_not_wholly_is_refused() {
    let world = World::new().await;
    let before = seen(&world).await;
    let target = format!("{}/deployments", world.branch_path());
    let unsigned = world.ask("POST", &target, "{}").await;
    unsigned.refuses(403, "MissingAuthenticationTokenException", "Missing Authentication Token", "nothing");
    for header in
        ["", "Basic dTpw", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 x", "AWS4-HMAC-SHA256 Credential=a/b"]
    {
        let answer = world.ask_with("POST", &target, &[("authorization", header)], "{}").await;
        let words = "The request signature does not conform to AWS standards: ";
        answer.refuses(403, "IncompleteSignatureException", words, header);
    }
    let signed = Request::create(&world).sign(&world);
    for parameter in ["Credential", "SignedHeaders", "Signature"] {
        let answer = signed.clone().but(|signed| {
            let header = signed.header("authorization");
            *header = header.replace(&format!("{parameter}="), "Other=");
        });
        let words = format!("it requires '{parameter}'");
        answer.send(&world).await.refuses(403, "IncompleteSignatureException", &words, parameter);
    }
    let undated = signed.but(|signed| signed.headers.retain(|(name, _)| name != "x-amz-date")).send(&world).await;
    undated.refuses(403, "IncompleteSignatureException", "it requires 'X-Amz-Date'", "no date");
    assert_eq!(seen(&world).await, before);
    // Whoever asks whether the server is there need not sign.
    assert_eq!(world.ask("GET", "/healthz", "").await.status, 200);
}

#[tokio::test]
async fn a_presigned_url_is_good_for_as_long_as_it_says() {
    let world = World::new().await;
    let list = |seconds| Request::good(&world, "GET", "/apps?maxResults=5", "").but(|r| r.presigned = Some(seconds));
    let signed = list(60).sign(&world);
    let answer = signed.send(&world).await;
    assert_eq!(answer.ok("presigned")["apps"].as_array().unwrap().len(), 1);
    let more = signed.clone().but(|signed| signed.target = signed.target.replace("maxResults=5", "maxResults=6"));
    more.send(&world).await.refuses(403, "InvalidSignatureException", MISMATCH, "another query");
    let longer = signed.clone().but(|signed| signed.target = signed.target.replace("Expires=60", "Expires=600"));
    longer.send(&world).await.refuses(403, "InvalidSignatureException", MISMATCH, "a longer life");
    let delete = signed.clone().but(|signed| signed.method = "POST");
    delete.send(&world).await.refuses(403, "InvalidSignatureException", MISMATCH, "another method");
    world.clock.advance(TimeDelta::seconds(62));
    signed.send(&world).await.refuses(403, "InvalidSignatureException", "Signature expired: ", "after a minute");

    let endless = signed.but(|signed| signed.target = signed.target.replace("Expires=60", "Expires=604801"));
    endless.send(&world).await.refuses(403, "IncompleteSignatureException", "from 1 to 604800", "more than a week");
}

#[tokio::test]
async fn a_session_token_that_is_left_over_from_elsewhere_is_signed_along_and_does_no_harm() {
    let world = World::new().await;
    let list = || Request::good(&world, "GET", "/apps", "").but(|request| request.token = Some("IQoJb3/+=".to_owned()));
    for presigned in [None, Some(60)] {
        let signed = list().but(|request| request.presigned = presigned).sign(&world);
        signed.send(&world).await.ok("as it was signed");
    }
    let other = list().sign(&world).but(|signed| *signed.header("x-amz-security-token") = "another".to_owned());
    other.send(&world).await.refuses(403, "InvalidSignatureException", MISMATCH, "another token");
    let added = Request::good(&world, "GET", "/apps", "").sign(&world).but(|signed| {
        signed.headers.push(("x-amz-security-token".to_owned(), "added".to_owned()));
    });
    let words = "'x-amz-security-token' must be a 'SignedHeader'";
    added.send(&world).await.refuses(403, "IncompleteSignatureException", words, "a token that is not signed");
}

#[tokio::test]
async fn a_header_that_is_folded_over_two_lines_is_no_request() {
    let world = World::new().await;
    let request = |value: &str| {
        let port = world.port();
        format!("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-a: {value}\r\nconnection: close\r\n\r\n")
    };
    assert_eq!(world.send(request("a b").as_bytes()).await.unwrap().status, 200);
    // What two readers could read in two ways is signed for neither.
    assert_eq!(world.send(request("a\r\n b").as_bytes()).await.unwrap().status, 400);
}

#[tokio::test]
async fn a_key_opens_no_upload_and_an_upload_url_opens_no_api() {
    let world = World::new().await;
    let (job, url) = world.create_deployment().await;
    let before = seen(&world).await;
    let (path, query) = url.strip_prefix(world.server.endpoint()).unwrap().split_once('?').unwrap();

    // AWS's key, for either service, in the header or in the query, on the path of the upload.
    for presigned in [None, Some(600)] {
        let put = Request::good(&world, "PUT", path, "zip").but(|request| request.presigned = presigned);
        let words = "Credential should be scoped to correct service: 's3'.";
        put.send(&world).await.refuses(403, "InvalidSignatureException", words, "the key on an upload");
        let put = put.but(|request| request.service = "s3");
        let words = "The security token included in the request is invalid.";
        put.send(&world).await.refuses(403, "UnrecognizedClientException", words, "the key on an upload, as S3's");
    }
    let both = Request::good(&world, "PUT", &format!("{path}?{query}"), "zip").send(&world).await;
    both.refuses(403, "IncompleteSignatureException", "only one of", "both");

    // The upload's signature on everything that the API does.
    for (method, target) in [
        ("GET", "/apps".to_owned()),
        ("PUT", "/apps".to_owned()),
        ("POST", format!("{}/deployments", world.branch_path())),
        ("DELETE", world.branch_path()),
    ] {
        let answer = world.ask(method, &format!("{target}?{query}"), "").await;
        assert!(matches!(answer.status, 403 | 405), "{method} {target}: {answer:?}");
    }
    assert_eq!(seen(&world).await, before);

    // After all that the upload is as good as ever.
    assert_eq!(world.put(&url, page("x")).await.status(), 200);
    world.start(&job).await;
    world.ended(&job).await;
    assert_eq!(world.visit("/").await.1, "x");
}

#[tokio::test]
async fn the_servers_secret_is_in_no_answer_and_not_printed_by_mistake() {
    let world = World::new().await;
    let secret = world.server.credentials().secret_access_key.clone();
    let created = Request::create(&world).send(&world).await;
    let target = format!("{}/jobs/1", world.branch_path());
    let mut bodies = vec![created.body, Request::good(&world, "GET", &target, "").send(&world).await.body];
    bodies.extend(seen(&world).await);
    for path in ["/credentials", "/../credentials", "/.%2e/credentials", "/data/credentials", "/endpoint"] {
        bodies.push(world.ask("GET", path, "").await.body);
        bodies.push(world.visit(path).await.1);
    }
    for body in bodies {
        assert!(!body.contains(&secret), "{body}");
    }
    let printed = format!("{:?}", world.server.credentials());
    assert!(!printed.contains(&secret), "{printed}");
}
