//! The repositories within a repository.
//!
//! They are not left to git, which would fetch them from wherever their addresses lead: each is fetched as the
//! repository is that names it, by the same rules.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::checkout::{fetch_commit, large_files, prepare, take_files};
use crate::session::Session;
use crate::{GitError, RepositoryUrl};

/// How many there may be in all.
const MOST: usize = 100;

/// A submodule as its parent names it.
struct Named {
    path: String,
    url: String,
}

/// Fetches the submodules of a checkout, and theirs.
pub(crate) async fn bring(session: &Session<'_>, top: &Path, url: &RepositoryUrl) -> Result<(), GitError> {
    let mut open = VecDeque::from([(top.to_owned(), url.clone())]);
    let mut count = 0;
    while let Some((parent, url)) = open.pop_front() {
        for named in named(session, &parent).await? {
            let Some(hash) = recorded(session, &parent, &named.path).await? else { continue };
            let wrong = |reason: String| GitError::Submodule { path: named.path.clone(), reason: reason.into() };
            count += 1;
            if count > MOST {
                return Err(wrong(format!("there are more than {MOST} of them")));
            }
            let folder = folder(&parent, &named.path).ok_or_else(|| wrong("its folder is a link".into()))?;
            let from = url.of_submodule(&named.url).map_err(|error| wrong(error.to_string()))?;
            session.tell(&format!("# Submodule {}: {from} at {hash}", named.path));
            one(session, &folder, &from, &hash).await.map_err(|error| within(error, &named.path))?;
            open.push_back((folder, from));
        }
    }
    Ok(())
}

async fn one(session: &Session<'_>, folder: &Path, url: &RepositoryUrl, hash: &str) -> Result<(), GitError> {
    prepare(session, folder).await?;
    let hash = match fetch_commit(session, folder, url, hash).await? {
        Some(hash) => hash,
        None => session.fetch_everything(folder, url, hash).await?,
    };
    take_files(session, folder, &hash).await?;
    session.do_locally("config", folder, &["config", "remote.origin.url", &url.to_string()]).await?;
    large_files(session, folder, url).await
}

/// Says where it went wrong. A stop went wrong nowhere.
fn within(error: GitError, path: &str) -> GitError {
    if matches!(error, GitError::Stopped) {
        return error;
    }
    GitError::Submodule { path: path.to_owned(), reason: error.to_string().into() }
}

/// What `.gitmodules` names.
async fn named(session: &Session<'_>, repository: &Path) -> Result<Vec<Named>, GitError> {
    let arguments = ["config", "--blob=HEAD:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.(path|url)$"];
    // It fails where there is no such file.
    let said = session.locally(repository, &arguments).await?.stdout;
    let said = String::from_utf8_lossy(&said);
    let mut found: Vec<(String, Named)> = Vec::new();
    for entry in said.split_terminator('\0') {
        let Some((key, value)) = entry.split_once('\n') else { continue };
        let Some((name, member)) = key.rsplit_once('.') else { continue };
        let place = found.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            found.push((name.to_owned(), Named { path: String::new(), url: String::new() }));
            found.len() - 1
        });
        let named = &mut found[place].1;
        if member == "path" { named.path = value.to_owned() } else { named.url = value.to_owned() }
    }
    Ok(found.into_iter().map(|(_, named)| named).filter(|named| !named.path.is_empty()).collect())
}

/// The commit that the repository has recorded for a path, where it has.
async fn recorded(session: &Session<'_>, repository: &Path, path: &str) -> Result<Option<String>, GitError> {
    let said = session
        .locally(repository, &["--literal-pathspecs", "ls-tree", "--full-tree", "-z", "HEAD", "--", path])
        .await?
        .stdout;
    let said = String::from_utf8_lossy(&said);
    let commit = said.split_terminator('\0').find_map(|entry| {
        let (entry, name) = entry.split_once('\t')?;
        entry.strip_prefix("160000 commit ").filter(|_| name == path).map(String::from)
    });
    Ok(commit)
}

/// The folder of a path in a checkout, unless a link leads out of that. No commit can have both at one path, but a file
/// system can that takes `A` for `a`.
fn folder(parent: &Path, path: &str) -> Option<PathBuf> {
    let mut folder = parent.to_owned();
    for part in path.split('/') {
        if part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git") {
            return None;
        }
        folder.push(part);
        if folder.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            return None;
        }
    }
    Some(folder)
}
