//! What can go wrong with a fetch, in words for a job's reason.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;
use std::time::Duration;

use http::StatusCode;

use crate::guard::Refused;

/// Why a source was not fetched.
///
/// Each text is at most 500 characters and names the URL that failed without its query, credentials or fragment. After a
/// redirect that is the URL redirected to.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// What should be a URL is none.
    #[error("source is not a URL: {why}")]
    BadUrl {
        /// What is wrong with it.
        why: url::ParseError,
    },
    /// The URL's scheme is not `http` or `https`.
    #[error("source has scheme {scheme}, and only http and https can be fetched")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The host is, or resolves to, an address that may not be fetched from.
    #[error("source {url} is refused: {refused}")]
    Refused {
        /// The URL.
        url: String,
        /// The address, and what is wrong with it.
        refused: Refused,
    },
    /// The host's name does not resolve.
    #[error("source {url} has a host that cannot be resolved: {why}")]
    Unresolved {
        /// The URL.
        url: String,
        /// What the resolver said.
        why: String,
    },
    /// No connection came about.
    #[error("source {url} cannot be connected to: {why}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What the system said.
        why: String,
    },
    /// The connection could not be secured, or the server could not be trusted.
    #[error("source {url} has no valid TLS: {why}")]
    Tls {
        /// The URL.
        url: String,
        /// What was wrong.
        why: String,
    },
    /// The server did not answer, or not in HTTP.
    #[error("source {url} gave no valid answer: {why}")]
    NoAnswer {
        /// The URL.
        url: String,
        /// What was wrong.
        why: String,
    },
    /// The answer was not `200 OK`.
    #[error("source {url} answered {status}{}", InBrackets(code.as_deref()))]
    Status {
        /// The URL.
        url: String,
        /// What was answered.
        status: StatusCode,
        /// The code beside it, as S3 gives one: `AccessDenied`, `NoSuchBucket`. Letters and digits, 64 at most.
        code: Option<String>,
    },
    /// A redirect leads nowhere, to another scheme, or from `https` to `http`.
    #[error("source {url} answered a redirect that cannot be followed: {why}")]
    BadRedirect {
        /// The URL that redirects.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// There was one redirect more than are followed.
    #[error("source {url} was reached after more than {limit} redirects")]
    TooManyRedirects {
        /// The URL that the last redirect led to, which was not asked.
        url: String,
        /// How many are followed.
        limit: u32,
    },
    /// The body is larger than allowed.
    #[error("source {url} is larger than {limit} bytes")]
    TooLarge {
        /// The URL.
        url: String,
        /// The most that is allowed, in bytes.
        limit: u64,
    },
    /// It took too long.
    #[error("source {url} timed out: {limit} {after:?}")]
    TimedOut {
        /// The URL. For [`TimeLimit::Total`], the one that was asked for first.
        url: String,
        /// Which limit was passed.
        limit: TimeLimit,
        /// How long that limit is.
        after: Duration,
    },
    /// The connection ended before the body did.
    #[error("source {url} ended after {received} of {} bytes: {why}", Expected(*expected))]
    EndedEarly {
        /// The URL.
        url: String,
        /// How many bytes came.
        received: u64,
        /// How many were announced, where the server did so.
        expected: Option<u64>,
        /// How the connection ended.
        why: String,
    },
    /// The fetch was told to stop.
    #[error("fetching the source was interrupted")]
    Interrupted,
    /// The body could not be kept.
    #[error("source cannot be written to disk: {}", DiskTrouble(source))]
    Io {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

/// A limit on the time of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeLimit {
    /// On the whole fetch.
    Total,
    /// On a server's silence.
    Idle,
    /// On connecting.
    Connect,
}

/// The HTTP client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client")]
pub struct SetupError(#[source] pub(super) reqwest::Error);

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Total => "not complete after",
            Self::Idle => "nothing was sent for",
            Self::Connect => "no connection within",
        })
    }
}

impl FetchError {
    /// Whether another try may go better: what is wrong is a server's or a network's momentary state.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::EndedEarly { .. } => true,
            Self::TimedOut { limit, .. } => match limit {
                TimeLimit::Idle | TimeLimit::Connect => true,
                TimeLimit::Total => false,
            },
            Self::Status { status, .. } => status.is_server_error(),
            Self::BadUrl { .. }
            | Self::Scheme { .. }
            | Self::Refused { .. }
            | Self::Unresolved { .. }
            | Self::Tls { .. }
            | Self::BadRedirect { .. }
            | Self::TooManyRedirects { .. }
            | Self::TooLarge { .. }
            | Self::Interrupted
            | Self::Io { .. } => false,
        }
    }
}

struct InBrackets<'a>(Option<&'a str>);

impl fmt::Display for InBrackets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

struct Expected(Option<u64>);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => bytes.fmt(f),
            None => f.write_str("an unknown number of"),
        }
    }
}

struct DiskTrouble<'a>(&'a io::Error);

impl fmt::Display for DiskTrouble<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.0.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            f.write_str("the disk is full: ")?;
        }
        f.write_str(&shortened(&self.0.to_string(), CAUSE_LENGTH))
    }
}

/// The longest cause in an error, in characters.
const CAUSE_LENGTH: usize = 200;

/// The innermost cause of `error`, which is the one that names what happened, and no URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    match causes(error).last() {
        Some(innermost) if !innermost.is::<reqwest::Error>() => shortened(&innermost.to_string(), CAUSE_LENGTH),
        Some(_) | None => "the HTTP client failed".into(),
    }
}

/// `error` and its causes, from the outside in.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        // An I/O error hides the error that it was made of from `source`.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// `text`, cut to what a reason has room for.
pub(crate) fn cause_shortened(text: &str) -> String {
    shortened(text, CAUSE_LENGTH)
}

/// `text`, cut to `length` characters.
pub(super) fn shortened(text: &str, length: usize) -> String {
    if text.chars().nth(length).is_none() {
        return text.into();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named() {
        let error = FetchError::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.to_string(), "source cannot be written to disk: the disk is full: no storage space");
    }

    #[test]
    fn the_longest_texts_fit_into_a_reason() {
        let url = || "x".repeat(200);
        let why = || "y".repeat(CAUSE_LENGTH);
        let refused = Refused {
            address: "2001:0db8:1111:2222:3333:4444:5555:6666".parse().unwrap(),
            why: crate::guard::AddressClass::Shared,
        };
        for error in [
            FetchError::Refused { url: url(), refused },
            FetchError::BadRedirect { url: url(), why: why() },
            FetchError::EndedEarly { url: url(), received: u64::MAX - 1, expected: Some(u64::MAX), why: why() },
            FetchError::EndedEarly { url: url(), received: u64::MAX, expected: None, why: why() },
            FetchError::TimedOut { url: url(), limit: TimeLimit::Total, after: Duration::MAX },
        ] {
            assert!(error.to_string().chars().count() <= 500, "{error}");
        }
    }
}
