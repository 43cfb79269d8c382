//! Server-sent events: every status change as it happens, from any place on.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName};
use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;
use windlass::{AppId, BranchName};
use windlass_store::{Notice, StoreError};

use super::feed::News;
use super::{Filter, closed, heard};
use crate::answer::Answer;
use crate::api::{Api, Call};
use crate::auth::Caller;
use crate::error::ApiError;

/// The place of the last event that a client has seen before its connection broke.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx not to wait for more.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How many things that happened are looked at in one go. No more than these are in memory for a client.
const BATCH: usize = 64;

/// After how much silence a client is told that there is nothing to tell.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often it is looked for what another process has stored, of which no news come, and whether the key is still one:
/// so long it may listen at most after it was revoked.
const LOOK: Duration = Duration::from_secs(5);

/// How long a client that was cut off waits before it comes again, in milliseconds.
const RETRY: u32 = 2000;

/// One client.
struct Listener {
    api: Api,
    caller: Caller,
    filter: Filter,
    /// The place of what was looked at last.
    cursor: u64,
    greeted: bool,
    news: broadcast::Receiver<Notice>,
    closing: watch::Receiver<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    cursor: Option<u64>,
    app_id: Option<AppId>,
    branch_name: Option<BranchName>,
}

impl Call<'_> {
    /// Without a cursor, it begins now. A cursor of the future waits until so much has happened.
    pub(crate) async fn listen_to_events(mut self) -> Result<Answer, ApiError> {
        // Before the first look, so that nothing is missed between.
        let (news, closing) = (self.api.store().notices(), self.api.closing());
        let Wanted { cursor, app_id, branch_name } = self.read()?;
        let filter = Filter::new(app_id, branch_name)?;
        // A browser that comes again asks as it did first, and adds what it has seen.
        let cursor = match last_seen(self.headers)?.or(cursor) {
            Some(cursor) => cursor,
            None => self.api.store().last_happening().await?,
        };
        let (api, caller) = (self.api.clone(), self.caller);
        Ok(Listener { api, caller, filter, cursor, greeted: false, news, closing }.answer())
    }
}

fn last_seen(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(seen) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let seen = seen.to_str().ok().and_then(|seen| seen.parse().ok());
    seen.map(Some)
        .ok_or_else(|| ApiError::bad_request("The Last-Event-ID is not a number that an event had as its id."))
}

impl Listener {
    fn answer(self) -> Answer {
        let chunks = stream::unfold(self, |mut listener| async {
            let chunk = listener.next().await?;
            Some((Ok::<_, Infallible>(chunk), listener))
        });
        Answer::stream("text/event-stream", Body::from_stream(chunks))
            .with(CACHE_CONTROL, "no-store")
            .with(X_ACCEL_BUFFERING, "no")
    }

    /// The next lines, or the end.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(format!("retry: {RETRY}\nid: {}\n\n", self.cursor).into());
        }
        let mut silence = pin!(sleep(HEARTBEAT));
        while !*self.closing.borrow() {
            let news = match self.look().await {
                Ok(news) => news?,
                Err(error) => {
                    // The client comes again, and goes on where it was.
                    tracing::error!("events cannot be told: {error}");
                    return None;
                }
            };
            let is_all = news.cursor == self.cursor;
            self.cursor = news.cursor;
            let apps = self.caller.apps();
            let wanted = news.events.iter().filter(|event| self.filter.lets_through(event) && apps.contain(&event.app));
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

    /// What happened since, or nothing more for a key that was revoked meanwhile.
    async fn look(&self) -> Result<Option<News>, StoreError> {
        let news = self.api.news(self.cursor, BATCH).await?;
        // Only then, so that nothing that happened after it was revoked is told.
        Ok(self.api.still_knows(&self.caller).await?.then_some(news))
    }
}

/// An event as a client reads it. JSON that is on one line needs no more than that.
fn lines(cursor: u64, json: &[u8]) -> Vec<u8> {
    [format!("id: {cursor}\ndata: ").as_bytes(), json, b"\n\n"].concat()
}
