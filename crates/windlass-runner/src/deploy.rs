//! The DEPLOY step: fetch or take the upload, verify, index, keep.

use std::fs::File;
use std::io::{self, Cursor, Read, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use windlass::{Artifact, FileSlot, JobId, Source, Uploads};
use windlass_artifact::{Archive, Budget, FileAt, Index, PackError, Packer, ReadAt, VerifyError, verify};
use windlass_store::{Blob, BranchUid, JobKey, Staged, Staging, StoreError, keys};

use crate::log::Log;
use crate::run::{Claimed, Halt, Made};
use crate::runner::Runner;

/// What is kept and ready to go live.
pub(crate) struct Deployed {
    pub(crate) artifact: Artifact,
    pub(crate) archive: Archive,
}

/// Zip bytes before they are verified.
enum Zip {
    /// Kept already: an upload.
    Kept(Artifact),
    /// To be kept once they are verified.
    Staged(Staged),
}

impl Runner {
    /// Executes the step, on what was `built` where the job builds. What it makes and keeps is noted in `made`.
    pub(crate) async fn deploy(
        &self,
        claimed: &Claimed,
        built: Option<Staged>,
        log: &Log,
        made: &mut Made,
    ) -> Result<Deployed, Halt> {
        let (app, branch, job) = (&claimed.branch.app, &claimed.branch.name, claimed.key().job);
        log.info(format_args!("Beginning deployment for application {app}, branch:{branch}, buildId {}", job.padded()));
        let deployed = match &claimed.job.birth().source {
            Source::Artifact(artifact) => self.kept_artifact(claimed, *artifact, log).await,
            Source::Zip | Source::Files(_) | Source::UploadOf { .. } | Source::Url { .. } | Source::Repository => {
                self.new_artifact(claimed, built, log, made).await
            }
        };
        match &deployed {
            Ok(_) => log.info("Deployment finished."),
            Err(Halt::Failed(reason)) => log.error(format_args!("Failed to deploy: {reason}")),
            Err(Halt::NothingToDo(reason)) => log.warning(format_args!("Nothing to deploy: {reason}")),
            Err(Halt::LetGo) => log.warning("Deployment was stopped."),
        }
        deployed
    }

    /// Goes back to what an earlier job kept. Nothing is fetched, verified or stored again.
    async fn kept_artifact(&self, claimed: &Claimed, artifact: Artifact, log: &Log) -> Result<Deployed, Halt> {
        log.info(format_args!("Going back to the artifact of job {}", artifact.job));
        let branch = claimed.branch.uid;
        let source = self.open_zip(branch, artifact).await?;
        let gone = || Halt::Failed(format!("the index of job {}'s artifact is not kept any more", artifact.job));
        let index = self.0.blobs.open(&keys::index(branch, artifact)).await?.ok_or_else(gone)?;
        let archive = blocking(move || {
            let index = Index::decode(&read(index)?).map_err(fault)?;
            Archive::open(source, Arc::new(index)).map_err(fault)
        });
        Ok(Deployed { artifact, archive: archive.await? })
    }

    async fn new_artifact(
        &self,
        claimed: &Claimed,
        built: Option<Staged>,
        log: &Log,
        made: &mut Made,
    ) -> Result<Deployed, Halt> {
        let branch = claimed.branch.uid;
        let zip = match built {
            Some(built) => Zip::Staged(built),
            None => self.zip(claimed, log).await?,
        };
        let (artifact, source, staged) = match zip {
            Zip::Kept(artifact) => (artifact, self.open_zip(branch, artifact).await?, None),
            Zip::Staged(staged) => {
                let artifact = claimed.artifact(getrandom::u64().map_err(fault)?);
                (artifact, open_staged(&staged)?, Some(staged))
            }
        };
        log.info(format_args!("Verifying {} bytes", source.size()));
        let index = self.verified(claimed, Arc::clone(&source)).await?;
        log.info(format_args!("Verified {} files, {} bytes in all", index.len(), index.total_size()));
        let index = Arc::new(index);
        let archive = Archive::open(source, Arc::clone(&index)).map_err(fault)?;
        let staging = self.0.blobs.stage();
        let encoded = blocking(move || stage(staging, &index.encode())).await?;
        let (zip_key, index_key) = (keys::zip(branch, artifact), keys::index(branch, artifact));
        if let Some(zip) = staged {
            made.keep(&self.0.blobs, zip_key, zip).await?;
        }
        made.keep(&self.0.blobs, index_key, encoded).await?;
        Ok(Deployed { artifact, archive })
    }

    /// The zip that the job deploys, wherever it comes from.
    async fn zip(&self, claimed: &Claimed, log: &Log) -> Result<Zip, Halt> {
        let key = claimed.key();
        match &claimed.job.birth().source {
            Source::Zip => uploaded_zip(key.job, claimed.job.uploads()).map(Zip::Kept),
            Source::Files(files) => self.pack(claimed, key, files, log).await.map(Zip::Staged),
            Source::UploadOf { job, uploads, files } if files.is_empty() => uploaded_zip(*job, uploads).map(Zip::Kept),
            Source::UploadOf { job, files, .. } => {
                let of = JobKey { job: *job, ..key };
                self.pack(claimed, of, files, log).await.map(Zip::Staged)
            }
            Source::Url { url, url_type } => self.download(claimed, url, *url_type, log).await.map(Zip::Staged),
            Source::Artifact(artifact) => Ok(Zip::Kept(*artifact)),
            Source::Repository => Err(Halt::Failed("nothing was built".to_owned())),
        }
    }

    /// Packs the uploaded files of `of` into a zip.
    async fn pack(&self, claimed: &Claimed, of: JobKey, files: &[FileSlot], log: &Log) -> Result<Staged, Halt> {
        let zip = self.0.blobs.stage();
        let (blobs, files, let_go) = (self.0.blobs.clone(), files.to_vec(), claimed.let_go().clone());
        let runtime = tokio::runtime::Handle::current();
        log.info(format_args!("Packing {} files", files.len()));
        blocking(move || {
            let mut packer = Packer::new(zip);
            for (slot, FileSlot { path, .. }) in (0..).zip(&files) {
                let content: Box<dyn Read> = match runtime.block_on(blobs.open(&keys::file(of, slot)))? {
                    Some(Blob::Inline(bytes)) => Box::new(Cursor::new(bytes)),
                    Some(Blob::File(file)) => Box::new(file),
                    None => return Err(Halt::Failed(format!("the uploaded file {path} is not kept any more"))),
                };
                let packed = packer.add(path, Stoppable { content, let_go: &let_go });
                if let_go.is_cancelled() {
                    return Err(Halt::LetGo);
                }
                packed.map_err(fault)?;
            }
            packer.finish().map_err(fault)?.finish().map_err(fault)
        })
        .await
    }

    /// Reads all of a zip once, and answers its index.
    async fn verified(&self, claimed: &Claimed, source: Arc<dyn ReadAt>) -> Result<Index, Halt> {
        let (budget, let_go) = (self.0.settings.budget, claimed.let_go().clone());
        blocking(move || check(&*source, &budget, &|| !let_go.is_cancelled())).await
    }

    async fn open_zip(&self, branch: BranchUid, artifact: Artifact) -> Result<Arc<dyn ReadAt>, Halt> {
        match self.0.blobs.open(&keys::zip(branch, artifact)).await? {
            Some(Blob::Inline(bytes)) => Ok(Arc::new(bytes)),
            Some(Blob::File(file)) => Ok(Arc::new(FileAt::new(file).map_err(fault)?)),
            None => Err(Halt::Failed(format!("the zip of job {} is not kept any more", artifact.job))),
        }
    }
}

fn check(source: &dyn ReadAt, budget: &Budget, go_on: &dyn Fn() -> bool) -> Result<Index, Halt> {
    match verify(source, budget, go_on) {
        Ok(index) => Ok(index),
        Err(VerifyError::Defect(defect)) => Err(fault(defect)),
        Err(VerifyError::Io(error)) => Err(fault(error)),
        Err(VerifyError::Interrupted) => Err(Halt::LetGo),
    }
}

fn uploaded_zip(job: JobId, uploads: &Uploads) -> Result<Artifact, Halt> {
    match uploads {
        Uploads::Zip(Some(object)) => Ok(Artifact { job, object: *object }),
        Uploads::Zip(None) | Uploads::None | Uploads::Files(_) => Err(Halt::Failed("no zip was uploaded".to_owned())),
    }
}

fn open_staged(staged: &Staged) -> Result<Arc<dyn ReadAt>, Halt> {
    Ok(match staged {
        Staged::Inline(bytes) => Arc::new(bytes.clone()),
        Staged::File(file) => Arc::new(FileAt::new(File::open(&file.path).map_err(fault)?).map_err(fault)?),
    })
}

fn stage(mut staging: Staging, bytes: &[u8]) -> Result<Staged, Halt> {
    staging.write_all(bytes).and_then(|()| staging.finish()).map_err(fault)
}

fn read(blob: Blob) -> Result<Bytes, Halt> {
    match blob {
        Blob::Inline(bytes) => Ok(bytes),
        Blob::File(mut file) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(fault)?;
            Ok(bytes.into())
        }
    }
}

/// Content that ends with an error as soon as the job is to be let go.
pub(crate) struct Stoppable<'a, R> {
    pub(crate) content: R,
    pub(crate) let_go: &'a CancellationToken,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.let_go.is_cancelled() {
            return Err(io::Error::other("the job was stopped"));
        }
        self.content.read(buf)
    }
}

/// What is wrong, as the reason of a failure.
pub(crate) fn fault(error: impl std::fmt::Display) -> Halt {
    Halt::Failed(error.to_string())
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        fault(error)
    }
}

impl From<PackError> for Halt {
    fn from(error: PackError) -> Self {
        fault(error)
    }
}

/// Runs what reads or computes for long off the threads that answer requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Halt> + Send + 'static,
) -> Result<T, Halt> {
    // What is said there is said of the same job.
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(done) => done,
        Err(error) => Err(fault(error)),
    }
}
