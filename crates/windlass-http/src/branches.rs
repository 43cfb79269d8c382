//! Operations on branches.

use serde::Deserialize;
use serde_json::{Value, json};
use windlass::{AppId, BranchName, Command, Resource};
use windlass_store::{
    Address, Attributes, ExecuteError, Extras, JobKey, NewBranch, StoreError, StoredBranch, check_variables, execute,
    keys,
};

use crate::answer::Answer;
use crate::api::Call;
use crate::apps::{Listing, seconds, set};
use crate::domains::{Association, custom_domains};
use crate::error::ApiError;
use crate::pages;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneBranch {
    app_id: AppId,
    branch_name: BranchName,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfApp {
    app_id: AppId,
    #[serde(flatten)]
    listing: Listing,
}

impl Call<'_> {
    pub(crate) async fn create_branch(mut self) -> Result<Answer, ApiError> {
        let members = std::mem::take(&mut self.input);
        let OneBranch { app_id, branch_name } = one_branch(&members)?;
        let mut attributes = Attributes::new();
        set(&mut attributes, members);
        windlass_rules::check_branch(&attributes)?;
        check_variables(&attributes)?;
        let _turn = self.room_for_branch(&app_id).await?;
        let new = NewBranch { app: app_id, name: branch_name, attributes, created: self.now };
        match self.api.store().create_branch(&new).await {
            Ok(branch) => {
                self.add_sub_domains(&branch).await?;
                self.branch_answer(&branch).await
            }
            Err(StoreError::Conflict) => Err(ApiError::no_app(&new.app)),
            Err(StoreError::Exists) => Err(ApiError::bad_request(format!(
                "Failed to create branch. The branch {} already exists for the app {}",
                new.name, new.app
            ))),
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Damaged { .. })) => Err(error.into()),
        }
    }

    pub(crate) async fn get_branch(mut self) -> Result<Answer, ApiError> {
        let OneBranch { app_id, branch_name } = self.read()?;
        let branch = self.branch(&app_id, &branch_name).await?;
        self.branch_answer(&branch).await
    }

    pub(crate) async fn list_branches(mut self) -> Result<Answer, ApiError> {
        let OfApp { app_id, listing } = self.read()?;
        self.app(&app_id).await?;
        let list = format!("branches/{app_id}");
        let from = pages::cursor(&list, listing.next_token.as_deref())?;
        let page = self.api.store().branches(&app_id, from, pages::size(listing.max_results, 50)).await?;
        let associations = self.associations(&app_id).await?;
        let branches: Vec<_> = page.items.iter().map(|branch| self.branch_form(branch, &associations)).collect();
        let mut body = json!({ "branches": branches });
        if let Some(next) = page.next {
            body["nextToken"] = pages::token(&list, next).into();
        }
        Answer::new(&body)
    }

    pub(crate) async fn update_branch(mut self) -> Result<Answer, ApiError> {
        let changes = std::mem::take(&mut self.input);
        let OneBranch { app_id, branch_name } = one_branch(&changes)?;
        loop {
            let mut branch = self.branch(&app_id, &branch_name).await?;
            set(&mut branch.attributes, changes.clone());
            windlass_rules::check_branch(&branch.attributes)?;
            check_variables(&branch.attributes)?;
            branch.updated = self.now.max(branch.updated);
            branch.version += 1;
            match self.api.store().update_branch(&branch).await {
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => return self.branch_answer(&branch).await,
            }
        }
    }

    pub(crate) async fn delete_branch(mut self) -> Result<Answer, ApiError> {
        let OneBranch { app_id, branch_name } = self.read()?;
        let branch = self.branch(&app_id, &branch_name).await?;
        self.stop_all(&branch).await?;
        let associations = self.associations(&app_id).await?;
        match self.api.store().delete_branch(branch.uid).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Err(ApiError::no_branch(&branch_name)),
            Err(error) => return Err(error.into()),
        }
        self.delete_webhooks_of(&branch).await?;
        self.remove_sub_domains(&branch).await?;
        self.api.blobs().delete(&keys::branch(branch.uid)).await?;
        Answer::new(&json!({ "branch": self.branch_form(&branch, &associations) }))
    }

    /// Stops the unfinished jobs of a branch that is to be deleted, so that nobody goes on working for nothing.
    pub(crate) async fn stop_all(&self, branch: &StoredBranch) -> Result<(), ApiError> {
        for job in branch.branch.unfinished() {
            let address = Address::Key(JobKey { branch: branch.uid, job });
            let stop = [Command::Stop { by: self.caller.key().map(Into::into) }];
            match execute(self.api.store(), address, &stop, self.now, Extras::default()).await {
                // One that has ended or gone meanwhile is as good as stopped.
                Ok(_) | Err(ExecuteError::NoBranch | ExecuteError::NoJob) => {}
                Err(ExecuteError::Repeat(error)) => return Err(error.into()),
                Err(ExecuteError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The branch, or the error that says whether it or its app is missing.
    pub(crate) async fn branch(&self, app: &AppId, name: &BranchName) -> Result<StoredBranch, ApiError> {
        match self.api.store().branch(app, name).await? {
            Some(branch) => Ok(branch),
            None => {
                self.app(app).await?;
                Err(ApiError::no_branch(name))
            }
        }
    }

    async fn branch_answer(&self, branch: &StoredBranch) -> Result<Answer, ApiError> {
        let associations = self.associations(&branch.app).await?;
        Answer::new(&json!({ "branch": self.branch_form(branch, &associations) }))
    }

    /// A branch in the API's form: what its owner set, over what AWS shows where nothing is set.
    fn branch_form(&self, stored: &StoredBranch, associations: &[(String, Association)]) -> Value {
        let StoredBranch { app, name, attributes, created, updated, branch, .. } = stored;
        let arn = self.api.settings().account.arn(Resource::Branch(app.clone(), name.clone()));
        let mut form = json!({
            "branchArn": arn.to_string(),
            "branchName": name,
            "description": "",
            "stage": "NONE",
            "displayName": name,
            "enableNotification": false,
            "createTime": seconds(*created),
            "updateTime": seconds(*updated),
            "environmentVariables": {},
            "enableAutoBuild": true,
            "customDomains": custom_domains(associations, name),
            "framework": "",
            "activeJobId": branch.live().map_or_else(String::new, |live| live.job.to_string()),
            "totalNumberOfJobs": branch.jobs().to_string(),
            "enableBasicAuth": false,
            "enablePerformanceMode": false,
            "ttl": "5",
            "enablePullRequestPreview": false,
            "tags": {},
        });
        self.overlay(&mut form, attributes);
        form
    }
}

fn one_branch(members: &Attributes) -> Result<OneBranch, ApiError> {
    OneBranch::deserialize(members).map_err(|error| ApiError::bad_request(error.to_string()))
}
