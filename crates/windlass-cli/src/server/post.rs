//! Events to subscribers: the network behind them.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::Request;
use ipnet::IpNet;
use reqwest::{Client, ClientBuilder, Url, redirect};
use windlass_http::{Courier, Delivered};
use windlass_runner::guard::{AddressGuard, CheckedResolver};

use super::upstream::{causes, literal};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long everything may take, from the first byte sent to the head of the answer.
const TOTAL: Duration = Duration::from_secs(15);

const USER_AGENT: &str = concat!("windlass/", env!("CARGO_PKG_VERSION"));

/// Sends events to public addresses only, and to those that the operator allows: whoever makes a subscriber says where
/// it is, and this server sends from inside its own network. Redirects are not followed.
#[derive(Debug)]
pub(super) struct Post {
    client: Client,
    guard: AddressGuard,
}

impl Post {
    /// # Errors
    ///
    /// Where no HTTP client can be made.
    pub(super) fn new(allowed: Vec<IpNet>) -> anyhow::Result<Self> {
        // The client takes the process's provider. It is an error to install a second one, and no loss.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = AddressGuard::new(allowed);
        // Without root certificates, there still is what needs none.
        let client = configured(&guard).build().or_else(|_| configured(&guard).tls_certs_only([]).build());
        Ok(Self { client: client.context("no HTTP client for events")?, guard })
    }

    async fn deliver(&self, request: Request<Bytes>) -> Result<(), String> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|error| error.to_string())?;
        // What was allowed when the subscriber was made may not be any more.
        self.check(&url)?;
        let sent = self.client.request(parts.method, url).headers(parts.headers).body(body).send().await;
        let status = sent.map_err(|error| why(&error))?.status();
        match status {
            taken if taken.is_success() => Ok(()),
            elsewhere if elsewhere.is_redirection() => Err(format!("it answered {status}; redirects are not followed")),
            _ => Err(format!("it answered {status}")),
        }
    }
}

impl Courier for Post {
    fn check(&self, url: &Url) -> Result<(), String> {
        // The resolver sees names only.
        literal(url).map_or(Ok(()), |address| self.guard.check(address)).map_err(|refused| refused.to_string())
    }

    fn send(&self, request: Request<Bytes>) -> Delivered<'_> {
        Box::pin(self.deliver(request))
    }
}

fn configured(guard: &AddressGuard) -> ClientBuilder {
    Client::builder()
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .dns_resolver(std::sync::Arc::new(CheckedResolver(guard.clone())))
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
}

fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("it did not answer within {} seconds", TOTAL.as_secs());
    }
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
