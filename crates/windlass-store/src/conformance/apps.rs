//! Questions about apps, and about the store as a whole.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::collections::BTreeSet;
use std::sync::Arc;

use super::everything::all;
use super::setting::{
    app, app_id, app_named, at, branch, branch_named, conflict, deployed, everything, exists, make, running, url, zip,
};
use crate::{App, Store, Work};

pub async fn an_app_is_read_as_it_was_stored(s: Arc<dyn Store>) {
    let stored = app(&*s, "d1").await;
    assert_eq!(s.app(&stored.id).await.unwrap(), Some(stored));
}

pub async fn an_app_is_made_once(s: Arc<dyn Store>) {
    let first = app(&*s, "d1").await;
    exists(s.create_app(&App { updated: at(9), ..app_named("d1") }).await);
    assert_eq!(s.app(&first.id).await.unwrap(), Some(first));
}

pub async fn an_app_changes_only_from_the_version_that_was_loaded(s: Arc<dyn Store>) {
    let loaded = app(&*s, "d1").await;
    let mut changed = App { version: 2, updated: at(1), ..loaded.clone() };
    changed.attributes.insert("description".into(), "Changed.".into());
    s.update_app(&changed).await.unwrap();
    assert_eq!(s.app(&loaded.id).await.unwrap().as_ref(), Some(&changed));

    for version in [0, 1, 2, 4] {
        conflict(s.update_app(&App { version, updated: at(2), ..loaded.clone() }).await);
    }
    assert_eq!(s.app(&loaded.id).await.unwrap(), Some(changed));
}

pub async fn an_unknown_app_is_not_found(s: Arc<dyn Store>) {
    let stored = app(&*s, "d1").await;
    let unknown = app_named("d2");
    assert_eq!(s.app(&unknown.id).await.unwrap(), None);
    assert_eq!(s.delete_app(&unknown.id).await.unwrap(), None);
    conflict(s.update_app(&unknown).await);
    conflict(s.create_branch(&branch_named("d2", "main")).await);
    assert!(s.branches(&unknown.id, None, 10).await.unwrap().items.is_empty());
    assert_eq!(everything(&*s).await.apps, [stored]);
}

pub async fn a_deleted_app_takes_everything_with_it(s: Arc<dyn Store>) {
    let other = branch(&*s, "d2", "main").await;
    deployed(&*s, &other, at(0)).await;
    let before = everything(&*s).await;

    let (main, test) = (branch(&*s, "d1", "main").await, branch(&*s, "d1", "test").await);
    let live = deployed(&*s, &main, at(0)).await;
    let held = running(&*s, &main, at(1), "a").await;
    let waits = make(&*s, &test, url(), at(2)).await;

    let deleted = s.delete_app(&main.app).await.unwrap().unwrap();
    assert_eq!(BTreeSet::from_iter(deleted), BTreeSet::from([main.uid, test.uid]));
    for key in [live.key(), held.key(), waits.key()] {
        assert_eq!(s.job(key).await.unwrap(), None);
        assert!(s.history(key).await.unwrap().is_empty());
    }
    assert_eq!(s.branch_by_uid(main.uid).await.unwrap(), None);
    assert_eq!(s.branch(&main.app, &main.name).await.unwrap(), None);
    assert_eq!(s.site(&main.app, &main.label).await.unwrap(), None);
    assert_eq!(s.work(at(500), 10).await.unwrap(), Work::default());
    assert_eq!(everything(&*s).await, before);
    assert_eq!(s.delete_app(&main.app).await.unwrap(), None);
}

pub async fn an_app_made_again_has_nothing_of_the_old_one(s: Arc<dyn Store>) {
    let old = branch(&*s, "d1", "main").await;
    make(&*s, &old, zip(), at(0)).await;
    s.delete_app(&old.app).await.unwrap();
    app(&*s, "d1").await;
    let now = everything(&*s).await;
    assert!(now.branches.is_empty() && now.jobs.is_empty() && now.due.is_empty());
}

pub async fn apps_are_listed_in_the_order_of_their_creation(s: Arc<dyn Store>) {
    let ids = ["d9", "d10", "d1", "dz", "da", "d00", "d5"];
    for id in ids {
        app(&*s, id).await;
    }
    for size in 1..=ids.len() + 1 {
        let found = all(async |from| {
            let page = s.apps(from, size).await?;
            assert!(page.items.len() == size || page.next.is_none(), "a page of {size} is not full");
            Ok(page)
        });
        let found: Vec<_> = found.await.unwrap().into_iter().map(|app| app.id).collect();
        assert_eq!(found, ids.map(app_id), "in pages of {size}");
    }
    let whole = s.apps(None, ids.len()).await.unwrap();
    assert_eq!(whole.next, None, "a last page that is full leads to an empty one");
}

pub async fn a_list_of_apps_goes_on_where_it_stopped(s: Arc<dyn Store>) {
    for id in ["d1", "d2", "d3", "d4", "d5"] {
        app(&*s, id).await;
    }
    let first = s.apps(None, 2).await.unwrap();
    for id in ["d1", "d2", "d4"] {
        s.delete_app(&app_id(id)).await.unwrap();
    }
    app(&*s, "d6").await;
    app(&*s, "d1").await;
    let rest = all(async |from| s.apps(from.or(first.next), 2).await).await.unwrap();
    let rest: Vec<_> = rest.into_iter().map(|app| app.id).collect();
    assert_eq!(rest, ["d3", "d5", "d6", "d1"].map(app_id));
}

pub async fn a_list_of_apps_ends_whatever_cursor_is_given(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    make(&*s, &main, zip(), at(0)).await;
    for cursor in [u64::MAX, u64::MAX - 1, u64::MAX / 2, 1 << 40] {
        let apps = s.apps(Some(cursor), 10).await.unwrap();
        assert!(apps.items.is_empty() && apps.next.is_none(), "apps from {cursor}");
        let branches = s.branches(&main.app, Some(cursor), 10).await.unwrap();
        assert!(branches.items.is_empty() && branches.next.is_none(), "branches from {cursor}");
        assert_eq!(s.jobs(main.uid, Some(cursor), 10).await.unwrap().items.len(), 1, "jobs from {cursor}");
    }
    for cursor in [0, 1] {
        assert!(s.jobs(main.uid, Some(cursor), 10).await.unwrap().items.is_empty(), "jobs from {cursor}");
    }
}

pub async fn the_secret_never_changes(s: Arc<dyn Store>) {
    let secret = s.secret().await.unwrap();
    assert_ne!(secret, [0; 32]);
    app(&*s, "d1").await;
    assert_eq!(s.secret().await.unwrap(), secret);
}
