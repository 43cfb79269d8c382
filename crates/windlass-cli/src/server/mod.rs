//! A whole server: store, API, runner and sites on one directory and one listener.

mod artifacts;
mod builds;
mod clock;
mod credentials;
mod data;
mod database;
mod domains;
mod duties;
mod listen;
mod metrics;
mod poll;
mod post;
mod roles;
mod s3;
mod service;
mod unread;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::net::TcpListener;
use tokio::sync::SetOnce;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass::{Account, Limits};
use windlass_git::Git;
use windlass_http::{Api, Auth, DomainVerification, JobCounts, Quotas};
use windlass_jail::{Isolation, Network};
use windlass_runner::fetch::{FetchLimits, Fetcher};
use windlass_runner::guard::AddressGuard;
use windlass_runner::s3::{Access, S3};
use windlass_runner::{Builds, Janitor, Runner, Settings, Sources, Tried, Upkeep};
use windlass_site::Sites;
use windlass_sqlite::SqliteStore;
use windlass_store::{Blobs, Clock, Commits, RunnerId, Store};

pub use artifacts::Artifacts;
pub use builds::BuildConfig;
pub use clock::SystemClock;
pub use credentials::Credentials;
pub use data::Data;
pub use database::DatabaseUrl;
pub use domains::HttpCheck;
use duties::Duties;
pub use listen::{Answer, listen};
use metrics::Metrics;
use poll::Poller;
use post::Post;
pub use roles::{InvalidRoles, Roles};
pub use s3::access as s3_access;
use service::Service;
use upstream::Elsewhere;

/// How a server is to be.
#[derive(Clone)]
pub struct Config {
    /// Where it listens. Port 0 takes any.
    pub listen: SocketAddr,
    /// Where it listens for those who may see the metrics, beside programs on this machine, who see them on
    /// [`listen`](Self::listen). They are not asked who they are. Port 0 takes any.
    pub metrics_listen: Option<SocketAddr>,
    /// Where its data is.
    pub data: PathBuf,
    /// The PostgreSQL database that it shares with other servers; without one, it has a database of its own among its data.
    pub database: Option<DatabaseUrl>,
    /// What it does of what a server does. What it does not, others do that share the database.
    pub roles: Roles,
    /// Whether requests must be signed.
    pub signed: bool,
    /// Region and account.
    pub account: Account,
    /// Below which name sites are.
    pub site_domain: String,
    /// Networks that sources may be fetched from although they are not public.
    pub allow_source: Vec<ipnet::IpNet>,
    /// Where sources in S3 are read; without it they are refused.
    pub s3: Option<Access>,
    /// How repositories are built.
    pub builds: BuildConfig,
    /// How it is found out that domains lead here.
    pub domains: DomainVerification,
    /// How much there may be of what, and how large it may be.
    pub quotas: Quotas,
    /// How many requests a second each key may make.
    pub request_rate: Option<NonZeroU32>,
    /// Whether repositories may be folders of this machine.
    pub allow_local_repositories: bool,
    /// How often repositories are asked what was pushed to them, for those whose forges cannot call; never without it.
    pub poll_repositories: Option<Duration>,
    /// The time limits of new jobs.
    pub limits: Limits,
    /// Where large artifacts lie.
    pub artifacts: Artifacts,
    /// How long artifacts are kept.
    pub upkeep: Upkeep,
    /// How the runner works.
    pub runner: Settings,
    /// What a fetch may take; of bytes never more than the quota for zips.
    pub fetch: FetchLimits,
    /// Where the time comes from. Servers that share a database go by the database's clock, and by this one only for how
    /// long something takes.
    pub clock: Arc<dyn Clock>,
    /// How long jobs in hand may take to end once the server stops. What has not ended then is taken up
    /// again at the next start.
    pub drain: Duration,
}

impl Config {
    /// A server on `data` with everything else as `windlass serve` has it.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
            metrics_listen: None,
            data,
            database: None,
            roles: Roles::ALL,
            signed: true,
            account: Account { region: "us-east-1".to_owned(), id: "000000000000".to_owned() },
            site_domain: "localhost".to_owned(),
            allow_source: Vec::new(),
            s3: None,
            builds: BuildConfig::default(),
            domains: DomainVerification::default(),
            quotas: Quotas::default(),
            request_rate: None,
            allow_local_repositories: false,
            poll_repositories: None,
            limits: Limits::default(),
            artifacts: Artifacts::default(),
            upkeep: Upkeep::default(),
            runner: Settings::default(),
            fetch: FetchLimits { bytes: u64::MAX, ..FetchLimits::default() },
            clock: Arc::new(SystemClock),
            drain: Duration::from_secs(20),
        }
    }
}

/// A server that answers requests.
pub struct Server {
    data: Data,
    credentials: Credentials,
    endpoint: String,
    isolation: (Isolation, Network),
    builds: Tried,
    metrics: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    drain: Duration,
}

