//! What a command has written, and how much it may still write: the size of its writable directories, which the kernel
//! limits file by file only, and what is left of the disks they are on.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::statvfs;
use rustix::process::nice;
use walkdir::WalkDir;

use crate::protocol::Command;

/// Between the end of one look at all files and the beginning of the next.
const REST: Duration = Duration::from_secs(1);
/// A look takes a second where there are a million files; nobody else should wait for it.
const YIELDS: i32 = 10;

/// Its writable directories.
pub(super) struct Disk {
    directories: Vec<PathBuf>,
    /// The bytes that the last look found.
    used: Arc<AtomicU64>,
}

impl Disk {
    /// Looks from now on until the process ends.
    pub(super) fn watch(command: &Command) -> io::Result<Self> {
        let used = Arc::new(AtomicU64::new(0));
        let all: BTreeSet<PathBuf> = command.writable.iter().chain(&command.temporary).map(Into::into).collect();
        // One within another would count twice.
        let within_another = |path: &PathBuf| path.ancestors().skip(1).any(|above| all.contains(above));
        let directories: Vec<_> = all.iter().filter(|path| !within_another(path)).cloned().collect();
        let (found, looked_through) = (Arc::clone(&used), directories.clone());
        std::thread::Builder::new().spawn(move || {
            let _ = nice(YIELDS);
            loop {
                found.store(size(&looked_through), Ordering::Relaxed);
                std::thread::sleep(REST);
            }
        })?;
        Ok(Self { directories, used })
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// How much should be left of a disk that has less left.
    pub(super) fn lacks(&self, wanted: u64) -> Option<u64> {
        // One that the command has removed is on no disk.
        self.directories.iter().filter_map(|directory| statvfs(directory).ok()).find_map(|disk| {
            let wanted = wanted.min(disk.f_blocks * disk.f_frsize / 20);
            (disk.f_bavail * disk.f_frsize < wanted).then_some(wanted)
        })
    }
}

/// As the disk has them: holes are free, and a file with several names counts once. What vanishes meanwhile is not there.
fn size(directories: &[PathBuf]) -> u64 {
    let mut several = BTreeSet::new();
    let entries = directories.iter().flat_map(WalkDir::new).filter_map(|entry| entry.ok()?.metadata().ok());
    let once = entries.filter(|entry| entry.nlink() == 1 || several.insert((entry.dev(), entry.ino())));
    once.map(|entry| entry.blocks() * 512).sum()
}
