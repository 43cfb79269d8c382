//! Our own presigned URLs: they are those that AWS's SDK would make, and they end.

use chrono::Duration;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Uri};
use windlass_http::sigv4::{Payload, PresignError, Scope, Signer};

use super::{HOST_AND_PORT, ID, Plan, REGION, SECRET, at, verifier};

const HOURS_3: u32 = 3 * 60 * 60;
const PATH: &str = "/uploads/d1/feature%2Fx%20y/0000000001/b%C3%BC+%7E.zip";

fn signer(scope: Scope) -> Signer {
    Signer::new(ID.parse().unwrap(), SECRET.parse().unwrap(), scope)
}

fn put(url: &str) -> Parts {
    let url: Uri = url.parse().unwrap();
    let (mut request, ()) =
        Request::put(Uri::from(url.path_and_query().unwrap().clone())).body(()).unwrap().into_parts();
    request.headers.insert(HOST, HeaderValue::from_str(url.authority().unwrap().as_str()).unwrap());
    request
}

#[test]
fn a_presigned_url_is_valid_for_exactly_three_hours() {
    let now = at("2026-01-01T00:00:00Z");
    let url: Uri = format!("http://{HOST_AND_PORT}{PATH}").parse().unwrap();
    let url = signer(Scope::s3(REGION)).presign(&Method::PUT, &url, HOURS_3, now).unwrap();
    let request = put(&url);
    let verifier = verifier(Scope::s3(REGION));

    let outcomes = [-901, -900, 0, 10_800, 10_801].map(|seconds| {
        match verifier.verify(&request, Payload::Unread, now + Duration::seconds(seconds)) {
            Ok(verified) => verified.access_key_id.to_string(),
            Err(refusal) => refusal.to_string(),
        }
    });

    assert_eq!(
        outcomes,
        [
            "Signature not yet current: 20260101T000000Z is still later than 20251231T235959Z (20251231T234459Z + 15 min.)",
            ID,
            ID,
            ID,
            "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T030001Z - 180 min.)",
        ]
    );
}

#[test]
fn our_urls_are_those_of_the_sdk() {
    for (scope, path_and_query) in [
        (Scope::s3(REGION), PATH),
        (Scope::s3(REGION), "/a//../b?x=1&partNumber=2&a%20b=%2F"),
        (Scope::s3("eu-west-1"), "/"),
    ] {
        let plan = Plan {
            method: "PUT",
            region: scope.region.clone(),
            service: scope.service,
            expires: Some(600),
            ..Plan::get(path_and_query)
        };
        let theirs = plan.signed().uri;
        let url: Uri = format!("http://{HOST_AND_PORT}{path_and_query}").parse().unwrap();
        let ours: Uri = signer(scope).presign(&Method::PUT, &url, 600, plan.at).unwrap().parse().unwrap();

        let parameters = |uri: &Uri| {
            let mut sorted: Vec<String> = uri.query().unwrap().split('&').map(str::to_owned).collect();
            sorted.sort();
            sorted
        };
        assert_eq!(ours.path(), theirs.path());
        assert_eq!(ours.authority(), theirs.authority());
        assert_eq!(parameters(&ours), parameters(&theirs));
    }
}

#[test]
fn the_port_of_the_scheme_is_not_signed() {
    let now = at("2026-01-01T00:00:00Z");
    for (url, start) in [
        ("https://windlass.test:443/a", "https://windlass.test/a?"),
        ("http://windlass.test:80/a", "http://windlass.test/a?"),
        ("https://windlass.test:80/a", "https://windlass.test:80/a?"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a?"),
        ("https://windlass.test", "https://windlass.test/?"),
    ] {
        let signed = signer(Scope::s3(REGION)).presign(&Method::PUT, &url.parse().unwrap(), 60, now).unwrap();
        assert!(signed.starts_with(start), "{signed}");
        verifier(Scope::s3(REGION)).verify(&put(&signed), Payload::Bytes(b"any body"), now).unwrap();
    }
}

#[test]
fn a_url_for_one_request_is_not_for_another() {
    let now = at("2026-01-01T00:00:00Z");
    let url: Uri = format!("http://{HOST_AND_PORT}{PATH}").parse().unwrap();
    let url = signer(Scope::s3(REGION)).presign(&Method::PUT, &url, HOURS_3, now).unwrap();
    let refused = |request: &Parts| verifier(Scope::s3(REGION)).verify(request, Payload::Unread, now).is_err();

    let mut request = put(&url);
    request.method = Method::GET;
    assert!(refused(&request));
    assert!(refused(&put(&url.replace(".zip", ".zip2"))));
    assert!(refused(&put(&url.replace("Expires=10800", "Expires=10801"))));
    assert!(refused(&put(&url.replace("windlass.test", "elsewhere.test"))));
    assert!(refused(&put(&format!("{url}&x-id=PutObject"))));
    assert!(!refused(&put(&url)));
}

#[test]
fn whoever_uploads_may_send_headers_that_were_not_foreseen() {
    let now = at("2026-01-01T00:00:00Z");
    let url: Uri = format!("http://{HOST_AND_PORT}{PATH}").parse().unwrap();
    let url = signer(Scope::s3(REGION)).presign(&Method::PUT, &url, HOURS_3, now).unwrap();
    let mut request = put(&url);
    for (name, value) in [("content-type", "application/zip"), ("x-amz-user-agent", "a"), ("x-amz-content-sha256", "b")]
    {
        request.headers.insert(name, HeaderValue::from_static(value));
    }
    verifier(Scope::s3(REGION)).verify(&request, Payload::Unread, now).unwrap();
}

#[test]
fn urls_that_lead_nowhere_or_never_end_are_not_signed() {
    let now = at("2026-01-01T00:00:00Z");
    let presign = |url: &str, expires| {
        signer(Scope::s3(REGION)).presign(&Method::PUT, &url.parse().unwrap(), expires, now).unwrap_err()
    };
    assert_eq!(presign("/a", 60), PresignError::NotAbsolute);
    assert_eq!(presign("http://windlass.test/a", 0), PresignError::Expires(0));
    assert_eq!(presign("http://windlass.test/a", 604_801), PresignError::Expires(604_801));
}

#[test]
fn a_signer_does_not_print_its_secret() {
    assert!(!format!("{:?}", signer(Scope::s3(REGION))).contains("wJalr"));
}
