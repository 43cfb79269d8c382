//! Where the bytes of artifacts lie: small ones in the store, so that they ride in the commit that needs them, large ones
//! in a [`Vault`], with a pointer in the store that rides in that commit.
//!
//! So a name stands for bytes or it does not, by the store alone: what is large is durable in the vault before anything
//! points to it, and what is deleted is a pointer. Equal bytes are one content with many pointers. What nobody points to
//! any more is collected later, by [`collect`](Blobs::collect).

mod garbage;
pub mod keys;
mod staging;

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use windlass::{Artifact, Source, Uploads};

pub use garbage::Collected;
pub use staging::{INLINE_MAX, Staged, StagedFile, Staging, StagingFolder};

use crate::{BranchUid, Content, JobKey, Store, StoreError, Vault};

/// Kept bytes, open to be read at any offset.
#[derive(Debug)]
pub enum Blob {
    /// In memory.
    Inline(Bytes),
    /// In a file.
    File(File),
}

/// All kept bytes, small and large.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn Store>,
    vault: Arc<dyn Vault>,
}

impl Blobs {
    /// Small ones in `store`, large ones in `vault`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, vault: Arc<dyn Vault>) -> Self {
        Self { store, vault }
    }

    /// Where large ones lie.
    #[must_use]
    pub fn vault(&self) -> &Arc<dyn Vault> {
        &self.vault
    }

    /// A place for bytes that are about to arrive.
    #[must_use]
    pub fn stage(&self) -> Staging {
        Staging::new(self.vault.staging())
    }

    /// Makes staged bytes ready to be kept under `key`: large ones are durable in the vault when this returns, unless the
    /// same bytes lie there already. They are kept once what is returned has been stored, in the commit that makes use of
    /// them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where store or vault fail, for example for want of space.
    pub async fn keep(&self, key: String, staged: Staged) -> Result<Vec<(String, Bytes)>, StoreError> {
        let file = match staged {
            Staged::Inline(bytes) => return Ok(vec![(key, bytes)]),
            Staged::File(file) => file,
        };
        let content = match self.same(&file).await? {
            Some(content) => content,
            None => {
                let number = getrandom::u64().map_err(StoreError::unavailable)?;
                let content = Content { sha256: file.sha256, number, size: file.size };
                self.vault.put(content, file.path).await?;
                content
            }
        };
        let used = format!("{}{key}", keys::uses(content));
        Ok(vec![(keys::pointer(&key), content.to_string().into()), (used, Bytes::new())])
    }

    /// A content with the same bytes, if there is one that is not about to be deleted.
    async fn same(&self, file: &StagedFile) -> Result<Option<Content>, StoreError> {
        let prefix = keys::uses_of(file.sha256);
        let mut after = None;
        while let Some(used) = self.store.blob_page(&prefix, after.as_deref(), 1).await?.pop() {
            let content = content_of_use(&used)?;
            if content.size == file.size
                && self.store.blob(&keys::condemned(content)).await?.is_none()
                && self.vault.has(content).await?
            {
                return Ok(Some(content));
            }
            // The first key after all uses of this one: `0` follows `/`.
            after = Some(format!("{}0", keys::uses(content).trim_end_matches('/')));
        }
        Ok(None)
    }

    /// Opens kept bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where store or vault fail, [`StoreError::Damaged`] where what they keep is.
    pub async fn open(&self, key: &str) -> Result<Option<Blob>, StoreError> {
        if let Some(bytes) = self.store.blob(key).await? {
            return Ok(Some(Blob::Inline(bytes)));
        }
        match self.content(key).await? {
            Some(content) => Ok(self.vault.open(content).await?.map(Blob::File)),
            None => Ok(None),
        }
    }

    /// The content behind a key, where it is a large one's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the store fails, [`StoreError::Damaged`] where no content's name stands there.
    pub async fn content(&self, key: &str) -> Result<Option<Content>, StoreError> {
        let Some(name) = self.store.blob(&keys::pointer(key)).await? else { return Ok(None) };
        let content = str::from_utf8(&name).ok().and_then(|name| name.parse().ok());
        let damaged = || StoreError::damaged(format!("what stands for {key} is not the name of a content"));
        content.map(Some).ok_or_else(damaged)
    }

    /// Whether something is kept under `key`. Nothing of it is read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the store fails.
    pub async fn keeps(&self, key: &str) -> Result<bool, StoreError> {
        let found = self.store.blob_page(key, None, 1).await?;
        Ok(found.first().is_some_and(|stored| keys::name(stored) == key))
    }

    /// Whether all is kept that a job of the branch with this source deploys and that no one can send again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the store fails.
    pub async fn keeps_source(&self, branch: BranchUid, source: &Source) -> Result<bool, StoreError> {
        match source {
            Source::Artifact(artifact) => {
                Ok(self.keeps(&keys::zip(branch, *artifact)).await?
                    && self.keeps(&keys::index(branch, *artifact)).await?)
            }
            Source::UploadOf { job, uploads: Uploads::Zip(Some(object)), .. } => {
                self.keeps(&keys::zip(branch, Artifact { job: *job, object: *object })).await
            }
            Source::UploadOf { job, files, .. } => {
                let kept = self.list(&keys::files(JobKey { branch, job: *job })).await?;
                Ok(kept.len() >= files.len())
            }
            Source::Zip | Source::Files(_) | Source::Url { .. } | Source::Repository => Ok(true),
        }
    }

    /// The keys that begin with `prefix`, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the store fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let stored = self.store.blob_keys(prefix).await?;
        let mut keys: Vec<_> = stored.iter().map(|stored| keys::name(stored).to_owned()).collect();
        keys.sort_unstable();
        // What was replaced by something of another size may lie in both places.
        keys.dedup();
        Ok(keys)
    }

    /// Deletes what is kept under `key`, and if that ends with a slash, everything whose key begins with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the store fails.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete_blobs(key).await
    }
}

/// The content whose use a key says.
fn content_of_use(used: &str) -> Result<Content, StoreError> {
    keys::content_of_use(used).ok_or_else(|| StoreError::damaged(format!("{used} names no content")))
}

/// Runs what waits for a disk off the threads that answer requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(StoreError::unavailable),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}
