//! The access log: who asked what of which site.
//!
//! A line for each answer is kept in memory and written down with others, by app and day, as a chunk of CSV. Nobody waits
//! for that: what a store refuses, what is too much at a time, and what a killed process still held is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, Timelike as _, Utc};
use futures_util::{StreamExt as _, stream};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use windlass::AppId;
use windlass_store::{Blobs, Clock, Store, StoreError, keys};

use crate::host::SiteHost;
use crate::peer::Peer;

/// Keeps an access log, as the crate's page describes it. Texts are cut at 2,048 bytes; what is not visible ASCII is
/// percent-encoded, and a text that a spreadsheet would take for a formula begins with a `'`.
pub(crate) struct AccessLog {
    store: Arc<dyn Store>,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    lines: Mutex<Lines>,
    /// Fires when there is enough to write down.
    enough: Notify,
}

/// Lines that are not written down yet.
#[derive(Default)]
struct Lines {
    chunks: BTreeMap<(AppId, NaiveDate), Vec<Chunk>>,
    bytes: usize,
    /// How many found no room.
    lost: u64,
}

struct Chunk {
    /// Of the first line.
    time: DateTime<Utc>,
    lines: Vec<u8>,
    count: usize,
}

impl AccessLog {
    pub(crate) fn new(store: Arc<dyn Store>, blobs: Blobs, clock: Arc<dyn Clock>) -> Self {
        Self { store, blobs, clock, lines: Mutex::default(), enough: Notify::new() }
    }

    /// What is known of a request before it is answered.
    pub(crate) fn begin(self: &Arc<Self>, host: &SiteHost, parts: &Parts, peer: Option<Peer>) -> Entry {
        let (mut before, mut after) = (String::with_capacity(128), String::with_capacity(256));
        match peer {
            // Writing to a string cannot fail.
            Some(peer) => drop(write!(before, "{}", peer.visitor(&parts.headers))),
            None => before.push('-'),
        }
        for text in [parts.method.as_str(), &host.name, parts.uri.path()] {
            before.push(',');
            push(&mut before, text.as_bytes());
        }
        for text in [field(&parts.headers, header::REFERER), field(&parts.headers, header::USER_AGENT)] {
            push(&mut after, text);
            after.push(',');
        }
        push(&mut after, parts.uri.query().unwrap_or_default().as_bytes());
        let (app, begun) = (host.app.clone(), self.clock.now());
        Entry { log: Arc::clone(self), app, begun, before, after, status: None, bytes: 0 }
    }

