//! Fetches one commit of a repository by the `git` command, in a closed environment, within limits.
//!
//! [`Git::checkout`] brings the tip of a branch, or exactly the commit that is asked for, into a folder: with as little
//! history as the server lets it, with submodules and, where `git lfs` is installed, large files. What it fetched is a
//! [`Commit`]: hash, message and time.
//!
//! The repository, its server and whoever wrote its address are not trusted:
//!
//! * git sees **no configuration** of the machine or of an account, no hooks, no credential helpers, no proxies and no
//!   variables. Only one protocol is open at a time.
//! * A [`Token`] goes to git by its environment and to **one server alone**. It is in no command line, no address, no log,
//!   no error and no file.
//! * **No redirect is followed**, and a host is connected to only by the addresses that [`Resolve`] gives for it, also
//!   where a submodule names it. `git lfs` alone resolves names by itself, on the way to where that server sends it.
//! * Time and bytes are bounded. When it is told to stop, or dropped, **every process that came of it is killed**.
//!
//! What this crate deliberately is not: it pushes nothing, keeps no mirror, and reads no repository by itself.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use tokio_util::sync::CancellationToken;
//! use windlass_git::{Checkout, Git, RepositoryUrl};
//!
//! # async fn fetch() -> Result<(), windlass_git::GitError> {
//! let url = RepositoryUrl::parse("https://example.com/site.git")?;
//! let checkout = Checkout { branch: "main", ..Checkout::new(&url, Path::new("/tmp/site")) };
//! let commit = Git::default().checkout(&checkout, &|line| eprintln!("{line}"), &CancellationToken::new()).await?;
//! println!("{} {}", commit.id, commit.message);
//! # Ok(())
//! # }
//! ```

mod address;
mod checkout;
mod error;
mod process;
mod session;
mod submodules;
mod token;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use windlass::Commit;

pub use address::RepositoryUrl;
pub use error::{AddressFault, GitError};
pub use token::Token;

use session::Session;

/// The `git` command and what it may do.
#[derive(Clone, Debug)]
pub struct Git {
    /// The program, by its path or by its name on [`path`](Self::path). At least version 2.37.
    pub program: PathBuf,
    /// Where programs are looked for: git itself, `git-lfs` and `ssh`.
    pub path: OsString,
    /// Whether a repository may be a path of this machine.
    pub allow_local: bool,
    /// Whether a repository may be reached by ssh, with the keys and the known hosts of the account that runs this.
    pub allow_ssh: bool,
    /// What a call may take.
    pub limits: Limits,
}

/// What a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may last.
    pub time: Duration,
    /// How many bytes a checkout may have, with what git keeps beside it. Files are measured every second, so it may be
    /// passed by what arrives in that time.
    pub bytes: u64,
}

/// Ten minutes and 5 GB, which is AWS's limit for what a build makes.
impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(600), bytes: 5_000_000_000 }
    }
}

/// The `git` of the system, for repositories on other machines.
impl Default for Git {
    fn default() -> Self {
        Self {
            program: "git".into(),
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            allow_local: false,
            allow_ssh: true,
            limits: Limits::default(),
        }
    }
}

/// What is to be fetched, and where it goes.
#[derive(Clone, Copy)]
pub struct Checkout<'a> {
    /// The repository.
    pub url: &'a RepositoryUrl,
    /// What opens it, in place of the name and the password that its address may have.
    pub token: Option<&'a Token>,
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The commit's hash, or at least its first four digits; `None` or `HEAD` for the branch's tip.
    pub commit: Option<&'a str>,
    /// The folder, which is empty or not there.
    pub into: &'a Path,
    /// Who says which addresses a host may be connected to by; `None` where any will do.
    pub resolve: Option<&'a dyn Resolve>,
}

impl<'a> Checkout<'a> {
    /// The tip of `main`, without a token, from any address.
    #[must_use]
    pub const fn new(url: &'a RepositoryUrl, into: &'a Path) -> Self {
        Self { url, token: None, branch: "main", commit: None, into, resolve: None }
    }
}

