//! Brings events to subscribers: at least once, and those of one job in their order.
//!
//! Each subscriber is told on its own, so that one that is slow or gone holds up no other, no job, and no stop. It has
//! its own place among what happened, which is written down now and then: after a crash it is told again what it was
//! told since. What it does not take, it is offered again, later and later, until it takes it or is removed.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use http::Request;
use http::header::CONTENT_TYPE;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{interval, sleep};
use url::Url;
use windlass::BranchName;
use windlass_store::{Attributes, Document, JobKey, Kind, StoreError};

use super::feed::{News, Told};
use super::subscribers::{failing_since, member};
use super::{Filter, closed, heard, number, signature};
use crate::api::Api;
use crate::documents::text;

/// How many things that happened are looked at in one go.
const BATCH: usize = 64;

/// How many jobs' events are on their way to one subscriber at a time.
const AT_ONCE: usize = 8;

/// How long after the first failure it is tried again; after each further one, twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long it takes at most until it is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How often it is looked for what no news tell of, and how often a place is written down.
const LOOK: Duration = Duration::from_secs(5);

/// A place is written down also where nothing was told, once it is so far from the one that is written down.
const FAR: u64 = 10_000;

/// Whether a subscriber took what it was sent, and if not, why in words.
pub type Delivered<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// The network behind subscribers.
pub trait Courier: fmt::Debug + Send + Sync {
    /// Whether anything may be sent to a URL, as far as the URL itself says.
    ///
    /// # Errors
    ///
    /// Why not, in words.
    fn check(&self, url: &Url) -> Result<(), String>;

    /// Sends a request, and answers once the receiver has: it has taken it if its status is 2xx. It must come to an end
    /// in any case.
    fn send(&self, request: Request<Bytes>) -> Delivered<'_>;
}

impl Api {
    /// Tells subscribers what happens to jobs, until [`close`](Self::close) is called.
    pub async fn deliver(&self) {
        let Some(courier) = &self.settings().courier else { return };
        let mut closing = self.closing();
        let (mut tasks, mut at_work) = (JoinSet::new(), BTreeMap::<String, AbortHandle>::new());
        let mut look = interval(LOOK);
        while !*closing.borrow() {
            at_work.retain(|_, task| !task.is_finished());
            match self.subscriber_ids().await {
                Ok(ids) => {
                    for id in ids {
                        at_work.entry(id).or_insert_with_key(|id| {
                            let task = Task { api: self.clone(), courier: Arc::clone(courier), id: id.clone() };
                            tasks.spawn(task.run())
                        });
                    }
                }
                Err(error) => tracing::warn!("cannot look for subscribers: {error}"),
            }
            while tasks.try_join_next().is_some() {}
            tokio::select! {
                () = closed(&mut closing) => {}
                () = self.subscribed().notified() => {}
                _ = look.tick() => {}
            }
        }
        // Each of them knows.
        tasks.join_all().await;
    }

    async fn subscriber_ids(&self) -> Result<Vec<String>, StoreError> {
        let (mut ids, mut from) = (Vec::new(), None);
        loop {
            let page = self.store().documents(Kind::Subscriber, None, from, 100).await?;
            ids.extend(page.items.into_iter().map(|subscriber| subscriber.id));
            from = page.next;
            if from.is_none() {
                return Ok(ids);
            }
        }
    }
}

/// Telling one subscriber.
struct Task {
    api: Api,
    courier: Arc<dyn Courier>,
    id: String,
}

