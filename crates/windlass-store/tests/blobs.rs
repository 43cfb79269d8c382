//! Where the bytes of artifacts lie.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;
use windlass::{Artifact, Attempt, JobId};
use windlass_store::{Blob, Blobs, BranchUid, Directory, INLINE_MAX, JobKey, MemoryStore, Staged, Store as _, keys};

#[tokio::test]
async fn small_bytes_are_given_back_to_ride_in_a_commit() {
    let place = Place::new();
    let rides = place.blobs.keep("1/a".into(), Staged::Inline("small".into())).await.unwrap();
    assert_eq!(rides, Some(("1/a".to_owned(), Bytes::from("small"))));
    assert!(place.blobs.open("1/a").await.unwrap().is_none(), "it is nowhere before the commit");

    place.store.put_blob("1/a", "small".into()).await.unwrap();
    assert!(matches!(place.blobs.open("1/a").await.unwrap(), Some(Blob::Inline(bytes)) if bytes == "small"));
}

#[tokio::test]
async fn large_bytes_are_kept_at_once() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..=INLINE_MAX).map(|n| (n % 251) as u8).collect();
    assert!(place.keep("1/0000000001/0.zip", &bytes).await.is_none());
    let Some(Blob::File(mut file)) = place.blobs.open("1/0000000001/0.zip").await.unwrap() else {
        panic!("a large artifact is a file");
    };
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(INLINE_MAX as u64 - 7)).unwrap();
    file.read_to_end(&mut end).unwrap();
    assert_eq!(end, &bytes[INLINE_MAX - 7..]);
    assert_eq!(place.staged(), 0);
}

#[tokio::test]
async fn large_bytes_are_replaced_at_once() {
    let place = Place::new();
    place.keep("1/a", b"one").await;
    let before = place.blobs.open("1/a").await.unwrap();
    place.keep("1/a", b"two").await;
    assert_eq!(read(before), b"one", "who has opened it reads on");
    assert_eq!(read(place.blobs.open("1/a").await.unwrap()), b"two");
}

#[tokio::test]
async fn what_was_never_kept_is_swept_at_the_next_start() {
    let place = Place::new();
    place.keep("1/a", b"kept").await;
    let (file, left) = place.directory().stage().unwrap().keep().unwrap();
    drop(file);
    assert!(left.exists());

    let again = Directory::open(place.root.path()).unwrap();
    assert!(!left.exists() && again.staging().exists());
    let blobs = Blobs::new(Arc::new(MemoryStore::new([7; 32])), Arc::new(again));
    assert_eq!(read(blobs.open("1/a").await.unwrap()), b"kept");
}

#[tokio::test]
async fn what_is_staged_and_dropped_leaves_nothing_behind() {
    let place = Place::new();
    let mut file = place.directory().stage().unwrap();
    file.write_all(b"half").unwrap();
    let staged = Staged::File(file.into_temp_path());
    assert_eq!(place.staged(), 1);
    drop(staged);
    assert_eq!(place.staged(), 0);
}

#[tokio::test]
async fn a_prefix_deletes_small_and_large_bytes_that_begin_with_it() {
    let place = Place::new();
    for key in ["1/0000000001/a", "1/0000000001/BUILD/log.txt", "1/0000000002/a", "10/0000000001/a"] {
        place.keep(key, b"large").await;
        place.store.put_blob(&format!("{key}.index"), "small".into()).await.unwrap();
    }
    let job = JobKey { branch: BranchUid(1), job: JobId::FIRST };
    for _ in 0..2 {
        place.blobs.delete(&keys::job(job)).await.unwrap();
        assert_eq!(place.left().await, ["1/0000000002/a", "10/0000000001/a"]);
    }
    place.blobs.delete(&keys::branch(BranchUid(1))).await.unwrap();
    assert_eq!(place.left().await, ["10/0000000001/a"]);
}

#[tokio::test]
async fn small_and_large_bytes_are_listed_in_one_order() {
    let place = Place::new();
    let keys =
        ["access/d1/2026-11-21/23.csv", "access/d1/2026-11-22/01.csv", "access/d1/2026-11-22/10.csv", "access/d10/x"];
    for (n, key) in keys.iter().enumerate() {
        if n % 2 == 0 {
            place.keep(key, b"large").await;
        } else {
            place.store.put_blob(key, "small".into()).await.unwrap();
        }
    }
    place.keep("1/a", b"large").await;
    place.store.put_blob("1/a", "small".into()).await.unwrap();
    let all = ["1/a", keys[0], keys[1], keys[2], keys[3]];
    for prefix in [
        "",
        "1/",
        "a",
        "access/",
        "access/d1",
        "access/d1/",
        "access/d1/2026-11-22/",
        keys[0],
        "access/d2/",
        "b",
        "1/a/",
    ] {
        let expected: Vec<_> = all.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(place.blobs.list(prefix).await.unwrap(), expected, "{prefix:?}");
    }
    place.blobs.delete("access/d1/").await.unwrap();
    assert_eq!(place.blobs.list("").await.unwrap(), ["1/a", "access/d10/x"]);
    for prefix in ["../", "1/../../", "/etc/"] {
        assert!(place.blobs.list(prefix).await.is_err(), "{prefix} is listed");
    }
}

