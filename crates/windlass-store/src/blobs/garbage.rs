//! Contents that nobody points to any more.
//!
//! Nothing is ever deleted on one look. A content that nobody points to is condemned, with the time, and goes once it has
//! been condemned for longer than anybody takes from putting bytes in to pointing to them. Meanwhile nobody new can come to
//! point to it, because bytes that arrive are never taken for a condemned content's: they are put in again, under another
//! name. So whoever was about to point to it has done so before it goes, and then it stays.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Blobs, keys};
use crate::{Content, StoreError};

/// How many keys or contents are looked at in one go.
const PAGE: usize = 256;

/// What came of a [look](Blobs::collect) at all contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many nobody points to that somebody pointed to at the last look.
    pub condemned: u64,
    /// How many were deleted.
    pub deleted: u64,
    /// How many bytes these were.
    pub bytes: u64,
}

impl Blobs {
    /// Condemns the contents that nobody points to, and deletes those that have been condemned for `grace`, which must be
    /// longer than it ever takes from [`keep`](Self::keep) to the commit in which what it returned is stored.
    ///
    /// May be broken off anywhere, and may run in several processes at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where store or vault fail.
    pub async fn collect(&self, now: DateTime<Utc>, grace: TimeDelta) -> Result<Collected, StoreError> {
        let mut collected = Collected::default();
        self.delete_condemned(now, grace, &mut collected).await?;
        let mut after = None;
        loop {
            let page = self.vault.list(after, PAGE).await?;
            for &content in &page {
                let condemned = keys::condemned(content);
                if self.store.blob(&condemned).await?.is_none() && !self.is_used(content).await? {
                    self.store.put_blob(&condemned, time(now)).await?;
                    collected.condemned += 1;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(*last),
                Some(_) | None => return Ok(collected),
            }
        }
    }

    async fn delete_condemned(
        &self,
        now: DateTime<Utc>,
        grace: TimeDelta,
        collected: &mut Collected,
    ) -> Result<(), StoreError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.blob_page(keys::CONDEMNED, after.as_deref(), PAGE).await?;
            for key in &page {
                let name = key.strip_prefix(keys::CONDEMNED).and_then(|name| name.parse().ok());
                let (Some(content), Some(since)) = (name, self.store.blob(key).await?.as_ref().and_then(read_time))
                else {
                    continue;
                };
                if self.is_used(content).await? {
                    self.store.delete_blobs(key).await?;
                } else if since.checked_add_signed(grace).is_some_and(|end| end <= now) {
                    self.vault.delete(content).await?;
                    self.store.delete_blobs(&keys::uses(content)).await?;
                    // Last, so that a crash before it is made good by the next look.
                    self.store.delete_blobs(key).await?;
                    collected.deleted += 1;
                    collected.bytes += content.size;
                }
            }
            after = match page.last() {
                Some(last) if page.len() == PAGE => Some(last.clone()),
                Some(_) | None => return Ok(()),
            };
        }
    }

    /// Whether a name points to the content.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the store fails.
    pub async fn is_used(&self, content: Content) -> Result<bool, StoreError> {
        let prefix = keys::uses(content);
        let mut after: Option<String> = None;
        loop {
            let page = self.store.blob_page(&prefix, after.as_deref(), PAGE).await?;
            for used in &page {
                let pointer = keys::pointer(used.strip_prefix(&prefix).unwrap_or_default());
                if self.store.blob(&pointer).await?.is_some_and(|name| name == content.to_string()) {
                    return Ok(true);
                }
            }
            after = match page.last() {
                Some(last) if page.len() == PAGE => Some(last.clone()),
                Some(_) | None => return Ok(false),
            };
        }
    }
}

fn time(time: DateTime<Utc>) -> Bytes {
    time.timestamp_millis().to_string().into()
}

fn read_time(bytes: &Bytes) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(str::from_utf8(bytes).ok()?.parse().ok()?)
}
