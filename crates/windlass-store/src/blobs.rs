//! Where the bytes of artifacts lie: small ones in the store, so that they ride in the commit that needs
//! them, large ones as files.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};

use crate::{Store, StoreError};

/// Bytes up to this many are kept in the store, larger ones as files: 1 MiB.
pub const INLINE_MAX: usize = 1024 * 1024;

/// Bytes that have arrived and are not kept yet. Dropping them leaves nothing behind.
#[derive(Debug)]
pub enum Staged {
    /// At most [`INLINE_MAX`].
    Inline(Bytes),
    /// More, in a temporary file.
    File(TempPath),
}

/// Kept bytes, open to be read at any offset.
#[derive(Debug)]
pub enum Blob {
    /// In memory.
    Inline(Bytes),
    /// In a file.
    File(File),
}

/// The names under which bytes are kept. All that belongs to a branch begins with its
/// [`branch`](keys::branch), all that belongs to a job with its [`job`](keys::job), and what belongs to an app alone, or
/// to nothing that can be deleted, with a word.
pub mod keys {
    use chrono::{DateTime, Utc};
    use windlass::{AppId, Artifact};

    use crate::{BranchUid, JobKey};

    /// What belongs to a branch begins with this.
    #[must_use]
    pub fn branch(branch: BranchUid) -> String {
        format!("{branch}/")
    }

    /// What belongs to a job begins with this.
    #[must_use]
    pub fn job(key: JobKey) -> String {
        format!("{}/{}/", key.branch, key.job.padded())
    }

    /// A zip: what was uploaded, fetched or packed for a job.
    #[must_use]
    pub fn zip(branch: BranchUid, artifact: Artifact) -> String {
        format!("{}{:016x}.zip", job(JobKey { branch, job: artifact.job }), artifact.object)
    }

    /// The index of that zip.
    #[must_use]
    pub fn index(branch: BranchUid, artifact: Artifact) -> String {
        format!("{}{:016x}.index", job(JobKey { branch, job: artifact.job }), artifact.object)
    }

    /// The uploaded files of a file map begin with this.
    #[must_use]
    pub fn files(key: JobKey) -> String {
        format!("{}files/", job(key))
    }

    /// An uploaded file of a file map.
    #[must_use]
    pub fn file(key: JobKey, slot: u32) -> String {
        format!("{}{slot:010}", files(key))
    }

    /// The access logs of an app's sites begin with this. After it comes the day, as `2026-11-22/`.
    #[must_use]
    pub fn access(app: &AppId) -> String {
        format!("access/{app}/")
    }

    /// A chunk of an app's access log whose first line is of `time`, told from others by a number.
    #[must_use]
    pub fn access_chunk(app: &AppId, time: DateTime<Utc>, number: u64) -> String {
        format!("{}{}-{number:016x}.csv", access(app), time.format("%Y-%m-%d/%H-%M-%S"))
    }

    /// What is remembered of a request, by the drawer of its day. All of a drawer begins with this for no name.
    #[must_use]
    pub fn once(drawer: i64, name: &str) -> String {
        format!("once/{drawer}/{name}")
    }

    /// The log of a step.
    #[must_use]
    pub fn log(key: JobKey, step: &str) -> String {
        format!("{}{step}/log.txt", job(key))
    }
}

/// A directory for large artifacts. Keys are relative paths of our own making.
#[derive(Debug)]
pub struct Directory {
    kept: PathBuf,
    staging: PathBuf,
}

