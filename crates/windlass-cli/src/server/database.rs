//! The database that servers share.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use windlass_postgres::{Options, PostgresStore};
use windlass_store::{Clock, Commits};

use super::clock::SharedClock;

/// Where a database is, and how to get in. It is never shown, since it may hold a password.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl DatabaseUrl {
    /// Opens the store that is there.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened, naming it without its password.
    pub async fn open(&self, clock: &Arc<dyn Clock>) -> anyhow::Result<PostgresStore> {
        Ok(PostgresStore::open(&self.0, Options::new(Arc::clone(clock))).await?)
    }

    /// The store that this process shares with others, and the clock that they share.
    pub(super) async fn share(
        &self,
        own: &Arc<dyn Clock>,
        commits: Commits,
    ) -> anyhow::Result<(Arc<PostgresStore>, Arc<SharedClock>)> {
        let clock = Arc::new(SharedClock::new(Arc::clone(own)));
        let options = Options { commits: Some(commits), ..Options::new(clock.clone()) };
        let store = Arc::new(PostgresStore::open(&self.0, options).await?);
        clock.compare(&store).await.context("the database does not tell the time")?;
        Ok((store, clock))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseUrl").finish_non_exhaustive()
    }
}
