//! Repositories to fetch from, made by git without the configuration of whoever runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use windlass::Commit;
use windlass_git::{Checkout, Git, GitError, RepositoryUrl};

/// The environment of git as nobody in particular.
pub(crate) const NOBODY: [(&str, &str); 3] =
    [("HOME", "/dev/null"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")];

/// A folder for repositories and for what is fetched from them.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) git: Git,
    told: Mutex<Vec<String>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let git = Git { allow_local: true, ..Git::default() };
        Self { folder: tempfile::tempdir().unwrap(), git, told: Mutex::default() }
    }

    /// Where what is fetched goes.
    pub(crate) fn fetched(&self) -> PathBuf {
        self.folder.path().join("fetched")
    }

    /// Makes room to fetch again.
    pub(crate) fn clear(&self) {
        std::fs::remove_dir_all(self.fetched()).unwrap();
    }

    /// A repository with one commit on `main`.
    pub(crate) fn origin(&self, name: &str) -> Origin {
        let origin = Origin { folder: self.folder.path().join(name) };
        std::fs::create_dir(&origin.folder).unwrap();
        origin.git(&["init", "--quiet", "--initial-branch=main"]);
        origin.commit("index.html", "first");
        origin
    }

    /// Fetches, with the address that `text` is.
    pub(crate) async fn fetch(&self, text: &str, branch: &str, commit: Option<&str>) -> Result<Commit, GitError> {
        let url = RepositoryUrl::parse(text)?;
        let into = self.fetched();
        self.bring(&Checkout { branch, commit, ..Checkout::new(&url, &into) }).await
    }

    pub(crate) async fn bring(&self, checkout: &Checkout<'_>) -> Result<Commit, GitError> {
        let tell = |line: &str| self.told.lock().unwrap().push(line.to_owned());
        self.git.checkout(checkout, &tell, &CancellationToken::new()).await
    }

    pub(crate) fn told(&self) -> String {
        self.told.lock().unwrap().join("\n")
    }

    /// The text of a fetched file.
    pub(crate) fn file(&self, path: &str) -> String {
        std::fs::read_to_string(self.fetched().join(path)).unwrap()
    }
}

pub(crate) struct Origin {
    pub(crate) folder: PathBuf,
}

impl Origin {
    pub(crate) fn url(&self) -> String {
        self.folder.to_str().unwrap().to_owned()
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.folder, arguments)
    }

    /// Writes a file and commits it; the hash.
    pub(crate) fn commit(&self, path: &str, content: &str) -> String {
        let file = self.folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", content]);
        self.git(&["rev-parse", "HEAD"])
    }
}

/// Runs git as nobody in particular.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let ran = Command::new("git")
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", Git::default().path)
        .envs(NOBODY)
        .envs([("GIT_AUTHOR_DATE", "1600000000 +0200"), ("GIT_COMMITTER_DATE", "1767258000 -0500")])
        .output()
        .unwrap();
    assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}
