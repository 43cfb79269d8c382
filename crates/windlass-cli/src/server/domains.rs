//! Domain associations: who asks their names for a proof, and how often.

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use windlass_http::{Answered, Api, DomainCheck};
use windlass_runner::fetch::{Body, Destination, FetchLimits, Fetcher};
use windlass_runner::guard::AddressGuard;

/// How often domains that do not lead here are asked again.
const EVERY: Duration = Duration::from_secs(60);

/// How much of an answer is read at most, in bytes. A proof has 64.
const ANSWER_MAX: usize = 1024;

/// Asks a name for its proof over HTTP, wherever DNS says that it is.
#[derive(Debug)]
pub struct HttpCheck(Fetcher);

impl HttpCheck {
    /// One that asks only public addresses, and those in `allowed`: whoever associates a domain says where it leads.
    ///
    /// # Errors
    ///
    /// Where no HTTP client can be made.
    pub fn new(allowed: Vec<IpNet>) -> anyhow::Result<Self> {
        let limits = FetchLimits {
            bytes: ANSWER_MAX as u64,
            total: Duration::from_secs(10),
            idle: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            redirects: 3,
            // Whoever waits asks again.
            tries: 1,
            pause: Duration::ZERO,
        };
        Ok(Self(Fetcher::new(AddressGuard::new(allowed), limits)?))
    }
}

impl DomainCheck for HttpCheck {
    fn ask<'a>(&'a self, url: &'a str) -> Answered<'a> {
        Box::pin(async move {
            // What fits into the limits is kept in memory, so no file is ever made.
            let fetched = self.0.fetch(url, Destination::directory(Path::new("."), ANSWER_MAX), pending()).await;
            let fetched = fetched.map_err(|error| error.to_string())?;
            // A redirect to TLS is the same name; any other name proves nothing of this one.
            if host(&fetched.url) != host(url) {
                return Err(format!("it redirects to {}", fetched.url));
            }
            match fetched.body {
                Body::Inline(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Body::File(_) => Err("the answer is too long".to_owned()),
            }
        })
    }
}

fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// Takes domain associations on in their lives, now and then, until `stop` fires.
pub(super) async fn tend(api: Api, stop: CancellationToken) {
    let mut look = interval(EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let tending = async {
        loop {
            look.tick().await;
            if let Err(error) = api.tend_domains().await {
                tracing::error!("domain associations stay as they are for now: {error}");
            }
        }
    };
    // Each step that was taken is stored, so it may end anywhere.
    stop.run_until_cancelled(tending).await;
}
