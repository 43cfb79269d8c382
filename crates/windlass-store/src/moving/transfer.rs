//! From a store into a file, and from a file into a store.

use std::io::{self, BufRead, Read as _, Write};
use std::sync::Arc;

use sha2::Digest as _;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::sync::mpsc;

use super::file::{self, End, FORMAT, Hashing, Header, Written};
use super::read::{Item, Reader};
use super::rows::{WAITING, broken_off};
use super::{Check, Loading, Movable, Row, Sum};
use crate::blobs::keys;
use crate::{Content, StoreError, Vault};

/// What becomes of a large artifact that should be there and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing is moved.
    Refused,
    /// What there is is moved all the same.
    Allowed,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The rows.
    pub rows: Sum,
    /// How many large artifacts the file holds.
    pub artifacts: u64,
    /// The names of kept bytes that point to a large artifact that is not there, as far as anyone wants to read them.
    pub missing: Vec<String>,
    /// How many there are of those.
    pub missing_count: u64,
}

/// How many names of missing artifacts are remembered.
const NAMED: usize = 10;

/// A store does not go into a file.
#[derive(Debug, Error)]
pub enum ExportError {
    /// Those of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(#[from] io::Error),
    /// A large artifact is not there.
    #[error("the artifact of {key} is not in the vault; `windlass doctor` tells what is missing")]
    Missing {
        /// The name under which it is kept.
        key: String,
    },
    /// A large artifact is not what it was.
    #[error("the large artifact {name} is damaged in the vault")]
    Artifact {
        /// The content's name.
        name: String,
    },
}

/// A file does not go into a store.
#[derive(Debug, Error)]
pub enum ImportError {
    /// It is something else.
    #[error("it is no export of windlass")]
    NoExport,
    /// It is of a later version.
    #[error("it is in format {format}, and this version of windlass reads format {reads}; use a newer one")]
    Format {
        /// What it says.
        format: u64,
        /// What is read.
        reads: u32,
    },
    /// Its end is missing.
    #[error("it is cut off: it ends after {bytes} bytes, without the line that says that it is whole")]
    Cut {
        /// How many there are.
        bytes: u64,
    },
    /// It is damaged, and it shows.
    #[error("line {line}: {reason}")]
    Line {
        /// Which line, from 1; bytes of an artifact count as one.
        line: u64,
        /// In which way.
        reason: String,
    },
    /// It is damaged somewhere.
    #[error("it is damaged or was changed: its checksum is not the one that its last line says")]
    Checksum,
    /// The store has been used.
    #[error(
        "the store is not empty: something is there already, or a server has been started on it; import into a new one"
    )]
    NotEmpty,
    /// What the store shows is not what it was given.
    #[error("the store gives back something else than it was given, and keeps nothing of it: {reason}")]
    ReadBack {
        /// In which way.
        reason: String,
    },
    /// A large artifact is in neither file nor vault.
    #[error(
        "the artifact of {key} is neither in the file nor in the vault; name the vault that has it, or export it, too"
    )]
    Missing {
        /// The name under which it is kept.
        key: String,
    },
    /// Those of the store.
    #[error(transparent)]
    Store(StoreError),
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists => Self::NotEmpty,
            other @ (StoreError::Conflict | StoreError::Unavailable { .. } | StoreError::Damaged { .. }) => {
                Self::Store(other)
            }
        }
    }
}

