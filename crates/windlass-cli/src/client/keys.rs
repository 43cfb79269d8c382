//! `windlass keys`: key pairs for others, made and revoked while the server runs.
//!
//! These operations are Windlass's own, so AWS's SDK does not have them; its signer signs them all the same.

use core::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use aws_sdk_amplify::config::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use chrono::{DateTime, Utc};
use clap::builder::NonEmptyStringValueParser;
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use windlass_cli::server::SystemClock;
use windlass_http::operations::Role;
use windlass_store::Clock as _;

use super::output::{self, Format, plain};
use super::{Client, Connection, Place, upload};

/// What to do with keys.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Make a key pair; its secret is shown now and never again
    Create {
        /// What it is for: admin (everything), deploy (looking, and deploying to the apps it names) or read (looking)
        #[arg(long, value_name = "ROLE")]
        role: Role,
        /// An app that it is for, by name or id, or '*' for all; may be repeated
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        app: Vec<String>,
        /// What to call it, in refusals and in the list
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the key pairs that were made, without their secrets
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Revoke a key pair: the next request that it signs is refused
    Revoke {
        /// Its access key id
        #[arg(value_name = "ACCESS_KEY_ID", value_parser = NonEmptyStringValueParser::new())]
        key: String,
        #[command(flatten)]
        connection: Connection,
    },
}

/// A key pair as the server shows it. It may hold a secret, and so is not `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    access_key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<String>,
    role: String,
    apps: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(with = "windlass::wire::epoch_seconds")]
    create_time: DateTime<Utc>,
}

#[derive(Deserialize)]
struct OneKey {
    key: Key,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    keys: Vec<Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Does it.
///
/// # Errors
///
/// Where the server refuses or does not answer, or is not a Windlass.
pub(crate) async fn run(command: Command, format: Format) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create { role, app, name, connection } => {
            let client = connection.connect().await?;
            let mut body = json!({ "role": role.as_str() });
            if !app.is_empty() {
                body["apps"] = client.ids(&app).await?.into();
            }
            if let Some(name) = name {
                body["name"] = name.into();
            }
            created(&read::<OneKey>(client.ask(Method::POST, PATH, Some(&body)).await?)?.key, format)?;
        }
        Command::List { connection } => listed(&connection.connect().await?.keys().await?, format)?,
        Command::Revoke { key, connection } => {
            let path = format!("{PATH}/{}", utf8_percent_encode(&key, NON_ALPHANUMERIC));
            let OneKey { key } = read(connection.connect().await?.ask(Method::DELETE, &path, None).await?)?;
            match format {
                Format::Text => output::note(format_args!("key {} is revoked", plain(&key.access_key_id))),
                Format::Json => output::json(&key)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a new key pair as the lines that a shared credentials file has for it.
fn created(key: &Key, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return output::json(key);
    }
    let secret = key.secret_access_key.as_deref().context("the server made a key and did not show its secret")?;
    output::line(format_args!("aws_access_key_id = {}", plain(&key.access_key_id)))?;
    output::line(format_args!("aws_secret_access_key = {}", plain(secret)))?;
    output::note(format_args!("the secret is shown this once; `windlass keys revoke {}` ends it", key.access_key_id));
    Ok(())
}

fn listed(keys: &[Key], format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return output::json(&json!({ "keys": keys }));
    }
    let row = |id: &dyn Display, role: &dyn Display, made: &dyn Display, name: &dyn Display, apps: &dyn Display| {
        output::line(format_args!("{id:<20}  {role:<6}  {made:<19}  {name:<16}  {apps}"))
    };
    row(&"KEY", &"ROLE", &"MADE", &"NAME", &"APPS")?;
    for key in keys {
        let name = plain(key.name.as_deref().unwrap_or_default());
        let apps = key.apps.join(" ");
        row(&plain(&key.access_key_id), &plain(&key.role), &output::time(key.create_time), &name, &plain(&apps))?;
    }
    Ok(())
}

/// Where the operations are.
const PATH: &str = "/-/keys";

impl Client {
    async fn keys(&self) -> anyhow::Result<Vec<Key>> {
        let (mut keys, mut path) = (Vec::new(), PATH.to_owned());
        loop {
            let page: Page = read(self.ask(Method::GET, &path, None).await?)?;
            keys.extend(page.keys);
            let Some(next) = page.next_token else { return Ok(keys) };
            path = format!("{PATH}?nextToken={}", utf8_percent_encode(&next, NON_ALPHANUMERIC));
        }
    }

    /// The ids of these apps. What stands for all of them stays.
    async fn ids(&self, apps: &[String]) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        for app in apps {
            ids.push(if app == "*" { app.clone() } else { self.app(app).await?.id });
        }
        Ok(ids)
    }

    /// Sends a signed request to an operation that AWS's SDK does not know.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let Place::Endpoint(endpoint) = &self.place else {
            bail!("keys are made on Windlass servers, and this goes to {}, where IAM has them", self.place);
        };
        let body = body.map(Value::to_string).unwrap_or_default();
        let url = format!("{endpoint}{path}");
        let request = self.signed(&method, &url, &body).await?;
        let answer = upload::http_for(&url.parse()?)?.request(method, &url).headers(request.headers().clone());
        let answer = answer.timeout(Duration::from_secs(20)).body(body).send().await;
        let answer =
            answer.with_context(|| format!("no server answers at {endpoint}; start one with `windlass serve`"))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.context("the server's answer broke off")?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let kind = headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).unwrap_or(status.as_str());
        let reason = body["message"].as_str().unwrap_or("no reason was given");
        bail!("it was refused: {}: {}", plain(kind), output::excerpt(reason, 1000))
    }

    async fn signed(&self, method: &Method, url: &str, body: &str) -> anyhow::Result<Request<()>> {
        let keys = self.keys.provide_credentials().await.context("no credentials can be had")?.into();
        let params = v4::SigningParams::builder()
            .identity(&keys)
            .region(&self.region)
            .name("amplify")
            .time(SystemTime::from(SystemClock.now()))
            .settings(SigningSettings::default())
            .build()?;
        let mut request = Request::builder().method(method).uri(url).body(())?;
        let signable =
            SignableRequest::new(method.as_str(), url, [].into_iter(), SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(signable, &params.into())?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

fn read<T: for<'de> Deserialize<'de>>(answer: Value) -> anyhow::Result<T> {
    // What is wrong with it is not shown: it may hold a secret.
    serde_json::from_value(answer).map_err(|_| anyhow::anyhow!("the server's answer is not one about keys"))
}
