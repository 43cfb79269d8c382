//! Whether what a visitor has is still current.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, header};
use httpdate::{fmt_http_date, parse_http_date};
use windlass_artifact::Member;

use crate::body::Portion;
use crate::page;

/// What tells a member in one form from any other: by its content, and by when it went live.
pub(crate) struct Validators {
    etag: String,
    modified: SystemTime,
}

/// What a request's conditions ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An answer as if there were none.
    Proceed,
    /// Word that what the visitor has is current: 304.
    NotModified,
    /// Word that it is not: 412.
    Failed,
}

impl Validators {
    pub(crate) fn new(member: &Member, portion: &Portion, since: DateTime<Utc>) -> Self {
        let digest = u128::from_be_bytes(member.digest);
        let etag = match portion {
            Portion::Plain | Portion::Part(_) => format!("\"{digest:032x}\""),
            Portion::Gzip { .. } => format!("\"{digest:032x}-gz\""),
        };
        let seconds = u64::try_from(since.timestamp()).unwrap_or_default().min(LAST_SECOND);
        Self { etag, modified: UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    /// Puts them into a response.
    pub(crate) fn state(&self, headers: &mut HeaderMap) {
        headers.insert(header::ETAG, page::value(self.etag.clone()));
        headers.insert(header::LAST_MODIFIED, page::value(fmt_http_date(self.modified)));
    }

    /// Judges the conditions of a GET or HEAD in the order of RFC 9110, part 13.2.2. A date counts only where there are no
    /// tags, and one that cannot be read not at all.
    pub(crate) fn verdict(&self, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(header::IF_MATCH) {
            if !lists(headers, header::IF_MATCH, |tag| tag == "*" || tag == self.etag) {
                return Verdict::Failed;
            }
        } else if date(headers, header::IF_UNMODIFIED_SINCE).is_some_and(|since| self.modified > since) {
            return Verdict::Failed;
        }
        let known = if headers.contains_key(header::IF_NONE_MATCH) {
            lists(headers, header::IF_NONE_MATCH, |tag| {
                tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag
            })
        } else {
            date(headers, header::IF_MODIFIED_SINCE).is_some_and(|since| self.modified <= since)
        };
        if known { Verdict::NotModified } else { Verdict::Proceed }
    }

    /// Whether `If-Range`, where there is one, names exactly this. A weak tag never does.
    pub(crate) fn is_range_current(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(header::IF_RANGE) else { return true };
        let text = value.to_str().unwrap_or_default().trim();
        text == self.etag || parse_http_date(text).is_ok_and(|date| date == self.modified)
    }
}

/// Whether any tag of a list fits. Our tags have no comma, so a list can be cut at every one.
fn lists(headers: &HeaderMap, name: HeaderName, fits: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|tag| fits(tag.trim()))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok()
}

/// The last second of the year 9999, after which HTTP has no dates.
const LAST_SECOND: u64 = 253_402_300_799;
