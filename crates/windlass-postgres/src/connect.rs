//! How the database is reached: its URL, TLS, the settings of a session, and the pool.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{OpenError, Options};

/// After how long without a word a connection is asked whether it is one still. One that does not take what is sent is given
/// up after twice as long.
const SILENCE: Duration = Duration::from_secs(10);

/// Where the database is and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Server {
    config: Config,
    tls: MakeRustlsConnect,
}

/// A connection's own work, which goes on as long as it is used.
pub(crate) type Work = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

impl Server {
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, OpenError> {
        let Parsed { url, ssl_mode, root } = Parsed::of(url)?;
        // Its errors name the part that is wrong, and nothing of what stands there.
        let mut config: Config =
            url.parse().map_err(|error: tokio_postgres::Error| OpenError::Url(error.to_string()))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(OpenError::Url("it names no host".to_owned()));
        }
        config.ssl_mode(match ssl_mode.unwrap_or_else(|| unless_said(&config)) {
            Encryption::Off => SslMode::Disable,
            Encryption::Verified => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name(&options.application_name);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.wait);
        }
        // Where packets are lost nobody says so. Without these a call would wait for a quarter of an hour.
        config.keepalives_idle(SILENCE).keepalives_interval(SILENCE / 3).keepalives_retries(3);
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(2 * SILENCE);
        }
        config.options(session(config.get_options(), options));
        Ok(Self { config, tls: MakeRustlsConnect::new(tls(root.as_deref())?) })
    }

    /// A connection outside the pool, and what has to be polled for it to live.
    pub(crate) async fn connect(&self) -> Result<(Client, Work), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }

    pub(crate) fn pool(&self, options: &Options) -> Result<Pool, OpenError> {
        // A broken connection is known to be one before it is used: its end has been heard.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        Pool::builder(Manager::from_config(self.config.clone(), self.tls.clone(), recycling))
            .max_size(options.connections.max(2))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.wait))
            .create_timeout(Some(options.wait))
            .build()
            .map_err(|error| OpenError::Unfit { at: self.to_string(), reason: error.to_string() })
    }
}

/// Host and name, and nothing secret.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => f.write_str(host)?,
            Some(Host::Unix(path)) => write!(f, "{}", path.display())?,
            None => match self.config.get_hostaddrs().first() {
                Some(address) => write!(f, "{address}")?,
                None => f.write_str("?")?,
            },
        }
        write!(f, "/{}", self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or_default())
    }
}

/// Settings of each session, after those of the URL.
fn session(own: Option<&str>, options: &Options) -> String {
    let Options { statement_timeout, lock_timeout, idle_in_transaction_timeout, .. } = options;
    format!(
        "{} -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={}",
        own.unwrap_or_default(),
        statement_timeout.as_millis(),
        lock_timeout.as_millis(),
        idle_in_transaction_timeout.as_millis()
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    Off,
    Verified,
}

/// A URL without the parts about TLS, which are ours.
struct Parsed {
    url: String,
    ssl_mode: Option<Encryption>,
    root: Option<String>,
}

impl Parsed {
    fn of(url: &str) -> Result<Self, OpenError> {
        let error = |reason: &str| OpenError::Url(reason.to_owned());
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(error("it has to begin with postgres://"));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut ssl_mode, mut root, mut others) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("sslmode", "disable") => ssl_mode = Some(Encryption::Off),
                ("sslmode", "require" | "verify-full") => ssl_mode = Some(Encryption::Verified),
                ("sslmode", _) => return Err(error("sslmode is disable, require or verify-full")),
                ("sslrootcert", path) => {
                    let path = percent_decode_str(path).decode_utf8();
                    root = Some(path.map_err(|_| error("sslrootcert is not UTF-8"))?.into_owned());
                }
                _ => others.push(pair),
            }
        }
        let url = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
        Ok(Self { url, ssl_mode, root })
    }
}

fn unless_said(config: &Config) -> Encryption {
    let is_here = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    let here = config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    if here { Encryption::Off } else { Encryption::Verified }
}

fn tls(root: Option<&str>) -> Result<ClientConfig, OpenError> {
    let failed = |error: &dyn fmt::Display| OpenError::Certificates(error.to_string());
    let mut roots = RootCertStore::empty();
    match root {
        Some(path) => {
            let named = |error: &dyn fmt::Display| failed(&format_args!("{path}: {error}"));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| named(&error))? {
                roots.add(certificate.map_err(|error| named(&error))?).map_err(|error| named(&error))?;
            }
            if roots.is_empty() {
                return Err(named(&"there is none in it"));
            }
        }
        // One that cannot be read only matters to a server that needs it.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = rustls::crypto::ring::default_provider();
    let builder = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions();
    Ok(builder.map_err(|error| failed(&error))?.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, Utc};
    use windlass_store::ManualClock;

    use super::*;

    #[test]
    fn a_connection_on_which_packets_are_lost_is_given_up_unless_the_url_says_otherwise() {
        let patience = |url: &str| server(url).expect("a URL").config.get_tcp_user_timeout().copied();
        assert_eq!(patience("postgres://db.example.com/x"), Some(Duration::from_secs(20)));
        assert_eq!(patience("postgres://db.example.com/x?tcp_user_timeout=60"), Some(Duration::from_secs(60)));
    }

    fn server(url: &str) -> Result<Server, OpenError> {
        Server::new(url, &Options::new(Arc::new(ManualClock::at(DateTime::<Utc>::UNIX_EPOCH))))
    }

    #[test]
    fn a_server_elsewhere_has_to_prove_who_it_is_unless_told_otherwise() {
        let mode = |url| server(url).unwrap().config.get_ssl_mode();
        for url in [
            "postgres://u@db.example/x",
            "postgres://u@10.0.0.1/x?sslmode=require",
            "postgresql://localhost/x?sslmode=verify-full",
        ] {
            assert_eq!(mode(url), SslMode::Require, "{url}");
        }
        for url in [
            "postgres://u@localhost/x",
            "postgres://u@127.0.0.1/x",
            "postgres://u@%2Ftmp/x",
            "postgres:///x?host=/tmp",
            "postgres://u@db.example/x?sslmode=disable",
        ] {
            assert_eq!(mode(url), SslMode::Disable, "{url}");
        }
    }

    #[test]
    fn no_message_tells_the_password() {
        let urls = [
            "postgres://u:hunter2@host:port/x",
            "postgres://u:hunter2@host/x?sslmode=prefer",
            "postgres://u:hunter2@host/x?hunter3=1&sslrootcert=/nowhere",
            "mysql://u:hunter2@host/x",
            "postgres://u:hunter2@host/x?connect_timeout=hunter2",
            "postgres://u:hunter2@/x",
        ];
        for url in urls {
            let error = server(url).err().unwrap_or_else(|| panic!("{url} is taken")).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(server("postgres://u:hunter2@host/x").unwrap().to_string(), "host/x");
    }
}
