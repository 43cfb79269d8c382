//! What the SDK's errors mean to someone at a terminal.

use core::error::Error;

use anyhow::anyhow;
use aws_sdk_amplify::config::http::HttpResponse;
use aws_sdk_amplify::error::{ProvideErrorMetadata, SdkError};

use super::{Client, Place};

impl Client {
    /// Says why an operation failed: what the server answered, or that there was no answer.
    pub(super) fn explain<E>(&self, operation: &str, error: SdkError<E, HttpResponse>) -> anyhow::Error
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if let SdkError::ServiceError(refusal) = &error {
            let answer = refusal.err();
            let code = answer.code().map_or_else(|| refusal.raw().status().to_string(), str::to_owned);
            return anyhow!("{operation} was refused: {code}: {}", answer.message().unwrap_or("no reason was given"));
        }
        let timed_out = matches!(&error, SdkError::TimeoutError(_));
        if timed_out || matches!(&error, SdkError::DispatchFailure(failure) if failure.is_timeout() || failure.is_io())
        {
            return self.no_answer(timed_out);
        }
        anyhow::Error::new(error).context(format!("{operation} failed"))
    }

    fn no_answer(&self, timed_out: bool) -> anyhow::Error {
        let place = &self.place;
        match place {
            Place::Endpoint(_) if timed_out => anyhow!("the server at {place} does not answer in time"),
            Place::Endpoint(_) => anyhow!("no server answers at {place}; start one with `windlass serve`"),
            Place::Aws(_) => anyhow!("{place} cannot be reached"),
        }
    }
}

/// Whether the server said that the thing asked for does not exist.
pub(super) fn is_not_found<E, R>(error: &SdkError<E, R>) -> bool
where
    E: ProvideErrorMetadata,
{
    error.code() == Some("NotFoundException")
}
