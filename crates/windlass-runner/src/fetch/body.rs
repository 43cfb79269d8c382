//! Where a body's bytes go: memory while they are few, a temporary file from then on.

use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

/// A fetched body.
#[derive(Debug)]
pub enum Body {
    /// A small one, in memory.
    Inline(Bytes),
    /// A large one, in a file that is removed when this is dropped. It is written but not synced, and its position is at
    /// the end.
    File(NamedTempFile),
}

/// How much is gathered before the disk is asked to write.
const WRITE_SIZE: usize = 256 * 1024;

pub(super) struct Receiver<'a> {
    into: &'a Path,
    inline_up_to: usize,
    length: u64,
    sha256: Sha256,
    store: Store,
}

enum Store {
    Memory(BytesMut),
    File(Growing),
}

/// A temporary file that is being written.
struct Growing {
    file: BufWriter<File>,
    path: TempPath,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(into: &'a Path, inline_up_to: usize) -> Self {
        Self { into, inline_up_to, length: 0, sha256: Sha256::new(), store: Store::Memory(BytesMut::new()) }
    }

    /// How many bytes are there.
    pub(super) const fn len(&self) -> u64 {
        self.length
    }

    /// Forgets them.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.into, self.inline_up_to);
    }

    pub(super) async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.length += chunk.len() as u64;
        self.sha256.update(chunk);
        match &mut self.store {
            Store::Memory(held) if chunk.len() <= self.inline_up_to.saturating_sub(held.len()) => {
                held.extend_from_slice(chunk);
                Ok(())
            }
            Store::Memory(held) => {
                let mut growing = Growing::create(self.into)?;
                growing.file.write_all(held).await?;
                growing.file.write_all(chunk).await?;
                self.store = Store::File(growing);
                Ok(())
            }
            Store::File(growing) => growing.file.write_all(chunk).await,
        }
    }

    /// The body, and the SHA-256 of its bytes.
    pub(super) async fn finish(self) -> io::Result<(Body, [u8; 32])> {
        let body = match self.store {
            Store::Memory(held) => Body::Inline(held.freeze()),
            Store::File(growing) => Body::File(growing.finish().await?),
        };
        Ok((body, self.sha256.finalize().into()))
    }
}

impl Growing {
    // Created on this thread, not on one for blocking work: a fetch that is stopped in between would otherwise be over
    // before its file is gone.
    fn create(into: &Path) -> io::Result<Self> {
        let (file, path) = tempfile::Builder::new().prefix("fetch-").tempfile_in(into)?.into_parts();
        Ok(Self { file: BufWriter::with_capacity(WRITE_SIZE, File::from_std(file)), path })
    }

    async fn finish(self) -> io::Result<NamedTempFile> {
        let Self { mut file, path } = self;
        file.flush().await?;
        let file = file.into_inner().into_std().await;
        Ok(NamedTempFile::from_parts(file, path))
    }
}
