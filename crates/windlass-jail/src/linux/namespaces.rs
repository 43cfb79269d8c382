//! Leaving the machine's namespaces.

use std::fs;
use std::io;

use nix::sched::{CloneFlags, unshare};
use rustix::process::{getegid, geteuid};
use rustix::thread::{CapabilitySet, capabilities, configure_capability_in_ambient_set, set_capabilities};

use crate::Network;

/// What the warden needs to make a root and a network; it gives them up before the command starts.
const NEEDED: [CapabilitySet; 3] = [CapabilitySet::SYS_ADMIN, CapabilitySet::NET_ADMIN, CapabilitySet::SETPCAP];

/// Leaves those of users, mounts, IPC and, where told so, the network; children will be in a PID namespace of their own.
///
/// A user namespace gives the right to the others. It is taken by root too, whose processes are then root of nothing; if
/// there is none to be had, root has the right anyway.
pub(super) fn leave(network: Network) -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    match unshare(CloneFlags::CLONE_NEWUSER) {
        Ok(()) => {
            // Who may not have groups may not leave them either, and so does not get what is denied to one of them.
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
            fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
        }
        Err(error) if !user.is_root() => return Err(error.into()),
        Err(_) => (),
    }
    let mut others = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC;
    others.set(CloneFlags::CLONE_NEWNET, network == Network::None);
    unshare(others)?;
    keep_capabilities()
}

/// A program that is started without being root loses its capabilities, unless they are ambient.
fn keep_capabilities() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.inheritable = sets.permitted;
    set_capabilities(None, sets)?;
    NEEDED.into_iter().try_for_each(|capability| Ok(configure_capability_in_ambient_set(capability, true)?))
}
