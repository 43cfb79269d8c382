//! Errors in AWS's form: a type in a header, a message in the body.

use chrono::TimeDelta;
use http::StatusCode;
use windlass::{AppId, BranchName, EventKind, Job, JobId, Rejection};
use windlass_rules::RuleError;
use windlass_store::{BadVariable, ExecuteError, RepeatError, StoreError};

use crate::operations::Violation;
use crate::quotas::Quota;
use crate::repository::RepositoryFault;
use crate::sigv4::Refusal;

/// The type of the error for a resource that has no tags because there is none.
pub(crate) const RESOURCE_NOT_FOUND: &str = "ResourceNotFoundException";

/// What an operation answers when it does not do what was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// The type, as the service model names it.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    /// After how many milliseconds the same may be asked again, where that is known.
    pub(crate) retry_after: Option<i64>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), retry_after: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequestException", message)
    }

    pub(crate) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException", message)
    }

    /// Something that is not there, by what it is and its name.
    pub(crate) fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFoundException", format!("{what} {name} not found."))
    }

    /// The same for operations on tags, which have an error of their own for it.
    pub(crate) fn no_resource(arn: &str) -> Self {
        Self { kind: RESOURCE_NOT_FOUND, ..Self::not_found("Resource", arn) }
    }

    pub(crate) fn no_app(app: &AppId) -> Self {
        Self::not_found("App", app)
    }

    pub(crate) fn no_branch(branch: &BranchName) -> Self {
        Self::not_found("Branch", branch)
    }

    pub(crate) fn no_job(job: impl std::fmt::Display) -> Self {
        Self::not_found("Job", job)
    }

    /// What a key is not for.
    pub(crate) fn access_denied(message: &str) -> Self {
        Self::forbidden(message)
    }

    /// A key asks too often. AWS says it in these words, of which its SDKs take no notice; the status makes those retry
    /// that look at it, and the header, in milliseconds, tells them when.
    pub(crate) fn too_often(wait: TimeDelta) -> Self {
        let retry_after = Some(wait.num_milliseconds() + 1);
        Self { status: StatusCode::TOO_MANY_REQUESTS, retry_after, ..Self::bad_request("Rate exceeded") }
    }

    /// An upload is larger than the quota.
    pub(crate) fn upload_too_large(limit: u64) -> Self {
        let message = format!("The body is larger than {limit} bytes, the quota {}.", Quota::ZipSize);
        Self { message, ..Self::too_large(limit) }
    }

    fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    /// A key that another request was done under. The status is the one of the `Idempotency-Key` draft, the name the one
    /// that AWS's services with client tokens have for it.
    fn key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "IdempotentParameterMismatchException",
            "Another request was done under this Idempotency-Key, or amz-sdk-invocation-id, less than 24 hours ago. \
             Another request needs another key.",
        )
    }

    /// Unsigned, and not sent by a program on this machine.
    pub(crate) fn not_from_here() -> Self {
        Self::forbidden(
            "Unsigned requests are for programs on this machine: the Host must be a loopback address or localhost, and \
             no web page may send them.",
        )
    }

    /// No webhook has this id and this token. Which of the two is wrong is not said.
    pub(crate) fn no_such_webhook_url() -> Self {
        Self::forbidden("No webhook has this URL.")
    }

    /// A webhook is called with a signature that is not made with its token.
    pub(crate) fn wrong_signature() -> Self {
        Self::forbidden("The signature of the body is not one by this webhook's token.")
    }

    /// The API is answered by other processes than this one. AWS has no name for it; the status is what HTTP has.
    pub(crate) fn misdirected(what_this_is: &str) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "MisdirectedRequestException", what_this_is)
    }

    pub(crate) fn unknown_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "No operation of this API has this method and path.",
        )
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            format!("The body is larger than {limit} bytes."),
        )
    }

    /// The body is said to be something other than JSON.
    pub(crate) fn media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaTypeException",
            "The Content-Type of the body must be application/json.",
        )
    }

    /// The body did not arrive whole.
    pub(crate) fn body_broken() -> Self {
        Self::bad_request("The body of the request ended early.")
    }

    /// The host that URLs in the answer would have is none.
    pub(crate) fn bad_host() -> Self {
        Self::bad_request("The Host header does not name a host.")
    }

    /// What only we can be blamed for. The sender learns that it is so, the log learns why.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!("{error}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalFailureException",
            "The service failed to perform the operation; its log says why.",
        )
    }

    /// A rejection of a job's, for operations that have no words of their own for it.
    pub(crate) fn rejected(rejection: &Rejection, job: Option<&Job>) -> Self {
        let reason = job.and_then(Job::status_reason).map_or_else(String::new, |reason| format!(" ({reason})"));
        let id = job.map_or_else(String::new, |job| format!("Job {}: ", job.id()));
        Self::bad_request(match rejection {
            Rejection::Live { .. } => {
                "Cannot delete the active job for this branch. Deploy a new version to the branch and then retry."
                    .into()
            }
            Rejection::IllegalTransition { status, event } => {
                format!("{id}the job is {status}, and {}{reason}.", impossible(*event))
            }
            Rejection::StaleAttempt { .. }
            | Rejection::StepOutOfTurn { .. }
            | Rejection::NotBuilt { .. }
            | Rejection::OtherArtifact { .. }
            | Rejection::NoSuchSlot { .. }
            | Rejection::UploadsMissing { .. }
            | Rejection::BranchBusy { .. }
            | Rejection::NotEnded { .. }
            | Rejection::NothingToRetry { .. } => format!("{id}{rejection}{reason}."),
        })
    }

    /// CreateDeployment and StartDeployment while the branch has an unfinished job. Clients look for
    /// `was not finished`, so the words are AWS's to the letter.
    pub(crate) fn not_finished(job: JobId) -> Self {
        Self::bad_request(format!(
            "The last job(deployment) {job} was not finished, please wait until it finish or use StopJob operation to \
             cancel it before creating a new deployment."
        ))
    }

    /// StartJob while the branch has an unfinished job. Clients look for `already have pending or running
    /// jobs`, so the words are AWS's to the letter.
    pub(crate) fn pending_or_running(branch: &BranchName) -> Self {
        Self::limit_exceeded(format!("The requested branch {branch} already have pending or running jobs"))
    }

    /// CreateDeployment and StartDeployment on an app that is connected to a repository, in AWS's words.
    pub(crate) fn connected() -> Self {
        Self::bad_request("Operation not supported. App is already connected a repository.")
    }
}