/// Why nothing more is told to a subscriber for now.
enum End {
    /// It was removed.
    Removed,
    /// The store does not answer. The task is begun again later.
    Store(StoreError),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Task {
    async fn run(self) {
        match self.tell().await {
            Ok(()) | Err(End::Removed) => {}
            Err(End::Store(error)) => tracing::warn!(subscriber = self.id, "events are not told for now: {error}"),
        }
    }

    /// Tells the subscriber everything, until the server stops.
    async fn tell(&self) -> Result<(), End> {
        let (mut news, mut closing) = (self.api.store().notices(), self.api.closing());
        let mut subscriber = Subscriber::read(&self.load().await?);
        loop {
            let batch = self.api.news(subscriber.cursor, BATCH).await?;
            if batch.cursor > subscriber.cursor {
                let told = tokio::select! {
                    told = self.tell_batch(&subscriber, &batch) => Some(told?),
                    () = closed(&mut closing) => None,
                };
                let Some(any) = told else { break };
                subscriber.advance(batch.cursor, any);
                self.save_if_due(&mut subscriber).await?;
            } else {
                tokio::select! {
                    () = closed(&mut closing) => break,
                    () = heard(&mut news) => {}
                    () = sleep(LOOK) => self.save_if_due(&mut subscriber).await?,
                }
            }
        }
        // What was begun of the batch is told again at the next start.
        if subscriber.cursor != subscriber.written { self.save(&mut subscriber).await } else { Ok(()) }
    }

    /// Tells what of a batch the subscriber wants: jobs beside each other, and the events of each in their order. Answers
    /// whether there was any.
    async fn tell_batch(&self, subscriber: &Subscriber, batch: &News) -> Result<bool, End> {
        let mut jobs = BTreeMap::<JobKey, Vec<Told>>::new();
        for event in batch.events.iter().filter(|event| subscriber.filter.lets_through(event)) {
            jobs.entry(event.key).or_default().push(event.clone());
        }
        let any = !jobs.is_empty();
        let told: Vec<_> = jobs.into_values().map(|events| self.tell_in_turn(subscriber, events)).collect();
        let mut told = stream::iter(told).buffer_unordered(AT_ONCE);
        while let Some(done) = told.next().await {
            done?;
        }
        Ok(any)
    }

    async fn tell_in_turn(&self, subscriber: &Subscriber, events: Vec<Told>) -> Result<(), End> {
        for event in events {
            self.tell_one(subscriber, &event).await?;
        }
        Ok(())
    }

    /// Tells an event, again and again until it is taken.
    async fn tell_one(&self, subscriber: &Subscriber, event: &Told) -> Result<(), End> {
        let mut pause = FIRST_PAUSE;
        loop {
            // It may have been removed while it was waited.
            self.load().await?;
            let sent = match self.request(subscriber, event) {
                Ok(request) => self.courier.send(request).await,
                Err(why) => Err(why),
            };
            match sent {
                Ok(()) => return self.note(subscriber, None).await,
                Err(why) => self.note(subscriber, Some(why)).await?,
            }
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn request(&self, subscriber: &Subscriber, event: &Told) -> Result<Request<Bytes>, String> {
        let now = self.api.now().timestamp();
        let signature = signature::sign(&subscriber.secret, &event.id, now, &event.json);
        let signature = signature.ok_or("its secret is damaged; remove it, and add it again")?;
        let request = Request::post(&subscriber.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature);
        request.body(event.json.clone()).map_err(|error| error.to_string())
    }

    /// Writes down that the subscriber takes nothing, or that it does again, where that is news.
    async fn note(&self, subscriber: &Subscriber, trouble: Option<String>) -> Result<(), End> {
        {
            let mut known = subscriber.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            if *known == trouble {
                return Ok(());
            }
            known.clone_from(&trouble);
        }
        let now = self.api.now();
        self.change(|subscriber| match &trouble {
            Some(why) => {
                let since = failing_since(subscriber).unwrap_or(now).timestamp_millis();
                subscriber.attributes.insert(member::FAILING_SINCE.to_owned(), since.into());
                subscriber.attributes.insert(member::REASON.to_owned(), why.as_str().into());
            }
            None => {
                subscriber.attributes.remove(member::FAILING_SINCE);
                subscriber.attributes.remove(member::REASON);
            }
        })
        .await
    }

    async fn save_if_due(&self, subscriber: &mut Subscriber) -> Result<(), End> {
        let waited = self.api.now().signed_duration_since(subscriber.written_at);
        let waited = waited >= TimeDelta::from_std(LOOK).unwrap_or(TimeDelta::MAX) || waited < TimeDelta::zero();
        let far = subscriber.cursor.saturating_sub(subscriber.written) >= FAR;
        if (subscriber.told && waited) || far { self.save(subscriber).await } else { Ok(()) }
    }

    /// Writes the subscriber's place down.
    async fn save(&self, subscriber: &mut Subscriber) -> Result<(), End> {
        let cursor = subscriber.cursor;
        self.change(|subscriber| {
            subscriber.attributes.insert(member::CURSOR.to_owned(), cursor.into());
        })
        .await?;
        subscriber.written = cursor;
        subscriber.written_at = self.api.now();
        subscriber.told = false;
        Ok(())
    }

    async fn change(&self, change: impl Fn(&mut Document)) -> Result<(), End> {
        loop {
            let mut subscriber = self.load().await?;
            change(&mut subscriber);
            subscriber.updated = self.api.now().max(subscriber.updated);
            subscriber.version += 1;
            match self.api.store().update_document(&subscriber).await {
                Err(StoreError::Conflict) => {}
                done => return Ok(done?),
            }
        }
    }

    async fn load(&self) -> Result<Document, End> {
        self.api.store().document(Kind::Subscriber, &self.id).await?.ok_or(End::Removed)
    }
}

/// A subscriber as it is told.
struct Subscriber {
    url: String,
    secret: String,
    filter: Filter,
    /// The place up to which it was told everything.
    cursor: u64,
    /// The place that is written down, and when it was.
    written: u64,
    written_at: DateTime<Utc>,
    /// Whether it was told anything since.
    told: bool,
    /// Why it takes nothing, as far as that is written down.
    trouble: Mutex<Option<String>>,
}

impl Subscriber {
    fn read(document: &Document) -> Self {
        let Document { app, attributes, updated, .. } = document;
        let cursor = number(attributes, member::CURSOR).unwrap_or_default();
        let trouble = failing_since(document).map(|_| text(document, member::REASON).to_owned());
        Self {
            url: text(document, member::URL).to_owned(),
            secret: text(document, member::SECRET).to_owned(),
            filter: Filter { app: app.clone(), branch: branch(attributes) },
            cursor,
            written: cursor,
            written_at: *updated,
            told: false,
            trouble: Mutex::new(trouble),
        }
    }

    fn advance(&mut self, cursor: u64, told: bool) {
        self.cursor = cursor;
        self.told |= told;
    }
}

fn branch(attributes: &Attributes) -> Option<BranchName> {
    attributes.get(member::BRANCH)?.as_str()?.parse().ok()
}

/// Half of a pause and up to another half, so that those who failed together do not come again together.
fn jittered(pause: Duration) -> Duration {
    // Without random numbers they do.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    pause / 2 + pause.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}
