//! AWS Signature Version 4: is this request from someone who holds one of our keys?
//!
//! A [`Verifier`] checks requests signed in the `Authorization` header or in the query (presigned URLs), in two steps:
//! [`Verifier::admit`] needs only the head of the request, [`Claim::check`] also its body. A session token has to be
//! signed like all else and is not looked at: no key of ours comes with one, and whoever has the secret needs none. A [`Signer`] makes presigned
//! URLs. Nothing here waits, reads a clock or keeps a request.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

mod basic_time;
mod canonical;
mod key;
mod presign;
mod refusal;
mod stated;

use chrono::{DateTime, Utc};
use core::fmt;
use std::borrow::Cow;

use http::header::HeaderName;
use http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use canonical::PathRule;
use key::{SigningKey, SigningKeys};
use stated::{Form, Stated};

pub use key::{AccessKeyId, InvalidAccessKeyId, InvalidSecretKey, Keys, SecretKey};
pub use presign::{PresignError, Presigner, Signer};
pub use refusal::{Incomplete, Refusal};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The hash of no body, which most requests have.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// How far, in seconds, the clock of a signer may be from ours.
const MAX_SKEW: i64 = 15 * 60;

/// The longest life of a presigned URL, in seconds.
const MAX_EXPIRES: u32 = 7 * 24 * 60 * 60;

/// What signatures have to be for: a region and a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The region this server answers for.
    pub region: String,
    /// The name of the service in signatures. `s3` has rules of its own for paths and presigned bodies.
    pub service: &'static str,
}

impl Scope {
    /// The scope of API requests.
    pub fn amplify(region: impl Into<String>) -> Self {
        Self { region: region.into(), service: "amplify" }
    }

    /// The scope of upload URLs.
    pub fn s3(region: impl Into<String>) -> Self {
        Self { region: region.into(), service: "s3" }
    }

    fn is_s3(&self) -> bool {
        self.service == "s3"
    }

    /// The rule for paths.
    fn path_rule(&self) -> PathRule {
        if self.is_s3() { PathRule::AsSent } else { PathRule::EncodedAgain }
    }

    /// The rules by which clients may have read `path`.
    fn path_rules(&self, path: &str) -> impl Iterator<Item = PathRule> {
        let open = !self.is_s3() && (path.ends_with("/.") || path.ends_with("/.."));
        core::iter::once(self.path_rule()).chain(open.then_some(PathRule::EncodedAgainOpen))
    }
}

/// The body of a request, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// All of it.
    Bytes(&'a [u8]),
    /// Not read. Enough where the signer left the body out of the signature: see [`Claim::needs_body`].
    Unread,
}

/// Whose request it is: the signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The key that signed it.
    pub access_key_id: AccessKeyId,
    /// When it was signed, by the signer's clock.
    pub signed_at: DateTime<Utc>,
}

/// Checks the signatures of requests within one [`Scope`].
pub struct Verifier {
    keys: Box<dyn Keys>,
    scope: Scope,
    signing_keys: SigningKeys,
}

impl Verifier {
    /// A verifier that knows `keys` and accepts what was signed for `scope`.
    pub fn new(keys: impl Keys + 'static, scope: Scope) -> Self {
        Self { keys: Box::new(keys), scope, signing_keys: SigningKeys::default() }
    }

    /// Reads what a request says about its signature, and refuses what can be refused without a secret: an incomplete
    /// signature, another scope, a wrong time. For those who look their secrets up elsewhere than in `keys`.
    ///
    /// `request` must be as it came over the wire, in particular its path: not decoded, nor cut by a router.
    ///
    /// # Errors
    ///
    /// Every [`Refusal`] but [`Refusal::UnknownKey`] and [`Refusal::Mismatch`].
    pub fn read<'r>(&'r self, request: &'r Parts, now: DateTime<Utc>) -> Result<Statement<'r>, Refusal> {
        let stated = Stated::read(request)?;
        stated.check_scope(&self.scope)?;
        stated.check_time(now)?;
        Ok(Statement { verifier: self, request, stated })
    }

    /// The secret of one of the keys that this verifier knows by itself.
    pub fn secret(&self, access_key_id: &str) -> Option<SecretKey> {
        self.keys.secret(access_key_id)
    }

    /// Refuses what can be refused without the body: what [`read`](Self::read) refuses, and an unknown key. The claim
    /// that remains is still unproven.
    ///
    /// # Errors
    ///
    /// Every [`Refusal`] but [`Refusal::Mismatch`].
    pub fn admit<'r>(&'r self, request: &'r Parts, now: DateTime<Utc>) -> Result<Claim<'r>, Refusal> {
        let statement = self.read(request, now)?;
        let secret = self.secret(statement.access_key_id()).ok_or(Refusal::UnknownKey)?;
        Ok(statement.claim(&secret))
    }

