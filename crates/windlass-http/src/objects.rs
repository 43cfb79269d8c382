//! Objects behind presigned URLs: `PUT` for upload slots, `GET` for all else. Whoever has the URL may do what
//! it is for, for as long as it says, and nothing else.

use std::collections::BTreeMap;

use axum::body::Body;
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use http::request::Parts;
use http::{Method, Response, Uri};
use windlass::JobId;
use windlass_store::{BranchUid, JobKey};

use crate::access_logs::AccessLog;
use crate::answer;
use crate::api::{Api, method_not_allowed};
use crate::error::ApiError;
use crate::sigv4::{AccessKeyId, Payload, Presigner, Scope, SecretKey, Signer, Verifier};

/// How long an upload URL is valid, as AWS's are: 3 hours.
const UPLOAD_SECONDS: u32 = 3 * 3600;

/// How long a URL to read with is valid: 1 hour, from the minute in which it is asked for.
const READ_SECONDS: u32 = 3600;

/// What a path below `/-/` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// An upload slot of a job.
    Slot(JobKey, u32),
    /// The log of a step.
    Log(JobKey, String),
    /// The zip that a job put live.
    Artifact(JobKey),
    /// A file that the tests of a job made, by its place among them.
    TestFile(JobKey, usize),
    /// What visitors asked of a domain.
    AccessLog(AccessLog),
}

/// Makes and checks presigned URLs. They are signed with a secret of the server's own, which is no API
/// key: it opens nothing but these paths.
pub(crate) struct Objects {
    signer: Signer,
    verifier: Verifier,
}

impl Objects {
    pub(crate) fn new(secret: [u8; 32], region: &str) -> Self {
        let id: AccessKeyId = "WINDLASSOBJECTS".parse().expect("letters only");
        let key: SecretKey = hex::encode(secret).parse().expect("64 digits");
        let keys = BTreeMap::from([(id.clone(), key.clone())]);
        Self { signer: Signer::new(id, key, Scope::s3(region)), verifier: Verifier::new(keys, Scope::s3(region)) }
    }

    /// A URL that `object` can be used with.
    pub(crate) fn url(&self, origin: &str, object: &Object, now: DateTime<Utc>) -> Result<String, ApiError> {
        let (method, seconds, from) = match object {
            Object::Slot(..) => (Method::PUT, UPLOAD_SECONDS, now),
            Object::Log(..) | Object::Artifact(_) | Object::TestFile(..) | Object::AccessLog(_) => {
                (Method::GET, READ_SECONDS, minute(now))
            }
        };
        Ok(self.presigner(&method, seconds, origin, from)?.url(&object.path()))
    }

    fn presigner(
        &self,
        method: &Method,
        expires: u32,
        origin: &str,
        now: DateTime<Utc>,
    ) -> Result<Presigner, ApiError> {
        let origin: Uri = origin.parse().map_err(|_| ApiError::bad_host())?;
        self.signer.presigner(method, &origin, expires, now).map_err(|error| ApiError::internal(&error))
    }

    /// Refuses a request that was not signed for what it asks.
    fn admit(&self, parts: &Parts, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.verifier.verify(parts, Payload::Unread, now)?;
        Ok(())
    }
}

/// The minute of a time. Whoever asks twice in one is given the same URL to read with.
pub(crate) fn minute(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now)
}

impl Api {
    /// Answers a request to the path of an object.
    pub(crate) async fn object(&self, object: Object, parts: &Parts, body: Body) -> Response<Body> {
        if let Err(error) = self.objects().admit(parts, self.now()) {
            return answer::respond(Err(error));
        }
        let done = match (object, &parts.method) {
            (Object::Slot(key, slot), &Method::PUT) => self.upload(parts, body, key, slot).await,
            (Object::Log(key, step), &Method::GET) => self.log(parts, key, &step).await,
            (Object::Artifact(key), &Method::GET) => self.artifact(parts, key).await,
            (Object::TestFile(key, place), &Method::GET) => self.test_file(parts, key, place).await,
            (Object::AccessLog(log), &Method::GET) => self.access_log(&log),
            (Object::Slot(..), method) => return method_not_allowed(method, &[Method::PUT]),
            (Object::Log(..) | Object::Artifact(_) | Object::TestFile(..) | Object::AccessLog(_), method) => {
                return method_not_allowed(method, &[Method::GET]);
            }
        };
        done.unwrap_or_else(|error| answer::respond(Err(error)))
    }
}

impl Object {
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Slot(key, slot) => format!("/-/uploads/{}/{}/{slot}", key.branch, key.job.padded()),
            Self::Log(key, step) => format!("/-/logs/{}/{}/{step}", key.branch, key.job.padded()),
            Self::Artifact(key) => format!("/-/artifacts/{}/{}/artifacts.zip", key.branch, key.job.padded()),
            Self::TestFile(key, place) => format!("/-/tests/{}/{}/{place}", key.branch, key.job.padded()),
            Self::AccessLog(AccessLog { app, domain, from, to }) => {
                format!("/-/access-logs/{app}/{domain}/{from}/{to}")
            }
        }
    }

    /// What a path stands for, if it is that of an object.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let parts: Vec<_> = path.strip_prefix("/-/")?.split('/').collect();
        match parts[..] {
            ["uploads", branch, job, slot] => Some(Self::Slot(key(branch, job)?, slot.parse().ok()?)),
            ["logs", branch, job, step] => Some(Self::Log(key(branch, job)?, step.to_owned())),
            ["artifacts", branch, job, "artifacts.zip"] => Some(Self::Artifact(key(branch, job)?)),
            ["tests", branch, job, place] => Some(Self::TestFile(key(branch, job)?, place.parse().ok()?)),
            ["access-logs", app, domain, from, to] => Some(Self::AccessLog(AccessLog {
                app: app.parse().ok()?,
                domain: domain.to_owned(),
                from: from.parse().ok()?,
                to: to.parse().ok()?,
            })),
            _ => None,
        }
    }
}

fn key(branch: &str, job: &str) -> Option<JobKey> {
    Some(JobKey { branch: BranchUid(branch.parse().ok()?), job: job.parse::<JobId>().ok()? })
}
