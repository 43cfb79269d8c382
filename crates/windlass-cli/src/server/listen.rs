//! Connections, whatever answers on them.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::unread::patiently;

/// How long a client may take to send its first byte, and then the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections there are at a time at most. Others wait to be accepted.
const CONNECTIONS: usize = 10_000;

/// How long requests that have begun may take to end once the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// What answers requests. A clone is cheap: each request has its own.
pub trait Answer: Clone + Send + 'static {
    /// The answer to a request from `peer`.
    fn answer(self, request: Request<Body>, peer: IpAddr) -> impl Future<Output = Response<Body>> + Send;
}

/// Answers until `stop` fires, then lets the requests end that have begun.
pub async fn listen(listener: TcpListener, answer: impl Answer, stop: CancellationToken) {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIMEOUT);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(connections()));
    while let Some((stream, peer, place)) = accept(&listener, &room, &stop).await {
        let answer = answer.clone();
        let server = server.clone();
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let _place = place;
            // The server's own time-outs begin with the first byte.
            if !matches!(timeout(HEAD_TIMEOUT, stream.readable()).await, Ok(Ok(()))) {
                return;
            }
            let service = service_fn(move |request| {
                let answer = answer.clone();
                async move { Ok::<_, Infallible>(answer.answer(patiently(request), peer).await) }
            });
            let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still open {} seconds after the stop", GRACE.as_secs());
    }
}

/// How many connections this process may have: half of its files, so that there are some left for jobs.
fn connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    files.and_then(|files| usize::try_from(files / 2).ok()).map_or(CONNECTIONS, |half| half.min(CONNECTIONS))
}

/// The next connection, its other end, and its place among all, or `None` once `stop` fired.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, peer) = listener.accept().await?;
            Ok::<_, io::Error>((stream, peer.ip(), place))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = next => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                // Answers are small and whole: waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                return Some((stream, peer, place));
            }
            Err(error) => {
                // Too many open files, most likely; others may close some.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
