//! The process in the jail: what [`SUBCOMMAND`](crate::SUBCOMMAND) does on Linux.
//!
//! Two of them where namespaces can be had: the first leaves the machine's namespaces, which for processes counts only
//! for its children, and waits; its child is the first process inside and the [warden]. Where they cannot be had, the
//! first is the warden itself.

mod disk;
mod loopback;
mod namespaces;
mod processes;
mod restrict;
mod root;
mod sight;
mod warden;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::process::{Command, ExitCode, Stdio};

use crate::inside::refused;
use crate::{Isolation, Network, SUBCOMMAND};

/// The last argument of the process that is the first inside.
const INSIDE: &str = "inside";
/// The last argument of one that only tries whether there is an inside. A process that gets no further than into a user
/// namespace has no way back, and does not know who it is any more.
const TRY: &str = "try";

/// Where the warden stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// First process of a PID namespace, with a mount namespace of its own.
    Inside(Network),
    /// In the machine's namespaces, since it has no others to give.
    Outside,
    /// In the machine's namespaces, as it was told.
    Free,
}

/// The body of the subcommand: `arguments` are those after [`SUBCOMMAND`].
///
/// It speaks with the server over its standard input and output; a person has nothing to say to it.
#[must_use]
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().filter_map(|argument| argument.into_string().ok()).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (isolation, network, part) = match arguments[..] {
        [isolation, network] => (isolation, network, ""),
        [isolation, network, part] => (isolation, network, part),
        _ => return refused("the arguments of the jail are for the server alone"),
    };
    let (Ok(isolation), Ok(network)) = (isolation.parse::<Isolation>(), network.parse::<Network>()) else {
        return refused("the jail knows no such isolation or network");
    };
    // Its own session: no terminal, and no signal that was meant for the server's. Fails where it has one already.
    let _ = rustix::process::setsid();
    match part {
        INSIDE => warden::run(Place::Inside(network)),
        TRY => namespaces::leave(network).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        _ => begin(isolation, network),
    }
}

/// Has a jail that is about to end go before others. Each of its processes needs the processor once more to die, and where
/// the kernel shares that among sessions (`sched(7)`, autogroups), a thousand of them have no more of it than any other
/// session. Only root may; for others it takes as long as it takes.
pub(crate) fn hurry(jail: u32) {
    const FIRST: &str = "-15";
    let inside = fs::read_to_string(format!("/proc/{jail}/task/{jail}/children")).unwrap_or_default();
    for process in [&*jail.to_string()].into_iter().chain(inside.split_whitespace()) {
        let _ = fs::write(format!("/proc/{process}/autogroup"), FIRST);
    }
}

fn begin(isolation: Isolation, network: Network) -> ExitCode {
    if let Err(error) = close_inherited() {
        return refused(&format!("could not close what was inherited: {error}"));
    }
    if isolation == Isolation::None {
        return warden::run(Place::Free);
    }
    let tried = part(network, TRY).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match (tried.is_ok_and(|status| status.success()), network) {
        (true, _) => start_inside(network),
        (false, Network::Host) => warden::run(Place::Outside),
        (false, Network::None) => refused("no network of its own can be had: this machine gives no namespaces"),
    }
}

fn start_inside(network: Network) -> ExitCode {
    match namespaces::leave(network).and_then(|()| part(network, INSIDE).status()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => refused(&format!("could not start a process in namespaces of its own: {error}")),
    }
}

/// This program once more, as another part of the jail.
fn part(network: Network, part: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args([SUBCOMMAND, &Isolation::Full.to_string(), &network.to_string(), part]);
    command
}

/// Files that the server's own parent left open for it, and which would be the command's too.
fn close_inherited() -> io::Result<()> {
    let open: Vec<RawFd> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    // The directory that was just read is among them, and closed already.
    for fd in open {
        let _ = nix::unistd::close(fd);
    }
    Ok(())
}
