//! A look at one artifact.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use bytes::Bytes;
use windlass::Artifact;
use windlass_artifact::{Archive, FileAt, Index, ReadAt};
use windlass_store::{Blob, Blobs, BranchUid, StoreError, keys};

use super::Depth;

/// What a look came to.
pub(super) enum Found {
    /// All is as it should be.
    Sound,
    /// No name says that anything is kept.
    Nothing,
    /// Something is wrong.
    Fault(String),
}

pub(super) async fn look(
    blobs: &Blobs,
    branch: BranchUid,
    artifact: Artifact,
    depth: Depth,
) -> Result<Found, StoreError> {
    let (zip, index) = (keys::zip(branch, artifact), keys::index(branch, artifact));
    match (blobs.keeps(&zip).await?, blobs.keeps(&index).await?) {
        (false, false) => return Ok(Found::Nothing),
        (false, true) => return Ok(Found::Fault("its index is kept, and its zip is not".to_owned())),
        (true, false) => return Ok(Found::Fault("its zip is kept, and its index is not".to_owned())),
        (true, true) => {}
    }
    if depth == Depth::Indexes
        && let Some(content) = blobs.content(&zip).await?
        && !blobs.vault().has(content).await?
    {
        return Ok(Found::Fault(format!("the bytes of its zip are not there, whole, as {content}")));
    }
    // In a bucket, opening a zip is fetching it: not for its size alone.
    let zip = match (depth, blobs.content(&zip).await?) {
        (Depth::Indexes, Some(content)) => Zip::Sized(content.size),
        (Depth::Indexes | Depth::EveryByte, _) => match blobs.open(&zip).await? {
            Some(blob) => Zip::Open(blob),
            None => return Ok(Found::Fault("the bytes of its zip are gone".to_owned())),
        },
    };
    let Some(index) = blobs.open(&index).await? else {
        return Ok(Found::Fault("the bytes of its index are gone".to_owned()));
    };
    let read = tokio::task::spawn_blocking(move || read(zip, index, depth));
    Ok(match read.await.map_err(StoreError::unavailable)? {
        Ok(()) => Found::Sound,
        Err(fault) => Found::Fault(fault),
    })
}

enum Zip {
    Open(Blob),
    /// There, and of this size.
    Sized(u64),
}

fn read(zip: Zip, index: Blob, depth: Depth) -> Result<(), String> {
    let index = whole(index).map_err(|error| format!("its index cannot be read: {error}"))?;
    let index = Index::decode(&index).map_err(|error| error.to_string())?;
    let source: Arc<dyn ReadAt> = match zip {
        Zip::Open(Blob::Inline(bytes)) => Arc::new(bytes),
        Zip::Open(Blob::File(file)) => {
            Arc::new(FileAt::new(file).map_err(|error| format!("its zip cannot be read: {error}"))?)
        }
        Zip::Sized(size) => Arc::new(Unread(size)),
    };
    let archive = Archive::open(source, Arc::new(index)).map_err(|error| error.to_string())?;
    match depth {
        Depth::Indexes => Ok(()),
        Depth::EveryByte => archive.index().members().iter().try_for_each(|member| {
            let read = io::copy(&mut archive.plain(member), &mut io::sink());
            read.map(drop).map_err(|error| format!("{} cannot be read: {error}", member.path))
        }),
    }
}

fn whole(blob: Blob) -> io::Result<Bytes> {
    match blob {
        Blob::Inline(bytes) => Ok(bytes),
        Blob::File(file) => to_end(file),
    }
}

fn to_end(mut file: File) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Bytes of which only the number is asked.
struct Unread(u64);

impl ReadAt for Unread {
    fn size(&self) -> u64 {
        self.0
    }

    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        Err(io::Error::other("only its size is known"))
    }
}
