//! Whatever AWS's SDK signs is accepted; whatever is changed afterwards is refused.

use chrono::{Duration, Utc};
use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use windlass_http::sigv4::{Payload, Verified};

use super::{ID, Plan, SECRET, at, edited, over_http1, verifier, verifier_with};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_the_sdk_signs_is_accepted(plan in plan(), age in -900..=900_i64, http2: bool) {
        let signed = plan.signed();
        let request = if http2 { signed } else { over_http1(signed) };
        let verifier = verifier(plan.scope());
        let now = plan.at + Duration::seconds(plan.expires.map_or(age, |seconds| age.min(seconds.cast_signed())));

        let claim = verifier.admit(&request, now)?;
        let unread = plan.unsigned_payload || (plan.is_s3() && plan.expires.is_some());
        prop_assert_eq!(claim.needs_body(), !unread);
        let payload = if unread { Payload::Unread } else { Payload::Bytes(&plan.body) };

        let expected = Verified { access_key_id: ID.parse()?, signed_at: plan.at };
        prop_assert_eq!(claim.check(payload)?, expected.clone());
        prop_assert_eq!(verifier.verify(&request, Payload::Bytes(&plan.body), now)?, expected);
    }

    #[test]
    fn what_is_changed_after_signing_is_refused(plan in plan(), change in change()) {
        let mut body = plan.body.clone();
        let mut secret = SECRET.to_owned();
        let mut request = plan.sent();
        match change {
            Change::Body(n) => flip(&mut body, n),
            Change::Secret => secret.push('x'),
            Change::Method => request.method = http::Method::DELETE,
            Change::Path => {
                let path = request.uri.path().to_owned();
                let query = request.uri.query().map_or(String::new(), |query| format!("?{query}"));
                request.uri = format!("{path}z{query}").parse()?;
            }
            Change::Query => {
                let sign = if request.uri.query().is_some() { "&" } else { "?" };
                request.uri = format!("{}{sign}z", request.uri).parse()?;
            }
            Change::Header(n) => change_header(&mut request, n),
            Change::Date => {
                let text = |time: chrono::DateTime<Utc>| time.format("%Y%m%dT%H%M%SZ").to_string();
                request = edited(request, &text(plan.at), &text(plan.at + Duration::seconds(1)));
            }
            Change::Signature(n) => request = with_another_signature(request, n),
        }
        let outcome = verifier_with(&secret, plan.scope()).verify(&request, Payload::Bytes(&body), plan.at);
        let unsigned_body = plan.unsigned_payload || (plan.is_s3() && plan.expires.is_some());
        prop_assert_eq!(outcome.is_ok(), unsigned_body && matches!(change, Change::Body(_)), "{:?}", outcome);
    }

    #[test]
    fn a_signed_body_has_to_be_read(mut plan in plan()) {
        plan.unsigned_payload = false;
        plan.service = "amplify";
        prop_assert!(verifier(plan.scope()).verify(&plan.sent(), Payload::Unread, plan.at).is_err());
    }
}

#[derive(Debug, Clone)]
enum Change {
    Body(usize),
    Secret,
    Method,
    Path,
    Query,
    Header(usize),
    Date,
    Signature(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<usize>().prop_map(Change::Body),
        Just(Change::Secret),
        Just(Change::Method),
        Just(Change::Path),
        Just(Change::Query),
        any::<usize>().prop_map(Change::Header),
        Just(Change::Date),
        (0..64_usize).prop_map(Change::Signature),
    ]
}

fn flip(body: &mut Vec<u8>, n: usize) {
    if body.is_empty() {
        body.push(0);
    } else {
        let n = n % body.len();
        body[n] ^= 1;
    }
}

/// Appends a letter to one of the signed headers; these are all but `Authorization`.
fn change_header(request: &mut Parts, n: usize) {
    let names: Vec<_> = request.headers.keys().filter(|name| *name != AUTHORIZATION).cloned().collect();
    let name = &names[n % names.len()];
    let value = request.headers.get_mut(name).unwrap();
    *value = HeaderValue::from_bytes(&[value.as_bytes(), b"z"].concat()).unwrap();
}

fn with_another_signature(request: Parts, n: usize) -> Parts {
    let authorization = request.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let text = authorization.unwrap_or_else(|| request.uri.to_string());
    let start = text.find("Signature=").unwrap() + "Signature=".len();
    let signature = &text[start..start + 64];
    let digit = if signature.as_bytes()[n] == b'0' { "1" } else { "0" };
    let other = [&signature[..n], digit, &signature[n + 1..]].concat();
    edited(request, signature, &other)
}

fn plan() -> impl Strategy<Value = Plan> {
    let what = (select(vec!["GET", "POST", "PUT", "HEAD"]), path(), option::of(query()), vec(any::<u8>(), 0..64));
    let how = (
        headers(),
        option::of("[A-Za-z0-9+/=]{1,40}"),
        option::of(2_u64..=604_800),
        select(vec!["amplify", "s3"]),
        any::<bool>(),
        0..10_000_000_i64,
    );
    (what, how).prop_map(|((method, path, query, body), (headers, token, expires, service, unsigned, seconds))| Plan {
        method,
        path_and_query: query.map_or(path.clone(), |query| format!("{path}?{query}")),
        headers,
        body,
        token,
        region: "eu-central-1".to_owned(),
        service,
        expires,
        // Only a header can say that the body is not signed, and presigned URLs come with none.
        unsigned_payload: unsigned && expires.is_none(),
        at: at("2026-01-01T00:00:00Z") + Duration::seconds(seconds),
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        select(vec!["apps", "d1", "feature%2Fx", "%C3%BC", "ü", ".", "..", "", "a%20b", "%", "%zz", "~.-_", "a b+c"])
            .prop_map(|segment| segment.replace(' ', "%20")),
        "[!$%&'()*+,.0-9:;=@A-Z_a-z|~-]{0,12}",
    ];
    vec(segment, 0..7).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        select(vec!["", "a", "b", "a-", "a%20b", "a+b", "a%2Bb", "%c3%bc", "ü", "%2f", "%7E", "=", "x=y", "%", "%4"])
            .prop_map(str::to_owned),
        "[!$%'()*+,./0-9:;@A-Z_a-z|~?-]{0,8}".prop_filter("only UTF-8", |text| {
            // The SDK replaces other bytes before it signs, and so cannot sign what it sends.
            percent_encoding::percent_decode_str(text).decode_utf8().is_ok()
        }),
    ];
    let pair = (component.clone(), option::of(component))
        .prop_map(|(name, value)| value.map_or(name.clone(), |value| format!("{name}={value}")));
    vec(pair, 0..6).prop_map(|pairs| pairs.join("&"))
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = select(vec!["content-type", "accept", "x-amz-target", "x-amz-meta-b", "x-custom"]);
    vec((name, "[ -~]{0,16}"), 0..5)
}

#[test]
fn a_server_behind_another_name_refuses() {
    let mut request = Plan::get("/apps").sent();
    request.headers.insert(HOST, HeaderValue::from_static("elsewhere.test"));
    assert!(verifier(Plan::get("/apps").scope()).verify(&request, Payload::Bytes(b""), Plan::get("/").at).is_err());
}
