//! For how long a visitor may keep what he has.

use http::HeaderValue;

use crate::media;

/// To be asked about each time: the next deployment may change it.
pub(crate) const REVALIDATE: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");

/// To be kept: other content would have another name.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The `Cache-Control` of a member. Only what a page loads, and only under a name that carries a hash of its content, is
/// kept. Who is asked once too often loses little; who keeps an old file for a year, much. So a name carries a hash only if
/// the last part before the extension, after a `.`, `-` or `_`, looks like what bundlers write:
///
/// * 8 or more lower-case hexadecimal digits, as in `app.3f9a1c2b.js`, or
/// * exactly 8 letters and digits, three letters at least and some in upper case, as in `index-BqX3k9aZ.css`;
///
/// and if letters and digits change places in it more than once, which is not so in a date, a size or a numbered word.
pub(crate) fn cache_control(path: &str) -> HeaderValue {
    if is_loaded_by_pages(path) && carries_hash(path) { IMMUTABLE } else { REVALIDATE }
}

fn is_loaded_by_pages(path: &str) -> bool {
    let media_type = media::media_type(path);
    match media_type.split_once('/') {
        Some(("audio" | "font" | "image" | "video", _)) => true,
        Some(_) | None => matches!(media_type, "text/css" | "text/javascript" | "application/wasm"),
    }
}

fn carries_hash(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, _)) = name.rsplit_once('.') else { return false };
    let Some((_, last)) = stem.rsplit_once(['.', '-', '_']) else { return false };
    let count = |is: fn(&u8) -> bool| last.bytes().filter(is).count();
    let is_hex = last.len() >= HASH && last.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_mixed = last.len() == HASH
        && count(u8::is_ascii_alphanumeric) == HASH
        && count(u8::is_ascii_alphabetic) >= 3
        && count(u8::is_ascii_uppercase) > 0;
    let changes = last.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit());
    (is_hex || is_mixed) && changes.count() > 1
}

/// The length of the shortest hash that bundlers write.
const HASH: usize = 8;
