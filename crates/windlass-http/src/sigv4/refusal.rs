//! Why a request is refused, in AWS's words where they are known.
//!
//! No text here contains a secret, a signature, or the canonical request.

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;

use super::TERMINATOR;
use super::basic_time::write as basic;

/// A request whose signature proves nothing. `Display` is the message for the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has no signature at all.
    #[error("Missing Authentication Token")]
    Unsigned,
    /// It has something like a signature, but parts are missing or make no sense.
    #[error("The request signature does not conform to AWS standards: {0}.")]
    Incomplete(#[from] Incomplete),
    /// Nobody has this access key.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The signature is another than the key, the request and its body make.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// It was signed too long ago.
    #[error(
        "Signature expired: {} is now earlier than {} ({} - {}.)",
        basic(signed_at), basic(&shifted(now, -allowed)), basic(now), span(*allowed)
    )]
    Expired {
        /// When it was signed.
        signed_at: DateTime<Utc>,
        /// When it arrived.
        now: DateTime<Utc>,
        /// How long the signature was valid, in seconds.
        allowed: i64,
    },
    /// It will be signed in the future.
    #[error(
        "Signature not yet current: {} is still later than {} ({} + {}.)",
        basic(signed_at), basic(&shifted(now, *allowed)), basic(now), span(*allowed)
    )]
    NotYetCurrent {
        /// When it was signed.
        signed_at: DateTime<Utc>,
        /// When it arrived.
        now: DateTime<Utc>,
        /// How far the signer's clock may be ahead, in seconds.
        allowed: i64,
    },
    /// It is for another region.
    #[error("Credential should be scoped to a valid region, not '{claimed}'. This server answers for '{served}'.")]
    WrongRegion {
        /// The region it was signed for.
        claimed: String,
        /// The region of this server.
        served: String,
    },
    /// It is for another service.
    #[error("Credential should be scoped to correct service: '{served}'.")]
    WrongService {
        /// The service it should have been signed for.
        served: &'static str,
    },
    /// Its scope does not end as scopes of this version do.
    #[error("Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{claimed}'.")]
    WrongTerminator {
        /// What its scope ends with.
        claimed: String,
    },
    /// It was signed on another day than its scope says.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{claimed}' != \
         '{day}', from '{date}'."
    )]
    WrongDay {
        /// The day in the scope.
        claimed: String,
        /// The day of `date`.
        day: String,
        /// When it was signed.
        date: String,
    },
}

impl Refusal {
    /// The name that AWS gives to this error.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Unsigned => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::Mismatch
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::WrongRegion { .. }
            | Self::WrongService { .. }
            | Self::WrongTerminator { .. }
            | Self::WrongDay { .. } => "InvalidSignatureException",
        }
    }

    /// The HTTP status: AWS answers all of these with 403.
    pub fn status(&self) -> StatusCode {
        StatusCode::FORBIDDEN
    }
}

/// What is wrong with the form of a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// There is an `Authorization` header, and a signature in the query.
    #[error("only one of the Authorization header and the query may sign a request")]
    SignedTwice,
    /// The header or the query is longer than anyone needs.
    #[error("the Authorization header and the query may have {0} bytes each")]
    TooLong(usize),
    /// More headers are signed than anyone needs.
    #[error("at most {0} headers may be signed")]
    TooManyHeaders(usize),
    /// The `Authorization` header is of another kind, or not text.
    #[error("the algorithm must be AWS4-HMAC-SHA256")]
    Algorithm,
    /// Something is not there.
    #[error("it requires '{0}'")]
    MissingParameter(&'static str),
    /// Something is there more than once.
    #[error("it has '{0}' more than once")]
    RepeatedParameter(&'static str),
    /// The credential does not have the five parts it should have.
    #[error("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term")]
    Credential,
    /// The time of signing cannot be read.
    #[error("the date must be in ISO-8601 'basic format', e.g. 20150830T123600Z")]
    Date,
    /// The life of a presigned URL cannot be read, or is none.
    #[error("X-Amz-Expires must be a number of seconds from 1 to 604800")]
    Expires,
    /// The hash of the body is neither a hash nor the word that stands for none.
    #[error("x-amz-content-sha256 must be UNSIGNED-PAYLOAD or the SHA-256 of the body in hexadecimal")]
    ContentHash,
    /// The list of signed headers is not in order.
    #[error("SignedHeaders must be lower case, sorted, separated by ';' and without repetition")]
    SignedHeaders,
    /// A header has to be signed and is not.
    #[error("'{0}' must be a 'SignedHeader'")]
    NotSigned(String),
    /// A header is said to be signed, and is not there.
    #[error("the signed header '{0}' is not in the request")]
    NotSent(String),
}

fn shifted(time: &DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    TimeDelta::try_seconds(seconds).and_then(|delta| time.checked_add_signed(delta)).unwrap_or(*time)
}

fn span(seconds: i64) -> String {
    if seconds % 60 == 0 { format!("{} min", seconds / 60) } else { format!("{seconds} sec") }
}