impl Server {
    /// Starts a server. It answers requests when this returns.
    ///
    /// # Errors
    ///
    /// Where the address or the directory cannot be had, for unsigned requests from elsewhere than this machine, and
    /// where repositories are to be asked without a pause.
    pub async fn start(mut config: Config) -> anyhow::Result<Self> {
        config.site_domain = config.site_domain.trim_matches('.').to_ascii_lowercase();
        ensure!(
            config.signed || config.listen.ip().is_loopback(),
            "without signatures anyone who reaches {} could do anything; listen on 127.0.0.1, or leave signatures on",
            config.listen.ip()
        );
        ensure!(config.poll_repositories != Some(Duration::ZERO), "repositories cannot be polled every 0 seconds");
        let (listener, address) = bind(config.listen).await?;
        let metrics_listener = match config.metrics_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };

        let data = Data::at(&config.data)?;
        let commits = Commits::new(Arc::clone(&config.clock));
        let stop = CancellationToken::new();
        let mut tasks = Vec::new();
        let (region, url) = (config.account.region.clone(), config.database.clone());
        let (store, credentials, duties): (Arc<dyn Store>, _, _) = match url {
            Some(url) => {
                let (store, clock) = url.share(&config.clock, commits.clone()).await?;
                tasks.push(tokio::spawn(Arc::clone(&clock).follow(Arc::clone(&store), stop.clone())));
                config.clock = clock;
                let credentials = Credentials::of_all(&data, &region, &*store, &*config.clock).await?;
                let duties = Duties::Shared(Arc::clone(&store) as _, Arc::clone(&config.clock));
                (store, credentials, duties)
            }
            None => {
                let store = Arc::new(SqliteStore::open_counted(data.path(), commits.clone())?);
                (store, Credentials::of_one(&data, &region)?, Duties::Alone)
            }
        };
        let blobs = Blobs::new(Arc::clone(&store), config.artifacts.open(data.path())?);

        let api = api(&config, address, &credentials, &store, &blobs).await?;
        let sites = Sites::new(Arc::clone(&store), blobs.clone(), config.site_domain.clone())
            .through(Arc::new(Elsewhere::new(config.allow_source.clone())?))
            .logged(Arc::clone(&config.clock));
        let builds = builds(&config);
        let runner = runner(&config, &store, &blobs, Arc::clone(&builds))?;
        let jobs = JobCounts::new(Arc::clone(&store), Arc::clone(&config.clock));
        let metrics = Metrics::new(&api, &runner, &commits, jobs.clone(), &*config.clock);
        let endpoint = endpoint(address);
        data.announce(&endpoint)?;

        let (metrics_listener, metrics_address) = metrics_listener.unzip();
        if let Some(listener) = metrics_listener {
            tasks.push(tokio::spawn(listen(listener, metrics.clone(), stop.clone())));
        }
        let janitor = Janitor::new(Arc::clone(&store), blobs.clone(), Arc::clone(&config.clock), config.upkeep);
        tasks.extend(do_duties(&config, &duties, &api, &store, janitor, &builds, &stop));
        let (roles, clock) = (config.roles, config.database.as_ref().map(|_| Arc::clone(&config.clock)));
        tasks.push(tokio::spawn(Service { api, sites, metrics, roles, clock }.run(listener, stop.clone())));
        tasks.push(tokio::spawn({
            let stop = stop.clone();
            async move { jobs.follow(stop.cancelled()).await }
        }));
        tasks.push(tokio::spawn({
            let stop = stop.clone();
            async move { runner.run(stop).await }
        }));
        Ok(Self {
            data,
            credentials,
            endpoint,
            isolation: (config.builds.isolation, config.builds.network),
            builds,
            metrics: metrics_address,
            stop,
            tasks,
            drain: config.drain,
        })
    }

    /// The URL of the API.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How repositories are built, or why they are not, in words. That is tried out while requests are answered already.
    pub async fn builds(&self) -> String {
        let (isolation, network) = self.isolation;
        match self.builds.wait().await {
            Ok(_) => format!("isolation {isolation}, network {network}"),
            Err(why) => format!("none: {why}"),
        }
    }

    /// Where the metrics have an address of their own, that.
    #[must_use]
    pub const fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// The key pair that may do everything.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Its directory.
    #[must_use]
    pub const fn data(&self) -> &Data {
        &self.data
    }

    /// Takes no more connections and no more jobs, and returns when what has begun has ended, or has had
    /// its time.
    pub async fn shut_down(self) {
        self.stop.cancel();
        let all = async {
            for task in self.tasks {
                // If it has panicked, it has said so.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(self.drain, all).await.is_err() {
            tracing::warn!(
                "jobs were still in hand after {} seconds; the next start takes them up",
                self.drain.as_secs()
            );
        }
    }
}

