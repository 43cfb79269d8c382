//! Operations on jobs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::header::HeaderName;
use serde::{Deserialize, Serialize};
use windlass::{
    AppId, BranchName, Command, Commit, InvalidJobId, Job, JobId, JobType, Limits, NewJob, Rejection, Resource, Source,
    StepName, wire,
};
use windlass_store::{
    Address, App, Extras, JobKey, Plan, StoredBranch, build_limits, create_with, delete_job, execute,
};

use crate::answer::Answer;
use crate::api::Call;
use crate::apps::Listing;
use crate::error::{ApiError, missing};
use crate::looks::Look;
use crate::objects::Object;
use crate::pages;

/// Why a job ended, in words: ours, beside AWS's answer, which only has a place for it in steps.
const STATUS_REASON: HeaderName = HeaderName::from_static("x-windlass-status-reason");

/// Why a job is as it is, whatever that is, in one line for people.
const WHY: HeaderName = HeaderName::from_static("x-windlass-why");

/// The commit of a job that builds whatever its branch is at.
pub(crate) const HEAD: &str = "HEAD";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneJob {
    app_id: AppId,
    branch_name: BranchName,
    job_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfBranch {
    app_id: AppId,
    branch_name: BranchName,
    #[serde(flatten)]
    listing: Listing,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartJob {
    app_id: AppId,
    branch_name: BranchName,
    job_type: JobType,
    job_id: Option<String>,
    job_reason: Option<Box<str>>,
    commit_id: Option<Box<str>>,
    commit_message: Option<Box<str>>,
    #[serde(default, with = "wire::epoch_seconds::option")]
    commit_time: Option<DateTime<Utc>>,
}

/// What GetJob answers.
#[derive(Serialize)]
struct Shown {
    job: wire::Job,
}

/// What most operations on a job answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    job_summary: wire::JobSummary,
}

/// What ListJobs answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summaries {
    job_summaries: Vec<wire::JobSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Call<'_> {
    pub(crate) async fn start_job(mut self) -> Result<Answer, ApiError> {
        let request: StartJob = self.read()?;
        let plan = self.plan(&request).await?;
        let StartJob { app_id, branch_name, job_id, .. } = request;
        let job_id = job_id.unwrap_or_default();
        match create_with(self.api.store(), &app_id, &branch_name, &plan, self.now, &self.extras()).await {
            Ok(Ok(made)) => self.summary_answer(&made.branch, &made.job),
            Ok(Err(Rejection::BranchBusy { .. })) => Err(ApiError::pending_or_running(&branch_name)),
            Ok(Err(rejection)) => Err(ApiError::rejected(&rejection, None)),
            Err(error) => Err(missing(error, &branch_name, job_id)),
        }
    }

    async fn plan(&self, request: &StartJob) -> Result<Plan, ApiError> {
        let app = self.app(&request.app_id).await?;
        match request.job_type {
            JobType::Manual | JobType::WebHook => {
                Err(ApiError::bad_request(format!("The requested jobType {} does not support.", request.job_type)))
            }
            JobType::Retry => {
                let Some(job) = &request.job_id else {
                    return Err(ApiError::bad_request("Must specify jobId for the jobType RETRY."));
                };
                let (number, reason) = (job_number(job)?, request.job_reason.clone());
                let limits = match self.ensure_kept(request, number).await? {
                    Some(branch) => self.limits(&app, &branch)?,
                    None => self.api.settings().limits,
                };
                Ok(Plan::RetryOf { job: number, reason, limits })
            }
            JobType::Release if app.repository().is_none() => Err(ApiError::bad_request(
                "The jobType RELEASE is for apps that are connected to a repository, and this app is not.",
            )),
            JobType::Release => {
                let branch = self.branch(&request.app_id, &request.branch_name).await?;
                Ok(Plan::New(NewJob {
                    job_type: JobType::Release,
                    source: Source::Repository,
                    commit: Some(Commit {
                        id: commit_id(request.commit_id.as_deref())?,
                        message: request.commit_message.clone().unwrap_or_default(),
                        time: request.commit_time.unwrap_or(self.now),
                    }),
                    retries: None,
                    job_reason: request.job_reason.clone(),
                    limits: self.limits(&app, &branch)?,
                }))
            }
        }
    }

    /// The limits of a new job that builds.
    fn limits(&self, app: &App, branch: &StoredBranch) -> Result<Limits, ApiError> {
        Ok(build_limits(self.api.settings().limits, &app.attributes, &branch.attributes)?)
    }

    /// Refuses the retry of a job whose bytes have gone. Whatever else is in the way is found out when the job is made, and
    /// bytes that go in between fail it by name. Answers the branch, where the retry builds.
    async fn ensure_kept(&self, request: &StartJob, number: JobId) -> Result<Option<Arc<StoredBranch>>, ApiError> {
        let old = self.api.store().named_job(&request.app_id, &request.branch_name, number).await?;
        let Some((branch, Some(old))) = old else { return Ok(None) };
        let Ok(source) = old.retry_source() else { return Ok(None) };
        if self.api.blobs().keeps_source(branch.uid, &source).await? {
            return Ok(source.needs_build().then_some(branch));
        }
        Err(ApiError::bad_request(format!(
            "The job {number} cannot be retried: what it deployed is not kept any more. Deploy it again."
        )))
    }

    pub(crate) async fn stop_job(mut self) -> Result<Answer, ApiError> {
        let OneJob { app_id, branch_name, job_id } = self.read()?;
        let by = self.caller.key().map(Into::into);
        let address = Address::Name(&app_id, &branch_name, job_number(&job_id)?);
        let stopped = execute(self.api.store(), address, &[Command::Stop { by }], self.now, Extras::default()).await;
        let stopped = match stopped {
            Ok(stopped) => stopped,
            Err(error) => return Err(self.named(error, &app_id, &branch_name, &job_id).await),
        };
        match &stopped.answer {
            Ok(()) => self.summary_answer(&stopped.branch, &stopped.job),
            Err(rejection) => Err(ApiError::rejected(rejection, Some(&stopped.job))),
        }
    }

    pub(crate) async fn get_job(mut self) -> Result<Answer, ApiError> {
        let OneJob { app_id, branch_name, job_id } = self.read()?;
        let (branch, job) = self.job(&app_id, &branch_name, &job_id).await?;
        let look = Look { branch: &branch, job: &job, origin: &self.origin, now: self.now };
        self.api.looks().answer(&look, || self.show(&look))
    }

    fn show(&self, look: &Look<'_>) -> Result<Answer, ApiError> {
        let Look { branch, job, origin, now } = *look;
        let mut shown = Shown { job: wire::Job::new(job, &self.job_arn(branch, job)) };
        if !shown.job.steps.is_empty() {
            let url = |object| self.api.objects().url(origin, &object, now);
            link(&mut shown.job.steps, JobKey { branch: branch.uid, job: job.id() }, job, url)?;
        }
        let answer = Answer::new(&shown)?.with(WHY, job.why(now).on(&branch.branch));
        Ok(match job.status_reason() {
            Some(reason) => answer.with(STATUS_REASON, &reason),
            None => answer,
        })
    }

    /// The job and its branch, or the error that says what is missing.
    pub(crate) async fn job(
        &self,
        app: &AppId,
        branch: &BranchName,
        job: &str,
    ) -> Result<(Arc<StoredBranch>, Arc<Job>), ApiError> {
        let found = self.api.store().named_job(app, branch, job_number(job)?).await?;
        match found {
            Some((branch, Some(found))) => Ok((branch, found)),
            Some((_, None)) => Err(ApiError::no_job(job)),
            None => {
                self.branch(app, branch).await?;
                // It has just been made.
                Err(ApiError::no_job(job))
            }
        }
    }

    pub(crate) async fn list_jobs(mut self) -> Result<Answer, ApiError> {
        let OfBranch { app_id, branch_name, listing } = self.read()?;
        let branch = self.branch(&app_id, &branch_name).await?;
        let list = format!("jobs/{}", branch.uid);
        let from = pages::cursor(&list, listing.next_token.as_deref())?;
        let page = self.api.store().jobs(branch.uid, from, pages::size(listing.max_results, 50)).await?;
        let summaries = page.items.iter().map(|job| wire::JobSummary::new(job, &self.job_arn(&branch, job)));
        let next_token = page.next.map(|next| pages::token(&list, next));
        Answer::new(&Summaries { job_summaries: summaries.collect(), next_token })
    }

    pub(crate) async fn delete_job(mut self) -> Result<Answer, ApiError> {
        let OneJob { app_id, branch_name, job_id } = self.read()?;
        let address = Address::Name(&app_id, &branch_name, job_number(&job_id)?);
        match delete_job(self.api.store(), address, self.now).await {
            Ok(Ok((deleted, garbage))) => {
                for key in garbage {
                    self.api.blobs().delete(&windlass_store::keys::job(key)).await?;
                }
                self.summary_answer(&deleted.branch, &deleted.job)
            }
            Ok(Err(rejection)) => Err(ApiError::rejected(&rejection, None)),
            Err(error) => Err(self.named(error, &app_id, &branch_name, &job_id).await),
        }
    }

    pub(crate) fn summary_answer(&self, branch: &StoredBranch, job: &Job) -> Result<Answer, ApiError> {
        Answer::new(&Summary { job_summary: wire::JobSummary::new(job, &self.job_arn(branch, job)) })
    }

    fn job_arn(&self, branch: &StoredBranch, job: &Job) -> windlass::Arn {
        self.api.settings().account.arn(Resource::Job(branch.app.clone(), branch.name.clone(), job.id()))
    }

    /// What is missing: the app, the branch or the job.
    pub(crate) async fn named(
        &self,
        error: windlass_store::ExecuteError,
        app: &AppId,
        branch: &BranchName,
        job: &str,
    ) -> ApiError {
        match self.app(app).await {
            Ok(_) => missing(error, branch, job),
            Err(no_app) => no_app,
        }
    }
}

