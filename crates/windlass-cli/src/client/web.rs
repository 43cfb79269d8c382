//! Plain HTTP beside AWS's SDK: for presigned URLs.

use core::time::Duration;

use anyhow::Context;
use url::{Host, Url};

/// A client for `url`. A proxy of the environment's is not asked for what is on this machine.
///
/// # Errors
///
/// Where there are no root certificates.
pub(super) fn client(url: &Url) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(10));
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().context("no HTTP client can be made")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
