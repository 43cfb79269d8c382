//! `Range: bytes=…`: the part of a download that is asked for, so that a log can be followed while it grows and a broken
//! download goes on.

use core::ops::Range;

use axum::body::Body;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use http::{Response, StatusCode};

/// What a request asks for of `length` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of them. So it is, too, where the header cannot be read or asks for many parts, as the standard allows.
    Whole,
    /// These.
    Some(Range<u64>),
    /// None that are there.
    Beyond,
}

impl Part {
    /// Reads the header.
    pub(crate) fn of(headers: &HeaderMap, length: u64) -> Self {
        let range = headers.get(RANGE).and_then(|range| parse(range.to_str().ok()?, length));
        match range {
            None => Self::Whole,
            Some(range) if range.start < range.end => Self::Some(range),
            Some(_) => Self::Beyond,
        }
    }

    /// The bytes to send, of `length`.
    pub(crate) fn range(&self, length: u64) -> Range<u64> {
        match self {
            Self::Whole => 0..length,
            Self::Some(range) => range.clone(),
            Self::Beyond => 0..0,
        }
    }

    /// A response with `body`, which are the bytes of [`range`](Self::range).
    pub(crate) fn answer(&self, body: Body, length: u64) -> Response<Body> {
        let mut response = Response::new(body);
        let Range { start, end } = self.range(length);
        let (status, range) = match self {
            Self::Whole => (StatusCode::OK, None),
            Self::Some(_) => (StatusCode::PARTIAL_CONTENT, Some(format!("bytes {start}-{}/{length}", end - 1))),
            Self::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, Some(format!("bytes */{length}"))),
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(CONTENT_LENGTH, (end - start).into());
        if let Some(range) = range.and_then(|range| HeaderValue::try_from(range).ok()) {
            headers.insert(CONTENT_RANGE, range);
        }
        response
    }
}

/// The one range in a header, cut to what is there; empty where nothing of it is.
fn parse(header: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = header.strip_prefix("bytes=")?.trim().split_once('-')?;
    match (first, last) {
        ("", last) => {
            let last: u64 = number(last)?;
            Some(length.saturating_sub(last)..length)
        }
        (first, "") => Some(number(first)?..length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first..last.saturating_add(1).min(length))
        }
    }
}

/// Digits only: `parse` would take a sign, too.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_what_is_there() {
        for (header, expected) in [
            ("bytes=0-", Part::Some(0..10)),
            ("bytes=4-", Part::Some(4..10)),
            ("bytes=4-6", Part::Some(4..7)),
            ("bytes=4-99999999999999999999999", Part::Some(4..10)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-30", Part::Some(0..10)),
            ("bytes=-0", Part::Beyond),
            ("bytes=10-", Part::Beyond),
            ("bytes=99999999999999999999999-", Part::Beyond),
            ("bytes=6-4", Part::Whole),
            ("bytes=+1-", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("lines=1-2", Part::Whole),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(header))]);
            assert_eq!(Part::of(&headers, 10), expected, "{header}");
        }
        assert_eq!(Part::of(&HeaderMap::new(), 10), Part::Whole);
    }

    #[test]
    fn an_answer_says_which_part_it_is() {
        for (part, status, range, length) in [
            (Part::Whole, 200, None, "10"),
            (Part::Some(4..7), 206, Some("bytes 4-6/10"), "3"),
            (Part::Beyond, 416, Some("bytes */10"), "0"),
        ] {
            let answer = part.answer(Body::empty(), 10);
            let header = |name| answer.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap());
            assert_eq!((answer.status().as_u16(), header(CONTENT_RANGE)), (status, range));
            assert_eq!(header(CONTENT_LENGTH), Some(length));
        }
    }
}
