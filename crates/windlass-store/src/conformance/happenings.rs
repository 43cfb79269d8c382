//! Questions about following what happens to all jobs.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::collections::BTreeMap;
use std::sync::Arc;

use super::setting::{at, branch, broken, deployed, make, zip};
use crate::{Address, Happening, JobKey, Store, delete_job};

pub async fn whatever_happens_can_be_followed_from_any_place(s: Arc<dyn Store>) {
    assert_eq!(s.last_happening().await.unwrap(), 0);
    let (main, test) = (branch(&*s, "d1", "main").await, branch(&*s, "d2", "test").await);
    let keys = [deployed(&*s, &main, at(0)).await.key(), broken(&*s, &test, at(1)).await.key()];
    let waits = make(&*s, &main, zip(), at(2)).await.key();

    let all = s.happenings(0, usize::MAX).await.unwrap();
    assert!(all.is_sorted_by(|a, b| a.cursor < b.cursor), "{all:?}");
    assert_eq!(all.last().map(|last| last.cursor), Some(s.last_happening().await.unwrap()));
    let mut histories = BTreeMap::<JobKey, Vec<_>>::new();
    for Happening { key, record, .. } in &all {
        histories.entry(*key).or_default().push(record.clone());
    }
    assert_eq!(histories.keys().copied().collect::<Vec<_>>(), [keys[0], waits, keys[1]]);
    for (key, records) in histories {
        assert_eq!(s.history(key).await.unwrap(), records);
    }

    let mut followed = Vec::new();
    let mut cursor = 0;
    loop {
        let next = s.happenings(cursor, 2).await.unwrap();
        let Some(last) = next.last() else { break };
        cursor = last.cursor;
        followed.extend(next);
    }
    assert_eq!(followed, all);
    assert!(s.happenings(cursor + 1, 9).await.unwrap().is_empty());
}

pub async fn a_place_is_not_used_twice(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let gone = broken(&*s, &main, at(0)).await;
    let last = s.last_happening().await.unwrap();
    delete_job(&*s, Address::Key(gone.key()), at(1)).await.unwrap().unwrap();
    assert_eq!(s.last_happening().await.unwrap(), last);
    let made = make(&*s, &main, zip(), at(2)).await;
    let next = s.happenings(last, 9).await.unwrap();
    assert_eq!(next.iter().map(|happening| happening.key).collect::<Vec<_>>(), [made.key()]);
}

pub async fn what_happened_to_a_deleted_job_is_forgotten(s: Arc<dyn Store>) {
    let (main, test) = (branch(&*s, "d1", "main").await, branch(&*s, "d1", "test").await);
    let gone = broken(&*s, &main, at(0)).await;
    make(&*s, &test, zip(), at(1)).await;
    let live = deployed(&*s, &main, at(2)).await;
    delete_job(&*s, Address::Key(gone.key()), at(3)).await.unwrap().unwrap();
    s.delete_branch(test.uid).await.unwrap();
    let left = s.happenings(0, usize::MAX).await.unwrap();
    assert!(left.iter().all(|happening| happening.key == live.key()), "{left:?}");
    assert!(!left.is_empty());
}
