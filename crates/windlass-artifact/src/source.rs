//! Where an artifact's bytes lie: anything of a known size that can be read at an offset.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;

/// The bytes of a stored artifact, readable at any offset by any number of readers at once.
///
/// The size is that of the whole artifact and never changes: what is stored is immutable.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Reads some bytes at `offset` into `buf` and says how many. Zero means that `offset` is at or past the end, or
    /// that `buf` is empty.
    ///
    /// # Errors
    ///
    /// Whatever the storage beneath answers.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

/// An artifact in a file, read by position: readers share the file without sharing a cursor.
#[derive(Debug)]
pub struct FileAt {
    file: File,
    size: u64,
}

impl FileAt {
    /// Wraps an open file. Its size is taken now, once.
    ///
    /// # Errors
    ///
    /// When the file's metadata cannot be read.
    pub fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for FileAt {
    fn size(&self) -> u64 {
        self.size
    }

    #[cfg(unix)]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buf, offset)
    }
}

/// A run of an artifact's bytes, read from its start to its end. Every read is one positioned read as long as the
/// caller's buffer; 64 KiB is a good length.
pub struct Raw {
    source: Arc<dyn ReadAt>,
    position: u64,
    left: u64,
}

impl Raw {
    pub(crate) fn new(source: Arc<dyn ReadAt>, start: u64, length: u64) -> Self {
        Self { source, position: start, left: length }
    }

    /// How many bytes are still to come.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl Read for Raw {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = at_most(buf.len(), self.left);
        if want == 0 {
            return Ok(0);
        }
        let n = self.source.read_at(&mut buf[..want], self.position)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// The smaller of a buffer's length and a count of bytes.
pub(crate) fn at_most(length: usize, count: u64) -> usize {
    usize::try_from(count).map_or(length, |count| count.min(length))
}
