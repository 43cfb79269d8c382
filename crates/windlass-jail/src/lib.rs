//! Runs a build command apart from the server it belongs to, and ends everything that came of it.
//!
//! The server starts itself again with the hidden subcommand [`SUBCOMMAND`], whose body is [`enter`]; that process shuts
//! itself in and then runs the command. So there is no `unsafe`, no helper to install and no privilege to have.
//!
//! What a command finds inside, with [`Isolation::Full`] on Linux:
//!
//! * **Files**: its writable directories, `/usr`, `/bin`, `/sbin`, `/lib*`, `/opt`, what programs need of `/etc` (no
//!   passwords, keys or credentials), `/dev/null` and its like, and the paths it was told of, for reading. The rest is not
//!   denied but absent: the root is one of its own, and Landlock stands behind it.
//! * **Processes**: its own, and no others. They live in a PID namespace, so when its first process ends, the kernel ends
//!   all of them, whatever session they moved to. That process ends with the command, when it is told to, when the server
//!   dies for whatever reason, and when a limit is passed.
//! * **Rights**: none beyond those of the server's user: no capability, and none to be had (`no_new_privs`).
//! * **Network**: the machine's, or none but a loopback of its own ([`Network`]).
//! * **Environment, open files, terminal**: the variables it was given, one stream for output, nothing else.
//!
//! What can be had differs from kernel to kernel and from container to container: [`Jail::probe`] tries it and says it.
//!
//! What this crate is not: a boundary against someone with a hole in the kernel (that is a virtual machine), or against
//! one who talks to the network where [`Network::Host`] lets him. With it, a build reaches what the machine reaches:
//! services on the loopback and the metadata address of a cloud (169.254.169.254) too. Landlock knows ports and no
//! addresses, so whoever wants builds to be kept from some of the network needs a firewall, or [`Network::None`].
//!
//! ```no_run
//! # async fn build(job: std::path::PathBuf) -> Result<(), Box<dyn std::error::Error>> {
//! use windlass_jail::{Isolation, Jail, Limits, Network, Run};
//!
//! // `main` has called `enter` already, had its first argument been `SUBCOMMAND`.
//! let program = std::env::current_exe()?;
//! let jail = Jail { program, isolation: Isolation::Full, network: Network::Host, limits: Limits::default() };
//! println!("{}", jail.probe()?);
//!
//! let run = Run {
//!     program: "bash".into(),
//!     arguments: vec!["build.sh".into()],
//!     directory: job.clone(),
//!     writable: vec![job],
//!     environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
//!     ..Run::default()
//! };
//! let mut running = jail.spawn(&run).await?;
//! tokio::io::copy(&mut running.output(), &mut tokio::io::stdout()).await?;
//! println!("{}", running.wait().await?);
//! # Ok(())
//! # }
//! ```

mod ended;
mod inside;
mod protocol;
mod running;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

use std::ffi::OsString;
use std::path::PathBuf;

pub use ended::Ended;
#[cfg(target_os = "linux")]
pub use linux::enter;
#[cfg(not(target_os = "linux"))]
pub use portable::enter;
pub use protocol::Report;
pub use running::{Running, Unavailable};

/// The hidden subcommand of [`Jail::program`] that calls [`enter`] with the arguments that follow it.
///
/// It has to be recognized before the process has a second thread: a process with threads cannot leave its namespaces.
pub const SUBCOMMAND: &str = "jail";

/// How far a command is kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Isolation {
    /// From files, processes, rights and, where told so, the network. Linux only.
    #[default]
    Full,
    /// In a session and an environment of its own, with limits, and ended with all that came of it; but it reads, writes
    /// and signals whatever the server can. For commands that are trusted as the server is.
    None,
}

/// Which network a command has with [`Isolation::Full`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Network {
    /// The machine's. The cloud's metadata address is not taken out of it: see the crate's documentation.
    #[default]
    Host,
    /// A loopback of its own and nothing else.
    None,
}

/// What a command may use of the machine, all its processes together where nothing else is said. `None` is no limit.
///
/// Time is not among them: whoever wants a command to end calls [`Running::kill`]. Nor is the processor: a command stands
/// back behind the server (`nice` 10). Control groups are not used, since who has one to share out is the exception.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Limits {
    /// Memory in bytes; 8 GiB unless said otherwise, as on Amplify's standard machine.
    ///
    /// A single process gets no more than that from the kernel (`RLIMIT_DATA`). What they use together is looked at
    /// four times a second, with memory that processes share counted once, and the command is ended as
    /// [`Ended::OutOfMemory`] when it is too much. The kernel, should it run short first, takes it before the server.
    pub memory: Option<u64>,
    /// Processes and threads; 4096 unless said otherwise.
    ///
    /// From Linux 6.14 on a PID namespace of its own gives out no more process ids than that (but at least 301, the
    /// kernel's minimum). Everywhere they are counted four times a second, and more of them end the command as
    /// [`Ended::TooManyProcesses`].
    pub processes: Option<u64>,
    /// Open files of one process (`RLIMIT_NOFILE`); 65,536 unless said otherwise, or less where the server has less.
    pub open_files: Option<u64>,
    /// Size of one file in bytes (`RLIMIT_FSIZE`); 10 GiB unless said otherwise.
    pub file_size: Option<u64>,
    /// Bytes that its writable directories hold, with what was in them before; 32 GiB unless said otherwise.
    ///
    /// They are looked at every second or so, and more ends the command as [`Ended::OutOfDisk`]. Files that have no name
    /// any more are not seen.
    pub disk: Option<u64>,
    /// Bytes that stay free on the disks of its writable directories, or a twentieth of a disk where that is less; 512 MiB
    /// unless said otherwise.
    ///
    /// They are looked at four times a second, and fewer end the command as [`Ended::DiskFull`], so that the server, whose
    /// disk it may be, can go on.
    pub disk_left: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: Some(8 << 30),
            processes: Some(4096),
            open_files: Some(65_536),
            file_size: Some(10 << 30),
            disk: Some(32 << 30),
            disk_left: Some(512 << 20),
        }
    }
}

/// Where commands run: how far apart, and with how much of the machine.
#[derive(Clone, Debug)]
pub struct Jail {
    /// The executable that knows [`SUBCOMMAND`]; `std::env::current_exe()` in a server.
    pub program: PathBuf,
    /// How far apart.
    pub isolation: Isolation,
    /// Which network.
    pub network: Network,
    /// How much.
    pub limits: Limits,
}

/// A command to run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The program: a path, or a name that is looked for in the `PATH` of [`environment`](Self::environment).
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it starts: a directory within a writable or readable one.
    pub directory: PathBuf,
    /// Directories it reads, writes and runs programs from. They exist.
    pub writable: Vec<PathBuf>,
    /// Files and directories that it reads and runs programs from, besides the system's: toolchains in a home directory.
    /// They exist.
    pub readable: Vec<PathBuf>,
    /// The directory that it sees as `/tmp`, if one of its own root can be had. It exists. Without one, `/tmp` is in
    /// memory and holds 1 GiB.
    ///
    /// Where there is no root of its own ([`Report::root`]) there is no `/tmp`: set `TMPDIR` to a writable directory.
    pub temporary: Option<PathBuf>,
    /// Its whole environment: it inherits nothing.
    pub environment: Vec<(OsString, OsString)>,
}
