//! How it is seen that a name leads to this server: it answers, under that name, what only this server can.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use sha2::Sha256;

use crate::answer;
use crate::api::{Api, method_not_allowed};
use crate::error::ApiError;

/// Where it is asked for the proof that a name leads to this server. Whatever the name is, the path is the
/// [`Api`]'s. A token follows.
pub const PROOF_PATH: &str = "/.well-known/windlass/";

/// How it is found out that a domain leads here.
#[derive(Clone, Debug, Default)]
pub enum DomainVerification {
    /// Not at all: every domain does. For servers that no other domain can lead to.
    #[default]
    Offline,
    /// By asking under the domain's name, as DNS resolves it, for a proof.
    Dns(Arc<dyn DomainCheck>),
}

/// What a URL answered, or in words why it did not.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// Whoever asks a domain for its proof.
pub trait DomainCheck: fmt::Debug + Send + Sync + 'static {
    /// The text that `GET url` answers with status 200. What is longer than some hundred bytes is no proof and need not
    /// be read.
    fn ask<'a>(&'a self, url: &'a str) -> Answered<'a>;
}

/// Makes proofs.
pub(crate) struct Proofs([u8; 32]);

impl Proofs {
    pub(crate) const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// What this server answers to a token, and no server that has another secret.
    pub(crate) fn of(&self, token: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        mac.update(b"domain ");
        mac.update(token.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl Api {
    /// Answers a request for a proof, under whatever name it comes.
    pub(crate) fn prove(&self, parts: &Parts) -> Response<Body> {
        let token = parts.uri.path().strip_prefix(PROOF_PATH).unwrap_or_default();
        if token.len() != super::TOKEN || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return answer::respond(Err(ApiError::unknown_path()));
        }
        if parts.method != Method::GET {
            return method_not_allowed(&parts.method, &[Method::GET]);
        }
        let mut response = Response::new(Body::from(self.proofs().of(token)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}
