//! Attempts to get out of the jail, each by a shell script that a build could contain.
//!
//! They are made in each [place](Place) that this machine has. Who waits here waits for a state: most often for the end
//! of a pipe, which comes when the last process that could write to it is dead.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod apart;
mod endings;
mod files;
mod limits;
mod network;
mod stops;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use windlass_jail::{Ended, Isolation, Jail, Limits, Network, Run, Running};

/// Which kind of jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// With all that this machine has.
    Full,
    /// Where no namespaces can be had: Landlock and a search for processes.
    Landlock,
    /// Without isolation.
    Free,
}

/// A server's directory with its credentials, a job's beside them, and a jail for the job.
struct Cell {
    home: TempDir,
    place: Place,
    jail: Jail,
}

struct Seen {
    ended: Ended,
    output: String,
}

impl Cell {
    fn new(place: Place) -> Self {
        let home = tempfile::tempdir().unwrap();
        for directory in ["job", "job/tmp", "tools"] {
            fs::create_dir(home.path().join(directory)).unwrap();
        }
        fs::write(home.path().join("credentials"), "secret key").unwrap();
        let isolation = if place == Place::Free { Isolation::None } else { Isolation::Full };
        let server = PathBuf::from(env!("CARGO_BIN_EXE_windlass-jail"));
        let program = if place == Place::Landlock { without_namespaces("user", home.path(), &server) } else { server };
        Self { home, place, jail: Jail { program, isolation, network: Network::Host, limits: Limits::default() } }
    }

    /// One of each that keeps a command apart.
    fn apart() -> [Self; 2] {
        [Place::Full, Place::Landlock].map(Self::new)
    }

    /// One of each.
    fn all() -> [Self; 3] {
        [Place::Full, Place::Landlock, Place::Free].map(Self::new)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Bash, since it connects to a port without help.
    fn script(&self, script: &str) -> Run {
        let environment = [("PATH", "/usr/bin:/bin"), ("TMPDIR", "tmp")];
        Run {
            program: "bash".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: self.path("job"),
            writable: vec![self.path("job")],
            readable: vec![self.path("tools")],
            temporary: Some(self.path("job/tmp")),
            environment: environment.map(|(name, value)| (name.into(), value.into())).to_vec(),
        }
    }

    async fn start(&self, script: &str) -> Running {
        self.jail.spawn(&self.script(script)).await.unwrap()
    }

    async fn run(&self, script: &str) -> Seen {
        seen(self.start(script).await).await
    }

    fn has_a_root_of_its_own(&self) -> bool {
        self.jail.probe().unwrap().root
    }
}

async fn seen(mut running: Running) -> Seen {
    let mut output = Vec::new();
    running.output().read_to_end(&mut output).await.unwrap();
    Seen { ended: running.wait().await.unwrap(), output: String::from_utf8(output).unwrap() }
}

/// The server's program where the kernel gives no namespaces of one kind to anyone: their number is limited to none, and
/// there is no capability to have them with. Where it gives none at all, the program itself.
fn without_namespaces(kind: &str, home: &Path, server: &Path) -> PathBuf {
    let server = server.display();
    let script = format!(
        r#"#!/bin/sh
unshare --user --map-root-user true 2>/dev/null || exec {server} "$@"
exec unshare --user --map-root-user /bin/sh -c 'echo 0 > /proc/sys/user/max_{kind}_namespaces &&
    exec setpriv --inh-caps=-all --bounding-set=-all "$0" "$@"' {server} "$@"
"#
    );
    program(home, "server", &script.replacen("#!/bin/sh\n", "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n", 1))
}

fn program(directory: &Path, name: &str, script: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_places_are_what_they_are_called() {
    let [full, landlock, free] = Cell::all().map(|cell| cell.jail.probe().unwrap());
    assert!(full.isolated && (full.root || full.landlock.is_some()), "{full}");
    // Or the tests of what namespaces are good for would be skipped where there are some.
    let mut namespaces = std::process::Command::new("unshare");
    namespaces.args(["--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "true"]);
    if namespaces.status().is_ok_and(|status| status.success()) {
        assert!(full.root && full.processes && full.proc, "{full}");
    }
    assert!(landlock.isolated && !landlock.root && !landlock.processes && landlock.landlock.is_some(), "{landlock}");
    assert!(!free.isolated, "{free}");
}
