//! Access keys, and the signing keys that are derived from them.

use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{ALGORITHM, Scope, TERMINATOR};

/// Looks up secrets.
pub trait Keys: Send + Sync {
    /// The secret that belongs to an access key, or nothing if there is no such key.
    fn secret(&self, access_key_id: &str) -> Option<SecretKey>;
}

impl Keys for BTreeMap<AccessKeyId, SecretKey> {
    fn secret(&self, access_key_id: &str) -> Option<SecretKey> {
        self.get(access_key_id).cloned()
    }
}

impl<K: Keys + ?Sized> Keys for Arc<K> {
    fn secret(&self, access_key_id: &str) -> Option<SecretKey> {
        K::secret(self, access_key_id)
    }
}

/// The public half of an access key: up to 128 letters, digits and underscores.
///
/// AWS asks for at least 16 of them; development servers are often given shorter ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(Arc<str>);

/// Not an [`AccessKeyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access key id is 1 to 128 letters, digits and underscores")]
pub struct InvalidAccessKeyId;

impl AccessKeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id under which a secret was found.
    pub(super) fn known(id: &str) -> Self {
        Self(id.into())
    }
}

impl FromStr for AccessKeyId {
    type Err = InvalidAccessKeyId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        //= https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html
        //# Length Constraints: Minimum length of 16. Maximum length of 128. Pattern: [\w]+
        let fits = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        fits.then(|| Self(id.into())).ok_or(InvalidAccessKeyId)
    }
}

impl Borrow<str> for AccessKeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret half of an access key. It is never printed, and compared in constant time.
#[derive(Clone)]
pub struct SecretKey(Arc<str>);

/// Not a [`SecretKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret key is not empty")]
pub struct InvalidSecretKey;

impl FromStr for SecretKey {
    type Err = InvalidSecretKey;

    fn from_str(secret: &str) -> Result<Self, Self::Err> {
        if secret.is_empty() { Err(InvalidSecretKey) } else { Ok(Self(secret.into())) }
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        // Most are compared with themselves.
        Arc::ptr_eq(&self.0, &other.0) || self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// What signs for one day, region and service: an HMAC that has already taken its key.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    //= https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    //# To derive a signing key for SigV4, perform a succession of keyed hash operations (HMAC) on the request date, Region,
    //# and service, with your AWS secret access key as the key for the initial hashing operation.
    pub(super) fn derive(secret: &SecretKey, day: &str, scope: &Scope) -> Self {
        let first = hmac(&[b"AWS4", secret.0.as_bytes()].concat());
        let last = [day, &scope.region, scope.service, TERMINATOR].iter().fold(first, |mac, step| {
            let key = mac.chain_update(step).finalize().into_bytes();
            hmac(&key)
        });
        Self(last)
    }

    /// The signature over a canonical request. `scope` is the credential without its access key.
    pub(super) fn sign(&self, date: &str, scope: &str, canonical_request: &[u8; 32]) -> Hex {
        let mut mac = self.0.clone();
        for line in [ALGORITHM, date, scope] {
            mac.update(line.as_bytes());
            mac.update(b"\n");
        }
        mac.update(Hex::of(canonical_request).as_bytes());
        Hex::of(&mac.finalize().into_bytes().into())
    }
}

/// A hash in hexadecimal. There are several in each request, so none is on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hex([u8; 64]);

impl Hex {
    pub(super) fn of(hash: &[u8; 32]) -> Self {
        let mut digits = [0; 64];
        hex::encode_to_slice(hash, &mut digits).expect("32 bytes are 64 digits");
        Self(digits)
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// The signing keys used last, so that a busy server does not derive them anew for every request.
#[derive(Default)]
pub(super) struct SigningKeys(RwLock<VecDeque<Derived>>);

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys(…)")
    }
}

struct Derived {
    secret: SecretKey,
    day: String,
    key: SigningKey,
}

impl SigningKeys {
    const CAPACITY: usize = 32;

    /// The signing key of a secret and a day, always asked for with the same scope.
    pub(super) fn get(&self, secret: &SecretKey, day: &str, scope: &Scope) -> SigningKey {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.iter().find(|d| d.day == day && d.secret == *secret) {
            return known.key.clone();
        }
        drop(kept);
        let key = SigningKey::derive(secret, day, scope);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(Self::CAPACITY - 1);
        kept.push_front(Derived { secret: secret.clone(), day: day.to_owned(), key: key.clone() });
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of AWS's former General Reference, "Deriving the signing key".
    #[test]
    fn the_signing_key_is_the_one_aws_derives() {
        let secret: SecretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".parse().unwrap();
        let scope = Scope { region: "us-east-1".to_owned(), service: "iam" };
        let expected = hex::decode("c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9").unwrap();

        let SigningKey(mac) = SigningKey::derive(&secret, "20150830", &scope);

        assert!(mac.finalize().into_bytes() == hmac(&expected).finalize().into_bytes());
    }

    #[test]
    fn kept_signing_keys_are_bounded_and_follow_a_changed_secret() {
        let scope = Scope::amplify("us-east-1");
        let kept = SigningKeys::default();
        for n in 0..100 {
            let secret: SecretKey = format!("secret {n}").parse().unwrap();
            for day in ["20260101", "20260102", "20260101"] {
                let key = kept.get(&secret, day, &scope).sign("date", "scope", &[0; 32]);
                let fresh = SigningKey::derive(&secret, day, &scope).sign("date", "scope", &[0; 32]);
                assert_eq!(key, fresh);
            }
        }
        assert_eq!(kept.0.read().expect("nobody has panicked").len(), SigningKeys::CAPACITY);
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret: SecretKey = "hush".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "SecretKey(…)");
    }

    #[test]
    fn ids_and_secrets_are_made_by_parsing() {
        assert_eq!("AKIA_1".parse::<AccessKeyId>().unwrap().as_str(), "AKIA_1");
        for id in ["", "a/b", "a b", "ü", &"a".repeat(129)] {
            assert_eq!(id.parse::<AccessKeyId>(), Err(InvalidAccessKeyId));
        }
        assert_eq!("".parse::<SecretKey>(), Err(InvalidSecretKey));
    }
}
