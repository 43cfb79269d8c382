//! A runner on a store in memory, and jobs for it.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use windlass::{AppId, Attempt, BranchName, Command, Job, JobStatus, NewJob, Source, SourceUrlType};
use windlass_artifact::{Archive, Budget, Index};
use windlass_runner::fetch::{FetchLimits, Fetcher};
use windlass_runner::guard::AddressGuard;
use windlass_runner::s3::{Access, S3};
use windlass_runner::{Runner, Settings, Sources};
use windlass_store::{
    Address, App, Attributes, Blob, Blobs, Directory, Extras, JobKey, ManualClock, MemoryStore, NewBranch, Plan,
    RunnerId, Store, create, execute, keys,
};

use crate::server::Files;

/// Times far beyond what a test takes, and pauses that take none.
pub(crate) fn limits() -> FetchLimits {
    let long = Duration::from_secs(60);
    FetchLimits { total: long, idle: long, connect: long, tries: 3, pause: Duration::ZERO, ..FetchLimits::default() }
}

pub(crate) struct World {
    store: Arc<MemoryStore>,
    blobs: Blobs,
    stop: CancellationToken,
    _folder: TempDir,
}

/// What a job put live.
pub(crate) struct Done {
    pub(crate) zip: Vec<u8>,
    pub(crate) files: Files,
    pub(crate) log: String,
}

impl World {
    pub(crate) fn new(access: Access) -> Self {
        Self::with(access, limits(), Budget::default())
    }

    pub(crate) fn with(access: Access, limits: FetchLimits, budget: Budget) -> Self {
        Self::start_with(Some(S3::new(access, limits).unwrap()), budget)
    }

    pub(crate) fn without_s3() -> Self {
        Self::start_with(None, Budget::default())
    }

    fn start_with(s3: Option<S3>, budget: Budget) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new([0; 32]));
        let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(folder.path()).unwrap()));
        // It lets nothing through that is not public, as the server is not: what the operator names is not guarded.
        let web = Fetcher::new(AddressGuard::new(Vec::new()), limits()).unwrap();
        let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
        let settings = Settings { budget, ..Settings::default() };
        let id = RunnerId("a".to_owned());
        let runner = Runner::new(id, store.clone(), blobs.clone(), clock, Sources { s3, ..web.into() }, settings);
        let stop = CancellationToken::new();
        tokio::spawn({
            let stop = stop.clone();
            async move { runner.run(stop).await }
        });
        Self { store, blobs, stop, _folder: folder }
    }

    /// A job that a runner can take.
    pub(crate) async fn start(&self, url: &str, url_type: SourceUrlType) -> JobKey {
        let (app, name): (AppId, BranchName) = ("d1".parse().unwrap(), "main".parse().unwrap());
        let (created, attributes) = (DateTime::UNIX_EPOCH, Attributes::new());
        if self.store.app(&app).await.unwrap().is_none() {
            let new = App { id: app.clone(), attributes: attributes.clone(), created, updated: created, version: 1 };
            self.store.create_app(&new).await.unwrap();
            let branch = NewBranch { app: app.clone(), name: name.clone(), attributes, created };
            self.store.create_branch(&branch).await.unwrap();
        }
        let plan = Plan::New(NewJob::manual(Source::Url { url: url.into(), url_type }));
        create(&*self.store, &app, &name, &plan, created).await.unwrap().unwrap().key()
    }

    pub(crate) async fn stop(&self, job: JobKey) {
        let command = [Command::Stop { by: None }];
        let stopped =
            execute(&*self.store, Address::Key(job), &command, DateTime::UNIX_EPOCH, Extras::default()).await.unwrap();
        assert_eq!(stopped.answer, Ok(()));
    }

    pub(crate) async fn ended(&self, job: JobKey) -> Job {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            let found = self.store.job(job).await.unwrap().unwrap();
            if found.status().is_terminal() {
                return found;
            }
        }
    }

    /// Deploys, which has to go well.
    pub(crate) async fn deploy(&self, url: &str, url_type: SourceUrlType) -> Done {
        let key = self.start(url, url_type).await;
        let job = self.ended(key).await;
        assert_eq!(job.status(), JobStatus::Succeed, "{url}: {:?}", job.status_reason());
        let artifact = job.artifact().unwrap();
        let zip = self.read(&keys::zip(key.branch, artifact)).await;
        let index = Index::decode(&self.read(&keys::index(key.branch, artifact)).await).unwrap();
        let archive = Archive::open(Arc::new(bytes::Bytes::from(zip.clone())), Arc::new(index)).unwrap();
        let mut files = Files::new();
        for member in archive.index().members() {
            let mut content = Vec::new();
            archive.plain(member).read_to_end(&mut content).unwrap();
            files.insert(member.path.to_string(), content);
        }
        Done { zip, files, log: self.log(key).await }
    }

    /// Deploys, which has to fail, and answers why.
    pub(crate) async fn fails(&self, url: &str, url_type: SourceUrlType) -> String {
        let key = self.start(url, url_type).await;
        let job = self.ended(key).await;
        assert_eq!(job.status(), JobStatus::Failed, "{url}");
        let reason = job.status_reason().unwrap().to_string();
        assert!(reason.chars().count() <= 1000, "{reason}");
        assert!(self.log(key).await.contains(&format!("[ERROR]: Failed to deploy: {reason}")));
        reason
    }

    async fn log(&self, key: JobKey) -> String {
        let log = self.read(&keys::log(key, "DEPLOY", Attempt::new(1))).await;
        String::from_utf8(log).unwrap()
    }

    async fn read(&self, key: &str) -> Vec<u8> {
        match self.blobs.open(key).await.unwrap().unwrap() {
            Blob::Inline(bytes) => bytes.to_vec(),
            Blob::File(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                bytes
            }
        }
    }

    /// Nothing is being written any more, and what was staged is kept or gone.
    pub(crate) fn left_nothing(&self) {
        assert_eq!(std::fs::read_dir(self.blobs.vault().staging()).unwrap().count(), 0);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Done {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }
}
