//! Everything that a store holds, taken out of it and put into another.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use strum::VariantArray as _;
use tokio::sync::mpsc;
use windlass::Command;

use super::Everything;
use super::random::history;
use super::setting::{
    app, app_id, app_named, at, attributes, branch, branch_named, claim, deployed, lease, make, obeyed, running, stop,
    upload, url, zip,
};
use crate::moving::{Check, Loading, Movable, Row, Sum};
use crate::{Document, JobKey, Kind, MemoryStore, Store, StoreError, StoredBranch};

/// All that a store gives.
///
/// # Errors
///
/// Those of the store.
pub async fn rows<S: Movable>(s: &Arc<S>) -> Result<Vec<Row>, StoreError> {
    let (sender, mut receiver) = mpsc::channel(3);
    let s = Arc::clone(s);
    let dump = tokio::spawn(async move { s.dump(sender).await });
    let mut rows = Vec::new();
    while let Some(row) = receiver.recv().await {
        rows.push(row);
    }
    dump.await.unwrap().map(|()| rows)
}

/// Gives a store these rows, and has it keep them. Answers what it showed.
///
/// # Errors
///
/// Those of the store.
pub async fn load<S: Movable>(s: &Arc<S>, rows: &[Row]) -> Result<Vec<Row>, StoreError> {
    load_if(s, rows, |_| true).await
}

async fn load_if<S: Movable>(
    s: &Arc<S>,
    rows: &[Row],
    is_kept: impl FnOnce(&[Row]) -> bool,
) -> Result<Vec<Row>, StoreError> {
    let (loading, give, mut back, keep) = Loading::begin();
    let s = Arc::clone(s);
    let load = tokio::spawn(async move { s.load(loading).await });
    for row in rows {
        // Where it has given up, it says why.
        let _ = give.send(row.clone()).await;
    }
    drop(give);
    let mut shown = Vec::new();
    while let Some(row) = back.recv().await {
        shown.push(row);
    }
    if is_kept(&shown) {
        let _ = keep.send(());
    } else {
        drop(keep);
    }
    load.await.unwrap().map(|()| shown)
}

pub async fn an_empty_store_is_moved<S: Store + Movable>(s: Arc<S>) {
    let given = rows(&s).await.unwrap();
    assert!(matches!(given[..], [Row::Last(_)] | [Row::Secret(_), Row::Last(_)]), "{given:?}");
    assert_eq!(load(&s, &given).await.unwrap(), given);
    assert_eq!(rows(&s).await.unwrap(), given);
    s.create_app(&app_named("d1")).await.unwrap();
}

pub async fn what_was_taken_in_is_given_again_to_the_byte<S: Store + Movable>(s: Arc<S>) {
    let old = lived(0x5eed_0003).await;
    let given = rows(&old).await.unwrap();
    let sum = check(&given);
    assert!(sum.jobs > 20 && sum.documents > 5 && sum.blobs > 5, "it is no life: {sum}");
    assert_eq!(load(&s, &given).await.unwrap(), given);
    assert_eq!(check(&rows(&s).await.unwrap()), sum);

    let (mut was, is) = (Everything::of(&*old).await.unwrap(), Everything::of(&*s).await.unwrap());
    is.check("after it was moved");
    // Nobody holds what was moved.
    assert_eq!(s.work(at(0), usize::MAX >> 1).await.unwrap().working, []);
    was.work.clone_from(&is.work);
    assert_eq!(is, was);
    assert_eq!(s.secret().await.unwrap(), old.secret().await.unwrap());
    assert_eq!(s.last_happening().await.unwrap(), old.last_happening().await.unwrap());
    let happened = old.happenings(0, usize::MAX >> 1).await.unwrap();
    assert_eq!(s.happenings(0, usize::MAX >> 1).await.unwrap(), happened);
    let middle = happened[happened.len() / 2].cursor;
    assert_eq!(s.happenings(middle, 10).await.unwrap(), old.happenings(middle, 10).await.unwrap());
    for key in old.blob_keys("").await.unwrap() {
        assert_eq!(s.blob(&key).await.unwrap(), old.blob(&key).await.unwrap(), "{key}");
    }
    for branch in &was.branches {
        assert_eq!(
            s.site(&branch.app, &branch.label).await.unwrap(),
            old.site(&branch.app, &branch.label).await.unwrap()
        );
        assert_eq!(s.branch(&branch.app, &branch.name).await.unwrap().as_ref(), Some(branch));
    }
    for document in &was.documents {
        assert_eq!(s.document(document.kind, &document.id).await.unwrap().as_ref(), Some(document));
    }
    for (key, job, _) in &was.jobs {
        let same = JobKey { job: job.content_of(), ..*key };
        assert_eq!(s.jobs_with(same, None, 99).await.unwrap(), old.jobs_with(same, None, 99).await.unwrap());
    }
}

