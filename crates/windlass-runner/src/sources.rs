//! Sources that are elsewhere: a zip to be fetched, or files in S3 to be fetched and packed.

use std::io::{Cursor, Read, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{SetOnce, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use windlass::SourceUrlType;
use windlass_artifact::Packer;
use windlass_store::{INLINE_MAX, Staged, StagedFile, Staging};

use crate::build::Builds;
use crate::deploy::{Stoppable, blocking, fault};
use crate::fetch::{Body, Destination, FetchError, Fetched, Fetcher, TimeLimit, Told};
use crate::log::Log;
use crate::run::{Claimed, Halt};
use crate::runner::Runner;
use crate::s3::{Bucket, Listing, Location, Object, S3};

/// How many objects are fetched at a time.
const AT_ONCE: usize = 16;

/// A fetched object up to this size waits in memory for its turn to be packed, a larger one in a file. 256 KiB, so that
/// all that wait take no more than a few megabytes.
const WAITS_IN_MEMORY: usize = 256 * 1024;

/// Where a runner fetches sources from.
#[derive(Debug)]
pub struct Sources {
    /// For `http` and `https`.
    pub web: Fetcher,
    /// For `s3`; without it such sources are refused.
    pub s3: Option<S3>,
    /// For repositories, which have to be built. Jobs that need it wait until it is set.
    pub builds: Tried,
}

/// What repositories are built with, or why that is refused, once it has been tried out.
pub type Tried = Arc<SetOnce<Result<Builds, Box<str>>>>;

/// What the fetching side tells the packing side.
enum Next {
    File(Box<str>, Body),
    /// That was all. Without it the channel's end is that of a failure.
    Done,
}

/// How many bytes of many objects have arrived.
struct Counter<'a> {
    received: AtomicU64,
    of: u64,
    log: &'a Log,
}

impl Runner {
    /// Fetches what a URL names. It is staged, not verified.
    pub(crate) async fn download(
        &self,
        claimed: &Claimed,
        url: &str,
        url_type: SourceUrlType,
        log: &Log,
    ) -> Result<Staged, Halt> {
        if !Location::is_one(url) {
            return self.web_zip(claimed, url, log).await;
        }
        let Some(s3) = &self.0.sources.s3 else {
            return Err(Halt::Failed("this server does not read from S3; use an https URL of a zip".to_owned()));
        };
        let bucket = s3.bucket(Location::parse(url).map_err(fault)?).map_err(fault)?;
        match url_type {
            SourceUrlType::Zip => bounded(claimed, &bucket, self.s3_zip(&bucket, log)).await,
            SourceUrlType::BucketPrefix => self.s3_files(claimed, &bucket, log).await,
        }
    }

    async fn web_zip(&self, claimed: &Claimed, url: &str, log: &Log) -> Result<Staged, Halt> {
        let tell = |told: Told<'_>| note(log, &told);
        let into = Destination { directory: self.staging(), inline_up_to: INLINE_MAX, tell: &tell };
        match self.0.sources.web.fetch(url, into, claimed.let_go().cancelled()).await {
            Ok(fetched) => {
                log.info(format_args!("Fetched {} bytes from {}", fetched.size, fetched.url));
                Ok(stage(fetched))
            }
            Err(FetchError::Interrupted) => Err(Halt::LetGo),
            Err(error) => Err(fault(error)),
        }
    }

    async fn s3_zip(&self, bucket: &Bucket<'_>, log: &Log) -> Result<Staged, Halt> {
        let tell = |told: Told<'_>| note(log, &told);
        let into = Destination { directory: self.staging(), inline_up_to: INLINE_MAX, tell: &tell };
        let fetched = bucket.zip(into).await.map_err(fault)?;
        log.info(format_args!("Fetched {} bytes from {}", fetched.size, fetched.url));
        Ok(stage(fetched))
    }

    /// Fetches all files below a prefix, many at a time, and packs them in the order of their paths.
    async fn s3_files(&self, claimed: &Claimed, bucket: &Bucket<'_>, log: &Log) -> Result<Staged, Halt> {
        let zip = self.0.blobs.stage();
        let (sender, files) = mpsc::channel(1);
        let give_up = CancellationToken::new();
        let packing = {
            let give_up = give_up.clone();
            blocking(move || pack(zip, files, &give_up))
        };
        let fetching = async {
            let fetched = bounded(claimed, bucket, self.send_files(bucket, sender, log)).await;
            if fetched.is_err() {
                give_up.cancel();
            }
            fetched
        };
        // Both are waited for, so that nothing is being written any more when this returns.
        let (packed, fetched) = tokio::join!(packing, fetching);
        fetched?;
        packed
    }

    /// Fetches what is below a prefix and sends it to be packed.
    async fn send_files(&self, bucket: &Bucket<'_>, sender: mpsc::Sender<Next>, log: &Log) -> Result<(), Halt> {
        let Listing { objects, total } = bucket.list(&self.0.settings.budget).await.map_err(fault)?;
        let count = objects.len();
        log.info(format_args!("Found {count} files, {total} bytes in all, in {bucket}"));
        let counter = Counter { received: AtomicU64::new(0), of: total, log };
        let fetched = stream::iter(objects).map(|object| self.s3_file(bucket, object, &counter));
        let mut fetched = fetched.buffered(AT_ONCE);
        while let Some((path, body)) = fetched.try_next().await? {
            if sender.send(Next::File(path, body)).await.is_err() {
                // The packing side has failed, and says why.
                return Ok(());
            }
        }
        log.info(format_args!("Fetched {count} files"));
        let _ = sender.send(Next::Done).await;
        Ok(())
    }

    async fn s3_file(
        &self,
        bucket: &Bucket<'_>,
        object: Object,
        counter: &Counter<'_>,
    ) -> Result<(Box<str>, Body), Halt> {
        // Nothing is asked for that is known already.
        if object.size == 0 {
            return Ok((object.path, Body::Inline(Bytes::new())));
        }
        let mine = AtomicU64::new(0);
        let tell = |told: Told<'_>| counter.hear(&mine, &told);
        let into = Destination { directory: self.staging(), inline_up_to: WAITS_IN_MEMORY, tell: &tell };
        let fetched = bucket.object(&object, into).await.map_err(fault)?;
        Ok((object.path, fetched.body))
    }

    fn staging(&self) -> &Path {
        self.0.blobs.vault().staging()
    }
}

impl From<Fetcher> for Sources {
    fn from(web: Fetcher) -> Self {
        let nothing = Err("it has nothing to build with".into());
        Self { web, s3: None, builds: Arc::new(SetOnce::new_with(Some(nothing))) }
    }
}

impl Counter<'_> {
    /// Hears of one object, of which `mine` are counted.
    fn hear(&self, mine: &AtomicU64, told: &Told<'_>) {
        match told {
            Told::Received { bytes, .. } => {
                let before = mine.swap(*bytes, Ordering::Relaxed);
                // Wrapping, since an object that begins again has fewer than before.
                let more = bytes.wrapping_sub(before);
                let all = self.received.fetch_add(more, Ordering::Relaxed).wrapping_add(more);
                self.log.arrived(all, Some(self.of));
            }
            Told::Again { .. } => note(self.log, told),
        }
    }
}

