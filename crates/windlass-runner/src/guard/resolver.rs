//! The guard where names become addresses.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{AddressGuard, Refused};

/// Resolves names to addresses that may be connected to. The client connects to what it is given here and does not
/// resolve again, so a name cannot change its address between the check and the connection. It sees names only: an address
/// that stands in a URL is for the caller to check.
#[derive(Debug, Clone)]
pub struct CheckedResolver(pub AddressGuard);

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
