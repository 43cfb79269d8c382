//! How a command ended, in words.

use core::fmt;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal, from itself, another of its processes or the kernel.
    Signal(i32),
    /// Because its processes together used more memory than this number of bytes.
    OutOfMemory {
        /// [`Limits::memory`](crate::Limits::memory).
        limit: u64,
    },
    /// Because its writable directories had grown larger than this number of bytes.
    OutOfDisk {
        /// [`Limits::disk`](crate::Limits::disk).
        limit: u64,
    },
    /// Because a disk of its writable directories had less room left than this number of bytes.
    DiskFull {
        /// [`Limits::disk_left`](crate::Limits::disk_left), or a twentieth of that disk.
        limit: u64,
    },
    /// Because there were more processes and threads than this.
    TooManyProcesses {
        /// [`Limits::processes`](crate::Limits::processes).
        limit: u64,
    },
    /// Because it was told to: [`Running::kill`](crate::Running::kill).
    Killed,
}

impl Ended {
    /// Whether it did what it was for: exit code 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => signal(f, number),
            Self::OutOfMemory { limit } => write!(f, "out of memory: its limit is {} MiB", limit >> 20),
            Self::OutOfDisk { limit } => write!(f, "out of disk: its limit is {} MiB", limit >> 20),
            Self::DiskFull { limit } => write!(f, "the disk is full: less than {} MiB were left", limit >> 20),
            Self::TooManyProcesses { limit } => write!(f, "too many processes: its limit is {limit}"),
            Self::Killed => f.write_str("stopped"),
        }
    }
}

fn signal(f: &mut fmt::Formatter<'_>, number: i32) -> fmt::Result {
    #[cfg(unix)]
    if let Ok(signal) = nix::sys::signal::Signal::try_from(number) {
        write!(f, "ended by signal {number} ({signal})")?;
        return match signal == nix::sys::signal::Signal::SIGXFSZ {
            true => f.write_str(": a file was larger than its limit"),
            false => Ok(()),
        };
    }
    write!(f, "ended by signal {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_says_why_in_words() {
        assert_eq!(Ended::Code(2).to_string(), "exit code 2");
        assert_eq!(Ended::Signal(9).to_string(), "ended by signal 9 (SIGKILL)");
        assert_eq!(Ended::Signal(25).to_string(), "ended by signal 25 (SIGXFSZ): a file was larger than its limit");
        assert_eq!(Ended::Signal(63).to_string(), "ended by signal 63");
        assert_eq!(Ended::OutOfMemory { limit: 8 << 30 }.to_string(), "out of memory: its limit is 8192 MiB");
        let full = Ended::DiskFull { limit: 512 << 20 };
        assert_eq!(full.to_string(), "the disk is full: less than 512 MiB were left");
        assert_eq!(Ended::TooManyProcesses { limit: 5 }.to_string(), "too many processes: its limit is 5");
    }
}
