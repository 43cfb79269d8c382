//! The process that watches over a command: starts it, looks at what it uses, and ends with it.
//!
//! It is not shut in itself, so that the command can neither trace nor signal it: only the thread that starts the command
//! is, and what comes of it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions, getpid, nice, pidfd_open, set_child_subreaper,
    set_dumpable_behavior, set_parent_process_death_signal, wait,
};

use super::disk::Disk;
use super::sight::Sight;
use super::{Place, loopback, processes, restrict, root};
use crate::inside::{refused, say, start};
use crate::protocol::{Order, Report, Word};
use crate::{Ended, Limits, Network};

/// How often a command's use of memory and processes is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How far a command stands back for others that want the processor (`nice(1)`).
const YIELDS: i32 = 10;

pub(super) fn run(place: Place) -> ExitCode {
    match prepare(place) {
        Ok(None) => ExitCode::FAILURE,
        Ok(Some(order)) => match serve(place, &order) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refused(&error.to_string()),
        },
        Err(error) => refused(&error.to_string()),
    }
}

/// Makes sure that this process does not outlive its parent, and hears what to do. `None` if the server is gone.
fn prepare(place: Place) -> io::Result<Option<Order>> {
    match place {
        // The parent has but one thread. The server does not, and the signal would come with the end of the thread that
        // started this process; there, only the lifeline tells.
        Place::Inside(_) => set_parent_process_death_signal(Some(Signal::KILL))?,
        Place::Outside | Place::Free => set_child_subreaper(Some(getpid()))?,
    }
    // Should the kernel run out of memory, then rather this than the server. Not worth a failure.
    let _ = fs::write("/proc/self/oom_score_adj", "500");
    let order = Order::read(io::stdin().lock())?;
    // The parent may have died before it had a say in this process's death.
    Ok((!is_cut(0)?).then_some(order))
}

fn serve(place: Place, order: &Order) -> io::Result<()> {
    let sights = Sight::of(order.command.as_ref())?;
    let mut report = furnish(place, order, &sights)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let child = start_apart(place, order, &sights, &mut report)?;
    say(&Word::Started(report));
    if let (Some(child), Some(command)) = (child, &order.command) {
        let ended = watch(child, &order.limits, &Disk::watch(command)?);
        if !matches!(place, Place::Inside(_)) {
            processes::kill_all()?;
        }
        // Inside, the others die with this process.
        say(&Word::Ended(ended?));
    }
    Ok(())
}

/// In a thread of its own, which is shut in and ends.
fn start_apart(place: Place, order: &Order, sights: &[Sight], report: &mut Report) -> io::Result<Option<Pid>> {
    std::thread::scope(|scope| {
        let apart = std::thread::Builder::new().spawn_scoped(scope, || {
            // For this thread and what it starts: the server and this process come first, or a thousand busy processes
            // would keep the one from its time that has to end them.
            nice(YIELDS)?;
            restrict::limit(&order.limits)?;
            if place != Place::Free {
                shut_in(sights, report)?;
            }
            order.command.as_ref().map(|command| Ok(Pid::from_child(&start(command)?))).transpose()
        })?;
        apart.join().map_err(|_| io::Error::other("the thread that starts the command died"))?
    })
}

/// The root and the network of its own, where they can be had.
fn furnish(place: Place, order: &Order, sights: &[Sight]) -> io::Result<Report> {
    let Place::Inside(network) = place else {
        return Ok(Report { isolated: place == Place::Outside, ..Report::default() });
    };
    let mut report = Report { isolated: true, processes: true, network: network == Network::None, ..Report::default() };
    if report.network {
        loopback::switch_on()?;
    }
    let temporary = order.command.as_ref().and_then(|command| command.temporary.as_ref());
    let temporary = temporary.map(|path| Path::new(path).canonicalize()).transpose()?;
    if root::leave().is_ok() {
        let proc = root::furnish(sights, temporary.as_deref(), order.limits.processes)?;
        report = Report { root: true, proc: proc.fresh, bounded: proc.bounded, ..report };
    }
    Ok(report)
}

fn shut_in(sights: &[Sight], report: &mut Report) -> io::Result<()> {
    restrict::give_up_rights()?;
    report.landlock = restrict::guard_files(sights, report.root).map_err(io::Error::other)?;
    report.scoped = restrict::is_scoped(report.landlock);
    match report.landlock.is_some() || report.root {
        true => Ok(()),
        false => Err(io::Error::other("neither Landlock (Linux 5.13) nor a user namespace can be had")),
    }
}

/// Until the command ends or has to.
fn watch(child: Pid, limits: &Limits, disk: &Disk) -> io::Result<Ended> {
    let died = pidfd_open(child, PidfdFlags::empty())?;
    loop {
        let (lifeline, look) = (io::stdin(), Timespec::try_from(LOOK).map_err(io::Error::other)?);
        let mut events = [PollFd::new(&lifeline, PollFlags::IN), PollFd::new(&died, PollFlags::IN)];
        match poll(&mut events, Some(&look)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => (),
            Err(error) => return Err(error.into()),
        }
        // An end of its own comes first: who is told to end and has ended was not killed.
        let lifeline_is_cut = !events[0].revents().is_empty();
        if let Some(ended) = reap(child)? {
            return Ok(ended);
        }
        if lifeline_is_cut {
            return Ok(Ended::Killed);
        }
        if let Some(ended) = excess(limits, disk)? {
            return Ok(ended);
        }
    }
}

/// Takes leave of the dead, also of those whose parents died before them.
fn reap(child: Pid) -> io::Result<Option<Ended>> {
    loop {
        let status = match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => status,
            Ok(Some(_)) => continue,
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let code = status.exit_status().map(Ended::Code);
        if let Some(ended) = code.or_else(|| status.terminating_signal().map(Ended::Signal)) {
            return Ok(Some(ended));
        }
    }
}

fn excess(limits: &Limits, disk: &Disk) -> io::Result<Option<Ended>> {
    let usage = processes::usage()?;
    if let Some(limit) = limits.processes
        && usage.threads > limit
    {
        return Ok(Some(Ended::TooManyProcesses { limit }));
    }
    if let Some(limit) = limits.memory
        && usage.memory > limit
        && processes::shared_memory()? > limit
    {
        return Ok(Some(Ended::OutOfMemory { limit }));
    }
    if let Some(limit) = limits.disk
        && disk.used() > limit
    {
        return Ok(Some(Ended::OutOfDisk { limit }));
    }
    if let Some(wanted) = limits.disk_left
        && let Some(limit) = disk.lacks(wanted)
    {
        return Ok(Some(Ended::DiskFull { limit }));
    }
    Ok(None)
}

/// Whether the other end of standard input is closed.
fn is_cut(wait: i64) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut events = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut events, Some(&Timespec { tv_sec: wait, tv_nsec: 0 }))?;
    Ok(!events[0].revents().is_empty())
}
