//! Where the bytes of artifacts lie.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use windlass::{Artifact, Attempt, JobId};
use windlass_store::{
    Blob, Blobs, BranchUid, Clock as _, Collected, Content, Directory, INLINE_MAX, JobKey, ManualClock, MemoryStore,
    Staged, Store as _, Vault as _, keys,
};

#[tokio::test]
async fn small_bytes_are_given_back_to_ride_in_a_commit() {
    let place = Place::new();
    let rides = place.blobs.keep("1/a".into(), Staged::Inline("small".into())).await.unwrap();
    assert_eq!(rides, [("1/a".to_owned(), Bytes::from("small"))]);
    assert!(place.blobs.open("1/a").await.unwrap().is_none(), "it is nowhere before the commit");
    place.commit(rides).await;
    assert!(matches!(place.blobs.open("1/a").await.unwrap(), Some(Blob::Inline(bytes)) if bytes == "small"));
    assert!(place.contents().await.is_empty());
}

#[tokio::test]
async fn large_bytes_are_durable_before_what_points_to_them_rides_in_a_commit() {
    let place = Place::new();
    let bytes = noise(INLINE_MAX + 1);
    let rides = place.blobs.keep("1/a".into(), place.stage(&bytes)).await.unwrap();
    assert_eq!(place.contents().await.len(), 1);
    assert!(place.blobs.open("1/a").await.unwrap().is_none() && !place.blobs.keeps("1/a").await.unwrap());
    place.commit(rides).await;
    assert!(place.read("1/a").await == bytes && place.blobs.keeps("1/a").await.unwrap());
    assert_eq!(place.staged(), 0);
}

#[tokio::test]
async fn bytes_are_staged_in_memory_up_to_the_limit_and_hashed_as_they_come() {
    let place = Place::new();
    for size in [0, 1, INLINE_MAX, INLINE_MAX + 1, 3 * INLINE_MAX + 5] {
        let bytes = noise(size);
        let mut staging = place.blobs.stage();
        for piece in bytes.chunks(7 * 1024 + 1) {
            staging.write_all(piece).unwrap();
        }
        match staging.finish().unwrap() {
            Staged::Inline(staged) => assert!(size <= INLINE_MAX && staged == bytes, "{size}"),
            Staged::File(file) => {
                assert!(size > INLINE_MAX && std::fs::read(&file.path).unwrap() == bytes, "{size}");
                assert_eq!((file.sha256, file.size), (Sha256::digest(&bytes).into(), size as u64));
            }
        }
        assert_eq!(place.staged(), 0, "what is dropped leaves nothing behind");
    }
}

#[tokio::test]
async fn equal_bytes_are_one_content_which_stays_until_nobody_points_to_it() {
    let place = Place::new();
    let (same, other) = (noise(INLINE_MAX + 1), noise(INLINE_MAX + 2));
    for key in ["1/a", "1/b", "2/a"] {
        place.keep(key, &same).await;
    }
    place.keep("2/b", &other).await;
    assert_eq!(place.contents().await.len(), 2);
    for (gone, left) in [("1/", 2), ("2/b", 1), ("2/a", 0)] {
        place.blobs.delete(gone).await.unwrap();
        if left > 0 {
            assert!(place.read("2/a").await == same, "{gone} has taken the bytes of another along");
        }
        place.collect_twice(TimeDelta::hours(1)).await;
        assert_eq!(place.contents().await.len(), left, "after {gone}");
    }
    assert!(place.store.blob_keys("").await.unwrap().is_empty(), "nothing is noted of what is gone");
}

#[tokio::test]
async fn nothing_goes_at_one_look_nor_before_its_time() {
    let place = Place::new();
    place.keep("1/a", &noise(INLINE_MAX + 1)).await;
    place.blobs.delete("1/a").await.unwrap();
    let hour = TimeDelta::hours(1);
    let condemned = place.blobs.collect(place.clock.now(), hour).await.unwrap();
    assert_eq!(condemned, Collected { condemned: 1, ..Collected::default() });
    place.clock.advance(hour - TimeDelta::milliseconds(1));
    assert_eq!(place.blobs.collect(place.clock.now(), hour).await.unwrap(), Collected::default());
    place.clock.advance(TimeDelta::milliseconds(1));
    let deleted = place.blobs.collect(place.clock.now(), hour).await.unwrap();
    assert_eq!(deleted, Collected { deleted: 1, bytes: INLINE_MAX as u64 + 1, ..Collected::default() });
}

