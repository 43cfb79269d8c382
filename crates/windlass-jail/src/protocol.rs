//! What the server and the process in the jail say to each other.
//!
//! The server writes one [`Order`], its length before it, to the jail's standard input and leaves that open: its end is
//! the server's end, or the server's wish that the command end. The jail answers on its standard output with [`Word`]s, a
//! line each. Its standard error is the command's output.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::{Ended, Limits};

/// Everything that the jail needs to know. Not in its arguments, which others on the machine can read.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Order {
    /// `None` where the server only wants to know what can be had.
    pub(crate) command: Option<Command>,
    pub(crate) limits: Limits,
}

/// [`Run`](crate::Run) with its paths made absolute and as bytes, since a path need not be text.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Command {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: OsString,
    pub(crate) writable: Vec<OsString>,
    pub(crate) readable: Vec<OsString>,
    pub(crate) temporary: Option<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// What the jail says.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Word {
    /// The command runs.
    Started(Report),
    /// The command does not run, because of this.
    Failed(String),
    /// The command has ended. All else that came of it is dead when the jail is.
    Ended(Ended),
}

impl Order {
    /// As it is sent.
    pub(crate) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let body = serde_json::to_vec(self)?;
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        Ok([&length.to_le_bytes()[..], &body].concat())
    }

    /// Reads one order and not a byte more.
    pub(crate) fn read(mut from: impl Read) -> io::Result<Self> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut body = Vec::new();
        from.take(u32::from_le_bytes(length).into()).read_to_end(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }
}

/// What keeps a command apart on this machine. As text: one line each, what is missing included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Report {
    /// Whether there is to be isolation at all; nothing below is true where not.
    pub isolated: bool,
    /// The version of Landlock that guards files, if the kernel has one.
    pub landlock: Option<i32>,
    /// Whether Landlock also guards signals and abstract sockets outside (from its version 6 on).
    pub scoped: bool,
    /// Whether it has a PID namespace of its own. Without one, its processes are looked for and ended one by one.
    pub processes: bool,
    /// Whether it has a root of its own, in which nothing is that it may not see.
    pub root: bool,
    /// Whether its `/proc` shows its own processes alone.
    pub proc: bool,
    /// Whether the kernel itself limits its processes in number.
    pub bounded: bool,
    /// Whether its network is its own.
    pub network: bool,
}

impl Report {
    /// What cannot be had on this machine, in words; empty where everything can.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        if !self.isolated {
            return vec!["isolation is switched off: a build can read, write and signal whatever the server can"];
        }
        let said = [
            (
                self.landlock.is_some(),
                "Landlock: only the root of its own guards files (Linux 5.13 and `lsm=landlock`)",
            ),
            (self.scoped || self.processes, "a guard on signals: it can end processes of the same user"),
            (self.processes, "a PID namespace: its processes are looked for and ended one by one"),
            (
                self.root,
                "a root of its own: it can see names and change modes of the server's files, and connect to local sockets",
            ),
            (self.proc, "a fresh /proc: it can see command lines of other processes"),
            (self.bounded, "a limit on processes by the kernel: they are counted four times a second"),
        ];
        said.into_iter().filter(|(had, _)| !had).map(|(_, words)| words).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.isolated {
            f.write_str("builds are kept apart by")?;
            let landlock = self.landlock.map(|version| format!(" Landlock (version {version})"));
            let had = [
                landlock,
                self.processes.then(|| " a PID namespace".to_owned()),
                self.root.then(|| " a root of their own".to_owned()),
                self.network.then(|| " a network of their own".to_owned()),
            ];
            f.write_str(&had.into_iter().flatten().collect::<Vec<_>>().join(","))?;
            if !self.network {
                f.write_str("; they have the machine's network, its metadata address included")?;
            }
        } else {
            f.write_str("builds are not kept apart")?;
        }
        self.missing().into_iter().try_for_each(|words| write!(f, "\nmissing: {words}"))
    }
}
