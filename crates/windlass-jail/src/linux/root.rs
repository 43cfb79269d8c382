//! A root of its own, made of nothing but what a command may see. What is not in it cannot be read, and neither can its
//! mode be changed nor its socket be connected to, which Landlock alone would let pass.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change, mount_remount, unmount,
};
use rustix::process::pivot_root;

use super::sight::{Access, Sight};

/// Where the machine's root and the new one are while the new one is made.
const OLD: &str = "/old";
const NEW: &str = "/new";

const IN_MEMORY: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Leaves the machine's root for an empty one, with the machine's at [`OLD`]. Where this fails, nothing has changed that
/// anyone could see.
pub(super) fn leave() -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("tmpfs", "/tmp", "tmpfs", IN_MEMORY, c"mode=755")?;
    fs::create_dir("/tmp/old")?;
    fs::create_dir("/tmp/new")?;
    pivot_root("/tmp", "/tmp/old")?;
    std::env::set_current_dir("/")
}

/// Makes the new root of what is to be seen, and moves in. `temporary`, free of links, will be `/tmp`.
pub(super) fn furnish(sights: &[Sight], temporary: Option<&Path>, processes: Option<u64>) -> io::Result<Proc> {
    mount("tmpfs", NEW, "tmpfs", IN_MEMORY, c"mode=755")?;
    match temporary {
        Some(directory) => bind(&within(OLD, directory), Path::new("/new/tmp"))?,
        None => in_memory("/new/tmp", c"mode=1777,size=1g")?,
    }
    in_memory("/new/dev/shm", c"mode=1777,size=256m")?;
    for sight in sights {
        show(sight, sights).map_err(|error| named(&sight.path, &error))?;
    }
    for (link, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{target}"), Path::new("/new/dev").join(link))?;
    }
    let proc = show_processes(processes)?;
    for path in readonly(sights)? {
        remount_readonly(&path).map_err(|error| named(&path, &error))?;
    }
    std::env::set_current_dir(NEW)?;
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")?;
    Ok(proc)
}

/// What became of `/proc`.
pub(super) struct Proc {
    /// It shows the processes of its own namespace.
    pub(super) fresh: bool,
    /// The namespace gives out only so many process ids.
    pub(super) bounded: bool,
}

fn show_processes(limit: Option<u64>) -> io::Result<Proc> {
    const PROC: &str = "/new/proc";
    /// The kernel refuses less than this.
    const LEAST: u64 = 301;
    fs::create_dir(PROC)?;
    // Refused in a container that hides parts of its own.
    let fresh = mount("proc", PROC, "proc", IN_MEMORY | MountFlags::NOEXEC, None).is_ok();
    if !fresh {
        bind(Path::new("/old/proc"), Path::new(PROC))?;
        return Ok(Proc { fresh, bounded: false });
    }
    // One for the whole machine before Linux 6.14, and then not for us to write.
    let bounded =
        limit.is_some_and(|limit| fs::write("/new/proc/sys/kernel/pid_max", limit.max(LEAST).to_string()).is_ok());
    Ok(Proc { fresh, bounded })
}

fn show(sight: &Sight, all: &[Sight]) -> io::Result<()> {
    let target = within(NEW, &sight.path);
    // `/bin` stays a link to `usr/bin`, so that `/bin/..` is what it was.
    let elsewhere = |other: &Sight| other.path != sight.path && sight.source.starts_with(&other.path);
    if let Ok(link) = fs::read_link(within(OLD, &sight.path))
        && all.iter().any(elsewhere)
    {
        if fs::symlink_metadata(&target).is_ok() {
            return Ok(());
        }
        fs::create_dir_all(target.parent().unwrap_or(Path::new(NEW)))?;
        return symlink(link, target);
    }
    bind(&within(OLD, &sight.source), &target)
}

fn bind(source: &Path, target: &Path) -> io::Result<()> {
    if !target.exists() {
        if source.is_dir() {
            fs::create_dir_all(target)?;
        } else {
            fs::create_dir_all(target.parent().unwrap_or(Path::new(NEW)))?;
            fs::File::create(target)?;
        }
    }
    Ok(mount_bind_recursive(source, target)?)
}

fn in_memory(target: &str, options: &CStr) -> io::Result<()> {
    fs::create_dir_all(target)?;
    Ok(mount("tmpfs", target, "tmpfs", IN_MEMORY, options)?)
}

/// What is mounted in the new root and may not be written, mounts within what is shown included.
fn readonly(sights: &[Sight]) -> io::Result<Vec<PathBuf>> {
    let mounts = fs::read_to_string("/new/proc/self/mountinfo")?;
    // The fifth field of a line is the path, with spaces and the like as octal numbers.
    let mounted = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped);
    Ok(mounted.filter(|path| path.starts_with(NEW) && !may_be_written(path, sights)).collect())
}

fn may_be_written(mounted: &Path, sights: &[Sight]) -> bool {
    if ["/new/tmp", "/new/dev/shm"].iter().any(|own| mounted == Path::new(own)) {
        return true;
    }
    let innermost = sights.iter().rev().find(|sight| mounted.starts_with(within(NEW, &sight.path)));
    innermost.is_some_and(|sight| sight.access != Access::Read)
}

/// With the other flags that the mount has: those of the machine's cannot be taken away, and forgetting one is an error.
fn remount_readonly(path: &Path) -> io::Result<()> {
    const KEPT: [(StatVfsMountFlags, MountFlags); 6] = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    let has = statvfs(path)?.f_flag;
    let kept = KEPT.into_iter().filter(|(flag, _)| has.contains(*flag)).map(|(_, flag)| flag);
    let flags = kept.fold(MountFlags::BIND | MountFlags::RDONLY, MountFlags::union);
    Ok(mount_remount(path, flags, c"")?)
}

fn within(root: &str, path: &Path) -> PathBuf {
    Path::new(root).join(path.strip_prefix("/").unwrap_or(path))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn unescaped(field: &str) -> PathBuf {
    // The backslash last, or what follows one would be read again.
    let octal = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    PathBuf::from(octal.into_iter().fold(field.to_owned(), |path, (escaped, meant)| path.replace(escaped, meant)))
}
