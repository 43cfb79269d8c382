//! Uploads: the bytes of a slot, to the disk or, if they are few, into the commit that says they are there.

use std::io::Write as _;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, ETAG, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use tempfile::NamedTempFile;
use windlass::{Artifact, Command, FileSlot, Job, Source, Uploads};
use windlass_store::{Address, ExecuteError, Extras, INLINE_MAX, JobKey, Staged, StoreError, execute, keys};

use crate::api::Api;
use crate::error::ApiError;

impl Api {
    /// Takes in the bytes of a slot.
    pub(crate) async fn upload(
        &self,
        parts: &Parts,
        body: Body,
        key: JobKey,
        slot: u32,
    ) -> Result<Response<Body>, ApiError> {
        let job = self.store().job(key).await?.ok_or_else(|| ApiError::no_job(key.job))?;
        let object = random()?;
        let upload = Command::Upload { slot, object };
        // Asked before the bytes are read, so that nobody sends 5 GB to be told no. What counts is asked below.
        job.handle(&upload, self.now()).answer.map_err(|rejection| ApiError::rejected(&rejection, Some(&job)))?;
        let (file, limit) = (file_slot(&job, slot), self.settings().quotas.zip_size());
        let stated = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if stated.is_some_and(|length| length > limit) {
            return Err(ApiError::upload_too_large(limit));
        }
        let (staged, md5) = self.stage(body, limit).await?;
        if let Some(FileSlot { path, md5: expected }) = file
            && *expected != md5
        {
            return Err(ApiError::bad_request(format!(
                "The content of {path} has the MD5 {}, and the fileMap says {}.",
                hex::encode(md5),
                hex::encode(expected)
            )));
        }
        let name = match file {
            Some(_) => keys::file(key, slot),
            None => keys::zip(key.branch, Artifact { job: key.job, object }),
        };
        let blobs = self.blobs().keep(name.clone(), staged).await.map_err(|error| no_room(&error))?;
        let extras = Extras { blobs: blobs.into_iter().collect(), ..Extras::default() };
        let done = execute(self.store(), Address::Key(key), &[upload], self.now(), extras).await;
        let done = match done {
            Ok(done) => done,
            Err(ExecuteError::NoBranch) => {
                // The branch was deleted while the bytes came, and what was kept for it since is nobody's.
                self.blobs().delete(&keys::branch(key.branch)).await?;
                return Err(ApiError::no_job(key.job));
            }
            Err(ExecuteError::NoJob) => {
                self.blobs().delete(&name).await?;
                return Err(ApiError::no_job(key.job));
            }
            Err(ExecuteError::Repeat(error)) => return Err(error.into()),
            Err(ExecuteError::Store(error)) => return Err(error.into()),
        };
        if let Err(rejection) = done.answer {
            // The bytes of a file are the same each time; those of a zip are kept for this upload alone.
            if file.is_none() {
                self.blobs().delete(&name).await?;
            }
            return Err(ApiError::rejected(&rejection, Some(&done.job)));
        }
        if let Uploads::Zip(Some(before)) = *job.uploads() {
            // This upload takes the place of that one, which no runner has seen: the job has not been started.
            self.blobs().delete(&keys::zip(key.branch, Artifact { job: key.job, object: before })).await?;
        }
        Ok(accepted(md5))
    }

    /// Takes in a body: in memory while it is small, then to a file.
    async fn stage(&self, mut body: Body, limit: u64) -> Result<(Staged, [u8; 16]), ApiError> {
        let (mut md5, mut size) = (Md5::new(), 0);
        let mut small = BytesMut::new();
        let mut large: Option<NamedTempFile> = None;
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame.map_err(|_| ApiError::body_broken())?.into_data() else { continue };
            size += chunk.len() as u64;
            if size > limit {
                return Err(ApiError::upload_too_large(limit));
            }
            md5.update(&chunk);
            small.extend_from_slice(&chunk);
            if small.len() > INLINE_MAX {
                let file = match large.take() {
                    Some(file) => file,
                    None => {
                        self.blobs().directory().stage().map_err(|error| no_room(&StoreError::unavailable(error)))?
                    }
                };
                large = Some(write(file, small.split().freeze()).await?);
            }
        }
        let staged = match large {
            None => Staged::Inline(small.freeze()),
            Some(file) => Staged::File(write(file, small.freeze()).await?.into_temp_path()),
        };
        Ok((staged, md5.finalize().into()))
    }
}

/// The file that a slot of a file map is for.
fn file_slot(job: &Job, slot: u32) -> Option<&FileSlot> {
    match &job.birth().source {
        Source::Files(files) => files.get(slot as usize),
        Source::Zip | Source::Url { .. } | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository => None,
    }
}

async fn write(mut file: NamedTempFile, chunk: Bytes) -> Result<NamedTempFile, ApiError> {
    let written = tokio::task::spawn_blocking(move || file.write_all(&chunk).map(|()| file)).await;
    written.map_err(|error| ApiError::internal(&error))?.map_err(|error| no_room(&StoreError::unavailable(error)))
}

fn accepted(md5: [u8; 16]) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", hex::encode(md5))) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The disk does not take what was sent: our fault, but the sender may try again.
fn no_room(error: &StoreError) -> ApiError {
    ApiError {
        kind: "DependentServiceFailureException",
        status: StatusCode::SERVICE_UNAVAILABLE,
        ..ApiError::internal(error)
    }
}

fn random() -> Result<u64, ApiError> {
    getrandom::u64().map_err(|error| ApiError::internal(&error))
}
