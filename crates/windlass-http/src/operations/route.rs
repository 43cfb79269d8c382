//! Which operation a request means.

use http::Method;
use thiserror::Error;

use super::shape::Member;
use super::table::{Operation, depth, label};

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
    let mut allowed = Vec::new();
    let depth = depth(raw_path);
    for operation in Operation::ALL {
        let definition = operation.definition();
        if definition.depth != depth || !fits(definition.path, raw_path) {
            continue;
        }
        if definition.method == *method {
            let labels = pairs(definition.path, raw_path).filter_map(|(template, raw)| Some((label(template)?, raw)));
            return Ok(Routed { operation, labels: labels.collect() });
        }
        allowed.push(definition.method.clone());
    }
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

/// Whether a path of the template's depth is one of the template's.
fn fits(template: &str, raw_path: &str) -> bool {
    pairs(template, raw_path).all(|(template, raw)| template == raw || label(template).is_some())
}

fn pairs<'t, 'p>(template: &'t str, raw_path: &'p str) -> impl Iterator<Item = (&'t str, &'p str)> {
    template.split('/').zip(raw_path.split('/'))
}
