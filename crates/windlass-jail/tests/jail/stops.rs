//! Stopping, and outliving it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use windlass_jail::Ended;

use crate::{Cell, Place};

/// Four processes that would rather live: one that ignores what can be ignored, one in a session of its own, one whose
/// parents are dead, and one that is stopped. Each holds the pipe open, writes a byte to it and stays.
const SURVIVORS: &str = r#"
    exec 9<>alive
    stay() { echo >&9; exec sleep 1000; }
    export -f stay
    (trap "" HUP INT TERM; stay) &
    setsid -f nohup bash -c stay </dev/null >/dev/null 2>&1
    (setsid bash -c '(stay &) &' </dev/null >/dev/null 2>&1 &) &
    (kill -STOP $BASHPID) & echo >&9
"#;
const COUNT: usize = 4;

/// The pipe's end at which nothing more comes when all are dead.
struct Pulse(File);

impl Pulse {
    fn new(cell: &Cell) -> Self {
        let path = cell.path("job/alive");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self::open(&path)
    }

    fn open(path: &Path) -> Self {
        let options = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path);
        Self(options.unwrap())
    }

    /// Waits until all of them live.
    async fn beats(&mut self, mut count: usize) {
        while count > 0 {
            match self.0.read(&mut [0]) {
                Ok(read) => count -= read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => panic!("{error}"),
            }
            tokio::task::yield_now().await;
        }
    }

    fn is_alive(&mut self) -> bool {
        // The end of the file comes when nobody is left who could write.
        self.0.read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    async fn stops(&mut self) {
        while self.is_alive() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn nothing_outlives_a_stop() {
    for cell in Cell::all() {
        let mut pulse = Pulse::new(&cell);
        let mut running = cell.start(&format!("{SURVIVORS} sleep 1000")).await;
        pulse.beats(COUNT).await;
        assert!(pulse.is_alive());
        assert_eq!(running.kill().await.unwrap(), Ended::Killed);
        assert!(!pulse.is_alive(), "{:?}: a process is alive after the stop", cell.place);
    }
}

#[tokio::test]
async fn nothing_outlives_the_command() {
    for cell in Cell::all() {
        let mut pulse = Pulse::new(&cell);
        let mut running = cell.start(&format!("{SURVIVORS} until [ -e go ]; do :; done; exit 3")).await;
        pulse.beats(COUNT).await;
        assert!(pulse.is_alive());
        File::create(cell.path("job/go")).unwrap();
        assert_eq!(running.wait().await.unwrap(), Ended::Code(3));
        assert!(!pulse.is_alive(), "{:?}: a process is alive after the end", cell.place);
    }
}

#[tokio::test]
async fn nothing_outlives_one_who_lets_go() {
    for cell in Cell::all() {
        let mut pulse = Pulse::new(&cell);
        let running = cell.start(&format!("{SURVIVORS} sleep 1000")).await;
        pulse.beats(COUNT).await;
        drop(running);
        pulse.stops().await;
    }
}

#[tokio::test]
async fn nothing_outlives_a_server_that_is_killed() {
    let cell = Cell::new(Place::Full);
    let mut pulse = Pulse::new(&cell);
    let mut server = Command::new(&cell.jail.program)
        .arg(cell.path("job"))
        .args(["--", "bash", "-c", &format!("{SURVIVORS} sleep 1000")])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    pulse.beats(COUNT).await;
    kill_process(Pid::from_child(&server), Signal::KILL).unwrap();
    assert_eq!(server.wait().unwrap().signal(), Some(9));
    pulse.stops().await;
}

#[tokio::test]
async fn a_command_that_nobody_reads_is_stopped() {
    for cell in Cell::all() {
        let mut pulse = Pulse::new(&cell);
        // More than a pipe holds, so that the command cannot get to the end of it.
        let script = "exec 9<>alive; echo >&9; exec head -c 1000000000 /dev/zero";
        let mut running = cell.start(script).await;
        pulse.beats(1).await;
        assert_eq!(running.kill().await.unwrap(), Ended::Killed, "{:?}", cell.place);
        assert!(!pulse.is_alive());
    }
}

#[tokio::test]
async fn stopping_what_has_ended_tells_how_it_did() {
    for cell in Cell::all() {
        let mut running = cell.start("exit 5").await;
        assert_eq!(running.wait().await.unwrap(), Ended::Code(5));
        assert_eq!(running.kill().await.unwrap(), Ended::Code(5));
    }
}
