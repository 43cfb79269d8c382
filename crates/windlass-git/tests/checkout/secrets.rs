//! Where a token goes, and where it must not be seen.

use std::path::Path;

use tokio_util::sync::CancellationToken;
use windlass_git::{Checkout, GitError, RepositoryUrl, Token};

use crate::origin::Place;
use crate::server::{Manner, Server};

const SECRET: &str = "ghp_TheSecret";
/// `x-access-token:ghp_TheSecret`.
const HEADER: &str = "Basic eC1hY2Nlc3MtdG9rZW46Z2hwX1RoZVNlY3JldA==";

#[tokio::test]
async fn a_token_opens_a_repository_and_is_seen_nowhere() {
    let place = Place::new();
    let first = place.origin("site").git(&["rev-parse", "HEAD"]);
    let server = Server::start(place.folder.path().into(), Manner::Closed(HEADER)).await;
    let url = server.address("site");
    let (into, token) = (place.fetched(), Token::new(SECRET));
    let checkout = Checkout { token: Some(&token), ..Checkout::new(&url, &into) };
    assert_eq!(*place.bring(&checkout).await.unwrap().id, *first);
    assert!(server.asked().iter().all(|asked| asked.ends_with(HEADER)), "{:?}", server.asked());
    let tip = place.git.tip(&url, Some(&token), "main", None, &CancellationToken::new()).await;
    assert_eq!(tip.unwrap(), first);
    is_nowhere(&place, &format!("{token:?} {:?}", place.git));
}

#[tokio::test]
async fn the_password_of_an_address_is_a_token_and_is_seen_nowhere() {
    let place = Place::new();
    place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Closed(HEADER)).await;
    let url = server.url("site").replace("://", &format!("://x-access-token:{SECRET}@"));
    place.fetch(&url, "main", None).await.unwrap();
    let url = RepositoryUrl::parse(&url).unwrap();
    is_nowhere(&place, &format!("{url} {url:?}"));
}

#[tokio::test]
async fn without_the_right_token_a_repository_stays_closed() {
    let place = Place::new();
    place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Closed("Basic Z2l0OmFub3RoZXI=")).await;
    let url = server.address("site");
    let token = Token::new(SECRET);
    for (token, reader) in [(None, "a reader without a token"), (Some(&token), "the token that was given")] {
        let into = place.fetched();
        let refused = place.bring(&Checkout { token, ..Checkout::new(&url, &into) }).await.unwrap_err();
        assert!(matches!(refused, GitError::AuthenticationFailed { .. }), "{refused:?}");
        assert!(refused.to_string().starts_with(&format!("{url} does not open to {reader}: ")), "{refused}");
        is_nowhere(&place, &format!("{refused} {refused:?}"));
        place.clear();
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_token_along() {
    let place = Place::new();
    place.origin("site");
    let other = Server::start(place.folder.path().into(), Manner::Open).await;
    let to = format!("http://127.0.0.1:{}", other.at.port());
    let server = Server::start(place.folder.path().into(), Manner::Moved(to)).await;
    let url = server.address("site");
    let (into, token) = (place.fetched(), Token::new(SECRET));
    let refused = place.bring(&Checkout { token: Some(&token), ..Checkout::new(&url, &into) }).await.unwrap_err();
    assert!(matches!(refused, GitError::Redirected { .. }), "{refused:?}");
    assert_eq!(other.asked(), [""; 0]);
    is_nowhere(&place, &refused.to_string());
}

#[tokio::test]
async fn a_submodule_gets_the_token_on_the_same_server_alone() {
    let place = Place::new();
    let (site, inner, outer) = (place.origin("site"), place.origin("inner"), place.origin("outer"));
    let server = Server::start(place.folder.path().into(), Manner::Closed(HEADER)).await;
    let other = Server::start(place.folder.path().into(), Manner::Open).await;
    site.git(&["submodule", "--quiet", "add", &inner.url(), "inner"]);
    site.git(&["submodule", "--quiet", "add", &outer.url(), "outer"]);
    site.git(&["submodule", "--quiet", "set-url", "inner", "../../inner/.git"]);
    site.git(&["submodule", "--quiet", "set-url", "outer", &other.url("outer")]);
    site.commit("index.html", "with submodules");
    let url = server.address("site");
    let (into, token) = (place.fetched(), Token::new(SECRET));
    place.bring(&Checkout { token: Some(&token), ..Checkout::new(&url, &into) }).await.unwrap();
    assert_eq!((place.file("inner/index.html"), place.file("outer/index.html")), ("first".into(), "first".into()));
    assert!(server.asked().iter().any(|asked| asked.contains("/inner/.git")), "{:?}", server.asked());
    assert!(!other.asked().is_empty());
    assert!(other.asked().iter().all(|asked| !asked.contains("Basic")), "{:?}", other.asked());
    is_nowhere(&place, "");
}

/// No file that was fetched, no line that was told and no text has the secret.
fn is_nowhere(place: &Place, text: &str) {
    let header = HEADER.strip_prefix("Basic ").unwrap();
    let clean = |text: &str| !text.contains(SECRET) && !text.contains(header);
    assert!(clean(text), "{text}");
    assert!(clean(&place.told()), "{}", place.told());
    let mut open = vec![place.fetched()];
    while let Some(path) = open.pop() {
        assert!(clean(path.to_str().unwrap()));
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if Path::exists(&path) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(clean(&String::from_utf8_lossy(&bytes)), "{}", path.display());
        }
    }
}
