//! Arbitrary bytes are refused, and nothing panics.

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use windlass_http::sigv4::{Payload, Scope};

use super::{REGION, at, verifier};

const CREDENTIAL: &str = "AKIDEXAMPLE/20260101/us-east-1/amplify/aws4_request";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn arbitrary_headers_are_refused(
        authorization in prop_oneof![authorization().prop_map(String::into_bytes), vec(any::<u8>(), 0..200)],
        others in vec((select(vec!["x-amz-date", "date", "host", "x-amz-content-sha256", "x-amz-x"]), value()), 0..6),
    ) {
        let (mut request, ()) = Request::get("/apps?a=b").body(()).unwrap().into_parts();
        if let Ok(value) = HeaderValue::from_bytes(&authorization) {
            request.headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in others {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers.append(HeaderName::from_static(name), value);
            }
        }
        refused(&request)?;
    }

    #[test]
    fn arbitrary_queries_are_refused(
        query in prop_oneof![parameters(), "\\PC{0,200}"],
        path in prop_oneof![Just("/".to_owned()), "/\\PC{0,40}", "[*/.%]{1,12}"],
    ) {
        let Ok(uri) = format!("{path}?{query}").parse::<Uri>() else { return Ok(()) };
        let (mut request, ()) = Request::put(uri).body(()).unwrap().into_parts();
        request.headers.insert("host", HeaderValue::from_static("windlass.test"));
        refused(&request)?;
    }
}

fn refused(request: &http::request::Parts) -> Result<(), TestCaseError> {
    for scope in [Scope::amplify(REGION), Scope::s3(REGION)] {
        let refusal = verifier(scope).verify(request, Payload::Bytes(b""), at("2026-01-01T00:00:00Z")).unwrap_err();
        prop_assert!(refusal.to_string().len() < 400);
        prop_assert!(refusal.status().is_client_error());
    }
    Ok(())
}

/// Values that get past one check or another.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        select(vec![
            "20260101T000000Z",
            "Thu, 01 Jan 2026 00:00:00 GMT",
            "UNSIGNED-PAYLOAD",
            "windlass.test",
            "",
            "+0260101T000000Z"
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
        vec(any::<u8>(), 0..70),
    ]
}

fn authorization() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(format!("Credential={CREDENTIAL}")),
        "Credential=[A-Z0-9/]{0,60}",
        select(vec![
            "SignedHeaders=host",
            "SignedHeaders=host;x-amz-date",
            "SignedHeaders=;;",
            "Signature=00",
            "=",
            ""
        ])
        .prop_map(str::to_owned),
        "Signature=[0-9a-f]{64}",
        "[ -~]{0,30}",
    ];
    (select(vec!["AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", "Bearer ", ""]), vec(piece, 0..6))
        .prop_map(|(algorithm, pieces)| format!("{algorithm}{}", pieces.join(", ")))
}

fn parameters() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        5 => Just("X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned()),
        5 => Just(format!("X-Amz-Credential={CREDENTIAL}")),
        5 => select(vec!["X-Amz-Date=20260101T000000Z", "X-Amz-Date=20260101T000060Z", "X-Amz-Date=20269901T000000Z"])
            .prop_map(str::to_owned),
        5 => select(vec!["X-Amz-Expires=60", "X-Amz-Expires=0", "X-Amz-Expires=+5", "X-Amz-Expires=99999999999999999999"])
            .prop_map(str::to_owned),
        5 => select(vec!["X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=%00", "X-Amz-SignedHeaders="])
            .prop_map(str::to_owned),
        5 => "X-Amz-Signature=[0-9a-f]{64}",
        1 => "X-Amz-[A-Z][a-z]{3,9}=%[0-9A-F]{2}",
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.join("&"))
}
