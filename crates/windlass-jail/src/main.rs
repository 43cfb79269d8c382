//! `windlass-jail [DIRECTORY] -- COMMAND…`: runs a command as a build is run, with the directory (or the current one) as
//! all it may write, and shows what it writes. For a look at what a build sees, and for this crate's tests.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use tokio::io::{copy, stdout};
use windlass_jail::{Ended, Isolation, Jail, Limits, Network, Run, SUBCOMMAND, enter};

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == SUBCOMMAND) {
        return Ok(enter(arguments.skip(1)));
    }
    let before: Vec<_> = arguments.by_ref().take_while(|argument| argument != "--").collect();
    let (Some(program), [] | [_]) = (arguments.next(), &before[..]) else {
        anyhow::bail!("usage: windlass-jail [DIRECTORY] -- COMMAND…");
    };
    let directory = std::path::absolute(before.first().map_or(OsStr::new("."), OsString::as_os_str))?;
    let run = Run {
        program,
        arguments: arguments.collect(),
        writable: vec![directory.clone()],
        directory,
        environment: std::env::vars_os().filter(|(name, _)| name == "PATH").collect(),
        ..Run::default()
    };
    let (isolation, network) = (Isolation::Full, Network::Host);
    let jail = Jail { program: std::env::current_exe()?, isolation, network, limits: Limits::default() };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(show(&jail, &run))
}

async fn show(jail: &Jail, run: &Run) -> anyhow::Result<ExitCode> {
    let mut running = jail.spawn(run).await?;
    copy(&mut running.output(), &mut stdout()).await?;
    match running.wait().await? {
        Ended::Code(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))),
        ended @ (Ended::Signal(_)
        | Ended::OutOfMemory { .. }
        | Ended::OutOfDisk { .. }
        | Ended::DiskFull { .. }
        | Ended::TooManyProcesses { .. }
        | Ended::Killed) => {
            anyhow::bail!("{ended}")
        }
    }
}
