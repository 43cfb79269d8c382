//! Quotas: how much there may be of something.

use core::fmt;
use core::str::FromStr;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::MutexGuard;
use windlass::AppId;
use windlass_store::{App, Counted, Kind};

use crate::api::Call;
use crate::error::ApiError;

/// Something that can be limited.
///
/// <https://docs.aws.amazon.com/amplify/latest/userguide/quotas-chapter.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quota {
    /// Apps.
    Apps,
    /// Apps that are made within an hour.
    AppCreationsPerHour,
    /// Branches of an app.
    BranchesPerApp,
    /// Domain associations of an app.
    DomainsPerApp,
    /// Sub-domains of a domain association.
    SubdomainsPerDomain,
    /// Webhooks of an app.
    WebhooksPerApp,
    /// Bytes of what is deployed by hand: an upload, or the zip behind a source URL.
    ZipSize,
}

impl Quota {
    /// Every quota.
    pub const ALL: [Self; 7] = [
        Self::Apps,
        Self::AppCreationsPerHour,
        Self::BranchesPerApp,
        Self::DomainsPerApp,
        Self::SubdomainsPerDomain,
        Self::WebhooksPerApp,
        Self::ZipSize,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::AppCreationsPerHour => "app-creations-per-hour",
            Self::BranchesPerApp => "branches-per-app",
            Self::DomainsPerApp => "domains-per-app",
            Self::SubdomainsPerDomain => "subdomains-per-domain",
            Self::WebhooksPerApp => "webhooks-per-app",
            Self::ZipSize => "zip-size",
        }
    }

    /// AWS's figure.
    #[must_use]
    pub const fn of_aws(self) -> u64 {
        match self {
            Self::Apps | Self::AppCreationsPerHour => 25,
            Self::BranchesPerApp | Self::SubdomainsPerDomain | Self::WebhooksPerApp => 50,
            Self::DomainsPerApp => 5,
            Self::ZipSize => 5_000_000_000,
        }
    }

    /// The limit where none is set. Counts have none.
    #[must_use]
    pub const fn unless_set(self) -> Option<u64> {
        match self {
            Self::Apps
            | Self::AppCreationsPerHour
            | Self::BranchesPerApp
            | Self::DomainsPerApp
            | Self::SubdomainsPerDomain
            | Self::WebhooksPerApp => None,
            Self::ZipSize => Some(self.of_aws()),
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not a quota, or not a limit for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuota {
    /// No quota has this name.
    #[error("there is no quota {0:?}; there are {names}", names = Quota::ALL.map(Quota::as_str).join(", "))]
    Unknown(String),
    /// The limit is not one.
    #[error("the quota {quota} is a whole number from {least} on, not {given:?}")]
    Number {
        /// Of which quota.
        quota: Quota,
        /// The least that makes sense.
        least: u64,
        /// What was given.
        given: String,
    },
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|quota| quota.as_str() == name);
        found.ok_or_else(|| InvalidQuota::Unknown(name.to_owned()))
    }
}

/// The limits that are set, over those that hold where none is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas(BTreeMap<Quota, u64>);

impl Quotas {
    /// Sets a limit from text. Answers the one that was set before, if there was one.
    ///
    /// # Errors
    ///
    /// [`InvalidQuota::Number`] for what is no limit, and nothing is set then. No count is too small; nothing fits
    /// into a zip of 0 bytes.
    pub fn set(&mut self, quota: Quota, limit: &str) -> Result<Option<u64>, InvalidQuota> {
        let least = u64::from(quota == Quota::ZipSize);
        let number = limit.parse().ok().filter(|number| *number >= least && limit.bytes().all(|b| b.is_ascii_digit()));
        let number = number.ok_or_else(|| InvalidQuota::Number { quota, least, given: limit.to_owned() })?;
        Ok(self.0.insert(quota, number))
    }

    /// The limit, where there is one.
    #[must_use]
    pub fn limit(&self, quota: Quota) -> Option<u64> {
        self.0.get(&quota).copied().or(quota.unless_set())
    }

    /// The largest zip and the largest file, in bytes.
    #[must_use]
    pub fn zip_size(&self) -> u64 {
        self.limit(Quota::ZipSize).unwrap_or(u64::MAX)
    }
}

/// What it takes to keep quotas exactly, beside what the store knows.
#[derive(Default)]
pub(crate) struct Room {
    /// Whoever makes something that is limited counts and makes it in one turn.
    turn: tokio::sync::Mutex<()>,
    /// When the apps were made that were deleted within an hour of that. A restart forgets them.
    deleted: Mutex<VecDeque<DateTime<Utc>>>,
}

/// Nobody else makes anything that is limited while this is kept.
pub(crate) type Turn<'a> = Option<MutexGuard<'a, ()>>;

const HOUR: TimeDelta = TimeDelta::hours(1);

