//! `windlass keys`: key pairs for others, made and revoked while the server runs.

use core::fmt::Display;
use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::builder::NonEmptyStringValueParser;
use serde::{Deserialize, Serialize};
use serde_json::json;
use windlass_http::operations::{Operation, Role};

use super::output::{self, Format, plain};
use super::own::Own;
use super::{Client, Connection};

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

pub(super) const KEYS: Own = Own {
    create: Operation::CreateKey,
    list: Operation::ListKeys,
    delete: Operation::DeleteKey,
    one: "key",
    many: "keys",
    on_aws: "IAM has them",
};

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
            created(&client.create(&KEYS, &body).await?, format)?;
        }
        Command::List { connection } => listed(&connection.connect().await?.list(&KEYS).await?, format)?,
        Command::Revoke { key, connection } => {
            let key: Key = connection.connect().await?.delete(&KEYS, &key).await?;
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

impl Client {
    /// The ids of these apps. What stands for all of them stays.
    async fn ids(&self, apps: &[String]) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        for app in apps {
            ids.push(if app == "*" { app.clone() } else { self.app(app).await?.id });
        }
        Ok(ids)
    }
}
