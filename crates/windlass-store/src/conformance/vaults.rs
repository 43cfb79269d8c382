//! Questions about vaults.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};

use crate::{Content, INLINE_MAX, Vault};

pub async fn what_was_put_in_is_read_to_the_last_byte(v: Arc<dyn Vault>) {
    // One byte, as few as there are, and more than one part of an upload.
    for (number, size) in [(1, 1), (2, INLINE_MAX + 1), (3, 19 * 1024 * 1024)] {
        let bytes = noise(size);
        let content = put(&*v, &bytes, number).await;
        assert!(v.has(content).await.unwrap());
        for _ in 0..2 {
            assert!(read(v.open(content).await.unwrap()) == Some(bytes.clone()), "{size} bytes are not what they were");
        }
        assert_eq!(staged(&*v), 0);
    }
}

pub async fn what_is_not_there_is_not_found(v: Arc<dyn Vault>) {
    let there = put(&*v, b"bytes", 1).await;
    for content in [Content { number: 2, ..there }, Content { sha256: [7; 32], ..there }] {
        assert!(!v.has(content).await.unwrap());
        assert!(v.open(content).await.unwrap().is_none());
        v.delete(content).await.unwrap();
    }
    assert!(v.has(there).await.unwrap());
}

pub async fn equal_bytes_can_be_two_contents(v: Arc<dyn Vault>) {
    let (one, two) = (put(&*v, b"bytes", 1).await, put(&*v, b"bytes", 2).await);
    v.delete(one).await.unwrap();
    assert!(v.open(one).await.unwrap().is_none());
    assert_eq!(read(v.open(two).await.unwrap()), Some(b"bytes".to_vec()));
}

pub async fn whoever_has_it_open_reads_on_when_it_is_deleted(v: Arc<dyn Vault>) {
    let bytes = noise(INLINE_MAX + 1);
    let content = put(&*v, &bytes, 1).await;
    let open = v.open(content).await.unwrap();
    for _ in 0..2 {
        v.delete(content).await.unwrap();
        assert!(v.open(content).await.unwrap().is_none() && !v.has(content).await.unwrap());
    }
    assert!(read(open) == Some(bytes));
}

pub async fn a_list_goes_on_where_it_stopped(v: Arc<dyn Vault>) {
    assert!(v.list(None, 10).await.unwrap().is_empty());
    let mut all = Vec::new();
    for number in 0..23 {
        all.push(put(&*v, &noise(number as usize % 7 + 1), number).await);
    }
    all.sort_unstable();
    for limit in [1, 5, 22, 23, 100] {
        let (mut seen, mut after) = (Vec::<Content>::new(), None);
        loop {
            let page = v.list(after, limit).await.unwrap();
            seen.extend(&page);
            after = page.last().copied().or(after);
            if page.len() < limit {
                break;
            }
        }
        assert_eq!(seen, all, "in pages of {limit}");
    }
    let gone = all.remove(11);
    v.delete(gone).await.unwrap();
    assert_eq!(v.list(Some(gone), 3).await.unwrap(), all[11..14], "after one that is gone");
}

pub async fn many_who_open_it_at_once_read_the_same(v: Arc<dyn Vault>) {
    let bytes = noise(INLINE_MAX + 12_345);
    let content = put(&*v, &bytes, 1).await;
    let readers: Vec<_> = (0..16)
        .map(|_| {
            let v = Arc::clone(&v);
            tokio::spawn(async move { v.open(content).await })
        })
        .collect();
    for reader in readers {
        assert!(read(reader.await.unwrap().unwrap()).as_ref() == Some(&bytes));
    }
}

pub async fn what_is_staged_and_dropped_leaves_nothing_behind(v: Arc<dyn Vault>) {
    let file = stage(&*v, b"half");
    assert_eq!(staged(&*v), 1);
    drop(file);
    assert_eq!(staged(&*v), 0);
    assert!(v.list(None, 10).await.unwrap().is_empty());
}

/// Bytes that do not repeat, so that no two parts are the same.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32.wrapping_add(size as u32);
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    })
    .take(size)
    .collect()
}

async fn put(v: &dyn Vault, bytes: &[u8], number: u64) -> Content {
    let content = Content { sha256: Sha256::digest(bytes).into(), number, size: bytes.len() as u64 };
    v.put(content, stage(v, bytes)).await.unwrap();
    content
}

fn stage(v: &dyn Vault, bytes: &[u8]) -> TempPath {
    let mut file = NamedTempFile::new_in(v.staging()).unwrap();
    file.write_all(bytes).unwrap();
    file.into_temp_path()
}

fn staged(v: &dyn Vault) -> usize {
    std::fs::read_dir(v.staging()).unwrap().count()
}

fn read(file: Option<File>) -> Option<Vec<u8>> {
    file.map(|mut file| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    })
}
