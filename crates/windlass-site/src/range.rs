//! Which part of a member is asked for.

use std::ops::Range;

use http::HeaderValue;

/// What a `Range` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Requested {
    /// All of it, also where the header is malformed or asks for more than one part.
    Whole,
    /// These bytes, at least one, all of which there are.
    Part(Range<u64>),
    /// Bytes that there are not.
    Unsatisfiable,
}

impl Requested {
    /// Reads a `Range` of something that has `size` bytes.
    pub(crate) fn parse(value: &HeaderValue, size: u64) -> Self {
        value.to_str().ok().and_then(|text| parse(text, size)).unwrap_or(Self::Whole)
    }
}

/// `None` where the text is no single range of bytes.
fn parse(text: &str, size: u64) -> Option<Requested> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let range = match (first, last) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.is_empty() { Requested::Unsatisfiable } else { Requested::Part(range) })
}

/// A decimal number. One that is too large for us is larger than anything that we have.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}
