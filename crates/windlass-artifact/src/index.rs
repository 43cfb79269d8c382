//! The index of an artifact: what is in it and where it lies.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a member's bytes lie in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// As they are.
    Stored,
    /// As a raw deflate stream.
    Deflated,
}

/// One file of an artifact. Folders have no members of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The path: UTF-8, relative, separated by single slashes, without `.` and `..`.
    pub path: Box<str>,
    /// Where the compressed bytes begin, in bytes from the start of the archive.
    pub offset: u64,
    /// How many bytes lie there.
    pub compressed_size: u64,
    /// How many bytes they are when unpacked.
    pub size: u64,
    /// How they lie there.
    pub method: Method,
    /// The CRC-32 of the unpacked bytes.
    pub crc32: u32,
    /// The first 16 bytes of the SHA-256 of the unpacked bytes: equal content has an equal digest.
    pub digest: [u8; 16],
}

impl Member {
    /// How many bytes [`Archive::gzip`](crate::Archive::gzip) will yield. Nothing for a stored member.
    #[must_use]
    pub fn gzip_size(&self) -> Option<u64> {
        match self.method {
            Method::Stored => None,
            Method::Deflated => Some(self.compressed_size + GZIP_FRAME),
        }
    }
}

/// What is in a verified artifact, by path.
///
/// Only [`verify`](crate::verify) makes one, so whoever holds an index knows that the archive it was made of is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    archive_size: u64,
    total_size: u64,
    members: Vec<Member>,
}

impl Index {
    /// Takes members whose paths all differ.
    pub(crate) fn new(archive_size: u64, mut members: Vec<Member>) -> Self {
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        members.shrink_to_fit();
        Self { archive_size, total_size: total_size(&members), members }
    }

    /// The member at a path. Takes time in the logarithm of the number of members.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Member> {
        let position = self.members.binary_search_by(|member| (*member.path).cmp(path)).ok()?;
        self.members.get(position)
    }

    /// All members, sorted by the bytes of their paths.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none, which no verified archive has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The unpacked size of all members together, in bytes.
    #[must_use]
    pub fn total_size(&self) -> u64 {
        self.total_size
    }

    /// The size of the archive itself, in bytes.
    #[must_use]
    pub fn archive_size(&self) -> u64 {
        self.archive_size
    }

    /// The folder that should have been zipped from within: the archive has no `index.html` of its own, everything in it
    /// lies under this one folder, and the folder has one. What macOS adds (`__MACOSX/` and `.DS_Store`) does not count.
    #[must_use]
    pub fn single_top_folder(&self) -> Option<&str> {
        let mut paths = self.members.iter().map(|member| &*member.path).filter(|path| !is_clutter(path));
        let (folder, _) = paths.next()?.split_once('/')?;
        let inside = |path: &str| path.split_once('/').is_some_and(|(top, _)| top == folder);
        (paths.all(inside) && self.get(&format!("{folder}/{INDEX_DOCUMENT}")).is_some()).then_some(folder)
    }

    /// The index as bytes to store: a version, the content, a CRC-32 over both.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = postcard::to_extend(&(self.archive_size, &self.members), vec![VERSION])
            .expect("a vector takes every byte, and every sequence here knows its length");
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes were written by a version that this one does not know, or are damaged. Any bytes may be given:
    /// none cause a panic, or more memory than a small multiple of their own length.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let &version = bytes.first().ok_or(IndexError::Damaged)?;
        if version != VERSION {
            return Err(IndexError::Version { found: version });
        }
        let (checked, crc32) = bytes.split_last_chunk().ok_or(IndexError::Damaged)?;
        if crc32fast::hash(checked) != u32::from_le_bytes(*crc32) {
            return Err(IndexError::Damaged);
        }
        let content = checked.get(1..).ok_or(IndexError::Damaged)?;
        let ((archive_size, members), rest) =
            postcard::take_from_bytes::<(u64, Vec<Member>)>(content).map_err(|_| IndexError::Damaged)?;
        if !rest.is_empty() || !is_sound(archive_size, &members) {
            return Err(IndexError::Damaged);
        }
        Ok(Self { archive_size, total_size: total_size(&members), members })
    }
}

/// Why stored bytes are not an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IndexError {
    /// They were written by another version of this library.
    #[error("the index has format {found}, and only {VERSION} is known")]
    Version {
        /// The format they claim to have.
        found: u8,
    },
    /// They are not what was written.
    #[error("the index is damaged")]
    Damaged,
}

/// The first byte of a stored index. Whoever changes what follows it takes the next number.
const VERSION: u8 = 1;

/// What a gzip member adds to a raw deflate stream: a header of ten bytes, the CRC-32 and the size.
pub(crate) const GZIP_FRAME: u64 = 18;

const INDEX_DOCUMENT: &str = "index.html";

fn is_clutter(path: &str) -> bool {
    path.starts_with("__MACOSX/") || path.rsplit('/').next() == Some(".DS_Store")
}

fn total_size(members: &[Member]) -> u64 {
    members.iter().fold(0, |total, member| total.saturating_add(member.size))
}

fn is_sound(archive_size: u64, members: &[Member]) -> bool {
    let fits =
        |member: &Member| member.offset.checked_add(member.compressed_size).is_some_and(|end| end <= archive_size);
    members.is_sorted_by(|a, b| a.path < b.path) && members.iter().all(fits)
}
