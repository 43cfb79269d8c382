//! One spelling of every path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A path, or a part of one, in its one spelling: an escape only where a character needs one, in upper case. Two paths
/// that differ only in how they are escaped are the same then, and an escaped slash stays another thing than a slash.
///
/// What no URL may have (a space, `"`, `<`, `\`, control characters, anything beyond ASCII, a `%` that begins no escape) is
/// escaped, so the result can stand in a URL as it is.
pub(crate) fn canonical(path: &str) -> Cow<'_, str> {
    if path.bytes().all(is_plain) {
        return Cow::Borrowed(path);
    }
    let mut spelled = String::with_capacity(path.len() + 16);
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        match (byte, after) {
            (b'%', [high, low, beyond @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                push(&mut spelled, 16 * digit(*high) + digit(*low), is_unreserved);
                rest = beyond;
            }
            _ => {
                push(&mut spelled, *byte, is_plain);
                rest = after;
            }
        }
    }
    Cow::Owned(spelled)
}

/// A text without its escapes. Bytes that are no UTF-8 become replacement characters.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// A member of a query without its escapes.
pub(crate) fn decoded_member(text: &str) -> String {
    decoded(&text.replace('+', " ")).into_owned()
}

/// A text that was decoded, as part of a path: the slash is a separator, anything else that is not plain is escaped.
pub(crate) fn encoded(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for byte in text.bytes() {
        push(&mut spelled, byte, is_plain);
    }
    spelled
}

/// Whether a path in its one spelling has a `.` or `..` segment.
pub(crate) fn climbs(path: &str) -> bool {
    path.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn push(spelled: &mut String, byte: u8, stays: fn(u8) -> bool) {
    if stays(byte) {
        spelled.push(char::from(byte));
    } else {
        spelled.push('%');
        for nibble in [byte >> 4, byte & 15] {
            spelled.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
        }
    }
}

fn digit(hex: u8) -> u8 {
    match hex {
        b'0'..=b'9' => hex - b'0',
        b'a'..=b'f' => hex - b'a' + 10,
        _ => hex.saturating_sub(b'A') + 10,
    }
}

/// What stands in a path as it is, and need not be told from its escape.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What stands in a path as it is.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'/' | b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for (path, spelled) in [
            ("/a-b.c_d~e/:@!$&'()*+,;=", "/a-b.c_d~e/:@!$&'()*+,;="),
            ("/%61%2D%2e%7E", "/a-.~"),
            ("/a%2fb", "/a%2Fb"),
            ("/a b\"<>\\^`{|}", "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D"),
            ("/ü/%c3%bc/%FF", "/%C3%BC/%C3%BC/%FF"),
            ("/100%/%4/%zz/%", "/100%25/%254/%25zz/%25"),
            ("/%2e%2E/", "/../"),
            ("/\u{7f}\n", "/%7F%0A"),
        ] {
            assert_eq!(canonical(path), spelled, "{path}");
            assert_eq!(canonical(spelled), spelled, "{path} twice");
        }
    }
}