    fn note(&self, app: AppId, time: DateTime<Utc>, line: &str) {
        let mut lines = self.lock();
        if lines.bytes + line.len() > HELD {
            lines.lost += 1;
            return;
        }
        lines.bytes += line.len();
        let chunks = lines.chunks.entry((app, time.date_naive())).or_default();
        if chunks.last().is_none_or(|chunk| chunk.lines.len() >= CHUNK) {
            chunks.push(Chunk { time, lines: Vec::new(), count: 0 });
        }
        let Some(chunk) = chunks.last_mut() else { return };
        chunk.lines.extend_from_slice(line.as_bytes());
        chunk.count += 1;
        if chunk.count >= ENOUGH || chunk.lines.len() >= CHUNK {
            self.enough.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // A panic under the lock leaves whole lines behind.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what there is, now and then, until `stop` ends, and once more then. Days that are old enough go.
    pub(crate) async fn keep(&self, stop: impl Future<Output = ()>) {
        let mut often = interval(EVERY);
        often.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut stop, mut swept) = (pin!(stop), None);
        loop {
            let stopped = tokio::select! {
                _ = often.tick() => false,
                () = self.enough.notified() => false,
                () = &mut stop => true,
            };
            // Never broken off: what it has taken is nowhere else.
            self.write().await;
            if stopped {
                return;
            }
            let today = self.clock.now().date_naive();
            if swept != Some(today) {
                swept = Some(today);
                if let Err(error) = self.sweep(today).await {
                    tracing::warn!(%error, "old access logs stay for now");
                }
            }
        }
    }

    /// Writes down what there is.
    pub(crate) async fn write(&self) {
        let Lines { chunks, bytes: _, lost } = mem::take(&mut *self.lock());
        if lost > 0 {
            tracing::warn!(lost, "there were more requests at a time than the access log has room for");
        }
        let chunks =
            chunks.into_iter().flat_map(|((app, _), chunks)| chunks.into_iter().map(move |it| (app.clone(), it)));
        let written = stream::iter(chunks).for_each_concurrent(AT_ONCE, async |(app, chunk)| {
            let lines = chunk.count;
            if let Err(error) = self.write_chunk(&app, chunk).await {
                tracing::warn!(%app, lines, %error, "a part of an access log is lost");
            }
        });
        written.await;
    }

    async fn write_chunk(&self, app: &AppId, chunk: Chunk) -> Result<(), StoreError> {
        // The log of a deleted app went with it.
        if self.store.app(app).await?.is_none() {
            return Ok(());
        }
        let number = getrandom::u64().map_err(StoreError::unavailable)?;
        self.store.put_blob(&keys::access_chunk(app, chunk.time, number), chunk.lines.into()).await
    }

    /// Deletes the days that are old enough.
    async fn sweep(&self, today: NaiveDate) -> Result<(), StoreError> {
        let first = today.checked_sub_days(KEPT).unwrap_or(NaiveDate::MIN).to_string();
        let mut from = None;
        loop {
            let page = self.store.apps(from, 100).await?;
            for app in &page.items {
                let prefix = keys::access(&app.id);
                let chunks = self.blobs.list(&prefix).await?;
                let days = chunks.iter().filter_map(|chunk| chunk.strip_prefix(&prefix)?.split_once('/'));
                let old: BTreeSet<_> = days.map(|(day, _)| day).filter(|day| **day < *first).collect();
                for day in old {
                    self.blobs.delete(&format!("{prefix}{day}/")).await?;
                }
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }
}

/// A request that is being answered. Its line is noted when it is dropped.
pub(crate) struct Entry {
    log: Arc<AccessLog>,
    app: AppId,
    begun: DateTime<Utc>,
    /// The columns from the visitor's address to the path.
    before: String,
    /// The columns from the referrer to the query.
    after: String,
    /// Once it is answered. What is not answered is not noted.
    status: Option<StatusCode>,
    bytes: u64,
}

impl Entry {
    /// Goes along with a response until its body has been sent, or the visitor has gone.
    pub(crate) fn follow(self, response: Response<Body>) -> Response<Body> {
        let mut entry = self;
        entry.status = Some(response.status());
        response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let entry = &mut entry;
                entry.bytes += frame.data_ref().map_or(0, |data: &Bytes| data.len() as u64);
                frame
            }))
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(status) = self.status else { return };
        let now = self.log.clock.now();
        let Self { begun, before, after, bytes, .. } = &*self;
        let (date, hour, minute, second) = (now.date_naive(), now.hour(), now.minute(), now.second());
        let taken = (now - *begun).num_milliseconds().max(0);
        let (seconds, rest) = (taken / 1000, taken % 1000);
        let mut line = String::with_capacity(before.len() + after.len() + 64);
        // Writing to a string cannot fail.
        let _ = write!(line, "{date},{hour:02}:{minute:02}:{second:02},-,{bytes},{before},{}", status.as_u16());
        let _ = writeln!(line, ",{after},{seconds}.{rest:03}");
        self.log.note(self.app.clone(), now, &line);
    }
}

fn field(headers: &HeaderMap, name: HeaderName) -> &[u8] {
    headers.get(name).map_or(&[], |value| value.as_bytes())
}

/// Adds a text as a field of CSV.
fn push(line: &mut String, text: &[u8]) {
    let text = &text[..text.len().min(LONGEST)];
    if text.is_empty() {
        line.push('-');
        return;
    }
    let is_quoted = text.iter().any(|byte| matches!(byte, b',' | b'"'));
    if is_quoted {
        line.push('"');
    }
    if matches!(text, [b'=' | b'+' | b'-' | b'@', _, ..]) {
        line.push('\'');
    }
    for &byte in text {
        match byte {
            b'"' => line.push_str("\"\""),
            b' '..=b'~' => line.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(line, "%{byte:02X}")),
        }
    }
    if is_quoted {
        line.push('"');
    }
}

/// How often lines are written down.
const EVERY: Duration = Duration::from_secs(30);

/// How many lines of one app and day are enough to write them down at once.
const ENOUGH: usize = 1000;

/// How many bytes of lines are held at most. What comes on top is lost.
const HELD: usize = 16 * 1024 * 1024;

/// How many bytes a chunk has before another is begun: with a line more, it still is a small artifact.
const CHUNK: usize = 512 * 1024;

/// How many chunks are written at a time.
const AT_ONCE: usize = 16;

/// How many bytes of a text are noted.
const LONGEST: usize = 2048;

/// How many days are kept.
const KEPT: Days = Days::new(90);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cannot_break_out_of_its_line_and_is_no_formula() {
        for (text, written) in [
            ("", "-"),
            ("-", "-"),
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("=cmd|' /C calc'!A0,\"", "\"'=cmd|' /C calc'!A0,\"\"\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "%09=1"),
            ("a\r\nb", "a%0D%0Ab"),
            ("ü", "%C3%BC"),
            ("/path?", "/path?"),
        ] {
            let mut line = String::new();
            push(&mut line, text.as_bytes());
            assert_eq!(line, written, "{text:?}");
        }
        let mut line = String::new();
        push(&mut line, &[b'x'; 10_000]);
        assert_eq!(line.len(), LONGEST);
    }
}
