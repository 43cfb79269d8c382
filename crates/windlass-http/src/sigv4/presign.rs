//! Presigned URLs: a signature in the query, for whoever holds the URL.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use chrono::{DateTime, Utc};
use http::header::{HOST, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Uri};

use super::basic_time;
use super::canonical::{self, Query};
use super::key::{AccessKeyId, SecretKey, SigningKeys};
use super::{ALGORITHM, MAX_EXPIRES, Scope, TERMINATOR, UNSIGNED_PAYLOAD};

/// Signs URLs with one key, for one [`Scope`].
#[derive(Debug)]
pub struct Signer {
    access_key_id: AccessKeyId,
    secret_key: SecretKey,
    scope: Scope,
    signing_keys: SigningKeys,
}

/// Why a URL cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PresignError {
    /// It names no server.
    #[error("the URL to sign has no scheme or no host")]
    NotAbsolute,
    /// It would be valid for no time at all, or for more than a week.
    #[error("a presigned URL is valid for 1 to {MAX_EXPIRES} seconds, not {0}")]
    Expires(u32),
}

impl Signer {
    /// A signer with both halves of a key, of URLs that are valid for `scope`.
    #[must_use]
    pub fn new(access_key_id: AccessKeyId, secret_key: SecretKey, scope: Scope) -> Self {
        Self { access_key_id, secret_key, scope, signing_keys: SigningKeys::default() }
    }

    /// The URL with which anyone may send `method` and any body to `url`, for `expires` seconds from `now` on.
    ///
    /// Only the host is signed along with the URL. The path stays as it is: encode it as it has to be on the wire. The
    /// port goes if it is the scheme's own, because clients leave it out of `Host`.
    ///
    /// # Errors
    ///
    /// If `url` is not absolute, or `expires` out of bounds.
    pub fn presign(
        &self,
        method: &Method,
        url: &Uri,
        expires: u32,
        now: DateTime<Utc>,
    ) -> Result<String, PresignError> {
        if !(1..=MAX_EXPIRES).contains(&expires) {
            return Err(PresignError::Expires(expires));
        }
        let scheme = url.scheme().ok_or(PresignError::NotAbsolute)?;
        let host = host(scheme, url.authority().ok_or(PresignError::NotAbsolute)?);
        let header = HeaderValue::from_str(&host).map_err(|_| PresignError::NotAbsolute)?;

        let date = basic_time::write(&now);
        let day = date.split('T').next().unwrap_or_default();
        let scope = [day, &self.scope.region, self.scope.service, TERMINATOR].join("/");
        let mut query = Query::read(url.query().unwrap_or_default());
        query.add("X-Amz-Algorithm", ALGORITHM);
        query.add("X-Amz-Credential", &[self.access_key_id.as_str(), &scope].join("/"));
        query.add("X-Amz-Date", &date);
        query.add("X-Amz-Expires", &expires.to_string());
        query.add("X-Amz-SignedHeaders", "host");

        let (mut request, ()) = Request::new(()).into_parts();
        request.method = method.clone();
        request.uri = url.clone();
        request.headers.insert(HOST, header);
        let digest = canonical::digest(&request, &query, "host", self.scope.path_rule(), UNSIGNED_PAYLOAD);
        let signature = self.signing_keys.get(&self.secret_key, day, &self.scope).sign(&date, &scope, &digest);
        let path = url.path();
        Ok(format!("{scheme}://{host}{path}?{query}&X-Amz-Signature={signature}"))
    }
}

/// What clients will send as `Host`.
fn host(scheme: &Scheme, authority: &Authority) -> String {
    let host = authority.host();
    match (scheme.as_str(), authority.port_u16()) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => host.to_owned(),
        (_, Some(port)) => format!("{host}:{port}"),
    }
}
