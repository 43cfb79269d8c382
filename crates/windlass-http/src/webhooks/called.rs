//! What calling a webhook does: a build where somebody asks for one, and what a push starts where a forge tells of it.

use axum::body::Body;
use chrono::{DateTime, Utc};
use http::header::HeaderName;
use http::request::Parts;
use http::{Method, Response};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use windlass::{BranchName, Commit, Job, Rejection};
use windlass_store::{App, Document, Kind, Once, Push, PushError, Pushed, StoredBranch, build, pushed};

use super::delivery::{Delivery, Proof};
use super::payload::{self, BranchPush, Told};
use super::{TOKEN, app_of, branch_of, is_of, not_connected};
use crate::answer::{self, Answer};
use crate::api::{Api, method_not_allowed, read_up_to};
use crate::documents::text;
use crate::error::{ApiError, missing};
use crate::jobs::HEAD;
use crate::once;

/// The number of the job that a webhook started: ours, beside an answer of AWS's that does not say it.
const JOB: HeaderName = HeaderName::from_static("x-windlass-job");

/// How many bytes of a body are read: as many as GitHub sends, the others less.
const BODY_MAX: usize = 25 * 1024 * 1024;

/// What came of a call.
struct Called {
    /// The job that was started first.
    job: Option<Job>,
    /// What a forge is told in words; AWS's own form has no place for them.
    words: Option<String>,
}

/// A webhook that somebody calls who may, and what it builds.
struct Admitted<'a> {
    webhook: Document,
    app: App,
    branch: StoredBranch,
    delivery: Option<Delivery<'a>>,
    now: DateTime<Utc>,
}

impl Api {
    /// Answers a call of a webhook, whoever makes it: the token is all that is asked for, in the URL or as what the body is
    /// signed with.
    pub(crate) async fn webhook(&self, parts: &Parts, body: Body, id: Uuid) -> Response<Body> {
        if parts.method != Method::POST {
            return method_not_allowed(&parts.method, &[Method::POST]);
        }
        let called = self.called(parts, body).await;
        answer::respond(called.and_then(|Called { job, words }| {
            // AWS passes on the answer of the queue that it puts the call into.
            let mut envelope =
                json!({ "SendMessageResponse": { "ResponseMetadata": { "RequestId": id.to_string() } } });
            if let Some(words) = words {
                envelope["message"] = words.into();
            }
            let answer = Answer::new(&envelope)?;
            Ok(match job {
                Some(job) => answer.with(JOB, job.id()),
                None => answer,
            })
        }))
    }

    async fn called(&self, parts: &Parts, body: Body) -> Result<Called, ApiError> {
        let delivery = Delivery::of(&parts.headers);
        let (webhook, body) = self.admit(parts, delivery.as_ref(), body).await?;
        let (id, name) = (app_of(&webhook)?, branch_of(&webhook)?);
        let app = self.store().app(&id).await?.ok_or_else(|| ApiError::no_app(&id))?;
        if app.repository().is_none() {
            return Err(not_connected(&id));
        }
        let branch = self.store().branch(&id, &name).await?.ok_or_else(|| ApiError::no_branch(&name))?;
        if !is_of(&webhook, &branch) {
            return Err(ApiError::no_such_webhook_url());
        }
        let admitted = Admitted { webhook, app, branch, delivery, now: self.now() };
        match admitted.delivery {
            None => self.asked_for_a_build(&admitted).await,
            Some(delivery) => {
                match payload::read(delivery.forge, delivery.event, &payload::event_of(&parts.headers, &body))? {
                    Told::Nothing(words) => Ok(Called { job: None, words: Some(words) }),
                    Told::Pushes(pushes) => self.told_of_pushes(&admitted, &delivery, &body, pushes).await,
                }
            }
        }
    }

    /// The webhook that a query names, if whoever calls it also knows its token, and what is said to it.
    async fn admit(
        &self,
        parts: &Parts,
        delivery: Option<&Delivery<'_>>,
        body: Body,
    ) -> Result<(Document, bytes::Bytes), ApiError> {
        let given = |name: &str| {
            let query = parts.uri.query().unwrap_or_default();
            let mut members = url::form_urlencoded::parse(query.as_bytes());
            members.find_map(|(key, value)| (key == name).then_some(value))
        };
        let webhook = self.store().document(Kind::Webhook, &given("id").unwrap_or_default()).await?;
        let webhook = webhook.filter(|webhook| text(webhook, "token").len() == TOKEN);
        let webhook = webhook.ok_or_else(ApiError::no_such_webhook_url)?;
        let token = text(&webhook, "token");
        let proof = delivery.and_then(|delivery| delivery.proof);
        let known = match given("token") {
            Some(given) => bool::from(token.as_bytes().ct_eq(given.as_bytes())),
            // Nothing is read of those who could not prove anything by it.
            None => proof.is_some(),
        };
        if !known {
            return Err(ApiError::no_such_webhook_url());
        }
        if !matches!(given("operation").as_deref(), None | Some("" | "startbuild")) {
            return Err(ApiError::bad_request("The operation of a webhook is startbuild."));
        }
        // Where there is nothing to learn from it, a connection that is used again has to be past it all the same.
        let body = read_up_to(body, BODY_MAX).await?;
        let holds = |proof: Proof<'_>| proof.holds(token, &body, &payload::event_of(&parts.headers, &body));
        if proof.is_some_and(|proof| !holds(proof)) {
            return Err(ApiError::wrong_signature());
        }
        Ok((webhook, body))
    }