    /// [`admit`](Self::admit) and [`check`](Claim::check) in one, for a body that is there already.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], if the request is not signed as it should be.
    pub fn verify(&self, request: &Parts, payload: Payload<'_>, now: DateTime<Utc>) -> Result<Verified, Refusal> {
        self.admit(request, now)?.check(payload)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// A request that says it was signed for this server and about now, with a key that is still to be looked up.
#[must_use = "nothing is proven before `Claim::check`"]
pub struct Statement<'r> {
    verifier: &'r Verifier,
    request: &'r Parts,
    stated: Stated<'r>,
}

impl<'r> Statement<'r> {
    /// The key that it says it was signed with: any text without a slash.
    pub fn access_key_id(&self) -> &str {
        self.stated.access_key_id()
    }

    /// The claim that it was signed with this secret, which is that of its [key](Self::access_key_id).
    pub fn claim(self, secret: &SecretKey) -> Claim<'r> {
        let Self { verifier: Verifier { scope, signing_keys, .. }, request, stated } = self;
        Claim {
            access_key_id: AccessKeyId::known(stated.access_key_id()),
            key: signing_keys.get(secret, stated.day(), scope),
            scope,
            request,
            stated,
        }
    }
}

impl fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("signed_at", &self.stated.at).finish_non_exhaustive()
    }
}

/// A request that says it was signed with a key we know, for this server and about now. [`check`](Self::check) finds
/// out whether that is true.
#[must_use = "nothing is proven before `check`"]
pub struct Claim<'r> {
    access_key_id: AccessKeyId,
    key: SigningKey,
    scope: &'r Scope,
    request: &'r Parts,
    stated: Stated<'r>,
}

impl Claim<'_> {
    /// Whether the body is part of what was signed. If it is not, [`Payload::Unread`] will do.
    pub fn needs_body(&self) -> bool {
        match self.signed_content_hash() {
            Some(hash) => hash != UNSIGNED_PAYLOAD.as_bytes(),
            //= https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
            //# You don't include a payload hash in the Canonical Request, because when you create a presigned URL, you
            //# don't know the payload content because the URL is used to upload an arbitrary payload.
            None => match self.stated.form {
                Form::Header => true,
                Form::Query { .. } => !self.scope.is_s3(),
            },
        }
    }

    /// Compares the signature with the one that the request and `payload` should have.
    ///
    /// # Errors
    ///
    /// [`Refusal::Mismatch`], which does not say what differs.
    pub fn check(self, payload: Payload<'_>) -> Result<Verified, Refusal> {
        let hash = self.payload_hash(payload).ok_or(Refusal::Mismatch)?;
        let Self { request, scope, stated, .. } = &self;
        let right = scope.path_rules(request.uri.path()).any(|path| {
            let digest = canonical::digest(request, &stated.query, &stated.signed_headers, path, &hash);
            let expected = self.key.sign(&stated.date, stated.scope(), &digest);
            bool::from(expected.as_bytes().ct_eq(stated.signature.as_bytes()))
        });
        if right {
            Ok(Verified { access_key_id: self.access_key_id, signed_at: self.stated.at })
        } else {
            Err(Refusal::Mismatch)
        }
    }

    /// The last line of the canonical request; nothing if the body cannot be what was signed.
    fn payload_hash(&self, payload: Payload<'_>) -> Option<Cow<'static, str>> {
        if !self.needs_body() {
            return Some(UNSIGNED_PAYLOAD.into());
        }
        let real: Cow<'_, str> = match payload {
            Payload::Unread => return None,
            Payload::Bytes([]) => EMPTY_SHA256.into(),
            Payload::Bytes(body) => hex::encode(Sha256::digest(body)).into(),
        };
        let agrees = self.signed_content_hash().is_none_or(|stated| stated == real.as_bytes());
        agrees.then_some(real)
    }

    /// What the request says of its body, if the signature covers it.
    fn signed_content_hash(&self) -> Option<&[u8]> {
        let value = self.request.headers.get(CONTENT_SHA256)?.as_bytes();
        self.stated.signs(CONTENT_SHA256.as_str()).then(|| value.trim_ascii())
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("access_key_id", &self.access_key_id)
            .field("signed_at", &self.stated.at)
            .finish_non_exhaustive()
    }
}
