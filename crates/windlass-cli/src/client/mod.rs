//! The client side of the command line: whatever talks to a server, ours or AWS itself.
//!
//! Every command is AWS's own SDK with a choice of where it goes: see [`Connection`].

mod app;
pub(crate) mod deploy;
pub(crate) mod env;
mod error;
pub(crate) mod jobs;
pub(crate) mod keys;
mod local;
pub(crate) mod output;
mod own;
pub(crate) mod rollback;
pub(crate) mod subscribers;
mod upload;
mod wait;
mod watch;
mod web;

use core::fmt;
use core::time::Duration;
use std::path::{Path, PathBuf};

use anyhow::Context;
use aws_config::BehaviorVersion;
use aws_sdk_amplify::config::retry::RetryConfig;
use aws_sdk_amplify::config::timeout::TimeoutConfig;
use aws_sdk_amplify::config::{Credentials, ProvideCredentials, Region, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use url::Url;
use windlass_aws::JobRef;

use env::quote;
use local::LocalServer;

/// Where a command goes: `--endpoint`, `--data`, AWS's variables, the default data directory, AWS. The first that is there.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Connection {
    /// The server's URL; credentials are found as AWS's clients find theirs [env: AWS_ENDPOINT_URL_AMPLIFY, AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    endpoint: Option<Url>,

    /// The data directory of a server on this machine [default: ./windlass-data, where there is one; else AWS]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Say which server is talked to
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Choice {
    Data(PathBuf),
    Endpoint(Url),
    Aws,
}

impl Connection {
    /// Finds the server and what it takes to talk to it; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Where a server is named without what it takes, or no credentials or region are to be found for it.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        let mut client = match self.choose(|name| std::env::var(name).ok(), Path::new(local::DEFAULT_DATA))? {
            Choice::Data(dir) => LocalServer::read(&dir)?.connect(),
            Choice::Endpoint(url) => Client::discover(Some(url)).await?,
            Choice::Aws => Client::discover(None).await?,
        };
        client.flags = self.flags();
        if self.verbose {
            output::note(format_args!("talking to {}", client.place));
        }
        Ok(client)
    }

    /// The part of a command line that leads to the same server.
    fn flags(&self) -> String {
        match (&self.endpoint, &self.data) {
            (Some(url), _) => format!("--endpoint {} ", quote(url.as_str().trim_end_matches('/'))),
            (None, Some(dir)) => format!("--data {} ", quote(&dir.to_string_lossy())),
            (None, None) => String::new(),
        }
    }

    fn choose(&self, variable: impl Fn(&str) -> Option<String>, default: &Path) -> anyhow::Result<Choice> {
        if let Some(url) = &self.endpoint {
            return Ok(Choice::Endpoint(url.clone()));
        }
        if let Some(dir) = &self.data {
            return Ok(Choice::Data(dir.clone()));
        }
        for name in ["AWS_ENDPOINT_URL_AMPLIFY", "AWS_ENDPOINT_URL"] {
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                let url = value.parse().with_context(|| format!("{name} is not a URL: {value}"))?;
                return Ok(Choice::Endpoint(url));
            }
        }
        // A server that is down must not make AWS the target of what was meant for it: the directory decides, not its files.
        Ok(if default.is_dir() { Choice::Data(default.to_owned()) } else { Choice::Aws })
    }
}

/// Where a client's requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Endpoint(String),
    Aws(Region),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(url) => f.write_str(url),
            Self::Aws(region) => write!(f, "AWS in {region}"),
        }
    }
}

/// A connection to a server of the Amplify API.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    sdk: aws_sdk_amplify::Client,
    place: Place,
    /// What requests are signed with that the SDK does not know.
    keys: SharedCredentialsProvider,
    region: String,
    flags: String,
}

