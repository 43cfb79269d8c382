//! What can be wrong with rules.

use thiserror::Error;

/// A rule that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// One of the redirects and rewrites.
    #[error("customRules: rule {number} {fault}")]
    Rule {
        /// Its place in the list. The first is 1.
        number: usize,
        /// What is wrong with it.
        fault: RuleFault,
    },
    /// There are more than anybody could follow.
    #[error("customRules: there are {count} rules, and {max} are the most")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// The headers.
    #[error("customHeaders: {0}")]
    Headers(HeaderFault),
    /// The password.
    #[error("basicAuthCredentials: {0}")]
    Door(DoorFault),
}

/// What is wrong with a redirect or rewrite.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleFault {
    /// It is no object with a source and a target.
    #[error("has no source or no target")]
    Shape,
    /// Its status is none.
    #[error("has status {status:?}; a rule has 200, 301, 302, 404 or 404-200")]
    Status {
        /// What it says.
        status: String,
    },
    /// A `<` in its source begins nothing.
    #[error("has a < in its source that begins neither <*> nor <name> nor </regex/>")]
    Bracket,
    /// A placeholder is there twice.
    #[error("has <{name}> twice in its source")]
    Twice {
        /// Which.
        name: String,
    },
    /// The host of its source is none.
    #[error("has a source whose host is no name: {why}")]
    SourceHost {
        /// Why not.
        why: String,
    },
    /// A member of the query in its source is neither a text nor a placeholder.
    #[error("has a query in its source of which member {member:?} is neither a text nor one <name>")]
    Query {
        /// The member's name.
        member: String,
    },
    /// Its regular expression cannot be read, or takes too much room.
    #[error("has a regular expression that cannot be used: {why}")]
    Regex {
        /// Why not.
        why: String,
    },
    /// Its target names what its source does not capture.
    #[error("has {name} in its target, which its source does not capture")]
    Unknown {
        /// The name as it stands there.
        name: String,
    },
    /// A `<` in its target begins no placeholder.
    #[error("has a < in its target that begins neither <*> nor <name>")]
    TargetBracket,
    /// Its target is neither a path nor an `http` or `https` URL.
    #[error("has a target that is neither a path nor an http or https URL")]
    TargetScheme,
    /// The host of its target is none.
    #[error("has a target whose host cannot be used: {why}")]
    TargetHost {
        /// Why not.
        why: String,
    },
    /// Its target climbs.
    #[error("has a . or .. segment in its target")]
    TargetClimbs,
    /// It answers 404 from elsewhere.
    #[error("has status 404 and a URL as its target; a page that says what is missing is a path of the site")]
    NotFoundElsewhere,
}

/// What is wrong with custom headers.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderFault {
    /// They are no YAML of the form that is asked for.
    #[error("they are not YAML of the form `customHeaders: [{{pattern, headers: [{{key, value}}]}}]`: {why}")]
    Yaml {
        /// What the parser says.
        why: String,
    },
    /// A pattern cannot be read.
    #[error("pattern {pattern:?} is no glob: {why}")]
    Pattern {
        /// Which.
        pattern: String,
        /// Why not.
        why: String,
    },
    /// A name is none.
    #[error("key {key:?} of pattern {pattern:?} is no header's name")]
    Key {
        /// Which.
        key: String,
        /// Under which pattern.
        pattern: String,
    },
    /// A header is not the owner's to set.
    #[error("key {key:?} of pattern {pattern:?} is a header that only the server sets")]
    Reserved {
        /// Which.
        key: String,
        /// Under which pattern.
        pattern: String,
    },
    /// A value has characters that no header has.
    #[error("the value of {key:?} of pattern {pattern:?} has a character that no header's value has")]
    Value {
        /// Of which header.
        key: String,
        /// Under which pattern.
        pattern: String,
    },
}

/// What is wrong with a password. It never shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DoorFault {
    /// The credentials are not what a browser would send.
    #[error("they are not the base64 of `user:password`")]
    Credentials,
    /// The password is switched on and there is none.
    #[error("enableBasicAuth is true and there are none")]
    Missing,
}
