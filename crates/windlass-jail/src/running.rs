//! The server's side: starting the jail, and holding on to it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use crate::protocol::{Command, Order, Word};
use crate::{Ended, Jail, Report, Run, SUBCOMMAND};

/// Why nothing can be run in a jail on this machine, in words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("builds cannot be kept apart on this machine: {0}")]
pub struct Unavailable(String);

/// A command that was started. Dropping it ends the command, a moment later.
#[derive(Debug)]
pub struct Running {
    jail: Child,
    /// Open as long as the command may live.
    lifeline: Option<ChildStdin>,
    words: Lines<BufReader<ChildStdout>>,
    output: Option<ChildStderr>,
    report: Report,
    ended: Option<Ended>,
}

impl Jail {
    /// Enters the jail once and tells what this machine has for it.
    ///
    /// # Errors
    ///
    /// Where it has too little to keep a command from the server's files, or [`Network::None`](crate::Network::None) is
    /// asked for and cannot be had. Never with [`Isolation::None`](crate::Isolation::None), if `program` can be run.
    pub fn probe(&self) -> Result<Report, Unavailable> {
        let unavailable = |error: io::Error| Unavailable(error.to_string());
        let mut jail = std::process::Command::new(&self.program);
        jail.args(self.arguments()).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut jail = jail.spawn().map_err(|error| unavailable(named(&self.program, &error)))?;
        let order = Order { command: None, limits: self.limits.clone() };
        // It may have gone already, and says why.
        let mut lifeline = jail.stdin.take();
        let _ =
            order.to_bytes().and_then(|order| lifeline.as_mut().map_or(Ok(()), |lifeline| lifeline.write_all(&order)));
        let output = jail.wait_with_output().map_err(unavailable)?;
        let said = String::from_utf8_lossy(&output.stdout);
        started(said.lines().next(), &output.stderr).map_err(unavailable)
    }

    /// Runs a command.
    ///
    /// # Errors
    ///
    /// Where a path of `run` or the program does not exist, or the jail cannot be entered. Nothing runs then.
    pub async fn spawn(&self, run: &Run) -> io::Result<Running> {
        let order = Order { command: Some(run.try_into()?), limits: self.limits.clone() }.to_bytes()?;
        let mut jail = tokio::process::Command::new(&self.program);
        jail.args(self.arguments()).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut jail = jail.spawn().map_err(|error| named(&self.program, &error))?;
        let (Some(mut lifeline), Some(words), Some(mut output)) =
            (jail.stdin.take(), jail.stdout.take(), jail.stderr.take())
        else {
            return Err(io::Error::other("the jail has no pipes"));
        };
        // It may have gone already, and says why.
        let _ = lifeline.write_all(&order).await;
        let mut words = BufReader::new(words).lines();
        let first = words.next_line().await?;
        let mut said = Vec::new();
        if first.is_none() {
            let _ = (&mut output).take(500).read_to_end(&mut said).await;
        }
        let report = started(first.as_deref(), &said)?;
        Ok(Running { jail, lifeline: Some(lifeline), words, output: Some(output), report, ended: None })
    }

    fn arguments(&self) -> [String; 3] {
        [SUBCOMMAND.to_owned(), self.isolation.to_string(), self.network.to_string()]
    }
}

impl Running {
    /// What the command and its processes write to their standard output and standard error, in the order they do. Ends
    /// when all of them have.
    ///
    /// There is one such stream: who asks again gets one that has ended. Who does not read makes the command wait, who
    /// drops it lets it write to nobody, which ends most programs; [`kill`](Self::kill) works all the same.
    pub fn output(&mut self) -> impl AsyncRead + Unpin + Send + use<> {
        Output(self.output.take())
    }

    /// What keeps this command apart.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Waits until the command has ended, and with it all that came of it. Can be given up and called again.
    ///
    /// # Errors
    ///
    /// Where the jail itself was killed by somebody, so that nobody knows how the command ended.
    pub async fn wait(&mut self) -> io::Result<Ended> {
        while self.ended.is_none()
            && let Some(line) = self.words.next_line().await?
        {
            match serde_json::from_str(&line)? {
                Word::Ended(ended) => self.ended = Some(ended),
                Word::Failed(reason) => return Err(io::Error::other(reason)),
                Word::Started(_) => (),
            }
        }
        let status = self.jail.wait().await?;
        self.ended.ok_or_else(|| io::Error::other(format!("the jail of the command was killed: {status}")))
    }

    /// Ends the command: when this returns, every process that came of it is dead.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub async fn kill(&mut self) -> io::Result<Ended> {
        #[cfg(target_os = "linux")]
        if let (Some(_), Some(jail)) = (&self.lifeline, self.jail.id()) {
            crate::linux::hurry(jail);
        }
        self.lifeline = None;
        self.wait().await
    }
}

/// The stream, for who asked first.
struct Output(Option<ChildStderr>);

impl AsyncRead for Output {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(output) => Pin::new(output).poll_read(cx, buffer),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl TryFrom<&Run> for Command {
    type Error = io::Error;

    fn try_from(run: &Run) -> io::Result<Self> {
        Ok(Self {
            program: run.program.clone(),
            arguments: run.arguments.clone(),
            directory: existing(&run.directory)?,
            writable: run.writable.iter().map(|path| existing(path)).collect::<io::Result<_>>()?,
            readable: run.readable.iter().map(|path| existing(path)).collect::<io::Result<_>>()?,
            temporary: run.temporary.as_deref().map(existing).transpose()?,
            environment: run.environment.clone(),
        })
    }
}

fn existing(path: &Path) -> io::Result<OsString> {
    let checked = path.metadata().and_then(|_| std::path::absolute(path)).map(PathBuf::into_os_string);
    checked.map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What the jail's first word says, or, where it has none, what else was heard of it.
fn started(first: Option<&str>, heard: &[u8]) -> io::Result<Report> {
    match first.map(serde_json::from_str) {
        Some(Ok(Word::Started(report))) => Ok(report),
        Some(Ok(Word::Failed(reason))) => Err(io::Error::other(reason)),
        Some(Ok(Word::Ended(_)) | Err(_)) | None => {
            let heard = String::from_utf8_lossy(heard);
            Err(io::Error::other(format!("the jail ended before the command began: {}", heard.trim())))
        }
    }
}
