//! Who may ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::request::Parts;

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
        let Some(verifier) = &self.0 else { return Ok((None, body.await?)) };
        let claim = verifier.admit(parts, now)?;
        let body = body.await?;
        let verified = claim.check(Payload::Bytes(&body))?;
        Ok((Some(verified.access_key_id), body))
    }
}
