//! Fetches a source over HTTP, within limits, from the addresses that are allowed.
//!
//! The URL comes from whoever starts a deployment and the bytes from whoever answers, and neither is trusted: every hop's
//! address is checked before it is connected to, and size, time and redirects are bounded. What goes wrong is told in
//! words that can stand in a job's reason, without the part of a URL that carries signatures or passwords.

mod body;
mod client;
mod error;
mod hop;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use reqwest::Response;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

pub use self::body::Body;
pub use self::error::{FetchError, SetupError, TimeLimit};

use self::body::Receiver;
use self::client::Connector;
use self::hop::Hop;
use crate::guard::AddressGuard;

/// How much a fetch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// The largest body, in bytes. 5 GB by default, AWS's limit for an artifact.
    pub bytes: u64,
    /// From the start to the last byte, redirects included. 30 minutes by default.
    pub total: Duration,
    /// How long a server may send nothing. 30 seconds by default.
    pub idle: Duration,
    /// Until a connection stands, with name resolution and TLS; counted anew for each hop. 10 seconds by default.
    pub connect: Duration,
    /// How many redirects are followed. 5 by default.
    pub redirects: u32,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            bytes: 5_000_000_000,
            total: Duration::from_secs(30 * 60),
            idle: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            redirects: 5,
        }
    }
}

/// Fetches sources. Make one and share it.
#[derive(Debug)]
pub struct Fetcher {
    connector: Connector,
    limits: FetchLimits,
}

/// What a URL answered.
#[derive(Debug)]
#[must_use]
pub struct Fetched {
    /// The bytes, as they were sent: a body that is compressed stays so.
    pub body: Body,
    /// The SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// The number of bytes.
    pub size: u64,
    /// Where they came from after all redirects: scheme, host, port and path, fit to be shown.
    pub url: String,
}

impl Fetcher {
    /// A fetcher that connects only where `guard` lets it.
    ///
    /// Root certificates are those of the system, read once, now. Without any, `https` sources are refused with
    /// [`FetchError::Tls`] and `http` ones still work. Proxies named by the environment are not used: the guard could not
    /// see behind them. If the process has no `rustls` provider yet, ring becomes it.
    ///
    /// # Errors
    ///
    /// [`SetupError`] where no HTTP client can be made.
    pub fn new(guard: AddressGuard, limits: FetchLimits) -> Result<Self, SetupError> {
        Ok(Self { connector: Connector::new(guard, limits.connect)?, limits })
    }

    /// Fetches `url`, following redirects.
    ///
    /// A body of up to `inline_up_to` bytes is kept in memory. A larger one is written to a temporary file in the
    /// directory `into`, named `fetch-…`, which goes away when it is dropped; nothing is synced to disk yet. When `stop`
    /// completes, the fetch ends at once. However it fails, no file is left.
    ///
    /// A name and a password in the URL are sent to that URL's scheme, host and port, and nowhere else.
    ///
    /// # Errors
    ///
    /// [`FetchError`] says what was wrong, and where: anything but a complete `200 OK` within the limits.
    pub async fn fetch(
        &self,
        url: &str,
        into: &Path,
        inline_up_to: usize,
        stop: impl Future<Output = ()>,
    ) -> Result<Fetched, FetchError> {
        let first = Hop::parse(url)?;
        let late = first.timed_out(TimeLimit::Total, self.limits.total);
        let fetching = timeout(self.limits.total, self.follow(first, into, inline_up_to));
        tokio::select! {
            biased;
            () = stop => Err(FetchError::Interrupted),
            fetched = fetching => fetched.unwrap_or(Err(late)),
        }
    }

    async fn follow(&self, first: Hop, into: &Path, inline_up_to: usize) -> Result<Fetched, FetchError> {
        let mut hop = first;
        for _ in 0..=self.limits.redirects {
            let response = self.ask(&hop).await?;
            match response.status() {
                StatusCode::OK => return self.receive(&hop, response, Receiver::new(into, inline_up_to)).await,
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => hop = hop.next(response.headers())?,
                status => return Err(FetchError::Status { url: hop.name(), status }),
            }
        }
        Err(FetchError::TooManyRedirects { url: hop.name(), limit: self.limits.redirects })
    }

    /// Sends the request for one hop and waits for the answer's head.
    async fn ask(&self, hop: &Hop) -> Result<Response, FetchError> {
        let FetchLimits { connect, idle, .. } = self.limits;
        // The client bounds connecting by itself; what is left of the sum is at least the idle limit.
        match timeout(connect.saturating_add(idle), self.connector.get(hop)).await {
            Ok(answer) => answer,
            Err(_) => Err(hop.timed_out(TimeLimit::Idle, idle)),
        }
    }

    async fn receive(
        &self,
        hop: &Hop,
        mut response: Response,
        mut receiver: Receiver<'_>,
    ) -> Result<Fetched, FetchError> {
        let FetchLimits { bytes: limit, idle, .. } = self.limits;
        let expected = response.content_length();
        let too_large = || FetchError::TooLarge { url: hop.name(), limit };
        if expected.is_some_and(|expected| expected > limit) {
            return Err(too_large());
        }
        let (mut size, mut sha256) = (0, Sha256::new());
        loop {
            let chunk = match timeout(idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(hop.ended_early(size, expected, &error)),
                Err(_) => return Err(hop.timed_out(TimeLimit::Idle, idle)),
            };
            size += chunk.len() as u64;
            if size > limit {
                return Err(too_large());
            }
            sha256.update(&chunk);
            receiver.write(&chunk).await?;
        }
        Ok(Fetched { body: receiver.finish().await?, sha256: sha256.finalize().into(), size, url: hop.name() })
    }
}
