//! What is answered from elsewhere: a request that is sent on, and the answer that is passed back.

use std::pin::Pin;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use thiserror::Error;

use crate::host::SiteHost;
use crate::peer::Peer;

/// Whoever can ask other servers. This crate opens no connections of its own.
pub trait Upstream: Send + Sync + 'static {
    /// Sends a request to the absolute `http` or `https` URL that it is for, and answers what comes back, whatever its
    /// status: redirects are the visitor's. Bodies are passed on as they come, in both directions.
    ///
    /// It is for the implementation to refuse addresses that visitors must not reach through it, and not to wait for ever.
    fn send(&self, request: Request<Body>) -> Answer<'_>;
}

/// What comes back.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, UpstreamError>> + Send + 'a>>;

/// No answer came from elsewhere. Visitors are not told why: it may be about a network that is none of their business.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UpstreamError {
    /// Its address may not be asked.
    #[error("it may not be asked: {why}")]
    Refused {
        /// Why not.
        why: String,
    },
    /// It cannot be reached, or does not speak HTTP.
    #[error("it does not answer: {why}")]
    Unreachable {
        /// What went wrong.
        why: String,
    },
    /// It takes too long.
    #[error("it takes too long: {why}")]
    TimedOut {
        /// For what.
        why: String,
    },
}

/// What a visitor's request is to be on its way on.
pub(crate) struct Onward<'a> {
    pub(crate) url: Uri,
    pub(crate) host: &'a SiteHost,
    pub(crate) peer: Option<Peer>,
    /// Whether the visitor's `Authorization` was for the site's own password.
    pub(crate) private: bool,
}

impl Onward<'_> {
    /// The request that is sent on.
    pub(crate) fn request(&self, parts: &Parts, body: Body) -> Request<Body> {
        let mut headers = end_to_end(&parts.headers);
        for name in [header::HOST, header::EXPECT] {
            headers.remove(name);
        }
        if self.private {
            headers.remove(header::AUTHORIZATION);
        }
        if !self.peer.is_some_and(Peer::is_near) {
            for name in [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_PORT, REAL_IP, header::FORWARDED] {
                headers.remove(name);
            }
        }
        if let Some(Peer(address)) = self.peer {
            append(&mut headers, FORWARDED_FOR, &address.to_string());
        }
        if let Ok(host) = HeaderValue::try_from(&*self.host.name) {
            headers.insert(FORWARDED_HOST, host);
        }
        headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
        append(&mut headers, header::VIA, VIA);
        let mut request = Request::new(body);
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// The answer that is passed back.
pub(crate) fn response(response: Response<Body>) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let mut passed = Response::new(body);
    *passed.status_mut() = parts.status;
    *passed.headers_mut() = end_to_end(&parts.headers);
    passed
}

/// Whether a request has gone through here so often that it will never get anywhere.
pub(crate) fn is_loop(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::VIA).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter(|hop| hop.trim() == VIA).count() >= HOPS
}

/// Headers without those that are about one connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    let named: Vec<_> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let is_hop = |name: &HeaderName| {
        HOP_BY_HOP.contains(&name.as_str()) || named.iter().any(|named| named.eq_ignore_ascii_case(name.as_str()))
    };
    let kept = headers.iter().filter(|(name, _)| !is_hop(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Adds an item to a list.
fn append(headers: &mut HeaderMap, name: HeaderName, item: &str) {
    let before: Vec<_> = headers.get_all(&name).into_iter().filter_map(|value| value.to_str().ok()).collect();
    let list = if before.is_empty() { item.to_owned() } else { format!("{}, {item}", before.join(", ")) };
    if let Ok(list) = HeaderValue::try_from(list) {
        headers.insert(name, list);
    }
}

const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(crate) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// How a request says that it has gone through here.
const VIA: &str = "1.1 windlass";

/// How often a request may go through here. One site may well stand before another.
const HOPS: usize = 4;
