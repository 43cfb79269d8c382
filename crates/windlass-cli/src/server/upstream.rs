//! What sites answer from other servers: the network behind rules that rewrite to a URL.

use std::error::Error;
use std::iter::successors;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::{Body, HttpBody as _};
use http::{Request, Response};
use ipnet::IpNet;
use reqwest::{Client, ClientBuilder, Url, redirect};
use url::Host;
use windlass_runner::guard::{AddressGuard, CheckedResolver, Refused};
use windlass_site::{Answer, Upstream, UpstreamError};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a server may say nothing, before its answer and within it.
const SILENCE: Duration = Duration::from_secs(60);

/// The same where the visitor sends something, which may take him a while.
const SILENCE_AFTER_A_BODY: Duration = Duration::from_secs(15 * 60);

/// How long a connection that nobody needs is kept for the next visitor.
const IDLE: Duration = Duration::from_secs(30);

/// Asks other servers, at public addresses only, and at those that the operator allows.
///
/// Who writes a site's rules says where to ask, and this server asks from inside its own network. So each address is
/// checked when it is connected to; redirects are not followed, they are the visitor's.
#[derive(Debug)]
pub(super) struct Elsewhere {
    client: Client,
    /// For requests with a body.
    patient: Client,
    guard: AddressGuard,
}

impl Elsewhere {
    /// # Errors
    ///
    /// Where no HTTP client can be made.
    pub(super) fn new(allowed: Vec<IpNet>) -> anyhow::Result<Self> {
        // The client takes the process's provider. It is an error to install a second one, and no loss.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = AddressGuard::new(allowed);
        let (client, patient) = (client(&guard, SILENCE)?, client(&guard, SILENCE_AFTER_A_BODY)?);
        Ok(Self { client, patient, guard })
    }

    async fn ask(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|error| unreachable(&error))?;
        // The resolver below sees names only.
        if let Some(address) = literal(&url) {
            self.guard.check(address).map_err(|refused| refusal(&refused))?;
        }
        let (client, body) = if body.is_end_stream() {
            (&self.client, None)
        } else {
            (&self.patient, Some(reqwest::Body::wrap_stream(body.into_data_stream())))
        };
        let mut asked = client.request(parts.method, url).headers(parts.headers);
        if let Some(body) = body {
            asked = asked.body(body);
        }
        let mut answer = asked.send().await.map_err(|error| failure(&error))?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl Upstream for Elsewhere {
    fn send(&self, request: Request<Body>) -> Answer<'_> {
        Box::pin(self.ask(request))
    }
}

fn client(guard: &AddressGuard, silence: Duration) -> anyhow::Result<Client> {
    // Without root certificates, there still is what needs none.
    let client = configured(guard, silence).build().or_else(|_| configured(guard, silence).tls_certs_only([]).build());
    client.context("no HTTP client for what lies elsewhere")
}

fn configured(guard: &AddressGuard, silence: Duration) -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .dns_resolver(Arc::new(CheckedResolver(guard.clone())))
        .connect_timeout(CONNECT)
        .read_timeout(silence)
        .pool_idle_timeout(IDLE)
}

pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn failure(error: &reqwest::Error) -> UpstreamError {
    if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<Refused>()) {
        return refusal(refused);
    }
    let why = causes(error).last().map_or_else(|| error.to_string(), ToString::to_string);
    if error.is_timeout() { UpstreamError::TimedOut { why } } else { UpstreamError::Unreachable { why } }
}

/// What is behind an error, the deepest last.
pub(super) fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    successors(error.source(), |&cause| cause.source())
}

fn refusal(refused: &Refused) -> UpstreamError {
    UpstreamError::Refused { why: refused.to_string() }
}

fn unreachable(error: &impl ToString) -> UpstreamError {
    UpstreamError::Unreachable { why: error.to_string() }
}
