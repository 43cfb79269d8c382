//! The port behind which large artifacts lie.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::str::FromStr;

use async_trait::async_trait;
use tempfile::TempPath;
use thiserror::Error;

use crate::StoreError;

/// Bytes that a vault keeps, by a name that is used once: the same bytes, put in again, are another content. So whatever
/// deletes a content can never hit one that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    /// The SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// What tells it from others with the same bytes.
    pub number: u64,
    /// How many bytes there are.
    pub size: u64,
}

/// The hash, the number and the size in hexadecimal digits, always as many, so that names sort as contents do.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}-{:016x}", hex::encode(self.sha256), self.number, self.size)
    }
}

/// A text is not the name of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not the name of a content")]
pub struct InvalidContent;

impl FromStr for Content {
    type Err = InvalidContent;

    fn from_str(text: &str) -> Result<Self, InvalidContent> {
        let [hash, number, size] =
            text.split('-').collect::<Vec<_>>().try_into().map_err(|_: Vec<&str>| InvalidContent)?;
        let mut sha256 = [0; 32];
        hex::decode_to_slice(hash, &mut sha256).map_err(|_| InvalidContent)?;
        let hexadecimal = |digits| u64::from_str_radix(digits, 16).map_err(|_| InvalidContent);
        let content = Self { sha256, number: hexadecimal(number)?, size: hexadecimal(size)? };
        // Numbers can be written in more than one way, and only ours is a name.
        if content.to_string() == text { Ok(content) } else { Err(InvalidContent) }
    }
}

/// Where large artifacts lie: a directory, or a bucket with a cache in front of it.
///
/// What is put in never changes, and is durable before the call that puts it in returns. A vault knows nothing of jobs:
/// which content is whose stands in the [`Store`](crate::Store).
///
/// All methods fail with [`StoreError::Unavailable`], or [`StoreError::Damaged`] where bytes are not what was put in.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// Where files are written before they are put in. Nobody else's are there.
    fn staging(&self) -> &Path;

    /// Takes a file in, whose bytes are those of `content`, which has never been put in before.
    async fn put(&self, content: Content, file: TempPath) -> Result<(), StoreError>;

    /// Whether it is there, whole. Reads nothing of it.
    async fn has(&self, content: Content) -> Result<bool, StoreError>;

    /// The bytes, in a file of this machine. Whoever has it open reads on, whatever is deleted.
    async fn open(&self, content: Content) -> Result<Option<File>, StoreError>;

    /// Deletes it, if it is there.
    async fn delete(&self, content: Content) -> Result<(), StoreError>;

    /// What is there, in order, after `after`: `limit` contents at most, and fewer only at the end.
    async fn list(&self, after: Option<Content>, limit: usize) -> Result<Vec<Content>, StoreError>;
}
