//! From a path to what answers it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use windlass_artifact::{Index, Member};

/// What answers a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// This member.
    Member(&'a Member),
    /// The folder of that name, with a slash at the end, has an `index.html`.
    Folder {
        /// Its path, which ends with a slash and does not begin with one.
        path: &'a str,
    },
    /// Nothing; the site may have a page to say so.
    NotFound(Option<&'a Member>),
}

/// Undoes the percent encoding of a whole path, once, and takes off the slash that it begins with. `None` where an escape
/// is malformed or the result is no UTF-8.
pub(crate) fn decode(path: &str) -> Option<Cow<'_, str>> {
    let path = path.strip_prefix('/')?;
    let mut escapes = path.split('%').skip(1);
    if !escapes.all(|after| after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))) {
        return None;
    }
    percent_decode_str(path).decode_utf8().ok()
}

/// Looks a decoded path up. The index has no `..`, no empty segment and no NUL, so neither has what is found.
pub(crate) fn resolve<'a>(index: &'a Index, path: &str) -> Target<'a> {
    if path.is_empty() || path.ends_with('/') {
        return match index.get(&format!("{path}{INDEX_DOCUMENT}")) {
            Some(member) => Target::Member(member),
            None => Target::NotFound(index.get(NOT_FOUND_DOCUMENT)),
        };
    }
    if let Some(member) = index.get(path) {
        return Target::Member(member);
    }
    let document = index.get(&format!("{path}/{INDEX_DOCUMENT}"));
    if let Some(folder) = document.and_then(|member| member.path.strip_suffix(INDEX_DOCUMENT)) {
        return Target::Folder { path: folder };
    }
    match index.get(&format!("{path}.html")) {
        Some(member) => Target::Member(member),
        None => Target::NotFound(index.get(NOT_FOUND_DOCUMENT)),
    }
}

const INDEX_DOCUMENT: &str = "index.html";

const NOT_FOUND_DOCUMENT: &str = "404.html";
