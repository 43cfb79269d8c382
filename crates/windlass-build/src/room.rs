//! Where one build goes on.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The folders that one build may write to. What was made for it goes with it.
#[derive(Debug)]
pub struct Room {
    own: TempDir,
    repository: PathBuf,
}

impl Room {
    /// A new one below `folder`, with an empty folder for the repository.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn new_in(folder: &Path) -> io::Result<Self> {
        let own = furnished(folder)?;
        let repository = own.path().join("repository");
        std::fs::create_dir(&repository)?;
        Ok(Self { own, repository })
    }

    /// One around a working folder that stays when the build is over.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn around(repository: &Path, folder: &Path) -> io::Result<Self> {
        Ok(Self { own: furnished(folder)?, repository: repository.canonicalize()? })
    }

    /// The working folder.
    #[must_use]
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// The build's home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.own.path().join("home")
    }

    /// The build's place for temporary files.
    #[must_use]
    pub fn tmp(&self) -> PathBuf {
        self.own.path().join("tmp")
    }

    /// The file of the commands that are being run. They can read it, and not change it.
    pub(crate) fn script(&self) -> PathBuf {
        self.own.path().join("script")
    }

    /// All that a build may write to.
    pub(crate) fn writable(&self) -> Vec<PathBuf> {
        vec![self.repository.clone(), self.home(), self.tmp()]
    }
}

fn furnished(folder: &Path) -> io::Result<TempDir> {
    let own = tempfile::Builder::new().prefix("build-").tempdir_in(folder)?;
    std::fs::create_dir(own.path().join("home"))?;
    std::fs::create_dir(own.path().join("tmp"))?;
    Ok(own)
}
