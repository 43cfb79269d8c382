//! Which commit is fetched, and what is known of it.

use chrono::{TimeZone as _, Utc};
use tokio_util::sync::CancellationToken;
use windlass_git::{Checkout, GitError, RepositoryUrl};

use crate::origin::{Place, git};
use crate::server::{Manner, Server};

#[tokio::test]
async fn the_tip_of_a_branch_is_fetched_without_its_history() {
    let place = Place::new();
    let origin = place.origin("site");
    let second = origin.commit("index.html", "second");
    let server = Server::start(place.folder.path().into(), Manner::Open).await;

    let commit = place.fetch(&server.url("site"), "main", None).await.unwrap();
    assert_eq!((&*commit.id, &*commit.message), (&*second, "second"));
    assert_eq!(commit.time, Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap(), "the committer's date");
    assert_eq!(place.file("index.html"), "second");
    assert_eq!(git(&place.fetched(), &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(git(&place.fetched(), &["status", "--porcelain"]), "");
    assert_eq!(git(&place.fetched(), &["branch", "--show-current"]), "main");
    assert_eq!(git(&place.fetched(), &["remote", "get-url", "origin"]), server.url("site"));
    assert!(place.told().contains(&format!("# Switching to commit: {second}")), "{}", place.told());
    let tip = place.git.tip(&server.address("site"), None, "main", None, &never()).await;
    assert_eq!(tip.unwrap(), second);
}

#[tokio::test]
async fn head_is_the_tip() {
    let place = Place::new();
    let origin = place.origin("site");
    let commit = place.fetch(&origin.url(), "main", Some("HEAD")).await.unwrap();
    assert_eq!(*commit.id, *origin.git(&["rev-parse", "HEAD"]));
}

#[tokio::test]
async fn exactly_the_commit_that_is_asked_for_is_fetched() {
    for manner in [Manner::Open, Manner::Old] {
        let place = Place::new();
        let origin = place.origin("site");
        let first = origin.git(&["rev-parse", "HEAD"]);
        for number in 0..60 {
            origin.commit("index.html", &number.to_string());
        }
        let server = Server::start(place.folder.path().into(), manner.clone()).await;
        let commit = place.fetch(&server.url("site"), "main", Some(&first)).await.unwrap();
        assert_eq!((&*commit.id, &*place.file("index.html")), (&*first, "first"), "{manner:?}");
        let history = git(&place.fetched(), &["rev-list", "--count", "--all"]);
        assert_eq!(history == "1", manner == Manner::Open, "{manner:?} gives {history} commits");
    }
}

#[tokio::test]
async fn a_short_hash_is_enough_where_one_commit_alone_begins_so() {
    let place = Place::new();
    let origin = place.origin("site");
    let first = origin.git(&["rev-parse", "HEAD"]);
    origin.commit("index.html", "second");
    // A branch may be called like a hash, and is not meant.
    origin.git(&["branch", &first[..7]]);
    let commit = place.fetch(&origin.url(), "main", Some(&first[..7].to_ascii_uppercase())).await.unwrap();
    assert_eq!(*commit.id, *first);
}

#[tokio::test]
async fn a_hash_that_is_too_short_for_one_commit_says_so() {
    let place = Place::new();
    let origin = place.origin("site");
    // Among so many there are two with the same four digits.
    let input: String =
        (0..950).map(|n| format!("commit refs/heads/many\ncommitter A <a@b> {n} +0000\ndata 1\nx\n")).collect();
    std::fs::write(place.folder.path().join("many"), input).unwrap();
    let import = format!("git fast-import --quiet < {}", place.folder.path().join("many").display());
    origin.git(&["-c", &format!("alias.import=!{import}"), "import"]);
    // They are the same each time. The last fifty are looked at first, and are not among them.
    let hashes = origin.git(&["rev-list", "many"]);
    let beginnings: Vec<_> = hashes.lines().map(|hash| &hash[..4]).collect();
    let (newest, older) = beginnings.split_at(50);
    let times = |wanted: &str| older.iter().filter(|beginning| **beginning == wanted).count();
    let twice = older.iter().find(|beginning| times(beginning) > 1 && !newest.contains(beginning));
    let refused = place.fetch(&origin.url(), "many", Some(twice.expect("two of 900 share four digits"))).await;
    assert!(matches!(&refused, Err(GitError::CommitAmbiguous { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_named() {
    let place = Place::new();
    let origin = place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    origin.git(&["tag", "v1.0"]);
    for commit in ["0123456789012345678901234567890123456789", "01234567", "v1.0", "main", "--all", "abc", ""] {
        let url = server.url("site");
        let refused = place.fetch(&url, "main", Some(commit)).await.unwrap_err().to_string();
        assert_eq!(refused, format!("the commit \"{commit}\" is not in the branch \"main\" of {url}"));
        drop(std::fs::remove_dir_all(place.fetched()));
    }
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_named_with_those_that_are() {
    let place = Place::new();
    let origin = place.origin("site");
    origin.git(&["branch", "feature/x"]);
    origin.git(&["tag", "v1.0"]);
    for branch in ["v1.0", "develop", "x", "--upload-pack=date", "ma*", "main:refs/heads/y", "", "a b", "../main"] {
        let refused = place.fetch(&origin.url(), branch, None).await.unwrap_err().to_string();
        let url = origin.url();
        let branches = "whose branches are \"feature/x\", \"main\"";
        assert_eq!(refused, format!("the branch \"{branch}\" is not in the repository {url}, {branches}"));
        place.clear();
        let url = RepositoryUrl::parse(&url).unwrap();
        let refused = place.git.tip(&url, None, branch, None, &never()).await;
        assert!(matches!(refused, Err(GitError::BranchNotFound { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_repository_without_commits_says_so() {
    let place = Place::new();
    let folder = place.folder.path().join("empty");
    git(place.folder.path(), &["init", "--quiet", "--bare", folder.to_str().unwrap()]);
    let refused = place.fetch(folder.to_str().unwrap(), "main", None).await.unwrap_err().to_string();
    assert!(refused.ends_with(", which has no branches"), "{refused}");
}

#[tokio::test]
async fn branches_with_odd_names_are_branches() {
    for branch in ["feature/x", "#1", "ü/ñ", "a'b\"c;$(date)", "+x", "a@b", "HEAD", "-x", "v1.0"] {
        let place = Place::new();
        let origin = place.origin("site");
        let main = origin.git(&["rev-parse", "HEAD"]);
        origin.git(&["tag", "v1.0"]);
        let second = origin.commit("index.html", "second");
        origin.git(&["update-ref", &format!("refs/heads/{branch}"), &second]);
        origin.git(&["update-ref", "refs/heads/main", &main]);
        let server = Server::start(place.folder.path().into(), Manner::Open).await;
        let commit = place.fetch(&server.url("site"), branch, None).await.unwrap();
        assert_eq!(*commit.id, *second, "{branch}");
        let url = server.address("site");
        assert_eq!(place.git.tip(&url, None, branch, None, &never()).await.unwrap(), second, "{branch}");
    }
}

#[tokio::test]
async fn a_message_is_kept_with_its_lines_up_to_what_the_api_allows() {
    let place = Place::new();
    let origin = place.origin("site");
    origin.commit("index.html", "Grüße 🚢\n\nzweite Zeile\n  dritte\n\n");
    let commit = place.fetch(&origin.url(), "main", None).await.unwrap();
    assert_eq!(&*commit.message, "Grüße 🚢\n\nzweite Zeile\n  dritte");
    place.clear();

    origin.commit("index.html", &"ü".repeat(12_000));
    let commit = place.fetch(&origin.url(), "main", None).await.unwrap();
    assert_eq!(*commit.message, "ü".repeat(10_000));
}

#[tokio::test]
async fn what_changed_since_an_older_commit_is_told() {
    for manner in [Manner::Open, Manner::Old] {
        let place = Place::new();
        let origin = place.origin("site");
        let first = origin.git(&["rev-parse", "HEAD"]);
        origin.commit("src/ü b.js", "new");
        origin.git(&["mv", "index.html", "home.html"]);
        let last = origin.commit("src/c.js", "new");
        let server = Server::start(place.folder.path().into(), manner).await;
        let url = server.address("site");
        let into = place.fetched();
        let checkout = Checkout::new(&url, &into);
        place.bring(&checkout).await.unwrap();
        let since = async |commit: &str| place.git.changed_paths(&checkout, commit, &never()).await.unwrap();
        let changed = ["home.html", "index.html", "src/c.js", "src/ü b.js"].map(String::from);
        assert_eq!(since(&first).await, Some(changed.to_vec()));
        assert_eq!(since(&last).await, Some(vec![]));
        assert_eq!(since("0123456789012345678901234567890123456789").await, None);
        assert_eq!(since("HEAD").await, None);
        assert_eq!(place.file("home.html"), "first", "the files stay as they are");
    }
}

#[tokio::test]
async fn what_a_branch_is_at_is_told_without_its_files() {
    for (partial, manner) in [(true, Manner::Open), (false, Manner::Open), (false, Manner::Old)] {
        let place = Place::new();
        let origin = place.origin("site");
        let tip = origin.commit("large.bin", "Second\n\n[skip-cd]");
        origin.git(&["config", "uploadpack.allowFilter", if partial { "true" } else { "false" }]);
        let server = Server::start(place.folder.path().into(), manner).await;
        let url = RepositoryUrl::parse(&server.url("site")).unwrap();
        let into = place.fetched();
        let commit = place.git.tip_commit(&Checkout::new(&url, &into), &never()).await.unwrap();
        assert_eq!((&*commit.id, &*commit.message), (&*tip, "Second\n\n[skip-cd]"));
        // What came with it, nothing else being fetched for the question.
        let objects = git(&into, &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]);
        assert_eq!(objects == "commit", partial, "{objects}");
        assert!(!into.join("large.bin").exists());
    }
    let place = Place::new();
    let url = RepositoryUrl::parse(&place.origin("site").url()).unwrap();
    let into = place.fetched();
    let checkout = Checkout { branch: "gone", ..Checkout::new(&url, &into) };
    let refused = place.git.tip_commit(&checkout, &never()).await;
    assert!(matches!(refused, Err(GitError::BranchNotFound { .. })), "{refused:?}");
}

fn never() -> CancellationToken {
    CancellationToken::new()
}
