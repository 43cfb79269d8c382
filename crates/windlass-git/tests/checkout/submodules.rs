//! Repositories within a repository.

use windlass_git::{Checkout, GitError, RepositoryUrl};

use crate::origin::{Place, git};
use crate::server::{Manner, Server};

#[tokio::test]
async fn submodules_and_theirs_are_fetched_at_the_commits_that_are_recorded() {
    for manner in [Manner::Open, Manner::Old] {
        let place = Place::new();
        let (site, inner, leaf) = (place.origin("site"), place.origin("inner"), place.origin("leaf"));
        inner.git(&["submodule", "--quiet", "add", &leaf.url(), "deep/leaf"]);
        inner.git(&["submodule", "--quiet", "set-url", "deep/leaf", "../../leaf/.git"]);
        inner.commit("index.html", "recorded");
        site.git(&["submodule", "--quiet", "add", &inner.url(), "lib/inner"]);
        site.git(&["submodule", "--quiet", "set-url", "lib/inner", "../../inner/.git"]);
        site.commit("index.html", "with a submodule");
        leaf.commit("index.html", "newer");
        inner.commit("index.html", "newer");
        let server = Server::start(place.folder.path().into(), manner).await;
        place.fetch(&server.url("site"), "main", None).await.unwrap();
        assert_eq!(place.file("lib/inner/index.html"), "recorded");
        assert_eq!(place.file("lib/inner/deep/leaf/index.html"), "first");
        assert_eq!(git(&place.fetched(), &["status", "--porcelain"]), "", "git finds them where they belong");
        assert!(place.told().contains("# Submodule deep/leaf: http://localhost"), "{}", place.told());
    }
}

#[tokio::test]
async fn a_submodule_obeys_the_rules_for_repositories() {
    let place = Place::new();
    let (site, inner) = (place.origin("site"), place.origin("inner"));
    site.git(&["submodule", "--quiet", "add", &inner.url(), "inner"]);
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    let marker = place.folder.path().join("ran");
    let (helper, local) = (format!("ext::sh -c 'touch {}'", marker.display()), inner.url());
    for (url, reason) in [
        (&*helper, "transport helper"),
        (&*local, "within a repository from elsewhere"),
        ("-u./inner", "begins with a hyphen"),
        ("git@example.com:a/b.git", "within a repository of another server"),
        ("../../../../../../x", "neither a URL"),
        ("http://localhost:1/x.git", "cannot be reached"),
    ] {
        site.git(&["config", "--file=.gitmodules", "submodule.inner.url", url]);
        site.commit("index.html", url);
        let refused = place.fetch(&server.url("site"), "main", None).await.unwrap_err();
        assert!(matches!(&refused, GitError::Submodule { path, .. } if path == "inner"), "{url}: {refused:?}");
        assert!(refused.to_string().contains(reason), "{url}: {refused}");
        place.clear();
    }
    assert!(!marker.exists());
}

#[tokio::test]
async fn a_submodule_is_connected_to_only_by_addresses_that_are_allowed() {
    let place = Place::new();
    let (site, inner) = (place.origin("site"), place.origin("inner"));
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    let other = Server::start(place.folder.path().into(), Manner::Open).await;
    site.git(&["submodule", "--quiet", "add", &inner.url(), "inner"]);
    site.git(&["config", "--file=.gitmodules", "submodule.inner.url", &other.url("inner")]);
    site.commit("index.html", "with a submodule");
    // The name is nobody's: it leads to the server by what was resolved before.
    let url = RepositoryUrl::parse(&server.url("site").replace("localhost", "site.example")).unwrap();
    let known = ("site.example".to_owned(), server.at.port(), vec![server.at.ip()]);
    let into = place.fetched();
    let checkout = Checkout { resolve: Some(&known), ..Checkout::new(&url, &into) };
    let refused = place.bring(&checkout).await.unwrap_err().to_string();
    assert!(refused.starts_with("submodule inner: localhost may not be connected to: only site.example"), "{refused}");
    assert_eq!(other.asked(), [""; 0]);
    assert_eq!(place.file("index.html"), "with a submodule", "the repository itself was fetched");
}

#[tokio::test]
async fn a_link_in_the_place_of_a_submodule_leads_nowhere() {
    let place = Place::new();
    let site = place.origin("site");
    let outside = place.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, site.folder.join("link")).unwrap();
    let text = format!("[submodule \"x\"]\n\tpath = link/x\n\turl = {}\n", site.url());
    site.commit(".gitmodules", &text);
    place.fetch(&site.url(), "main", None).await.unwrap();
    assert!(std::fs::read_dir(&outside).unwrap().next().is_none());
}
