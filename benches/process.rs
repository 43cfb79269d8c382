//! Servers in processes of their own, so that what they take of the machine is theirs alone.

#![allow(dead_code, reason = "each bench uses some of it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use windlass_cli::server::{Config, Server};

use crate::signed::Connection;

/// A server in a process of its own. It ends when this one lets go of it.
pub(crate) struct Process {
    child: Child,
    pub(crate) endpoint: String,
    ask: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Process {
    /// This program in another role, on a path.
    pub(crate) fn start(role: &str, path: &Path) -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(own)
            .arg(role)
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts again");
        let (ask, said) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut process = Self { child, endpoint: String::new(), ask, said: BufReader::new(said) };
        process.endpoint = process.next_line();
        process
    }

    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a pipe");
        line.trim().to_owned()
    }

    /// A client of our server in that process, which has just started.
    pub(crate) async fn client(&mut self) -> Connection {
        let (access_key, secret_key) = (self.next_line(), self.next_line());
        Connection::open(&self.endpoint, &access_key, &secret_key).await
    }

    /// Some kind of its memory in MiB, by its name in `/proc`, where there is one.
    pub(crate) fn memory(&self, kind: &str) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
    }

    /// Has the peak of its memory be what it has now.
    pub(crate) fn forget_peak(&self) {
        // Only Linux knows the peak, and how to forget it.
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5");
    }

    /// The processor time that it has had so far.
    pub(crate) fn processor(&mut self) -> Duration {
        self.ask.write_all(b"?\n").expect("it is alive");
        Duration::from_nanos(self.next_line().parse().expect("a number"))
    }
}

/// Whether this run only asks whether the bench works, as `cargo test --benches` does.
pub(crate) fn is_quick() -> bool {
    std::env::args().any(|arg| arg == "--test") || !std::env::args().any(|arg| arg == "--bench")
}

/// How many have been running or waiting to, on average over the last minute: what else the machine does.
pub(crate) fn load_average() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load average {}", averages.split(' ').next().filter(|last| !last.is_empty()).unwrap_or("unknown"))
}

/// Our server on a directory: the role of a process that says its endpoint and its keys.
pub(crate) async fn serve(directory: &Path) {
    let mut config = Config::new(directory.join("data"));
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(config).await.expect("a server");
    let keys = server.credentials();
    say(&format!("{}\n{}\n{}", server.endpoint(), keys.access_key_id, keys.secret_access_key));
    tell_processor_time().await;
}

/// Says how much processor time this process has had, whenever it is asked, until nobody is left who could ask.
pub(crate) async fn tell_processor_time() {
    let asked = tokio::task::spawn_blocking(|| {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            let time = clock_gettime(ClockId::ProcessCPUTime);
            say(&format!("{}", i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)));
        }
    });
    asked.await.expect("no panic");
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
