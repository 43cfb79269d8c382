//! The custom headers that a repository has for its site: `customHttp.yml` at its root, also of a monorepo.
//!
//! They are checked before anything runs, and become the app's own once a job that has them is live, as at AWS:
//! <https://docs.aws.amazon.com/amplify/latest/userguide/setting-custom-headers.html>.

use std::path::Path;

use windlass_store::{App, Attributes, StoreError};

use crate::build::text_of;
use crate::run::{Claimed, Halt};
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
    /// Makes these headers those of the app of a job that is live.
    pub(crate) async fn keep_headers(&self, claimed: &Claimed, text: &str) {
        loop {
            match self.try_to_keep_headers(claimed, text).await {
                // Somebody else has changed the app meanwhile.
                Err(StoreError::Conflict) => {}
                Err(error) => {
                    let app = &claimed.branch.app;
                    tracing::warn!("app {app} has not got the headers of {FILE} until its next build: {error}");
                    return;
                }
                Ok(()) => return,
            }
        }
    }

    async fn try_to_keep_headers(&self, claimed: &Claimed, text: &str) -> Result<(), StoreError> {
        let Some(mut app) = self.0.store.app(&claimed.branch.app).await? else { return Ok(()) };
        if app.attributes.get(ATTRIBUTE).and_then(serde_json::Value::as_str) == Some(text) {
            return Ok(());
        }
        app.attributes.insert(ATTRIBUTE.to_owned(), text.into());
        app.updated = self.0.clock.now().max(app.updated);
        app.version += 1;
        self.0.store.update_app(&app).await
    }
}
