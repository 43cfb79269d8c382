//! What the SDK's errors mean to someone at a terminal.

use core::error::Error as StdError;

use anyhow::anyhow;
use aws_sdk_amplify::config::http::HttpResponse;
use aws_sdk_amplify::error::{ProvideErrorMetadata, SdkError};
use windlass_aws::Error;

use super::{Client, Place};

impl Client {
    /// Says why an operation failed: what the server answered, or that there was no answer.
    pub(super) fn explain<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> anyhow::Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        self.tell(Error::new(operation, error))
    }

    /// The same of an error that is named already.
    pub(super) fn tell(&self, error: Error) -> anyhow::Error {
        match error {
            Error::NotFound(refusal) | Error::Busy(refusal) | Error::Refused(refusal) => {
                let reason = refusal.message.as_deref().unwrap_or("no reason was given");
                anyhow!("{} was refused: {}: {reason}", refusal.operation, refusal.code)
            }
            Error::NoAnswer { timed_out, .. } => self.no_answer(timed_out),
            Error::BrokenOff { .. } | Error::Unreadable { .. } | Error::NotSent { .. } => anyhow::Error::new(error),
        }
    }

    /// Says that nobody answers.
    pub(super) fn no_answer(&self, timed_out: bool) -> anyhow::Error {
        let place = &self.place;
        match place {
            Place::Endpoint(_) if timed_out => anyhow!("the server at {place} does not answer in time"),
            Place::Endpoint(_) => anyhow!("no server answers at {place}; start one with `windlass serve`"),
            Place::Aws(_) => anyhow!("{place} cannot be reached"),
        }
    }
}

/// Whether the server said that the key is not for this.
pub(super) fn is_denied<E, R>(error: &SdkError<E, R>) -> bool
where
    E: ProvideErrorMetadata,
{
    error.code() == Some("AccessDeniedException")
}

/// Whether the server said that the thing asked for does not exist.
pub(super) fn is_not_found<E, R>(error: &SdkError<E, R>) -> bool
where
    E: ProvideErrorMetadata,
{
    error.code() == Some("NotFoundException")
}
