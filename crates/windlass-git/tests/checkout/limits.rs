//! Stops, and limits of time and bytes.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use windlass_git::{Checkout, Git, GitError, Limits, RepositoryUrl};

use crate::origin::Place;
use crate::server::{Manner, Server};

#[tokio::test]
async fn a_stop_ends_every_process_of_a_fetch_that_hangs() {
    let place = Place::new();
    place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Stuck).await;
    let url = server.address("site");
    let (into, stop) = (place.fetched(), CancellationToken::new());
    let checkout = Checkout::new(&url, &into);
    let fetch = place.git.checkout(&checkout, &|_| {}, &stop);
    let stopped = async {
        server.is_asked_for("POST").await;
        while processes_of(&into) == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(fetch, stopped);
    assert!(matches!(ended, Err(GitError::Stopped)), "{ended:?}");
    assert_eq!(processes_of(&into), 0);
}

#[tokio::test]
async fn a_fetch_that_is_dropped_leaves_no_process() {
    let place = Place::new();
    place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Stuck).await;
    let url = server.address("site");
    let (into, stop) = (place.fetched(), CancellationToken::new());
    let checkout = Checkout::new(&url, &into);
    tokio::select! {
        ended = place.git.checkout(&checkout, &|_| {}, &stop) => panic!("{ended:?}"),
        () = server.is_asked_for("POST") => {}
    }
    while processes_of(&into) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_stopped_before_does_not_begin() {
    let place = Place::new();
    let origin = place.origin("site");
    let url = RepositoryUrl::parse(&origin.url()).unwrap();
    let (into, stop) = (place.fetched(), CancellationToken::new());
    stop.cancel();
    let ended = place.git.checkout(&Checkout::new(&url, &into), &|_| {}, &stop).await;
    assert!(matches!(ended, Err(GitError::Stopped)), "{ended:?}");
}

#[tokio::test]
async fn time_ends_a_fetch_that_hangs() {
    let mut place = Place::new();
    place.origin("site");
    let limits = Limits { time: Duration::from_secs(1), ..Limits::default() };
    place.git = Git { limits, ..Git::default() };
    let server = Server::start(place.folder.path().into(), Manner::Stuck).await;
    let refused = place.fetch(&server.url("site"), "main", None).await.unwrap_err();
    assert_eq!(refused.to_string(), "it took longer than 1 s");
    assert_eq!(processes_of(&place.fetched()), 0);
}

#[tokio::test]
async fn a_repository_that_is_too_large_is_refused() {
    let mut place = Place::new();
    let origin = place.origin("site");
    // Packed it is small, and its files are not.
    std::fs::write(origin.folder.join("zeros"), "0".repeat(3_000_000)).unwrap();
    origin.commit("index.html", "with zeros");
    let limits = Limits { bytes: 2_000_000, ..Limits::default() };
    place.git.limits = limits;
    let refused = place.fetch(&origin.url(), "main", None).await.unwrap_err();
    assert!(matches!(refused, GitError::TooLarge { limit: 2_000_000 }), "{refused:?}");
}

/// How many processes have this folder in their environment.
fn processes_of(folder: &std::path::Path) -> usize {
    let wanted = format!("GIT_DIR={}", folder.join(".git").display());
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let environments = processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
    environments
        .filter(|environment| environment.split(|byte| *byte == 0).any(|line| line == wanted.as_bytes()))
        .count()
}
