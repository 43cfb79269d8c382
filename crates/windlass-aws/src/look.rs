//! One look at a job.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_amplify::Client;
use aws_sdk_amplify::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_amplify::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_amplify::error::BoxError;
use windlass::wire::Job;

use crate::{Error, from_sdk};

/// Which job, in the terms of every operation on one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobRef {
    /// The id of its app.
    pub app_id: String,
    /// The name of its branch.
    pub branch_name: String,
    /// Its number.
    pub job_id: String,
}

impl JobRef {
    /// Job `job_id` of the branch `branch_name` of the app `app_id`.
    pub fn new(app_id: impl Into<String>, branch_name: impl Into<String>, job_id: impl Into<String>) -> Self {
        Self { app_id: app_id.into(), branch_name: branch_name.into(), job_id: job_id.into() }
    }
}

impl fmt::Display for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app_id, branch_name, job_id } = self;
        write!(f, "job {job_id} of branch {branch_name} of app {app_id}")
    }
}

/// What GetJob answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The job and its steps.
    pub job: Job,
    /// Why the job ended as it did. Only a Windlass server says this: AWS has no place for it but in the steps.
    pub status_reason: Option<String>,
    /// Why the job is as it is, in one line. Only a Windlass server says this.
    pub why: Option<String>,
}

impl Look {
    /// Why the job ended as it did, where the answer says so anywhere: what its last step says, or else the server.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        let step = self.job.steps.last().and_then(|step| step.status_reason.as_deref());
        step.filter(|reason| !reason.is_empty()).or(self.status_reason.as_deref())
    }
}

/// Looks at a job once.
///
/// # Errors
///
/// Where the service refuses, or nobody answers.
pub async fn get_job(client: &Client, job: &JobRef) -> Result<Look, Error> {
    let headers = Headers::default();
    let JobRef { app_id, branch_name, job_id } = job;
    let request = client.get_job().app_id(app_id).branch_name(branch_name).job_id(job_id);
    let answer = request.customize().interceptor(headers.clone()).send().await;
    let answer = answer.map_err(|error| Error::new(GET_JOB, error))?;
    let Some(job) = answer.job.and_then(from_sdk::job).filter(|job| !job.summary.job_id.is_empty()) else {
        return Err(Error::Unreadable { operation: GET_JOB, source: "there is no job in it".into() });
    };
    let Said { status_reason, why } = headers.take();
    Ok(Look { job, status_reason, why })
}

pub(crate) const GET_JOB: &str = "GetJob";

/// What a Windlass server says beside AWS's answer, in headers.
#[derive(Debug, Default)]
struct Said {
    status_reason: Option<String>,
    why: Option<String>,
}

/// Reads those headers off the answer on its way to the SDK.
#[derive(Clone, Debug, Default)]
struct Headers(Arc<Mutex<Said>>);

impl Headers {
    fn take(&self) -> Said {
        core::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Headers {
    fn name(&self) -> &'static str {
        "WindlassHeaders"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let text = |name| headers.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let said = Said { status_reason: text("x-windlass-status-reason"), why: text("x-windlass-why") };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = said;
        Ok(())
    }
}