/// Does what one process does for all, while that is this one.
fn do_duties(
    config: &Config,
    duties: &Duties,
    api: &Api,
    store: &Arc<dyn Store>,
    janitor: Janitor,
    builds: &Tried,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let (janitor, tended, told) = (Arc::new(janitor), api.clone(), api.clone());
    let upkeep = duties.clone().take("upkeep", stop.clone(), move |stop| {
        let janitor = Arc::clone(&janitor);
        async move { janitor.run(stop).await }
    });
    let domains = duties.clone().take("domains", stop.clone(), move |stop| domains::tend(tended.clone(), stop));
    let events = duties.clone().take("events", stop.clone(), move |_| {
        let api = told.clone();
        // It hears of the stop by the API's closing.
        async move { api.deliver().await }
    });
    let mut tasks = vec![tokio::spawn(upkeep), tokio::spawn(domains), tokio::spawn(events)];
    if let Some(every) = config.poll_repositories.filter(|_| config.roles.runner) {
        let (config, store, builds) = (config.clone(), Arc::clone(store), Arc::clone(builds));
        let poll = move |stop| poll(config.clone(), Arc::clone(&store), Arc::clone(&builds), every, stop);
        tasks.push(tokio::spawn(duties.clone().take("repositories", stop.clone(), poll)));
    }
    tasks
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    Ok((listener, address))
}

async fn api(
    config: &Config,
    address: SocketAddr,
    credentials: &Credentials,
    store: &Arc<dyn Store>,
    blobs: &Blobs,
) -> anyhow::Result<Api> {
    let auth = if config.signed {
        let secret = credentials.secret_access_key.parse()?;
        Auth::SigV4(BTreeMap::from([(credentials.access_key_id.clone(), secret)]))
    } else {
        Auth::None
    };
    let settings = windlass_http::Settings {
        account: config.account.clone(),
        site_authority: site_authority(&config.site_domain, address),
        limits: config.limits,
        quotas: config.quotas.clone(),
        request_rate: config.request_rate,
        domains: config.domains.clone(),
        allow_local_repositories: config.allow_local_repositories,
        courier: Some(Arc::new(Post::new(config.allow_source.clone())?)),
        closed: (!config.roles.api).then(|| config.roles.refusal("The API is answered", "api")),
    };
    let api = Api::new(Arc::clone(store), blobs.clone(), Arc::clone(&config.clock), auth, settings).await;
    api.context("cannot read the store's secret")
}

/// What repositories are built with, or why they are not. That is tried out in processes, for which nobody waits but builds.
fn builds(config: &Config) -> Tried {
    if !config.roles.runner {
        return Arc::new(SetOnce::new_with(Some(Err("this process does not have the role runner".into()))));
    }
    let git = Git { allow_local: config.allow_local_repositories, ..Git::default() };
    let guard = AddressGuard::new(config.allow_source.clone());
    let (config, data, account) = (config.builds.clone(), config.data.clone(), config.account.clone());
    let tried = Tried::default();
    let told = Arc::clone(&tried);
    tokio::task::spawn_blocking(move || {
        // Nobody else sets it.
        let _ = told.set(config.open(&data, git, guard, account));
    });
    tried
}

/// Asks repositories every so often what was pushed, if it can be built.
async fn poll(config: Config, store: Arc<dyn Store>, builds: Tried, every: Duration, stop: CancellationToken) {
    match stop.run_until_cancelled(builds.wait()).await {
        Some(Ok(Builds { git, guard, .. })) => {
            let poller = Poller::new(store, config.clock, git.clone(), guard.clone(), config.limits);
            poller.run(every, stop).await;
        }
        Some(Err(why)) => tracing::warn!("repositories are not polled, since this server does not build them: {why}"),
        None => {}
    }
}

fn runner(config: &Config, store: &Arc<dyn Store>, blobs: &Blobs, builds: Tried) -> anyhow::Result<Runner> {
    let guard = AddressGuard::new(config.allow_source.clone());
    let bytes = config.fetch.bytes.min(config.quotas.zip_size());
    let limits = FetchLimits { bytes, ..config.fetch };
    let s3 = config.s3.clone().map(|access| S3::new(access, limits)).transpose()?;
    let sources = Sources { web: Fetcher::new(guard, limits)?, s3, builds };
    let id = RunnerId(format!("{:016x}", getrandom::u64().context("no random numbers")?));
    let (store, clock) = (Arc::clone(store), Arc::clone(&config.clock));
    let mut settings = config.runner.clone();
    if !config.roles.runner {
        // It ends what is overdue, as every process does, so that this hangs on none of them.
        settings.concurrent = 0;
    }
    Ok(Runner::new(id, store, blobs.clone(), clock, sources, settings))
}

/// Where sites are. On this machine they are at the listener's own port; a real domain has a proxy in front of it.
fn site_authority(domain: &str, address: SocketAddr) -> String {
    if domain == "localhost" { format!("{domain}:{}", address.port()) } else { domain.to_owned() }
}

/// The URL under which clients on this machine reach a listener.
fn endpoint(address: SocketAddr) -> String {
    let port = address.port();
    match address {
        address if address.ip().is_unspecified() => format!("http://127.0.0.1:{port}"),
        address => format!("http://{address}"),
    }
}
