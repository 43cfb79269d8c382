//! What a server has under a URL, so that the rest of it can be asked for, and nothing else.

use http::HeaderMap;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
};

/// A body that a server has said enough of to be asked for the rest.
#[derive(Debug)]
pub(super) struct Version {
    /// Which header names it.
    header: HeaderName,
    name: HeaderValue,
    size: Option<u64>,
}

/// What is missing of a body.
#[derive(Debug)]
pub(super) struct Rest<'a> {
    of: &'a Version,
    from: u64,
}

impl Version {
    /// The version that a whole answer with these headers is of.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.get(ACCEPT_RANGES).is_some_and(|units| units == "none") {
            return None;
        }
        let size = headers.get(CONTENT_LENGTH).and_then(number);
        let named = |header: HeaderName, name: &HeaderValue| Self { header, name: name.clone(), size };
        match headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) {
            Some(tag) => Some(named(ETAG, tag)),
            None => headers.get(LAST_MODIFIED).filter(|_| is_settled(headers)).map(|time| named(LAST_MODIFIED, time)),
        }
    }

    /// The number of bytes, where the server said it.
    pub(super) const fn size(&self) -> Option<u64> {
        self.size
    }

    /// What is missing behind `from` bytes.
    pub(super) fn rest(&self, from: u64) -> Option<Rest<'_>> {
        (from > 0).then_some(Rest { of: self, from })
    }
}

impl Rest<'_> {
    /// The headers that ask for it: a server that has another version by now answers all of that.
    pub(super) fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let range = format!("bytes={}-", self.from);
        let range = HeaderValue::from_str(&range).expect("digits can stand in a header");
        [(RANGE, range), (IF_RANGE, self.of.name.clone())]
    }

    /// Whether a partial answer with these headers is it. It need not say again which version it is of.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let is_same = headers.get(&self.of.header).is_none_or(|name| name == self.of.name);
        is_same && headers.get(CONTENT_RANGE).is_some_and(|range| self.is_range(range))
    }

    fn is_range(&self, range: &HeaderValue) -> bool {
        let parts = range.to_str().ok().and_then(|text| text.strip_prefix("bytes ")?.split_once('/'));
        let Some((range, size)) = parts else { return false };
        let from = range.split_once('-').and_then(|(from, _)| from.parse().ok());
        from == Some(self.from) && (size == "*" || self.of.size.is_none_or(|known| size.parse() == Ok(known)))
    }
}

/// Whether the last change is long enough ago that no other can bear its time.
//= https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2
//# The validator is about to be used by a client … and includes a Date value that is at least one second after the
//# Last-Modified value.
fn is_settled(headers: &HeaderMap) -> bool {
    let time = |header| httpdate::parse_http_date(headers.get(header)?.to_str().ok()?).ok();
    matches!((time(LAST_MODIFIED), time(DATE)), (Some(changed), Some(now)) if changed < now)
}

fn number(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn only_what_names_one_version_for_sure_is_gone_on_with() {
        let named = |headers: &[(HeaderName, &str)]| Version::of(&map(headers)).map(|version| version.header);
        assert_eq!(named(&[]), None);
        assert_eq!(named(&[(ETAG, "\"a\"")]), Some(ETAG));
        assert_eq!(named(&[(ETAG, "W/\"a\"")]), None);
        assert_eq!(named(&[(ETAG, "\"a\""), (ACCEPT_RANGES, "none")]), None);
        assert_eq!(named(&[(LAST_MODIFIED, THEN), (DATE, LATER)]), Some(LAST_MODIFIED));
        assert_eq!(named(&[(ETAG, "W/\"a\""), (LAST_MODIFIED, THEN), (DATE, LATER)]), Some(LAST_MODIFIED));
        // It may have changed again within that second.
        assert_eq!(named(&[(LAST_MODIFIED, THEN), (DATE, THEN)]), None);
        assert_eq!(named(&[(LAST_MODIFIED, THEN)]), None);
        assert_eq!(named(&[(LAST_MODIFIED, "yesterday"), (DATE, LATER)]), None);
    }

    #[test]
    fn a_part_is_the_rest_only_if_it_begins_there_and_is_of_the_same() {
        let version = Version::of(&map(&[(ETAG, "\"a\""), (CONTENT_LENGTH, "10")])).unwrap();
        assert!(version.rest(0).is_none());
        let rest = version.rest(4).unwrap();
        assert_eq!(rest.headers().map(|(_, value)| value), ["bytes=4-", "\"a\""]);
        for (range, tag, expected) in [
            ("bytes 4-9/10", Some("\"a\""), true),
            ("bytes 4-9/10", None, true),
            ("bytes 4-9/*", None, true),
            ("bytes 4-9/10", Some("\"b\""), false),
            ("bytes 3-9/10", Some("\"a\""), false),
            ("bytes 4-10/11", Some("\"a\""), false),
            ("bytes */10", None, false),
            ("lines 4-9/10", None, false),
            ("4-9", None, false),
        ] {
            let mut headers = map(&[(CONTENT_RANGE, range)]);
            headers.extend(tag.map(|tag| (ETAG, tag.parse().unwrap())));
            assert_eq!(rest.is_in(&headers), expected, "{headers:?}");
        }
        assert!(!rest.is_in(&HeaderMap::new()));
    }

    fn map(headers: &[(HeaderName, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }
}
