//! Carrying a member to a visitor, a chunk at a time.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use windlass_artifact::{Member, Method};

use crate::archives::Opened;
use crate::bodies::Origin;

/// What is carried of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Portion {
    /// All of it, unpacked.
    Plain,
    /// All of it as gzip, which only a deflated member can be.
    Gzip {
        /// How many bytes that are.
        length: u64,
    },
    /// Some of it, unpacked.
    Part(Range<u64>),
}

impl Portion {
    /// How many bytes are carried.
    pub(crate) fn length(&self, member: &Member) -> u64 {
        match self {
            Self::Plain => member.size,
            Self::Gzip { length } => *length,
            Self::Part(range) => range.end - range.start,
        }
    }
}

/// The bytes of a member as a body. All of a small one is [kept](crate::bodies) for the next visitor.
///
/// Of a large one each chunk is read when the one before it was taken: a visitor who is slow or gone costs one chunk of memory, and no
/// thread waits for one. The first is read at once, so that a member that cannot be read can still be answered with an
/// error; one that fails later breaks the transfer.
///
/// # Errors
///
/// Those of reading the first chunk. They have been logged.
pub(crate) async fn carry(opened: &Opened, member: &Member, portion: &Portion) -> io::Result<Body> {
    let Some(origin) = origin(opened, member, portion) else {
        return Reading::new(opened, member, portion)?.into_body().await;
    };
    let read = async { Ok(Reading::new(opened, member, portion)?.chunk().await?.0) };
    opened.bodies.get(&origin, read).await.map(Body::from)
}

/// Under what a body is kept: if it is whole and a chunk at most.
fn origin(opened: &Opened, member: &Member, portion: &Portion) -> Option<Origin> {
    let gzip = match portion {
        Portion::Plain => false,
        Portion::Gzip { .. } => true,
        Portion::Part(_) => return None,
    };
    let is_small = portion.length(member) <= CHUNK;
    is_small.then_some(Origin { artifact: opened.artifact, offset: member.offset, gzip })
}

/// A member on its way.
struct Reading {
    reader: Box<dyn Read + Send>,
    /// How many bytes come before those that are carried.
    skip: u64,
    /// How many bytes are still to be carried.
    left: u64,
    /// Whether it is over so soon that it needs no thread of its own.
    at_once: bool,
    key: Arc<str>,
    path: Box<str>,
}

impl Reading {
    /// Prepares to read.
    fn new(opened: &Opened, member: &Member, portion: &Portion) -> io::Result<Self> {
        let archive = &opened.archive;
        let (reader, skip): (Box<dyn Read + Send>, u64) = match portion {
            Portion::Plain => (Box::new(archive.plain(member)), 0),
            Portion::Gzip { .. } => (Box::new(archive.gzip(member).ok_or(io::ErrorKind::InvalidInput)?), 0),
            Portion::Part(range) => match member.method {
                Method::Stored => (archive.plain_range(member, range.clone())?, 0),
                // What comes before is inflated a bit at a time, so that nobody who has gone is worked for.
                Method::Deflated => (Box::new(archive.plain(member)), range.start),
            },
        };
        let left = portion.length(member);
        let at_once = opened.in_memory && skip.saturating_add(left) <= CHUNK;
        Ok(Self { reader, skip, left, at_once, key: opened.key.clone(), path: member.path.clone() })
    }

    async fn into_body(self) -> io::Result<Body> {
        if self.left == 0 {
            return Ok(Body::empty());
        }
        let (first, rest) = self.chunk().await?;
        if rest.left == 0 {
            return Ok(Body::from(first));
        }
        let rest = stream::try_unfold(rest, |rest| async move {
            if rest.left == 0 {
                return Ok(None);
            }
            rest.chunk().await.map(Some)
        });
        Ok(Body::from_stream(stream::iter([Ok(first)]).chain(rest)))
    }

    /// The next chunk. An error has been logged.
    async fn chunk(mut self) -> io::Result<(Bytes, Self)> {
        let (key, path) = (self.key.clone(), self.path.clone());
        let chunk = async {
            while self.skip > 0 {
                ((), self) = self.run(Self::discard).await?;
            }
            self.run(Self::read).await
        };
        chunk.await.inspect_err(|error| tracing::error!(%key, %path, %error, "a member cannot be read"))
    }

    /// Does a bit of work, where it keeps nobody else waiting.
    async fn run<T: Send + 'static>(mut self, work: fn(&mut Self) -> io::Result<T>) -> io::Result<(T, Self)> {
        if self.at_once {
            return Ok((work(&mut self)?, self));
        }
        let work = move || Ok((work(&mut self)?, self));
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }

    fn discard(&mut self) -> io::Result<()> {
        let bit = self.skip.min(DISCARD);
        let discarded = io::copy(&mut self.reader.by_ref().take(bit), &mut io::sink())?;
        if discarded < bit {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.skip -= bit;
        Ok(())
    }

    fn read(&mut self) -> io::Result<Bytes> {
        let length = self.left.min(CHUNK);
        // CHUNK fits, so what is no more does too.
        let mut chunk = vec![0; usize::try_from(length).unwrap_or_default()];
        self.reader.read_exact(&mut chunk)?;
        self.left -= length;
        Ok(chunk.into())
    }
}

/// How much is carried at a time, in bytes.
const CHUNK: u64 = 128 * 1024;

/// How much is inflated at a time only to be thrown away, in bytes.
const DISCARD: u64 = 4 * 1024 * 1024;