#[tokio::test]
async fn what_is_on_its_way_to_a_commit_never_goes() {
    let place = Place::new();
    let bytes = noise(INLINE_MAX + 1);
    // Its bytes are there, and the sweep comes before the commit.
    let rides = place.blobs.keep("1/a".into(), place.stage(&bytes)).await.unwrap();
    place.blobs.collect(place.clock.now(), TimeDelta::hours(1)).await.unwrap();
    place.clock.advance(TimeDelta::minutes(59));
    place.commit(rides).await;
    place.collect_twice(TimeDelta::hours(1)).await;
    assert!(place.read("1/a").await == bytes);

    // It has found the same bytes there already, and the last who pointed to them goes before the commit.
    let rides = place.blobs.keep("2/a".into(), place.stage(&bytes)).await.unwrap();
    place.blobs.delete("1/a").await.unwrap();
    place.blobs.collect(place.clock.now(), TimeDelta::hours(1)).await.unwrap();
    place.clock.advance(TimeDelta::minutes(59));
    place.commit(rides).await;
    place.collect_twice(TimeDelta::hours(1)).await;
    assert!(place.read("2/a").await == bytes);
}

#[tokio::test]
async fn nobody_comes_to_point_to_what_is_about_to_go() {
    let place = Place::new();
    let bytes = noise(INLINE_MAX + 1);
    place.keep("1/a", &bytes).await;
    place.blobs.delete("1/a").await.unwrap();
    place.blobs.collect(place.clock.now(), TimeDelta::hours(1)).await.unwrap();
    place.clock.advance(TimeDelta::hours(1));
    // The same bytes arrive in the last moment: they are put in again, under another name.
    let rides = place.blobs.keep("2/a".into(), place.stage(&bytes)).await.unwrap();
    assert_eq!(place.contents().await.len(), 2);
    let collected = place.blobs.collect(place.clock.now(), TimeDelta::hours(1)).await.unwrap();
    assert_eq!(collected.deleted, 1);
    place.commit(rides).await;
    assert!(place.read("2/a").await == bytes);
}