pub async fn a_store_that_was_moved_goes_on<S: Store + Movable>(s: Arc<S>) {
    let old: Arc<MemoryStore> = Arc::new(MemoryStore::new([9; 32]));
    let main = branch(&*old, "d1", "main").await;
    deployed(&*old, &main, at(1)).await;
    let works = running(&*old, &main, at(2), "a").await;
    let other = branch(&*old, "d1", "other").await;
    let stopped = running(&*old, &other, at(3), "a").await;
    stop(&*old, stopped.key(), at(4)).await;
    let waits = branch(&*old, "d1", "waits").await;
    let waiting = make(&*old, &waits, zip(), at(5)).await;
    // What is gone has had its numbers, too.
    app(&*old, "d2").await;
    let gone = branch(&*old, "d2", "gone").await;
    old.delete_app(&app_id("d2")).await.unwrap();
    old.create_document(&document(Kind::Key, "gone", None)).await.unwrap();
    old.delete_document(Kind::Key, "gone").await.unwrap();
    let cursor = old.last_happening().await.unwrap();
    load(&s, &rows(&old).await.unwrap()).await.unwrap();

    // The runners are lost that had jobs, and whoever takes one over is the first that can.
    let work = s.work(at(6), 9).await.unwrap();
    assert_eq!(work.working, []);
    let [candidate] = &work.candidates[..] else { panic!("{work:?}") };
    assert_eq!((candidate.key, candidate.lost), (works.key(), true));
    assert_eq!(s.renew(&lease("a", at(60)), &[works.key(), stopped.key()]).await.unwrap(), []);
    let reclaim = [Command::Reclaim { attempt: works.job.attempt() }];
    let hold = crate::Extras { lease: Some(lease("b", at(60))), ..crate::Extras::default() };
    let taken = crate::execute(&*s, crate::Address::Key(works.key()), &reclaim, at(6), hold).await.unwrap();
    assert_eq!(taken.answer, Ok(()));
    assert_eq!(s.work(at(7), 9).await.unwrap().working, [(app_id("d1"), 1)]);
    // Time ends what was told to stop.
    assert!(s.due(at(7), 9).await.unwrap().contains(&stopped.key()));
    obeyed(&*s, stopped.key(), &[Command::Expire], at(7)).await;
    obeyed(&*s, waiting.key(), &[upload(0, 1), Command::Start], at(8)).await;
    claim(&*s, waiting.key(), at(9), lease("b", at(60))).await;

    let happened = s.happenings(cursor, 99).await.unwrap();
    assert_eq!(
        happened.first().map(|happening| happening.cursor),
        Some(cursor + 1),
        "a place was used twice or left out"
    );
    s.create_app(&app_named("d3")).await.unwrap();
    let made = s.create_branch(&branch_named("d3", "main")).await.unwrap();
    assert!(made.uid > gone.uid, "{} was {} before", made.uid, gone.uid);
    s.create_document(&document(Kind::Key, "new", None)).await.unwrap();
    let apps = s.apps(None, 9).await.unwrap().items;
    assert_eq!(apps.iter().map(|app| app.id.as_str()).collect::<Vec<_>>(), ["d1", "d3"]);
    check(&rows(&s).await.unwrap());
}

