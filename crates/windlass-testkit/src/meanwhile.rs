//! A store that shows its drivers what could go wrong: something happens right after a look, or an answer is lost.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use windlass::{AppId, Branch, BranchName, Job, JobId, JobStatus, Record};
use windlass_store::{
    App, Append, BranchUid, Claims, Counted, Document, Executed, Happening, JobKey, Kind, Lease, MemoryStore,
    NewBranch, Notice, Page, Site, Store, StoreError, StoredBranch, Work,
};

/// The look that something else comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At a branch.
    Branch,
    /// At a job, by its key.
    Job,
    /// At a branch and its job.
    NamedJob,
}

type Then = Box<dyn FnOnce(Arc<MemoryStore>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A store in memory in which something happens once.
pub struct Meanwhile {
    store: Arc<MemoryStore>,
    after: Look,
    then: Mutex<Option<Then>>,
    /// The status of the job whose change is stored without an answer.
    unanswered: Mutex<Option<JobStatus>>,
    /// Whether changes of apps never come to anything.
    stuck: AtomicBool,
    /// How many of those were tried.
    tried: AtomicU32,
}

impl Meanwhile {
    /// An empty store in which something may happen after such a look.
    #[must_use]
    pub fn new(after: Look) -> Self {
        let store = Arc::new(MemoryStore::new([7; 32]));
        let (then, unanswered) = (Mutex::new(None), Mutex::new(None));
        Self { store, after, then, unanswered, stuck: AtomicBool::new(false), tried: AtomicU32::new(0) }
    }

    /// From now on, or no longer, whoever changes an app waits for ever: they can only be ended, as by a crash.
    pub fn stick_at_apps(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::SeqCst);
    }

    /// How many wait so, or did until they were ended.
    #[must_use]
    pub fn stuck_at_apps(&self) -> u32 {
        self.tried.load(Ordering::SeqCst)
    }

    /// Loses the answer, once, when a job is stored that has come to `status`.
    pub fn lose_answer(&self, status: JobStatus) {
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
    }

    /// Whether that answer was lost.
    #[must_use]
    pub fn has_lost_answer(&self) -> bool {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Lets this happen after the next look.
    pub fn then<F, Fut>(&self, happens: F)
    where
        F: FnOnce(Arc<MemoryStore>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let happening: Then = Box::new(|store| Box::pin(happens(store)));
        *self.then.lock().unwrap_or_else(PoisonError::into_inner) = Some(happening);
    }

    async fn looked(&self, look: Look) {
        if look != self.after {
            return;
        }
        let happening = self.then.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(happening) = happening {
            happening(Arc::clone(&self.store)).await;
        }
    }
}

type Answer<T> = Result<T, StoreError>;

#[async_trait]
impl Store for Meanwhile {
    async fn branch(&self, app: &AppId, name: &BranchName) -> Answer<Option<StoredBranch>> {
        let seen = self.store.branch(app, name).await;
        self.looked(Look::Branch).await;
        seen
    }

    async fn job(&self, key: JobKey) -> Answer<Option<Job>> {
        let seen = self.store.job(key).await;
        self.looked(Look::Job).await;
        seen
    }

    async fn named_job(
        &self,
        a: &AppId,
        b: &BranchName,
        job: JobId,
    ) -> Answer<Option<(Arc<StoredBranch>, Option<Arc<Job>>)>> {
        let seen = self.store.named_job(a, b, job).await;
        self.looked(Look::NamedJob).await;
        seen
    }

    async fn create_app(&self, app: &App) -> Answer<()> {
        self.store.create_app(app).await
    }

    async fn app(&self, id: &AppId) -> Answer<Option<App>> {
        self.store.app(id).await
    }

    async fn apps(&self, from: Option<u64>, limit: usize) -> Answer<Page<App>> {
        self.store.apps(from, limit).await
    }

    async fn update_app(&self, app: &App) -> Answer<()> {
        if self.stuck.load(Ordering::SeqCst) {
            self.tried.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        self.store.update_app(app).await
    }

    async fn delete_app(&self, id: &AppId) -> Answer<Option<Vec<BranchUid>>> {
        self.store.delete_app(id).await
    }

    async fn create_branch(&self, new: &NewBranch) -> Answer<StoredBranch> {
        self.store.create_branch(new).await
    }

    async fn branch_by_uid(&self, uid: BranchUid) -> Answer<Option<StoredBranch>> {
        self.store.branch_by_uid(uid).await
    }

    async fn branches(&self, app: &AppId, from: Option<u64>, limit: usize) -> Answer<Page<StoredBranch>> {
        self.store.branches(app, from, limit).await
    }

    async fn update_branch(&self, branch: &StoredBranch) -> Answer<()> {
        self.store.update_branch(branch).await
    }

    async fn delete_branch(&self, uid: BranchUid) -> Answer<()> {
        self.store.delete_branch(uid).await
    }

    async fn site(&self, app: &AppId, label: &str) -> Answer<Option<Site>> {
        self.store.site(app, label).await
    }

    async fn named_site(&self, app: &AppId, name: &BranchName) -> Answer<Option<Site>> {
        self.store.named_site(app, name).await
    }

    async fn jobs(&self, branch: BranchUid, from: Option<u64>, limit: usize) -> Answer<Page<Job>> {
        self.store.jobs(branch, from, limit).await
    }

    async fn jobs_with(&self, content: JobKey, from: Option<u64>, limit: usize) -> Answer<Page<Job>> {
        self.store.jobs_with(content, from, limit).await
    }

    async fn history(&self, key: JobKey) -> Answer<Vec<Record>> {
        self.store.history(key).await
    }

    async fn happenings(&self, cursor: u64, limit: usize) -> Answer<Vec<Happening>> {
        self.store.happenings(cursor, limit).await
    }

    async fn last_happening(&self) -> Answer<u64> {
        self.store.last_happening().await
    }

    async fn create_document(&self, document: &Document) -> Answer<()> {
        self.store.create_document(document).await
    }

    async fn document(&self, kind: Kind, id: &str) -> Answer<Option<Document>> {
        self.store.document(kind, id).await
    }

    async fn documents(&self, k: Kind, a: Option<&AppId>, from: Option<u64>, n: usize) -> Answer<Page<Document>> {
        self.store.documents(k, a, from, n).await
    }

    async fn update_document(&self, document: &Document) -> Answer<()> {
        self.store.update_document(document).await
    }

    async fn delete_document(&self, kind: Kind, id: &str) -> Answer<()> {
        self.store.delete_document(kind, id).await
    }

    async fn count(&self, what: Counted<'_>, most: u64) -> Answer<u64> {
        self.store.count(what, most).await
    }

    async fn append(&self, append: Append) -> Answer<()> {
        let status = append.job.status();
        self.store.append(append).await?;
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if unanswered.take_if(|awaited| *awaited == status).is_some() {
            return Err(StoreError::unavailable(std::io::Error::other("the answer was lost")));
        }
        Ok(())
    }

    async fn delete_job(&self, key: JobKey, expected_seq: u32, branch: (u64, Branch)) -> Answer<bool> {
        self.store.delete_job(key, expected_seq, branch).await
    }

    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Answer<Vec<JobKey>> {
        self.store.due(now, limit).await
    }

    async fn work(&self, now: DateTime<Utc>, limit: usize) -> Answer<Work> {
        self.store.work(now, limit).await
    }

    async fn claim(&self, claims: &Claims) -> Answer<Vec<Executed>> {
        self.store.claim(claims).await
    }

    async fn renew(&self, lease: &Lease, jobs: &[JobKey]) -> Answer<Vec<Notice>> {
        self.store.renew(lease, jobs).await
    }

    async fn blob(&self, key: &str) -> Answer<Option<Bytes>> {
        self.store.blob(key).await
    }

    async fn blob_keys(&self, prefix: &str) -> Answer<Vec<String>> {
        self.store.blob_keys(prefix).await
    }

    async fn blob_page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Answer<Vec<String>> {
        self.store.blob_page(prefix, after, limit).await
    }

    async fn put_blob(&self, key: &str, bytes: Bytes) -> Answer<()> {
        self.store.put_blob(key, bytes).await
    }

    async fn delete_blobs(&self, prefix: &str) -> Answer<()> {
        self.store.delete_blobs(prefix).await
    }

    async fn delete_blobs_at(&self, branch: (BranchUid, u64), prefixes: &[String]) -> Answer<()> {
        self.store.delete_blobs_at(branch, prefixes).await
    }

    async fn secret(&self) -> Answer<[u8; 32]> {
        self.store.secret().await
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.store.notices()
    }
}
