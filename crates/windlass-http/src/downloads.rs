//! What can be fetched with a presigned URL: logs of steps and artifacts.

use core::ops::Range;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Take};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::Response;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use windlass_store::{Blob, JobKey, keys};

use crate::api::Api;
use crate::error::ApiError;
use crate::range::Part;

/// How much of a file is read at a time, in bytes.
const CHUNK: usize = 128 * 1024;

impl Api {
    /// The log of a step: what each attempt wrote, in their order. While the step runs it is what was kept last.
    pub(crate) async fn log(&self, parts: &Parts, key: JobKey, step: &str) -> Result<Response<Body>, ApiError> {
        let missing = || ApiError::no_job(format_args!("{} (its {step} log)", key.job));
        let job = self.store().job(key).await?.ok_or_else(missing)?;
        if !job.steps().any(|(name, _)| name.as_ref() == step) {
            return Err(missing());
        }
        let mut log = BytesMut::new();
        for attempt in self.blobs().list(&keys::logs(key, step)).await? {
            if let Some(part) = self.blobs().open(&attempt).await? {
                log.extend_from_slice(&whole(part).await.map_err(|error| ApiError::internal(&error))?);
            }
        }
        let mut response = send(parts, Blob::Inline(log.freeze()))?;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Ok(response)
    }

    /// The zip that a job put live.
    pub(crate) async fn artifact(&self, parts: &Parts, key: JobKey) -> Result<Response<Body>, ApiError> {
        let missing = || ApiError::no_job(format_args!("{} (its artifact)", key.job));
        let job = self.store().job(key).await?.ok_or_else(missing)?;
        let artifact = job.artifact().ok_or_else(missing)?;
        let zip = self.blobs().open(&keys::zip(key.branch, artifact)).await?.ok_or_else(missing)?;
        let mut response = send(parts, zip)?;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
        let attachment = HeaderValue::from_static("attachment; filename=\"artifacts.zip\"");
        response.headers_mut().insert(CONTENT_DISPOSITION, attachment);
        Ok(response)
    }

    /// A file that the tests of a job made.
    pub(crate) async fn test_file(&self, parts: &Parts, key: JobKey, place: usize) -> Result<Response<Body>, ApiError> {
        let missing = || ApiError::no_job(format_args!("{} (file {place} of its tests)", key.job));
        let job = self.store().job(key).await?.ok_or_else(missing)?;
        let file = self.blobs().open(&keys::test_file(key, job.attempt(), place)).await?.ok_or_else(missing)?;
        let mut response = send(parts, file)?;
        // Whatever a build has made: nothing that a browser should run under our name.
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        Ok(response)
    }
}

/// A response with the part of kept bytes that is asked for. A file is read as it is sent, chunk by chunk.
fn send(parts: &Parts, blob: Blob) -> Result<Response<Body>, ApiError> {
    let broken = |error: io::Error| ApiError::internal(&error);
    match blob {
        Blob::Inline(bytes) => {
            let part = Part::of(&parts.headers, bytes.len() as u64);
            let range = part.range(bytes.len() as u64);
            // Both ends lie within the bytes, which are in memory.
            let body = bytes.slice(range.start as usize..range.end as usize);
            Ok(part.answer(Body::from(body), bytes.len() as u64))
        }
        Blob::File(mut file) => {
            let length = file.metadata().map_err(broken)?.len();
            let part = Part::of(&parts.headers, length);
            let Range { start, end } = part.range(length);
            file.seek(SeekFrom::Start(start)).map_err(broken)?;
            Ok(part.answer(Body::from_stream(stream::try_unfold(file.take(end - start), chunk)), length))
        }
    }
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
async fn chunk(mut file: Take<File>) -> io::Result<Option<(Bytes, Take<File>)>> {
    let read = tokio::task::spawn_blocking(move || {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk)?;
        chunk.truncate(read);
        Ok((read > 0).then(|| (chunk.into(), file)))
    });
    read.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
