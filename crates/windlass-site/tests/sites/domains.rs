//! Sites under names of their own.

use http::Method;
use serde_json::{Value, json};
use windlass_store::{Document, Kind};

use crate::harness::{Answer, Kept, World, app, branch, noon};

#[tokio::test]
async fn a_name_leads_to_the_branch_that_it_is_associated_with() {
    let world = world().await;
    associate(
        &world,
        "example.com",
        "AVAILABLE",
        &[("", "main"), ("www", "main"), ("dev", "feature/x"), ("A.b", "main")],
    )
    .await;
    for (host, shown) in [
        ("example.com", "main"),
        ("EXAMPLE.com.:8420", "main"),
        ("www.example.com", "main"),
        ("dev.example.com:443", "feature"),
        ("a.b.example.com", "main"),
    ] {
        visit(&world, host).await.shows(200, shown);
        assert_eq!(world.sites.host(host), None, "{host} is not below our domain");
    }
    let site = world.sites.find("Dev.Example.com:80").await.unwrap().unwrap();
    assert_eq!((site.app().as_str(), site.branch(), site.to_string().as_str()), ("d1", "feature/x", "dev.example.com"));
    let site = world.sites.find("main.d1.localhost").await.unwrap().unwrap();
    assert_eq!((site.branch(), site.to_string().as_str()), ("main", "main.d1.localhost"));
}

#[tokio::test]
async fn any_other_name_is_no_site() {
    let world = world().await;
    associate(&world, "example.com", "AVAILABLE", &[("www", "main")]).await;
    associate(&world, "localhost", "AVAILABLE", &[("", "main")]).await;
    associate(&world, "com", "AVAILABLE", &[("*", "main"), ("other", "main")]).await;
    associate(&world, "127.0.0.1", "AVAILABLE", &[("", "main")]).await;
    for host in [
        "example.com",
        "x.example.com",
        "www.www.example.com",
        "wwwexample.com",
        "other.com",
        "localhost",
        "localhost:8420",
        "127.0.0.1",
        "127.0.0.1:8420",
        "[::1]:8420",
        "com",
        "",
        ".",
        "www..example.com",
        "www.example.com..",
        "www.example.com:x",
        "me@www.example.com",
        "www.exam_ple.com",
        "%",
    ] {
        assert_eq!(world.sites.find(host).await.unwrap(), None, "{host}");
    }
}

#[tokio::test]
async fn a_star_stands_for_any_one_label() {
    let world = world().await;
    associate(&world, "example.com", "AVAILABLE", &[("*", "main"), ("dev", "feature/x")]).await;
    visit(&world, "anything.example.com").await.shows(200, "main");
    visit(&world, "dev.example.com").await.shows(200, "feature");
    assert_eq!(world.sites.find("example.com").await.unwrap(), None);
    assert_eq!(world.sites.find("a.b.example.com").await.unwrap(), None);
}

#[tokio::test]
async fn the_longest_domain_goes_first_if_it_is_available() {
    let world = world().await;
    associate(&world, "example.com", "AVAILABLE", &[("a.b", "main"), ("x.b", "main")]).await;
    associate(&world, "b.example.com", "AVAILABLE", &[("a", "feature/x")]).await;
    visit(&world, "a.b.example.com").await.shows(200, "feature");
    visit(&world, "x.b.example.com").await.shows(200, "main");
    set_status(&world, "b.example.com", "PENDING_DEPLOYMENT").await;
    visit(&world, "a.b.example.com").await.shows(200, "main");
}

#[tokio::test]
async fn only_an_available_domain_is_served_and_changes_count_at_once() {
    let world = world().await;
    associate(&world, "example.com", "PENDING_VERIFICATION", &[("", "main")]).await;
    for status in ["CREATING", "PENDING_VERIFICATION", "IN_PROGRESS", "FAILED", "available", ""] {
        set_status(&world, "example.com", status).await;
        assert_eq!(world.sites.find("example.com").await.unwrap(), None, "{status}");
    }
    set_status(&world, "example.com", "AVAILABLE").await;
    visit(&world, "example.com").await.shows(200, "main");
    let mut document = world.store.document(Kind::Domain, "example.com").await.unwrap().unwrap();
    document.version += 1;
    document.attributes["subDomainSettings"] = settings(&[("", "feature/x")]);
    world.store.update_document(&document).await.unwrap();
    visit(&world, "example.com").await.shows(200, "feature");
    world.store.delete_document(Kind::Domain, "example.com").await.unwrap();
    assert_eq!(world.sites.find("example.com").await.unwrap(), None);
}

