//! Operations of our own, which AWS's SDK does not know. Requests are made by the server's table of operations, and signed
//! as the SDK signs its own.

use core::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use aws_sdk_amplify::config::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use windlass_cli::server::SystemClock;
use windlass_http::operations::{Definition, Operation};
use windlass_store::Clock as _;

use super::output::{self, plain};
use super::{Client, Place, web};

/// How long an answer may take.
const TOTAL: Duration = Duration::from_secs(20);

/// Things that Windlass has operations of its own for.
pub(super) struct Own {
    pub(super) create: Operation,
    pub(super) list: Operation,
    pub(super) delete: Operation,
    /// What answers call one of them.
    pub(super) one: &'static str,
    /// What answers call many of them.
    pub(super) many: &'static str,
    /// Who has them where the place is AWS.
    pub(super) on_aws: &'static str,
}

impl Client {
    /// Makes one of these things.
    ///
    /// # Errors
    ///
    /// Where the place is AWS, or the server does not answer, refuses, or answers something else.
    pub(super) async fn create<T: DeserializeOwned>(&self, own: &Own, new: &Value) -> anyhow::Result<T> {
        let answer = self.ask(own, own.create, own.create.definition().path, Some(new)).await?;
        own.read(answer, own.one)
    }

    /// All of these things.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create).
    pub(super) async fn list<T: DeserializeOwned>(&self, own: &Own) -> anyhow::Result<Vec<T>> {
        let path = own.list.definition().path;
        let (mut all, mut target) = (Vec::new(), path.to_owned());
        loop {
            let page = self.ask(own, own.list, &target, None).await?;
            let next = page["nextToken"].as_str().map(encoded);
            all.extend(own.read::<Vec<T>>(page, own.many)?);
            let Some(next) = next else { return Ok(all) };
            target = format!("{path}?nextToken={next}");
        }
    }

    /// Deletes one of these things, and answers what it was.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create).
    pub(super) async fn delete<T: DeserializeOwned>(&self, own: &Own, id: &str) -> anyhow::Result<T> {
        let definition = own.delete.definition();
        let label = |path: String, name| path.replace(&format!("{{{name}}}"), &encoded(id));
        let target = definition.labels().map(|member| member.name).fold(definition.path.to_owned(), label);
        own.read(self.ask(own, own.delete, &target, None).await?, own.one)
    }

    async fn ask(&self, own: &Own, operation: Operation, target: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let Place::Endpoint(endpoint) = &self.place else {
            bail!("{} are made on Windlass servers, and this goes to {}, where {}", own.many, self.place, own.on_aws);
        };
        let Definition { name, method, .. } = operation.definition();
        let url: Url = format!("{endpoint}{target}").parse()?;
        let mut request = Request::builder().method(method).uri(url.as_str()).body(String::new())?;
        if let Some(body) = body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = body.to_string();
        }
        self.sign(&mut request).await?;
        let mut request: reqwest::Request = request.try_into()?;
        *request.timeout_mut() = Some(TOTAL);
        let answer = web::client(&url)?.execute(request).await.map_err(|error| {
            let told = self.no_answer(error.is_timeout());
            anyhow::Error::new(error).context(told)
        })?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.context("the server's answer broke off")?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let kind = headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).unwrap_or(status.as_str());
        let reason = body["message"].as_str().unwrap_or(&text);
        let reason = if reason.is_empty() { "no reason was given" } else { reason };
        bail!("{name} was refused: {}: {}", plain(kind), output::excerpt(reason, 1000))
    }

    async fn sign(&self, request: &mut Request<String>) -> anyhow::Result<()> {
        let keys = self.keys.provide_credentials().await.context("no credentials can be had")?.into();
        let params = v4::SigningParams::builder()
            .identity(&keys)
            .region(&self.region)
            .name("amplify")
            .time(SystemClock.now().into())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = request.uri().to_string();
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Bytes(request.body().as_bytes());
        let signable = SignableRequest::new(request.method().as_str(), url, headers, body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

impl Own {
    fn read<T: DeserializeOwned>(&self, mut answer: Value, member: &str) -> anyhow::Result<T> {
        let found = answer.get_mut(member).map(Value::take).unwrap_or_default();
        // What is wrong with it is not shown: it may hold a secret.
        serde_json::from_value(found).map_err(|_| anyhow!("the server's answer is not one about {}", self.many))
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use aws_sdk_amplify::config::Region;
    use serde_json::json;

    use super::*;
    use crate::client::{keys, subscribers};

    #[tokio::test]
    async fn where_the_place_is_aws_it_is_said_who_has_such_things_there() {
        let place = Place::Aws(Region::from_static("eu-west-1"));
        let client = Client { place, ..Client::local("http://127.0.0.1:1", "A", "S", "eu-west-1") };
        for (own, words) in [
            (&keys::KEYS, "keys are made on Windlass servers, and this goes to AWS in eu-west-1, where IAM has them"),
            (
                &subscribers::SUBSCRIBERS,
                "subscribers are made on Windlass servers, and this goes to AWS in eu-west-1, where Amazon EventBridge \
                 tells of jobs",
            ),
        ] {
            assert_eq!(client.list::<Value>(own).await.unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn an_answer_that_is_something_else_is_not_shown() {
        for answer in [json!(null), json!("s3cret"), json!({ "key": "s3cret" }), json!({ "keys": [] })] {
            let error = keys::KEYS.read::<Vec<String>>(answer, "key").unwrap_err();
            assert_eq!(error.to_string(), "the server's answer is not one about keys");
        }
    }
}
