//! The custom headers that a repository has for its site: `customHttp.yml` at its root, also of a monorepo.
//!
//! They are checked before anything runs, and become the app's own once a job that has them is live, as at AWS:
//! <https://docs.aws.amazon.com/amplify/latest/userguide/setting-custom-headers.html>.

use std::path::Path;

use windlass::AppId;
use windlass_store::{App, Attributes, StoreError, keys};

use crate::build::text_of;
use crate::run::Halt;
use crate::runner::Runner;

/// By which name a repository has them.
const FILE: &str = "customHttp.yml";

/// The attribute of an app that has them.
const ATTRIBUTE: &str = "customHeaders";

/// How many characters they may have: as many as the API allows.
const MAX: usize = 25_000;

/// The text of those that the repository of an app has, if it has any.
pub(crate) fn of(repository: &Path, app: &App) -> Result<Option<String>, Halt> {
    let Some(text) = text_of(repository, FILE)? else { return Ok(None) };
    if text.chars().nth(MAX).is_some() {
        return Err(Halt::Failed(format!("{FILE} has more than {MAX} characters")));
    }
    let mut attributes = Attributes::new();
    // It says which app of a monorepo they are for.
    if let Some(variables) = app.attributes.get("environmentVariables") {
        attributes.insert("environmentVariables".to_owned(), variables.clone());
    }
    attributes.insert(ATTRIBUTE.to_owned(), text.clone().into());
    windlass_rules::check_app(&attributes).map_err(|error| Halt::Failed(format!("{FILE}: {error}")))?;
    Ok(Some(text))
}

impl Runner {
    /// Makes the headers of jobs that are live those of their apps. They ride in the commit that goes live, and stay beside
    /// their apps until they are theirs: whoever looks next finds what a crash has left.
    pub(crate) async fn take_over_headers(&self) -> Result<(), StoreError> {
        let mut after = None::<String>;
        loop {
            let next = self.0.store.blob_page(keys::HEADERS, after.as_deref(), 1).await?.pop();
            let Some(key) = next else { return Ok(()) };
            if let Some((app, _)) = keys::headers_of(&key) {
                loop {
                    match self.take_over_headers_of(&app).await {
                        // Somebody else has changed the app meanwhile, maybe by this.
                        Err(StoreError::Conflict) => {}
                        done => break done?,
                    }
                }
            }
            after = Some(key);
        }
    }

    async fn take_over_headers_of(&self, id: &AppId) -> Result<(), StoreError> {
        let store = &*self.0.store;
        // The app first: if its headers are changed after this, it is a conflict.
        let app = store.app(id).await?;
        let waiting = store.blob_keys(&keys::headers(id)).await?;
        let mut newest = None;
        for key in &waiting {
            let Some((_, of)) = keys::headers_of(key) else { continue };
            // A branch that is gone has taken its jobs with it.
            let Some(job) = store.job(of).await? else { continue };
            newest = newest.max(Some((job.since(), key)));
        }
        if let (Some(app), Some((_, key))) = (app, newest)
            && let Some(text) = store.blob(key).await?
        {
            self.set_headers(app, &String::from_utf8_lossy(&text)).await?;
        }
        for key in &waiting {
            store.delete_blobs(key).await?;
        }
        Ok(())
    }

    async fn set_headers(&self, mut app: App, text: &str) -> Result<(), StoreError> {
        if app.attributes.get(ATTRIBUTE).and_then(serde_json::Value::as_str) == Some(text) {
            return Ok(());
        }
        app.attributes.insert(ATTRIBUTE.to_owned(), text.into());
        app.updated = self.0.clock.now().max(app.updated);
        app.version += 1;
        self.0.store.update_app(&app).await
    }
}
