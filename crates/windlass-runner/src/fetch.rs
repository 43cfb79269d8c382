//! Fetches a source over HTTP, within limits, from the addresses that are allowed.
//!
//! The URL comes from whoever starts a deployment and the bytes from whoever answers, and neither is trusted: every hop's
//! address is checked before it is connected to, and size, time and redirects are bounded. What goes wrong is told in
//! words that can stand in a job's reason, without the part of a URL that carries signatures or passwords.
//!
//! Connections break. A fetch tries again a bounded number of times, and goes on where it was if the server says that it
//! still has the same; all that is checked is checked anew each time.

mod body;
mod client;
mod error;
mod hop;
mod tries;
mod version;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

pub use self::body::Body;
pub(crate) use self::error::cause_shortened as shortened;
pub use self::error::{FetchError, SetupError, TimeLimit};
pub(crate) use self::hop::Hop;
pub use self::tries::Told;

use self::client::Connector;
use crate::guard::AddressGuard;

/// How much a fetch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// The largest body, in bytes. 5 GB by default, AWS's limit for an artifact.
    pub bytes: u64,
    /// From the start to the last byte, redirects and further tries included. 30 minutes by default.
    pub total: Duration,
    /// How long a server may send nothing. 30 seconds by default.
    pub idle: Duration,
    /// Until a connection stands, with name resolution and TLS; counted anew for each hop. 10 seconds by default.
    pub connect: Duration,
    /// How many redirects are followed. 5 by default.
    pub redirects: u32,
    /// How many tries there are before it is given up, counted anew from each that brings something new. 5 by default.
    pub tries: u32,
    /// The pause before another try. Each further try that brings nothing new doubles it, up to 10 seconds. Half a second
    /// by default.
    pub pause: Duration,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            bytes: 5_000_000_000,
            total: Duration::from_secs(30 * 60),
            idle: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            redirects: 5,
            tries: 5,
            pause: Duration::from_millis(500),
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

/// Where a body goes, and whom it tells of its coming.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// The directory for a body that is not kept in memory: it is written to a temporary file named `fetch-…`, which goes
    /// away when it is dropped, and which is not synced to disk.
    pub directory: &'a Path,
    /// The largest body that is kept in memory, in bytes.
    pub inline_up_to: usize,
    /// Hears what happens on the way.
    pub tell: &'a (dyn Fn(Told<'_>) + Send + Sync),
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
        Ok(Self { connector: Connector::new(Some(guard), limits.connect)?, limits })
    }

    /// A fetcher for a server that the operator named: it connects to any address, keeps connections for further
    /// requests, and follows no redirect.
    pub(crate) fn trusting(limits: FetchLimits) -> Result<Self, SetupError> {
        let limits = FetchLimits { redirects: 0, ..limits };
        Ok(Self { connector: Connector::new(None, limits.connect)?, limits })
    }

    /// Fetches `url`, following redirects. When `stop` completes, the fetch ends at once. However it fails, no file is left.
    ///
    /// A name and a password in the URL are sent to that URL's scheme, host and port, and nowhere else.
    ///
    /// A connection that cannot be made or breaks, a server that falls silent, and an answer of `5xx` are tried again.
    /// What came is kept if the server had named its version, by a strong `ETag` or by a `Last-Modified` that is older
    /// than the answer, and says that it still has that; else the fetch begins again with nothing.
    ///
    /// # Errors
    ///
    /// [`FetchError`] says what was wrong, and where: anything but a complete `200 OK` within the limits. After further
    /// tries it is what the last one met.
    pub async fn fetch(
        &self,
        url: &str,
        into: Destination<'_>,
        stop: impl Future<Output = ()>,
    ) -> Result<Fetched, FetchError> {
        let first = Hop::parse(url)?;
        let fetching = timeout(self.limits.total, self.get(&first, into, self.limits.bytes));
        tokio::select! {
            biased;
            () = stop => Err(FetchError::Interrupted),
            fetched = fetching => {
                fetched.unwrap_or_else(|_| Err(first.timed_out(TimeLimit::Total, self.limits.total)))
            }
        }
    }

    pub(crate) const fn limits(&self) -> &FetchLimits {
        &self.limits
    }
}

impl<'a> Destination<'a> {
    /// Into `directory` from the first byte that does not fit into memory, telling nobody.
    #[must_use]
    pub fn directory(directory: &'a Path, inline_up_to: usize) -> Self {
        Self { directory, inline_up_to, tell: &|_| {} }
    }
}
