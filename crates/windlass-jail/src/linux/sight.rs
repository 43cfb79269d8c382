//! Which files a command sees, and what it may do with them. The root of its own is made of them, Landlock allows them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::protocol::Command;

/// Programs and their data.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/sys/devices/system/cpu",
];

/// What programs need of `/etc`. Named one by one, since passwords, private keys and other programs' tokens live there
/// too, and are readable for a server that runs as root.
const CONFIGURATION: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hostname",
    "hosts",
    "inputrc",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "lsb-release",
    "magic",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "redhat-release",
    "resolv.conf",
    "rpc",
    "services",
    "shells",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// What may be done with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Reading, and running programs.
    Read,
    /// Everything.
    Write,
    /// Reading and writing a device.
    Device,
}

/// A path that a command sees.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) path: PathBuf,
    /// What is there, free of links.
    pub(super) source: PathBuf,
    pub(super) access: Access,
}

impl Sight {
    /// Sorted so that a path within another comes after it.
    pub(super) fn of(command: Option<&Command>) -> io::Result<Vec<Self>> {
        let mut sights = Vec::new();
        let configuration = CONFIGURATION.iter().map(|name| Path::new("/etc").join(name));
        for path in SYSTEM.iter().map(PathBuf::from).chain(configuration) {
            add_if_there(&mut sights, path, Access::Read)?;
        }
        for path in DEVICES {
            add_if_there(&mut sights, path.into(), Access::Device)?;
        }
        if let Some(command) = command {
            for path in &command.readable {
                add(&mut sights, path.into(), Access::Read)?;
            }
            for path in &command.writable {
                add(&mut sights, path.into(), Access::Write)?;
            }
        }
        // What is named twice may be written if one of them says so: it is the last, and hides the others.
        sights.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(sights)
    }
}

fn add_if_there(sights: &mut Vec<Sight>, path: PathBuf, access: Access) -> io::Result<()> {
    // A link to nowhere is not there either.
    if fs::exists(&path).unwrap_or(false) { add(sights, path, access) } else { Ok(()) }
}

/// At the path it was called by, and where it really is.
fn add(sights: &mut Vec<Sight>, path: PathBuf, access: Access) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let source = path.canonicalize().map_err(named)?;
    if source != path && access == Access::Write {
        sights.push(Sight { path: source.clone(), source: source.clone(), access });
    }
    sights.push(Sight { path, source, access });
    Ok(())
}
