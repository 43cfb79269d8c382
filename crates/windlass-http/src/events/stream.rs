//! Server-sent events: every status change as it happens, from any place on.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;
use windlass_store::Notice;

use super::{Filter, closed, cursor, heard};
use crate::answer;
use crate::api::{Api, method_not_allowed};
use crate::error::ApiError;

/// Where events are listened to.
pub(crate) const PATH: &str = "/-/events";

/// The place of the last event that a client has seen before its connection broke.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx not to wait for more.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How many things that happened are looked at in one go. No more than these are in memory for a client.
const BATCH: usize = 64;

/// After how much silence a client is told that there is nothing to tell.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often it is looked for what another process has stored, of which no news come.
const LOOK: Duration = Duration::from_secs(5);

/// How long a client that was cut off waits before it comes again, in milliseconds.
const RETRY: u32 = 2000;

/// One client.
struct Listener {
    api: Api,
    filter: Filter,
    /// The place of what was looked at last.
    cursor: u64,
    greeted: bool,
    news: broadcast::Receiver<Notice>,
    closing: watch::Receiver<bool>,
}

impl Api {
    /// Answers a request to [`PATH`]. Its query may have `cursor`, `appId` and `branchName`; without a cursor, it begins
    /// now. A cursor of the future waits until so much has happened.
    pub(crate) async fn listen(&self, parts: &Parts, body: Body) -> Response<Body> {
        if parts.method != Method::GET {
            return method_not_allowed(&parts.method, &[Method::GET]);
        }
        self.listener(parts, body).await.map_or_else(|error| answer::respond(Err(error)), Listener::respond)
    }

    async fn listener(&self, parts: &Parts, body: Body) -> Result<Listener, ApiError> {
        self.let_in(parts, body).await?;
        // Before the first look, so that nothing is missed between.
        let (news, closing) = (self.store().notices(), self.closing());
        let Wanted { from, filter } = Wanted::read(parts)?;
        let cursor = match from {
            Some(from) => from,
            None => self.store().last_happening().await?,
        };
        Ok(Listener { api: self.clone(), filter, cursor, greeted: false, news, closing })
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    from: Option<u64>,
    filter: Filter,
}

impl Wanted {
    fn read(parts: &Parts) -> Result<Self, ApiError> {
        let (mut from, mut app, mut branch) = (None, None, None);
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let place = match &*name {
                "cursor" => &mut from,
                "appId" => &mut app,
                "branchName" => &mut branch,
                // The query may be signed.
                signature if signature.starts_with("X-Amz-") => continue,
                other => return Err(ApiError::bad_request(format!("The query has no {}.", other.escape_debug()))),
            };
            if place.replace(value).is_some() {
                return Err(ApiError::bad_request(format!("The query has more than one {name}.")));
            }
        }
        // A browser that comes again asks as it did first, and adds what it has seen.
        let seen = parts.headers.get(LAST_EVENT_ID).map(|seen| seen.to_str().unwrap_or("?"));
        let from = seen.or(from.as_deref()).map(cursor).transpose()?;
        Ok(Self { from, filter: Filter::new(app.as_deref(), branch.as_deref())? })
    }
}

impl Listener {
    fn respond(self) -> Response<Body> {
        let chunks = stream::unfold(self, |mut listener| async {
            let chunk = listener.next().await?;
            Some((Ok::<_, Infallible>(chunk), listener))
        });
        let mut response = Response::new(Body::from_stream(chunks));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        response
    }

    /// The next lines, or the end.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(format!("retry: {RETRY}\nid: {}\n\n", self.cursor).into());
        }
        let mut silence = pin!(sleep(HEARTBEAT));
        while !*self.closing.borrow() {
            let news = match self.api.news(self.cursor, BATCH).await {
                Ok(news) => news,
                Err(error) => {
                    // The client comes again, and goes on where it was.
                    tracing::error!("events cannot be told: {error}");
                    return None;
                }
            };
            let is_all = news.cursor == self.cursor;
            self.cursor = news.cursor;
            let wanted = news.events.iter().filter(|event| self.filter.lets_through(event));
            let chunk: Vec<u8> = wanted.flat_map(|event| lines(event.cursor, &event.json)).collect();
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
            if is_all {
                tokio::select! {
                    () = &mut silence => return Some(format!(":\nid: {}\n\n", self.cursor).into()),
                    () = closed(&mut self.closing) => {}
                    () = heard(&mut self.news) => {}
                    () = sleep(LOOK) => {}
                }
            }
        }
        None
    }
}

/// An event as a client reads it. JSON that is on one line needs no more than that.
fn lines(cursor: u64, json: &[u8]) -> Vec<u8> {
    [format!("id: {cursor}\ndata: ").as_bytes(), json, b"\n\n"].concat()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn what_a_client_has_seen_comes_before_what_it_asked_for_first() {
        let wanted = read("cursor=3&appId=d1&branchName=feature%2Fx", Some("7")).unwrap();
        assert_eq!(wanted, Wanted { from: Some(7), filter: Filter::new(Some("d1"), Some("feature/x")).unwrap() });
        assert_eq!(
            read("X-Amz-Date=20260101T000000Z", None).unwrap(),
            Wanted { from: None, filter: Filter::default() }
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (query, seen) in [
            ("cursor=", None),
            ("cursor=-1", None),
            ("cursor=1.5", None),
            ("cursor=1&cursor=2", None),
            ("cursor=99999999999999999999", None),
            ("", Some("abc")),
            ("", Some("é")),
            ("appId=", None),
            ("branchName=main", None),
            ("appid=d1", None),
        ] {
            let refused = read(query, seen).unwrap_err();
            assert_eq!(refused.kind, "BadRequestException", "{query} {seen:?}");
        }
    }

    fn read(query: &str, seen: Option<&str>) -> Result<Wanted, ApiError> {
        let mut request = Request::get(format!("/-/events?{query}"));
        if let Some(seen) = seen {
            request = request.header(LAST_EVENT_ID, seen);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Wanted::read(&parts)
    }
}
