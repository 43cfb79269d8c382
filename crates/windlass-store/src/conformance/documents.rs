//! Questions about documents.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use super::everything::all;
use super::setting::{app, app_id, at, attributes, conflict, everything, exists};
use crate::{Document, Kind, Store};

pub async fn a_document_is_read_as_it_was_stored(s: Arc<dyn Store>) {
    app(&*s, "d1").await;
    for stored in [of("d1", Kind::Webhook, "a/b ü"), of_none(Kind::Key, "a/b ü")] {
        s.create_document(&stored).await.unwrap();
        assert_eq!(s.document(stored.kind, "a/b ü").await.unwrap(), Some(stored));
    }
    assert_eq!(s.document(Kind::Domain, "a/b ü").await.unwrap(), None);
    assert_eq!(s.document(Kind::Key, "a/b").await.unwrap(), None);
}

pub async fn a_document_is_made_once_among_its_kind(s: Arc<dyn Store>) {
    app(&*s, "d1").await;
    let first = of("d1", Kind::Webhook, "a");
    s.create_document(&first).await.unwrap();
    exists(s.create_document(&Document { updated: at(9), ..of_none(Kind::Webhook, "a") }).await);
    s.create_document(&of("d1", Kind::Domain, "a")).await.unwrap();
    assert_eq!(s.document(Kind::Webhook, "a").await.unwrap(), Some(first));
}

pub async fn a_document_belongs_to_an_app_that_is_there(s: Arc<dyn Store>) {
    conflict(s.create_document(&of("d1", Kind::Webhook, "a")).await);
    assert!(everything(&*s).await.documents.is_empty());
}

pub async fn a_document_changes_only_from_the_version_that_was_loaded(s: Arc<dyn Store>) {
    let loaded = of_none(Kind::Subscriber, "a");
    s.create_document(&loaded).await.unwrap();
    let mut changed = Document { version: 2, updated: at(1), ..loaded.clone() };
    changed.attributes.insert("description".into(), "Changed.".into());
    s.update_document(&changed).await.unwrap();
    for version in [0, 1, 2, 4] {
        conflict(s.update_document(&Document { version, updated: at(2), ..loaded.clone() }).await);
    }
    conflict(s.update_document(&Document { version: 2, ..of_none(Kind::Subscriber, "b") }).await);
    assert_eq!(s.document(Kind::Subscriber, "a").await.unwrap(), Some(changed));
}

pub async fn a_deleted_document_is_gone(s: Arc<dyn Store>) {
    let (gone, stays) = (of_none(Kind::Key, "a"), of_none(Kind::Subscriber, "a"));
    s.create_document(&gone).await.unwrap();
    s.create_document(&stays).await.unwrap();
    s.delete_document(Kind::Key, "a").await.unwrap();
    conflict(s.delete_document(Kind::Key, "a").await);
    assert_eq!(everything(&*s).await.documents, [stays]);
    s.create_document(&gone).await.unwrap();
    assert_eq!(s.document(Kind::Key, "a").await.unwrap(), Some(gone));
}

pub async fn documents_are_listed_by_kind_and_app(s: Arc<dyn Store>) {
    app(&*s, "d1").await;
    app(&*s, "d2").await;
    let mut stored = Vec::new();
    // Not in the order of their names.
    for name in (0..23).rev() {
        let on = if name % 3 == 0 { "d2" } else { "d1" };
        let document = of(on, Kind::Webhook, &format!("{name:02}"));
        s.create_document(&document).await.unwrap();
        s.create_document(&of(on, Kind::BackendEnvironment, &format!("{name:02}"))).await.unwrap();
        stored.push(document);
    }
    let listed = all(async |from| s.documents(Kind::Webhook, None, from, 4).await).await.unwrap();
    assert_eq!(listed, stored);
    let d2 = app_id("d2");
    let listed = all(async |from| s.documents(Kind::Webhook, Some(&d2), from, 2).await).await.unwrap();
    stored.retain(|document| document.app.as_ref() == Some(&d2));
    assert_eq!(listed, stored);
    assert!(s.documents(Kind::Key, Some(&d2), None, 9).await.unwrap().items.is_empty());
}

pub async fn a_deleted_app_takes_its_documents_with_it(s: Arc<dyn Store>) {
    let gone = app(&*s, "d1").await;
    app(&*s, "d2").await;
    let (other, nobodys) = (of("d2", Kind::Webhook, "b"), of_none(Kind::Key, "c"));
    for document in [&of("d1", Kind::Webhook, "a"), &other, &nobodys] {
        s.create_document(document).await.unwrap();
    }
    s.delete_app(&gone.id).await.unwrap();
    app(&*s, "d1").await;
    assert_eq!(everything(&*s).await.documents, [other, nobodys]);
}

pub(super) fn of(app: &str, kind: Kind, id: &str) -> Document {
    Document { app: Some(app_id(app)), ..of_none(kind, id) }
}

pub(super) fn of_none(kind: Kind, id: &str) -> Document {
    let (created, updated) = (at(0), at(0));
    Document { kind, id: id.to_owned(), app: None, attributes: attributes(id), created, updated, version: 1 }
}
