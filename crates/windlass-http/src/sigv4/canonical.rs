//! The canonical request: the one spelling of a request that both sides hash.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request>

use std::borrow::Cow;

use http::Method;
use http::header::HOST;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use super::UNSIGNED_PAYLOAD;
use super::refusal::Incomplete;

/// All but the unreserved characters of RFC 3986.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// How the path of a request becomes that of the canonical request.
#[derive(Clone, Copy)]
pub(super) enum PathRule {
    /// Without dot segments and empty segments, then percent-encoded as if it had never been: `%2F` becomes `%252F`.
    EncodedAgain,
    /// The same, but without the slash that a dot segment at the end leaves. RFC 3986 and most of AWS's clients keep
    /// it, botocore drops it. The path on the wire is the same, so nothing is lost by accepting either.
    EncodedAgainOpen,
    /// Byte for byte.
    AsSent,
}

/// The SHA-256 of the canonical request.
///
/// It is hashed piece by piece, and exists nowhere as a whole.
pub(super) fn digest(
    request: &Parts,
    query: &Query<'_>,
    signed_headers: &str,
    path: PathRule,
    payload: &str,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(request.method.as_str());
    hash.update("\n");
    write_path(request.uri.path(), path, &mut hash);
    hash.update("\n");
    query.write(&mut hash);
    hash.update("\n");
    for name in signed_headers.split(';') {
        hash.update(name);
        hash.update(":");
        write_header(request, name, &mut hash);
        hash.update("\n");
    }
    hash.update("\n");
    hash.update(signed_headers);
    hash.update("\n");
    hash.update(payload);
    hash.finalize().into()
}

/// The same of a request that has no header but `Host`, and a body that nobody has seen: that of a presigned URL.
pub(super) fn digest_of_url(method: &Method, path: &str, rule: PathRule, query: &str, host: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(method.as_str());
    hash.update("\n");
    write_path(path, rule, &mut hash);
    for piece in ["\n", query, "\nhost:", host, "\n\nhost\n", UNSIGNED_PAYLOAD] {
        hash.update(piece);
    }
    hash.finalize().into()
}

fn write_path(path: &str, rule: PathRule, hash: &mut Sha256) {
    match rule {
        PathRule::EncodedAgain => write_encoded_again(path, true, hash),
        PathRule::EncodedAgainOpen => write_encoded_again(path, false, hash),
        PathRule::AsSent => hash.update(path),
    }
}

//= https://docs.aws.amazon.com/general/latest/gr/sigv4-create-canonical-request.html
//# Normalize URI paths according to RFC 3986. Remove redundant and relative path components. Each path segment must be
//# URI-encoded twice (except for Amazon S3 which only gets URI-encoded once).
fn write_encoded_again(path: &str, close_dots: bool, hash: &mut Sha256) {
    if !path.contains("//") && !path.contains("/.") {
        return write_encoded(path, hash);
    }
    let mut kept = Vec::new();
    let mut closed = true;
    for segment in path.split('/') {
        match segment {
            ".." => {
                kept.pop();
            }
            "" | "." => {}
            _ => kept.push(segment),
        }
        closed = segment.is_empty() || close_dots && matches!(segment, "." | "..");
    }
    for segment in &kept {
        hash.update("/");
        write_encoded(segment, hash);
    }
    if closed || kept.is_empty() {
        hash.update("/");
    }
}

fn write_encoded(path: &str, hash: &mut Sha256) {
    percent_encode(path.as_bytes(), PATH).for_each(|piece| hash.update(piece));
}

//= https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
//# For the values, trim any leading or trailing spaces, convert sequential spaces to a single space, and separate the
//# values for a multi-value header using commas.
fn write_header(request: &Parts, name: &str, hash: &mut Sha256) {
    // HTTP/2 says `:authority` where HTTP/1.1 says `Host`.
    if name == HOST.as_str() && !request.headers.contains_key(HOST) {
        hash.update(request.uri.authority().map_or("", |authority| authority.as_str()));
    }
    for (n, value) in request.headers.get_all(name).iter().enumerate() {
        if n > 0 {
            hash.update(",");
        }
        for (n, word) in value.as_bytes().split(|b| *b == b' ').filter(|word| !word.is_empty()).enumerate() {
            if n > 0 {
                hash.update(" ");
            }
            hash.update(word);
        }
    }
}

/// The parameters of a query, each encoded in the one canonical way, in canonical order.
pub(super) struct Query<'r>(Vec<(Cow<'r, str>, Cow<'r, str>)>);

