//! Files of this machine in front of the bucket.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sha2::{Digest as _, Sha256};
use tempfile::TempPath;
use windlass_store::{Content, StagingFolder, StoreError};

/// Files that were used of late, one for each content, up to so many bytes.
///
/// A file is used only as it was checked: one that an earlier process left, or that has changed since, is read against its
/// hash first, and goes if it is not what it should be. What was used longest ago goes first; after a start, that is told by
/// when a file was written.
#[derive(Clone)]
pub(crate) struct Cache(Arc<Inner>);

struct Inner {
    files: PathBuf,
    staging: StagingFolder,
    most: u64,
    state: Mutex<State>,
    /// A turn for each content that is being opened.
    turns: Mutex<BTreeMap<Content, Weak<tokio::sync::Mutex<()>>>>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<Content, Known>,
    bytes: u64,
    /// How often anything was used.
    uses: u64,
}

struct Known {
    /// When it was used last, counted in uses.
    used: u64,
    /// As it was when it was checked.
    checked: Option<Look>,
}

/// What changes when somebody writes to a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    inode: u64,
    size: u64,
    written: (i64, i64),
}

impl Look {
    fn at(found: &Metadata) -> Self {
        Self { inode: found.ino(), size: found.len(), written: (found.mtime(), found.mtime_nsec()) }
    }
}

impl Cache {
    /// Opens or makes the cache in `folder`.
    pub(crate) fn open(folder: &Path, most: u64) -> io::Result<Self> {
        let files = folder.join("contents");
        std::fs::create_dir_all(&files)?;
        let mut left = Vec::new();
        for entry in std::fs::read_dir(&files)? {
            let entry = entry?;
            let content = entry.file_name().to_str().and_then(|name| name.parse::<Content>().ok());
            // What is called otherwise is not ours.
            let Some(content) = content else { continue };
            let found = entry.metadata()?;
            left.push(((found.mtime(), found.mtime_nsec()), content));
        }
        left.sort_unstable();
        let mut state = State::default();
        for (_, content) in left {
            state.note(content, None);
        }
        let staging = StagingFolder::open(folder)?;
        let inner = Inner { files, staging, most, state: Mutex::new(state), turns: Mutex::default() };
        inner.make_room()?;
        Ok(Self(Arc::new(inner)))
    }

    pub(crate) fn staging(&self) -> &Path {
        self.0.staging.path()
    }

    /// The file of a content, which `download` brings if it is not there. Of those who want it at the same time one downloads it,
    /// and the others wait.
    pub(crate) async fn file(
        &self,
        content: Content,
        download: impl Future<Output = Result<Option<TempPath>, StoreError>>,
    ) -> Result<Option<File>, StoreError> {
        let turn = self.0.turn(content);
        let _turn = turn.lock().await;
        let cache = self.clone();
        if let Some(file) = blocking(move || cache.0.look_up(content)).await? {
            return Ok(Some(file));
        }
        match download.await? {
            Some(file) => self.take_in(content, file).await.map(Some),
            None => Ok(None),
        }
    }

    /// Makes a file, whose bytes are the content's, one of the cache, and opens it. It may have no place there: then it is
    /// gone when it is closed.
    pub(crate) async fn take_in(&self, content: Content, file: TempPath) -> Result<File, StoreError> {
        let cache = self.clone();
        blocking(move || {
            let path = cache.0.path(content);
            file.persist(&path).map_err(|error| error.error)?;
            let file = File::open(&path)?;
            let look = Look::at(&file.metadata()?);
            cache.0.state().note(content, Some(look));
            cache.0.make_room()?;
            Ok(file)
        })
        .await
    }

    pub(crate) async fn remove(&self, content: Content) -> Result<(), StoreError> {
        let cache = self.clone();
        blocking(move || {
            cache.0.state().forget(content);
            gone(std::fs::remove_file(cache.0.path(content)))
        })
        .await
    }
}

impl Inner {
    fn path(&self, content: Content) -> PathBuf {
        self.files.join(content.to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves whole entries behind; at worst the sum is wrong.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, content: Content) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&content).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(content, Arc::downgrade(&turn));
        turn
    }

    /// The file, if it is there and what it should be.
    fn look_up(&self, content: Content) -> io::Result<Option<File>> {
        let file = match File::open(self.path(content)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.state().forget(content);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let look = Look::at(&file.metadata()?);
        let checked = self.state().known.get(&content).and_then(|known| known.checked);
        if checked == Some(look) || is_sound(&file, content)? {
            self.state().note(content, Some(look));
            return Ok(Some(file));
        }
        tracing::warn!("the cached file of {content} is damaged and fetched again");
        self.state().forget(content);
        gone(std::fs::remove_file(self.path(content)))?;
        Ok(None)
    }

    /// Removes what was used longest ago until the rest fits.
    fn make_room(&self) -> io::Result<()> {
        loop {
            let content = {
                let mut state = self.state();
                if state.bytes <= self.most {
                    return Ok(());
                }
                let oldest = state.known.iter().min_by_key(|(_, known)| known.used).map(|(content, _)| *content);
                let Some(oldest) = oldest else { return Ok(()) };
                state.forget(oldest);
                oldest
            };
            gone(std::fs::remove_file(self.path(content)))?;
        }
    }
}

impl State {
    /// Notes that a file is there and used now.
    fn note(&mut self, content: Content, checked: Option<Look>) {
        self.uses += 1;
        if self.known.insert(content, Known { used: self.uses, checked }).is_none() {
            self.bytes += content.size;
        }
    }

    fn forget(&mut self, content: Content) {
        if self.known.remove(&content).is_some() {
            self.bytes -= content.size;
        }
    }
}

/// Whether a file's bytes are those of a content.
fn is_sound(file: &File, content: Content) -> io::Result<bool> {
    if file.metadata()?.len() != content.size {
        return Ok(false);
    }
    // The two handles share a place, and whoever gets the file reads it from its start.
    let mut file = file.try_clone()?;
    let (mut sha256, mut buffer) = (Sha256::new(), vec![0; 256 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => sha256.update(&buffer[..read]),
        }
    }
    file.rewind()?;
    Ok(sha256.finalize()[..] == content.sha256)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(StoreError::unavailable),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}
