//! ListArtifacts and GetArtifactUrl: what a job left behind.
//!
//! On AWS these are the files that its tests made, and its build's output is in GetJob alone. Here the zip that it put
//! live and the logs of its steps are listed too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;
use windlass::{AppId, BranchName, Job, StepName, wire};
use windlass_store::{BranchUid, JobKey, keys};

use crate::answer::Answer;
use crate::api::Call;
use crate::apps::Listing;
use crate::downloads::whole;
use crate::error::ApiError;
use crate::objects::Object;
use crate::pages;

/// What the zip is called.
const ZIP: &str = "artifacts.zip";

/// What the names of files that tests made begin with.
const TESTS: &str = "tests/";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfJob {
    app_id: AppId,
    branch_name: BranchName,
    job_id: String,
    #[serde(flatten)]
    listing: Listing,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneArtifact {
    artifact_id: String,
}

impl Call<'_> {
    pub(crate) async fn list_artifacts(mut self) -> Result<Answer, ApiError> {
        let OfJob { app_id, branch_name, job_id, listing } = self.read()?;
        let (branch, job) = self.job(&app_id, &branch_name, &job_id).await?;
        let key = JobKey { branch: branch.uid, job: job.id() };
        let list = format!("artifacts/{}/{}", key.branch, key.job);
        let from = pages::cursor(&list, listing.next_token.as_deref())?.unwrap_or(0);
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let mut names = self.names(key, &job).await?.into_iter().skip(skip);
        let artifacts: Vec<_> = names.by_ref().take(pages::size(listing.max_results, 50)).collect();
        let artifacts: Vec<_> = artifacts.into_iter().map(|name| listed(key, name)).collect();
        let mut body = json!({ "artifacts": artifacts });
        if names.next().is_some() {
            body["nextToken"] = pages::token(&list, from.saturating_add(artifacts.len() as u64)).into();
        }
        Answer::new(&body)
    }

    pub(crate) async fn get_artifact_url(mut self) -> Result<Answer, ApiError> {
        let OneArtifact { artifact_id } = self.read()?;
        let object = self.found(&artifact_id).await?;
        let object = object.ok_or_else(|| ApiError::not_found("Artifact", &artifact_id))?;
        let url = self.api.objects().url(&self.origin, &object, self.now)?;
        Answer::new(&json!({ "artifactId": artifact_id, "artifactUrl": url }))
    }

    /// The app of the job that an artifact's id names.
    pub(crate) async fn app_of_artifact(&self, id: &str) -> Result<Option<AppId>, ApiError> {
        let Some((key, _)) = parse(id) else { return Ok(None) };
        Ok(self.api.store().branch_by_uid(key.branch).await?.map(|branch| branch.app))
    }

    /// What an artifact's id stands for, where a job has that.
    async fn found(&self, id: &str) -> Result<Option<Object>, ApiError> {
        let Some((key, name)) = parse(id) else { return Ok(None) };
        let Some(job) = self.api.store().job(key).await? else { return Ok(None) };
        if let Some(name) = name.strip_prefix(TESTS) {
            let names = self.test_names(key, &job).await?;
            return Ok(names.iter().position(|known| known == name).map(|place| Object::TestFile(key, place)));
        }
        let name = self.names(key, &job).await?.into_iter().find(|known| *known == name);
        Ok(name.map(|name| match name.strip_suffix("/log.txt") {
            Some(step) => Object::Log(key, step.to_owned()),
            None => Object::Artifact(key),
        }))
    }

    /// What a job has left behind so far.
    async fn names(&self, key: JobKey, job: &Job) -> Result<Vec<String>, ApiError> {
        let zip = job.artifact().map(|_| ZIP.to_owned());
        let logs = job.steps().filter(|(_, step)| step.ended.is_some()).map(|(name, _)| format!("{name}/log.txt"));
        let tests = self.test_names(key, job).await?.into_iter().map(|name| format!("{TESTS}{name}"));
        Ok(zip.into_iter().chain(logs).chain(tests).collect())
    }

    /// The files that the job's tests made.
    async fn test_names(&self, key: JobKey, job: &Job) -> Result<Vec<String>, ApiError> {
        if !job.steps().any(|(name, _)| name == StepName::Test) {
            return Ok(Vec::new());
        }
        let Some(names) = self.api.blobs().open(&keys::test_names(key, job.attempt())).await? else {
            return Ok(Vec::new());
        };
        let names = whole(names).await.map_err(|error| ApiError::internal(&error))?;
        Ok(String::from_utf8_lossy(&names).lines().map(str::to_owned).collect())
    }
}

fn listed(key: JobKey, name: String) -> wire::Artifact {
    let artifact_id = URL_SAFE_NO_PAD.encode(format!("{}/{}/{name}", key.branch, key.job));
    wire::Artifact { artifact_file_name: name, artifact_id }
}

/// The job and the name in an id of [`listed`]. Any other text has none.
fn parse(id: &str) -> Option<(JobKey, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let [branch, job, name] = text.splitn(3, '/').collect::<Vec<_>>().try_into().ok()?;
    let key = JobKey { branch: BranchUid(branch.parse().ok()?), job: job.parse().ok()? };
    // Numbers can be written in more than one way, and only ours is an id.
    (listed(key, name.to_owned()).artifact_id == id).then(|| (key, name.to_owned()))
}