/// Notes what happens on the way of a fetch.
fn note(log: &Log, told: &Told<'_>) {
    match told {
        Told::Received { bytes, of } => log.arrived(*bytes, *of),
        Told::Again { after, pause } => log.warning(format_args!("{after}; trying again in {pause:?}")),
    }
}

/// Fetches until the job is to be let go or there was time enough.
async fn bounded<T>(
    claimed: &Claimed,
    bucket: &Bucket<'_>,
    fetching: impl Future<Output = Result<T, Halt>>,
) -> Result<T, Halt> {
    let total = bucket.limits().total;
    tokio::select! {
        biased;
        () = claimed.let_go().cancelled() => Err(Halt::LetGo),
        fetched = timeout(total, fetching) => fetched.unwrap_or_else(|_| {
            Err(fault(FetchError::TimedOut { url: bucket.to_string(), limit: TimeLimit::Total, after: total }))
        }),
    }
}

/// Packs files as they come.
fn pack(zip: Staging, mut files: mpsc::Receiver<Next>, give_up: &CancellationToken) -> Result<Staged, Halt> {
    let mut packer = Packer::new(zip);
    loop {
        match files.blocking_recv() {
            Some(Next::File(path, body)) => {
                packer.add(&path, Stoppable { content: content(body)?, let_go: give_up }).map_err(fault)?;
            }
            Some(Next::Done) => return packer.finish().map_err(fault)?.finish().map_err(fault),
            // The fetching side has failed, and says why.
            None => return Err(Halt::LetGo),
        }
    }
}

fn content(body: Body) -> Result<Box<dyn Read>, Halt> {
    Ok(match body {
        Body::Inline(bytes) => Box::new(Cursor::new(bytes)),
        Body::File(mut file) => {
            file.rewind().map_err(fault)?;
            Box::new(file)
        }
    })
}

fn stage(fetched: Fetched) -> Staged {
    let Fetched { body, sha256, size, .. } = fetched;
    match body {
        Body::Inline(bytes) => Staged::Inline(bytes),
        Body::File(file) => Staged::File(StagedFile { path: file.into_temp_path(), sha256, size }),
    }
}
