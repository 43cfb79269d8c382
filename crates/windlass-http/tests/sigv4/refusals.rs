//! What a refused client is told.

use std::time::SystemTime;

use aws_sigv4::sign::v4;
use chrono::Duration;
use http::header::{AUTHORIZATION, DATE, HOST};
use http::request::Parts;
use http::{HeaderValue, Request};
use sha2::{Digest, Sha256};
use windlass_http::sigv4::{Incomplete, Payload, Refusal, Scope};

use super::{HOST_AND_PORT, ID, Plan, REGION, SECRET, at, edited, over_http1, verifier};

const PATH: &str = "/apps/d1/branches/feature%2Fx/jobs?maxResults=1";

fn plan() -> Plan {
    Plan::get(PATH)
}

fn presigned() -> Plan {
    Plan { expires: Some(60), ..plan() }
}

fn refusal(request: &Parts) -> Refusal {
    verifier(Scope::amplify(REGION)).verify(request, Payload::Bytes(b""), plan().at).unwrap_err()
}

fn told(request: &Parts) -> (&'static str, String) {
    let refusal = refusal(request);
    assert_eq!(refusal.status().as_u16(), 403);
    let message = refusal.to_string();
    assert!(!message.contains(SECRET) && !message.contains("Signature="), "{message}");
    (refusal.error_type(), message)
}

