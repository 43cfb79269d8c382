//! Errors: who did not answer, or what was answered instead.

use core::error::Error as StdError;
use core::fmt;

use aws_sdk_amplify::config::http::HttpResponse;
use aws_sdk_amplify::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_amplify::operation::RequestId;
use thiserror::Error;

/// Why an operation did not do what was asked. Each variant asks for something else from the caller.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no such app, branch or job, or none any more.
    #[error("{0}")]
    NotFound(Refusal),
    /// The service is asked too often, or is unwell. The same may be answered later.
    #[error("{0}")]
    Busy(Refusal),
    /// The service will not do this, however often it is asked.
    #[error("{0}")]
    Refused(Refusal),
    /// Nobody could be reached, or nobody answered in time. Someone may later.
    #[error("{operation} got no answer")]
    NoAnswer {
        /// The operation.
        operation: &'static str,
        /// Whether the answer was waited for in vain.
        timed_out: bool,
        /// What was in the way.
        source: BoxError,
    },
    /// The answer did not arrive whole. It may later.
    #[error("{operation} got a part of an answer")]
    BrokenOff {
        /// The operation.
        operation: &'static str,
        /// What was in the way.
        source: BoxError,
    },
    /// The answer is not one of this operation's: whoever answers is no Amplify.
    #[error("{operation} got an answer that says nothing to it")]
    Unreadable {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        source: BoxError,
    },
    /// The operation could not even be sent: a member is missing, or there are no credentials.
    #[error("{operation} could not be sent")]
    NotSent {
        /// The operation.
        operation: &'static str,
        /// What was in the way.
        source: BoxError,
    },
}

/// What the service said when it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The operation.
    pub operation: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The exception, by its name in the API; the HTTP status where the answer has none.
    pub code: String,
    /// The service's words, if it had any.
    pub message: Option<String>,
    /// What AWS's support asks for.
    pub request_id: Option<String>,
}

impl Error {
    /// What an error of the SDK means that `operation` gave.
    pub fn new<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match &error {
            SdkError::ServiceError(refusal) if !refusal.raw().status().is_success() => {
                let request_id = error.request_id().map(str::to_owned);
                Self::refused(Refusal::new(operation, refusal.raw(), refusal.err(), request_id))
            }
            SdkError::ServiceError(_) => Self::Unreadable { operation, source: source(error) },
            SdkError::TimeoutError(_) => Self::NoAnswer { operation, timed_out: true, source: source(error) },
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
                Self::NoAnswer { operation, timed_out: false, source: source(error) }
            }
            SdkError::ResponseError(_) => Self::BrokenOff { operation, source: source(error) },
            // The SDK may add kinds of errors; of those nobody knows that waiting would mend them.
            SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) | _ => {
                Self::NotSent { operation, source: source(error) }
            }
        }
    }

    fn refused(refusal: Refusal) -> Self {
        if refusal.code == "NotFoundException" {
            Self::NotFound(refusal)
        } else if refusal.is_of_the_moment() {
            Self::Busy(refusal)
        } else {
            Self::Refused(refusal)
        }
    }

    /// Whether the same may well be answered later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Busy(_) | Self::NoAnswer { .. } | Self::BrokenOff { .. } => true,
            Self::NotFound(_) | Self::Refused(_) | Self::Unreadable { .. } | Self::NotSent { .. } => false,
        }
    }

    /// What the service said, where it was the service that refused.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::NotFound(refusal) | Self::Busy(refusal) | Self::Refused(refusal) => Some(refusal),
            Self::NoAnswer { .. } | Self::BrokenOff { .. } | Self::Unreadable { .. } | Self::NotSent { .. } => None,
        }
    }
}

impl Refusal {
    fn new<E: ProvideErrorMetadata>(
        operation: &'static str,
        raw: &HttpResponse,
        said: &E,
        request_id: Option<String>,
    ) -> Self {
        let status = raw.status().as_u16();
        let code = said.code().map_or_else(|| status.to_string(), str::to_owned);
        Self { operation, status, code, message: said.message().map(str::to_owned), request_id }
    }

    /// Whether it is about how much is asked at the moment, or about how the service feels, and not about the request.
    fn is_of_the_moment(&self) -> bool {
        let throttled = match self.code.as_str() {
            // So Amplify says it, among other ways.
            "BadRequestException" => self.message.as_deref().is_some_and(|words| words.contains("Rate exceeded")),
            "LimitExceededException" | "TooManyRequestsException" | "RequestLimitExceeded" => true,
            other => other.contains("Throttl"),
        };
        throttled || self.status == 429 || self.status >= 500
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, code, message, request_id, .. } = self;
        write!(f, "{operation} was refused: {code}: {}", message.as_deref().unwrap_or("no reason was given"))?;
        request_id.iter().try_for_each(|id| write!(f, " (request {id})"))
    }
}

/// What lies below the SDK's own wrapping.
fn source<E>(error: SdkError<E, HttpResponse>) -> BoxError
where
    E: StdError + Send + Sync + 'static,
{
    error.into_source().unwrap_or_else(Into::into)
}
