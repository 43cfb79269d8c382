//! The rules of the sites that were asked for of late, read once for each version of their settings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass::AppId;
use windlass_rules::SiteRules;
use windlass_store::{BranchUid, Site, Store, StoreError};

/// Rules by branch. A branch that is made again under an old name has another key.
#[derive(Default)]
pub(crate) struct Rulebook(Mutex<Book>);

#[derive(Default)]
struct Book {
    known: BTreeMap<BranchUid, Known>,
    /// How often anybody looked.
    looks: u64,
}

struct Known {
    versions: Versions,
    rules: Arc<SiteRules>,
    /// The last look.
    used: u64,
}

/// Of the branch's settings and of its app's.
type Versions = (u64, u64);

impl Rulebook {
    /// The rules of a site in its version, or `None` where it has gone since.
    pub(crate) async fn of(
        &self,
        store: &dyn Store,
        app: &AppId,
        site: &Site,
    ) -> Result<Option<Arc<SiteRules>>, StoreError> {
        if let Some(known) = self.known(site.branch, (site.version, site.app_version)) {
            return Ok(Some(known));
        }
        let (found, branch) = (store.app(app).await?, store.branch_by_uid(site.branch).await?);
        let (Some(found), Some(branch)) = (found, branch) else { return Ok(None) };
        let versions = (branch.version, found.version);
        // Thousands of patterns take a while.
        let read = move || SiteRules::read(&found.attributes, &branch.attributes);
        let (rules, errors) = tokio::task::spawn_blocking(read).await.map_err(StoreError::unavailable)?;
        for error in errors {
            tracing::warn!(%app, branch = site.name.as_str(), %error, "a rule of a site is left out");
        }
        let rules = Arc::new(rules);
        self.keep(site.branch, versions, Arc::clone(&rules));
        Ok(Some(rules))
    }

    fn known(&self, branch: BranchUid, versions: Versions) -> Option<Arc<SiteRules>> {
        let mut book = self.lock();
        book.looks += 1;
        let used = book.looks;
        let known = book.known.get_mut(&branch).filter(|known| known.versions == versions)?;
        known.used = used;
        Some(Arc::clone(&known.rules))
    }

    fn keep(&self, branch: BranchUid, versions: Versions, rules: Arc<SiteRules>) {
        let mut book = self.lock();
        let used = book.looks;
        if book.known.len() >= CAPACITY && !book.known.contains_key(&branch) {
            let oldest = book.known.iter().min_by_key(|(_, known)| known.used).map(|(branch, _)| *branch);
            oldest.and_then(|oldest| book.known.remove(&oldest));
        }
        book.known.insert(branch, Known { versions, rules, used });
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // A panic under the lock leaves whole entries behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rules of how many sites are kept.
const CAPACITY: usize = 1024;
