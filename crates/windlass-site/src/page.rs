//! The pages that we answer where a site has none, and answers without one.

use std::borrow::Cow;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use windlass::AppId;

use crate::caching;
use crate::host::SiteHost;
use crate::upstream::UpstreamError;

/// Why a visitor is not shown what he asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unshown {
    /// The path is malformed.
    BadPath,
    /// There is no such app.
    NoApp {
        /// Which.
        app: AppId,
    },
    /// The app has no such branch.
    NoBranch {
        /// Which.
        host: SiteHost,
    },
    /// The branch shows nothing yet.
    NothingLive,
    /// The site has no such page, nor one that says so.
    NoPage,
    /// The page lies elsewhere, and nobody here can ask there.
    NoUpstream,
    /// The page lies elsewhere, and no answer came from there. The log says more.
    Upstream(UpstreamError),
    /// The page lies elsewhere, which leads back here, again and again.
    Loop,
    /// A condition of the request does not hold.
    PreconditionFailed,
    /// The member has no such part.
    Unsatisfiable {
        /// How many bytes it has.
        size: u64,
    },
    /// What is kept cannot be read. The log says more.
    Damaged,
    /// The store does not answer. The log says more.
    Unavailable,
}

impl Unshown {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadPath => StatusCode::BAD_REQUEST,
            Self::NoApp { .. } | Self::NoBranch { .. } | Self::NothingLive | Self::NoPage => StatusCode::NOT_FOUND,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::Unsatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::NoUpstream | Self::Upstream(UpstreamError::Refused { .. } | UpstreamError::Unreachable { .. }) => {
                StatusCode::BAD_GATEWAY
            }
            Self::Upstream(UpstreamError::TimedOut { .. }) => StatusCode::GATEWAY_TIMEOUT,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::Damaged => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(&self) -> Cow<'static, str> {
        match self {
            Self::BadPath => "This address is malformed".into(),
            Self::NoApp { app } => format!("There is no app {app}").into(),
            Self::NoBranch { host } => format!("App {} has no branch {}", host.app(), host.branch()).into(),
            Self::NothingLive => "Nothing is deployed to this branch yet".into(),
            Self::NoPage => "There is no such page".into(),
            Self::NoUpstream => "This page lies elsewhere, and this server asks nobody".into(),
            Self::Upstream(UpstreamError::Refused { .. }) => {
                "This page lies elsewhere, where this server may not ask".into()
            }
            Self::Upstream(UpstreamError::Unreachable { .. }) => {
                "This page lies elsewhere, and there nobody answers".into()
            }
            Self::Upstream(UpstreamError::TimedOut { .. }) => {
                "This page lies elsewhere, and from there no answer came in time".into()
            }
            Self::Loop => "This page lies elsewhere, and from there it leads back here".into(),
            Self::PreconditionFailed => "This page has changed".into(),
            Self::Unsatisfiable { size } => format!("There are only {size} bytes").into(),
            Self::Damaged => "This page cannot be shown because of an error".into(),
            Self::Unavailable => "This page cannot be shown at the moment".into(),
        }
    }
}

/// Says why there is nothing to see.
pub(crate) fn unshown(why: &Unshown) -> Response<Body> {
    let mut response = page(why.status(), &why.words());
    if let Unshown::Unsatisfiable { size } = why {
        response.headers_mut().insert(header::CONTENT_RANGE, value(format!("bytes */{size}")));
    }
    response
}

/// Asks for the password of a site.
pub(crate) fn unauthorized(host: &SiteHost) -> Response<Body> {
    let mut response = page(StatusCode::UNAUTHORIZED, "This site asks for a name and a password");
    let challenge = format!("Basic realm=\"{host}\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, value(challenge));
    response
}

/// Sends a visitor elsewhere.
pub(crate) fn redirect(status: StatusCode, location: String) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, value(location));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
    // The next deployment, or the next rule, may lead elsewhere, so nobody shall remember this for good.
    headers.insert(header::CACHE_CONTROL, caching::REVALIDATE);
    response
}

/// Says that a site can only be read.
pub(crate) fn method_not_allowed() -> Response<Body> {
    let mut response = page(StatusCode::METHOD_NOT_ALLOWED, "A site can only be read");
    response.headers_mut().insert(header::ALLOW, METHODS);
    response
}

/// Says what can be done with a site.
pub(crate) fn options() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, METHODS);
    response
}

/// A header's value of our own making, in visible ASCII.
pub(crate) fn value(text: String) -> HeaderValue {
    debug_assert!(text.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{text:?} is no header's value");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// A content type means what it says.
pub(crate) const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

fn page(status: StatusCode, words: &str) -> Response<Body> {
    let words = escape(words);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{words}</title>\n\
         <style>body{{font:1.2rem system-ui,sans-serif;margin:20vh auto;max-width:32rem;padding:0 1rem}}</style>\n\
         <h1>{}</h1>\n<p>{words}.</p>\n",
        status.as_u16(),
    );
    let length = HeaderValue::from(html.len());
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
