//! Objects behind presigned URLs: `PUT` for upload slots, `GET` for logs. Whoever has the URL may do what
//! it is for, for as long as it says, and nothing else.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{Method, Uri};
use windlass::JobId;
use windlass_store::{BranchUid, JobKey};

use crate::error::ApiError;
use crate::sigv4::{AccessKeyId, Payload, Scope, SecretKey, Signer, Verifier};

/// How long an upload URL is valid, as AWS's are: 3 hours.
const UPLOAD_SECONDS: u32 = 3 * 3600;

/// How long a URL to read with is valid: 1 hour.
const READ_SECONDS: u32 = 3600;

/// What a path below `/-/` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// An upload slot of a job.
    Slot(JobKey, u32),
    /// The log of a step.
    Log(JobKey, String),
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
        Self {
            signer: Signer { access_key_id: id, secret_key: key, scope: Scope::s3(region) },
            verifier: Verifier::new(keys, Scope::s3(region)),
        }
    }

    /// A URL that `object` can be used with.
    pub(crate) fn url(&self, origin: &str, object: &Object, now: DateTime<Utc>) -> Result<String, ApiError> {
        let (method, expires) = match object {
            Object::Slot(..) => (Method::PUT, UPLOAD_SECONDS),
            Object::Log(..) => (Method::GET, READ_SECONDS),
        };
        let url: Uri = format!("{origin}{}", object.path()).parse().map_err(|_| ApiError::bad_host())?;
        self.signer.presign(&method, &url, expires, now).map_err(|error| ApiError::internal(&error))
    }

    /// The object that a request is for, if it was signed for that.
    pub(crate) fn admit(&self, parts: &Parts, now: DateTime<Utc>) -> Result<Object, ApiError> {
        let object = Object::at(parts.uri.path()).ok_or_else(ApiError::unknown_path)?;
        self.verifier.verify(parts, Payload::Unread, now)?;
        Ok(object)
    }
}

impl Object {
    fn path(&self) -> String {
        match self {
            Self::Slot(key, slot) => format!("/-/uploads/{}/{}/{slot}", key.branch, key.job.padded()),
            Self::Log(key, step) => format!("/-/logs/{}/{}/{step}", key.branch, key.job.padded()),
        }
    }

    fn at(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("/-/")?.split('/');
        let (kind, branch, job, last) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let key = JobKey { branch: BranchUid(branch.parse().ok()?), job: job.parse::<JobId>().ok()? };
        match (kind, parts.next()) {
            ("uploads", None) => Some(Self::Slot(key, last.parse().ok()?)),
            ("logs", None) => Some(Self::Log(key, last.to_owned())),
            _ => None,
        }
    }
}
