//! What one of several processes does for all of them.
//!
//! Whoever has a duty raises the version of its document again and again. Another who has seen the same version for long
//! enough, by a count of time of its own, takes the duty over: the processes' clocks need not agree. A process that stood
//! still may go on for a moment beside its successor, so this is for what is harmless when it is done twice.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::{Attributes, Clock, Document, Kind, Store, StoreError};

/// The attribute of a duty that nobody has any more.
const FREE: &str = "free";

/// One process's part in a duty.
pub struct Duty {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    name: String,
    known: Known,
}

/// What is known of who has the duty.
#[derive(Clone, Copy)]
enum Known {
    Nothing,
    /// Another had it, in this version, and how long ago that was seen first.
    Others {
        version: u64,
        since: Duration,
    },
    /// We have it, in this version, as of then.
    Ours {
        version: u64,
        since: Duration,
    },
}

impl Duty {
    /// How often whoever has a duty, or would take it over, asks whether [it is theirs](Self::is_ours).
    pub const EVERY: Duration = Duration::from_secs(2);

    /// For how long a duty stays whose it is though nothing is heard of them.
    pub const PATIENCE: Duration = Duration::from_secs(10);

    /// The part of one process in the duty of this name.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, name: impl Into<String>) -> Self {
        Self { store, clock, name: name.into(), known: Known::Nothing }
    }

    /// Whether the duty is this process's, which tells the others so. Where the store does not say, it still is for half
    /// of [`PATIENCE`](Self::PATIENCE) after it last did.
    pub async fn is_ours(&mut self) -> bool {
        match self.look().await {
            Ok(known) => self.known = known,
            Err(error) => {
                tracing::debug!("nobody knows whose duty {} is: {error}", self.name);
                let now = self.clock.elapsed();
                if let Known::Ours { version, since } = self.known
                    && now.saturating_sub(since) > Self::PATIENCE / 2
                {
                    self.known = Known::Others { version, since: now };
                }
            }
        }
        matches!(self.known, Known::Ours { .. })
    }

    /// Leaves the duty to whoever asks next. If that cannot be stored, they wait.
    pub async fn lay_down(mut self) {
        if self.is_ours().await
            && let Ok(Some(mut duty)) = self.store.document(Kind::Duty, &self.name).await
        {
            duty.attributes.insert(FREE.to_owned(), Value::Bool(true));
            duty.version += 1;
            // Whoever was quicker has it.
            let _ = self.store.update_document(&duty).await;
        }
    }

    async fn look(&self) -> Result<Known, StoreError> {
        let now = self.clock.elapsed();
        let Some(mut duty) = self.store.document(Kind::Duty, &self.name).await? else {
            return self.begin(now).await;
        };
        let is_ours = matches!(self.known, Known::Ours { version, .. } if version == duty.version);
        let is_free = duty.attributes.remove(FREE).is_some();
        let is_left = match self.known {
            Known::Others { version, since } => version == duty.version && now.saturating_sub(since) > Self::PATIENCE,
            Known::Nothing | Known::Ours { .. } => false,
        };
        if !is_ours && !is_free && !is_left {
            return Ok(match self.known {
                Known::Others { version, .. } if version == duty.version => self.known,
                Known::Nothing | Known::Others { .. } | Known::Ours { .. } => {
                    Known::Others { version: duty.version, since: now }
                }
            });
        }
        duty.version += 1;
        duty.updated = self.clock.now();
        match self.store.update_document(&duty).await {
            Ok(()) => Ok(Known::Ours { version: duty.version, since: now }),
            Err(StoreError::Conflict) => Ok(Known::Others { version: duty.version, since: now }),
            Err(error) => Err(error),
        }
    }

    async fn begin(&self, now: Duration) -> Result<Known, StoreError> {
        let time = self.clock.now();
        let duty = Document {
            kind: Kind::Duty,
            id: self.name.clone(),
            app: None,
            attributes: Attributes::default(),
            created: time,
            updated: time,
            version: 1,
        };
        match self.store.create_document(&duty).await {
            Ok(()) => Ok(Known::Ours { version: 1, since: now }),
            Err(StoreError::Exists) => Ok(Known::Others { version: 1, since: now }),
            Err(error) => Err(error),
        }
    }
}