impl Client {
    /// A connection to the server at `endpoint` with these keys.
    pub(crate) fn local(endpoint: &str, access_key: &str, secret_key: &str, region: &str) -> Self {
        let keys = SharedCredentialsProvider::new(Credentials::new(access_key, secret_key, None, None, "windlass"));
        let config = aws_sdk_amplify::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client(endpoint.starts_with("http:")))
            .retry_config(retries())
            .timeout_config(timeouts())
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(keys.clone())
            .build();
        let sdk = aws_sdk_amplify::Client::from_conf(config);
        let place = Place::Endpoint(endpoint.trim_end_matches('/').to_owned());
        Self { sdk, place, keys, region: region.to_owned(), flags: String::new() }
    }

    /// A connection with the credentials and the region that AWS's clients would use, to `endpoint` or else to AWS.
    async fn discover(endpoint: Option<Url>) -> anyhow::Result<Self> {
        let endpoint = endpoint.map(|url| url.as_str().trim_end_matches('/').to_owned());
        let plain = endpoint.as_ref().is_some_and(|url| url.starts_with("http:"));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(plain))
            .retry_config(retries())
            .timeout_config(timeouts());
        if let Some(url) = &endpoint {
            loader = loader.endpoint_url(url);
        }
        let found = loader.load().await;
        let place = match endpoint.as_deref().or(found.endpoint_url()) {
            Some(url) => Place::Endpoint(url.to_owned()),
            None => Place::Aws(found.region().context(NO_REGION)?.clone()),
        };
        let keys = found.credentials_provider().context(NO_CREDENTIALS)?;
        keys.provide_credentials().await.with_context(|| format!("{NO_CREDENTIALS} for {place}"))?;
        let region = found.region().map_or(DEFAULT_REGION, Region::as_ref).to_owned();
        let mut config = aws_sdk_amplify::config::Builder::from(&found);
        if found.region().is_none() {
            config = config.region(Region::from_static(DEFAULT_REGION));
        }
        let sdk = aws_sdk_amplify::Client::from_conf(config.build());
        Ok(Self { sdk, place, keys, region, flags: String::new() })
    }

    /// The command line that does something to `job` from here, for people to copy.
    fn command(&self, verb: &str, job: &JobRef) -> String {
        let JobRef { app_id, branch_name, job_id } = job;
        format!("windlass jobs {verb} {}--app {app_id} --branch {} {job_id}", self.flags, quote(branch_name))
    }

    /// The scheme of the server's sites: that of its API.
    fn scheme(&self) -> &'static str {
        match &self.place {
            Place::Endpoint(url) if url.starts_with("http:") => "http",
            Place::Endpoint(_) | Place::Aws(_) => "https",
        }
    }
}

/// What a server answers to unless told otherwise.
const DEFAULT_REGION: &str = "us-east-1";

const NO_REGION: &str = "no server is named and there is no ./windlass-data, so AWS is meant, which needs a region (AWS_REGION or a profile)";

const NO_CREDENTIALS: &str = "no credentials found (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile)";

/// A server without TLS is spoken to without loading the system's certificates.
fn http_client(plain: bool) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if plain { builder.build_http() } else { builder.tls_provider(Provider::rustls(CryptoMode::Ring)).build_https() }
}

/// Three tries close together: a server that is down is found out in less than a second.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_initial_backoff(Duration::from_millis(100)).with_max_backoff(Duration::from_secs(2))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(20))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_on_the_command_line_comes_before_the_environment() {
        let environment = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://127.0.0.1:1".to_owned());
        let url: Url = "https://deploy.example.com".parse().unwrap();
        let said = Connection { endpoint: Some(url.clone()), ..Connection::default() };
        assert_eq!(said.choose(environment, Path::new(".")).unwrap(), Choice::Endpoint(url));
        let said = Connection { data: Some("elsewhere".into()), ..Connection::default() };
        assert_eq!(said.choose(environment, Path::new(".")).unwrap(), Choice::Data("elsewhere".into()));
    }

    #[test]
    fn the_variable_for_this_service_comes_before_the_one_for_all() {
        let both =
            |name: &str| Some(format!("http://{}.example.com", if name.ends_with("AMPLIFY") { "a" } else { "b" }));
        let chosen = Connection::default().choose(both, Path::new(".")).unwrap();
        assert_eq!(chosen, Choice::Endpoint("http://a.example.com".parse().unwrap()));
    }

    #[test]
    fn a_command_to_copy_leads_to_the_same_server() {
        let connection = Connection { data: Some("my data".into()), ..Connection::default() };
        let client = Client { flags: connection.flags(), ..Client::local("http://127.0.0.1:1", "A", "S", "us-east-1") };
        let command = client.command("stop", &JobRef::new("d1", "a;b", "3"));
        assert_eq!(command, "windlass jobs stop --data 'my data' --app d1 --branch 'a;b' 3");
    }

    #[test]
    fn aws_is_meant_only_where_no_server_of_our_own_ever_was() {
        let connection = Connection::default();
        assert_eq!(connection.choose(|_| Some(String::new()), Path::new("/nonexistent")).unwrap(), Choice::Aws);
        assert_eq!(connection.choose(|_| None, Path::new(".")).unwrap(), Choice::Data(".".into()));
        assert!(connection.choose(|_| Some("no url".into()), Path::new(".")).is_err());
    }
}
