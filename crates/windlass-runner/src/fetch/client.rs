//! The HTTP client: connects to checked addresses only, and does nothing that it was not told to.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, HeaderValue};
use reqwest::{Client, ClientBuilder, Response, redirect};

use super::error::{FetchError, SetupError, cause};
use super::hop::Hop;
use super::version::Rest;
use crate::guard::{AddressGuard, CheckedResolver};

const USER_AGENT: &str = concat!("windlass/", env!("CARGO_PKG_VERSION"));

#[derive(Debug)]
pub(super) struct Connector {
    client: Client,
    /// None for a server that the operator chose.
    guard: Option<AddressGuard>,
    connect: Duration,
    /// Why there are no root certificates, where there are none.
    no_roots: Option<String>,
}

impl Connector {
    pub(super) fn new(guard: Option<AddressGuard>, connect: Duration) -> Result<Self, SetupError> {
        // The client takes the process's provider. It is an error to install a second one, and no loss.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match configured(guard.as_ref(), connect).build() {
            Ok(client) => Ok(Self { client, guard, connect, no_roots: None }),
            Err(error) => {
                let client = configured(guard.as_ref(), connect).tls_certs_only([]).build().map_err(SetupError)?;
                Ok(Self { client, guard, connect, no_roots: Some(cause(&error)) })
            }
        }
    }

    /// Sends the request for `hop`, or for the rest of it, and returns the head of the answer, whatever its status.
    pub(super) async fn get(&self, hop: &Hop, rest: Option<&Rest<'_>>) -> Result<Response, FetchError> {
        // The resolver below sees names only.
        if let (Some(guard), Some(address)) = (&self.guard, hop.literal_address()) {
            guard.check(address).map_err(|refused| FetchError::Refused { url: hop.name(), refused })?;
        }
        if let (true, Some(why)) = (hop.is_https(), &self.no_roots) {
            return Err(FetchError::Tls { url: hop.name(), why: why.clone() });
        }
        let mut request =
            self.client.get(hop.url().clone()).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (header, value) in rest.into_iter().flat_map(Rest::headers) {
            request = request.header(header, value);
        }
        request.send().await.map_err(|error| hop.not_answered(&error, self.connect))
    }
}

fn configured(guard: Option<&AddressGuard>, connect: Duration) -> ClientBuilder {
    let client = Client::builder()
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(connect);
    match guard {
        Some(guard) => client
            .dns_resolver(Arc::new(CheckedResolver(guard.clone())))
            // A connection serves one fetch, so none outlives the check of its address.
            .pool_max_idle_per_host(0),
        None => client,
    }
}
