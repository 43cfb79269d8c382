//! The real binary as a server, to be killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A `windlass serve` of its own process. Dropping it kills it, as a power cut would.
pub(crate) struct Process {
    child: Child,
    pub(crate) endpoint: String,
}

impl Process {
    /// Starts it on `data` and returns once it serves.
    pub(crate) fn serve(data: &Path, more: &[&str]) -> Self {
        Self::start(windlass(), data, more)
    }

    /// The same, and it writes all that it has to tell to a file.
    pub(crate) fn serve_telling_all(data: &Path, more: &[&str], log: File) -> Self {
        let mut command = windlass();
        command.env("RUST_LOG", "trace").env("NO_COLOR", "1").stderr(log);
        Self::start(command, data, more)
    }

    fn start(mut command: Command, data: &Path, more: &[&str]) -> Self {
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-source", "127.0.0.0/8", "--data"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let endpoint = first.trim().strip_prefix("windlass serves ").unwrap_or_else(|| panic!("{first:?}")).to_owned();
        Self { child, endpoint }
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its own end; answers its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// AWS's client, with the keys of the data directory.
    pub(crate) fn client(&self, data: &Path) -> aws_sdk_amplify::Client {
        let text = std::fs::read_to_string(data.join("credentials")).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
            line.unwrap().trim().to_owned()
        };
        super::client(&self.endpoint, &value("aws_access_key_id"), &value("aws_secret_access_key"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary, without anything of AWS's in its environment.
pub(crate) fn windlass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    let ours = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(|name| name.starts_with("AWS_")));
    for (name, _) in ours {
        command.env_remove(name);
    }
    // Neither anybody's configuration.
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}
