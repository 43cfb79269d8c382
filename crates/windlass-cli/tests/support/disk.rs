//! A disk that is soon full: a small file system in memory, which only root can mount.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A disk of its own, until it is dropped.
pub(crate) struct Disk(TempDir);

impl Disk {
    pub(crate) fn of_megabytes(size: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        // Told even though the test passes: `eprintln!` would be captured.
        std::io::stderr().write_all(b"SKIPPED: only root can mount a small disk\n").unwrap();
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that was just killed may still be going.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
