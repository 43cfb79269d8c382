//! A PostgreSQL server of the tests' own, from the machine's binaries, on a socket in a temporary directory.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use libtest_mimic::{Arguments, Trial};

/// Runs the server for as long as its standard input is open, so that it ends with the process that started it, however that
/// one ends, and leaves nothing behind. A word there stops the server, and another starts it again.
const KEEPER: &str = r#"
set -eu
trap '' INT TERM HUP
bin=$1
settings=$2
dir=$(mktemp -d /tmp/windlass-pg-XXXXXX)
as=
if [ "$(id -u)" = 0 ]; then as="runuser -u postgres --"; chown postgres "$dir"; fi
cd "$dir"
end() { $as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$dir"; }
trap end EXIT
start() {
  $as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/server.log" -o "-k $dir -c listen_addresses= $settings" start >/dev/null </dev/null ||
    { cat "$dir/server.log" >&2; exit 1; }
}
$as "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync >"$dir/log" 2>&1 </dev/null || { cat "$dir/log" >&2; exit 1; }
start
echo "$dir"
while read -r word; do
  case $word in
    stop) $as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null </dev/null ;;
    start) start ;;
  esac
  echo "$word"
done
"#;

/// A test, and under which name it is told of.
pub type Named<'a> = (&'a str, Box<dyn FnOnce() + Send>);

/// Runs tests that need a server, as a test binary without the built-in harness does. They count as ignored, said aloud, where
/// the machine has no PostgreSQL.
///
/// # Panics
///
/// Where it has none though `WINDLASS_POSTGRES_REQUIRED` is set.
#[must_use]
pub fn run_tests(tests: Vec<Named<'_>>) -> ExitCode {
    let ignored = newest().is_none();
    if ignored {
        missing();
    }
    let trial = |(name, test): Named<'_>| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    libtest_mimic::run(&Arguments::from_args(), tests.into_iter().map(trial).collect()).exit_code()
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests has to know")]
fn missing() {
    assert!(std::env::var_os("WINDLASS_POSTGRES_REQUIRED").is_none(), "there is no PostgreSQL on this machine");
    eprintln!("IGNORED: there is no PostgreSQL in /usr/lib/postgresql; Debian's package is `postgresql`");
}

/// A running server. It stops, and its directory goes, when this is dropped or the process ends.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    directory: PathBuf,
    port: u16,
    keeper: Child,
    answers: BufReader<std::process::ChildStdout>,
}

/// The databases that this process has named.
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    /// Starts a server that does not wait for the disk. `None`, said aloud, where the machine has no PostgreSQL.
    ///
    /// # Panics
    ///
    /// Where it does not start, and where there is none though `WINDLASS_POSTGRES_REQUIRED` is set.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with("-c fsync=off -c max_connections=300")
    }

    /// The same with these settings on its command line.
    ///
    /// # Panics
    ///
    /// Those of [`start`](Self::start).
    #[must_use]
    pub fn start_with(settings: &str) -> Option<Self> {
        Self::start_at(settings, 5432)
    }

    /// One that can be reached over TCP, too, on a port of this machine that was free just now.
    ///
    /// # Panics
    ///
    /// Those of [`start`](Self::start).
    #[must_use]
    pub fn start_on_tcp() -> Option<Self> {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        Self::start_at(&format!("-c fsync=off -c listen_addresses=127.0.0.1 -c port={port}"), port)
    }

    fn start_at(settings: &str, port: u16) -> Option<Self> {
        let Some(bin) = newest() else {
            missing();
            return None;
        };
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&bin).arg(settings);
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut answers = BufReader::new(keeper.stdout.take().expect("its output"));
        let directory = PathBuf::from(line(&mut answers));
        assert!(directory.is_absolute(), "PostgreSQL does not start");
        Some(Self { bin, directory, port, keeper, answers })
    }

    /// The directory with its socket, which is named after its port.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its port: 5432, unless it can be reached over TCP.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database on it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let directory = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{directory}:{}/{database}", self.port)
    }

    /// Makes a database with everything that `template` holds, and answers its name.
    ///
    /// # Panics
    ///
    /// Where that does not work.
    #[must_use]
    pub fn database(&self, template: &str) -> String {
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        name
    }

    /// Runs a statement in a database, and answers what it prints.
    ///
    /// # Panics
    ///
    /// Where it fails.
    pub fn run(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", statement]);
        let done = psql.arg("-h").arg(&self.directory).args(["-p", &self.port.to_string()]).output().expect("psql");
        assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Stops the server as a power cut would.
    ///
    /// # Panics
    ///
    /// Where that does not work.
    pub fn stop(&mut self) {
        self.tell("stop");
    }

    /// Starts it again after [`stop`](Self::stop).
    ///
    /// # Panics
    ///
    /// Where that does not work.
    pub fn start_again(&mut self) {
        self.tell("start");
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.keeper.stdin.as_mut().expect("its input"), "{word}").expect("the keeper is there");
        assert_eq!(line(&mut self.answers), word);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn line(answers: &mut impl BufRead) -> String {
    let mut line = String::new();
    answers.read_line(&mut line).expect("the keeper answers");
    line.trim_end().to_owned()
}

/// The binaries of the newest version on this machine.
fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let with_server = |path: &PathBuf| path.join("bin/initdb").exists();
    let paths = versions.filter_map(|entry| Some(entry.ok()?.path())).filter(with_server);
    Some(paths.max_by_key(version)?.join("bin"))
}
