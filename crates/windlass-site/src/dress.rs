//! The headers that a site's owner adds to an answer.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};
use windlass_rules::SiteRules;

/// Adds the custom headers for these paths. A custom header takes the place of one of ours; what an answer varies with is
/// added to. What is behind a password is for nobody's shared cache, unless the owner says so.
pub(crate) fn dress(response: &mut Response<Body>, rules: &SiteRules, paths: &[&str]) {
    let headers = response.headers_mut();
    if rules.is_private() {
        make_private(headers);
    }
    for (name, value) in rules.headers(paths) {
        if *name == header::VARY && !headers.get_all(name).iter().any(|before| before == value) {
            headers.append(name, value.clone());
        } else {
            headers.insert(name, value.clone());
        }
    }
}

fn make_private(headers: &mut HeaderMap) {
    let before = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let private = before.and_then(|before| before.strip_prefix("public")).map(|rest| format!("private{rest}"));
    if let Some(private) = private.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(header::CACHE_CONTROL, private);
    }
}
