//! Why a source in S3 cannot be deployed, in words for a job's reason.

use http::StatusCode;
use windlass_artifact::{NameFault, ShownName};

use crate::fetch::FetchError;

/// Why a source in S3 was not read.
///
/// Each text names bucket and key, is at most 900 characters long, and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// No bucket can have this name.
    #[error("source names the bucket {bucket}, which is no bucket's name: {why}")]
    Bucket {
        /// The name.
        bucket: ShownName,
        /// What is wrong with it.
        why: BucketFault,
    },
    /// The URL names a bucket only, or a folder, where an object is wanted.
    #[error(
        "source s3://{bucket}/{key} names no zip: what is meant by all files below it is sourceUrlType BUCKET_PREFIX"
    )]
    NoKey {
        /// The bucket.
        bucket: String,
        /// The key, which is empty or ends with a slash.
        key: String,
    },
    /// The key is one that this server cannot ask for.
    #[error(
        "source s3://{bucket} has the key {key}, which cannot be asked for: it has an empty, a `.` or a `..` segment, or a control character"
    )]
    Key {
        /// The bucket.
        bucket: String,
        /// The key.
        key: ShownName,
    },
    /// There is nothing below the prefix.
    #[error("source s3://{bucket}/{folder} has no files: no key of the bucket begins with that and goes on")]
    Nothing {
        /// The bucket.
        bucket: String,
        /// What keys would begin with.
        folder: String,
    },
    /// An object cannot be a file of a site.
    #[error(
        "source s3://{bucket} has the key {key}, and below the prefix its name {why}, so it cannot be a file of a site"
    )]
    Name {
        /// The bucket.
        bucket: String,
        /// The key.
        key: ShownName,
        /// What is wrong with its name.
        why: NameFault,
    },
    /// There is too much below the prefix.
    #[error("source s3://{bucket}/{folder} has {what} than the {limit} that a site may have")]
    TooMuch {
        /// The bucket.
        bucket: String,
        /// What keys begin with.
        folder: String,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// An object is too large.
    #[error("source s3://{bucket} has {key} of {size} bytes, and a file of a site may have {limit}")]
    TooLarge {
        /// The bucket.
        bucket: String,
        /// The key.
        key: ShownName,
        /// Its size, in bytes.
        size: u64,
        /// The most that is allowed, in bytes.
        limit: u64,
    },
    /// An object is not as it was listed.
    #[error("source s3://{bucket} changed while it was read: {key} was listed with {listed} bytes; deploy again")]
    Changed {
        /// The bucket.
        bucket: String,
        /// The key.
        key: ShownName,
        /// The size that it was listed with, in bytes.
        listed: u64,
    },
    /// A list of objects cannot be read.
    #[error("source s3://{bucket} answered no valid list of objects: {why}")]
    List {
        /// The bucket.
        bucket: String,
        /// What is wrong with it.
        why: String,
    },
    /// A request cannot be signed.
    #[error("source s3://{bucket} cannot be asked: {why}")]
    Sign {
        /// The bucket.
        bucket: String,
        /// What is wrong.
        why: String,
    },
    /// It was not fetched.
    #[error("{source}{hint}")]
    Fetch {
        /// Why.
        source: FetchError,
        /// What may be done about it.
        hint: Hint,
    },
}

/// What is wrong with a bucket's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BucketFault {
    /// It is too short or too long.
    #[error("it has 3 to 63 characters")]
    Length,
    /// It has characters that are not allowed.
    #[error("it has lower-case letters, digits, periods and hyphens only")]
    Characters,
    /// It begins or ends with something else than a letter or a digit.
    #[error("it begins and ends with a letter or a digit")]
    Edges,
    /// Two periods follow each other.
    #[error("it has no two periods in a row")]
    Periods,
    /// It is an address.
    #[error("it is not an IP address")]
    Address,
}

/// What an operator may do about a refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hint {
    /// Nothing that we know of.
    #[error("")]
    None,
    /// The request was not signed.
    #[error(
        "; the server has no keys for S3 (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), so only public buckets answer it"
    )]
    NoKeys,
    /// The keys that it was signed with may not do this, or are not known.
    #[error("; it was asked with the server's own keys for S3")]
    Keys,
    /// The bucket is elsewhere.
    #[error("; the server asks for it in region {region} (AWS_REGION), and it is in another")]
    Region {
        /// The region that was asked.
        region: String,
    },
}

impl S3Error {
    /// Whether there was no answer because the job was let go or its time was up is told by whoever waited.
    pub(super) fn fetch(source: FetchError, access: &super::Access) -> Self {
        let hint = match &source {
            FetchError::Status { status, code, .. } => hint(*status, code.as_deref(), access),
            FetchError::BadUrl { .. }
            | FetchError::Scheme { .. }
            | FetchError::Refused { .. }
            | FetchError::Unresolved { .. }
            | FetchError::Unreachable { .. }
            | FetchError::Tls { .. }
            | FetchError::NoAnswer { .. }
            | FetchError::BadRedirect { .. }
            | FetchError::TooManyRedirects { .. }
            | FetchError::TooLarge { .. }
            | FetchError::TimedOut { .. }
            | FetchError::EndedEarly { .. }
            | FetchError::Interrupted
            | FetchError::Io { .. } => Hint::None,
        };
        Self::Fetch { source, hint }
    }
}

fn hint(status: StatusCode, code: Option<&str>, access: &super::Access) -> Hint {
    let elsewhere = matches!(
        code,
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError")
    );
    if status.is_redirection() || elsewhere {
        Hint::Region { region: access.region().to_owned() }
    } else if status != StatusCode::FORBIDDEN && status != StatusCode::UNAUTHORIZED {
        Hint::None
    } else if access.is_signed() {
        Hint::Keys
    } else {
        Hint::NoKeys
    }
}
