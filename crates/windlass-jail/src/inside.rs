//! What the process in the jail does everywhere: it starts the command, and speaks to the server.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};

use crate::protocol::{Command, Word};

/// Starts the command, with what it was given and one stream for all that it writes.
pub(crate) fn start(command: &Command) -> io::Result<Child> {
    let output = || io::stderr().as_fd().try_clone_to_owned().map(Stdio::from);
    let child = std::process::Command::new(&command.program)
        .args(&command.arguments)
        .current_dir(&command.directory)
        .env_clear()
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?)
        .process_group(0)
        .spawn();
    child.map_err(|error| {
        let (program, directory) = (Path::new(&command.program).display(), Path::new(&command.directory).display());
        io::Error::new(error.kind(), format!("could not start {program} in {directory}: {error}"))
    })
}

/// Tells the server. If nobody listens, there is nobody to tell.
pub(crate) fn say(word: &Word) {
    if let Ok(mut line) = serde_json::to_vec(word) {
        line.push(b'\n');
        let mut out = io::stdout();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

/// Tells the server why the command does not run.
pub(crate) fn refused(reason: &str) -> ExitCode {
    say(&Word::Failed(reason.to_owned()));
    ExitCode::FAILURE
}
