//! Questions about small artifacts.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use bytes::Bytes;
use windlass::Command;

use super::setting::{at, branch, conflict, make, upload, url, zip};
use crate::{Address, Append, BranchUid, Executed, Extras, INLINE_MAX, Store, execute};

pub async fn bytes_ride_in_the_commit(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let blobs = [("1/a", "one"), ("1/b", "two")];
    let done = give(&*s, &made, &[upload(0, 7)], &blobs).await;
    assert_eq!(done.answer, Ok(()));
    for (key, bytes) in blobs {
        assert_eq!(s.blob(key).await.unwrap(), Some(Bytes::from(bytes)));
    }
    assert_eq!(s.blob("1/").await.unwrap(), None);
}

pub async fn bytes_of_a_refused_command_stay_behind(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let refused = give(&*s, &made, &[upload(9, 7)], &[("1/a", "one")]).await;
    assert!(refused.answer.is_err());
    // Time changes the job, and what came too late is not kept all the same.
    let extras = Extras { blobs: vec![("1/a".into(), "one".into())], ..Extras::default() };
    let late = execute(&*s, Address::Key(made.key()), &[upload(0, 7)], at(9 * 60), extras).await.unwrap();
    assert!(late.answer.is_err() && late.job.status().is_terminal());
    assert_eq!(s.blob("1/a").await.unwrap(), None);
}

pub async fn bytes_of_a_conflict_stay_behind(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, url(), at(0)).await;
    s.put_blob("1/a", "one".into()).await.unwrap();
    let append = Append {
        app: main.app.clone(),
        key: made.key(),
        expected_seq: made.job.seq() - 1,
        records: Vec::new(),
        job: made.job,
        branch: None,
        lease: None,
        blobs: vec![("1/a".into(), "two".into()), ("1/b".into(), "three".into())],
    };
    conflict(s.append(append).await);
    assert_eq!(s.blob("1/a").await.unwrap(), Some("one".into()));
    assert_eq!(s.blob("1/b").await.unwrap(), None);
}

pub async fn bytes_are_replaced(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    s.put_blob("1/a", "one".into()).await.unwrap();
    s.put_blob("1/a", "two".into()).await.unwrap();
    assert_eq!(s.blob("1/a").await.unwrap(), Some("two".into()));
    give(&*s, &made, &[upload(0, 7)], &[("1/a", "three"), ("1/a", "four")]).await;
    assert_eq!(s.blob("1/a").await.unwrap(), Some("four".into()));
}

pub async fn bytes_are_kept_to_the_last(s: Arc<dyn Store>) {
    let all: Vec<u8> = (0..INLINE_MAX).map(|n| (n % 251) as u8).collect();
    for size in [0, 1, 255, 4096, 100_000, INLINE_MAX] {
        let bytes = Bytes::copy_from_slice(&all[..size]);
        s.put_blob("1/a", bytes.clone()).await.unwrap();
        assert!(s.blob("1/a").await.unwrap() == Some(bytes), "{size} bytes are not what they were");
    }
}

pub async fn a_prefix_deletes_what_begins_with_it_and_nothing_else(s: Arc<dyn Store>) {
    let keys = [
        "1/",
        "1/a",
        "1/a/b",
        "1/\u{7f}",
        "1/ÿ",
        "1/\u{10ffff}",
        "1/\u{10ffff}\u{10ffff}",
        "1",
        "1.",
        "10",
        "10/a",
        "11/a",
        "0/1/a",
        "2/a",
        "/1/a",
        "\u{10ffff}/a",
        "%/a",
        "_/a",
        "A/a",
        "a/a",
    ];
    for key in keys {
        s.put_blob(key, key.to_owned().into()).await.unwrap();
    }
    let mut left = keys.to_vec();
    for prefix in ["3/", "1/", "1/", "10/", "\u{10ffff}/", "%/", "_/", "a/"] {
        s.delete_blobs(prefix).await.unwrap();
        left.retain(|key| !key.starts_with(prefix));
        for key in keys {
            let expected = left.contains(&key).then(|| Bytes::from(key));
            assert_eq!(s.blob(key).await.unwrap(), expected, "{key} after {prefix} was deleted");
        }
    }
}

pub async fn keys_are_listed_by_what_they_begin_with(s: Arc<dyn Store>) {
    assert!(s.blob_keys("").await.unwrap().is_empty());
    let mut keys =
        ["b/2", "b/10", "b/1/x", "b/", "b", "bb", "a/1", "B/1", "b/ü", "b/\u{10ffff}", "b/\u{10ffff}x", "\u{10ffff}"];
    for key in keys {
        s.put_blob(key, "bytes".into()).await.unwrap();
    }
    keys.sort_unstable();
    for prefix in ["", "b", "b/", "b/1", "b/1/x", "b/\u{10ffff}", "\u{10ffff}", "c", "b/1/xy", "%", "_/"] {
        let expected: Vec<_> = keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(s.blob_keys(prefix).await.unwrap(), expected, "{prefix:?}");
    }
    s.delete_blobs("b/").await.unwrap();
    assert_eq!(s.blob_keys("b").await.unwrap(), ["b", "bb"]);
}

pub async fn keys_are_listed_in_pages(s: Arc<dyn Store>) {
    let mut keys = ["a", "b", "b/", "b/1", "b/1/x", "b/2", "b/\u{10ffff}", "b0", "c/1", "\u{10ffff}", "\u{10ffff}/1"];
    for key in keys {
        s.put_blob(key, "bytes".into()).await.unwrap();
    }
    keys.sort_unstable();
    for prefix in ["", "b", "b/", "b/1", "c", "d", "\u{10ffff}"] {
        for after in [None, Some(""), Some("a"), Some("b/"), Some("b/1"), Some("b/15"), Some("b0"), Some("\u{10ffff}")]
        {
            let all: Vec<_> = keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
            let rest: Vec<_> = all.into_iter().filter(|key| after.is_none_or(|after| *key > after)).collect();
            for limit in [1, 3, 100] {
                let expected = &rest[..limit.min(rest.len())];
                assert_eq!(s.blob_page(prefix, after, limit).await.unwrap(), expected, "{prefix:?} after {after:?}");
            }
        }
    }
}

pub async fn bytes_are_deleted_only_while_the_branch_is_as_it_was(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let made = make(&*s, &main, zip(), at(0)).await;
    let keys = ["1/a", "1/a@", "1/b", "1/c"];
    for key in keys {
        s.put_blob(key, "bytes".into()).await.unwrap();
    }
    let prefixes = ["1/a".to_owned(), "1/b".to_owned()];
    conflict(s.delete_blobs_at((main.uid, main.branch_version), &prefixes).await);
    conflict(s.delete_blobs_at((BranchUid(99), made.branch.branch_version), &prefixes).await);
    assert_eq!(s.blob_keys("1/").await.unwrap(), keys);
    let now = s.branch_by_uid(main.uid).await.unwrap().unwrap();
    s.delete_blobs_at((now.uid, now.branch_version), &prefixes).await.unwrap();
    assert_eq!(s.blob_keys("1/").await.unwrap(), ["1/c"]);
    assert_eq!(s.branch_by_uid(main.uid).await.unwrap(), Some(now));
}

async fn give(s: &dyn Store, to: &Executed, commands: &[Command], blobs: &[(&'static str, &'static str)]) -> Executed {
    let blobs = blobs.iter().map(|(key, bytes)| ((*key).to_owned(), Bytes::from(*bytes))).collect();
    execute(s, Address::Key(to.key()), commands, at(1), Extras { blobs, ..Extras::default() }).await.unwrap()
}