impl Call<'_> {
    /// A turn to make an app, if there may be one more.
    ///
    /// # Errors
    ///
    /// `LimitExceededException`, naming the quota.
    pub(crate) async fn room_for_app(&self) -> Result<Turn<'_>, ApiError> {
        let (total, hourly) = (self.limit(Quota::Apps), self.limit(Quota::AppCreationsPerHour));
        if total.is_none() && hourly.is_none() {
            return Ok(None);
        }
        let turn = self.api.room().turn.lock().await;
        if let Some(limit) = total {
            self.below(Quota::Apps, limit, self.api.store().count(Counted::Apps, limit).await?, "apps")?;
        }
        if let Some(limit) = hourly {
            let since = self.now - HOUR;
            let kept = self.api.store().count(Counted::AppsSince(since), limit).await?;
            let made = kept + self.api.room().deleted_since(since);
            self.below(Quota::AppCreationsPerHour, limit, made, "apps within an hour")?;
        }
        Ok(Some(turn))
    }

    /// A turn to make a branch of `app`, if there may be one more.
    ///
    /// # Errors
    ///
    /// `LimitExceededException`, naming the quota; `NotFoundException` where there is no such app.
    pub(crate) async fn room_for_branch(&self, app: &AppId) -> Result<Turn<'_>, ApiError> {
        self.room_in(app, Quota::BranchesPerApp, Counted::Branches(app), "branches").await
    }

    /// A turn to make a webhook of `app`, if there may be one more.
    ///
    /// # Errors
    ///
    /// Those of [`room_for_branch`](Self::room_for_branch).
    pub(crate) async fn room_for_webhook(&self, app: &AppId) -> Result<Turn<'_>, ApiError> {
        self.room_in(app, Quota::WebhooksPerApp, Counted::Documents(Kind::Webhook, app), "webhooks").await
    }

    /// A turn to make a domain association of `app`, if there may be one more.
    ///
    /// # Errors
    ///
    /// Those of [`room_for_branch`](Self::room_for_branch).
    pub(crate) async fn room_for_domain(&self, app: &AppId) -> Result<Turn<'_>, ApiError> {
        self.room_in(app, Quota::DomainsPerApp, Counted::Documents(Kind::Domain, app), "domains").await
    }

    /// Refuses a domain association with so many sub-domains.
    ///
    /// # Errors
    ///
    /// `LimitExceededException`, naming the quota.
    pub(crate) fn room_for_sub_domains(&self, count: usize) -> Result<(), ApiError> {
        match self.limit(Quota::SubdomainsPerDomain) {
            // There may be as many as the limit says, and one less than that before the last is made.
            Some(limit) if count as u64 > limit => Err(exceeded(Quota::SubdomainsPerDomain, limit, "subdomains")),
            Some(_) | None => Ok(()),
        }
    }

    /// Deletes an app, and remembers one that was made a short time ago.
    pub(crate) async fn forget_app(&self, app: &App) -> Result<Option<Vec<windlass_store::BranchUid>>, ApiError> {
        let Some(limit) = self.limit(Quota::AppCreationsPerHour) else {
            return Ok(self.api.store().delete_app(&app.id).await?);
        };
        let _turn = self.api.room().turn.lock().await;
        let deleted = self.api.store().delete_app(&app.id).await?;
        if deleted.is_some() {
            self.api.room().deleted(app.created, self.now - HOUR, limit);
        }
        Ok(deleted)
    }

    async fn room_in(&self, app: &AppId, quota: Quota, what: Counted<'_>, words: &str) -> Result<Turn<'_>, ApiError> {
        let Some(limit) = self.limit(quota) else { return Ok(None) };
        self.app(app).await?;
        let turn = self.api.room().turn.lock().await;
        self.below(quota, limit, self.api.store().count(what, limit).await?, words)?;
        Ok(Some(turn))
    }

    fn limit(&self, quota: Quota) -> Option<u64> {
        self.api.settings().quotas.limit(quota)
    }

    fn below(&self, quota: Quota, limit: u64, count: u64, words: &str) -> Result<(), ApiError> {
        if count < limit { Ok(()) } else { Err(exceeded(quota, limit, words)) }
    }
}

fn exceeded(quota: Quota, limit: u64, words: &str) -> ApiError {
    ApiError::limit_exceeded(format!("There may be no more {words}: the quota {quota} is {limit}."))
}

impl Room {
    fn deleted_since(&self, time: DateTime<Utc>) -> u64 {
        let deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        deleted.iter().filter(|created| **created > time).count() as u64
    }

    /// Remembers an app that was made at `created`, unless that is too long ago to count. More than `most` are never
    /// asked for.
    fn deleted(&self, created: DateTime<Utc>, since: DateTime<Utc>, most: u64) {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        deleted.retain(|created| *created > since);
        if created > since && (deleted.len() as u64) < most {
            deleted.push_back(created);
        }
    }
}
