//! Signature Version 4, compared with the signer of AWS's own SDK and with AWS's published vectors.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod garbage;
mod oracle;
mod presigned;
mod refusals;
mod vectors;

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use chrono::{DateTime, Utc};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Request, Uri};
use windlass_http::sigv4::{AccessKeyId, Scope, SecretKey, Verifier};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const REGION: &str = "us-east-1";
const HOST_AND_PORT: &str = "windlass.test:8080";

fn verifier(scope: Scope) -> Verifier {
    verifier_with(SECRET, scope)
}

fn verifier_with(secret: &str, scope: Scope) -> Verifier {
    let keys: BTreeMap<AccessKeyId, SecretKey> = [(ID.parse().unwrap(), secret.parse().unwrap())].into();
    Verifier::new(keys, scope)
}

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// What a client is about to send, and how AWS's SDK is to sign it.
#[derive(Debug, Clone)]
struct Plan {
    method: &'static str,
    /// As on the wire.
    path_and_query: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    token: Option<String>,
    region: String,
    service: &'static str,
    /// Presigned, and valid for some seconds.
    expires: Option<u64>,
    unsigned_payload: bool,
    at: DateTime<Utc>,
}

impl Plan {
    fn get(path_and_query: &str) -> Self {
        Self {
            method: "GET",
            path_and_query: path_and_query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            token: None,
            region: REGION.to_owned(),
            service: "amplify",
            expires: None,
            unsigned_payload: false,
            at: at("2026-01-01T00:00:00Z"),
        }
    }

    fn is_s3(&self) -> bool {
        self.service == "s3"
    }

    fn scope(&self) -> Scope {
        Scope { region: self.region.clone(), service: self.service }
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if let Some(seconds) = self.expires {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        if self.is_s3() {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        if self.is_s3() || self.unsigned_payload {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }

    /// The head of the signed request, its URI absolute.
    fn signed(&self) -> Parts {
        let mut builder =
            Request::builder().method(self.method).uri(format!("http://{HOST_AND_PORT}{}", self.path_and_query));
        for (name, value) in &self.headers {
            builder = builder.header(*name, value);
        }
        let mut request = builder.body(()).unwrap();

        let identity = Credentials::new(ID, SECRET, self.token.clone(), None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(self.at.timestamp().unsigned_abs()))
            .settings(self.settings())
            .build()
            .unwrap()
            .into();
        let payload = if self.unsigned_payload || (self.is_s3() && self.expires.is_some()) {
            SignableBody::UnsignedPayload
        } else {
            SignableBody::Bytes(&self.body)
        };
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(self.method, request.uri().to_string(), headers, payload).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request.into_parts().0
    }

    /// The head of the signed request as it arrives over HTTP/1.1.
    fn sent(&self) -> Parts {
        over_http1(self.signed())
    }
}

fn over_http1(mut request: Parts) -> Parts {
    request.headers.insert(HOST, HeaderValue::from_str(request.uri.authority().unwrap().as_str()).unwrap());
    request.uri = Uri::from(request.uri.path_and_query().unwrap().clone());
    request
}

/// The request with another text in place of a piece of its URI and of its headers.
fn edited(mut request: Parts, from: &str, to: &str) -> Parts {
    request.uri = request.uri.to_string().replace(from, to).parse().unwrap();
    for value in request.headers.values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes()).replace(from, to);
        *value = HeaderValue::from_str(&text).unwrap();
    }
    request
}
