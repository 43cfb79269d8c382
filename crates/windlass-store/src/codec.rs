//! The stored format of jobs, records and branches: one byte that names the format, then JSON.
//!
//! Versions run side by side while a fleet is upgraded, and each reads what the other writes. So:
//!
//! * **A new optional member** needs no new format: who does not know it ignores it, and who misses it fills it in. But whoever
//!   rewrites a value drops what he does not know, and that is all of them but births and records. So its loss must do no
//!   harm, or one release reads and keeps it, and the next one writes it.
//! * **A new name** (of an event, a source, a cause, a status, a kind) cannot be read by those who do not know it. One release
//!   reads it, and the next one writes it.
//! * **Anything else** (a member that goes, or means something else, or one more step, since steps are an array of as many as
//!   there are) needs a new format byte. One release reads both, and the next one writes the new one.
//!
//! What a version cannot read it refuses as damaged, saying that a newer one may have written it, and leaves as it is. In
//! `tests/stored` lies what each format looked like; that is read for ever.

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
        Some((&FORMAT, json)) => serde_json::from_slice(json).map_err(|error| {
            // Whole JSON of something else.
            let newer = if error.is_data() { "; a newer version may have written it, or it is damaged" } else { "" };
            StoreError::damaged(format!("{error}{newer}"))
        }),
        Some((&other, _)) => Err(StoreError::damaged(format!(
            "format {:?} is not one that this version reads; it was written by a newer one, or is damaged",
            char::from(other)
        ))),
        None => Err(StoreError::damaged("nothing where a value should be")),
    }
}
