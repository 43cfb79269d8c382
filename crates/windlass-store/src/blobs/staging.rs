//! Bytes that have arrived and are not kept yet.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};

/// Bytes up to this many are kept in the store, larger ones as files: 1 MiB.
pub const INLINE_MAX: usize = 1024 * 1024;

/// How many bytes are gathered before a file is written to.
const WRITE: usize = 256 * 1024;

/// Bytes that have arrived and are not kept yet. Dropping them leaves nothing behind.
#[derive(Debug)]
pub enum Staged {
    /// At most [`INLINE_MAX`].
    Inline(Bytes),
    /// More, in a temporary file.
    File(StagedFile),
}

/// A file in a vault's [staging folder](crate::Vault::staging), and what is known of its bytes.
#[derive(Debug)]
pub struct StagedFile {
    /// Where it is, for as long as this lives.
    pub path: TempPath,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// How many they are.
    pub size: u64,
}

/// Bytes that are arriving: in memory while they are few, then in a file, and hashed as they come. Writing may wait for a
/// disk.
pub struct Staging {
    folder: PathBuf,
    /// What is not in the file yet.
    gathered: Vec<u8>,
    file: Option<NamedTempFile>,
    sha256: Sha256,
    size: u64,
}

impl Staging {
    /// No bytes so far; a file, should there be need of one, is made in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), gathered: Vec::new(), file: None, sha256: Sha256::new(), size: 0 }
    }

    /// All that was written.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn finish(mut self) -> io::Result<Staged> {
        if self.file.is_none() {
            return Ok(Staged::Inline(self.gathered.into()));
        }
        let file = self.spill()?;
        let sha256 = self.sha256.finalize().into();
        Ok(Staged::File(StagedFile { path: file.into_temp_path(), sha256, size: self.size }))
    }

    /// Writes what is gathered to the file, and takes that out.
    fn spill(&mut self) -> io::Result<NamedTempFile> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => NamedTempFile::new_in(&self.folder)?,
        };
        file.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(file)
    }
}

impl Write for Staging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
        self.gathered.extend_from_slice(bytes);
        let most = if self.file.is_some() { WRITE } else { INLINE_MAX };
        if self.gathered.len() > most {
            self.file = Some(self.spill()?);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder for staged files that belongs to one life of one process. It goes with its owner; what a killed one left goes
/// when the next is opened beside it.
#[derive(Debug)]
pub struct StagingFolder {
    folder: PathBuf,
    files: PathBuf,
    /// Held for as long as the folder is somebody's.
    _lock: File,
}

impl StagingFolder {
    /// A new one below `root`/staging, on the same file system as what is in `root`. Those whose process is gone are
    /// removed.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn open(root: &Path) -> io::Result<Self> {
        let all = root.join("staging");
        std::fs::create_dir_all(&all)?;
        remove_abandoned(&all)?;
        // Made elsewhere and moved once it is locked, so that nobody takes it for abandoned.
        let made = tempfile::Builder::new().prefix("new-staging-").tempdir_in(root)?;
        std::fs::create_dir(made.path().join("files"))?;
        let lock = File::create(made.path().join("lock"))?;
        lock.try_lock()?;
        let place = all.join(made.path().file_name().unwrap_or_default());
        std::fs::rename(made.path(), &place)?;
        // What was made is there no more under its old name.
        let _ = made.keep();
        Ok(Self { files: place.join("files"), folder: place, _lock: lock })
    }

    /// Where the files are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.files
    }
}

impl Drop for StagingFolder {
    fn drop(&mut self) {
        // What stays is removed by whoever opens the next.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders that no living process has locked.
fn remove_abandoned(all: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(all)? {
        let path = entry?.path();
        let is_held = File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_err());
        if is_held {
            continue;
        }
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            // Another that starts now was quicker.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
