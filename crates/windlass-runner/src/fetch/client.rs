//! The HTTP client: connects to checked addresses only, and does nothing that it was not told to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, Response, redirect};

use super::error::{FetchError, SetupError, cause};
use super::hop::Hop;
use crate::guard::{AddressGuard, Refused};

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

/// Resolves names to addresses that may be connected to. The client connects to what it is given here and does not
/// resolve again, so a name cannot change its address between the check and the connection.
struct CheckedResolver(AddressGuard);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let checked = found.iter().map(|found| guard.check(found.ip()).map(|()| *found));
            let (allowed, refused): (Vec<_>, Vec<_>) = checked.partition(Result::is_ok);
            if let (true, Some(&Err(refused))) = (allowed.is_empty(), refused.first()) {
                return Err(refused.into());
            }
            if allowed.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            Ok(Box::new(allowed.into_iter().filter_map(Result::<_, Refused>::ok)) as Addrs)
        })
    }
}
