//! `windlass subscribers`: who is told of every status change.

use std::process::ExitCode;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Map, Value, json};
use windlass_http::operations::Operation;

use super::Connection;
use super::output::{self, Format, plain};
use super::own::Own;

pub(super) const SUBSCRIBERS: Own = Own {
    create: Operation::CreateSubscriber,
    list: Operation::ListSubscribers,
    delete: Operation::DeleteSubscriber,
    one: "subscriber",
    many: "subscribers",
    on_aws: "Amazon EventBridge tells of jobs",
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Have a URL told of every status change, by requests with a signature of the Standard Webhooks scheme
    Add {
        /// Where the requests go
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        url: String,
        /// Tell of this app only: its name or id
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        app: Option<String>,
        /// Tell of this branch of the app only
        #[arg(long, value_name = "NAME", requires = "app", value_parser = NonEmptyStringValueParser::new())]
        branch: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// Tell what happened after this place, too; 0 is everything [default: from now on]
        #[arg(long, value_name = "CURSOR")]
        since: Option<u64>,
        #[command(flatten)]
        connection: Connection,
    },
    /// List subscribers, and why those that take nothing do not
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Tell a subscriber nothing more
    Remove {
        /// Its id
        id: uuid::Uuid,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Does it.
///
/// # Errors
///
/// Where the server refuses or does not answer.
pub(crate) async fn run(command: Command, format: Format) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add { url, app, branch, description, since, connection } => {
            let client = connection.connect().await?;
            let mut body = json!({ "url": url, "description": description });
            if let Some(app) = app {
                body["appId"] = client.app(&app).await?.id.into();
            }
            if let Some(branch) = branch {
                body["branchName"] = branch.into();
            }
            if let Some(since) = since {
                body["cursor"] = since.into();
            }
            added(&client.create(&SUBSCRIBERS, &body).await?, format)?;
        }
        Command::List { connection } => listed(connection.connect().await?.list(&SUBSCRIBERS).await?, format)?,
        Command::Remove { id, connection } => {
            let removed: Value = connection.connect().await?.delete(&SUBSCRIBERS, &id.to_string()).await?;
            match format {
                Format::Text => output::note(format_args!("{id} is told nothing more")),
                Format::Json => output::json(&removed)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn added(subscriber: &Value, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return output::json(subscriber);
    }
    output::line(format_args!("id      {}", plain(text(subscriber, "subscriberId"))))?;
    output::line(format_args!("secret  {}", plain(text(subscriber, "secret"))))?;
    output::note(format_args!("keep the secret: requests are signed with it, and it is not shown again"));
    Ok(())
}

fn listed(subscribers: Vec<Value>, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return output::json(&Map::from_iter([("subscribers".to_owned(), subscribers.into())]));
    }
    for subscriber in &subscribers {
        let member = |name| text(subscriber, name);
        let whose = match (member("appId"), member("branchName")) {
            ("", _) => "all apps".to_owned(),
            (app, "") => format!("app {app}"),
            (app, branch) => format!("app {app}, branch {branch}"),
        };
        let (id, status, url) = (member("subscriberId"), member("status"), member("url"));
        output::line(format_args!("{}  {:<8}  {}  {}", plain(id), plain(status), plain(url), plain(&whose)))?;
        for words in [member("description"), member("statusReason")].into_iter().filter(|words| !words.is_empty()) {
            output::line(format_args!("    {}", plain(words)))?;
        }
    }
    Ok(())
}

fn text<'a>(subscriber: &'a Value, name: &str) -> &'a str {
    subscriber[name].as_str().unwrap_or_default()
}