/// What cannot be done to a job, in the words of whoever asked for it.
const fn impossible(event: EventKind) -> &'static str {
    match event {
        EventKind::Uploaded => "takes no upload any more",
        EventKind::Started => "cannot be started",
        EventKind::Replaced => "takes no other commit",
        EventKind::StopRequested | EventKind::Stopped => "cannot be stopped",
        EventKind::Claimed
        | EventKind::Provisioned
        | EventKind::Reclaimed
        | EventKind::Resolved
        | EventKind::StepStarted
        | EventKind::StepEnded
        | EventKind::Skipped
        | EventKind::Failed
        | EventKind::Expired
        | EventKind::Succeeded => "cannot be worked on",
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<RepeatError> for ApiError {
    fn from(error: RepeatError) -> Self {
        match error {
            RepeatError::OtherRequest => Self::key_reused(),
            RepeatError::Deleted { job } => Self::no_job(job),
        }
    }
}

impl From<Violation> for ApiError {
    fn from(violation: Violation) -> Self {
        Self::bad_request(violation.to_string())
    }
}

impl From<RuleError> for ApiError {
    fn from(error: RuleError) -> Self {
        Self::bad_request(format!("{error}."))
    }
}

impl From<BadVariable> for ApiError {
    fn from(error: BadVariable) -> Self {
        Self::bad_request(format!("Value at 'environmentVariables' is invalid: {error}."))
    }
}

impl From<RepositoryFault> for ApiError {
    fn from(fault: RepositoryFault) -> Self {
        Self::bad_request(format!("Value at 'repository' is invalid: {fault}."))
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.status(), refusal.error_type(), refusal.to_string())
    }
}

/// What could not be found, as the error that names it.
pub(crate) fn missing(error: ExecuteError, branch: &BranchName, job: impl std::fmt::Display) -> ApiError {
    match error {
        ExecuteError::NoBranch => ApiError::no_branch(branch),
        ExecuteError::NoJob => ApiError::no_job(job),
        ExecuteError::Repeat(error) => error.into(),
        ExecuteError::Store(error) => error.into(),
    }
}
