//! Sending the bytes of a deployment to where CreateDeployment said.

use anyhow::{Context, bail};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use url::Url;

use super::{output, web};
use crate::pack::Packed;

/// Puts the zip to `url`, from its file and never whole in memory.
///
/// # Errors
///
/// Where the server cannot be reached, or answers anything but success: then with what it said.
pub(super) async fn put(url: &str, packed: Packed) -> anyhow::Result<()> {
    let url: Url = url.parse().context("the upload's URL is damaged")?;
    let request = web::client(&url)?
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
