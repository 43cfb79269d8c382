//! Answers: JSON, an error in AWS's form, a stream, or something plain.

use core::fmt::{Display, Write as _};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::error::{ApiError, RESOURCE_NOT_FOUND};

/// The id of a request, on every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-amz-retry-after");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What most bodies and headers have room in, in bytes, so that few are moved while they are written. A job with its URLs
/// takes three times as much as one without.
const BODY_ROOM: usize = 2048;
const HEADER_ROOM: usize = 512;

/// What an operation answers when it did what was asked.
pub(crate) struct Answer(Response<Content>);

/// An answer that can be given again and again.
pub(crate) struct Kept(Response<Bytes>);

impl Kept {
    pub(crate) fn answer(&self) -> Answer {
        Answer(self.0.clone().map(Content::Whole))
    }
}

enum Content {
    Whole(Bytes),
    Stream(Body),
}

impl Answer {
    pub(crate) fn new(shown: &impl Serialize) -> Result<Self, ApiError> {
        let mut body = Vec::with_capacity(BODY_ROOM);
        serde_json::to_writer(&mut body, shown).map_err(|error| ApiError::internal(&error))?;
        Ok(Self(json(StatusCode::OK, body).map(Content::Whole)))
    }

    /// One that is told bit by bit, in another form than JSON.
    pub(crate) fn stream(media_type: &'static str, body: Body) -> Self {
        let mut response = Response::new(Content::Stream(body));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        Self(response)
    }

    /// It to be given again, unless it is told bit by bit.
    pub(crate) fn kept(&self) -> Option<Kept> {
        let Content::Whole(body) = self.0.body() else { return None };
        let mut kept = Response::new(body.clone());
        *kept.status_mut() = self.0.status();
        kept.headers_mut().clone_from(self.0.headers());
        Some(Kept(kept))
    }

    /// Adds a header of ours, beside AWS's, whose value is any text; what a header cannot hold is left out of it.
    pub(crate) fn with(mut self, name: HeaderName, shown: impl Display) -> Self {
        let mut value = String::with_capacity(HEADER_ROOM);
        // A string takes whatever is written to it.
        let _ = write!(value, "{shown}");
        let fits = |byte: &u8| matches!(byte, b' '..=b'~');
        // What is not ASCII has only bytes that do not fit.
        let value = if value.bytes().all(|byte| fits(&byte)) {
            HeaderValue::from_str(&value)
        } else {
            HeaderValue::from_maybe_shared(value.bytes().filter(fits).collect::<Bytes>())
        };
        self.0.headers_mut().extend(value.map(|value| (name, value)));
        self
    }
}

pub(crate) fn respond(outcome: Result<Answer, ApiError>) -> Response<Body> {
    match outcome {
        Ok(Answer(response)) => response.map(|content| match content {
            Content::Whole(body) => body.into(),
            Content::Stream(body) => body,
        }),
        Err(ApiError { status, kind, message, retry_after }) => {
            let mut body = serde_json::json!({ "message": message });
            if kind == RESOURCE_NOT_FOUND {
                // The one error for which the model has a second member.
                body["code"] = kind.into();
            }
            let mut response = json(status, body.to_string().into_bytes()).map(Body::from);
            response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
            if let Some(milliseconds) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, milliseconds.into());
            }
            response
        }
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Bytes> {
    let length = body.len();
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}

/// A short text.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
