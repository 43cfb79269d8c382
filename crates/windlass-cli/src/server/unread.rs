//! What is left of a request's body when its answer is there already, because it was refused on the way.
//!
//! A server that hangs up on somebody who still sends takes the answer back: the client's system reports a broken connection
//! and forgets what had come over it (RFC 9112, section 9.6). So what still comes is read and thrown away, for a while.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a client may go on sending what nobody reads.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may fall silent in that time.
const SILENCE: Duration = Duration::from_secs(5);

/// A request for those who answer, who may let go of its body at any time.
pub(super) fn patiently(request: Request<Incoming>) -> Request<Body> {
    // In HTTP/2 what is left of a body is refused by itself, and the answer stays.
    let is_stream = request.version() > Version::HTTP_11;
    let comes = !request.headers().contains_key(EXPECT);
    request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else if is_stream {
            Body::new(body)
        } else {
            Body::new(Unread { body: Some(body), comes })
        }
    })
}

/// A body that is read to its end, by whoever has it or after them.
struct Unread {
    body: Option<Incoming>,
    /// Whether the client sends it unasked, or has been asked to.
    comes: bool,
}

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.comes = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if self.comes
            && let Some(rest) = self.body.take().filter(|rest| !rest.is_end_stream())
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(PATIENCE, throw_away(rest)));
        }
    }
}

async fn throw_away(mut rest: Incoming) {
    while let Ok(Some(Ok(_))) = timeout(SILENCE, rest.frame()).await {}
}
