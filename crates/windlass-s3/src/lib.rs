//! A vault for large artifacts in S3, or in whatever speaks it, with a disk cache in front.
//!
//! Bytes go to the bucket first and count as kept once it has said so, in parts where they are many. They are read from
//! files of this machine: what is not in the cache is downloaded once, whole, and checked against its hash on the way.
//!
//! It is a crate of its own, not a module of `windlass-store`, so that whoever embeds that does not get an HTTP client, TLS
//! and XML with it.

mod bucket;
mod cache;

use std::fs::File;
use std::path::Path;

use async_trait::async_trait;
use object_store::path::Path as Location;
use tempfile::TempPath;
use thiserror::Error;
use windlass_store::{Content, StoreError, Vault};

use bucket::Bucket;
use cache::Cache;

/// A vault in a bucket.
pub struct S3Vault {
    bucket: Bucket,
    cache: Cache,
}

/// A bucket cannot be used as a vault.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The place is not one.
    #[error("{place} is not s3://BUCKET or s3://BUCKET/PREFIX")]
    Place {
        /// What was given.
        place: String,
    },
    /// What is known of the bucket does not suffice, or contradicts itself.
    #[error("the bucket of {place} cannot be used: {source}")]
    Bucket {
        /// What was given.
        place: String,
        /// What is wrong.
        source: object_store::Error,
    },
    /// The cache cannot be used.
    #[error("the cache {}: {source}", path.display())]
    Cache {
        /// The folder.
        path: std::path::PathBuf,
        /// What the file system says.
        source: std::io::Error,
    },
}

impl S3Vault {
    /// A vault at `place`, which is `s3://BUCKET` or `s3://BUCKET/PREFIX`, with a cache in the folder `cache` that holds at most
    /// `cache_max` bytes. Nothing is sent yet.
    ///
    /// Endpoint, region and keys are taken from `variables`, by the names of AWS: `AWS_ENDPOINT_URL_S3` or
    /// `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` and so on; without keys, those of the instance, the container or
    /// the web identity are asked for. Profiles are not read. Buckets are named in the path unless
    /// `AWS_VIRTUAL_HOSTED_STYLE_REQUEST` is true.
    ///
    /// # Errors
    ///
    /// [`OpenError`], naming what is wrong.
    pub fn open(
        place: &str,
        variables: impl IntoIterator<Item = (String, String)>,
        cache: &Path,
        cache_max: u64,
    ) -> Result<Self, OpenError> {
        let not_a_place = || OpenError::Place { place: place.to_owned() };
        let rest = place.strip_prefix("s3://").ok_or_else(not_a_place)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = Location::parse(prefix).map_err(|_| not_a_place())?;
        if bucket.is_empty() {
            return Err(not_a_place());
        }
        let bucket = Bucket::new(bucket, &prefix, variables)
            .map_err(|source| OpenError::Bucket { place: place.to_owned(), source })?;
        let cache =
            Cache::open(cache, cache_max).map_err(|source| OpenError::Cache { path: cache.to_owned(), source })?;
        Ok(Self { bucket, cache })
    }
}

#[async_trait]
impl Vault for S3Vault {
    fn staging(&self) -> &Path {
        self.cache.staging()
    }

    async fn put(&self, content: Content, file: TempPath) -> Result<(), StoreError> {
        self.bucket.upload(content, &file).await?;
        if let Err(error) = self.cache.take_in(content, file).await {
            tracing::warn!("what was just uploaded will have to be downloaded: {error}");
        }
        Ok(())
    }

    async fn has(&self, content: Content) -> Result<bool, StoreError> {
        self.bucket.has(content).await
    }

    async fn open(&self, content: Content) -> Result<Option<File>, StoreError> {
        self.cache.file(content, self.bucket.download(content, self.cache.staging())).await
    }

    async fn delete(&self, content: Content) -> Result<(), StoreError> {
        self.bucket.delete(content).await?;
        self.cache.remove(content).await
    }

    async fn list(&self, after: Option<Content>, limit: usize) -> Result<Vec<Content>, StoreError> {
        self.bucket.list(after, limit).await
    }
}