#[tokio::test]
async fn no_key_leads_out_of_the_directory() {
    let place = Place::new();
    let outside = place.root.path().join("outside");
    std::fs::write(&outside, "not a blob").unwrap();
    let absolute = outside.to_str().unwrap();
    for key in ["../outside", "1/../../outside", "..", ".", "", "/", "./../outside", absolute] {
        let staged = place.large(b"bytes");
        assert!(place.blobs.keep(key.to_owned(), staged).await.is_err(), "{key} is kept");
        assert!(place.blobs.open(key).await.is_err(), "{key} is opened");
        assert!(place.blobs.delete(key).await.is_err(), "{key} is deleted");
    }
    assert_eq!(std::fs::read(&outside).unwrap(), b"not a blob");
    assert_eq!(place.staged(), 0);
}

#[test]
fn the_keys_of_a_job_begin_with_its_prefix_and_differ() {
    let key = JobKey { branch: BranchUid(7), job: JobId::new(3) };
    let artifact = Artifact { job: key.job, object: 255 };
    let all = [
        keys::zip(key.branch, artifact),
        keys::index(key.branch, artifact),
        keys::zip(key.branch, Artifact { object: 256, ..artifact }),
        keys::file(key, 0),
        keys::file(key, 10),
        keys::log(key, "BUILD", Attempt::new(1)),
        keys::log(key, "DEPLOY", Attempt::new(2)),
    ];
    assert_eq!(keys::job(key), "7/0000000003/");
    assert!(all.iter().all(|name| name.starts_with(&keys::job(key))));
    assert!(keys::job(key).starts_with(&keys::branch(key.branch)));
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(all[0], "7/0000000003/00000000000000ff.zip");
}

#[test]
fn the_chunks_of_an_access_log_are_named_by_app_and_time() {
    let app = "d1".parse().expect("an app's id");
    let time = "2026-11-22T01:02:03.999Z".parse().expect("a time");
    let key = keys::access_chunk(&app, time, 255);
    assert_eq!(key, "access/d1/2026-11-22/01-02-03-00000000000000ff.csv");
    assert!(key.starts_with(&keys::access(&app)));
}

struct Place {
    root: TempDir,
    store: Arc<MemoryStore>,
    blobs: Blobs,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().expect("a temporary directory");
        let directory = Directory::open(root.path()).expect("a new directory opens");
        let store = Arc::new(MemoryStore::new([7; 32]));
        let blobs = Blobs::new(Arc::clone(&store) as _, Arc::new(directory));
        Self { root, store, blobs }
    }

    fn directory(&self) -> &Directory {
        self.blobs.directory()
    }

    fn large(&self, bytes: &[u8]) -> Staged {
        let mut file = self.directory().stage().expect("a staged file");
        file.write_all(bytes).expect("room for it");
        Staged::File(file.into_temp_path())
    }

    async fn keep(&self, key: &str, bytes: &[u8]) -> Option<(String, Bytes)> {
        self.blobs.keep(key.to_owned(), self.large(bytes)).await.expect("it is kept")
    }

    fn staged(&self) -> usize {
        entries(self.directory().staging())
    }

    /// The keys of which the large bytes are there, as are the small ones beside them.
    async fn left(&self) -> Vec<&'static str> {
        let mut left = Vec::new();
        for key in ["1/0000000001/a", "1/0000000001/BUILD/log.txt", "1/0000000002/a", "10/0000000001/a"] {
            let large = self.blobs.open(key).await.expect("it can be looked for").is_some();
            let small = self.blobs.open(&format!("{key}.index")).await.expect("it can be looked for").is_some();
            assert_eq!(large, small, "{key}");
            if large {
                left.push(key);
            }
        }
        left
    }
}

fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory).expect("it is there").count()
}

fn read(blob: Option<Blob>) -> Vec<u8> {
    match blob {
        Some(Blob::Inline(bytes)) => bytes.to_vec(),
        Some(Blob::File(mut file)) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("it can be read");
            bytes
        }
        None => panic!("nothing is kept"),
    }
}
