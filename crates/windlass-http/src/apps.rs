//! Operations on apps.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use windlass::{AppId, Resource};
use windlass_store::{App, Attributes, Page, SEALED_TOKEN, StoreError, Token, check_variables, keep_token, keys};

use crate::answer::Answer;
use crate::api::Call;
use crate::error::ApiError;
use crate::keys::Apps;
use crate::pages;
use crate::repository;

const LIST: &str = "apps";

/// The list of a key that is for certain apps.
const LIST_OF_KEY: &str = "apps-of-key";

/// The member that is a password, in apps, in branches, and in what branches are made with.
const PASSWORD: &str = "basicAuthCredentials";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneApp {
    app_id: AppId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listing {
    pub(crate) next_token: Option<String>,
    pub(crate) max_results: Option<usize>,
}

impl Call<'_> {
    pub(crate) async fn create_app(self) -> Result<Answer, ApiError> {
        let mut attributes = Attributes::new();
        set(&mut attributes, self.input.clone());
        self.check_app(&attributes)?;
        let token = given_token(&self.input);
        let _turn = self.room_for_app().await?;
        loop {
            let id = new_app_id()?;
            let mut app = App { id, attributes: attributes.clone(), created: self.now, updated: self.now, version: 1 };
            if let GivenToken::New(token) = &token {
                keep_token(self.api.store(), &mut app, token).await?;
            }
            match self.api.store().create_app(&app).await {
                // One in 36^13: another id, then.
                Err(StoreError::Exists) => {}
                done => return done.map_err(ApiError::from).and_then(|()| self.app_answer(&app)),
            }
        }
    }

    pub(crate) async fn get_app(mut self) -> Result<Answer, ApiError> {
        let OneApp { app_id } = self.read()?;
        let app = self.app(&app_id).await?;
        self.app_answer(&app)
    }

    pub(crate) async fn list_apps(mut self) -> Result<Answer, ApiError> {
        let Listing { next_token, max_results } = self.read()?;
        let size = pages::size(max_results, 100);
        let (list, page) = match self.caller.apps() {
            Apps::All => (LIST, self.api.store().apps(pages::cursor(LIST, next_token.as_deref())?, size).await?),
            Apps::These(ids) => {
                (LIST_OF_KEY, self.some_apps(ids, pages::cursor(LIST_OF_KEY, next_token.as_deref())?, size).await?)
            }
        };
        let apps: Vec<_> = page.items.iter().map(|app| self.app_form(app)).collect();
        let mut body = json!({ "apps": apps });
        if let Some(next) = page.next {
            body["nextToken"] = pages::token(list, next).into();
        }
        Answer::new(&body)
    }

    /// One page of the apps that a key is for, in the order of their ids.
    async fn some_apps(&self, ids: &BTreeSet<AppId>, from: Option<u64>, size: usize) -> Result<Page<App>, ApiError> {
        let skip = from.map_or(0, |from| usize::try_from(from).unwrap_or(usize::MAX));
        let mut items = Vec::new();
        for id in ids.iter().skip(skip).take(size) {
            // One may have been deleted since the key was made.
            items.extend(self.api.store().app(id).await?);
        }
        let end = skip.saturating_add(size);
        Ok(Page { items, next: (end < ids.len()).then_some(end as u64) })
    }

    pub(crate) async fn update_app(mut self) -> Result<Answer, ApiError> {
        let changes = std::mem::take(&mut self.input);
        let OneApp { app_id } =
            OneApp::deserialize(&changes).map_err(|error| ApiError::bad_request(error.to_string()))?;
        let token = given_token(&changes);
        loop {
            let mut app = self.app(&app_id).await?;
            let before = app.repository().and_then(repository::host);
            set(&mut app.attributes, changes.clone());
            self.check_app(&app.attributes)?;
            match &token {
                GivenToken::New(token) => keep_token(self.api.store(), &mut app, token).await?,
                // A token is for the host that it was given for, and no other host is shown it.
                GivenToken::None if before.is_none() || before == app.repository().and_then(repository::host) => {}
                GivenToken::None | GivenToken::Cleared => {
                    app.attributes.remove(SEALED_TOKEN);
                }
            }
            app.updated = self.now.max(app.updated);
            app.version += 1;
            match self.api.store().update_app(&app).await {
                Err(StoreError::Conflict) => {}
                done => return done.map_err(ApiError::from).and_then(|()| self.app_answer(&app)),
            }
        }
    }

    pub(crate) async fn delete_app(mut self) -> Result<Answer, ApiError> {
        let OneApp { app_id } = self.read()?;
        let app = self.app(&app_id).await?;
        let mut from = None;
        loop {
            let page = self.api.store().branches(&app_id, from, 100).await?;
            for branch in &page.items {
                self.stop_all(branch).await?;
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let branches = self.forget_app(&app).await?.ok_or_else(|| ApiError::no_app(&app_id))?;
        for branch in branches {
            self.api.blobs().delete(&keys::branch(branch)).await?;
        }
        self.api.blobs().delete(&keys::access(&app_id)).await?;
        self.app_answer(&app)
    }

    /// The app, which every operation below it needs first.
    pub(crate) async fn app(&self, id: &AppId) -> Result<App, ApiError> {
        self.api.store().app(id).await?.ok_or_else(|| ApiError::no_app(id))
    }

    /// Refuses what an app cannot be set to.
    fn check_app(&self, attributes: &Attributes) -> Result<(), ApiError> {
        windlass_rules::check_app(attributes)?;
        check_variables(attributes)?;
        match attributes.get("repository").and_then(Value::as_str) {
            None | Some("") => Ok(()),
            Some(repository) => Ok(repository::check(repository, self.api.settings().allow_local_repositories)?),
        }
    }

    fn app_answer(&self, app: &App) -> Result<Answer, ApiError> {
        Answer::new(&json!({ "app": self.app_form(app) }))
    }

    /// An app in the API's form: what its owner set, over what AWS shows where nothing is set.
    fn app_form(&self, app: &App) -> Value {
        let settings = self.api.settings();
        let arn = settings.account.arn(Resource::App(app.id.clone()));
        let mut form = json!({
            "appId": app.id,
            "appArn": arn.to_string(),
            "description": "",
            "repository": "",
            "platform": "WEB",
            "createTime": seconds(app.created),
            "updateTime": seconds(app.updated),
            "environmentVariables": {},
            "defaultDomain": format!("{}.{}", app.id, settings.site_authority),
            "enableBranchAutoBuild": false,
            "enableBranchAutoDeletion": false,
            "enableBasicAuth": false,
            "customRules": [],
            "customHeaders": "",
            "enableAutoBranchCreation": false,
            "cacheConfig": { "type": "AMPLIFY_MANAGED" },
            "tags": {},
        });
        self.overlay(&mut form, &app.attributes);
        form
    }

    /// Lays what an owner set over what is shown where nothing is. Passwords of sites are for those who may set them.
    pub(crate) fn overlay(&self, form: &mut Value, attributes: &Attributes) {
        let Value::Object(form) = form else { return };
        let shown = attributes.iter().filter(|(name, _)| *name != SEALED_TOKEN);
        form.extend(shown.map(|(name, value)| (name.clone(), value.clone())));
        if !self.caller.sees_secrets() {
            form.remove(PASSWORD);
            if let Some(Value::Object(config)) = form.get_mut("autoBranchCreationConfig") {
                config.remove(PASSWORD);
            }
        }
    }
}

/// What a request says of the repository's token.
enum GivenToken {
    /// Nothing.
    None,
    /// There is to be none any more.
    Cleared,
    /// There is to be this one.
    New(Token),
}

/// The token that a request brings. AWS has two members for it, for different hosts; an `accessToken` is the newer way.
fn given_token(members: &Attributes) -> GivenToken {
    let given = ["accessToken", "oauthToken"].into_iter().filter_map(|name| members.get(name)?.as_str());
    given.fold(GivenToken::None, |token, text| match (token, text) {
        (GivenToken::New(token), _) => GivenToken::New(token),
        (GivenToken::None | GivenToken::Cleared, "") => GivenToken::Cleared,
        (GivenToken::None | GivenToken::Cleared, text) => GivenToken::New(Token::new(text)),
    })
}

/// Takes over the members of a request that are the resource's own. Tokens are not kept with what is shown.
pub(crate) fn set(attributes: &mut Attributes, members: Attributes) {
    const NOT_KEPT: [&str; 4] = ["appId", "branchName", "oauthToken", "accessToken"];
    for (name, mut value) in members {
        if NOT_KEPT.contains(&name.as_str()) {
            continue;
        }
        // An empty name clears the variables: `{"": ""}` is how Terraform says so.
        if let Value::Object(map) = &mut value {
            map.remove("");
        }
        attributes.insert(name, value);
    }
}

pub(crate) fn seconds(time: chrono::DateTime<chrono::Utc>) -> Value {
    windlass::wire::epoch_seconds::serialize(&time, serde_json::value::Serializer).unwrap_or(Value::Null)
}

/// `d` and 13 random letters and digits, as AWS's are.
fn new_app_id() -> Result<AppId, ApiError> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut random = [0; 13];
    getrandom::fill(&mut random).map_err(|error| ApiError::internal(&error))?;
    let id: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    format!("d{id}").parse().map_err(|error| ApiError::internal(&error))
}