/// Writes all that a store holds, and the large artifacts in `vault` where one is given.
///
/// It holds a few rows in memory at a time, however many there are. Writing and reading files, it makes its thread wait.
///
/// # Errors
///
/// [`ExportError`]; what was written until then is no export.
pub async fn export(
    store: Arc<dyn Movable>,
    vault: Option<&dyn Vault>,
    missing: Missing,
    to: &mut (dyn Write + Send),
) -> Result<Moved, ExportError> {
    let mut out = Hashing::new(to);
    let mut line = Vec::new();
    file::write_line(&mut line, &Written::WindlassExport(Header { format: FORMAT, artifacts: vault.is_some() }));
    out.write_all(&line)?;
    let (sender, mut rows) = mpsc::channel(WAITING);
    let dump = tokio::spawn(async move { store.dump(sender).await });
    let mut check = Check::default();
    let mut artifacts = Artifacts::new(missing);
    while let Some(row) = rows.recv().await {
        out.write_all(check.take(&row)?)?;
        if let (Some(vault), Row::Blob(key, bytes)) = (vault, &row) {
            if let Some(name) = artifacts.missing(vault, key, bytes).await? {
                return Err(ExportError::Missing { key: name });
            }
            if let Some(content) = artifacts.used(key) {
                artifacts.write(vault, content, &mut out).await?;
            }
        }
    }
    dump.await.map_err(StoreError::unavailable)??;
    let rows = check.end()?;
    let Artifacts { count, names, missing_count, .. } = artifacts;
    line.clear();
    let end = End { rows: rows.clone(), artifacts: count, sha256: hex::encode(out.sha256.finalize_reset()) };
    file::write_line(&mut line, &Written::End(&end));
    out.write_all(&line)?;
    out.flush()?;
    Ok(Moved { rows, artifacts: count, missing: names, missing_count })
}

/// Reads all that a store is to hold into an empty one, and large artifacts into `vault`. The store keeps it once all of it
/// was read back and is what the file says; else it stays empty. Large artifacts that came until then stay in the vault,
/// are found there by the next attempt, and are collected as garbage where there is none.
///
/// It holds a few rows in memory at a time, however many there are. Writing and reading files, it makes its thread wait.
///
/// # Errors
///
/// [`ImportError`].
pub async fn import(
    store: Arc<dyn Movable>,
    vault: &dyn Vault,
    missing: Missing,
    from: &mut (dyn BufRead + Send),
) -> Result<Moved, ImportError> {
    let (mut reader, _) = Reader::begin(from)?;
    let mut artifacts = Artifacts::new(missing);
    let (loading, rows, back, verdict) = Loading::begin();
    let load = tokio::spawn(async move { store.load(loading).await });
    let done = async {
        let sum = give(&mut reader, vault, &mut artifacts, rows).await?;
        compare(back, vault, &mut artifacts, &sum).await?;
        // If the store has gone, it says so.
        let _ = verdict.send(());
        Ok(sum)
    };
    let done: Result<Sum, ImportError> = done.await;
    // The other ends are gone now, so it ends.
    let loaded = load.await.map_err(StoreError::unavailable)?;
    let sum = match (done, loaded) {
        (Ok(sum), Ok(())) => sum,
        // Where the store has given up, it knows why.
        (Ok(_) | Err(ImportError::Store(_)), Err(error)) => return Err(error.into()),
        (Err(error), _) => return Err(error),
    };
    let Artifacts { count, names, missing_count, .. } = artifacts;
    Ok(Moved { rows: sum, artifacts: count, missing: names, missing_count })
}

/// Gives a store what a file holds, and the last of it only when all of the file was found whole.
async fn give(
    reader: &mut Reader<'_>,
    vault: &dyn Vault,
    artifacts: &mut Artifacts,
    rows: mpsc::Sender<Row>,
) -> Result<Sum, ImportError> {
    let mut check = Check::default();
    let mut last = None;
    loop {
        match reader.next()? {
            Item::Row(row) => {
                check.take(&row).map_err(|error| reader.damaged(error))?;
                if matches!(*row, Row::Last(_)) {
                    last = Some(row);
                } else {
                    rows.send(*row).await.map_err(|_| broken_off())?;
                }
            }
            Item::Content(content) => artifacts.read(vault, content, reader).await?,
            Item::End(end) => {
                let sum = check.end().map_err(|error| reader.damaged(error))?;
                if (Sum { sha256: [0; 32], ..sum.clone() }, artifacts.count) != (end.rows, end.artifacts) {
                    return Err(reader.damaged("it says that there is more or less than there is"));
                }
                if let Some(last) = last {
                    rows.send(*last).await.map_err(|_| broken_off())?;
                }
                return Ok(sum);
            }
        }
    }
}