#[test]
fn a_refused_client_is_told_why() {
    let edit = |from: &str, to: &str| edited(plan().sent(), from, to);
    let unsigned = {
        let mut request = plan().sent();
        request.headers.remove(AUTHORIZATION);
        request
    };
    for (request, error_type, message) in [
        (unsigned, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (
            edit("AWS4-HMAC-SHA256 ", "Bearer "),
            "IncompleteSignatureException",
            "The request signature does not conform to AWS standards: the algorithm must be AWS4-HMAC-SHA256.",
        ),
        (
            edit(", Signature=", ", X="),
            "IncompleteSignatureException",
            "The request signature does not conform to AWS standards: it requires 'Signature'.",
        ),
        (
            edit(ID, "AKIDOTHER"),
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            edit("maxResults=1", "maxResults=2"),
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        ),
        (
            Plan { at: at("2025-12-31T23:35:00Z"), ..plan() }.sent(),
            "InvalidSignatureException",
            "Signature expired: 20251231T233500Z is now earlier than 20251231T234500Z (20260101T000000Z - 15 min.)",
        ),
        (
            Plan { at: at("2025-12-31T23:58:30Z"), ..presigned() }.sent(),
            "InvalidSignatureException",
            "Signature expired: 20251231T235830Z is now earlier than 20251231T235900Z (20260101T000000Z - 1 min.)",
        ),
        (
            Plan { at: at("2026-01-01T00:20:00Z"), ..plan() }.sent(),
            "InvalidSignatureException",
            "Signature not yet current: 20260101T002000Z is still later than 20260101T001500Z (20260101T000000Z + 15 min.)",
        ),
        (
            Plan { region: "eu-west-1".to_owned(), ..plan() }.sent(),
            "InvalidSignatureException",
            "Credential should be scoped to a valid region, not 'eu-west-1'. This server answers for 'us-east-1'.",
        ),
        (
            Plan { service: "s3", ..plan() }.sent(),
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'amplify'.",
        ),
        (
            edit("aws4_request", "aws5_request"),
            "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            edit("/20260101/", "/20251231/"),
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20251231' != \
             '20260101', from '20260101T000000Z'.",
        ),
    ] {
        assert_eq!(told(&request), (error_type, message.to_owned()));
    }
}

#[test]
fn an_incomplete_signature_is_named() {
    let edit = |from: &str, to: &str| edited(plan().sent(), from, to);
    let query = |from: &str, to: &str| edited(presigned().sent(), from, to);
    let with = |name: &'static str, value: &str| {
        let mut request = plan().sent();
        request.headers.append(name, HeaderValue::from_str(value).unwrap());
        request
    };
    let without = |name: &str| {
        let mut request = plan().sent();
        request.headers.remove(name);
        request
    };
    let unsigned = Plan { unsigned_payload: true, ..plan() };
    let long = "x".repeat(16 * 1024 + 1);
    let many: Vec<String> = (0..99).map(|n| format!("x-{n:03}")).collect();
    let mut crowded = edit("SignedHeaders=host", &format!("SignedHeaders=host;{}", many.join(";")));
    for name in &many {
        crowded.headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("1"));
    }

    for (request, expected) in [
        (edit("AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 "), Incomplete::Algorithm),
        (edit("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"), Incomplete::Algorithm),
        (edit("Credential=", "X="), Incomplete::MissingParameter("Credential")),
        (edit("SignedHeaders=", "X="), Incomplete::MissingParameter("SignedHeaders")),
        (edit(" Signature=", " Signature=0, Signature="), Incomplete::RepeatedParameter("Signature")),
        (with("authorization", "AWS4-HMAC-SHA256 "), Incomplete::RepeatedParameter("Authorization")),
        (with("x-amz-date", "20260101T000000Z"), Incomplete::RepeatedParameter("X-Amz-Date")),
        (without("x-amz-date"), Incomplete::MissingParameter("X-Amz-Date")),
        (edit("20260101T000000Z", "20260101T000000"), Incomplete::Date),
        (edit("20260101T000000Z", "20261301T000000Z"), Incomplete::Date),
        (edit("/amplify/", "/"), Incomplete::Credential),
        (edit("/amplify/", "/amplify/amplify/"), Incomplete::Credential),
        (edit("SignedHeaders=host;", "SignedHeaders="), Incomplete::NotSigned("host".to_owned())),
        (edit("SignedHeaders=host;x-amz-date", "SignedHeaders=host"), Incomplete::NotSigned("x-amz-date".to_owned())),
        (with("x-amz-target", "a"), Incomplete::NotSigned("x-amz-target".to_owned())),
        (edit("SignedHeaders=host;", "SignedHeaders=accept;host;"), Incomplete::NotSent("accept".to_owned())),
        (edit("SignedHeaders=host;", "SignedHeaders=Host;"), Incomplete::SignedHeaders),
        (edit("SignedHeaders=host;", "SignedHeaders=host;host;"), Incomplete::SignedHeaders),
        (edit("host;x-amz-date", "x-amz-date;host"), Incomplete::SignedHeaders),
        (crowded, Incomplete::TooManyHeaders(100)),
        (with("authorization", &long), Incomplete::TooLong(16_384)),
        (edit("maxResults=1", &long), Incomplete::TooLong(16_384)),
        (edited(unsigned.sent(), "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), Incomplete::ContentHash),
        (query("Expires=60", "Expires=0"), Incomplete::Expires),
        (query("Expires=60", "Expires=604801"), Incomplete::Expires),
        (query("Expires=60", "Expires=%2B60"), Incomplete::Expires),
        (query("HMAC-SHA256", "HMAC-SHA512"), Incomplete::Algorithm),
        (query("T000000Z", "T00000Z"), Incomplete::Date),
        (query("SignedHeaders=host", "SignedHeaders=x-a"), Incomplete::NotSent("x-a".to_owned())),
        (over_http1_signed_twice(), Incomplete::SignedTwice),
    ] {
        assert_eq!(refusal(&request), Refusal::Incomplete(expected));
    }
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"] {
        let name: &'static str = format!("X-Amz-{name}").leak();
        let piece = format!("{name}=");
        assert_eq!(refusal(&query(&piece, "X=")), Refusal::Incomplete(Incomplete::MissingParameter(name)));
        let twice = query(&piece, &format!("{name}=&{name}="));
        assert_eq!(refusal(&twice), Refusal::Incomplete(Incomplete::RepeatedParameter(name)));
    }
}

