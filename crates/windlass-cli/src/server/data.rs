//! The files beside the database that people and clients read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::credentials::Credentials;

/// A directory with a server's data.
#[derive(Clone, Debug)]
pub struct Data(PathBuf);

impl Data {
    /// The directory at `path`, made if there is none, for its owner alone.
    pub(super) fn at(path: &Path) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        let is_new = !path.exists();
        builder.create(path).with_context(|| format!("cannot make the directory {}", path.display()))?;
        if !is_new {
            return Ok(Self(path.to_owned()));
        }
        // So that its name is on the disk before anything in it is acknowledged.
        let synced =
            path.canonicalize().and_then(|path| path.ancestors().try_for_each(|dir| File::open(dir)?.sync_all()));
        if let Err(error) = synced {
            tracing::debug!("a directory above {} cannot be synced: {error}", path.display());
        }
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The AWS shared credentials file.
    #[must_use]
    pub fn credentials_path(&self) -> PathBuf {
        self.0.join("credentials")
    }

    /// The key pair of this directory, if it has one.
    pub(super) fn credentials(&self) -> anyhow::Result<Option<Credentials>> {
        let path = self.credentials_path();
        match fs::read_to_string(&path) {
            Ok(text) => Credentials::parse(&text).map(Some).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes the key pair down for clients on this machine.
    pub(super) fn keep_credentials(&self, credentials: &Credentials, region: &str) -> anyhow::Result<()> {
        self.write("credentials", &credentials.text(region))
    }

    /// Says where the server can be reached, for clients on this machine.
    pub(super) fn announce(&self, endpoint: &str) -> anyhow::Result<()> {
        self.write("endpoint", &format!("{endpoint}\n"))
    }

    /// Writes a file whole or not at all, for its owner alone.
    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}
