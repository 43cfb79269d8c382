//! Files in Git LFS.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use windlass_git::{Checkout, Git, GitError, RepositoryUrl, Token};

use crate::origin::{Origin, Place, git};
use crate::server::{Manner, Server};

const SECRET: &str = "ghp_TheSecret";
/// `x-access-token:ghp_TheSecret`.
const HEADER: &str = "Basic eC1hY2Nlc3MtdG9rZW46Z2hwX1RoZVNlY3JldA==";

#[tokio::test]
async fn files_in_git_lfs_are_fetched_with_the_token_and_no_pointer_is_left() {
    if !is_installed() {
        return;
    }
    let place = Place::new();
    let site = place.origin("site");
    let picture = "\u{0}picture".repeat(50_000);
    commit_large(&site, "img/logo.png", &picture);
    let pointer = site.git(&["show", "HEAD:img/logo.png"]);
    assert!(pointer.starts_with("version https://git-lfs.github.com/spec/v1"), "{pointer}");
    let server = Server::start(place.folder.path().into(), Manner::Closed(HEADER)).await;
    let url = RepositoryUrl::parse(&server.url("site")).unwrap();
    let (into, token) = (place.fetched(), Token::new(SECRET));
    place.bring(&Checkout { token: Some(&token), ..Checkout::new(&url, &into) }).await.unwrap();
    assert!(place.file("img/logo.png") == picture, "{}", place.told());
    assert_eq!(place.file("index.html"), "first");
    let asked = server.asked();
    for wanted in ["POST /site/.git/info/lfs/objects/batch", "GET /objects/"] {
        assert!(asked.iter().any(|asked| asked.starts_with(wanted) && asked.ends_with(HEADER)), "{wanted}: {asked:#?}");
    }
    assert!(!place.told().contains("ghp_"), "{}", place.told());
}

#[tokio::test]
async fn a_file_in_git_lfs_that_its_server_does_not_have_fails_the_checkout() {
    if !is_installed() {
        return;
    }
    let place = Place::new();
    let site = place.origin("site");
    commit_large(&site, "logo.png", "picture");
    std::fs::remove_dir_all(site.folder.join(".git/lfs/objects")).unwrap();
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    let refused = place.fetch(&server.url("site"), "main", None).await.unwrap_err();
    assert!(matches!(refused, GitError::Failed { what: "lfs pull", .. }), "{refused:?}");
    assert!(refused.to_string().contains("object not found"), "{refused}");
}

#[tokio::test]
async fn a_repository_cannot_send_for_its_files_elsewhere() {
    if !is_installed() {
        return;
    }
    let place = Place::new();
    let site = place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    let other = Server::start(place.folder.path().into(), Manner::Open).await;
    std::fs::write(site.folder.join(".lfsconfig"), format!("[lfs]\n\turl = {}/info/lfs\n", other.url("site"))).unwrap();
    commit_large(&site, "logo.png", "picture");
    place.fetch(&server.url("site"), "main", None).await.unwrap();
    assert_eq!(place.file("logo.png"), "picture");
    assert_eq!(other.asked(), [""; 0]);
}

#[tokio::test]
async fn files_in_git_lfs_are_missed_aloud_where_it_is_not_installed() {
    let mut place = Place::new();
    let site = place.origin("site");
    site.commit(".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n");
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    place.git = Git { path: with_git_alone(&place).into(), ..Git::default() };
    place.fetch(&server.url("site"), "main", None).await.unwrap();
    assert!(place.told().contains("git lfs is not installed: they are left out"), "{}", place.told());
}

/// Whether git lfs is here. Where it is not, these tests say so.
#[expect(clippy::print_stderr, reason = "a test that is skipped says why, aloud")]
fn is_installed() -> bool {
    let found = program("git-lfs").is_some();
    if !found {
        assert!(std::env::var_os("WINDLASS_GIT_LFS_REQUIRED").is_none(), "git-lfs is not installed");
        eprintln!("not tested: git-lfs (Debian's package git-lfs) is not installed");
    }
    found
}

/// Commits a file as its pointer, and keeps it where a server finds it.
fn commit_large(origin: &Origin, path: &str, content: &str) {
    origin.commit(".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n");
    let file = origin.folder.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
    let filter = ["-c", "filter.lfs.clean=git-lfs clean -- %f", "-c", "filter.lfs.required=true"];
    git(&origin.folder, &[&filter[..], &["add", "--all"]].concat());
    git(&origin.folder, &[&filter[..], &["commit", "--quiet", "-m", "large"]].concat());
}

/// A folder whose only program is git.
fn with_git_alone(place: &Place) -> PathBuf {
    let tools = place.folder.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    symlink(program("git").unwrap(), tools.join("git")).unwrap();
    tools
}

fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&Git::default().path).map(|folder: PathBuf| folder.join(name)).find(|path| Path::exists(path))
}