#[test]
fn clocks_may_be_fifteen_minutes_apart() {
    let request = plan().sent();
    let outcomes = [-901, -900, 900, 901].map(|seconds| {
        let now = plan().at + Duration::seconds(seconds);
        verifier(Scope::amplify(REGION)).verify(&request, Payload::Bytes(b""), now).map(|_| ())
    });
    let (signed_at, allowed) = (plan().at, 900);
    let now = |seconds| signed_at + Duration::seconds(seconds);
    assert_eq!(
        outcomes,
        [
            Err(Refusal::NotYetCurrent { signed_at, now: now(-901), allowed }),
            Ok(()),
            Ok(()),
            Err(Refusal::Expired { signed_at, now: now(901), allowed }),
        ]
    );
}

#[test]
fn the_date_header_stands_in_for_x_amz_date() {
    let dates = ["Thu, 01 Jan 2026 00:00:00 GMT", "20260101T000000Z"];
    let outcomes = [dates[0], dates[1], "yesterday"].map(|date| {
        let request = signed_by_date(date);
        verifier(Scope::amplify(REGION))
            .verify(&request, Payload::Bytes(b""), plan().at)
            .map(|verified| verified.signed_at)
    });
    assert_eq!(outcomes, [Ok(plan().at), Ok(plan().at), Err(Refusal::Incomplete(Incomplete::Date))]);
}

#[test]
fn a_content_hash_must_be_that_of_the_body() {
    let hash = hex::encode([0; 32]);
    let plan = Plan { headers: vec![("x-amz-content-sha256", hash)], ..plan() };
    assert_eq!(refusal(&plan.sent()), Refusal::Mismatch);
}

#[test]
fn nothing_but_the_signature_waits_for_the_body() {
    let verifier = verifier(Scope::amplify(REGION));
    let forged = edited(plan().sent(), "maxResults=1", "maxResults=2");
    let claim = verifier.admit(&forged, plan().at).unwrap();
    assert_eq!(
        format!("{claim:?}"),
        r#"Claim { access_key_id: AccessKeyId("AKIDEXAMPLE"), signed_at: 2026-01-01T00:00:00Z, .. }"#
    );
    assert_eq!(claim.check(Payload::Bytes(b"")), Err(Refusal::Mismatch));
}

#[test]
fn texts_from_the_request_are_repeated_only_in_part() {
    let region = format!("x\u{1b}{}", "y".repeat(5_000)).replace('\u{1b}', "%1B");
    let request = edited(presigned().sent(), "us-east-1", &region);
    let (_, message) = told(&request);
    let shown = format!("x{}", "y".repeat(63));
    assert!(message.contains(&format!("not '{shown}'.")), "{message}");
}

fn over_http1_signed_twice() -> Parts {
    let mut request = over_http1(presigned().signed());
    request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    assert!(request.headers.contains_key(HOST));
    request
}

/// A request without `X-Amz-Date`, which the SDK would never leave out.
fn signed_by_date(date: &str) -> Parts {
    let body = hex::encode(Sha256::digest(b""));
    let canonical = format!("GET\n/apps\n\ndate:{date}\nhost:{HOST_AND_PORT}\n\ndate;host\n{body}");
    let scope = format!("20260101/{REGION}/amplify/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n20260101T000000Z\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let day = SystemTime::UNIX_EPOCH + core::time::Duration::from_secs(plan().at.timestamp().unsigned_abs());
    let key = v4::generate_signing_key(SECRET, day, REGION, "amplify");
    let signature = v4::calculate_signature(key, to_sign.as_bytes());
    Request::get("/apps")
        .header(HOST, HOST_AND_PORT)
        .header(DATE, date)
        .header(
            AUTHORIZATION,
            format!("AWS4-HMAC-SHA256 Credential={ID}/{scope},SignedHeaders=date;host,Signature={signature}"),
        )
        .body(())
        .unwrap()
        .into_parts()
        .0
}
