//! Real processes on one database and one bucket, and what can be done to them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_amplify::Client;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use windlass_cli::server::SystemClock;
use windlass_postgres::{Options, PostgresStore};
use windlass_testkit::Postgres;

use crate::proxy::Proxy;
use crate::s3::S3;
use crate::support::process::{Process, windlass};

/// A database, a bucket, and a folder for the processes.
pub(crate) struct Fleet {
    postgres: Mutex<Option<Postgres>>,
    database: String,
    socket: PathBuf,
    pub(crate) s3: S3,
    folder: TempDir,
    /// The database as it is, past the processes.
    pub(crate) store: Arc<PostgresStore>,
}

/// A process, with a way to the database of its own.
pub(crate) struct Member {
    pub(crate) name: String,
    options: Vec<String>,
    process: Option<Process>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) data: PathBuf,
}

/// How a process is reached.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) endpoint: String,
    pub(crate) client: Client,
}

impl Fleet {
    /// `None`, said aloud, where the machine has no PostgreSQL.
    pub(crate) async fn start() -> Option<Self> {
        let postgres = Postgres::start()?;
        let database = postgres.database("template1");
        let url = postgres.url(&database);
        let socket = postgres.directory().join(".s.PGSQL.5432");
        let store = PostgresStore::open(&url, Options::new(Arc::new(SystemClock))).await.unwrap();
        Some(Self {
            postgres: Mutex::new(Some(postgres)),
            database,
            socket,
            s3: S3::start().await,
            folder: tempfile::tempdir().unwrap(),
            store: Arc::new(store),
        })
    }

    /// A process with these options, which serves when this returns.
    pub(crate) async fn serve(&self, name: &str, options: &[&str]) -> Member {
        self.serve_by(name, options, None).await
    }

    /// The same whose clock is as many seconds ahead. `None`, said aloud, where the machine cannot do that.
    pub(crate) async fn serve_ahead(&self, name: &str, options: &[&str], seconds: i64) -> Option<Member> {
        // It says by which library it does that. Started by it, a process would be its child, and outlive it.
        let asked = Command::new("faketime").args(["-f", "+0s", "printenv", "LD_PRELOAD"]).output();
        if let Ok(told) = asked {
            let library = String::from_utf8(told.stdout).unwrap().trim().to_owned();
            assert!(told.status.success() && !library.is_empty(), "faketime names no library");
            return Some(self.serve_by(name, options, Some((seconds, library))).await);
        }
        assert!(std::env::var_os("WINDLASS_FAKETIME_REQUIRED").is_none(), "there is no faketime on this machine");
        eprintln!("IGNORED: there is no faketime on this machine; Debian's package is `faketime`");
        None
    }

    async fn serve_by(&self, name: &str, options: &[&str], ahead: Option<(i64, String)>) -> Member {
        let mut member = Member {
            name: name.to_owned(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            process: None,
            proxy: Arc::new(Proxy::start(self.socket.clone()).await),
            data: self.folder.path().join(name),
        };
        self.start_again_by(&mut member, ahead).await;
        member
    }

    /// Starts a process that has ended.
    pub(crate) async fn start_again(&self, member: &mut Member) {
        self.start_again_by(member, None).await;
    }

    async fn start_again_by(&self, member: &mut Member, ahead: Option<(i64, String)>) {
        let mut command = windlass();
        if let Some((seconds, library)) = ahead {
            command.env("LD_PRELOAD", library).env("FAKETIME", format!("{seconds:+}s"));
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.log(&member.name)).unwrap();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-source", "127.0.0.0/8"])
            .args(["--artifacts", "s3://bucket/fleet", "--concurrent-jobs", "20", "--data"])
            .arg(&member.data)
            .args(&member.options)
            .envs(self.s3.variables("secret"))
            .env("WINDLASS_DATABASE_URL", member.proxy.url(&self.database))
            .env("RUST_LOG", "info,windlass=debug")
            .env("NO_COLOR", "1")
            .stderr(log);
        // It is waited for until it serves, which its own database may keep it from.
        let started = tokio::task::spawn_blocking(move || Process::started_by(command)).await.unwrap();
        member.process = Some(started);
    }

    /// Where what a process tells is written.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// Stops the database as a power cut would, and starts it again after a while.
    pub(crate) async fn restart_database(&self, pause: Duration) {
        let mut postgres = self.postgres.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap();
        let postgres = tokio::task::spawn_blocking(move || {
            postgres.stop();
            std::thread::sleep(pause);
            postgres.start_again();
            postgres
        });
        let postgres = postgres.await.unwrap();
        *self.postgres.lock().unwrap_or_else(PoisonError::into_inner) = Some(postgres);
    }

    /// Whatever the processes have told, for a test that fails.
    pub(crate) fn told(&self) -> String {
        let logs = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut logs: Vec<_> = logs.filter(|path| path.extension().is_some_and(|it| it == "log")).collect();
        logs.sort();
        let tell =
            |path: PathBuf| format!("== {}\n{}", path.display(), std::fs::read_to_string(&path).unwrap_or_default());
        logs.into_iter().map(tell).collect()
    }

    /// Makes a data directory with a key pair in it, as an earlier life of a process may have left it.
    pub(crate) fn folder_with_credentials(&self, name: &str, id: &str, secret: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        std::fs::write(folder.join("credentials"), text).unwrap();
        folder
    }

    /// What a statement prints.
    pub(crate) fn query(&self, statement: &str) -> String {
        let postgres = self.postgres.lock().unwrap_or_else(PoisonError::into_inner);
        postgres.as_ref().unwrap().run(&self.database, statement)
    }

    /// Whether to leave the folder where it is, for whoever wants to read the logs.
    pub(crate) fn keep_folder(&mut self, is_kept: bool) -> PathBuf {
        self.folder.disable_cleanup(is_kept);
        self.folder.path().to_owned()
    }
}

impl Member {
    pub(crate) fn door(&self) -> Door {
        let process = self.process.as_ref().expect("it runs");
        Door { endpoint: process.endpoint.clone(), client: client(&process.endpoint, &self.data) }
    }

    /// A client of another process, with the keys of this one's directory.
    pub(crate) fn client_at(&self, endpoint: &str) -> Client {
        client(endpoint, &self.data)
    }

    fn pid(&self) -> Pid {
        let id = self.process.as_ref().expect("it runs").id();
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        let process = self.process.take().expect("it runs");
        tokio::task::spawn_blocking(move || process.stop()).await.unwrap();
    }

    /// Has it stand still.
    pub(crate) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// Has it go on.
    pub(crate) fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }
}

/// AWS's client, with the keys of a data directory, that does not wait for a process that stands still.
fn client(endpoint: &str, data: &std::path::Path) -> Client {
    let text = std::fs::read_to_string(data.join("credentials")).unwrap();
    let value = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('=')).unwrap().trim().to_owned()
    };
    let client = crate::support::client(endpoint, &value("aws_access_key_id"), &value("aws_secret_access_key"));
    let timeouts = aws_sdk_amplify::config::timeout::TimeoutConfig::builder();
    let timeouts = timeouts.operation_timeout(Duration::from_secs(8)).build();
    Client::from_conf(client.config().to_builder().timeout_config(timeouts).build())
}