impl<'r> Query<'r> {
    pub(super) fn read(query: &'r str) -> Self {
        let mut pairs: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (canonical_component(name), canonical_component(value)))
            .collect();
        pairs.sort_unstable();
        Self(pairs)
    }

    /// Adds a parameter that is not encoded yet.
    pub(super) fn add(&mut self, name: &'static str, value: &'r str) {
        let pair = (Cow::Borrowed(name), percent_encode(value.as_bytes(), COMPONENT).into());
        let place = self.0.partition_point(|known| *known <= pair);
        self.0.insert(place, pair);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The decoded value of a parameter that must be there once.
    pub(super) fn once(&self, name: &'static str) -> Result<String, Incomplete> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        let value = values.next().ok_or(Incomplete::MissingParameter(name))?;
        if values.next().is_some() {
            return Err(Incomplete::RepeatedParameter(name));
        }
        Ok(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    fn write(&self, hash: &mut Sha256) {
        self.pieces().for_each(|piece| hash.update(piece));
    }

    /// The query as it is sent.
    pub(super) fn text(&self) -> String {
        self.pieces().collect()
    }

    fn pieces(&self) -> impl Iterator<Item = &str> {
        let pairs = self.0.iter().enumerate();
        pairs.flat_map(|(n, (name, value))| [if n > 0 { "&" } else { "" }, name.as_ref(), "=", value.as_ref()])
    }
}

/// A name or value, decoded as forms are (`+` is a space) and encoded as AWS does.
fn canonical_component(raw: &str) -> Cow<'_, str> {
    if is_canonical(raw.as_bytes()) {
        return raw.into();
    }
    let spaced = raw.replace('+', " ");
    let bytes: Vec<u8> = percent_decode(spaced.as_bytes()).collect();
    percent_encode(&bytes, COMPONENT).to_string().into()
}

/// Whether decoding and encoding would change nothing.
fn is_canonical(mut raw: &[u8]) -> bool {
    while let Some((&byte, rest)) = raw.split_first() {
        raw = match (byte, rest) {
            (b'%', [high, low, rest @ ..]) if is_canonical_escape(*high, *low) => rest,
            (byte, rest) if is_unreserved(byte) => rest,
            _ => return false,
        };
    }
    true
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_canonical_escape(high: u8, low: u8) -> bool {
    let digit = |byte: u8| if byte.is_ascii_lowercase() { None } else { char::from(byte).to_digit(16) };
    let (Some(high), Some(low)) = (digit(high), digit(low)) else { return false };
    u8::try_from(high * 16 + low).is_ok_and(|byte| !is_unreserved(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_have_one_spelling() {
        for (raw, canonical) in [
            ("", ""),
            ("a-b.c_d~9", "a-b.c_d~9"),
            ("a+b", "a%20b"),
            ("a%2bb", "a%2Bb"),
            ("%7E%41", "~A"),
            ("ü", "%C3%BC"),
            ("%FF", "%FF"),
            ("a=b", "a%3Db"),
            ("50%", "50%25"),
            ("%zz%2", "%25zz%252"),
        ] {
            assert_eq!(canonical_component(raw), canonical, "{raw}");
            assert!(matches!(canonical_component(canonical), Cow::Borrowed(same) if same == canonical));
        }
    }

    #[test]
    fn parameters_are_sorted_by_name_then_value() {
        let mut query = Query::read("b=2&a-=1&a&&b=10&a=&=x&b=%20");
        query.add("aa", "/");
        assert_eq!(query.text(), "=x&a=&a=&a-=1&aa=%2F&b=%20&b=10&b=2");
    }

    #[test]
    fn paths_lose_dots_and_gain_an_encoding() {
        for (path, closed, open) in [
            ("/", "/", "/"),
            ("*", "%2A", "%2A"),
            ("/a/feature%2Fx%20y", "/a/feature%252Fx%2520y", "/a/feature%252Fx%2520y"),
            ("/a//b/./c/../d", "/a/b/d", "/a/b/d"),
            ("/..", "/", "/"),
            ("/a/.", "/a/", "/a"),
            ("/a/b/..", "/a/", "/a"),
            ("/a//", "/a/", "/a/"),
            ("/../../a", "/a", "/a"),
            ("/.a/b..", "/.a/b..", "/.a/b.."),
            ("/ü@:", "/%C3%BC%40%3A", "/%C3%BC%40%3A"),
        ] {
            for (canonical, close_dots) in [(closed, true), (open, false)] {
                let (mut left, mut right) = (Sha256::new(), Sha256::new());
                write_encoded_again(path, close_dots, &mut left);
                right.update(canonical);
                assert!(left.finalize() == right.finalize(), "{path}");
            }
        }
    }
}
