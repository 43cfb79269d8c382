//! Questions about branches.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::collections::BTreeSet;
use std::sync::Arc;

use windlass::{Branch, JobId};

use super::everything::all;
use super::setting::{
    app, app_id, at, attributes, branch, branch_name, branch_named, conflict, deployed, everything, exists, make,
    running, url, zip,
};
use crate::{Append, Site, Store, StoredBranch, Work};

pub async fn a_branch_is_read_as_it_was_stored(s: Arc<dyn Store>) {
    app(&*s, "d1").await;
    let new = branch_named("d1", "feature/One");
    let made = s.create_branch(&new).await.unwrap();
    let expected = StoredBranch {
        uid: made.uid,
        app: new.app.clone(),
        name: new.name.clone(),
        label: "feature-one".into(),
        attributes: new.attributes,
        created: new.created,
        updated: new.created,
        version: 1,
        branch: Branch::default(),
        branch_version: 0,
    };
    assert_eq!(made, expected);
    assert_eq!(s.branch(&new.app, &new.name).await.unwrap().as_ref(), Some(&made));
    assert_eq!(s.branch_by_uid(made.uid).await.unwrap(), Some(made));
}

pub async fn a_branch_is_made_once_in_an_app(s: Arc<dyn Store>) {
    let first = branch(&*s, "d1", "main").await;
    exists(s.create_branch(&branch_named("d1", "main")).await);
    let other = branch(&*s, "d2", "main").await;
    assert_ne!(first.uid, other.uid);
    assert_eq!(s.branch(&first.app, &first.name).await.unwrap(), Some(first));
}

pub async fn a_branch_changes_only_from_the_version_that_was_loaded(s: Arc<dyn Store>) {
    let loaded = branch(&*s, "d1", "main").await;
    let changed = StoredBranch { attributes: attributes("other"), updated: at(1), version: 2, ..loaded.clone() };
    s.update_branch(&changed).await.unwrap();
    assert_eq!(s.branch_by_uid(loaded.uid).await.unwrap().as_ref(), Some(&changed));

    for version in [0, 1, 2, 4] {
        conflict(s.update_branch(&StoredBranch { version, updated: at(2), ..loaded.clone() }).await);
    }
    assert_eq!(s.branch_by_uid(loaded.uid).await.unwrap(), Some(changed));
    s.delete_branch(loaded.uid).await.unwrap();
    conflict(s.update_branch(&StoredBranch { version: 3, ..loaded }).await);
}

pub async fn settings_and_jobs_of_a_branch_do_not_disturb_each_other(s: Arc<dyn Store>) {
    let loaded = branch(&*s, "d1", "main").await;
    let made = make(&*s, &loaded, zip(), at(0)).await;
    s.update_branch(&StoredBranch { attributes: attributes("other"), version: 2, ..loaded.clone() }).await.unwrap();

    let now = s.branch_by_uid(loaded.uid).await.unwrap().unwrap();
    assert_eq!((now.branch, now.branch_version), (made.branch.branch, made.branch.branch_version));
    assert_eq!((now.attributes, now.version), (attributes("other"), 2));
    everything(&*s).await;
}

pub async fn a_deleted_branch_takes_its_jobs_with_it(s: Arc<dyn Store>) {
    let other = branch(&*s, "d1", "other").await;
    deployed(&*s, &other, at(0)).await;
    let before = everything(&*s).await;

    let main = branch(&*s, "d1", "main").await;
    let live = deployed(&*s, &main, at(0)).await;
    let held = running(&*s, &main, at(1), "a").await;
    s.delete_branch(main.uid).await.unwrap();
    for key in [live.key(), held.key()] {
        assert_eq!(s.job(key).await.unwrap(), None);
        assert!(s.history(key).await.unwrap().is_empty());
    }
    assert_eq!(s.work(at(500), 10).await.unwrap(), Work::default());
    assert_eq!(s.site(&main.app, &main.label).await.unwrap(), None);
    assert_eq!(everything(&*s).await, before);
    conflict(s.delete_branch(main.uid).await);
}

