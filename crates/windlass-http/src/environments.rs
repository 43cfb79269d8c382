//! Operations on backend environments: records of what others have deployed.

use serde::Deserialize;
use serde_json::{Value, json};
use windlass::{AppId, Resource};
use windlass_store::{Document, Kind};

use crate::answer::Answer;
use crate::api::Call;
use crate::apps::{Listing, seconds, set};
use crate::error::ApiError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneEnvironment {
    app_id: AppId,
    environment_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfApp {
    app_id: AppId,
    environment_name: Option<String>,
    #[serde(flatten)]
    listing: Listing,
}

impl Call<'_> {
    pub(crate) async fn create_backend_environment(mut self) -> Result<Answer, ApiError> {
        let members = std::mem::take(&mut self.input);
        let OneEnvironment { app_id, environment_name } =
            OneEnvironment::deserialize(&members).map_err(|error| ApiError::bad_request(error.to_string()))?;
        let mut attributes = windlass_store::Attributes::new();
        set(&mut attributes, members);
        let environment = Document {
            kind: Kind::BackendEnvironment,
            id: id(&app_id, &environment_name),
            app: Some(app_id.clone()),
            attributes,
            created: self.now,
            updated: self.now,
            version: 1,
        };
        let exists = || {
            ApiError::bad_request(format!(
                "The backend environment {environment_name} already exists for the app {app_id}."
            ))
        };
        self.add(&environment, &app_id, exists).await?;
        self.environment_answer(&environment)
    }

    pub(crate) async fn get_backend_environment(mut self) -> Result<Answer, ApiError> {
        let one = self.read()?;
        let environment = self.environment(&one).await?;
        self.environment_answer(&environment)
    }

    pub(crate) async fn list_backend_environments(mut self) -> Result<Answer, ApiError> {
        let OfApp { app_id, environment_name, listing } = self.read()?;
        let (environments, next) = match environment_name {
            None => self.documents(Kind::BackendEnvironment, &app_id, listing).await?,
            Some(name) => {
                self.app(&app_id).await?;
                let named = self.api.store().document(Kind::BackendEnvironment, &id(&app_id, &name)).await?;
                (named.into_iter().collect(), None)
            }
        };
        let environments: Vec<_> = environments.iter().map(|one| self.environment_form(one)).collect();
        let mut body = json!({ "backendEnvironments": environments });
        if let Some(next) = next {
            body["nextToken"] = next.into();
        }
        Answer::new(&body)
    }

    pub(crate) async fn delete_backend_environment(mut self) -> Result<Answer, ApiError> {
        let one = self.read()?;
        let environment = self.environment(&one).await?;
        self.remove(&environment, one.missing()).await?;
        self.environment_answer(&environment)
    }

    async fn environment(&self, one: &OneEnvironment) -> Result<Document, ApiError> {
        let id = id(&one.app_id, &one.environment_name);
        match self.api.store().document(Kind::BackendEnvironment, &id).await? {
            Some(environment) => Ok(environment),
            None => {
                self.app(&one.app_id).await?;
                Err(one.missing())
            }
        }
    }

    fn environment_answer(&self, environment: &Document) -> Result<Answer, ApiError> {
        Answer::new(&json!({ "backendEnvironment": self.environment_form(environment) }))
    }

    fn environment_form(&self, environment: &Document) -> Value {
        // The id is the app's, a slash, and the name, which may have slashes too.
        let arn = environment.app.clone().zip(environment.id.split_once('/'));
        let arn = arn.map(|(app, (_, name))| Resource::BackendEnvironment(app, name.to_owned()));
        let mut form = json!({
            "backendEnvironmentArn": arn.map(|arn| self.api.settings().account.arn(arn).to_string()).unwrap_or_default(),
            "createTime": seconds(environment.created),
            "updateTime": seconds(environment.updated),
        });
        self.overlay(&mut form, &environment.attributes);
        form
    }
}

impl OneEnvironment {
    fn missing(&self) -> ApiError {
        ApiError::not_found("Backend environment", &self.environment_name)
    }
}

fn id(app: &AppId, name: &str) -> String {
    format!("{app}/{name}")
}