#[tokio::test]
async fn a_branch_that_is_gone_is_named() {
    let world = world().await;
    associate(&world, "example.com", "AVAILABLE", &[("", "feature/x"), ("old", "never was")]).await;
    let uid = world.store.branch(&app(), &branch("feature/x")).await.unwrap().unwrap().uid;
    world.store.delete_branch(uid).await.unwrap();
    visit(&world, "example.com").await.says(404, "App d1 has no branch feature/x");
    visit(&world, "old.example.com").await.says(404, "App d1 has no branch never was");
}

#[tokio::test]
async fn an_association_that_makes_no_sense_is_passed_over() {
    let world = world().await;
    for (name, attributes) in [
        ("a.com", json!({})),
        ("b.com", json!({"domainStatus": "AVAILABLE"})),
        ("c.com", json!({"domainStatus": "AVAILABLE", "subDomainSettings": {"prefix": "", "branchName": "main"}})),
        ("d.com", json!({"domainStatus": "AVAILABLE", "subDomainSettings": [7, {"prefix": ""}]})),
        ("e.com", json!({"domainStatus": 7, "subDomainSettings": [{"prefix": "", "branchName": "main"}]})),
    ] {
        create(&world, name, attributes).await;
        assert_eq!(world.sites.find(name).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_name_that_was_not_seen_to_lead_here_is_nobodys() {
    let world = world().await;
    for (domain, verified) in [("a.com", json!(["www"])), ("b.com", json!(["*"]))] {
        let settings = settings(&[("", "main"), ("www", "main"), ("*", "main")]);
        let attributes = json!({"domainStatus": "AVAILABLE", "subDomainSettings": settings, "verified": verified});
        create(&world, domain, attributes).await;
    }
    // What is not verified does not stand in the way of what is.
    for name in ["www.a.com", "www.b.com", "x.b.com"] {
        assert!(world.sites.find(name).await.unwrap().is_some(), "{name}");
    }
    for name in ["a.com", "x.a.com", "b.com"] {
        assert_eq!(world.sites.find(name).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_rule_may_be_for_one_name_of_a_site() {
    let world = world().await;
    associate(&world, "example.com", "AVAILABLE", &[("", "main"), ("www", "main")]).await;
    world
        .set(json!({"customRules": [{"source": "https://example.com", "target": "https://www.example.com", "status": "302"}]}))
        .await;
    let sent = visit_path(&world, "Example.com:8420", "/a?b").await;
    assert_eq!((sent.status.as_u16(), sent.header("location")), (302, "https://www.example.com/a?b"));
    visit(&world, "www.example.com").await.shows(200, "main");
    world.get("/").await.shows(200, "main");
}

/// The app with two branches.
async fn world() -> World {
    let world = World::with(&[("index.html", b"main")], Kept::Inline).await;
    world.branch("feature/x").await;
    world.deploy("feature/x", &[("index.html", b"feature")], Kept::Inline).await;
    world
}

async fn visit(world: &World, host: &str) -> Answer {
    visit_path(world, host, "/").await
}

async fn visit_path(world: &World, host: &str, path: &str) -> Answer {
    let site = world.sites.find(host).await.unwrap().unwrap_or_else(|| panic!("{host} is a site"));
    world.ask_host(&site, Method::GET, path, &[]).await
}

async fn associate(world: &World, domain: &str, status: &str, prefixes: &[(&str, &str)]) {
    let verified: Vec<_> = prefixes.iter().map(|(prefix, _)| prefix).collect();
    let settings = settings(prefixes);
    create(world, domain, json!({"domainStatus": status, "subDomainSettings": settings, "verified": verified})).await;
}

fn settings(prefixes: &[(&str, &str)]) -> Value {
    prefixes.iter().map(|(prefix, branch)| json!({"prefix": prefix, "branchName": branch})).collect()
}

async fn create(world: &World, domain: &str, attributes: Value) {
    let document = Document {
        kind: Kind::Domain,
        id: domain.to_owned(),
        app: Some(app()),
        attributes: attributes.as_object().unwrap().clone(),
        created: noon(),
        updated: noon(),
        version: 1,
    };
    world.store.create_document(&document).await.unwrap();
}

async fn set_status(world: &World, domain: &str, status: &str) {
    let mut document = world.store.document(Kind::Domain, domain).await.unwrap().unwrap();
    document.version += 1;
    document.attributes["domainStatus"] = status.into();
    world.store.update_document(&document).await.unwrap();
}
