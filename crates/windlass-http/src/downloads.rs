//! What can be fetched with a presigned URL: logs of steps and artifacts.

use std::fs::File;
use std::io::{self, Read as _};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use windlass_store::{Blob, JobKey, keys};

use crate::api::Api;
use crate::error::ApiError;

/// How much of a file is read at a time, in bytes.
const CHUNK: usize = 128 * 1024;

impl Api {
    /// The log of a step.
    pub(crate) async fn log(&self, key: JobKey, step: &str) -> Result<Response<Body>, ApiError> {
        let log = self.blobs().open(&keys::log(key, step)).await?;
        let log = log.ok_or_else(|| ApiError::no_job(format_args!("{} (its {step} log)", key.job)))?;
        let mut response = send(log)?;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Ok(response)
    }

    /// The zip that a job put live.
    pub(crate) async fn artifact(&self, key: JobKey) -> Result<Response<Body>, ApiError> {
        let missing = || ApiError::no_job(format_args!("{} (its artifact)", key.job));
        let job = self.store().job(key).await?.ok_or_else(missing)?;
        let artifact = job.artifact().ok_or_else(missing)?;
        let zip = self.blobs().open(&keys::zip(key.branch, artifact)).await?.ok_or_else(missing)?;
        let mut response = send(zip)?;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
        let attachment = HeaderValue::from_static("attachment; filename=\"artifacts.zip\"");
        response.headers_mut().insert(CONTENT_DISPOSITION, attachment);
        Ok(response)
    }
}

/// A response with kept bytes. A file is read as it is sent, chunk by chunk.
fn send(blob: Blob) -> Result<Response<Body>, ApiError> {
    let (length, body) = match blob {
        Blob::Inline(bytes) => (bytes.len() as u64, Body::from(bytes)),
        Blob::File(file) => {
            let length = file.metadata().map_err(|error| ApiError::internal(&error))?.len();
            (length, Body::from_stream(stream::try_unfold(file, chunk)))
        }
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    Ok(response)
}

/// Kept bytes, all of them at once.
pub(crate) async fn whole(blob: Blob) -> io::Result<Bytes> {
    let mut file = match blob {
        Blob::Inline(bytes) => return Ok(bytes),
        Blob::File(file) => file,
    };
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes.into())
    });
    read.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The next chunk of a file, and the file.
async fn chunk(mut file: File) -> io::Result<Option<(Bytes, File)>> {
    let read = tokio::task::spawn_blocking(move || {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk)?;
        chunk.truncate(read);
        Ok((read > 0).then(|| (chunk.into(), file)))
    });
    read.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
