//! Webhooks: URLs that start a build of a branch for whoever knows them, and for the forges that tell of pushes.

mod called;
mod delivery;
mod payload;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use windlass::{AppId, BranchName, Resource};
use windlass_store::{Attributes, Document, Kind, StoreError, StoredBranch};

use crate::answer::Answer;
use crate::api::Call;
use crate::apps::{Listing, seconds};
use crate::documents::{random_text, text};
use crate::error::ApiError;

/// Where webhooks are called. The first is the one that we show: what is not AWS's API is below `/-/`. The second is
/// AWS's own, so that a URL in a CMS needs another host and nothing else.
pub(crate) const PATHS: [&str; 2] = ["/-/webhooks", "/prod/webhooks"];

/// How many characters a token has, as AWS's do.
const TOKEN: usize = 40;

/// The member that tells its branch from every other of that name.
const BRANCH_UID: &str = "branchUid";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateWebhook {
    app_id: AppId,
    branch_name: BranchName,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateWebhook {
    webhook_id: String,
    branch_name: Option<BranchName>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneWebhook {
    webhook_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfApp {
    app_id: AppId,
    #[serde(flatten)]
    listing: Listing,
}

impl Call<'_> {
    pub(crate) async fn create_webhook(mut self) -> Result<Answer, ApiError> {
        let CreateWebhook { app_id, branch_name, description } = self.read()?;
        if self.app(&app_id).await?.repository().is_none() {
            return Err(not_connected(&app_id));
        }
        let branch = self.branch(&app_id, &branch_name).await?;
        let _turn = self.room_for_webhook(&app_id).await?;
        let id = Uuid::new_v4().to_string();
        let attributes = Attributes::from_iter([
            ("branchName".to_owned(), branch_name.as_str().into()),
            (BRANCH_UID.to_owned(), branch.uid.0.into()),
            ("description".to_owned(), description.into()),
            ("token".to_owned(), random_text(TOKEN)?.into()),
        ]);
        let (created, updated) = (self.now, self.now);
        let app = Some(app_id.clone());
        let webhook = Document { kind: Kind::Webhook, id, app, attributes, created, updated, version: 1 };
        self.add(&webhook, &app_id, || ApiError::internal(&"an id was made twice")).await?;
        self.settled(&webhook, &app_id, &branch_name).await
    }

    pub(crate) async fn get_webhook(mut self) -> Result<Answer, ApiError> {
        let OneWebhook { webhook_id } = self.read()?;
        let webhook = self.stored_webhook(&webhook_id).await?;
        self.webhook_answer(&webhook)
    }

    pub(crate) async fn list_webhooks(mut self) -> Result<Answer, ApiError> {
        let OfApp { app_id, listing } = self.read()?;
        let (webhooks, next) = self.documents(Kind::Webhook, &app_id, listing).await?;
        let webhooks: Vec<_> = webhooks.iter().map(|webhook| self.webhook_form(webhook)).collect();
        let mut body = json!({ "webhooks": webhooks });
        if let Some(next) = next {
            body["nextToken"] = next.into();
        }
        Answer::new(&body)
    }

    pub(crate) async fn update_webhook(mut self) -> Result<Answer, ApiError> {
        let UpdateWebhook { webhook_id, branch_name, description } = self.read()?;
        loop {
            let mut webhook = self.stored_webhook(&webhook_id).await?;
            let (app, branch) = (app_of(&webhook)?, branch_name.clone().map_or_else(|| branch_of(&webhook), Ok)?);
            let uid = self.branch(&app, &branch).await?.uid;
            webhook.attributes.insert("branchName".to_owned(), branch.as_str().into());
            webhook.attributes.insert(BRANCH_UID.to_owned(), uid.0.into());
            if let Some(description) = &description {
                webhook.attributes.insert("description".to_owned(), description.as_str().into());
            }
            webhook.updated = self.now.max(webhook.updated);
            webhook.version += 1;
            match self.api.store().update_document(&webhook).await {
                Err(StoreError::Conflict) => {}
                Ok(()) => return self.settled(&webhook, &app, &branch).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) async fn delete_webhook(mut self) -> Result<Answer, ApiError> {
        let OneWebhook { webhook_id } = self.read()?;
        let webhook = self.stored_webhook(&webhook_id).await?;
        self.remove(&webhook, ApiError::not_found("Webhook", &webhook_id)).await?;
        self.webhook_answer(&webhook)
    }

    /// Deletes the webhooks of a branch that was deleted.
    pub(crate) async fn delete_webhooks_of(&self, branch: &StoredBranch) -> Result<(), ApiError> {
        for webhook in self.all_documents(Kind::Webhook, &branch.app).await? {
            if is_of(&webhook, branch) {
                self.forget(&webhook).await?;
            }
        }
        Ok(())
    }

    /// Answers a webhook that was stored, if its branch is still there: it may have been deleted, and its webhooks
    /// looked through, before this one was stored.
    async fn settled(&self, webhook: &Document, app: &AppId, branch: &BranchName) -> Result<Answer, ApiError> {
        if let Err(error) = self.branch(app, branch).await {
            self.forget(webhook).await?;
            return Err(error);
        }
        self.webhook_answer(webhook)
    }

    /// Deletes a webhook, whoever else has done so already.
    async fn forget(&self, webhook: &Document) -> Result<(), ApiError> {
        match self.api.store().delete_document(webhook.kind, &webhook.id).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn stored_webhook(&self, id: &str) -> Result<Document, ApiError> {
        let webhook = self.api.store().document(Kind::Webhook, id).await?;
        webhook.ok_or_else(|| ApiError::not_found("Webhook", id))
    }

    fn webhook_answer(&self, webhook: &Document) -> Result<Answer, ApiError> {
        Answer::new(&json!({ "webhook": self.webhook_form(webhook) }))
    }

    fn webhook_form(&self, webhook: &Document) -> Value {
        let arn = webhook.app.clone().map(|app| Resource::Webhook(app, webhook.id.clone()));
        let arn = arn.map(|arn| self.api.settings().account.arn(arn).to_string());
        let mut url = format!("{}{}?id={}", self.origin, PATHS[0], webhook.id);
        // Whoever has the token needs no key to start a build, nor a key that was not revoked.
        if self.caller.sees_secrets() {
            url.push_str("&token=");
            url.push_str(text(webhook, "token"));
        }
        json!({
            "webhookArn": arn.unwrap_or_default(),
            "webhookId": webhook.id,
            "webhookUrl": url,
            "appId": webhook.app,
            "branchName": text(webhook, "branchName"),
            "description": text(webhook, "description"),
            "createTime": seconds(webhook.created),
            "updateTime": seconds(webhook.updated),
        })
    }
}

/// Whether a webhook was made for this branch, and not for an earlier one of its name.
fn is_of(webhook: &Document, branch: &StoredBranch) -> bool {
    webhook.attributes.get(BRANCH_UID).and_then(Value::as_u64) == Some(branch.uid.0)
}

fn not_connected(app: &AppId) -> ApiError {
    ApiError::bad_request(format!("A webhook builds a repository's branch, and app {app} is not connected to any."))
}

fn app_of(webhook: &Document) -> Result<AppId, ApiError> {
    webhook.app.clone().ok_or_else(|| ApiError::internal(&format_args!("webhook {} belongs to no app", webhook.id)))
}

fn branch_of(webhook: &Document) -> Result<BranchName, ApiError> {
    let name = text(webhook, "branchName").parse();
    name.map_err(|error| ApiError::internal(&format_args!("webhook {}: {error}", webhook.id)))
}
