//! A server that speaks S3, on a directory, and what a test wants to do to it.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpListener;
use windlass_s3::S3Vault;
use windlass_store::{Content, Vault as _};

/// A server with a bucket `bucket`.
pub(crate) struct S3 {
    endpoint: String,
    pub(crate) folder: TempDir,
    pub(crate) mood: Arc<Mood>,
}

/// How it answers.
#[derive(Default)]
pub(crate) struct Mood {
    /// How many objects, or parts of them, it was asked for.
    pub(crate) gets: AtomicU32,
    /// How many it was sent.
    pub(crate) puts: AtomicU32,
    /// It says that it is not allowed.
    pub(crate) refuses: AtomicBool,
    /// It takes so many and refuses the next.
    pub(crate) refuses_after_puts: AtomicU32,
    /// It hangs up.
    pub(crate) is_gone: AtomicBool,
    /// It takes so many milliseconds for each answer.
    pub(crate) delay: AtomicU64,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("s3/bucket")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path().join("s3")).unwrap());
        service.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = service.build();
        let mood = Arc::new(Mood::default());
        mood.refuses_after_puts.store(u32::MAX, Ordering::SeqCst);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let moody = Arc::clone(&mood);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (service, mood) = (service.clone(), Arc::clone(&moody));
                let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (service, mood) = (service.clone(), Arc::clone(&mood));
                    async move {
                        match mood.answer(request.method()).await? {
                            Some(refusal) => Ok(refusal),
                            None => {
                                let answer = service.call(request.map(Body::from)).await;
                                answer.map_err(|_| std::io::Error::other("the server failed"))
                            }
                        }
                    }
                });
                tokio::spawn(async move {
                    // Whoever hangs up has done so on purpose.
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self { endpoint, folder, mood }
    }

    /// A vault with the usual cache, which outlives it.
    pub(crate) fn vault(&self, cache_max: u64) -> S3Vault {
        self.vault_with("secret", "cache", cache_max)
    }

    pub(crate) fn vault_with(&self, secret: &str, cache: &str, cache_max: u64) -> S3Vault {
        let cache = self.folder.path().join(cache);
        S3Vault::open("s3://bucket/some/prefix", self.variables(secret), &cache, cache_max).unwrap()
    }

    /// What says how to reach it, among other things.
    pub(crate) fn variables(&self, secret: &str) -> Vec<(String, String)> {
        let variables = [
            ("AWS_ENDPOINT_URL_S3", self.endpoint.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", ""),
            ("HOME", "/nowhere"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Where the server keeps the objects.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.path().join("s3/bucket/some/prefix/contents")
    }

    /// The files of the usual cache.
    pub(crate) fn cached(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("cache/contents")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Mood {
    async fn answer(&self, method: &Method) -> std::io::Result<Option<Response<Body>>> {
        if self.is_gone.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("gone"));
        }
        tokio::time::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst))).await;
        let mut refuses = self.refuses.load(Ordering::SeqCst);
        if method == Method::GET {
            self.gets.fetch_add(1, Ordering::SeqCst);
        } else if method == Method::PUT {
            let before = self.puts.fetch_add(1, Ordering::SeqCst);
            refuses |= before >= self.refuses_after_puts.load(Ordering::SeqCst);
        }
        let mut refusal = Response::new(Body::empty());
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Ok(refuses.then_some(refusal))
    }

    pub(crate) fn gets(&self) -> u32 {
        self.gets.swap(0, Ordering::SeqCst)
    }
}

/// Bytes that differ where their numbers do.
pub(crate) fn bytes(number: u64, size: usize) -> Vec<u8> {
    (0..size).map(|n| (n.wrapping_mul(2_654_435_761).wrapping_add(number as usize) >> 11) as u8).collect()
}

pub(crate) fn content(bytes: &[u8], number: u64) -> Content {
    Content { sha256: Sha256::digest(bytes).into(), number, size: bytes.len() as u64 }
}

/// Puts bytes in.
pub(crate) async fn put(vault: &S3Vault, bytes: &[u8], number: u64) -> Result<Content, windlass_store::StoreError> {
    let mut file = NamedTempFile::new_in(vault.staging()).unwrap();
    file.write_all(bytes).unwrap();
    let content = content(bytes, number);
    vault.put(content, file.into_temp_path()).await.map(|()| content)
}
