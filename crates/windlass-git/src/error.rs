//! What may go wrong, in the words of whoever deploys.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no checkout. No text shows a secret; the texts are fragments without a full stop, so that they can
/// follow a colon.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitError {
    /// The address is none that this crate takes.
    #[error("{0}")]
    Address(#[from] AddressFault),
    /// The address is of a kind that is not allowed here.
    #[error("{protocol} is not allowed for {url}{why}")]
    ProtocolRefused {
        /// `file`, `ssh`, `http` or `https`.
        protocol: &'static str,
        /// The address.
        url: String,
        /// What would be, or nothing.
        why: &'static str,
    },
    /// The host may not be connected to: what resolves names refused it.
    #[error("{host} may not be connected to: {reason}")]
    HostRefused {
        /// The host.
        host: String,
        /// Why, in the words of what resolves names.
        reason: String,
    },
    /// The repository has no such branch.
    #[error("the branch \"{branch}\" is not in the repository {url}{}", Others(.others))]
    BranchNotFound {
        /// The branch.
        branch: String,
        /// The repository.
        url: String,
        /// Some of those that it has.
        others: Vec<String>,
    },
    /// The repository has no such commit, or its server does not give it away.
    #[error("the commit \"{commit}\" is not in the branch \"{branch}\" of {url}")]
    CommitNotFound {
        /// The commit as it was asked for.
        commit: String,
        /// The branch in which it was looked for too.
        branch: String,
        /// The repository.
        url: String,
    },
    /// Several commits begin so.
    #[error("several commits of {url} begin with \"{commit}\": give more of its hash")]
    CommitAmbiguous {
        /// The beginning that was asked for.
        commit: String,
        /// The repository.
        url: String,
    },
    /// The server wants credentials, or others than it was given.
    #[error("{url} does not open to {}: {line}", if *.with_token { "the token that was given" } else { "a reader without a token" })]
    AuthenticationFailed {
        /// The repository.
        url: String,
        /// Whether a token was sent.
        with_token: bool,
        /// What git said last.
        line: String,
    },
    /// The server was not reached, or hung up.
    #[error("{url} cannot be reached: {line}")]
    HostUnreachable {
        /// The repository.
        url: String,
        /// What git said last.
        line: String,
    },
    /// The server sends readers elsewhere. No redirect is followed: it could lead anywhere, and a token with it.
    #[error("{url} has moved: its server answers with a redirect, and none is followed; give the new address: {line}")]
    Redirected {
        /// The repository.
        url: String,
        /// What git said last.
        line: String,
    },
    /// There is no repository at the address, or none that may be seen.
    #[error("there is no repository at {url}, or none that may be seen with what was given: {line}")]
    NotARepository {
        /// The address.
        url: String,
        /// What git said last.
        line: String,
    },
    /// The server is not the one that is known by this name, or is not known at all.
    #[error("the known_hosts of the account that runs this do not have this key of the host of {url}: {line}")]
    HostKeyUnknown {
        /// The repository.
        url: String,
        /// What git said last.
        line: String,
    },
    /// A submodule is none that can be fetched.
    #[error("submodule {path}: {reason}")]
    Submodule {
        /// Where it belongs.
        path: String,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The program is not there.
    #[error("git is not installed: there is no {}", .program.display())]
    GitMissing {
        /// The program that was looked for.
        program: PathBuf,
    },
    /// The repository and its files are larger than they may be.
    #[error("the repository and its files are larger than {limit} bytes")]
    TooLarge {
        /// How many bytes there may be.
        limit: u64,
    },
    /// It took too long.
    #[error("it took longer than {seconds} s")]
    TimedOut {
        /// How many seconds it may take.
        seconds: u64,
    },
    /// It was told to stop.
    #[error("stopped")]
    Stopped,
    /// The folder cannot take a checkout, or git cannot be started.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The folder or the program.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Anything else that git did not do.
    #[error("git {what}: {line}")]
    Failed {
        /// What it was asked to do.
        what: &'static str,
        /// What it said last.
        line: String,
    },
}

/// Why an address is none. It is not repeated: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressFault {
    /// Nothing at all.
    #[error("the repository's address is empty")]
    Empty,
    /// It would be read as an option of a command.
    #[error("the repository's address begins with a hyphen")]
    Option,
    /// It has a line break, a NUL, or the like.
    #[error("the repository's address has control characters")]
    Control,
    /// It names a program that git would start.
    #[error("the repository's address names a transport helper, which is not allowed: only https, http and ssh are")]
    Helper,
    /// Such as `git` or `ftp`.
    #[error("the repository's address is of a kind that is not allowed: only https, http and ssh are")]
    Scheme,
    /// A path that depends on where one stands.
    #[error("the repository's address is neither a URL nor host:path nor an absolute path")]
    Relative,
    /// Part of it cannot be read.
    #[error("the repository's address cannot be read: its {0} is not one")]
    Part(&'static str),
}

/// Some of the branches that there are.
struct Others<'a>(&'a [String]);

