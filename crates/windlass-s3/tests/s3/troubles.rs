//! A bucket that does not do what it is asked.

use std::fs;
use std::sync::atomic::Ordering;

use windlass_s3::{OpenError, S3Vault};
use windlass_store::{StoreError, Vault as _};

use crate::cache::read;
use crate::server::{S3, bytes, content, put};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn what_a_bucket_refuses_is_unavailable_and_what_is_cached_is_still_read() {
    let s3 = S3::start().await;
    let vault = s3.vault(u64::MAX);
    let cached = put(&vault, &bytes(1, 2 * MIB), 1).await.unwrap();
    let elsewhere = put(&s3.vault_with("secret", "another cache", u64::MAX), &bytes(2, 2 * MIB), 2).await.unwrap();
    for trouble in [&s3.mood.refuses, &s3.mood.is_gone] {
        trouble.store(true, Ordering::SeqCst);
        assert!(read(&vault, cached).await == bytes(1, 2 * MIB));
        is_unavailable(vault.open(elsewhere).await);
        // That it is not known is not that it is not there.
        is_unavailable(vault.has(cached).await);
        is_unavailable(vault.list(None, 10).await);
        is_unavailable(put(&vault, &bytes(3, 2 * MIB), 3).await);
        is_unavailable(put(&vault, &bytes(3, 17 * MIB), 3).await);
        is_unavailable(vault.delete(cached).await);
        assert_eq!(fs::read_dir(vault.staging()).unwrap().count(), 0);

        trouble.store(false, Ordering::SeqCst);
        assert!(vault.has(cached).await.unwrap() && !vault.has(content(&bytes(3, 2 * MIB), 3)).await.unwrap());
    }
    assert!(read(&vault, elsewhere).await == bytes(2, 2 * MIB));
}

#[tokio::test]
async fn an_upload_that_fails_in_the_middle_leaves_no_content() {
    let s3 = S3::start().await;
    let vault = s3.vault(u64::MAX);
    s3.mood.refuses_after_puts.store(1, Ordering::SeqCst);
    is_unavailable(put(&vault, &bytes(1, 30 * MIB), 1).await);
    assert!(vault.list(None, 10).await.unwrap().is_empty());
    assert!(s3.cached().is_empty());
    s3.mood.refuses_after_puts.store(u32::MAX, Ordering::SeqCst);
    let content = put(&vault, &bytes(1, 30 * MIB), 2).await.unwrap();
    assert_eq!(vault.list(None, 10).await.unwrap(), [content]);
}

#[tokio::test]
async fn a_slow_bucket_is_waited_for() {
    let s3 = S3::start().await;
    s3.mood.delay.store(200, Ordering::SeqCst);
    let large = bytes(1, 9 * MIB);
    let content = put(&s3.vault(u64::MAX), &large, 1).await.unwrap();
    assert!(read(&s3.vault_with("secret", "another cache", u64::MAX), content).await == large);
}

#[tokio::test]
async fn an_object_that_is_not_what_was_put_there_is_damaged() {
    let s3 = S3::start().await;
    let sound = bytes(1, 2 * MIB);
    let content = put(&s3.vault(u64::MAX), &sound, 1).await.unwrap();
    let object = s3.objects().join(content.to_string());
    let mut flipped = sound.clone();
    flipped[MIB] ^= 1;
    let vault = s3.vault_with("secret", "another cache", u64::MAX);
    for wrong in [flipped, sound[..MIB].to_vec()] {
        let shorter = wrong.len() < sound.len();
        fs::write(&object, wrong).unwrap();
        let opened = vault.open(content).await;
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
        assert_eq!(vault.has(content).await.unwrap(), !shorter);
        assert_eq!(fs::read_dir(vault.staging()).unwrap().count(), 0);
    }
    fs::write(&object, &sound).unwrap();
    assert!(read(&vault, content).await == sound);
}

#[tokio::test]
async fn wrong_keys_are_said_to_be_refused() {
    let s3 = S3::start().await;
    let vault = s3.vault_with("not the secret", "cache", u64::MAX);
    is_unavailable(put(&vault, &bytes(1, 2 * MIB), 1).await);
    assert!(vault.list(None, 10).await.is_err());
}

#[tokio::test]
async fn what_others_keep_beside_it_is_not_listed() {
    let s3 = S3::start().await;
    let vault = s3.vault(u64::MAX);
    let content = put(&vault, &bytes(1, 2 * MIB), 1).await.unwrap();
    fs::write(s3.objects().join("a readme"), "x").unwrap();
    fs::write(s3.objects().parent().unwrap().join(content.to_string()), "x").unwrap();
    assert_eq!(vault.list(None, 10).await.unwrap(), [content]);
}

#[test]
fn only_a_bucket_is_a_place() {
    let cache = tempfile::tempdir().unwrap();
    for place in ["", "s3:", "s3:/", "s3://", "s3:///prefix", "bucket", "https://bucket", "s3://bucket/a//b"] {
        let opened = S3Vault::open(place, [], cache.path(), 0);
        assert!(matches!(opened, Err(OpenError::Place { .. })), "{place}");
    }
    for place in ["s3://bucket", "s3://bucket/", "s3://bucket/prefix", "s3://bucket/a/b/"] {
        assert!(S3Vault::open(place, [], cache.path(), 0).is_ok(), "{place}");
    }
}

#[track_caller]
fn is_unavailable<T: std::fmt::Debug>(done: Result<T, StoreError>) {
    assert!(matches!(done, Err(StoreError::Unavailable { .. })), "{done:?}");
}
