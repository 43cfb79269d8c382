//! The stored format of jobs, records and branches: one byte that names the format, then JSON.
//!
//! Readers ignore members that they do not know and fill in those that are missing where the core says
//! how, so additions need no new format. Anything else does, and then this module reads both.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// The format that is written.
const FORMAT: u8 = b'1';

/// Writes a value.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    let written = serde_json::to_writer(&mut bytes, value);
    debug_assert!(written.is_ok(), "stored types have string keys only, so JSON can hold them");
    bytes
}

/// Reads a value.
///
/// # Errors
///
/// [`StoreError::Damaged`] for an unknown format, naming it, and for damaged bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&FORMAT, json)) => serde_json::from_slice(json).map_err(StoreError::damaged),
        Some((&other, _)) => Err(StoreError::damaged(format!(
            "format {:?} is not one that this version reads; it was written by a newer one, or is damaged",
            char::from(other)
        ))),
        None => Err(StoreError::damaged("nothing where a value should be")),
    }
}
