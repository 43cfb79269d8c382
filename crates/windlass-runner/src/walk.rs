//! What is kept, owner by owner, without a list of all of it.

use windlass::AppId;
use windlass_store::{JobKey, Store, StoreError, keys};

/// Whose kept bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An app: its access logs.
    App(AppId),
    /// A job.
    Job(JobKey),
}

/// A way through everything that is kept. Each step is one look-up, however much an owner has.
pub(crate) struct Walk<'a> {
    store: &'a dyn Store,
    after: Option<String>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { store, after: None }
    }

    /// The next owner of anything.
    pub(crate) async fn next(&mut self) -> Result<Option<Owner>, StoreError> {
        loop {
            let next = self.store.blob_page("", self.after.as_deref(), 1).await?.pop();
            let Some(key) = next else { return Ok(None) };
            if let Some(app) = app_of(&key) {
                self.leave(&keys::access(&app));
                return Ok(Some(Owner::App(app)));
            }
            if let Some(job) = keys::job_of(&key) {
                self.leave(&keys::job(job));
                return Ok(Some(Owner::Job(job)));
            }
            match [keys::USES, keys::CONDEMNED].into_iter().find(|word| key.starts_with(word)) {
                Some(word) => self.leave(word),
                None => self.after = Some(key),
            }
        }
    }

    /// Goes on behind everything that begins with `prefix`, which ends with a slash: `0` is what follows that.
    pub(crate) fn leave(&mut self, prefix: &str) {
        self.after = Some(format!("{}0", prefix.trim_end_matches('/')));
    }
}

fn app_of(key: &str) -> Option<AppId> {
    key.strip_prefix(keys::ACCESS)?.split_once('/')?.0.parse().ok()
}
