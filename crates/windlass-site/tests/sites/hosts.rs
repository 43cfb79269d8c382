//! Which host names are sites.

use http::Method;
use windlass_site::Sites;

use crate::harness::{Kept, World};

#[tokio::test]
async fn a_host_of_three_parts_is_a_site() {
    let world = World::new().await;
    for host in [
        "main.d1.localhost",
        "main.d1.localhost:8420",
        "MAIN.D1.LocalHost:8420",
        "main.d1.localhost.",
        "main.d1.localhost.:8420",
        "main.d1.localhost:",
    ] {
        let site = world.sites.host(host).unwrap_or_else(|| panic!("{host} is a site"));
        assert_eq!((site.app().as_str(), site.branch()), ("d1", "main"), "{host}");
    }
}

#[tokio::test]
async fn any_other_host_is_not() {
    let world = World::new().await;
    for host in [
        "",
        ".",
        ":8420",
        "localhost",
        "localhost:8420",
        ".localhost",
        "d1.localhost",
        ".d1.localhost",
        "main..localhost",
        "main.d1.localhost..",
        "x.main.d1.localhost",
        "main.d1.example.com",
        "main.d1.localhost.example.com",
        "main.d1xlocalhost",
        "main.e1.localhost",
        "main.d.localhost",
        "ma_in.d1.localhost",
        "m ain.d1.localhost",
        "mäin.d1.localhost",
        "main.d1.localhost:x",
        "main.d1.localhost:99999",
        "main.d1.localhost:80:80",
        "user@main.d1.localhost",
        "127.0.0.1:8420",
        "[::1]",
        "[::1]:8420",
        "[main.d1.localhost]:8420",
    ] {
        assert_eq!(world.sites.host(host), None, "{host}");
    }
    assert_eq!(world.sites.host(&format!("{}.d1.localhost", "a".repeat(64))), None);
}

#[tokio::test]
async fn the_domain_may_be_any() {
    let world = World::new().await;
    let sites = Sites::new(world.store.clone(), world.blobs.clone(), ".Sites.Example.com.");
    assert_eq!(sites.host("feature-x.d1a.sites.example.com").unwrap().branch(), "feature-x");
    assert_eq!(sites.host("main.d1.localhost"), None);
    assert_eq!(sites.host("main.d1.example.com"), None);
}

#[tokio::test]
async fn each_branch_has_its_own_site() {
    let world = World::with(&[("index.html", b"main")], Kept::Inline).await;
    world.branch("feature/X").await;
    world.deploy("feature/X", &[("index.html", b"feature")], Kept::File).await;
    let host = world.sites.host("feature-x.d1.localhost").unwrap();
    world.ask_host(&host, Method::GET, "/", &[]).await.shows(200, "feature");
    world.get("/").await.shows(200, "main");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let world = World::new().await;
    let ask = async |host: &str| world.ask_host(&world.sites.host(host).unwrap(), Method::GET, "/", &[]).await;
    ask("main.d2.localhost").await.says(404, "There is no app d2");
    ask("other.d1.localhost").await.says(404, "App d1 has no branch other");
    ask("main.d1.localhost").await.says(404, "Nothing is deployed to this branch yet");
}
