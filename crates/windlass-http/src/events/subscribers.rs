//! Subscribers: who is told of what happens to jobs by signed requests.
//!
//! `POST /-/subscribers` makes one, `GET` lists them; `GET` and `DELETE` of `/-/subscribers/{id}` show and remove one.
//! Requests are signed as those of AWS's operations are.

use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use windlass_store::{Attributes, Document, Kind, StoreError};

use super::{Filter, number, signature};
use crate::answer::{self, Answer};
use crate::api::{Api, method_not_allowed};
use crate::apps::seconds;
use crate::documents::text;
use crate::error::ApiError;
use crate::pages;

/// Where they are.
pub(crate) const PATH: &str = "/-/subscribers";

/// Where each of them is, by its id.
pub(crate) const BELOW: &str = "/-/subscribers/";

/// How many there may be. Each is looked after all the time.
const MAX: usize = 100;

/// How many are listed at once.
const PAGE: usize = 50;

/// The longest URL of one, in bytes.
const URL_MAX: usize = 2048;

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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSubscriber {
    url: String,
    app_id: Option<String>,
    branch_name: Option<String>,
    #[serde(default)]
    description: String,
    /// From where on it is told; from now on, if it is not said.
    cursor: Option<u64>,
}

impl Api {
    /// Answers a request to [`PATH`] or below.
    pub(crate) async fn subscribers(&self, parts: &Parts, body: Body) -> Response<Body> {
        let id = parts.uri.path().strip_prefix(BELOW);
        let allowed: &[Method] =
            if id.is_some() { &[Method::GET, Method::DELETE] } else { &[Method::GET, Method::POST] };
        if !allowed.contains(&parts.method) {
            return method_not_allowed(&parts.method, allowed);
        }
        let done = async {
            let body = self.let_in(parts, body).await?.1;
            match (id, &parts.method) {
                (None, &Method::POST) => self.subscribe(&body).await,
                (None, _) => self.list_subscribers(parts.uri.query().unwrap_or_default()).await,
                (Some(id), &Method::DELETE) => self.unsubscribe(id).await,
                (Some(id), _) => self.one_subscriber(&self.subscriber(id).await?),
            }
        };
        answer::respond(done.await)
    }

    async fn subscribe(&self, body: &[u8]) -> Result<Answer, ApiError> {
        let new: NewSubscriber = serde_json::from_slice(body)
            .map_err(|error| ApiError::bad_request(format!("The body is no subscriber: {error}.")))?;
        let url = self.checked(&new.url)?;
        let filter = Filter::new(new.app_id.as_deref(), new.branch_name.as_deref())?;
        if new.description.chars().count() > 1000 {
            return Err(ApiError::bad_request("The description has more than 1000 characters."));
        }
        let others = self.store().documents(Kind::Subscriber, None, None, MAX).await?;
        if others.items.len() >= MAX {
            return Err(ApiError::limit_exceeded(format!("There are {MAX} subscribers already.")));
        }
        let cursor = match new.cursor {
            Some(cursor) => cursor,
            None => self.store().last_happening().await?,
        };
        let secret = signature::new_secret()?;
        let mut attributes = Attributes::from_iter([
            (member::URL.to_owned(), url.as_str().into()),
            (member::SECRET.to_owned(), secret.as_str().into()),
            (member::DESCRIPTION.to_owned(), new.description.into()),
            (member::CURSOR.to_owned(), cursor.into()),
        ]);
        attributes.extend(filter.branch.map(|branch| (member::BRANCH.to_owned(), branch.as_str().into())));
        let (now, id) = (self.now(), Uuid::new_v4().to_string());
        let (kind, app) = (Kind::Subscriber, filter.app);
        let subscriber = Document { kind, id, app, attributes, created: now, updated: now, version: 1 };
        match (self.store().create_document(&subscriber).await, &subscriber.app) {
            (Ok(()), _) => {}
            (Err(StoreError::Conflict), Some(app)) => return Err(ApiError::no_app(app)),
            (Err(error), _) => return Err(error.into()),
        }
        self.subscribed().notify_one();
        let mut form = self.form(&subscriber);
        // Shown this once, and never again.
        form[member::SECRET] = secret.into();
        Answer::new(&json!({ "subscriber": form }))
    }

    /// The URL, if events may be sent there.
    fn checked(&self, url: &str) -> Result<Url, ApiError> {
        let refused = |why: &str| ApiError::bad_request(format!("The url of a subscriber {why}."));
        let Some(courier) = &self.settings().courier else {
            return Err(ApiError::bad_request("This server sends no events to subscribers."));
        };
        if url.len() > URL_MAX {
            return Err(refused(&format!("has at most {URL_MAX} bytes")));
        }
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

    async fn list_subscribers(&self, query: &str) -> Result<Answer, ApiError> {
        let (mut token, mut size) = (None, PAGE);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "nextToken" => token = Some(value.into_owned()),
                "maxResults" => {
                    let max = value.parse().ok().filter(|max| *max <= PAGE);
                    let max = max.ok_or_else(|| {
                        ApiError::bad_request(format!("The maxResults is not a number from 0 to {PAGE}."))
                    })?;
                    size = pages::size(Some(max), PAGE);
                }
                _ => {}
            }
        }
        let from = pages::cursor(PATH, token.as_deref())?;
        let page = self.store().documents(Kind::Subscriber, None, from, size).await?;
        let forms: Vec<_> = page.items.iter().map(|subscriber| self.form(subscriber)).collect();
        let mut body = json!({ "subscribers": forms });
        if let Some(next) = page.next {
            body["nextToken"] = pages::token(PATH, next).into();
        }
        Answer::new(&body)
    }

    async fn unsubscribe(&self, id: &str) -> Result<Answer, ApiError> {
        let subscriber = self.subscriber(id).await?;
        match self.store().delete_document(Kind::Subscriber, id).await {
            Ok(()) => self.one_subscriber(&subscriber),
            Err(StoreError::Conflict) => Err(no_subscriber(id)),
            Err(error) => Err(error.into()),
        }
    }

    async fn subscriber(&self, id: &str) -> Result<Document, ApiError> {
        self.store().document(Kind::Subscriber, id).await?.ok_or_else(|| no_subscriber(id))
    }

    fn one_subscriber(&self, subscriber: &Document) -> Result<Answer, ApiError> {
        Answer::new(&json!({ "subscriber": self.form(subscriber) }))
    }

    fn form(&self, subscriber: &Document) -> Value {
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
            let lasts = self.now().signed_duration_since(since) >= PATIENCE;
            form["status"] = if lasts { "FAILING" } else { "RETRYING" }.into();
            form[member::FAILING_SINCE] = seconds(since);
            form[member::REASON] = text(subscriber, member::REASON).into();
        }
        form
    }
}

/// Since when a subscriber takes nothing.
pub(super) fn failing_since(subscriber: &Document) -> Option<DateTime<Utc>> {
    let since = number(&subscriber.attributes, member::FAILING_SINCE)?;
    DateTime::from_timestamp_millis(i64::try_from(since).ok()?)
}

fn no_subscriber(id: &str) -> ApiError {
    ApiError::not_found("Subscriber", id.escape_debug())
}
