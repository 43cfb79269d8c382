//! CreateDeployment and StartDeployment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, json};
use url::Url;
use windlass::{AppId, BranchName, Command, FileSlot, NewJob, Rejection, Source, SourceUrlType};
use windlass_store::{Address, Plan, create_with, execute};

use crate::answer::Answer;
use crate::api::Call;
use crate::error::{ApiError, missing};
use crate::jobs::job_number;
use crate::objects::Object;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateDeployment {
    app_id: AppId,
    branch_name: BranchName,
    #[serde(default)]
    file_map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartDeployment {
    app_id: AppId,
    branch_name: BranchName,
    job_id: Option<String>,
    source_url: Option<String>,
    source_url_type: Option<SourceUrlType>,
}

impl Call<'_> {
    pub(crate) async fn create_deployment(mut self) -> Result<Answer, ApiError> {
        let CreateDeployment { app_id, branch_name, file_map } = self.read()?;
        self.deployable(&app_id).await?;
        let source = if file_map.is_empty() { Source::Zip } else { slots(&file_map)?.into_iter().collect() };
        let made = self.make(&app_id, &branch_name, source).await?;
        let url = |slot| self.api.objects().url(&self.origin, &Object::Slot(made.key(), slot), self.now);
        let mut files = Map::new();
        for (slot, name) in (0..).zip(file_map.into_keys()) {
            files.insert(name, url(slot)?.into());
        }
        // Whichever of the two was not asked for is there and empty: the model requires both.
        let zip = if files.is_empty() { url(0)? } else { String::new() };
        Answer::new(&json!({ "jobId": made.job.id().to_string(), "fileUploadUrls": files, "zipUploadUrl": zip }))
    }

    pub(crate) async fn start_deployment(mut self) -> Result<Answer, ApiError> {
        let StartDeployment { app_id, branch_name, job_id, source_url, source_url_type } = self.read()?;
        self.deployable(&app_id).await?;
        match (job_id, source_url) {
            (None, None) => Err(ApiError::bad_request("Must specify jobId or sourceUrl for StartDeploymentRequest.")),
            (Some(_), Some(_)) => Err(ApiError::bad_request(
                "Must specify either jobId or sourceUrl for StartDeploymentRequest, not both.",
            )),
            (Some(_), None) if source_url_type.is_some() => {
                Err(ApiError::bad_request("The sourceUrlType is for a sourceUrl, and there is none."))
            }
            (Some(job), None) => self.start_uploaded(&app_id, &branch_name, &job).await,
            (None, Some(url)) => {
                let url_type = source_url_type.unwrap_or_default();
                check_url(&url, url_type)?;
                let source = Source::Url { url: url.into(), url_type };
                let made = self.make(&app_id, &branch_name, source).await?;
                self.summary_answer(&made.branch, &made.job)
            }
        }
    }

    async fn start_uploaded(&self, app: &AppId, branch: &BranchName, job: &str) -> Result<Answer, ApiError> {
        let address = Address::Name(app, branch, job_number(job)?);
        let started = execute(self.api.store(), address, &[Command::Start], self.now, self.extras()).await;
        let started = started.map_err(|error| missing(error, branch, job))?;
        match &started.answer {
            Ok(()) => self.summary_answer(&started.branch, &started.job),
            Err(rejection) => Err(ApiError::rejected(rejection, Some(&started.job))),
        }
    }

    async fn make(
        &self,
        app: &AppId,
        branch: &BranchName,
        source: Source,
    ) -> Result<windlass_store::Executed, ApiError> {
        let new = NewJob { limits: self.api.settings().limits, ..NewJob::manual(source) };
        match create_with(self.api.store(), app, branch, &Plan::New(new), self.now, &self.extras()).await {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(Rejection::BranchBusy { job })) => Err(ApiError::not_finished(job)),
            Ok(Err(rejection)) => Err(ApiError::rejected(&rejection, None)),
            Err(error) => Err(missing(error, branch, "")),
        }
    }

    /// Deployments by hand are for apps without a repository.
    async fn deployable(&self, app: &AppId) -> Result<(), ApiError> {
        if self.app(app).await?.repository().is_some() { Err(ApiError::connected()) } else { Ok(()) }
    }
}

/// The upload slots of a file map, in the order of its keys.
fn slots(file_map: &BTreeMap<String, String>) -> Result<Vec<FileSlot>, ApiError> {
    let mut paths = BTreeSet::new();
    let mut slots = Vec::with_capacity(file_map.len());
    for (name, md5) in file_map {
        // Clients write both `/index.html` and `index.html`.
        let path = name.strip_prefix('/').unwrap_or(name);
        if let Err(fault) = windlass_artifact::check_name(path) {
            return Err(in_file_map(name, &fault.to_string()));
        }
        if path.ends_with('/') {
            return Err(in_file_map(name, "is a folder's, and only files can be uploaded"));
        }
        if !paths.insert(path) {
            return Err(in_file_map(name, "stands for the same path as another"));
        }
        let mut bytes = [0; 16];
        if hex::decode_to_slice(md5, &mut bytes).is_err() {
            return Err(in_file_map(name, "has a value that is not an MD5, 32 hexadecimal digits"));
        }
        slots.push(FileSlot { path: path.into(), md5: bytes });
    }
    Ok(slots)
}

fn in_file_map(name: &str, what: &str) -> ApiError {
    ApiError::bad_request(format!("The name {} in the fileMap {what}.", windlass_artifact::ShownName::from(name)))
}

/// Refuses what can be seen to be no source without asking anyone.
fn check_url(text: &str, url_type: SourceUrlType) -> Result<(), ApiError> {
    let url =
        Url::parse(text).map_err(|error| ApiError::bad_request(format!("The sourceUrl is not a URL: {error}.")))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(ApiError::bad_request("The sourceUrl names no host or bucket."));
    }
    match (url_type, url.scheme()) {
        (SourceUrlType::BucketPrefix, "s3") | (SourceUrlType::Zip, _) => Ok(()),
        (SourceUrlType::BucketPrefix, _) => {
            Err(ApiError::bad_request("The sourceUrlType BUCKET_PREFIX needs a sourceUrl that begins with s3://."))
        }
    }
}
