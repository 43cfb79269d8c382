//! Member names: which are allowed, how they are shown, how they are ordered.

use crate::Budget;
use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

/// What is wrong with a member's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameFault {
    /// There is none.
    #[error("is empty")]
    Empty,
    /// It is longer than the budget allows.
    #[error("is longer than {limit} bytes")]
    TooLong {
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// Its bytes are not UTF-8, whatever its flag says.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It begins with a slash or a drive letter.
    #[error("is absolute")]
    Absolute,
    /// It has a backslash; the separator of a zip is the forward slash, on every system.
    #[error("has a backslash, and zip names are separated by forward slashes")]
    Backslash,
    /// It has NUL or another control character.
    #[error("has a control character")]
    Control,
    /// Two slashes follow each other.
    #[error("has an empty segment")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("has a `.` or `..` segment")]
    DotSegment,
}

/// Whether a member of an artifact may have this name.
///
/// # Errors
///
/// [`NameFault`], which says what is wrong with it.
pub fn check_name(name: &str) -> Result<(), NameFault> {
    parse(name.as_bytes(), Budget::default().name).map(drop)
}

/// Reads the name of a member of an archive that others made. Some archivers (`tar -a` of Windows, libarchive's on any
/// system) write what they find in the folder `.` with that folder's name in front, and the folder itself too.
pub(crate) fn parse_member(raw: &[u8], limit: usize) -> Result<&str, NameFault> {
    match raw {
        b"./" => Ok(HERE),
        _ => parse(without_here(raw), limit),
    }
}

/// A name in an archive without the folder that everything is in.
pub(crate) fn without_here(raw: &[u8]) -> &[u8] {
    match raw.strip_prefix(HERE.as_bytes()) {
        Some(rest) if !rest.is_empty() => rest,
        Some(_) | None => raw,
    }
}

/// The folder that everything is in.
const HERE: &str = "./";

/// Reads a member's name; a folder's ends with one slash.
pub(crate) fn parse(raw: &[u8], limit: usize) -> Result<&str, NameFault> {
    if raw.is_empty() {
        return Err(NameFault::Empty);
    }
    if raw.len() > limit {
        return Err(NameFault::TooLong { limit });
    }
    let name = std::str::from_utf8(raw).map_err(|_| NameFault::NotUtf8)?;
    if is_absolute(name) {
        return Err(NameFault::Absolute);
    }
    if name.contains('\\') {
        return Err(NameFault::Backslash);
    }
    if name.contains(char::is_control) {
        return Err(NameFault::Control);
    }
    for segment in name.strip_suffix('/').unwrap_or(name).split('/') {
        match segment {
            "" => return Err(NameFault::EmptySegment),
            "." | ".." => return Err(NameFault::DotSegment),
            _ => {}
        }
    }
    Ok(name)
}

fn is_absolute(name: &str) -> bool {
    match name.as_bytes() {
        [b'/' | b'\\', ..] => true,
        [drive, b':', b'/' | b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

/// A folder's name ends with a slash.
pub(crate) fn is_folder(name: &str) -> bool {
    name.ends_with('/')
}

/// The order in which everything in a folder comes right after the folder's own name: a slash before any other
/// character. In plain order `a-b` stands between `a` and `a/b`.
pub(crate) fn folder_order(a: &str, b: &str) -> Ordering {
    let slash_first = |byte: u8| if byte == b'/' { 0 } else { byte };
    a.bytes().map(slash_first).cmp(b.bytes().map(slash_first))
}

/// A name as it may be shown to anyone: in quotes, lossy, escaped, cut at 100 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownName(Box<str>);

impl ShownName {
    /// Makes any bytes fit to be shown.
    #[must_use]
    pub fn new(raw: &[u8]) -> Self {
        // No character is longer than four bytes, so the rest cannot be shown anyway.
        let raw = &raw[..raw.len().min(4 * SHOWN + 4)];
        let mut shown = String::from("\"");
        let mut count = 0;
        for character in String::from_utf8_lossy(raw).chars() {
            let escaped = character.escape_debug();
            count += escaped.len();
            if count > SHOWN {
                shown.push('…');
                break;
            }
            shown.extend(escaped);
        }
        shown.push('"');
        Self(shown.into())
    }
}

impl From<&str> for ShownName {
    fn from(name: &str) -> Self {
        Self::new(name.as_bytes())
    }
}

impl fmt::Display for ShownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ShownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many characters of a name are shown.
const SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_followed_by_what_is_in_it() {
        let mut names = ["b", "a/c", "a-b", "a", "a/b/c", "a/b"];
        names.sort_by(|a, b| folder_order(a, b));
        assert_eq!(names, ["a", "a/b", "a/b/c", "a/c", "a-b", "b"]);
    }

    #[test]
    fn a_shown_name_is_short_whatever_is_in_it() {
        for raw in
            [&b"\xff\x00\n\"\\"[..], &[b'x'; 70_000], "\u{202e}".repeat(500).as_bytes(), "🚢".repeat(500).as_bytes()]
        {
            let shown = ShownName::new(raw).to_string();
            assert!(shown.chars().count() <= SHOWN + 3, "{shown}");
            assert!(!shown.contains(char::is_control), "{shown}");
        }
        assert_eq!(ShownName::from("a/b.txt").to_string(), "\"a/b.txt\"");
        assert_eq!(ShownName::from(&*"x".repeat(100)).to_string().len(), 102);
        assert_eq!(ShownName::from(&*"x".repeat(101)).to_string(), format!("\"{}…\"", "x".repeat(100)));
    }
}
