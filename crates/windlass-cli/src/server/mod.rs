//! A whole server: store, API, runner and sites on one directory and one listener.

mod clock;
mod data;
mod domains;
mod listen;
mod post;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass::{Account, Limits};
use windlass_http::{Api, Auth, DomainVerification, Quotas};
use windlass_runner::fetch::{FetchLimits, Fetcher};
use windlass_runner::guard::AddressGuard;
use windlass_runner::{Runner, Settings};
use windlass_site::Sites;
use windlass_sqlite::SqliteStore;
use windlass_store::{Blobs, Clock, Directory, RunnerId, Store};

pub use clock::SystemClock;
pub use data::{Credentials, Data};
pub use domains::HttpCheck;
use listen::Service;
use post::Post;
use upstream::Elsewhere;

/// How a server is to be.
#[derive(Clone)]
pub struct Config {
    /// Where it listens. Port 0 takes any.
    pub listen: SocketAddr,
    /// Where its data is.
    pub data: PathBuf,
    /// Whether requests must be signed.
    pub signed: bool,
    /// Region and account.
    pub account: Account,
    /// Below which name sites are.
    pub site_domain: String,
    /// Networks that sources may be fetched from although they are not public.
    pub allow_source: Vec<ipnet::IpNet>,
    /// How it is found out that domains lead here.
    pub domains: DomainVerification,
    /// How much there may be of what, and how large it may be.
    pub quotas: Quotas,
    /// How many requests a second each key may make.
    pub request_rate: Option<NonZeroU32>,
    /// The time limits of new jobs.
    pub limits: Limits,
    /// How the runner works.
    pub runner: Settings,
    /// What a fetch may take; of bytes never more than the quota for zips.
    pub fetch: FetchLimits,
    /// Where the time comes from.
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
            data,
            signed: true,
            account: Account { region: "us-east-1".to_owned(), id: "000000000000".to_owned() },
            site_domain: "localhost".to_owned(),
            allow_source: Vec::new(),
            domains: DomainVerification::default(),
            quotas: Quotas::default(),
            request_rate: None,
            limits: Limits::default(),
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
    stop: CancellationToken,
    listening: JoinHandle<()>,
    running: JoinHandle<()>,
    tending: JoinHandle<()>,
    telling: JoinHandle<()>,
    drain: Duration,
}

impl Server {
    /// Starts a server. It answers requests when this returns.
    ///
    /// # Errors
    ///
    /// Where the address or the directory cannot be had, and for unsigned requests from elsewhere than
    /// this machine.
    pub async fn start(mut config: Config) -> anyhow::Result<Self> {
        config.site_domain = config.site_domain.trim_matches('.').to_ascii_lowercase();
        ensure!(
            config.signed || config.listen.ip().is_loopback(),
            "without signatures anyone who reaches {} could do anything; listen on 127.0.0.1, or leave signatures on",
            config.listen.ip()
        );
        let listener =
            TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr().context("the listener has no address")?;

        let data = Data::at(&config.data)?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(data.path())?);
        let directory = Directory::open(&data.artifacts()).context("cannot open the artifacts")?;
        let blobs = Blobs::new(Arc::clone(&store), Arc::new(directory));
        let credentials = data.credentials(&config.account.region)?;

        let service = Service {
            api: api(&config, address, &credentials, &store, &blobs).await?,
            sites: Sites::new(Arc::clone(&store), blobs.clone(), config.site_domain.clone())
                .through(Arc::new(Elsewhere::new(config.allow_source.clone())?))
                .logged(Arc::clone(&config.clock)),
        };
        let runner = runner(&config, &store, &blobs)?;
        let endpoint = endpoint(address);
        data.announce(&endpoint)?;

        let stop = CancellationToken::new();
        let tending = tokio::spawn(domains::tend(service.api.clone(), stop.clone()));
        let telling = tokio::spawn({
            let api = service.api.clone();
            async move { api.deliver().await }
        });
        let listening = tokio::spawn(listen::listen(listener, service, stop.clone()));
        let running = tokio::spawn({
            let stop = stop.clone();
            async move { runner.run(stop).await }
        });
        Ok(Self { data, credentials, endpoint, stop, listening, running, tending, telling, drain: config.drain })
    }

    /// The URL of the API.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
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
            // A task that panicked has said so already.
            let _ = tokio::join!(self.listening, self.running, self.tending, self.telling);
        };
        if tokio::time::timeout(self.drain, all).await.is_err() {
            tracing::warn!(
                "jobs were still in hand after {} seconds; the next start takes them up",
                self.drain.as_secs()
            );
        }
    }
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
        courier: Some(Arc::new(Post::new(config.allow_source.clone())?)),
    };
    let api = Api::new(Arc::clone(store), blobs.clone(), Arc::clone(&config.clock), auth, settings).await;
    api.context("cannot read the store's secret")
}

fn runner(config: &Config, store: &Arc<dyn Store>, blobs: &Blobs) -> anyhow::Result<Runner> {
    let guard = AddressGuard::new(config.allow_source.clone());
    let bytes = config.fetch.bytes.min(config.quotas.zip_size());
    let fetcher = Fetcher::new(guard, FetchLimits { bytes, ..config.fetch })?;
    let id = RunnerId(format!("{:016x}", getrandom::u64().context("no random numbers")?));
    let (store, clock) = (Arc::clone(store), Arc::clone(&config.clock));
    Ok(Runner::new(id, store, blobs.clone(), clock, fetcher, config.runner.clone()))
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
