//! Subscribers: who is told of what happens to jobs by signed requests. They are four operations of our own.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use windlass::{AppId, BranchName};
use windlass_store::{Attributes, Document, Kind, StoreError};

use super::{Filter, number, signature};
use crate::answer::Answer;
use crate::api::Call;
use crate::apps::{Listing, seconds};
use crate::documents::text;
use crate::error::ApiError;
use crate::pages;

const LIST: &str = "subscribers";

/// How many there may be. Each is looked after all the time.
const MAX: usize = 100;

/// How long it may have failed before that is called so.
const PATIENCE: TimeDelta = TimeDelta::days(3);

/// The members of a subscriber's document.
pub(super) mod member {
    pub(in super::super) const URL: &str = "url";
    pub(in super::super) const SECRET: &str = "secret";
    pub(in super::super) const BRANCH: &str = "branchName";
    /// The place up to which it was told everything.
    pub(in super::super) const CURSOR: &str = "cursor";
    /// Since when it takes nothing, in milliseconds since 1970.
    pub(in super::super) const FAILING_SINCE: &str = "failingSince";
    pub(in super::super) const REASON: &str = "statusReason";
    pub(super) const DESCRIPTION: &str = "description";
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewSubscriber {
    url: String,
    app_id: Option<AppId>,
    branch_name: Option<BranchName>,
    #[serde(default)]
    description: String,
    /// From where on it is told; from now on, if it is not said.
    cursor: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneSubscriber {
    subscriber_id: String,
}

impl Call<'_> {
    pub(crate) async fn create_subscriber(mut self) -> Result<Answer, ApiError> {
        let NewSubscriber { url, app_id, branch_name, description, cursor } = self.read()?;
        let url = self.checked(&url)?;
        let Filter { app, branch } = Filter::new(app_id, branch_name)?;
        let others = self.api.store().documents(Kind::Subscriber, None, None, MAX).await?;
        if others.items.len() >= MAX {
            return Err(ApiError::limit_exceeded(format!("There are {MAX} subscribers already.")));
        }
        let cursor = match cursor {
            Some(cursor) => cursor,
            None => self.api.store().last_happening().await?,
        };
        let secret = signature::new_secret()?;
        let mut attributes = Attributes::from_iter([
            (member::URL.to_owned(), url.as_str().into()),
            (member::SECRET.to_owned(), secret.as_str().into()),
            (member::DESCRIPTION.to_owned(), description.into()),
            (member::CURSOR.to_owned(), cursor.into()),
        ]);
        attributes.extend(branch.map(|branch| (member::BRANCH.to_owned(), branch.as_str().into())));
        let (kind, id, now) = (Kind::Subscriber, Uuid::new_v4().to_string(), self.now);
        let subscriber = Document { kind, id, app, attributes, created: now, updated: now, version: 1 };
        match (self.api.store().create_document(&subscriber).await, &subscriber.app) {
            (Ok(()), _) => {}
            (Err(StoreError::Conflict), Some(app)) => return Err(ApiError::no_app(app)),
            (Err(error), _) => return Err(error.into()),
        }
        self.api.subscribed().notify_one();
        let mut form = form(&subscriber, now);
        // Shown this once, and never again.
        form[member::SECRET] = secret.into();
        Answer::new(&json!({ "subscriber": form }))
    }

    pub(crate) async fn get_subscriber(mut self) -> Result<Answer, ApiError> {
        let (subscriber, _) = self.subscriber().await?;
        Answer::new(&json!({ "subscriber": form(&subscriber, self.now) }))
    }

    pub(crate) async fn list_subscribers(mut self) -> Result<Answer, ApiError> {
        let Listing { next_token, max_results } = self.read()?;
        let from = pages::cursor(LIST, next_token.as_deref())?;
        let page = self.api.store().documents(Kind::Subscriber, None, from, pages::size(max_results, 50)).await?;
        let forms: Vec<_> = page.items.iter().map(|subscriber| form(subscriber, self.now)).collect();
        let mut body = json!({ "subscribers": forms });
        if let Some(next) = page.next {
            body["nextToken"] = pages::token(LIST, next).into();
        }
        Answer::new(&body)
    }

    pub(crate) async fn delete_subscriber(mut self) -> Result<Answer, ApiError> {
        let (subscriber, missing) = self.subscriber().await?;
        self.remove(&subscriber, missing).await?;
        Answer::new(&json!({ "subscriber": form(&subscriber, self.now) }))
    }

    /// The subscriber that is named, and what is said where it is gone.
    async fn subscriber(&mut self) -> Result<(Document, ApiError), ApiError> {
        let OneSubscriber { subscriber_id: id } = self.read()?;
        let missing = || ApiError::not_found("Subscriber", id.escape_debug());
        let subscriber = self.api.store().document(Kind::Subscriber, &id).await?.ok_or_else(missing)?;
        Ok((subscriber, missing()))
    }

    /// The URL, if events may be sent there.
    fn checked(&self, url: &str) -> Result<Url, ApiError> {
        let refused = |why: &str| ApiError::bad_request(format!("The url of a subscriber {why}."));
        let Some(courier) = &self.api.settings().courier else {
            return Err(ApiError::bad_request("This server sends no events to subscribers."));
        };
        let url = Url::parse(url).map_err(|error| refused(&format!("cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("begins with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("has no user and no password; requests are signed"));
        }
        courier.check(&url).map_err(|why| refused(&format!("cannot be used: {why}")))?;
        Ok(url)
    }
}

/// A subscriber as it is shown, which is without its secret.
fn form(subscriber: &Document, now: DateTime<Utc>) -> Value {
    let mut form = json!({
        "subscriberId": subscriber.id,
        "url": text(subscriber, member::URL),
        "description": text(subscriber, member::DESCRIPTION),
        "createTime": seconds(subscriber.created),
        "cursor": number(&subscriber.attributes, member::CURSOR),
        "status": "ACTIVE",
    });
    if let Some(app) = &subscriber.app {
        form["appId"] = app.as_str().into();
    }
    if let Some(branch) = subscriber.attributes.get(member::BRANCH) {
        form[member::BRANCH] = branch.clone();
    }
    if let Some(since) = failing_since(subscriber) {
        let lasts = now.signed_duration_since(since) >= PATIENCE;
        form["status"] = if lasts { "FAILING" } else { "RETRYING" }.into();
        form[member::FAILING_SINCE] = seconds(since);
        form[member::REASON] = text(subscriber, member::REASON).into();
    }
    form
}

/// Since when a subscriber takes nothing.
pub(super) fn failing_since(subscriber: &Document) -> Option<DateTime<Utc>> {
    let since = number(&subscriber.attributes, member::FAILING_SINCE)?;
    DateTime::from_timestamp_millis(i64::try_from(since).ok()?)
}
