//! What is wrong with a request's input, in the words of AWS.

use thiserror::Error;

/// A request whose input is not what its operation asks for: `BadRequestException`.
///
/// Members are named, never their values: some of them are credentials. A member of a structure is `jobConfig.type`, the
/// first element of a list `customRules.1.member` (so `customRules.1.member.source` inside it), and a map is named as a
/// whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// The body is not JSON, or nested too deeply.
    #[error("request body is not valid JSON: {0}")]
    MalformedBody(String),
    /// The body is JSON of another type.
    #[error("request body must be a JSON object")]
    BodyNotAnObject,
    /// An operation of our own has no such member: here a slip of the pen is found out, where AWS would pass over it.
    #[error("the operation has no member '{}'", shortened(.0))]
    Unknown(String),
    /// These members break these constraints; the first ten, each once.
    #[error("{} validation error{} detected: {}", .0.len(), plural(.0), joined(.0, "; "))]
    Members(Vec<Failure>),
}

/// One member and the constraint that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Value at '{member}' failed to satisfy constraint: {constraint}")]
pub struct Failure {
    /// The member, with the way to it.
    pub member: String,
    /// What it should have satisfied.
    pub constraint: Constraint,
}

/// What a member must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Constraint {
    /// It must be there.
    #[error("Member must not be null")]
    Required,
    /// It must be there once.
    #[error("Member must not be given more than once")]
    Once,
    /// It must be escaped as RFC 3986 says, and UTF-8 below that.
    #[error("Member must be percent-encoded UTF-8")]
    Encoding,
    /// It must have this JSON type.
    #[error("Member must be {0}")]
    Type(&'static str),
    /// It must be at least so long.
    #[error("Member must have length greater than or equal to {0}")]
    MinLength(usize),
    /// It must be at most so long.
    #[error("Member must have length less than or equal to {0}")]
    MaxLength(usize),
    /// It must match, as a whole.
    #[error("Member must satisfy regular expression pattern: {0}")]
    Pattern(&'static str),
    /// It must be one of these.
    #[error("Member must satisfy enum value set: [{}]", .0.join(", "))]
    Values(&'static [&'static str]),
    /// It must be at least so great.
    #[error("Member must have value greater than or equal to {0}")]
    MinValue(i64),
    /// It must be at most so great.
    #[error("Member must have value less than or equal to {0}")]
    MaxValue(i64),
    /// It must be a time that can be computed with.
    #[error("Member must be a time between the years -262143 and 262142")]
    TimeRange,
    /// Every key of the map must satisfy this.
    #[error("Map keys must satisfy constraint: [{0}]")]
    Key(Box<Self>),
    /// Every value of the map must satisfy this.
    #[error("Map value must satisfy constraint: [{0}]")]
    Value(Box<Self>),
}

/// A name that somebody made up, as far as it helps to find it.
fn shortened(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

fn plural(failures: &[Failure]) -> &'static str {
    if failures.len() == 1 { "" } else { "s" }
}

fn joined(failures: &[Failure], separator: &str) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}
