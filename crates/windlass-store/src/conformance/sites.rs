//! Questions about sites.
#![expect(missing_docs, reason = "each question's name is the sentence that it checks")]

use std::sync::Arc;

use super::setting::{app_id, at, attributes, branch, branch_name, deployed};
use crate::{App, Site, Store, StoredBranch};

pub async fn a_site_is_found_by_its_label_and_by_its_name(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "feature/X").await;
    branch(&*s, "d2", "feature-x").await;
    deployed(&*s, &main, at(1)).await;
    let site = s.site(&main.app, "feature-x").await.unwrap().unwrap();
    assert_eq!((site.branch, &site.name), (main.uid, &main.name));
    assert!(site.live.is_some());
    assert_eq!(s.named_site(&main.app, &main.name).await.unwrap(), Some(site));
    for (app, name) in [("d1", "feature-x"), ("d1", "Feature/X"), ("d2", "feature/X"), ("d3", "feature/X")] {
        assert_eq!(s.named_site(&app_id(app), &branch_name(name)).await.unwrap(), None, "{name} of {app}");
    }

    s.delete_branch(main.uid).await.unwrap();
    assert_eq!(s.site(&main.app, "feature-x").await.unwrap(), None);
    assert_eq!(s.named_site(&main.app, &main.name).await.unwrap(), None);
}

pub async fn a_site_tells_when_its_settings_change(s: Arc<dyn Store>) {
    let main = branch(&*s, "d1", "main").await;
    let before = s.site(&main.app, "main").await.unwrap().unwrap();

    let app = s.app(&main.app).await.unwrap().unwrap();
    let app = App { attributes: attributes("app"), version: app.version + 1, ..app };
    s.update_app(&app).await.unwrap();
    let site = Site { app_version: before.app_version + 1, ..before.clone() };
    assert_eq!(s.site(&main.app, "main").await.unwrap().as_ref(), Some(&site));

    let changed = StoredBranch { attributes: attributes("branch"), version: main.version + 1, ..main.clone() };
    s.update_branch(&changed).await.unwrap();
    let site = Site { version: before.version + 1, ..site };
    assert_eq!(s.site(&main.app, "main").await.unwrap().as_ref(), Some(&site));
    assert_eq!(s.named_site(&main.app, &main.name).await.unwrap(), Some(site));
}
