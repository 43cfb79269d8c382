//! How many requests there were for what, how they ended, and how long they took.

use core::fmt;
use core::time::Duration;

use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use strum::{EnumCount, IntoStaticStr, VariantArray};

use super::Durations;
use crate::operations::Operation;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// An operation of the API.
    Operation(Operation),
    /// Something of ours beside it.
    Other(Other),
}

/// What there is beside the operations. What a client can make up is one of these, so there are never more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Other {
    /// `/healthz` and `/readyz`.
    Health,
    /// An incoming webhook.
    Webhook,
    /// The proof that a domain leads here.
    DomainProof,
    /// An upload, a log, an artifact or an access log, by a presigned URL.
    Object,
    /// A path or a method that means nothing.
    Unknown,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
enum Outcome {
    /// As it was meant to.
    Success,
    /// It was refused: whoever sent it is at fault.
    ClientError,
    /// It failed: we are.
    ServerError,
}

const OPERATIONS: usize = Operation::ALL.len();

/// From a tenth of a millisecond, which a look-up takes, to a minute, which a large upload may.
const BOUNDS: &[Duration] = &[
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(60),
];

/// All requests so far.
#[derive(Debug)]
pub(crate) struct Requests(Box<[[Durations; Outcome::COUNT]]>);

impl Requests {
    pub(crate) fn new() -> Self {
        let outcomes = || core::array::from_fn(|_| Durations::new(BOUNDS));
        Self((0..OPERATIONS + Other::COUNT).map(|_| outcomes()).collect())
    }

    /// Notes an answer.
    pub(crate) fn note(&self, aim: Aim, status: StatusCode, took: Duration) {
        if let Some(outcomes) = self.0.get(aim.index()) {
            outcomes[Outcome::of(status) as usize].note(took);
        }
    }
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "How long requests took until their answer began, by operation and result";
        let mut family =
            encoder.encode_descriptor("request_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (aim, outcomes) in Aim::all().zip(&self.0) {
            for (outcome, durations) in Outcome::VARIANTS.iter().zip(outcomes) {
                let labels = [("operation", aim.name()), ("result", outcome.into())];
                durations.encode(&mut family, labels)?;
            }
        }
        Ok(())
    }
}

impl Aim {
    /// All of them, each at its [`index`](Self::index).
    fn all() -> impl Iterator<Item = Self> {
        let operations = Operation::ALL.into_iter().map(Self::Operation);
        operations.chain(Other::VARIANTS.iter().copied().map(Self::Other))
    }

    const fn index(self) -> usize {
        match self {
            Self::Operation(operation) => operation as usize,
            Self::Other(other) => OPERATIONS + other as usize,
        }
    }

    /// The operation's name in the API, or ours in lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.definition().name,
            Self::Other(other) => other.into(),
        }
    }
}

impl Outcome {
    fn of(status: StatusCode) -> Self {
        if status.is_server_error() {
            Self::ServerError
        } else if status.is_client_error() {
            Self::ClientError
        } else {
            Self::Success
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_aim_is_found_at_its_place() {
        for (place, aim) in Aim::all().enumerate() {
            assert_eq!(aim.index(), place, "{}", aim.name());
        }
        assert_eq!(Aim::all().count(), Requests::new().0.len());
    }
}
