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
        /// Its `index.html`.
        document: &'a Member,
    },
    /// Nothing.
    Missing,
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
//= https://docs.aws.amazon.com/amplify/latest/userguide/redirect-rewrite-examples.html#trailing-slashes-and-clean-urls
//# /about (when about.html returns 404)
pub(crate) fn resolve<'a>(index: &'a Index, path: &str) -> Target<'a> {
    if path.is_empty() || path.ends_with('/') {
        return index.get(&format!("{path}{INDEX_DOCUMENT}")).map_or(Target::Missing, Target::Member);
    }
    if let Some(member) = index.get(path).or_else(|| index.get(&format!("{path}.html"))) {
        return Target::Member(member);
    }
    let document = index.get(&format!("{path}/{INDEX_DOCUMENT}"));
    let folder = document.and_then(|document| Some((document, document.path.strip_suffix(INDEX_DOCUMENT)?)));
    folder.map_or(Target::Missing, |(document, path)| Target::Folder { path, document })
}

/// The site's own page for what is missing.
pub(crate) fn not_found(index: &Index) -> Option<&Member> {
    index.get(NOT_FOUND_DOCUMENT)
}

const INDEX_DOCUMENT: &str = "index.html";

const NOT_FOUND_DOCUMENT: &str = "404.html";