impl std::fmt::Display for Others<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => f.write_str(", which has no branches"),
            [only] => write!(f, ", whose only branch is \"{only}\""),
            [first, others @ ..] => {
                write!(f, ", whose branches are \"{first}\"")?;
                others.iter().try_for_each(|other| write!(f, ", \"{other}\""))
            }
        }
    }
}

/// What fetches large files.
pub(crate) const LFS: &str = "lfs pull";

/// What git's words mean, by what it prints in the language of programs (`LC_ALL=C`). The first that fits counts.
const WORDS: &[(Meaning, &[&str])] = &[
    (
        Meaning::Closed,
        &[
            "could not read Username",
            "could not read Password",
            "Authentication failed",
            "error: 401",
            "error: 403",
            "Permission denied",
        ],
    ),
    (Meaning::Elsewhere, &["returned error: 30"]),
    (Meaning::UnknownKey, &["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"]),
    (
        Meaning::Unreachable,
        &[
            "Could not resolve host",
            "Failed to connect",
            "Couldn't connect",
            "unable to connect",
            "timed out",
            "Connection refused",
            "Connection reset",
            "Connection closed",
            "No route to host",
            "Network is unreachable",
            "SSL",
            "certificate",
            "early EOF",
            "hung up",
            "Empty reply",
            "RPC failed",
            "returned error: 5",
        ],
    ),
    (
        Meaning::Nothing,
        &[
            "error: 404",
            "not found",
            "does not appear to be a git",
            "not a git repository",
            "not valid: ",
            "does not exist",
            "dubious ownership",
            "No such file or directory",
        ],
    ),
];

#[derive(Clone, Copy)]
enum Meaning {
    Closed,
    Elsewhere,
    UnknownKey,
    Unreachable,
    Nothing,
}

/// What went wrong with a server, by what git said of it.
pub(crate) fn understand(what: &'static str, url: &str, with_token: bool, said: &[String]) -> GitError {
    let first = |words: &[&str]| said.iter().find(|line| words.iter().any(|word| line.contains(word)));
    let url = url.to_owned();
    let Some((meaning, line)) = WORDS.iter().find_map(|(meaning, words)| Some((meaning, first(words)?.clone()))) else {
        return GitError::Failed { what, line: last(said) };
    };
    match meaning {
        Meaning::Closed => GitError::AuthenticationFailed { url, with_token, line },
        Meaning::Elsewhere => GitError::Redirected { url, line },
        Meaning::UnknownKey => GitError::HostKeyUnknown { url, line },
        Meaning::Unreachable => GitError::HostUnreachable { url, line },
        // The repository is there, and a file of it is not.
        Meaning::Nothing if what == LFS => GitError::Failed { what, line },
        Meaning::Nothing => GitError::NotARepository { url, line },
    }
}

/// The line that says most: the last that is an error, or else the last.
pub(crate) fn last(said: &[String]) -> String {
    let is_error = |line: &&String| ["fatal: ", "error: "].iter().any(|word| line.starts_with(word));
    let line = said.iter().rfind(is_error).or_else(|| said.last());
    line.cloned().unwrap_or_else(|| "it ended without a word".to_owned())
}
