//! Runs one command to its end, or ends it with all that came of it.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use walkdir::WalkDir;

use crate::{GitError, Limits};

/// As much of what a command answers as is kept.
const OUTPUT: usize = 32 << 20;
/// As much of a line as is kept.
const LINE: usize = 4096;
/// As many of the last lines as are kept.
const LINES: usize = 50;

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// Its last lines on standard error, without secrets.
    pub(crate) said: Vec<String>,
}

/// Runs a command to its end. Each line that it says is masked, told and kept.
pub(crate) async fn run(
    mut command: Command,
    tell: &mut (dyn FnMut(&str) + Send),
    mask: &(dyn Fn(&str) -> String + Sync),
    halt: &CancellationToken,
) -> Result<Ran, GitError> {
    if halt.is_cancelled() {
        return Err(GitError::Stopped);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(|source| cannot(&command, source))?;
    let group = Group::of(&child);
    let _keeper = group.keeper();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::join!(read_all(stdout), read_lines(stderr, tell, mask)) };
    tokio::pin!(reading);
    let read = tokio::select! {
        read = &mut reading => Some(read),
        () = halt.cancelled() => None,
    };
    let Some((stdout, said)) = read else {
        group.kill();
        // Once nobody is left who could write, nobody is left.
        drop(timeout(Duration::from_secs(5), reading).await);
        drop(child.wait().await);
        group.is_over();
        return Err(GitError::Stopped);
    };
    let ended = tokio::select! {
        ended = child.wait() => Some(ended),
        () = halt.cancelled() => None,
    };
    let Some(ended) = ended else {
        group.kill();
        drop(child.wait().await);
        group.is_over();
        return Err(GitError::Stopped);
    };
    group.is_over();
    let status = ended.map_err(|source| cannot(&command, source))?;
    Ok(Ran { status, stdout, said })
}

fn cannot(command: &Command, source: io::Error) -> GitError {
    let program = command.as_std().get_program().into();
    if source.kind() == io::ErrorKind::NotFound {
        GitError::GitMissing { program }
    } else {
        GitError::Io { path: program, source }
    }
}

/// The processes that come of a command: its own group. They are killed when it is dropped before their end.
struct Group(std::cell::Cell<Option<Pid>>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self(std::cell::Cell::new(id))
    }

    /// A process in the group that ends all of it when this one is killed, and so cannot: then its standard input, which
    /// nobody writes to, is over. Where it cannot be had, what would outlive this process does.
    fn keeper(&self) -> Option<Child> {
        let group = self.0.get()?;
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", "read -r word; kill -s KILL 0"]).env_clear();
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        keeper.process_group(group.as_raw_nonzero().get()).kill_on_drop(true).spawn().ok()
    }

    fn kill(&self) {
        if let Some(group) = self.0.get() {
            // It fails where they have ended just now.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// From here on the number may be another's.
    fn is_over(&self) {
        self.0.set(None);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn read_all(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    let Some(mut from) = from else { return kept };
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let room = OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
    kept
}

async fn read_lines(
    from: Option<impl AsyncRead + Unpin>,
    tell: &mut (dyn FnMut(&str) + Send),
    mask: &(dyn Fn(&str) -> String + Sync),
) -> Vec<String> {
    let (mut lines, mut line, mut buffer) = (Vec::new(), Vec::new(), vec![0; 4 << 10]);
    let Some(mut from) = from else { return lines };
    let mut end = |line: &mut Vec<u8>| {
        // A server has the word here, and a terminal may show it.
        let text: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).collect();
        let text = mask(text.trim());
        line.clear();
        if !text.is_empty() {
            tell(&text);
            if lines.len() == LINES {
                lines.remove(0);
            }
            lines.push(text);
        }
    };
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        for &byte in &buffer[..count] {
            if byte == b'\n' || byte == b'\r' {
                end(&mut line);
            } else if line.len() < LINE {
                line.push(byte);
            }
        }
    }
    end(&mut line);
    lines
}

/// Does `work` within the limits and until someone says stop. Before it answers, what came of it has ended: `halt` is
/// cancelled, and the work sees to it.
pub(crate) async fn within<T>(
    limits: Limits,
    folder: Option<&Path>,
    stop: &CancellationToken,
    halt: &CancellationToken,
    work: impl Future<Output = Result<T, GitError>>,
) -> Result<T, GitError> {
    tokio::pin!(work);
    let why = tokio::select! {
        biased;
        () = stop.cancelled() => GitError::Stopped,
        done = &mut work => return done,
        () = sleep(limits.time) => GitError::TimedOut { seconds: limits.time.as_secs() },
        () = outgrown(folder, limits.bytes) => GitError::TooLarge { limit: limits.bytes },
    };
    halt.cancel();
    drop(work.await);
    Err(why)
}

/// Returns when the folder has more than `bytes`.
async fn outgrown(folder: Option<&Path>, bytes: u64) {
    let Some(folder) = folder else { return std::future::pending().await };
    loop {
        sleep(Duration::from_secs(1)).await;
        if is_larger(folder, bytes).await {
            return;
        }
    }
}

/// Whether the files of a folder are more than `bytes`.
pub(crate) async fn is_larger(folder: &Path, bytes: u64) -> bool {
    let folder = folder.to_owned();
    let sum = move || {
        // Files come and go meanwhile.
        let files = WalkDir::new(folder).into_iter().filter_map(Result::ok).filter_map(|entry| entry.metadata().ok());
        files.map(|file| file.len()).fold(0, u64::saturating_add)
    };
    tokio::task::spawn_blocking(sum).await.is_ok_and(|sum| sum > bytes)
}
