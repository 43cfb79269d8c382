//! Uploads: the bytes of a slot, to the disk or, if they are few, into the commit that says they are there.

use std::io::Write as _;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, ETAG, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use windlass::{Artifact, Command, FileSlot, Job, Source, Uploads};
use windlass_store::{Address, ExecuteError, Extras, INLINE_MAX, JobKey, Staged, Staging, StoreError, execute, keys};

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
        // Nothing is kept unless the command is obeyed: what names the bytes rides in its commit.
        let blobs = self.blobs().keep(name, staged).await.map_err(|error| no_room(&error))?;
        let extras = Extras { blobs, ..Extras::default() };
        let done = match execute(self.store(), Address::Key(key), &[upload], self.now(), extras).await {
            Ok(done) => done,
            Err(ExecuteError::NoBranch | ExecuteError::NoJob) => return Err(ApiError::no_job(key.job)),
            Err(ExecuteError::Repeat(error)) => return Err(error.into()),
            Err(ExecuteError::Store(error)) => return Err(error.into()),
        };
        done.answer.map_err(|rejection| ApiError::rejected(&rejection, Some(&done.job)))?;
        if let Uploads::Zip(Some(before)) = *job.uploads() {
            // This upload takes the place of that one, which no runner has seen: the job has not been started.
            self.blobs().delete(&keys::zip(key.branch, Artifact { job: key.job, object: before })).await?;
        }
        Ok(accepted(md5))
    }

    /// Takes in a body: in memory while it is small, then to a file. Both of its hashes are made as it comes.
    async fn stage(&self, mut body: Body, limit: u64) -> Result<(Staged, [u8; 16]), ApiError> {
        let (mut md5, mut size) = (Md5::new(), 0);
        let (mut gathered, mut staging) = (BytesMut::new(), self.blobs().stage());
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame.map_err(|_| ApiError::body_broken())?.into_data() else { continue };
            size += chunk.len() as u64;
            if size > limit {
                return Err(ApiError::upload_too_large(limit));
            }
            md5.update(&chunk);
            gathered.extend_from_slice(&chunk);
            if gathered.len() > INLINE_MAX {
                staging = write(staging, gathered.split().freeze()).await?;
            }
        }
        if size <= INLINE_MAX as u64 {
            return Ok((Staged::Inline(gathered.freeze()), md5.finalize().into()));
        }
        let staging = write(staging, gathered.freeze()).await?;
        let staged = staging.finish().map_err(|error| no_room(&StoreError::unavailable(error)))?;
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

async fn write(mut staging: Staging, chunk: Bytes) -> Result<Staging, ApiError> {
    let written = tokio::task::spawn_blocking(move || staging.write_all(&chunk).map(|()| staging)).await;
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
