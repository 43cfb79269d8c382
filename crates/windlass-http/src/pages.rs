//! `nextToken`: a cursor in a form that clients cannot mistake for anything to be made up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::ApiError;

/// The list that a token belongs to, so that a token of one is refused by another.
pub(crate) fn token(list: &str, cursor: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}:{cursor}"))
}

/// The cursor of a token of `list`. No token and an empty one mean the first page.
///
/// # Errors
///
/// For any text that [`token`] did not make for this list.
pub(crate) fn cursor(list: &str, token: Option<&str>) -> Result<Option<u64>, ApiError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let cursor = decoded
        .as_deref()
        .and_then(|text| text.strip_prefix(list)?.strip_prefix(':'))
        .and_then(|cursor| cursor.parse().ok());
    match cursor {
        Some(cursor) => Ok(Some(cursor)),
        None => Err(ApiError::bad_request("The nextToken is not one that this list gave.")),
    }
}

/// How many items a page has: what was asked for, or `default` for nothing and for 0.
pub(crate) fn size(max_results: Option<usize>, default: usize) -> usize {
    max_results.filter(|&max| max > 0).unwrap_or(default)
}