/// Says which addresses a host may be connected to by. It is asked once for each host, and nothing else is connected to.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of `host` that may be connected to on `port`. Where `host` is an address, which of version 6 stands in
    /// brackets, an answer lets it through.
    ///
    /// # Errors
    ///
    /// In words, why there are none.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, String>;
}

/// One host that was resolved before. There is no other.
#[async_trait]
impl Resolve for (String, u16, Vec<IpAddr>) {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, String> {
        let (known, on, addresses) = self;
        if known == host && *on == port { Ok(addresses.clone()) } else { Err(format!("only {known}:{on} may be")) }
    }
}

impl Git {
    /// Brings a commit and its files into a folder. git's own folder stays within it and holds no secret.
    ///
    /// `tell` is given lines for whoever follows along, without secrets. After an error the folder may hold anything.
    ///
    /// # Errors
    ///
    /// [`GitError`], above all [`BranchNotFound`](GitError::BranchNotFound), [`CommitNotFound`](GitError::CommitNotFound),
    /// [`AuthenticationFailed`](GitError::AuthenticationFailed) and [`Stopped`](GitError::Stopped).
    pub async fn checkout(
        &self,
        checkout: &Checkout<'_>,
        tell: &(dyn Fn(&str) + Sync),
        stop: &CancellationToken,
    ) -> Result<Commit, GitError> {
        let halt = CancellationToken::new();
        let session = Session::new(self, checkout.url, checkout.token, checkout.resolve, tell, &halt);
        let work = checkout::bring(&session, checkout);
        process::within(self.limits, Some(checkout.into), stop, &halt, work).await
    }

    /// The hash of a branch's tip, without fetching it.
    ///
    /// # Errors
    ///
    /// As [`checkout`](Self::checkout).
    pub async fn tip(
        &self,
        url: &RepositoryUrl,
        token: Option<&Token>,
        branch: &str,
        resolve: Option<&dyn Resolve>,
        stop: &CancellationToken,
    ) -> Result<String, GitError> {
        let halt = CancellationToken::new();
        let session = Session::new(self, url, token, resolve, &|_| {}, &halt);
        process::within(self.limits, None, stop, &halt, checkout::tip(&session, url, branch)).await
    }

    /// The commit that the branch is at, with its message, into a folder that is of no other use: its files are left out where
    /// the server can do that. `checkout.commit` is not asked for.
    ///
    /// # Errors
    ///
    /// As [`checkout`](Self::checkout).
    pub async fn tip_commit(&self, checkout: &Checkout<'_>, stop: &CancellationToken) -> Result<Commit, GitError> {
        let halt = CancellationToken::new();
        let session = Session::new(self, checkout.url, checkout.token, checkout.resolve, &|_| {}, &halt);
        let work = checkout::bring_tip(&session, checkout);
        process::within(self.limits, Some(checkout.into), stop, &halt, work).await
    }

    /// The paths that differ between the commit `since` and what was checked out, both names of what was moved among
    /// them. `None` where `since` cannot be had.
    ///
    /// # Errors
    ///
    /// As [`checkout`](Self::checkout).
    pub async fn changed_paths(
        &self,
        checkout: &Checkout<'_>,
        since: &str,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<String>>, GitError> {
        let halt = CancellationToken::new();
        let session = Session::new(self, checkout.url, checkout.token, checkout.resolve, &|_| {}, &halt);
        let work = checkout::changed_paths(&session, checkout, since);
        process::within(self.limits, Some(checkout.into), stop, &halt, work).await
    }

    /// What git says of its version, such as `2.47.3`.
    ///
    /// # Errors
    ///
    /// [`GitError::GitMissing`] where there is none.
    pub async fn version(&self) -> Result<String, GitError> {
        let halt = CancellationToken::new();
        let ran = process::run(self.command(), &mut |_| {}, &|text| text.to_owned(), &halt).await?;
        let said = String::from_utf8_lossy(&ran.stdout);
        Ok(said.trim().trim_start_matches("git version ").to_owned())
    }
}
