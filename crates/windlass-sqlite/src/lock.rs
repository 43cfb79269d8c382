//! The lock that makes a directory one store's.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::OpenError;

/// Held as long as a store lives, so that no other opens its directory.
pub(crate) struct Lock(File);

impl Lock {
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join("lock");
        let io = |source| OpenError::Io { path: path.clone(), source };
        let file = File::create(&path).map_err(io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(Errno::WOULDBLOCK) => Err(OpenError::InUse(directory.to_owned())),
            Err(error) => Err(io(error.into())),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started shares it until it has
        // become another program.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