#[tokio::test]
async fn a_content_that_is_lost_is_not_taken_for_one_with_the_same_bytes() {
    let place = Place::new();
    let bytes = noise(INLINE_MAX + 1);
    place.keep("1/a", &bytes).await;
    let lost = place.contents().await[0];
    place.blobs.vault().delete(lost).await.unwrap();
    place.keep("1/b", &bytes).await;
    assert!(place.read("1/b").await == bytes);
    assert!(place.blobs.keeps("1/a").await.unwrap() && place.blobs.open("1/a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_collection_that_was_broken_off_is_finished_by_the_next() {
    let place = Place::new();
    place.keep("1/a", &noise(INLINE_MAX + 1)).await;
    place.blobs.delete("1/a").await.unwrap();
    place.blobs.collect(place.clock.now(), TimeDelta::hours(1)).await.unwrap();
    // Killed between the bytes and what is noted of them.
    place.blobs.vault().delete(place.contents().await[0]).await.unwrap();
    place.clock.advance(TimeDelta::hours(1));
    place.blobs.collect(place.clock.now(), TimeDelta::hours(1)).await.unwrap();
    assert!(place.store.blob_keys("").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_killed_process_has_staged_goes_and_what_a_living_one_has_stays() {
    let root = TempDir::new().unwrap();
    let living = Directory::open(root.path()).unwrap();
    let left = root.path().join("staging/new-staging-dead/files");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("half"), "half").unwrap();
    std::fs::write(root.path().join("staging/new-staging-dead/lock"), "").unwrap();
    let file = tempfile::NamedTempFile::new_in(living.staging()).unwrap();

    let second = Directory::open(root.path()).unwrap();
    assert!(!left.exists());
    assert!(file.path().exists() && second.staging() != living.staging());
    let place = second.staging().to_owned();
    drop(second);
    assert!(!place.exists() && file.path().exists());
}

#[tokio::test]
async fn a_prefix_deletes_small_and_large_bytes_that_begin_with_it() {
    let place = Place::new();
    let keys = ["1/0000000001/a", "1/0000000001/BUILD/log.txt", "1/0000000002/a", "10/0000000001/a"];
    for key in keys {
        place.keep(key, &noise(INLINE_MAX + 1)).await;
        place.store.put_blob(&format!("{key}.index"), "small".into()).await.unwrap();
    }
    let job = JobKey { branch: BranchUid(1), job: JobId::FIRST };
    for _ in 0..2 {
        place.blobs.delete(&keys::job(job)).await.unwrap();
        assert_eq!(place.left(&keys).await, ["1/0000000002/a", "10/0000000001/a"]);
    }
    place.blobs.delete(&keys::branch(BranchUid(1))).await.unwrap();
    assert_eq!(place.left(&keys).await, ["10/0000000001/a"]);
}

#[tokio::test]
async fn small_and_large_bytes_are_listed_in_one_order() {
    let place = Place::new();
    let keys =
        ["access/d1/2026-11-21/23.csv", "access/d1/2026-11-22/01.csv", "access/d1/2026-11-22/10.csv", "access/d10/x"];
    for (n, key) in keys.iter().enumerate() {
        if n % 2 == 0 {
            place.keep(key, &noise(INLINE_MAX + 1)).await;
        } else {
            place.store.put_blob(key, "small".into()).await.unwrap();
        }
    }
    for prefix in ["access/", "access/d1", "access/d1/", "access/d1/2026-11-22/", keys[0], "access/d2/", "b"] {
        let expected: Vec<_> = keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(place.blobs.list(prefix).await.unwrap(), expected, "{prefix:?}");
    }
    place.blobs.delete("access/d1/").await.unwrap();
    assert_eq!(place.blobs.list("access/").await.unwrap(), ["access/d10/x"]);
}

#[test]
fn only_our_own_names_are_names_of_contents() {
    let content = Content { sha256: [0xab; 32], number: 7, size: u64::MAX };
    let name = content.to_string();
    assert_eq!(name.parse(), Ok(content));
    for wrong in
        ["", "../outside", "/etc/passwd", &name[1..], &name.to_uppercase(), &format!("{name}-"), &format!("{name}0")]
    {
        assert!(wrong.parse::<Content>().is_err(), "{wrong}");
    }
}

#[test]
fn a_stored_key_says_whose_it_is() {
    let key = JobKey { branch: BranchUid(7), job: JobId::new(3) };
    let artifact = Artifact { job: key.job, object: 255 };
    for name in [keys::zip(key.branch, artifact), keys::index(key.branch, artifact)] {
        for stored in [name.clone(), keys::pointer(&name)] {
            assert_eq!(keys::artifact_of(&stored), Some((key.branch, artifact)), "{stored}");
            assert_eq!(keys::job_of(&stored), Some(key));
            assert_eq!(keys::name(&stored), name);
        }
    }
    for other in [keys::file(key, 0), keys::log(key, "BUILD", Attempt::new(1))] {
        assert_eq!((keys::artifact_of(&other), keys::job_of(&other)), (None, Some(key)), "{other}");
    }
    assert_eq!(keys::job_of("access/d1/2026-11-22/01.csv"), None);
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
    _root: TempDir,
    store: Arc<MemoryStore>,
    blobs: Blobs,
    clock: ManualClock,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().expect("a temporary directory");
        let directory = Directory::open(root.path()).expect("a new directory opens");
        let store = Arc::new(MemoryStore::new([7; 32]));
        let blobs = Blobs::new(Arc::clone(&store) as _, Arc::new(directory));
        Self { _root: root, store, blobs, clock: ManualClock::at(DateTime::UNIX_EPOCH) }
    }

    fn stage(&self, bytes: &[u8]) -> Staged {
        let mut staging = self.blobs.stage();
        staging.write_all(bytes).expect("room for it");
        staging.finish().expect("room for it")
    }

    async fn keep(&self, key: &str, bytes: &[u8]) {
        let rides = self.blobs.keep(key.to_owned(), self.stage(bytes)).await.expect("it is kept");
        self.commit(rides).await;
    }

    async fn commit(&self, rides: Vec<(String, Bytes)>) {
        for (key, bytes) in rides {
            self.store.put_blob(&key, bytes).await.expect("it is stored");
        }
    }

    /// Two looks, between which enough time passes.
    async fn collect_twice(&self, grace: TimeDelta) {
        self.blobs.collect(self.clock.now(), grace).await.expect("a look");
        self.clock.advance(grace);
        self.blobs.collect(self.clock.now(), grace).await.expect("another look");
    }

    async fn contents(&self) -> Vec<Content> {
        self.blobs.vault().list(None, 100).await.expect("a list")
    }

    async fn read(&self, key: &str) -> Vec<u8> {
        match self.blobs.open(key).await.expect("it can be looked for") {
            Some(Blob::Inline(bytes)) => bytes.to_vec(),
            Some(Blob::File(mut file)) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).expect("it can be read");
                bytes
            }
            None => panic!("nothing is kept under {key}"),
        }
    }

    fn staged(&self) -> usize {
        std::fs::read_dir(self.blobs.vault().staging()).expect("it is there").count()
    }

    /// The keys of which the large bytes are there, as are the small ones beside them.
    async fn left(&self, keys: &[&'static str]) -> Vec<&'static str> {
        let mut left = Vec::new();
        for &key in keys {
            let large = self.blobs.open(key).await.expect("it can be looked for").is_some();
            let small = self.blobs.open(&format!("{key}.index")).await.expect("it can be looked for").is_some();
            assert_eq!(large, small, "{key}");
            left.extend(large.then_some(key));
        }
        left
    }
}

/// Bytes that differ in content where they differ in length.
fn noise(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n.wrapping_mul(2_654_435_761).wrapping_add(size) >> 13) as u8).collect()
}