/// Compares what the store has now with what it was given.
async fn compare(
    mut back: mpsc::Receiver<Row>,
    vault: &dyn Vault,
    artifacts: &mut Artifacts,
    given: &Sum,
) -> Result<(), ImportError> {
    let mut check = Check::default();
    while let Some(row) = back.recv().await {
        check.take(&row).map_err(|error| ImportError::ReadBack { reason: error.to_string() })?;
        if let Row::Blob(key, bytes) = &row
            && let Some(key) = artifacts.missing(vault, key, bytes).await?
        {
            return Err(ImportError::Missing { key });
        }
    }
    // It has given up before the end.
    let has = check.end().map_err(|_| broken_off())?;
    if has == *given {
        return Ok(());
    }
    Err(ImportError::ReadBack { reason: format!("it has {has}, and was given {given}") })
}

/// The large artifacts that move along.
struct Artifacts {
    policy: Missing,
    /// The content whose uses are passing.
    last: Option<Content>,
    count: u64,
    names: Vec<String>,
    missing_count: u64,
}

impl Artifacts {
    const fn new(policy: Missing) -> Self {
        Self { policy, last: None, count: 0, names: Vec::new(), missing_count: 0 }
    }

    /// The name of what is kept under a stored key, where that points to a large artifact that is not in the vault and must
    /// be.
    async fn missing(&mut self, vault: &dyn Vault, key: &str, bytes: &[u8]) -> Result<Option<String>, StoreError> {
        let name = keys::name(key);
        if name == key {
            return Ok(None);
        }
        let content = str::from_utf8(bytes).ok().and_then(|content| content.parse().ok());
        let is_there = match content {
            Some(content) => vault.has(content).await?,
            None => false,
        };
        if is_there {
            return Ok(None);
        }
        if self.policy == Missing::Refused {
            return Ok(Some(name.to_owned()));
        }
        self.missing_count += 1;
        if self.names.len() < NAMED {
            self.names.push(name.to_owned());
        }
        Ok(None)
    }

    /// The content whose use a stored key is, at the first of its uses, which stand together.
    fn used(&mut self, key: &str) -> Option<Content> {
        let content = keys::content_of_use(key).filter(|content| self.last != Some(*content))?;
        self.last = Some(content);
        Some(content)
    }

    /// Writes a content into a file. One that is not there any more is nobody's, or was told of before.
    async fn write(
        &mut self,
        vault: &dyn Vault,
        content: Content,
        out: &mut Hashing<&mut (dyn Write + Send)>,
    ) -> Result<(), ExportError> {
        let Some(file) = vault.open(content).await? else { return Ok(()) };
        let name = content.to_string();
        let mut line = Vec::new();
        file::write_line(&mut line, &Written::Content { name: &name, bytes: content.size });
        out.write_all(&line)?;
        let mut hashing = Hashing::new(&mut *out);
        let copied = io::copy(&mut file.take(content.size), &mut hashing)?;
        if copied != content.size || hashing.sha256.finalize()[..] != content.sha256 {
            return Err(ExportError::Artifact { name });
        }
        out.write_all(b"\n")?;
        self.count += 1;
        Ok(())
    }

    /// Puts a content into the vault that a file holds, unless it is there.
    async fn read(&mut self, vault: &dyn Vault, content: Content, reader: &mut Reader<'_>) -> Result<(), ImportError> {
        let mut staged = Hashing::new(NamedTempFile::new_in(vault.staging())?);
        reader.bytes(content.size, u64::MAX, &mut staged)?;
        if staged.sha256.finalize()[..] != content.sha256 {
            return Err(reader.damaged(format!("the large artifact {content} is not what its name says")));
        }
        if !vault.has(content).await? {
            vault.put(content, staged.to.into_temp_path()).await?;
        }
        self.count += 1;
        Ok(())
    }
}
