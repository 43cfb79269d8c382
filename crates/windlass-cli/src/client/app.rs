//! Apps and branches by the names that people give them.

use anyhow::{Context, bail};
use aws_sdk_amplify::types;
use windlass::AppId;

use super::Client;
use super::error::{is_denied, is_not_found};

/// An app, as far as a deployment needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct App {
    pub id: String,
    pub default_domain: String,
}

impl Client {
    /// The app with this id or else this name.
    ///
    /// # Errors
    ///
    /// Where there is none, or several have the name.
    pub(super) async fn app(&self, wanted: &str) -> anyhow::Result<App> {
        self.find_app(wanted).await?.with_context(|| format!("there is no app {wanted} at {}", self.place))
    }

    /// The app with this id or else this name, if there is one. An id is looked for first; it may be a name as well.
    pub(super) async fn find_app(&self, wanted: &str) -> anyhow::Result<Option<App>> {
        if wanted.parse::<AppId>().is_ok() {
            match self.sdk.get_app().app_id(wanted).send().await {
                Ok(answer) => return Ok(answer.app().map(App::from)),
                // A key for certain apps is not told whether there are others, and may know its own by name.
                Err(error) if is_not_found(&error) || is_denied(&error) => {}
                Err(error) => return Err(self.explain("GetApp", error)),
            }
        }
        let mut named = self.apps_named(wanted).await?;
        if named.len() > 1 {
            let ids: Vec<String> = named.into_iter().map(|app| app.id).collect();
            bail!("{} apps have the name {wanted}; say which by its id: {}", ids.len(), ids.join(", "));
        }
        Ok(named.pop())
    }

    async fn apps_named(&self, name: &str) -> anyhow::Result<Vec<App>> {
        let mut named = Vec::new();
        let mut pages = self.sdk.list_apps().max_results(100).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.explain("ListApps", error))?;
            named.extend(page.apps().iter().filter(|app| app.name() == name).map(App::from));
        }
        Ok(named)
    }

    /// Makes an app that is connected to no repository.
    pub(super) async fn create_app(&self, name: &str) -> anyhow::Result<App> {
        let answer = self.sdk.create_app().name(name).send().await;
        let answer = answer.map_err(|error| self.explain("CreateApp", error))?;
        answer.app().map(App::from).context("CreateApp answered without an app")
    }

    /// Makes the branch unless it is there; says whether it made it.
    pub(super) async fn ensure_branch(&self, app: &App, branch: &str) -> anyhow::Result<bool> {
        match self.sdk.get_branch().app_id(&app.id).branch_name(branch).send().await {
            Ok(_) => return Ok(false),
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Err(self.explain("GetBranch", error)),
        }
        let answer = self.sdk.create_branch().app_id(&app.id).branch_name(branch).send().await;
        answer.map(|_| true).map_err(|error| self.explain("CreateBranch", error))
    }

    /// Where the branch's site is seen, unless another branch of the app has taken the label before: no operation tells.
    pub(super) fn site_url(&self, app: &App, branch: &str) -> anyhow::Result<String> {
        let label = windlass_store::label(&branch.parse()?);
        Ok(format!("{}://{label}.{}/", self.scheme(), app.default_domain))
    }
}

impl From<&types::App> for App {
    fn from(app: &types::App) -> Self {
        Self { id: app.app_id.clone(), default_domain: app.default_domain.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_where_its_server_is() {
        let app = App { id: "d1".into(), default_domain: "d1.localhost:8420".into() };
        let plain = Client::local("http://127.0.0.1:8420", "A", "S", "us-east-1");
        assert_eq!(plain.site_url(&app, "feature/X").unwrap(), "http://feature-x.d1.localhost:8420/");
        let app = App { id: "d1".into(), default_domain: "d1.example.com".into() };
        let secure = Client::local("https://deploy.example.com", "A", "S", "us-east-1");
        assert_eq!(secure.site_url(&app, "main").unwrap(), "https://main.d1.example.com/");
    }
}
