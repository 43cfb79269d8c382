//! Requests to our own operations, below `/-/`, which AWS's SDK does not know. They are signed as its requests are.

use core::time::Duration;

use anyhow::{Context as _, bail};
use aws_sdk_amplify::config::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use windlass_cli::server::SystemClock;
use windlass_store::Clock as _;

use super::{Client, Place};

/// How long an answer may take.
const TOTAL: Duration = Duration::from_secs(20);

const JSON: &str = "application/json";

impl Client {
    /// Sends a request and answers with the body of the answer.
    ///
    /// # Errors
    ///
    /// Where the server is AWS, does not answer, or refuses.
    pub(super) async fn own(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let Place::Endpoint(endpoint) = &self.place else {
            bail!("AWS has no such thing; name a server of windlass's, or use Amazon EventBridge");
        };
        let url = format!("{endpoint}{path}");
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = http::Request::builder().method(&method).uri(&url).body(body)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        self.sign(&mut request, &url).await?;

        let sender = reqwest::Client::builder().timeout(TOTAL).build().context("no HTTP client")?;
        let answer = sender.execute(request.try_into()?).await;
        let answer =
            answer.with_context(|| format!("no server answers at {endpoint}; start one with `windlass serve`"))?;
        let status = answer.status();
        let body = answer.bytes().await.with_context(|| format!("the answer of {endpoint} ended early"))?;
        let body: Value =
            serde_json::from_slice(&body).with_context(|| format!("{endpoint} answered {status}, and no JSON"))?;
        if status.is_success() {
            return Ok(body);
        }
        bail!("{method} {path} was refused: {}", body["message"].as_str().unwrap_or("no reason was given"))
    }

    async fn sign(&self, request: &mut http::Request<String>, url: &str) -> anyhow::Result<()> {
        let identity = self.keys.provide_credentials().await.context("no credentials can be had")?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("amplify")
            .time(SystemClock.now().into())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = [(CONTENT_TYPE.as_str(), JSON)].into_iter();
        let body = SignableBody::Bytes(request.body().as_bytes());
        let signable = SignableRequest::new(request.method().as_str(), url, headers, body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}
