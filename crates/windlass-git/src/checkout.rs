//! From a repository's address to the files of one commit.

use std::io::ErrorKind;
use std::path::Path;

use chrono::DateTime;
use windlass::Commit;

use crate::process::is_larger;
use crate::session::Session;
use crate::submodules;
use crate::{Checkout, GitError, RepositoryUrl};

/// The API's limit for a commit's message, in characters.
const MESSAGE: usize = 10_000;
/// How much of a branch is fetched in turn, in commits, where its server does not give away a commit by its hash.
const DEPTHS: [&str; 3] = ["--depth=50", "--depth=1000", "--depth=2147483647"];
/// Where the branch's tip is kept.
const TIP: &str = "refs/remotes/origin/tip";
/// How many branches are told to someone who asks for one that is not there.
const TOLD: usize = 5;

/// What is asked for, as far as its words tell.
enum Wanted<'a> {
    Tip,
    Whole(&'a str),
    Beginning(&'a str),
}

impl<'a> Wanted<'a> {
    fn read(commit: Option<&'a str>) -> Option<Self> {
        let Some(commit) = commit.filter(|commit| *commit != "HEAD") else { return Some(Self::Tip) };
        let hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        match commit.len() {
            40 | 64 if hex => Some(Self::Whole(commit)),
            4..=63 if hex => Some(Self::Beginning(commit)),
            _ => None,
        }
    }
}

pub(crate) async fn bring(session: &Session<'_>, checkout: &Checkout<'_>) -> Result<Commit, GitError> {
    let Checkout { url, branch, commit, into, .. } = *checkout;
    let not_found = || commit_not_found(checkout, commit.unwrap_or("HEAD"));
    let wanted = Wanted::read(commit).ok_or_else(not_found)?;
    prepare(session, into).await?;
    session.tell(&format!("# Cloning repository: {url}"));
    let hash = match wanted {
        Wanted::Tip => {
            fetch_branch(session, checkout, &["--depth=1"]).await?;
            commit_called(session, into, TIP).await?.ok_or_else(not_found)?
        }
        Wanted::Whole(hash) => match fetch_commit(session, into, url, hash).await? {
            Some(hash) => hash,
            None => search(session, checkout, hash).await?,
        },
        Wanted::Beginning(hash) => search(session, checkout, hash).await?,
    };
    session.tell(&format!("# Switching to commit: {hash}"));
    if is_branch(branch) {
        let name = format!("refs/heads/{branch}");
        session.do_locally("symbolic-ref", into, &["symbolic-ref", "HEAD", &name]).await?;
    }
    take_files(session, into, &hash).await?;
    session.do_locally("config", into, &["config", "remote.origin.url", &url.to_string()]).await?;
    large_files(session, into, url).await?;
    submodules::bring(session, into, url).await?;
    let limit = session.git.limits.bytes;
    if is_larger(into, limit).await {
        return Err(GitError::TooLarge { limit });
    }
    describe(session, into, &hash).await
}

/// Brings the commit that the branch is at, with as little beside it as the server lets it.
pub(crate) async fn bring_tip(session: &Session<'_>, checkout: &Checkout<'_>) -> Result<Commit, GitError> {
    let into = checkout.into;
    prepare(session, into).await?;
    // A server that cannot leave out files sends them along.
    fetch_branch(session, checkout, &["--depth=1", "--filter=tree:0"]).await?;
    let hash = commit_called(session, into, TIP).await?.ok_or_else(|| commit_not_found(checkout, "HEAD"))?;
    describe(session, into, &hash).await
}

/// Makes an empty repository in a folder that is empty or not there.
pub(crate) async fn prepare(session: &Session<'_>, into: &Path) -> Result<(), GitError> {
    let wrong = |source| GitError::Io { path: into.to_owned(), source };
    tokio::fs::create_dir_all(into).await.map_err(wrong)?;
    let mut entries = tokio::fs::read_dir(into).await.map_err(wrong)?;
    if entries.next_entry().await.map_err(wrong)?.is_some() {
        return Err(wrong(ErrorKind::DirectoryNotEmpty.into()));
    }
    session.do_locally("init", into, &["init", "--quiet", "--template=", "--initial-branch=main"]).await?;
    Ok(())
}

/// Fetches exactly one commit. `None` where the server does not give it away by its hash.
pub(crate) async fn fetch_commit(
    session: &Session<'_>,
    into: &Path,
    url: &RepositoryUrl,
    hash: &str,
) -> Result<Option<String>, GitError> {
    let arguments = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1"];
    let ran = session.remotely(Some(into), url, &arguments, &[hash]).await?;
    if ran.status.success() {
        return commit_called(session, into, hash).await;
    }
    let refused = ["not our ref", "unadvertised object", "find remote ref", "no such remote ref"];
    if ran.said.iter().any(|line| refused.iter().any(|words| line.contains(words))) {
        return Ok(None);
    }
    Err(session.understand("fetch", url, &ran))
}

/// Fetches as much of the branch as `how` says.
async fn fetch_branch(session: &Session<'_>, checkout: &Checkout<'_>, how: &[&str]) -> Result<(), GitError> {
    let Checkout { url, branch, into, .. } = *checkout;
    if !is_branch(branch) {
        return Err(branch_not_found(session, url, branch).await);
    }
    let arguments = [&["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"], how].concat();
    let ran = session.remotely(Some(into), url, &arguments, &[&format!("+refs/heads/{branch}:{TIP}")]).await?;
    if ran.status.success() {
        Ok(())
    } else if ran.said.iter().any(|line| line.contains("find remote ref")) {
        Err(branch_not_found(session, url, branch).await)
    } else {
        Err(session.understand("fetch", url, &ran))
    }
}

/// Looks for a commit in more and more of the branch.
async fn search(session: &Session<'_>, checkout: &Checkout<'_>, beginning: &str) -> Result<String, GitError> {
    for depth in DEPTHS {
        fetch_branch(session, checkout, &[depth]).await?;
        let found =
            session.locally(checkout.into, &["rev-list", "--no-commit-header", "--format=%H", TIP, "--"]).await?;
        let listed = String::from_utf8_lossy(&found.stdout).into_owned();
        let beginning = beginning.to_ascii_lowercase();
        let mut matching = listed.lines().filter(|hash| hash.starts_with(&beginning));
        match (matching.next(), matching.next()) {
            (Some(hash), None) => return Ok(hash.to_owned()),
            (Some(_), Some(_)) => {
                return Err(GitError::CommitAmbiguous { commit: beginning, url: checkout.url.to_string() });
            }
            (None, _) => {}
        }
    }
    Err(commit_not_found(checkout, beginning))
}

/// Takes the files of a commit into the folder and lets HEAD be it.
pub(crate) async fn take_files(session: &Session<'_>, into: &Path, hash: &str) -> Result<(), GitError> {
    session.do_locally("reset", into, &["reset", "--quiet", "--hard", hash, "--"]).await.map(drop)
}

/// Fetches large files, where there are any and `git lfs` is installed.
pub(crate) async fn large_files(session: &Session<'_>, into: &Path, url: &RepositoryUrl) -> Result<(), GitError> {
    let used =
        session.locally(into, &["grep", "--quiet", "--cached", "filter=lfs", "--", ":(glob)**/.gitattributes"]).await?;
    if !used.status.success() {
        return Ok(());
    }
    if !session.locally(into, &["lfs", "version"]).await?.status.success() {
        session.tell("Warning: the repository has files in Git LFS, and git lfs is not installed: they are left out");
        return Ok(());
    }
    session.pull_large_files(into, url).await
}

/// The hash of the commit that a name stands for.
async fn commit_called(session: &Session<'_>, into: &Path, name: &str) -> Result<Option<String>, GitError> {
    let commit = format!("{name}^{{commit}}");
    let ran = session.locally(into, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).await?;
    let hash = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
    Ok(Some(hash).filter(|hash| ran.status.success() && !hash.is_empty()))
}

async fn describe(session: &Session<'_>, into: &Path, hash: &str) -> Result<Commit, GitError> {
    // Unlike `git show`, it needs no more than the commit itself.
    let format = ["--no-commit-header", "--max-count=1", "--encoding=UTF-8", "--format=%ct%n%B"];
    let arguments = [&["rev-list"], &format[..], &[hash, "--"]].concat();
    let said = session.do_locally("rev-list", into, &arguments).await?;
    let said = String::from_utf8_lossy(&said);
    let (time, message) = said.split_once('\n').unwrap_or((&said, ""));
    let time = time.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default();
    let message = message.trim_end();
    let end = message.char_indices().nth(MESSAGE).map_or(message.len(), |(end, _)| end);
    Ok(Commit { id: hash.into(), message: message[..end].into(), time })
}

pub(crate) async fn tip(session: &Session<'_>, url: &RepositoryUrl, branch: &str) -> Result<String, GitError> {
    let wanted = format!("refs/heads/{branch}");
    let name: &[&str] = if is_branch(branch) { &[&wanted] } else { &[] };
    let heads = heads(session, url, name).await?;
    // A server may answer names that only end so.
    match heads.into_iter().find(|(name, _)| *name == wanted) {
        Some((_, hash)) => Ok(hash),
        None => Err(branch_not_found(session, url, branch).await),
    }
}

/// The branches with their hashes.
async fn heads(session: &Session<'_>, url: &RepositoryUrl, names: &[&str]) -> Result<Vec<(String, String)>, GitError> {
    let ran = session.remotely(None, url, &["ls-remote", "--quiet", "--heads"], names).await?;
    if !ran.status.success() {
        return Err(session.understand("ls-remote", url, &ran));
    }
    let listed = String::from_utf8_lossy(&ran.stdout).into_owned();
    let split = |line: &str| line.split_once('\t').map(|(hash, name)| (name.to_owned(), hash.to_owned()));
    Ok(listed.lines().filter_map(split).collect())
}

pub(crate) async fn changed_paths(
    session: &Session<'_>,
    checkout: &Checkout<'_>,
    since: &str,
) -> Result<Option<Vec<String>>, GitError> {
    let Some(Wanted::Whole(since)) = Wanted::read(Some(since)) else { return Ok(None) };
    let into = checkout.into;
    let known = match commit_called(session, into, since).await? {
        Some(known) => Some(known),
        None => fetch_commit(session, into, checkout.url, since).await?,
    };
    let since = match known {
        Some(known) => known,
        None => match search(session, checkout, since).await {
            Ok(found) => found,
            Err(GitError::CommitNotFound { .. } | GitError::BranchNotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        },
    };
    let arguments = ["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", &since, "HEAD", "--"];
    let said = session.do_locally("diff", into, &arguments).await?;
    Ok(Some(String::from_utf8_lossy(&said).split_terminator('\0').map(String::from).collect()))
}

async fn branch_not_found(session: &Session<'_>, url: &RepositoryUrl, branch: &str) -> GitError {
    let heads = match heads(session, url, &[]).await {
        Ok(heads) => heads,
        Err(error) => return error,
    };
    let names = heads.into_iter().filter_map(|(name, _)| Some(name.strip_prefix("refs/heads/")?.to_owned()));
    GitError::BranchNotFound { branch: branch.into(), url: url.to_string(), others: names.take(TOLD).collect() }
}

fn commit_not_found(checkout: &Checkout<'_>, commit: &str) -> GitError {
    let Checkout { url, branch, .. } = checkout;
    GitError::CommitNotFound { commit: commit.into(), branch: (*branch).into(), url: url.to_string() }
}

/// Whether a branch can have this name. What git takes for a pattern or for two names, it takes for no name.
///
/// The rules are those of `git help check-ref-format`.
fn is_branch(name: &str) -> bool {
    let forbidden = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    !name.is_empty()
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}
