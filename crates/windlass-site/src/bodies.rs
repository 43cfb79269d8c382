//! The bodies that were sent of late, kept in memory.

use std::io;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::archives;

/// Bodies as they are sent, so that what is asked for often is neither read nor unpacked again. What is kept of an artifact
/// never changes, so nothing here grows old.
pub(crate) struct Bodies(Cache<Origin, Bytes, Size>);

/// Where a body comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// The artifact.
    pub(crate) artifact: archives::Key,
    /// Where the member begins in it.
    pub(crate) offset: u64,
    /// Whether it is sent as gzip.
    pub(crate) gzip: bool,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(EXPECTED, CAPACITY, Size))
    }

    /// The body, from memory or else as `read` reads it. Of requests that come first at the same time, one reads it and the
    /// others wait.
    ///
    /// # Errors
    ///
    /// Those of reading. The next request reads again.
    pub(crate) async fn get(
        &self,
        origin: &Origin,
        read: impl Future<Output = io::Result<Bytes>>,
    ) -> io::Result<Bytes> {
        self.0.get_or_insert_async(origin, read).await
    }
}

#[derive(Clone)]
struct Size;

impl Weighter<Origin, Bytes> for Size {
    fn weight(&self, _: &Origin, body: &Bytes) -> u64 {
        body.len() as u64 + ENTRY
    }
}

/// How many bytes are kept at most.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// What keeping a body takes beside its bytes, roughly, so that a million tiny ones are not taken for nothing.
const ENTRY: u64 = 256;

/// About how many bodies find room.
const EXPECTED: usize = 1024;

#[cfg(test)]
mod tests {
    use std::future::ready;

    use windlass::{Artifact, JobId};
    use windlass_store::BranchUid;

    use super::*;

    #[tokio::test]
    async fn a_body_is_read_once_and_what_could_not_be_read_is_read_again() {
        let bodies = Bodies::new();
        let plain = origin(1, 7, false);
        let failed = bodies.get(&plain, ready(Err(io::ErrorKind::InvalidData.into()))).await;
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(bodies.get(&plain, ready(Ok("one".into()))).await.unwrap(), "one");
        let never = async { unreachable!("it is in memory") };
        assert_eq!(bodies.get(&plain, never).await.unwrap(), "one");
    }

    #[tokio::test]
    async fn nothing_is_taken_for_another_artifact_member_or_form() {
        let bodies = Bodies::new();
        let origins = [origin(1, 7, false), origin(1, 7, true), origin(1, 8, false), origin(2, 7, false)];
        for (number, origin) in (0_u8..).zip(&origins) {
            let body = Bytes::from(vec![number]);
            assert_eq!(bodies.get(origin, ready(Ok(body.clone()))).await.unwrap(), body);
        }
    }

    #[tokio::test]
    async fn there_is_an_end_to_what_is_kept() {
        let bodies = Bodies::new();
        for offset in 0..200 {
            let body = Bytes::from(vec![0; 128 * 1024]);
            bodies.get(&origin(1, offset, false), ready(Ok(body))).await.unwrap();
        }
        let kept = bodies.0.weight();
        assert!(kept > CAPACITY / 2 && kept <= CAPACITY, "{kept} bytes");
    }

    fn origin(job: u64, offset: u64, gzip: bool) -> Origin {
        Origin { artifact: (BranchUid(1), Artifact { job: JobId::new(job), object: 0 }), offset, gzip }
    }
}
