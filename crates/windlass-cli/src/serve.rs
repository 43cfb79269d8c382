//! `windlass serve`: a server until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use ipnet::IpNet;
use tokio::signal::unix::{SignalKind, signal};
use windlass::Account;
use windlass_cli::server::{Config, HttpCheck, Server};
use windlass_http::DomainVerification;
use windlass_runner::Settings;

use crate::client::output;
use crate::logging::{LogFormat, Logging};

/// Serve the API and the sites
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes any
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8420", env = "WINDLASS_LISTEN")]
    listen: SocketAddr,

    /// Where to listen for those who may see the metrics, who are not asked who they are; without it, programs on this machine
    /// see them below --listen, and nobody else does
    #[arg(long, value_name = "ADDRESS:PORT", env = "WINDLASS_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,

    /// In which form to log, to standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "WINDLASS_LOG_FORMAT")]
    log_format: LogFormat,

    /// Where to keep everything
    #[arg(long, value_name = "DIR", default_value = "windlass-data", env = "WINDLASS_DATA")]
    data: PathBuf,

    /// How requests prove who sent them
    #[arg(long, value_enum, default_value_t = Auth::Sigv4)]
    auth: Auth,

    /// A network that sources may be fetched from although it is not public; may be repeated
    #[arg(long, value_name = "CIDR")]
    allow_source: Vec<IpNet>,

    /// How it is found out that an associated domain leads here
    #[arg(long, value_enum, default_value_t = Verification::Offline)]
    domain_verification: Verification,

    /// The name below which sites are: BRANCH.APPID.NAME
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    site_domain: String,

    /// How many jobs may work at a time
    #[arg(long, value_name = "N", default_value_t = Settings::default().concurrent, value_parser = clap::value_parser!(u64).range(1..))]
    concurrent_jobs: u64,

    /// The region to answer for
    #[arg(long, default_value = "us-east-1")]
    region: String,

    /// The account to answer for
    #[arg(long, value_name = "12 DIGITS", default_value = "000000000000", value_parser = account)]
    account: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Auth {
    /// By AWS Signature Version 4
    Sigv4,
    /// Not at all; only on a loopback address
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Verification {
    /// Not at all: every domain is taken to
    Offline,
    /// By asking for a proof under its name, as DNS resolves it
    Dns,
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is 12 digits".to_owned())
    }
}

impl Args {
    fn config(self) -> anyhow::Result<Config> {
        let Self {
            listen,
            metrics_listen,
            log_format: _,
            data,
            auth,
            allow_source,
            domain_verification,
            site_domain,
            concurrent_jobs,
            region,
            account,
        } = self;
        let domains = match domain_verification {
            Verification::Offline => DomainVerification::Offline,
            Verification::Dns => DomainVerification::Dns(Arc::new(HttpCheck::new(allow_source.clone())?)),
        };
        Ok(Config {
            listen,
            metrics_listen,
            signed: auth == Auth::Sigv4,
            account: Account { region, id: account },
            site_domain,
            allow_source,
            domains,
            runner: Settings { concurrent: concurrent_jobs, ..Settings::default() },
            ..Config::new(data)
        })
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    for_the_owner_alone();
    let _logging = Logging::start(args.log_format)?;
    // Before anyone can know that we are here, so that no signal is missed.
    let stop = Stop::listen()?;
    let signed = args.auth == Auth::Sigv4;
    if !signed && !args.listen.ip().is_loopback() {
        output::note(format_args!(
            "windlass: --auth none is for loopback addresses only, and {} is none; anyone who reaches it could do anything",
            args.listen.ip()
        ));
        return Ok(ExitCode::from(2));
    }
    let server = Server::start(args.config()?).await?;
    output::line(format_args!("windlass serves {}", server.endpoint()))?;
    output::line(format_args!("  data         {}", server.data().path().display()))?;
    if let Some(address) = server.metrics_address() {
        output::line(format_args!("  metrics      http://{address}/metrics"))?;
    }
    if signed {
        output::line(format_args!("  credentials  {}", server.data().credentials_path().display()))?;
    }
    output::line(format_args!(
        "  to point AWS's clients at it:  eval \"$(windlass env --data {})\"",
        server.data().path().display()
    ))?;
    stop.wait().await;
    output::note(format_args!("stopping; what has begun may end"));
    let again = Stop::listen()?;
    tokio::select! {
        () = server.shut_down() => {}
        () = again.wait() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Whatever this process writes from now on, in a directory that others may read, too, only its owner can read.
pub(crate) fn for_the_owner_alone() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// SIGINT and SIGTERM, from the moment this is made.
pub(crate) struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub(crate) async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
