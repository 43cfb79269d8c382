//! The artifacts that were served of late, kept open.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::OnceCell;
use windlass::Artifact;
use windlass_artifact::{Archive, FileAt, Index, IndexError, OpenError, ReadAt};
use windlass_store::{Blob, Blobs, BranchUid, StoreError, keys};

use crate::bodies::Bodies;

/// An artifact, open to be read. A clone is a few counters.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) archive: Archive,
    /// The key of the zip, for the log.
    pub(crate) key: Arc<str>,
    /// Whether reading it waits for no disk.
    pub(crate) in_memory: bool,
    /// Which of all artifacts it is.
    pub(crate) artifact: Key,
    /// What was sent of it and of others.
    pub(crate) bodies: Arc<Bodies>,
}

/// Opens artifacts and keeps those that were used last. What is kept under a key never changes, so nothing here grows old.
pub(crate) struct Archives {
    blobs: Blobs,
    /// The one that was used last is the last.
    open: Mutex<Vec<(Key, Place)>>,
    bodies: Arc<Bodies>,
}

/// An artifact among those of all branches.
pub(crate) type Key = (BranchUid, Artifact);

type Place = Arc<OnceCell<Opened>>;

impl Archives {
    pub(crate) fn new(blobs: Blobs) -> Self {
        Self { blobs, open: Mutex::new(Vec::with_capacity(CAPACITY)), bodies: Arc::new(Bodies::new()) }
    }

    /// The artifact, open. Of requests that come first at the same time, one opens it and the others wait.
    pub(crate) async fn open(&self, branch: BranchUid, artifact: Artifact) -> Result<Opened, ArchiveError> {
        let place = self.place((branch, artifact));
        place.get_or_try_init(|| self.load(branch, artifact)).await.cloned()
    }

    /// The artifact's place, which becomes the last. It is empty until somebody has opened it.
    fn place(&self, key: Key) -> Place {
        let mut open = self.lock();
        if let Some(position) = open.iter().rposition(|(known, _)| *known == key) {
            // Most often it is the last already.
            open[position..].rotate_left(1);
        } else {
            if open.len() >= CAPACITY {
                open.remove(0);
            }
            open.push((key, Place::default()));
        }
        open.last().map_or_else(Place::default, |(_, place)| Arc::clone(place))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Key, Place)>> {
        // A panic under the lock leaves whole entries behind.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(&self, branch: BranchUid, artifact: Artifact) -> Result<Opened, ArchiveError> {
        let (zip_key, index_key) = (keys::zip(branch, artifact), keys::index(branch, artifact));
        let zip = self.fetch(&zip_key).await?;
        let index = self.fetch(&index_key).await?;
        let decoded = tokio::task::spawn_blocking(move || decode(index)).await;
        let index = decoded.unwrap_or_else(|panic| Err(io::Error::other(panic).into()));
        let index = index.map_err(|reason| ArchiveError { key: index_key, reason })?;
        match assemble(zip, index) {
            Ok((archive, in_memory)) => {
                let bodies = Arc::clone(&self.bodies);
                Ok(Opened { archive, in_memory, key: zip_key.into(), artifact: (branch, artifact), bodies })
            }
            Err(reason) => Err(ArchiveError { key: zip_key, reason }),
        }
    }

    async fn fetch(&self, key: &str) -> Result<Blob, ArchiveError> {
        let found = match self.blobs.open(key).await {
            Ok(Some(blob)) => return Ok(blob),
            Ok(None) => Reason::Missing,
            Err(error) => Reason::Store(error),
        };
        Err(ArchiveError { key: key.to_owned(), reason: found })
    }
}

/// A live artifact cannot be opened.
#[derive(Debug)]
pub(crate) struct ArchiveError {
    /// The key under which something is wrong.
    pub(crate) key: String,
    /// What is wrong.
    pub(crate) reason: Reason,
}

/// What is wrong with an artifact.
#[derive(Debug, Error)]
pub(crate) enum Reason {
    #[error("nothing is kept under the key")]
    Missing,
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Archive(#[from] OpenError),
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
}

impl Reason {
    /// What the store said, where it is at fault.
    pub(crate) fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Missing | Self::Index(_) | Self::Archive(_) | Self::Read(_) => None,
        }
    }
}

fn decode(index: Blob) -> Result<Index, Reason> {
    let bytes = match index {
        Blob::Inline(bytes) => bytes,
        Blob::File(file) => read_all(file)?,
    };
    Ok(Index::decode(&bytes)?)
}

fn read_all(mut file: File) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

fn assemble(zip: Blob, index: Index) -> Result<(Archive, bool), Reason> {
    let (source, in_memory): (Arc<dyn ReadAt>, _) = match zip {
        Blob::Inline(bytes) => (Arc::new(bytes), true),
        Blob::File(file) => (Arc::new(FileAt::new(file)?), false),
    };
    Ok((Archive::open(source, Arc::new(index))?, in_memory))
}

/// How many artifacts are kept open. Each is a file or at most 1 MiB in memory, and its index.
const CAPACITY: usize = 64;
