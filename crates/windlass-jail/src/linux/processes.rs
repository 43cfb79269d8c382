//! The processes that came of this one: how many, how large, and their end where there is no namespace to end with them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

/// What they use together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processes and their threads.
    pub(super) threads: u64,
    /// Bytes of memory that is theirs; what several share through `fork` counts for each.
    pub(super) memory: u64,
}

/// Of all processes that came of this one.
pub(super) fn usage() -> io::Result<Usage> {
    let each = descendants()?.into_iter().filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok());
    Ok(each.fold(Usage::default(), |sum, status| Usage {
        threads: sum.threads + field(&status, "Threads:"),
        memory: sum.memory + 1024 * (field(&status, "RssAnon:") + field(&status, "RssShmem:")),
    }))
}

/// Their memory in bytes, with what several share counted once. Costs the kernel a walk over all of it.
pub(super) fn shared_memory() -> io::Result<u64> {
    let each = descendants()?.into_iter().map(|pid| {
        fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
            .map(|rollup| field(&rollup, "Pss_Anon:") + field(&rollup, "Pss_Shmem:"))
            // Gone, or out of sight.
            .or_else(|_| {
                fs::read_to_string(format!("/proc/{pid}/status"))
                    .map(|status| field(&status, "RssAnon:") + field(&status, "RssShmem:"))
            })
            .unwrap_or(0)
    });
    Ok(1024 * each.sum::<u64>())
}

/// Kills all that came of this process and waits until they are dead. It has to be their subreaper.
///
/// First they are stopped, until no new one is found: a stopped process has no more children.
pub(super) fn kill_all() -> io::Result<()> {
    loop {
        let mut stopped = Vec::new();
        loop {
            let found = descendants()?;
            if found.iter().all(|pid| stopped.contains(pid)) {
                break;
            }
            found.iter().for_each(|pid| send(*pid, Signal::STOP));
            stopped = found;
        }
        stopped.iter().for_each(|pid| send(*pid, Signal::KILL));
        // Those further down come to this process when their parents are dead.
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => (),
                Ok(None) => break,
                Err(rustix::io::Errno::CHILD) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn send(pid: i32, signal: Signal) {
    // It may be dead already.
    let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, signal));
}

/// By the ids that `/proc` has for them, which are another namespace's where it is not fresh.
fn descendants() -> io::Result<Vec<i32>> {
    let own: i32 = fs::read_link("/proc/self")?.to_string_lossy().parse().map_err(io::Error::other)?;
    let mut children = BTreeMap::<i32, Vec<i32>>::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(pid) = name.to_str().and_then(|name| name.parse().ok())
            && let Some(parent) = parent(pid)
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = children.remove(&own).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    Ok(found)
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which is in parentheses and may contain any: the state and the parent.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