pub async fn what_is_not_kept_leaves_nothing_behind<S: Store + Movable>(s: Arc<S>) {
    let given = rows(&lived(0x5eed_0004).await).await.unwrap();
    let nothing = rows(&s).await.unwrap();
    let told = load_if(&s, &given, |shown| {
        assert_eq!(shown, given);
        false
    });
    let error = told.await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert_eq!(rows(&s).await.unwrap(), nothing);
    // Broken off before its end.
    let error = load(&s, &given[..given.len() - 1]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    // What cannot be.
    let twice: Vec<_> = given
        .iter()
        .flat_map(|row| if matches!(row, Row::App(..)) { vec![row.clone(); 2] } else { vec![row.clone()] })
        .collect();
    load(&s, &twice).await.unwrap_err();
    assert_eq!(rows(&s).await.unwrap(), nothing);
    assert_eq!(s.apps(None, 1).await.unwrap().items, []);
    assert_eq!(load(&s, &given).await.unwrap(), given);
}

pub async fn a_store_that_was_used_takes_nothing_in<S: Store + Movable>(s: Arc<S>) {
    let given = rows(&lived(0x5eed_0005).await).await.unwrap();
    s.put_blob("a", Bytes::new()).await.unwrap();
    assert!(matches!(load(&s, &given).await, Err(StoreError::Exists)));
    s.delete_blobs("").await.unwrap();
    app(&*s, "d7").await;
    let before = rows(&s).await.unwrap();
    assert!(matches!(load(&s, &given).await, Err(StoreError::Exists)));
    assert_eq!(rows(&s).await.unwrap(), before);
    // Its numbers are used, so others would be given to what comes.
    s.delete_app(&app_id("d7")).await.unwrap();
    assert!(matches!(load(&s, &given).await, Err(StoreError::Exists)));
}

pub async fn what_is_given_is_of_one_moment<S: Store + Movable>(s: Arc<S>) {
    let mut branches = Vec::new();
    for name in ["d1", "d2", "d3"] {
        let branch = branch(&*s, name, "main").await;
        for minute in 0..3 {
            deployed(&*s, &branch, at(minute)).await;
        }
        branches.push(branch);
    }
    let before = rows(&s).await.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let giver = Arc::clone(&s);
    let dump = tokio::spawn(async move { giver.dump(sender).await });
    let mut given = vec![receiver.recv().await.unwrap()];
    for StoredBranch { app, .. } in &branches[1..] {
        s.delete_app(app).await.unwrap();
    }
    deployed(&*s, &branches[0], at(9)).await;
    s.put_blob("z", Bytes::new()).await.unwrap();
    while let Some(row) = receiver.recv().await {
        given.push(row);
    }
    dump.await.unwrap().unwrap();
    assert_eq!(given, before);
    assert_ne!(check(&rows(&s).await.unwrap()), check(&before));
}

/// Makes a job that waits, on a branch of an app, and nothing else.
pub async fn one_that_waits(s: &dyn Store) {
    let main = branch(s, "d1", "main").await;
    make(s, &main, url(), at(0)).await;
}

/// A store to which a lot has happened.
async fn lived(seed: u64) -> Arc<MemoryStore> {
    let s = Arc::new(MemoryStore::new([9; 32]));
    history(s.clone(), seed, 900).await;
    // Of which one at least is there whatever happened.
    drop(s.create_app(&app_named("d1")).await);
    for (kind, number) in Kind::VARIANTS.iter().zip(0..) {
        let owner = (number % 2 == 0).then_some("d1");
        for id in ["ä/\u{0}1", "2"] {
            s.create_document(&document(*kind, id, owner)).await.unwrap();
        }
    }
    s.delete_document(Kind::Domain, "2").await.unwrap();
    s.put_blob("7/1/large", (0..=255).cycle().take(100_000).collect::<Vec<u8>>().into()).await.unwrap();
    s
}

fn document(kind: Kind, id: &str, app: Option<&str>) -> Document {
    let now = at(0) + TimeDelta::milliseconds(7);
    Document {
        kind,
        id: id.to_owned(),
        app: app.map(app_id),
        attributes: attributes(id),
        created: now,
        updated: now,
        version: 3,
    }
}

fn check(rows: &[Row]) -> Sum {
    let mut check = Check::default();
    for row in rows {
        check.take(row).unwrap();
    }
    check.end().unwrap()
}
