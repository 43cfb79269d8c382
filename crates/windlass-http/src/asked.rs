//! What a request asks for, read off its head.

use http::Method;
use http::request::Parts;
use tracing::Span;
use uuid::Uuid;

use crate::domains;
use crate::metrics::{Aim, Other};
use crate::objects::Object;
use crate::operations::{self, RouteError, Routed};
use crate::webhooks;

/// What a request asks for.
pub(crate) enum Asked<'a> {
    /// Whether the server is there.
    Health,
    /// A build, by a webhook.
    Webhook,
    /// The proof that a domain leads here.
    Proof,
    /// What is behind a presigned URL.
    Object(Object),
    /// An operation of the API.
    Operation(Routed<'a>),
    /// Nothing that there is.
    Nothing(RouteError),
}

impl<'a> Asked<'a> {
    pub(crate) fn by(parts: &'a Parts) -> Self {
        match parts.uri.path() {
            "/healthz" | "/readyz" => Self::Health,
            path if webhooks::PATHS.contains(&path) => Self::Webhook,
            path if path.starts_with(domains::PROOF_PATH) => Self::Proof,
            path => match (Object::at(path), operations::route(&parts.method, path)) {
                (Some(object), _) => Self::Object(object),
                (None, Ok(routed)) => Self::Operation(routed),
                (None, Err(error)) => Self::Nothing(error),
            },
        }
    }

    /// What it is counted as.
    pub(crate) const fn aim(&self) -> Aim {
        match self {
            Self::Health => Aim::Other(Other::Health),
            Self::Webhook => Aim::Other(Other::Webhook),
            Self::Proof => Aim::Other(Other::DomainProof),
            Self::Object(_) => Aim::Other(Other::Object),
            Self::Operation(routed) => Aim::Operation(routed.operation()),
            Self::Nothing(_) => Aim::Other(Other::Unknown),
        }
    }

    /// What everything that is said of the request is said in. The names in it are as the client sent them, encoded.
    pub(crate) fn span(&self, method: &Method, id: Uuid) -> Span {
        let label = |name| match self {
            Self::Operation(routed) => routed.label(name),
            Self::Health | Self::Webhook | Self::Proof | Self::Object(_) | Self::Nothing(_) => None,
        };
        let operation = self.aim().name();
        if method.is_safe() {
            // Looks are many and change nothing, so they are followed only where someone wants to know.
            tracing::debug_span!(
                "request", %id, operation, app = label("appId"), branch = label("branchName"), job = label("jobId")
            )
        } else {
            // At the highest level, so that whatever is said of a change is said of the request that made it.
            tracing::error_span!(
                "request", %id, operation, app = label("appId"), branch = label("branchName"), job = label("jobId")
            )
        }
    }
}
