//! Operations on tags, which apps and branches have: those given at their creation and those given here.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use windlass::{Arn, Resource};
use windlass_store::{App, Attributes, StoreError, StoredBranch};

use crate::answer::Answer;
use crate::api::Call;
use crate::error::ApiError;

/// How many tags a resource may have.
const MOST: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    resource_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tagging {
    resource_arn: String,
    tags: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Untagging {
    resource_arn: String,
    tag_keys: Vec<String>,
}

/// What has tags.
enum Tagged {
    App(App),
    Branch(StoredBranch),
}

impl Call<'_> {
    pub(crate) async fn tag_resource(mut self) -> Result<Answer, ApiError> {
        let Tagging { resource_arn, tags } = self.read()?;
        self.change_tags(&resource_arn, |held| held.extend(tags.clone())).await
    }

    pub(crate) async fn untag_resource(mut self) -> Result<Answer, ApiError> {
        let Untagging { resource_arn, tag_keys } = self.read()?;
        self.change_tags(&resource_arn, |held| held.retain(|key, _| !tag_keys.contains(key))).await
    }

    pub(crate) async fn list_tags_for_resource(mut self) -> Result<Answer, ApiError> {
        let Named { resource_arn } = self.read()?;
        let tags = tags_of(self.tagged(&resource_arn).await?.attributes());
        Answer::new(&json!({ "tags": tags }))
    }

    async fn change_tags(&self, arn: &str, change: impl Fn(&mut Map<String, Value>)) -> Result<Answer, ApiError> {
        loop {
            let mut tagged = self.tagged(arn).await?;
            let mut tags = tags_of(tagged.attributes());
            change(&mut tags);
            if tags.len() > MOST {
                let count = tags.len();
                return Err(ApiError::bad_request(format!(
                    "A resource has at most {MOST} tags, and {arn} would have {count}."
                )));
            }
            tagged.attributes().insert("tags".to_owned(), tags.into());
            match self.keep(tagged).await {
                Err(StoreError::Conflict) => {}
                done => return done.map_err(ApiError::from).and_then(|()| Answer::new(&json!({}))),
            }
        }
    }

    /// The app or branch that an ARN names.
    async fn tagged(&self, arn: &str) -> Result<Tagged, ApiError> {
        let store = self.api.store();
        let found = match self.ours(arn)? {
            Resource::App(app) => store.app(&app).await?.map(Tagged::App),
            Resource::Branch(app, name) => store.branch(&app, &name).await?.map(Tagged::Branch),
            Resource::Job(..) => return Err(untagged("a job")),
            Resource::Webhook(..) => return Err(untagged("a webhook")),
            Resource::Domain(..) => return Err(untagged("a domain association")),
            Resource::BackendEnvironment(..) => return Err(untagged("a backend environment")),
        };
        found.ok_or_else(|| ApiError::no_resource(arn))
    }

    /// What an ARN of this account and region names.
    fn ours(&self, arn: &str) -> Result<Resource, ApiError> {
        let ours = &self.api.settings().account;
        let Arn { account, resource } =
            arn.parse().map_err(|error| ApiError::bad_request(format!("The resourceArn is none: {error}.")))?;
        if account == *ours {
            return Ok(resource);
        }
        Err(ApiError::bad_request(format!(
            "The resourceArn is of account {} in {}, and this server is of account {} in {}.",
            account.id, account.region, ours.id, ours.region
        )))
    }

    async fn keep(&self, tagged: Tagged) -> Result<(), StoreError> {
        match tagged {
            Tagged::App(mut app) => {
                app.updated = self.now.max(app.updated);
                app.version += 1;
                self.api.store().update_app(&app).await
            }
            Tagged::Branch(mut branch) => {
                branch.updated = self.now.max(branch.updated);
                branch.version += 1;
                self.api.store().update_branch(&branch).await
            }
        }
    }
}

impl Tagged {
    const fn attributes(&mut self) -> &mut Attributes {
        match self {
            Self::App(app) => &mut app.attributes,
            Self::Branch(branch) => &mut branch.attributes,
        }
    }
}

fn tags_of(attributes: &Attributes) -> Map<String, Value> {
    attributes.get("tags").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn untagged(what: &str) -> ApiError {
    ApiError::bad_request(format!("Only apps and branches have tags, and the resourceArn names {what}."))
}
