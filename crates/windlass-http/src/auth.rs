//! Who may ask.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;

use crate::error::ApiError;
use crate::sigv4::{AccessKeyId, Payload, Scope, SecretKey, Verifier};

/// How requests prove who sent them.
#[derive(Debug)]
pub enum Auth {
    /// By a signature with one of these keys.
    SigV4(BTreeMap<AccessKeyId, SecretKey>),
    /// Not at all. For servers that only their own machine can reach.
    None,
}

/// Checks what [`Auth`] asks for.
#[derive(Debug, Clone)]
pub(crate) struct Door(Option<Arc<Verifier>>);

impl Door {
    pub(crate) fn new(auth: Auth, region: &str) -> Self {
        match auth {
            Auth::SigV4(keys) => Self(Some(Arc::new(Verifier::new(keys, Scope::amplify(region))))),
            Auth::None => Self(None),
        }
    }

    /// Who asks, once `body` has been read. What can be refused without the body is refused before that.
    ///
    /// # Errors
    ///
    /// That of the signature, or of the body.
    pub(crate) async fn admit(
        &self,
        parts: &Parts,
        now: DateTime<Utc>,
        body: impl Future<Output = Result<Bytes, ApiError>>,
    ) -> Result<(Option<AccessKeyId>, Bytes), ApiError> {
        let Some(verifier) = &self.0 else {
            if !is_from_this_machine(parts) {
                return Err(ApiError::not_from_here());
            }
            return Ok((None, body.await?));
        };
        let claim = verifier.admit(parts, now)?;
        let body = body.await?;
        let verified = claim.check(Payload::Bytes(&body))?;
        Ok((Some(verified.access_key_id), body))
    }
}

/// Whether a request that came over loopback is not one of a web page that this machine's browser shows. A page's requests
/// name their origin, or come under the page's own name, which its owner can point here.
#[must_use]
pub fn is_from_this_machine(parts: &Parts) -> bool {
    let host = parts.headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let host = host.or_else(|| parts.uri.authority().cloned());
    let local = host.is_none_or(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    });
    local && !parts.headers.contains_key(ORIGIN)
}
