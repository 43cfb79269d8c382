//! Questions about how many there are.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use super::documents::{of, of_none};
use super::setting::{app, app_id, app_named, at, branch};
use crate::{App, Counted, Kind, Store};

pub async fn apps_are_counted_no_further_than_asked(s: Arc<dyn Store>) {
    assert_eq!(s.count(Counted::Apps, 9).await.unwrap(), 0);
    for id in ["d1", "d2", "d3"] {
        app(&*s, id).await;
    }
    for (most, counted) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (u64::MAX, 3)] {
        assert_eq!(s.count(Counted::Apps, most).await.unwrap(), counted, "to {most}");
    }
    s.delete_app(&app_id("d2")).await.unwrap();
    assert_eq!(s.count(Counted::Apps, 9).await.unwrap(), 2);
}

pub async fn young_apps_are_counted_from_the_newest_on(s: Arc<dyn Store>) {
    // One of them by a clock that was behind.
    for (id, minute) in [("d1", 0), ("d2", 20), ("d3", 10), ("d4", 30)] {
        s.create_app(&App { created: at(minute), ..app_named(id) }).await.unwrap();
    }
    for (minute, counted) in [(-1, 4), (0, 3), (9, 3), (10, 1), (29, 1), (30, 0)] {
        assert_eq!(s.count(Counted::AppsSince(at(minute)), 9).await.unwrap(), counted, "since minute {minute}");
    }
    assert_eq!(s.count(Counted::AppsSince(at(-1)), 2).await.unwrap(), 2);
    assert_eq!(s.count(Counted::AppsSince(at(-1)), 0).await.unwrap(), 0);
    s.delete_app(&app_id("d4")).await.unwrap();
    assert_eq!(s.count(Counted::AppsSince(at(-1)), 9).await.unwrap(), 3);
}

pub async fn branches_and_documents_are_counted_by_app(s: Arc<dyn Store>) {
    for (app, name) in [("d1", "a"), ("d1", "b"), ("d2", "a")] {
        branch(&*s, app, name).await;
        s.create_document(&of(app, Kind::Webhook, &format!("{app}-{name}"))).await.unwrap();
    }
    s.create_document(&of("d1", Kind::Domain, "a")).await.unwrap();
    s.create_document(&of_none(Kind::Webhook, "nobody's")).await.unwrap();
    let (d1, d2, d3) = (app_id("d1"), app_id("d2"), app_id("d3"));
    for (what, counted) in [
        (Counted::Branches(&d1), 2),
        (Counted::Branches(&d2), 1),
        (Counted::Branches(&d3), 0),
        (Counted::Documents(Kind::Webhook, &d1), 2),
        (Counted::Documents(Kind::Webhook, &d2), 1),
        (Counted::Documents(Kind::Domain, &d1), 1),
        (Counted::Documents(Kind::Domain, &d2), 0),
    ] {
        assert_eq!(s.count(what, 9).await.unwrap(), counted, "{what:?}");
        assert_eq!(s.count(what, 1).await.unwrap(), counted.min(1), "{what:?}");
    }
}
