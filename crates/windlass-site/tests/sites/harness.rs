//! A store with an app, a runner's way of putting files live, and a visitor.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use windlass::{AppId, Artifact, BranchName, Command, Live, NewJob, Report, Source};
use windlass_artifact::{Budget, Packer, verify};
use windlass_site::{SiteHost, Sites};
use windlass_store::{
    Address, App, Attributes, Blobs, BranchUid, Clock, Directory, Executed, Extras, JobKey, Lease, ManualClock,
    MemoryStore, NewBranch, Plan, RunnerId, Staged, StagedFile, Store, create, execute,
};

/// Where an artifact lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Inline,
    File,
}

impl Kept {
    pub(crate) const BOTH: [Self; 2] = [Self::Inline, Self::File];
}

/// App `d1` with the branch `main`.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Blobs,
    pub(crate) sites: Sites,
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new([7; 32])), tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>, folder: TempDir) -> Self {
        let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(folder.path()).unwrap()));
        let sites = Sites::new(store.clone(), blobs.clone(), "localhost");
        let clock = Arc::new(ManualClock::at(noon()));
        let world = Self { store, blobs, sites, folder, clock };
        let now = noon();
        let app = App { id: app(), attributes: Attributes::new(), created: now, updated: now, version: 1 };
        world.store.create_app(&app).await.unwrap();
        world.branch("main").await;
        world
    }

    /// The usual site, put live.
    pub(crate) async fn with(files: &[(&str, &[u8])], kept: Kept) -> Self {
        let world = Self::new().await;
        world.deploy("main", files, kept).await;
        world
    }

    pub(crate) async fn branch(&self, name: &str) -> BranchUid {
        let new =
            NewBranch { app: app(), name: branch(name), attributes: Attributes::new(), created: self.clock.now() };
        self.store.create_branch(&new).await.unwrap().uid
    }

    /// Sets attributes of the app, over those that it has.
    pub(crate) async fn set(&self, attributes: Value) {
        let mut app = self.store.app(&app()).await.unwrap().unwrap();
        app.attributes.extend(attributes.as_object().unwrap().clone());
        app.version += 1;
        self.store.update_app(&app).await.unwrap();
    }

    /// Sets attributes of a branch, over those that it has.
    pub(crate) async fn set_branch(&self, name: &str, attributes: Value) {
        let mut branch = self.store.branch(&app(), &branch(name)).await.unwrap().unwrap();
        branch.attributes.extend(attributes.as_object().unwrap().clone());
        branch.version += 1;
        self.store.update_branch(&branch).await.unwrap();
    }

    /// Puts files live as a runner does, a minute after the last time.
    pub(crate) async fn deploy(&self, branch: &str, files: &[(&str, &[u8])], kept: Kept) -> Live {
        let zip = pack(files);
        let index = index_of(&zip);
        self.deploy_zip(branch, zip, index, kept).await
    }

    pub(crate) async fn deploy_zip(&self, name: &str, zip: Bytes, index: Bytes, kept: Kept) -> Live {
        self.clock.advance(TimeDelta::minutes(1));
        let now = self.clock.now();
        let plan = Plan::New(NewJob::manual(Source::Zip));
        let made = create(&*self.store, &app(), &branch(name), &plan, now).await.unwrap().unwrap();
        let (key, job) = (made.key(), made.job.id());
        let artifact = Artifact { job, object: 7 };
        let zip = self.keep(windlass_store::keys::zip(key.branch, artifact), zip, kept).await;
        self.command(key, &[Command::Upload { slot: 0, object: 7 }, Command::Start], zip).await;
        let claimed = self.command(key, &[Command::Claim], vec![]).await;
        let index = self.keep(windlass_store::keys::index(key.branch, artifact), index, kept).await;
        let attempt = claimed.job.attempt();
        let report = Command::Report { attempt, report: Report::Succeeded { artifact } };
        self.command(key, &[report], index).await.branch.branch.live().unwrap()
    }

    async fn keep(&self, key: String, bytes: Bytes, kept: Kept) -> Vec<(String, Bytes)> {
        let staged = match kept {
            Kept::Inline => Staged::Inline(bytes),
            Kept::File => {
                let mut path = tempfile::NamedTempFile::new_in(self.blobs.vault().staging()).unwrap();
                path.write_all(&bytes).unwrap();
                let (sha256, size) = (Sha256::digest(&bytes).into(), bytes.len() as u64);
                Staged::File(StagedFile { path: path.into_temp_path(), sha256, size })
            }
        };
        self.blobs.keep(key, staged).await.unwrap()
    }

    async fn command(&self, key: JobKey, commands: &[Command], blobs: Vec<(String, Bytes)>) -> Executed {
        let now = self.clock.now();
        let lease = Lease { runner: RunnerId("runner".to_owned()), until: now + TimeDelta::minutes(1) };
        let lease = commands.contains(&Command::Claim).then_some(lease);
        let executed =
            execute(&*self.store, Address::Key(key), commands, now, Extras { lease, blobs, ..Extras::default() })
                .await
                .unwrap();
        assert_eq!(executed.answer, Ok(()));
        executed
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let host = self.sites.host("main.d1.localhost:8420").unwrap();
        self.ask_host(&host, method, path, headers).await
    }

    pub(crate) async fn ask_host(
        &self,
        host: &SiteHost,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        Answer::of(self.sites.serve(host, request, Some(PEER)).await).await
    }
}

/// The files of what is kept as files.
pub(crate) fn kept_files(world: &World) -> Vec<PathBuf> {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries(world.folder.path().join("contents")).flat_map(entries).collect()
}

/// Where visitors come from.
pub(crate) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// A response, read to its end or to where it broke.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Result<Bytes, String>,
}

impl Answer {
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).map_err(|error| error.to_string());
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, which has the length that was announced.
    #[track_caller]
    pub(crate) fn bytes(&self) -> &Bytes {
        let body = self.body.as_ref().unwrap();
        assert_eq!(self.header("content-length"), body.len().to_string());
        body
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap()
    }

    #[track_caller]
    pub(crate) fn shows(&self, status: u16, text: &str) {
        assert_eq!((self.status.as_u16(), self.text()), (status, text));
    }

    /// One of our own pages, which says this.
    #[track_caller]
    pub(crate) fn says(&self, status: u16, words: &str) {
        assert_eq!(self.status.as_u16(), status);
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert!(self.text().contains(&format!("<p>{words}.</p>")), "{}", self.text());
    }
}

pub(crate) fn pack(files: &[(&str, &[u8])]) -> Bytes {
    let mut packer = Packer::new(Vec::new());
    for (path, content) in files {
        packer.add(path, *content).unwrap();
    }
    packer.finish().unwrap().into()
}

pub(crate) fn index_of(zip: &Bytes) -> Bytes {
    verify(zip, &Budget::default(), &|| true).unwrap().encode().into()
}

/// Bytes that do not compress.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// When the world began; its first deployment is a minute later.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-01-05T12:00:00.250Z".parse().unwrap()
}

pub(crate) fn app() -> AppId {
    "d1".parse().unwrap()
}

pub(crate) fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}
