//! The real binary as a server, to be killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A `windlass serve` of its own process. Dropping it kills it, as a power cut would.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) endpoint: String,
}

impl Process {
    /// Starts it on `data` and returns once it serves.
    pub(crate) fn serve(data: &Path, more: &[&str]) -> Self {
        Self::serve_with(data, more, |_| {})
    }

    /// The same, and it writes all that it has to tell to a file.
    pub(crate) fn serve_telling_all(data: &Path, more: &[&str], log: File) -> Self {
        Self::serve_with(data, more, |command| {
            command.env("RUST_LOG", "trace").env("NO_COLOR", "1").stderr(log);
        })
    }

    /// The same, changed before it starts.
    pub(crate) fn serve_with(data: &Path, more: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = windlass();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-source", "127.0.0.0/8", "--data"])
            .arg(data)
            .args(more);
        change(&mut command);
        Self::started_by(command)
    }

    /// What this command starts, once it serves.
    pub(crate) fn started_by(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, output, endpoint: String::new() };
        server.endpoint = server.says("windlass serves ");
        server
    }

    /// What it says after these words at its start, as soon as it does.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let mut said = String::new();
        while self.output.read_line(&mut said).unwrap() > 0 {
            if let Some((_, rest)) = said.split_once(words) {
                return rest.trim().to_owned();
            }
        }
        panic!("it does not say {words:?}: {said:?}");
    }

    /// The same in an environment that has these variables, too.
    pub(crate) fn serve_in(environment: &[(&str, &str)], data: &Path, more: &[&str]) -> Self {
        Self::serve_with(data, more, |command| {
            command.envs(environment.iter().copied());
        })
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, with SIGTERM, and waits until it has.
    pub(crate) fn stop(self) {
        self.tell_to_stop();
        assert_eq!(self.wait(), Some(0));
    }

    /// Asks it to end, again and again, so that it does not wait for what it has begun.
    pub(crate) fn stop_at_once(mut self) {
        let ended = loop {
            self.tell_to_stop();
            std::thread::sleep(Duration::from_millis(10));
            if let Some(ended) = self.child.try_wait().unwrap() {
                break ended;
            }
        };
        assert_eq!(ended.code(), Some(0));
    }

    fn tell_to_stop(&self) {
        let told = Command::new("kill").arg(self.id().to_string()).status().unwrap();
        assert!(told.success());
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
