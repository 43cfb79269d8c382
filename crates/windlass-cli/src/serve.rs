//! `windlass serve`: a server until it is told to stop.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use ipnet::IpNet;
use tokio::signal::unix::{SignalKind, signal};
use windlass::Account;
use windlass_cli::server::{Config, DatabaseUrl, HttpCheck, Roles, Server, s3_access};
use windlass_http::{DomainVerification, InvalidQuota, Quota, Quotas};
use windlass_runner::{Settings, Upkeep};

use crate::artifacts::ArtifactArgs;
use crate::builds::BuildArgs;
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

    /// The PostgreSQL database to share with other servers, instead of one of its own in --data; sslmode is disable, require or
    /// verify-full, and the latter two are the same
    #[arg(long, value_name = "postgres://…", env = "WINDLASS_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,

    /// What this process does of what a server does: api, runner, site, with commas between them. Processes that share a
    /// database need not do the same
    #[arg(long, value_name = "ROLES", default_value_t = Roles::ALL, env = "WINDLASS_ROLES")]
    roles: Roles,

    #[command(flatten)]
    artifacts: ArtifactArgs,

    /// How many successful jobs of a branch keep their artifacts, so that they can be gone back to; 0 is all [default: all]
    #[arg(long, value_name = "N", env = "WINDLASS_KEEP")]
    keep: Option<u64>,

    /// How requests prove who sent them
    #[arg(long, value_enum, default_value_t = Auth::Sigv4)]
    auth: Auth,

    /// A network that sources may be fetched from although it is not public; may be repeated
    #[arg(long, value_name = "CIDR")]
    allow_source: Vec<IpNet>,

    #[command(flatten)]
    builds: BuildArgs,

    /// Let repositories be folders of this machine, named by their absolute paths: whoever may make apps can read whatever
    /// repository this process can
    #[arg(long)]
    allow_local_repositories: bool,

    /// Ask the repositories of all apps every so often what was pushed, and build it, for those whose forges cannot call a
    /// webhook here [default: never]
    #[arg(long, value_name = "SECONDS", env = "WINDLASS_POLL_REPOSITORIES", value_parser = clap::value_parser!(u64).range(10..=86_400))]
    poll_repositories: Option<u64>,

    /// How it is found out that an associated domain leads here
    #[arg(long, value_enum, default_value_t = Verification::Offline)]
    domain_verification: Verification,

    /// The name below which sites are: BRANCH.APPID.NAME
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    site_domain: String,

    /// A limit on how much there may be of something; may be repeated; `--quota help` lists the names
    #[arg(long, value_name = "NAME=N", value_parser = quota)]
    quota: Vec<QuotaArg>,

    /// How many requests a second each key may make, after a rest twice as many at once [default: any number]
    #[arg(long, value_name = "N")]
    request_rate: Option<NonZeroU32>,

    /// How many jobs may work at a time, in all processes that share a database
    #[arg(long, value_name = "N", default_value_t = Settings::default().concurrent, value_parser = clap::value_parser!(u64).range(1..))]
    concurrent_jobs: u64,

    /// How long a job stays with a process that is not heard of any more before another takes it up; the same for all that
    /// share a database
    #[arg(long, value_name = "SECONDS", default_value_t = Settings::default().lease.as_secs(), env = "WINDLASS_LEASE", value_parser = clap::value_parser!(u64).range(1..=3600))]
    lease: u64,

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

/// A limit that is set, or the question which there are.
#[derive(Clone, Debug)]
enum QuotaArg {
    Help,
    Limit(Quota, String),
}

fn quota(text: &str) -> Result<QuotaArg, InvalidQuota> {
    if text == "help" {
        return Ok(QuotaArg::Help);
    }
    let (name, limit) = text.split_once('=').unwrap_or((text, ""));
    let quota = name.parse()?;
    Quotas::default().set(quota, limit)?;
    Ok(QuotaArg::Limit(quota, limit.to_owned()))
}

/// The limits that are set, or the quota that is set more than once.
fn quotas(args: &[QuotaArg]) -> anyhow::Result<Result<Quotas, Quota>> {
    let mut quotas = Quotas::default();
    for arg in args {
        if let QuotaArg::Limit(quota, limit) = arg
            && quotas.set(*quota, limit)?.is_some()
        {
            return Ok(Err(*quota));
        }
    }
    Ok(Ok(quotas))
}

fn list_quotas() -> anyhow::Result<()> {
    output::line(format_args!("{:<23}  {:>10}  {:>10}", "QUOTA", "AWS", "DEFAULT"))?;
    for quota in Quota::ALL {
        let default = quota.unless_set().map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        output::line(format_args!("{:<23}  {:>10}  {default:>10}", quota.as_str(), quota.of_aws()))?;
    }
    output::note(format_args!("sizes are in bytes; how many jobs work at a time is --concurrent-jobs"));
    Ok(())
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is 12 digits".to_owned())
    }
}

impl Args {
    fn config(self, quotas: Quotas) -> anyhow::Result<Config> {
        let Self {
            listen,
            metrics_listen,
            log_format: _,
            data,
            database_url,
            roles,
            artifacts,
            keep,
            auth,
            allow_source,
            builds,
            allow_local_repositories,
            poll_repositories,
            domain_verification,
            site_domain,
            quota: _,
            request_rate,
            concurrent_jobs,
            lease,
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
            database: database_url,
            roles,
            signed: auth == Auth::Sigv4,
            s3: Some(s3_access(|name| std::env::var(name).ok(), &region)?),
            account: Account { region, id: account },
            site_domain,
            allow_source,
            builds: builds.config()?,
            allow_local_repositories,
            poll_repositories: poll_repositories.map(Duration::from_secs),
            domains,
            quotas,
            request_rate,
            artifacts: artifacts.artifacts(),
            // 0 is as good as not said.
            upkeep: Upkeep { keep: keep.and_then(NonZeroU64::new), ..Upkeep::default() },
            runner: Settings { concurrent: concurrent_jobs, lease: Duration::from_secs(lease), ..Settings::default() },
            ..Config::new(data)
        })
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.quota.iter().any(|arg| matches!(arg, QuotaArg::Help)) {
        list_quotas()?;
        return Ok(ExitCode::SUCCESS);
    }
    let quotas = match quotas(&args.quota)? {
        Ok(quotas) => quotas,
        Err(twice) => {
            output::note(format_args!("windlass: --quota {twice} is said more than once"));
            return Ok(ExitCode::from(2));
        }
    };
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
    let (roles, shared) = (args.roles, args.database_url.is_some());
    if roles != Roles::ALL && !shared {
        output::note(format_args!(
            "windlass: without --database-url no other process can do what this one does not; its roles are {roles}"
        ));
    }
    let server = Server::start(args.config(quotas)?).await?;
    output::line(format_args!("windlass serves {}", server.endpoint()))?;
    if roles != Roles::ALL {
        output::line(format_args!("  roles        {roles}"))?;
    }
    output::line(format_args!("  data         {}", server.data().path().display()))?;
    output::line(format_args!("  builds       {}", server.builds().await))?;
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