impl Directory {
    /// Opens or makes the directory, and removes what was staged and never kept.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn open(root: &Path) -> io::Result<Self> {
        let directory = Self { kept: root.join("kept"), staging: root.join("staging") };
        if directory.staging.exists() {
            std::fs::remove_dir_all(&directory.staging)?;
        }
        std::fs::create_dir_all(&directory.kept)?;
        std::fs::create_dir_all(&directory.staging)?;
        File::open(root)?.sync_all()?;
        Ok(directory)
    }

    /// Where files are written before they are kept, on the same file system.
    #[must_use]
    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// Stages bytes that are in memory already: they stay there if they are few.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn stage_bytes(&self, bytes: Vec<u8>) -> io::Result<Staged> {
        if bytes.len() <= INLINE_MAX {
            return Ok(Staged::Inline(bytes.into()));
        }
        let mut file = self.stage()?;
        io::Write::write_all(&mut file, &bytes)?;
        Ok(Staged::File(file.into_temp_path()))
    }

    /// A new file in [`staging`](Self::staging).
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn stage(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(&self.staging)
    }

    /// Where a key's bytes lie. Nothing outside of the directory has a key.
    fn path(&self, key: &str) -> io::Result<PathBuf> {
        let relative = Path::new(key);
        let mut parts = relative.components().peekable();
        if parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_))) {
            Ok(self.kept.join(relative))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{key:?} is not a key")))
        }
    }

    /// Keeps a staged file, durably: its bytes and its name are on disk when this returns.
    fn keep(&self, key: &str, staged: TempPath) -> io::Result<()> {
        let path = self.path(key)?;
        let parent = path.parent().unwrap_or(&self.kept);
        std::fs::create_dir_all(parent)?;
        File::open(&staged)?.sync_all()?;
        staged.persist(&path).map_err(|error| error.error)?;
        for dir in parent.ancestors().take_while(|dir| dir.starts_with(&self.kept)) {
            File::open(dir)?.sync_all()?;
        }
        Ok(())
    }

    fn open_kept(&self, key: &str) -> io::Result<Option<File>> {
        match File::open(self.path(key)?) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The keys that begin with `prefix`, in no order.
    fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let root = if folder.is_empty() { self.kept.clone() } else { self.path(folder)? };
        let mut keys = Vec::new();
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                // Gone, or never there.
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            for entry in entries {
                let path = entry?.path();
                let key = path.strip_prefix(&self.kept).ok().and_then(Path::to_str);
                // What has no key was not kept by us.
                let Some(key) = key else { continue };
                if path.is_dir() {
                    let inside = format!("{key}/");
                    if inside.starts_with(prefix) || prefix.starts_with(&inside) {
                        folders.push(path);
                    }
                } else if key.starts_with(prefix) {
                    keys.push(key.to_owned());
                }
            }
        }
        Ok(keys)
    }

    /// Deletes one file, or all files below a prefix that ends with a slash.
    fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path(key)?;
        let deleted = if key.ends_with('/') { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        match deleted {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// All kept bytes, small and large.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn Store>,
    directory: Arc<Directory>,
}

impl Blobs {
    /// Small ones in `store`, large ones in `directory`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, directory: Arc<Directory>) -> Self {
        Self { store, directory }
    }

    /// Where large ones are written first.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Keeps staged bytes. A large one is durable at once; a small one is returned and must ride in the
    /// commit that makes use of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the file system fails, for example for want of space.
    pub async fn keep(&self, key: String, staged: Staged) -> Result<Option<(String, Bytes)>, StoreError> {
        match staged {
            Staged::Inline(bytes) => Ok(Some((key, bytes))),
            Staged::File(path) => {
                let directory = Arc::clone(&self.directory);
                blocking(move || directory.keep(&key, path)).await?;
                Ok(None)
            }
        }
    }

    /// Opens kept bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where store or file system fail.
    pub async fn open(&self, key: &str) -> Result<Option<Blob>, StoreError> {
        if let Some(bytes) = self.store.blob(key).await? {
            return Ok(Some(Blob::Inline(bytes)));
        }
        let (directory, key) = (Arc::clone(&self.directory), key.to_owned());
        Ok(blocking(move || directory.open_kept(&key)).await?.map(Blob::File))
    }

    /// The keys that begin with `prefix`, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where store or file system fail.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = self.store.blob_keys(prefix).await?;
        let (directory, prefix) = (Arc::clone(&self.directory), prefix.to_owned());
        keys.extend(blocking(move || directory.list(&prefix)).await?);
        keys.sort_unstable();
        // What was replaced by something of another size may lie in both places.
        keys.dedup();
        Ok(keys)
    }

    /// Deletes what is kept under `key`, and if that ends with a slash, everything whose key begins with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where store or file system fail.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete_blobs(key).await?;
        let (directory, key) = (Arc::clone(&self.directory), key.to_owned());
        blocking(move || directory.delete(&key)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(StoreError::unavailable),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}
