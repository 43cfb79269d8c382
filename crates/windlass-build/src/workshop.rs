//! Running commands in a room.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use windlass_buildspec::{EXECUTING, Phase, script};
use windlass_jail::{Ended, Jail, Run};

use crate::lines::Lines;
use crate::room::Room;

/// Where commands find programs unless they are told otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How commands are run.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// What keeps them from everything that is not theirs.
    pub jail: Jail,
    /// Where they find programs, as the variable `PATH` says it.
    pub path: String,
    /// What they may read beside what everyone on the machine may: tools that lie elsewhere.
    pub readable: Vec<PathBuf>,
}

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Commands<'a> {
    /// The phases, in one shell.
    pub phases: &'a [Phase],
    /// Where it begins: a path in the repository, `""` for its root.
    pub directory: &'a str,
    /// The variables that the shell is given. Nothing of the server's is among them.
    pub variables: &'a BTreeMap<String, String>,
}

/// Commands did not end well.
#[derive(Debug, Error)]
pub enum BuildError {
    /// One of them failed.
    #[error("{}{ended}", .command.as_ref().map(|command| format!("the command `{command}` failed: ")).unwrap_or_default())]
    Failed {
        /// Which, where that is known.
        command: Option<String>,
        /// How it ended.
        ended: Ended,
    },
    /// The folder to begin in is not there.
    #[error("the folder {directory} is not in the repository")]
    NoDirectory {
        /// Which.
        directory: String,
    },
    /// They were stopped.
    #[error("the build was stopped")]
    Stopped,
    /// They could not be run at all.
    #[error("the build cannot be run: {0}")]
    Unable(#[from] io::Error),
}

impl Workshop {
    /// One that looks for programs in the usual places.
    #[must_use]
    pub fn new(jail: Jail) -> Self {
        Self { jail, path: PATH.to_owned(), readable: Vec::new() }
    }

    /// Runs commands and tells what they print, line by line. When this returns, nothing that came of them runs any more.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says which command failed and how, or why nothing was run.
    pub async fn run(
        &self,
        room: &Room,
        commands: Commands<'_>,
        tell: &(dyn Fn(&str) + Send + Sync),
        stop: &CancellationToken,
    ) -> Result<(), BuildError> {
        let directory = room.repository().join(commands.directory);
        if !directory.is_dir() || !directory.canonicalize()?.starts_with(room.repository().canonicalize()?) {
            return Err(BuildError::NoDirectory { directory: commands.directory.to_owned() });
        }
        // Above what the commands may write to, so that none of them changes what comes after it.
        let file = room.script();
        std::fs::write(&file, script(commands.phases))?;
        let run = Run {
            program: shell().into(),
            arguments: vec![file.clone().into()],
            directory,
            writable: room.writable(),
            readable: self.readable.iter().cloned().chain([file]).collect(),
            temporary: Some(room.tmp()),
            environment: self.environment(room, commands.variables),
        };
        let last = Mutex::new(None);
        let hear = |line: &str| {
            // The last line that a command prints need not have an end: then it is the next command that stands behind it.
            let (printed, line) = line.split_at(line.find(EXECUTING).unwrap_or(0));
            if !printed.is_empty() {
                tell(printed);
            }
            if let (Some(command), Ok(mut last)) = (line.strip_prefix(EXECUTING), last.lock()) {
                *last = Some(command.to_owned());
            }
            tell(line);
        };
        let mut running = self.jail.spawn(&run).await?;
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            // All that came of the commands ends with their shell, and with that the output.
            () = listen(running.output(), &hear) => Some(running.wait().await),
        };
        let Some(ended) = ended else {
            running.kill().await?;
            return Err(BuildError::Stopped);
        };
        let ended = ended?;
        if ended.is_success() {
            return Ok(());
        }
        Err(BuildError::Failed { command: last.into_inner().unwrap_or_default(), ended })
    }

    fn environment(&self, room: &Room, variables: &BTreeMap<String, String>) -> Vec<(OsString, OsString)> {
        let own: [(&str, OsString); 7] = [
            ("HOME", room.home().into()),
            ("TMPDIR", room.tmp().into()),
            ("PATH", self.path.clone().into()),
            ("SHELL", shell().into()),
            ("USER", "windlass".into()),
            ("LANG", "C.UTF-8".into()),
            // As root, tar would give files to whoever packed them, which a build may not.
            ("TAR_OPTIONS", "--no-same-owner".into()),
        ];
        let mut environment: BTreeMap<OsString, OsString> =
            own.into_iter().map(|(name, value)| (name.into(), value)).collect();
        environment.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
        if let Some(path) = variables.get("PATH") {
            // Nobody can do without the rest.
            environment.insert("PATH".into(), format!("{path}:{}", self.path).into());
        }
        environment.into_iter().collect()
    }
}

/// The shell: bash, which is what Amplify has, or whatever there is.
fn shell() -> &'static str {
    ["/bin/bash", "/usr/bin/bash"].into_iter().find(|shell| Path::new(shell).exists()).unwrap_or("/bin/sh")
}

async fn listen(mut output: impl AsyncRead + Unpin, tell: &(dyn Fn(&str) + Send + Sync)) {
    let (mut lines, mut bytes) = (Lines::default(), vec![0; 64 * 1024]);
    // Output that cannot be read any more is over.
    while let Ok(length @ 1..) = output.read(&mut bytes).await {
        lines.take(&bytes[..length], tell);
        // A build that prints without a pause is not all that its thread has to do.
        yield_now().await;
    }
    lines.finish(tell);
}
