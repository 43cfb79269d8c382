//! A directory for large artifacts.
//!
//! Every file is synced, and so is every folder that names it, before it counts as put in. That is why this is not
//! `object_store`'s local file system, which renames files that a power cut may still empty.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempPath;

use crate::blobs::{StagingFolder, blocking};
use crate::{Content, StoreError, Vault};

/// A vault in a directory: `contents/` with a folder for each first byte of a hash, and `staging/` beside it.
#[derive(Clone, Debug)]
pub struct Directory {
    contents: PathBuf,
    staging: Arc<StagingFolder>,
}

impl Directory {
    /// Opens or makes it, and removes what killed processes have staged and never put in.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn open(root: &Path) -> io::Result<Self> {
        let contents = root.join("contents");
        std::fs::create_dir_all(&contents)?;
        let staging = StagingFolder::open(root)?.into();
        File::open(root)?.sync_all()?;
        Ok(Self { contents, staging })
    }

    fn shard(&self, first: u8) -> PathBuf {
        self.contents.join(format!("{first:02x}"))
    }

    fn path(&self, content: Content) -> PathBuf {
        self.shard(content.sha256[0]).join(content.to_string())
    }

    /// Its bytes and its name are on disk when this returns.
    fn put_in(&self, content: Content, file: TempPath) -> io::Result<()> {
        let shard = self.shard(content.sha256[0]);
        std::fs::create_dir_all(&shard)?;
        File::open(&file)?.sync_all()?;
        file.persist_noclobber(self.path(content)).map_err(|error| error.error)?;
        File::open(&shard)?.sync_all()?;
        File::open(&self.contents)?.sync_all()
    }

    /// The contents of a shard after `after`, in order. What is called otherwise was not put in by us.
    fn shard_after(&self, first: u8, after: Option<Content>) -> io::Result<Vec<Content>> {
        let Some(entries) = there(std::fs::read_dir(self.shard(first)))? else { return Ok(Vec::new()) };
        let mut contents = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let content = name.to_str().and_then(|name| name.parse().ok());
            contents.extend(content.filter(|content: &Content| after.is_none_or(|after| *content > after)));
        }
        contents.sort_unstable();
        Ok(contents)
    }

    fn page(&self, after: Option<Content>, limit: usize) -> io::Result<Vec<Content>> {
        let mut page = Vec::new();
        for first in after.map_or(0, |after| after.sha256[0])..=u8::MAX {
            page.extend(self.shard_after(first, after)?);
            if page.len() >= limit {
                break;
            }
        }
        page.truncate(limit);
        Ok(page)
    }
}

#[async_trait]
impl Vault for Directory {
    fn staging(&self) -> &Path {
        self.staging.path()
    }

    async fn put(&self, content: Content, file: TempPath) -> Result<(), StoreError> {
        let directory = self.clone();
        blocking(move || directory.put_in(content, file)).await
    }

    async fn has(&self, content: Content) -> Result<bool, StoreError> {
        let path = self.path(content);
        blocking(move || Ok(there(std::fs::metadata(path))?.is_some_and(|found| found.len() == content.size))).await
    }

    async fn open(&self, content: Content) -> Result<Option<File>, StoreError> {
        let path = self.path(content);
        blocking(move || there(File::open(path))).await
    }

    async fn delete(&self, content: Content) -> Result<(), StoreError> {
        let path = self.path(content);
        blocking(move || there(std::fs::remove_file(path)).map(drop)).await
    }

    async fn list(&self, after: Option<Content>, limit: usize) -> Result<Vec<Content>, StoreError> {
        let directory = self.clone();
        blocking(move || directory.page(after, limit)).await
    }
}

/// What was found, or `None` where nothing is there.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
