//! The process in the jail where there is no Linux: no isolation, no limits, and an end for its process group alone.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::inside::{refused, say, start};
use crate::protocol::{Order, Report, Word};
use crate::{Ended, Isolation};

/// The body of the subcommand: `arguments` are those after [`SUBCOMMAND`](crate::SUBCOMMAND).
#[must_use]
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let isolation = arguments.into_iter().next().and_then(|argument| argument.to_str()?.parse().ok());
    let _ = rustix::process::setsid();
    let done = match isolation {
        Some(Isolation::None) => serve(),
        Some(Isolation::Full) | None => Err(io::Error::other("this system has no isolation that Windlass knows")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(&error.to_string()),
    }
}

fn serve() -> io::Result<()> {
    let order = Order::read(io::stdin().lock())?;
    let child = order.command.as_ref().map(start).transpose()?;
    say(&Word::Started(Report::default()));
    let Some(mut child) = child else { return Ok(()) };
    let killed = AtomicBool::new(false);
    let group = Pid::from_child(&child);
    // Not a scope: a server that lives would hold it open.
    let killed: &'static AtomicBool = Box::leak(Box::new(killed));
    std::thread::spawn(move || {
        // Ends when the server does, or when it wants the command to.
        let _ = io::stdin().lock().read(&mut [0]);
        killed.store(true, Ordering::SeqCst);
        let _ = kill_process_group(group, Signal::KILL);
    });
    let status = child.wait()?;
    let _ = kill_process_group(group, Signal::KILL);
    say(&Word::Ended(match (killed.load(Ordering::SeqCst), status.code()) {
        (true, _) => Ended::Killed,
        (false, Some(code)) => Ended::Code(code),
        (false, None) => Ended::Signal(status.signal().unwrap_or_default()),
    }));
    Ok(())
}
