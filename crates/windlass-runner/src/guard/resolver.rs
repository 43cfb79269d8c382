//! The guard where names become addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolving};

use super::{AddressGuard, Refused};

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// It has no address, or nobody could be asked.
    #[error(transparent)]
    Unknown(#[from] io::Error),
    /// None of its addresses may be connected to; the first of them.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Resolves names to addresses that may be connected to. The client connects to what it is given here and does not
/// resolve again, so a name cannot change its address between the check and the connection. It sees names only: an address
/// that stands in a URL is for the caller to check.
#[derive(Debug, Clone)]
pub struct CheckedResolver(pub AddressGuard);

impl AddressGuard {
    /// The addresses of a host that may be connected to: at least one.
    async fn resolved(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        let checked = found.iter().map(|found| self.check(found.ip()).map(|()| *found));
        let (allowed, refused): (Vec<_>, Vec<_>) = checked.partition(Result::is_ok);
        match (allowed.is_empty(), refused.first()) {
            (true, Some(&Err(refused))) => Err(refused.into()),
            (true, _) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into()),
            (false, _) => Ok(allowed.into_iter().flatten().collect()),
        }
    }
}

impl reqwest::dns::Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            match guard.resolved(name.as_str(), 0).await {
                Ok(allowed) => Ok(Box::new(allowed.into_iter()) as Addrs),
                // Whoever asks looks for these among the causes.
                Err(Unresolved::Unknown(error)) => Err(error.into()),
                Err(Unresolved::Refused(refused)) => Err(refused.into()),
            }
        })
    }
}

/// Repositories come from where sources may come from.
#[async_trait]
impl windlass_git::Resolve for AddressGuard {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, String> {
        // An address of version 6 stands in brackets, without which it is one.
        let host = host.trim_matches(['[', ']']);
        let mut allowed = self.resolved(host, port).await.map_err(|error| error.to_string())?;
        allowed.sort_unstable();
        allowed.dedup();
        Ok(allowed.into_iter().map(|address| address.ip()).collect())
    }
}
