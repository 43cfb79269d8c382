//! Which operation a request means.

use http::Method;
use thiserror::Error;

use super::shape::Member;
use super::table::{Operation, label};

/// A request whose operation is known and whose members are still as they came.
#[derive(Debug, Clone)]
pub struct Routed<'a> {
    operation: Operation,
    pub(super) labels: Vec<(&'static Member, &'a str)>,
}

/// A request that means no operation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RouteError {
    /// No operation has this path.
    #[error("no operation has this path")]
    UnknownPath,
    /// Operations have this path, but with other methods.
    #[error("no operation has this path and method")]
    MethodNotAllowed {
        /// The methods that they have.
        allowed: Vec<Method>,
    },
}

/// Finds the operation of a request.
///
/// The path is split before it is decoded, so that `feature%2Fx` is one label. A label may be empty here and is refused
/// by [`Routed::input`], where it can be named. Nothing is tidied: not `..`, which may be a branch's name, nor a second
/// slash or one at the end, which no client of AWS sends. `HEAD` is not `GET`.
///
/// # Errors
///
/// [`RouteError::UnknownPath`] or [`RouteError::MethodNotAllowed`].
pub fn route<'a>(method: &Method, raw_path: &'a str) -> Result<Routed<'a>, RouteError> {
    let segments: Vec<_> = raw_path.split('/').collect();
    let fitting = |operation: &Operation| {
        let definition = operation.definition();
        definition.depth + 1 == segments.len() && fits(definition.path, &segments)
    };
    // The method first: it is the cheaper to compare, and every request comes through here.
    let meant =
        Operation::ALL.into_iter().find(|operation| operation.definition().method == *method && fitting(operation));
    if let Some(operation) = meant {
        let pairs = operation.definition().path.split('/').zip(segments);
        let labels = pairs.filter_map(|(template, raw)| Some((label(template)?, raw))).collect();
        return Ok(Routed { operation, labels });
    }
    let allowed: Vec<_> =
        Operation::ALL.into_iter().filter(fitting).map(|other| other.definition().method.clone()).collect();
    Err(if allowed.is_empty() { RouteError::UnknownPath } else { RouteError::MethodNotAllowed { allowed } })
}

impl Routed<'_> {
    /// The operation that is meant.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// What the path has in the place of a label, as it came.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(member, _)| member.name == name).map(|(_, raw)| *raw)
    }
}

/// Whether as many segments as a template has are one of its paths.
fn fits(template: &str, segments: &[&str]) -> bool {
    // Whatever is in braces is a label: the table is compiled with that in mind.
    template.split('/').zip(segments).all(|(template, raw)| template == *raw || template.starts_with('{'))
}
