//! The HTTP client: connects to checked addresses only, and does nothing that it was not told to.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, HeaderValue};
use reqwest::{Client, ClientBuilder, Response, redirect};

use super::error::{FetchError, SetupError, cause};
use super::hop::Hop;
use crate::guard::{AddressGuard, CheckedResolver};

const USER_AGENT: &str = concat!("windlass/", env!("CARGO_PKG_VERSION"));

#[derive(Debug)]
pub(super) struct Connector {
    client: Client,
    guard: AddressGuard,
    connect: Duration,
    /// Why there are no root certificates, where there are none.
    no_roots: Option<String>,
}

impl Connector {
    pub(super) fn new(guard: AddressGuard, connect: Duration) -> Result<Self, SetupError> {
        // The client takes the process's provider. It is an error to install a second one, and no loss.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match configured(&guard, connect).build() {
            Ok(client) => Ok(Self { client, guard, connect, no_roots: None }),
            Err(error) => {
                let client = configured(&guard, connect).tls_certs_only([]).build().map_err(SetupError)?;
                Ok(Self { client, guard, connect, no_roots: Some(cause(&error)) })
            }
        }
    }

    /// Sends the request for `hop` and returns the head of the answer, whatever its status.
    pub(super) async fn get(&self, hop: &Hop) -> Result<Response, FetchError> {
        // The resolver below sees names only.
        if let Some(address) = hop.literal_address() {
            self.guard.check(address).map_err(|refused| FetchError::Refused { url: hop.name(), refused })?;
        }
        if let (true, Some(why)) = (hop.is_https(), &self.no_roots) {
            return Err(FetchError::Tls { url: hop.name(), why: why.clone() });
        }
        let request = self.client.get(hop.url().clone()).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request.send().await.map_err(|error| hop.not_answered(&error, self.connect))
    }
}

fn configured(guard: &AddressGuard, connect: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .dns_resolver(Arc::new(CheckedResolver(guard.clone())))
        .connect_timeout(connect)
        // A connection serves one fetch, so none outlives the check of its address.
        .pool_max_idle_per_host(0)
}
