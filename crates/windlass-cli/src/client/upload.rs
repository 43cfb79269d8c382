//! Sending the bytes of a deployment to where CreateDeployment said.

use core::time::Duration;

use anyhow::{Context, bail};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use url::{Host, Url};

use super::output;
use crate::pack::Packed;

/// Puts the zip to `url`, from its file and never whole in memory.
///
/// # Errors
///
/// Where the server cannot be reached, or answers anything but success: then with what it said.
pub(super) async fn put(url: &str, packed: Packed) -> anyhow::Result<()> {
    let url: Url = url.parse().context("the upload's URL is damaged")?;
    let request = http_for(&url)?
        .put(url)
        .header(CONTENT_TYPE, "application/zip")
        .header(CONTENT_LENGTH, packed.size)
        .body(tokio::fs::File::from_std(packed.zip));
    // The URL is a credential: it is not shown.
    let answer = request.send().await.map_err(reqwest::Error::without_url).context("the upload failed")?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body = answer.text().await.unwrap_or_default();
    bail!("the upload was refused: {status}: {}", output::excerpt(&body, 1000))
}

/// A client for requests to `url`: what is on this machine is not asked for through a proxy.
///
/// # Errors
///
/// Where none can be made.
pub(super) fn http_for(url: &Url) -> anyhow::Result<reqwest::Client> {
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
