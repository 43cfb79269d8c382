//! Where large artifacts lie: a directory or a bucket.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use windlass_s3::S3Vault;
use windlass_store::{Directory, Vault};

/// Where large artifacts lie.
#[derive(Clone)]
pub enum Artifacts {
    /// In a directory: this one, or `artifacts` in the data directory.
    Directory(Option<PathBuf>),
    /// In a bucket of S3, or whatever speaks it, with a cache on this machine.
    S3 {
        /// `s3://BUCKET` or `s3://BUCKET/PREFIX`.
        place: String,
        /// The variables that say how to reach it, by AWS's names.
        variables: Vec<(String, String)>,
        /// How many bytes the cache holds at most.
        cache_max: u64,
        /// The cache's folder: this one, or `artifact-cache` in the data directory.
        cache: Option<PathBuf>,
    },
}

impl Default for Artifacts {
    fn default() -> Self {
        Self::Directory(None)
    }
}

/// Without the variables, some of which are secrets.
impl fmt::Debug for Artifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => f.debug_tuple("Directory").field(path).finish(),
            Self::S3 { place, cache_max, cache, .. } => {
                let mut debug = f.debug_struct("S3");
                debug.field("place", place).field("cache_max", cache_max).field("cache", cache).finish_non_exhaustive()
            }
        }
    }
}

impl Artifacts {
    /// Opens the vault of a server whose data is in `data`.
    ///
    /// # Errors
    ///
    /// Where the directory or the cache cannot be had, or the bucket is not named as one.
    pub fn open(&self, data: &Path) -> anyhow::Result<Arc<dyn Vault>> {
        match self {
            Self::Directory(path) => {
                let path = path.clone().unwrap_or_else(|| data.join("artifacts"));
                let opened = std::fs::create_dir_all(&path).and_then(|()| Directory::open(&path));
                Ok(Arc::new(opened.with_context(|| format!("cannot open the artifacts in {}", path.display()))?))
            }
            Self::S3 { place, variables, cache_max, cache } => {
                let cache = cache.clone().unwrap_or_else(|| data.join("artifact-cache"));
                Ok(Arc::new(S3Vault::open(place, variables.iter().cloned(), &cache, *cache_max)?))
            }
        }
    }
}
