//! The bucket: objects that are written once.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Location;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore as _, ObjectStoreExt as _, RetryConfig, WriteMultipart,
};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use windlass_store::{Content, StoreError};

/// How many bytes are sent or fetched with one request at most. S3 wants parts of at least 5 MiB.
const PART: usize = 8 * 1024 * 1024;

/// How many parts are on their way at a time.
const AT_ONCE: usize = 4;

/// How long one request may take, from connecting to the last byte of up to [`PART`].
const REQUEST: Duration = Duration::from_secs(60);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

pub(crate) struct Bucket {
    s3: AmazonS3,
    contents: Location,
}

impl Bucket {
    pub(crate) fn new(
        bucket: &str,
        prefix: &Location,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        // The client takes the process's provider. It is an error to install a second one, and no loss.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::new();
        let mut plain = false;
        for (name, value) in variables.into_iter().filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
        {
            plain |= name.starts_with("AWS_ENDPOINT_URL") && value.starts_with("http://");
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        let client = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(CONNECT).with_allow_http(plain);
        let retry = RetryConfig {
            max_retries: 4,
            retry_timeout: 2 * REQUEST,
            backoff: BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() },
        };
        let s3 = builder.with_bucket_name(bucket).with_client_options(client).with_retry(retry).build()?;
        Ok(Self { s3, contents: prefix.clone().join("contents") })
    }

    fn location(&self, content: Content) -> Location {
        self.contents.clone().join(content.to_string())
    }

    /// The bucket has the bytes when this returns. What was sent in vain is aborted.
    pub(crate) async fn upload(&self, content: Content, path: &Path) -> Result<(), StoreError> {
        let location = self.location(content);
        let mut file = File::open(path).await.map_err(StoreError::unavailable)?;
        if content.size <= PART as u64 {
            let bytes = part(&mut file).await.map_err(StoreError::unavailable)?;
            self.s3.put(&location, bytes.into()).await.map_err(StoreError::unavailable)?;
            return Ok(());
        }
        let upload = self.s3.put_multipart(&location).await.map_err(StoreError::unavailable)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
        if let Err(error) = send(&mut upload, &mut file).await {
            if let Err(error) = upload.abort().await {
                tracing::warn!("the parts of {location} that were sent stay in the bucket: {error}");
            }
            return Err(error);
        }
        upload.finish().await.map_err(StoreError::unavailable)?;
        Ok(())
    }

    pub(crate) async fn has(&self, content: Content) -> Result<bool, StoreError> {
        let head = found(self.s3.head(&self.location(content)).await)?;
        Ok(head.is_some_and(|head| head.size == content.size))
    }

    /// The bytes, in a file in `staging`. What is not what was put in is an error.
    pub(crate) async fn download(&self, content: Content, staging: &Path) -> Result<Option<TempPath>, StoreError> {
        let location = self.location(content);
        let starts = (0..content.size).step_by(PART);
        let ranges = starts.map(|start| start..content.size.min(start + PART as u64));
        let mut parts = stream::iter(ranges).map(|range| self.s3.get_range(&location, range)).buffered(AT_ONCE);
        let mut file = NamedTempFile::new_in(staging).map_err(StoreError::unavailable)?;
        let (mut sha256, mut size) = (Sha256::new(), 0);
        while let Some(part) = parts.next().await {
            let Some(part) = found(part)? else { return Ok(None) };
            size += part.len() as u64;
            let written = tokio::task::spawn_blocking(move || {
                sha256.update(&part);
                file.write_all(&part).map(|()| (file, sha256))
            });
            let written = written.await.map_err(StoreError::unavailable)?;
            (file, sha256) = written.map_err(StoreError::unavailable)?;
        }
        if size != content.size || sha256.finalize()[..] != content.sha256 {
            return Err(StoreError::damaged(format!("the object {location} is not what was put there")));
        }
        Ok(Some(file.into_temp_path()))
    }

    pub(crate) async fn delete(&self, content: Content) -> Result<(), StoreError> {
        found(self.s3.delete(&self.location(content)).await).map(drop)
    }

    pub(crate) async fn list(&self, after: Option<Content>, limit: usize) -> Result<Vec<Content>, StoreError> {
        let objects = match after {
            Some(after) => self.s3.list_with_offset(Some(&self.contents), &self.location(after)),
            None => self.s3.list(Some(&self.contents)),
        };
        // What is called otherwise was not put in by us.
        let contents = objects.try_filter_map(async |object| {
            Ok(object.location.filename().and_then(|name| name.parse::<Content>().ok()))
        });
        contents.take(limit).try_collect().await.map_err(StoreError::unavailable)
    }
}

async fn send(upload: &mut WriteMultipart, file: &mut File) -> Result<(), StoreError> {
    loop {
        upload.wait_for_capacity(AT_ONCE).await.map_err(StoreError::unavailable)?;
        let bytes = part(file).await.map_err(StoreError::unavailable)?;
        if bytes.is_empty() {
            return Ok(());
        }
        upload.put(bytes);
    }
}

/// The next part of a file, shorter only at its end.
async fn part(file: &mut File) -> io::Result<Bytes> {
    let mut part = Vec::with_capacity(PART);
    file.take(PART as u64).read_to_end(&mut part).await?;
    Ok(part.into())
}

/// What was asked for, or `None` where nothing is there.
fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}
