//! What the cache does with what was used.

use std::fs;
use std::io::Read as _;
use std::sync::Arc;

use windlass_s3::S3Vault;
use windlass_store::{Content, Vault as _};

use crate::server::{S3, bytes, put};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_content_is_downloaded_once_however_many_open_it() {
    let s3 = S3::start().await;
    let large = bytes(1, 17 * MIB);
    let content = put(&s3.vault(u64::MAX), &large, 1).await.unwrap();
    let vault = Arc::new(s3.vault_with("secret", "another cache", u64::MAX));
    let readers: Vec<_> = (0..16)
        .map(|_| {
            let vault = Arc::clone(&vault);
            tokio::spawn(async move { read(&vault, content).await })
        })
        .collect();
    for reader in readers {
        assert!(reader.await.unwrap() == large);
    }
    assert_eq!(s3.mood.gets(), 3, "the three parts of it");
}

#[tokio::test]
async fn what_was_put_in_is_not_downloaded() {
    let s3 = S3::start().await;
    let vault = s3.vault(u64::MAX);
    let large = bytes(1, 9 * MIB);
    let content = put(&vault, &large, 1).await.unwrap();
    assert!(read(&vault, content).await == large);
    assert_eq!((s3.mood.gets(), s3.cached().len()), (0, 1));
}

#[tokio::test]
async fn what_was_used_longest_ago_goes_first() {
    let s3 = S3::start().await;
    let vault = s3.vault(3 * MIB as u64);
    let mut contents = Vec::new();
    for number in 0..3 {
        contents.push(put(&vault, &bytes(number, MIB), number).await.unwrap());
    }
    read(&vault, contents[0]).await;
    contents.push(put(&vault, &bytes(3, MIB), 3).await.unwrap());
    for (content, gets) in [(contents[0], 0), (contents[2], 0), (contents[3], 0), (contents[1], 1), (contents[0], 1)] {
        read(&vault, content).await;
        assert_eq!((s3.mood.gets(), s3.cached().len()), (gets, 3), "{content}");
    }
    // One that is larger than the whole cache is read all the same, and keeps nobody's place.
    let large = bytes(4, 4 * MIB);
    let too_large = put(&vault, &large, 4).await.unwrap();
    assert!(read(&vault, too_large).await == large);
    assert!(s3.cached().is_empty());
}

#[tokio::test]
async fn a_file_that_somebody_wrote_to_is_noticed_and_fetched_again() {
    let s3 = S3::start().await;
    let vault = s3.vault(u64::MAX);
    let sound = bytes(1, 2 * MIB);
    let content = put(&vault, &sound, 1).await.unwrap();
    let file = s3.cached().remove(0);
    let mut damaged = sound.clone();
    damaged[MIB] ^= 1;
    for damage in [damaged, sound[..MIB].to_vec(), Vec::new()] {
        fs::write(&file, &damage).unwrap();
        assert!(read(&vault, content).await == sound);
        assert_eq!(s3.mood.gets(), 1);
        assert!(read(&vault, content).await == sound);
        assert_eq!(s3.mood.gets(), 0);
    }
    fs::remove_file(&file).unwrap();
    assert!(read(&vault, content).await == sound);
}

#[tokio::test]
async fn what_an_earlier_process_left_is_used_if_it_is_sound() {
    let s3 = S3::start().await;
    let (sound, other) = (bytes(1, 2 * MIB), bytes(2, 2 * MIB));
    let vault = s3.vault(u64::MAX);
    let (good, bad) = (put(&vault, &sound, 1).await.unwrap(), put(&vault, &other, 2).await.unwrap());
    drop(vault);
    let mut damaged = other.clone();
    damaged[0] ^= 1;
    fs::write(s3.folder.path().join("cache/contents").join(bad.to_string()), damaged).unwrap();
    fs::write(s3.folder.path().join("cache/contents/not ours"), "x").unwrap();

    let vault = s3.vault(u64::MAX);
    assert!(read(&vault, good).await == sound);
    assert_eq!(s3.mood.gets(), 0);
    assert!(read(&vault, bad).await == other);
    assert_eq!(s3.mood.gets(), 1);
    drop(vault);

    // What does not fit any more goes at the start.
    drop(s3.vault(0));
    assert_eq!(s3.cached().len(), 1, "only what is not ours stays");
}

pub(crate) async fn read(vault: &S3Vault, content: Content) -> Vec<u8> {
    let mut bytes = Vec::new();
    vault.open(content).await.unwrap().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}
