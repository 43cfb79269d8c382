//! Content types by name.

use http::HeaderValue;

/// The content type of a member, by its extension. Text is taken to be UTF-8.
pub(crate) fn content_type(path: &str) -> HeaderValue {
    let media_type = media_type(path);
    if media_type.starts_with("text/") {
        let with_charset = HeaderValue::try_from(format!("{media_type}; charset=utf-8"));
        return with_charset.unwrap_or(OCTETS);
    }
    HeaderValue::from_static(media_type)
}

/// The same without a charset.
pub(crate) fn media_type(path: &str) -> &'static str {
    let Some(extension) = extension(path) else { return OCTET_STREAM };
    let ours = OURS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    ours.map(|(_, media_type)| *media_type)
        .or_else(|| mime_guess::from_ext(extension).first_raw())
        .unwrap_or(OCTET_STREAM)
}

fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// What browsers expect where the table of `mime_guess` says something older, or nothing.
const OURS: &[(&str, &str)] = &[
    ("cjs", "text/javascript"),
    ("map", "application/json"),
    ("mjs", "text/javascript"),
    ("otf", "font/otf"),
    ("ts", "video/mp2t"),
    ("woff", "font/woff"),
];

const OCTET_STREAM: &str = "application/octet-stream";

const OCTETS: HeaderValue = HeaderValue::from_static(OCTET_STREAM);
