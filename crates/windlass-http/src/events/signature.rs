//! The signature of a request to a subscriber, by the Standard Webhooks scheme.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::ApiError;

/// What a secret begins with, so that it is known for what it is wherever it turns up.
const PREFIX: &str = "whsec_";

/// How many random bytes a secret has. The scheme asks for 24 to 64.
const BYTES: usize = 32;

/// A new secret, as its owner is shown it.
///
/// # Errors
///
/// Where the machine has no random numbers.
pub(super) fn new_secret() -> Result<String, ApiError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// The signature of a body that is sent as `id` at `timestamp`, in seconds; none where the secret is none.
pub(super) fn sign(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the scheme's own documentation.
    #[test]
    fn a_signature_is_the_one_of_the_schemes_example() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = br#"{"test": 2432232314}"#;
        let signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn every_secret_is_another() {
        let (one, other) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(one, other);
        assert!(sign(&one, "id", 0, b"").is_some() && sign(&one, "id", 0, b"") != sign(&other, "id", 0, b""));
    }
}