/// Says where the logs of a job's steps can be read, and what it put live be fetched.
fn link(
    steps: &mut [wire::Step],
    key: JobKey,
    job: &Job,
    url: impl Fn(Object) -> Result<String, ApiError>,
) -> Result<(), ApiError> {
    for step in steps {
        // A running step's log can be read as far as it has come.
        step.log_url = Some(url(Object::Log(key, step.step_name.clone()))?);
        if job.artifact().is_some() && step.step_name == StepName::Deploy.as_ref() {
            step.artifacts_url = Some(url(Object::Artifact(key))?);
        }
    }
    Ok(())
}

/// The commit that is asked for, or what stands for the tip of the branch while nobody knows that.
fn commit_id(asked: Option<&str>) -> Result<Box<str>, ApiError> {
    match asked {
        None | Some(HEAD) => Ok(HEAD.into()),
        Some(hash) if is_hash(hash) => Ok(hash.into()),
        Some(_) => Err(ApiError::bad_request(
            "Value at 'commitId' is invalid: a commit is named by its hash, of which 4 to 64 hexadecimal digits are given, \
             or by HEAD.",
        )),
    }
}

/// Whether this can be the hash of a commit, or the beginning of one: git takes 4 digits at least, and SHA-256 has 64.
pub(crate) fn is_hash(text: &str) -> bool {
    (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The job's number. One too large to be any job's is not found.
pub(crate) fn job_number(text: &str) -> Result<JobId, ApiError> {
    text.parse().map_err(|error| match error {
        InvalidJobId::TooLarge => ApiError::no_job(text),
        InvalidJobId::Malformed => ApiError::bad_request("The jobId is not a number."),
    })
}
