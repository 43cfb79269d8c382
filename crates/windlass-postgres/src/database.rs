//! The database as everything here uses it: connections to it, and what is counted of its commits.

use deadpool_postgres::Pool;
use windlass_store::Commits;

#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) pool: Pool,
    pub(crate) commits: Option<Commits>,
}

impl Database {
    /// Does what commits so many changes, and counts that.
    pub(crate) async fn counted<T, E>(&self, size: usize, commit: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let begun = self.commits.as_ref().map(|commits| commits.begin(size));
        let done = commit.await;
        if let Some(begun) = begun {
            begun.end(done.is_ok());
        }
        done
    }
}
