//! Presigned URLs: a signature in the query, for whoever holds the URL.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use core::fmt;

use chrono::{DateTime, Utc};
use http::uri::{Authority, Scheme};
use http::{Method, Uri};

use super::basic_time;
use super::canonical::{self, PathRule, Query};
use super::key::{AccessKeyId, SecretKey, SigningKey, SigningKeys};
use super::{ALGORITHM, MAX_EXPIRES, Scope, TERMINATOR};

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
        Ok(self.presigner(method, url, expires, now)?.url(url.path()))
    }

    /// What makes such URLs of many paths, with all else as in `url`, for what it takes to sign each path alone.
    ///
    /// # Errors
    ///
    /// Those of [`presign`](Self::presign).
    pub fn presigner(
        &self,
        method: &Method,
        url: &Uri,
        expires: u32,
        now: DateTime<Utc>,
    ) -> Result<Presigner, PresignError> {
        if !(1..=MAX_EXPIRES).contains(&expires) {
            return Err(PresignError::Expires(expires));
        }
        let scheme = url.scheme().ok_or(PresignError::NotAbsolute)?;
        let host = host(scheme, url.authority().ok_or(PresignError::NotAbsolute)?);

        let date = basic_time::write(&now);
        let day = date.split('T').next().unwrap_or_default();
        let scope = [day, &self.scope.region, self.scope.service, TERMINATOR].join("/");
        let (credential, expires) = ([self.access_key_id.as_str(), &scope].join("/"), expires.to_string());
        let mut query = Query::read(url.query().unwrap_or_default());
        query.add("X-Amz-Algorithm", ALGORITHM);
        query.add("X-Amz-Credential", &credential);
        query.add("X-Amz-Date", &date);
        query.add("X-Amz-Expires", &expires);
        query.add("X-Amz-SignedHeaders", "host");
        Ok(Presigner {
            method: method.clone(),
            scheme: scheme.clone(),
            host,
            rule: self.scope.path_rule(),
            query: query.text(),
            key: self.signing_keys.get(&self.secret_key, day, &self.scope),
            date,
            scope,
        })
    }
}

/// Makes URLs that differ in their path alone. Made by [`Signer::presigner`].
pub struct Presigner {
    method: Method,
    scheme: Scheme,
    host: String,
    rule: PathRule,
    /// Without the signature.
    query: String,
    key: SigningKey,
    date: String,
    scope: String,
}

impl Presigner {
    /// The URL of a path, which is encoded as it has to be on the wire.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let Self { method, scheme, host, rule, query, key, date, scope } = self;
        let digest = canonical::digest_of_url(method, path, *rule, query, host);
        let signature = key.sign(date, scope, &digest);
        [scheme.as_str(), "://", host, path, "?", query, "&X-Amz-Signature=", signature.as_str()].concat()
    }
}

impl fmt::Debug for Presigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner").field("host", &self.host).finish_non_exhaustive()
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