pub async fn a_branch_made_again_is_another_branch(s: Arc<dyn Store>) {
    let old = branch(&*s, "d1", "main").await;
    let late = make(&*s, &old, url(), at(0)).await;
    s.delete_branch(old.uid).await.unwrap();
    let new = branch(&*s, "d1", "main").await;
    assert_ne!(new.uid, old.uid);
    assert_eq!(new.label, old.label);
    assert_eq!(make(&*s, &new, url(), at(1)).await.job.id(), JobId::FIRST);

    let before = everything(&*s).await;
    let append = Append {
        app: old.app.clone(),
        key: late.key(),
        expected_seq: late.job.seq(),
        records: Vec::new(),
        job: late.job,
        branch: None,
        lease: None,
        blobs: vec![("late".into(), "bytes".into())],
    };
    conflict(s.append(append.clone()).await);
    conflict(s.append(Append { expected_seq: 0, ..append.clone() }).await);
    conflict(s.append(Append { expected_seq: 0, branch: Some((0, Branch::default())), ..append }).await);
    assert_eq!(s.blob("late").await.unwrap(), None);
    assert_eq!(everything(&*s).await, before);
}

pub async fn names_are_kept_to_the_letter(s: Arc<dyn Store>) {
    let long = "ü".repeat(255);
    let names = ["main", "Main", " main", "main ", "a/b", "a%2Fb", "it's", "\"", "\0", "\u{e9}", "e\u{301}", &long];
    for name in names {
        branch(&*s, "d1", name).await;
    }
    for name in names {
        let found = s.branch(&app_id("d1"), &branch_name(name)).await.unwrap().unwrap();
        assert_eq!(found.name.as_str(), name);
        assert_eq!(found.attributes, attributes(name));
    }
}

pub async fn every_branch_of_an_app_has_a_label_of_its_own(s: Arc<dyn Store>) {
    let mut branches = Vec::new();
    // A name may look like the label that another one would be given.
    let plain = (10..60).map(|number| format!("feature-x-{number}"));
    let names = ["feature-x", "feature/x", "Feature/X", "-feature-x-"].map(String::from).into_iter();
    for name in plain.chain(names).chain(["日本", "中国", "branch"].map(String::from)) {
        branches.push(branch(&*s, "d1", &name).await);
    }
    branches.push(branch(&*s, "d2", "feature/x").await);
    assert_eq!(branches.last().unwrap().label, "feature-x", "a label is taken in one app only");

    let labels: BTreeSet<_> = branches.iter().map(|branch| (&branch.app, &branch.label)).collect();
    assert_eq!(labels.len(), branches.len(), "two branches have one label");
    for StoredBranch { uid, app, name, label, .. } in &branches {
        assert!(label.len() <= 63, "{label} is too long for a host name");
        let found = s.site(app, label).await.unwrap();
        assert_eq!(found, Some(Site { branch: *uid, name: name.clone(), live: None, version: 1, app_version: 1 }));
    }
    assert_eq!(s.site(&app_id("d2"), "branch").await.unwrap(), None);
}

pub async fn branches_are_listed_in_the_order_of_their_creation(s: Arc<dyn Store>) {
    let names = ["9", "10", "1", "z", "a", "main", "5"];
    for name in names {
        branch(&*s, "d1", name).await;
        branch(&*s, "d2", &format!("other-{name}")).await;
    }
    for size in 1..=names.len() + 1 {
        let found = all(async |from| {
            let page = s.branches(&app_id("d1"), from, size).await?;
            assert!(page.items.len() == size || page.next.is_none(), "a page of {size} is not full");
            Ok(page)
        });
        let found: Vec<_> = found.await.unwrap().into_iter().map(|branch| branch.name).collect();
        assert_eq!(found, names.map(branch_name), "in pages of {size}");
    }
    let whole = s.branches(&app_id("d1"), None, names.len()).await.unwrap();
    assert_eq!(whole.next, None, "a last page that is full leads to an empty one");
}

pub async fn a_list_of_branches_goes_on_where_it_stopped(s: Arc<dyn Store>) {
    let mut branches = Vec::new();
    for name in ["1", "2", "3", "4", "5"] {
        branches.push(branch(&*s, "d1", name).await);
    }
    let first = s.branches(&app_id("d1"), None, 2).await.unwrap();
    for gone in [0, 1, 3] {
        s.delete_branch(branches[gone].uid).await.unwrap();
    }
    branch(&*s, "d1", "6").await;
    branch(&*s, "d1", "1").await;
    let rest = all(async |from| s.branches(&app_id("d1"), from.or(first.next), 2).await).await.unwrap();
    let rest: Vec<_> = rest.into_iter().map(|branch| branch.name).collect();
    assert_eq!(rest, ["3", "5", "6", "1"].map(branch_name));
}
