//! What can go wrong with a store.

use std::error::Error;
use std::fmt;

use thiserror::Error;
use windlass::HistoryError;

/// A store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Nobody's fault: what was loaded has changed or gone since. Load again and retry.
    #[error("it has changed since it was loaded")]
    Conflict,
    /// What is to be made is there already.
    #[error("it exists already")]
    Exists,
    /// The database's or the disk's fault.
    #[error("the store is unavailable: {source}")]
    Unavailable {
        /// What it says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Our fault: what is stored cannot be.
    #[error("what is stored is damaged: {reason}")]
    Damaged {
        /// In which way.
        reason: String,
    },
}

impl StoreError {
    /// The store cannot be reached, or refuses to work.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { source: source.into() }
    }

    /// What is stored cannot be.
    pub fn damaged(reason: impl ToString) -> Self {
        Self::Damaged { reason: reason.to_string() }
    }

    /// Names what is damaged. Other errors stay as they are.
    #[must_use]
    pub fn of(self, what: impl fmt::Display) -> Self {
        match self {
            Self::Damaged { reason } => Self::Damaged { reason: format!("{what}: {reason}") },
            Self::Conflict | Self::Exists | Self::Unavailable { .. } => self,
        }
    }
}

impl From<HistoryError> for StoreError {
    fn from(error: HistoryError) -> Self {
        Self::damaged(error)
    }
}
