//! Secrets of others that have to be kept: sealed, so that whoever reads the store alone does not read them.
//!
//! A seal says what it is for and whose it is. It can be opened for that alone: a token that is put into another app's
//! record is no token there.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};

use crate::StoreError;

/// What a sealed text begins with: how it was sealed. Another way would have another number.
const FORMAT: &str = "1:";

/// Seals with a key that is made of the store's [secret](crate::Store::secret).
pub struct Sealer([u8; 32]);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// A sealer with this secret.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// Seals `plain` for a purpose and an owner, as visible ASCII.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the machine has no random numbers.
    pub fn seal(&self, purpose: &str, owner: &str, plain: &[u8]) -> Result<String, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(StoreError::unavailable)?;
        let mut sealed = plain.to_vec();
        self.key(purpose)
            .and_then(|key| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.seal_in_place_append_tag(nonce, Aad::from(owner), &mut sealed).ok()
            })
            .ok_or_else(|| StoreError::unavailable("what is to be sealed is too long"))?;
        Ok(format!("{FORMAT}{}{}", hex::encode(nonce), hex::encode(sealed)))
    }

    /// Opens what was sealed for this purpose and this owner.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where it was not, or has changed since.
    pub fn open(&self, purpose: &str, owner: &str, sealed: &str) -> Result<Vec<u8>, StoreError> {
        let opened = || {
            let mut bytes = hex::decode(sealed.strip_prefix(FORMAT)?).ok()?;
            let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            Some(self.key(purpose)?.open_in_place(nonce, Aad::from(owner), sealed).ok()?.to_vec())
        };
        opened().ok_or_else(|| {
            StoreError::damaged(format!("the {purpose} of {owner} does not open with this store's secret"))
        })
    }

    /// Each purpose has a key of its own, so nothing that is sealed for one can be passed off as another's.
    fn key(&self, purpose: &str) -> Option<LessSafeKey> {
        let info = [b"windlass seals ".as_slice(), purpose.as_bytes()];
        let secret = Salt::new(HKDF_SHA256, &[]).extract(&self.0);
        Some(LessSafeKey::new(UnboundKey::from(secret.expand(&info, &AES_256_GCM).ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALER: Sealer = Sealer::new([7; 32]);

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_owner_alone() {
        let sealed = SEALER.seal("token", "d1", b"hush").unwrap();
        assert_eq!(SEALER.open("token", "d1", &sealed).unwrap(), b"hush");
        for (sealer, purpose, owner) in
            [(&SEALER, "token", "d2"), (&SEALER, "key", "d1"), (&Sealer::new([8; 32]), "token", "d1")]
        {
            assert!(
                matches!(sealer.open(purpose, owner, &sealed), Err(StoreError::Damaged { .. })),
                "{purpose} {owner}"
            );
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let sealed = SEALER.seal("token", "d1", b"hush").unwrap();
        for (index, c) in sealed.char_indices() {
            let other = if c == '0' { '1' } else { '0' };
            let changed = format!("{}{other}{}", &sealed[..index], &sealed[index + 1..]);
            assert!(SEALER.open("token", "d1", &changed).is_err(), "{index}");
            assert!(SEALER.open("token", "d1", &sealed[..index]).is_err(), "{index}");
        }
    }

    #[test]
    fn a_seal_shows_nothing_and_is_never_the_same() {
        let (one, other) = (SEALER.seal("token", "d1", b"hush").unwrap(), SEALER.seal("token", "d1", b"hush").unwrap());
        assert_ne!(one, other);
        assert!(!one.contains(&hex::encode("hush")));
        assert_eq!(SEALER.open("token", "d1", &SEALER.seal("token", "d1", b"").unwrap()).unwrap(), b"");
        assert_eq!(format!("{SEALER:?}"), "Sealer");
    }
}