    /// AWS's own form. Whether pushes build the branch by themselves is another setting, `enableAutoBuild`: whoever calls a
    /// webhook so asks for a build.
    async fn asked_for_a_build(&self, admitted: &Admitted<'_>) -> Result<Called, ApiError> {
        let Admitted { app, branch, now, .. } = admitted;
        let commit = Commit { id: HEAD.into(), message: "".into(), time: *now };
        let built = build(self.store(), app, branch, commit, None, self.settings().limits, *now).await;
        match built.map_err(|error| failed(error, &branch.name))? {
            Ok(started) => Ok(Called { job: Some(started.job), words: None }),
            Err(rejection) => Err(refused(&rejection, &branch.name)),
        }
    }

    /// A push may be to several branches, of which the app has some.
    async fn told_of_pushes(
        &self,
        admitted: &Admitted<'_>,
        delivery: &Delivery<'_>,
        body: &[u8],
        pushes: Vec<BranchPush>,
    ) -> Result<Called, ApiError> {
        let (mut job, mut words) = (None, Vec::with_capacity(pushes.len()));
        for push in pushes {
            let (started, told) = self.told_of_push(admitted, delivery, body, push).await?;
            job = job.or(started);
            words.push(told);
        }
        Ok(Called { job, words: Some(words.join(" ")) })
    }

    async fn told_of_push(
        &self,
        admitted: &Admitted<'_>,
        delivery: &Delivery<'_>,
        body: &[u8],
        push: BranchPush,
    ) -> Result<(Option<Job>, String), ApiError> {
        let Admitted { webhook, app, branch: own, now, .. } = admitted;
        let name = push.branch;
        // Webhooks are a branch's, but a forge has one for all branches.
        let branch = match name.parse::<BranchName>() {
            Ok(name) if name == own.name => Some(own.clone()),
            Ok(name) => self.store().branch(&app.id, &name).await?,
            Err(_) => None,
        };
        let Some(branch) = branch else {
            return Ok((None, format!("The app has no branch {}: nothing was started.", payload::short(&name))));
        };
        let once = delivery.id.map(|id| Once {
            name: once::digest(&["webhook", &webhook.id, delivery.forge.as_ref(), id, branch.name.as_str()]),
            request: once::digest_of(body),
            at: *now,
        });
        let hash = push.commit.id.clone();
        let push = Push { commit: push.commit.at(*now), paths: push.paths, once };
        let came = pushed(self.store(), app, &branch, push, self.settings().limits, *now).await;
        match came.map_err(|error| failed(error, &branch.name))? {
            Pushed::Started(started) => {
                let words = format!("Job {} of branch {} builds {hash}.", started.job.id(), branch.name);
                Ok((Some(started.job), words))
            }
            Pushed::Nothing(why) => Ok((None, format!("Nothing was started for branch {}: {why}.", branch.name))),
            Pushed::Refused(rejection) => Err(refused(&rejection, &branch.name)),
        }
    }
}

fn refused(rejection: &Rejection, branch: &BranchName) -> ApiError {
    match rejection {
        Rejection::BranchBusy { .. } => ApiError::pending_or_running(branch),
        Rejection::IllegalTransition { .. }
        | Rejection::StaleAttempt { .. }
        | Rejection::StepOutOfTurn { .. }
        | Rejection::OtherArtifact { .. }
        | Rejection::NotBuilt { .. }
        | Rejection::NoSuchSlot { .. }
        | Rejection::UploadsMissing { .. }
        | Rejection::NotEnded { .. }
        | Rejection::NothingToRetry { .. }
        | Rejection::Live { .. } => ApiError::rejected(rejection, None),
    }
}

fn failed(error: PushError, branch: &BranchName) -> ApiError {
    match error {
        PushError::Variable(error) => error.into(),
        PushError::Execute(error) => missing(error, branch, ""),
    }
}
