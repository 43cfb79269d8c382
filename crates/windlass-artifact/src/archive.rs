//! Reading an artifact where it lies.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};
use std::ops::Range;
use std::sync::Arc;

use flate2::bufread::DeflateDecoder;
use thiserror::Error;

use crate::index::{Index, Member, Method};
use crate::source::{Raw, ReadAt, at_most};

/// A stored artifact and its index. A clone is two counters; the readers own what they read, so they can go to another
/// thread and outlive the archive they came from.
#[derive(Clone)]
pub struct Archive {
    source: Arc<dyn ReadAt>,
    index: Arc<Index>,
}

impl Archive {
    /// Puts an artifact and its index together. Reads nothing.
    ///
    /// # Errors
    ///
    /// When the index was made of an archive of another size.
    pub fn open(source: Arc<dyn ReadAt>, index: Arc<Index>) -> Result<Self, OpenError> {
        let (indexed, found) = (index.archive_size(), source.size());
        if indexed != found {
            return Err(OpenError::Size { indexed, found });
        }
        Ok(Self { source, index })
    }

    /// What is in it.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The member at a path.
    #[must_use]
    pub fn member(&self, path: &str) -> Option<&Member> {
        self.index.get(path)
    }

    /// The unpacked bytes of a member. Size and CRC-32 are checked once more: instead of the last bytes, or of the end, the
    /// reader yields an error of kind [`InvalidData`](io::ErrorKind::InvalidData) when they do not hold.
    #[must_use]
    pub fn plain(&self, member: &Member) -> Plain {
        let raw = self.raw(member);
        let unpacked = match member.method {
            Method::Stored => Unpacked::Stored(raw),
            Method::Deflated => {
                let capacity = at_most(BUFFER, member.compressed_size);
                Unpacked::Deflated(DeflateDecoder::new(BufReader::with_capacity(capacity, raw)))
            }
        };
        Plain { unpacked, declared: member.size, seen: 0, crc32: member.crc32, hasher: crc32fast::Hasher::new() }
    }

    /// A run of the unpacked bytes of a member, for a request with a `Range`. What lies past the end is left out. A stored
    /// member is read from the start of the run, unchecked; of a deflated one all that comes before is inflated too, and now.
    ///
    /// # Errors
    ///
    /// When the part before the run cannot be read.
    pub fn plain_range(&self, member: &Member, range: Range<u64>) -> io::Result<Box<dyn Read + Send>> {
        let end = range.end.min(member.size);
        let start = range.start.min(end);
        match member.method {
            Method::Stored => Ok(Box::new(Raw::new(self.source.clone(), member.offset + start, end - start))),
            Method::Deflated => {
                let mut plain = self.plain(member);
                io::copy(&mut plain.by_ref().take(start), &mut io::sink())?;
                Ok(Box::new(plain.take(end - start)))
            }
        }
    }

    /// The bytes of a member as they lie in the archive.
    #[must_use]
    pub fn raw(&self, member: &Member) -> Raw {
        Raw::new(self.source.clone(), member.offset, member.compressed_size)
    }

    /// A deflated member as a gzip file, without compressing anything: the bytes as they lie in a frame around them.
    /// [`Member::gzip_size`] says how many there will be. Nothing for a stored member.
    #[must_use]
    pub fn gzip(&self, member: &Member) -> Option<Gzip> {
        match member.method {
            Method::Stored => None,
            Method::Deflated => Some(Gzip {
                header: Cursor::new(GZIP_HEADER),
                body: self.raw(member),
                trailer: Cursor::new(gzip_trailer(member)),
            }),
        }
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Why an artifact and an index do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The index was made of another archive.
    #[error("the archive has {found} bytes, and its index was made of one of {indexed}")]
    Size {
        /// The size of the archive that was indexed, in bytes.
        indexed: u64,
        /// The size of the archive that was found, in bytes.
        found: u64,
    },
}

/// The unpacked bytes of a member.
pub struct Plain {
    unpacked: Unpacked,
    declared: u64,
    seen: u64,
    crc32: u32,
    hasher: crc32fast::Hasher,
}

enum Unpacked {
    Stored(Raw),
    Deflated(DeflateDecoder<BufReader<Raw>>),
}

impl Read for Plain {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = match &mut self.unpacked {
            Unpacked::Stored(raw) => raw.read(buf)?,
            Unpacked::Deflated(decoder) => decoder.read(buf)?,
        };
        self.seen += n as u64;
        self.hasher.update(&buf[..n]);
        // A reader that counts stops at the last byte and never asks for the end, so the check comes with that byte.
        let complete = n == 0 || self.seen >= self.declared;
        if complete && (self.seen != self.declared || self.hasher.clone().finalize() != self.crc32) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the content is not what was verified"));
        }
        Ok(n)
    }
}

/// A deflated member in a gzip frame.
pub struct Gzip {
    header: Cursor<[u8; 10]>,
    body: Raw,
    trailer: Cursor<[u8; 8]>,
}

impl Read for Gzip {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut n = self.header.read(buf)?;
        n += self.body.read(&mut buf[n..])?;
        if self.body.left() == 0 {
            n += self.trailer.read(&mut buf[n..])?;
        }
        Ok(n)
    }
}

/// Deflate, no name, no time, no hint about the level, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

fn gzip_trailer(member: &Member) -> [u8; 8] {
    let [a, b, c, d] = member.crc32.to_le_bytes();
    // The format wants the size modulo 2^32, so the low four bytes.
    let [e, f, g, h, ..] = member.size.to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// How many compressed bytes are read at once.
const BUFFER: usize = 64 * 1024;
