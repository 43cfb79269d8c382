//! Which names are sites, and which the API's.

use std::time::Duration;

use aws_sdk_amplify::types::{DomainStatus, SubDomainSetting};
use reqwest::Method;
use tokio::time::interval;

use crate::shown;
use crate::support::{BRANCH, World, page};

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_is_available_shows_its_branch() {
    let world = World::with_site(&[("index.html", "main")]).await;
    world.client.create_branch().app_id(&world.app).branch_name("dev").send().await.unwrap();
    associate(&world, "example.test", &[("", BRANCH), ("www", BRANCH), ("dev", "dev"), ("*", BRANCH)]).await;
    for host in ["example.test", "www.example.test:8420", "WWW.Example.TEST.", "any.example.test"] {
        assert_eq!(visit(&world, host).await, (200, "main".to_owned()), "{host}");
    }
    let (status, text) = visit(&world, "dev.example.test").await;
    assert_eq!(status, 404);
    assert!(text.contains("Nothing is deployed to this branch yet"), "{text}");

    // What goes live counts at once under every name.
    world.deploy(page("again")).await;
    assert_eq!(visit(&world, "www.example.test").await, (200, "again".to_owned()));

    world.client.delete_branch().app_id(&world.app).branch_name("dev").send().await.unwrap();
    let (status, text) = visit(&world, "dev.example.test").await;
    assert_eq!(status, 404);
    assert!(text.contains("has no branch dev"), "{text}");

    world.client.delete_domain_association().app_id(&world.app).domain_name("example.test").send().await.unwrap();
    assert!(is_api(&world, "www.example.test").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_under_every_other_name() {
    let world = World::with_site(&[("index.html", "main")]).await;
    associate(&world, "example.test", &[("www", BRANCH)]).await;
    for host in
        ["127.0.0.1", "localhost:1", "[::1]:80", "windlass.example.org", "example.test", "amplify.localhost", "x"]
    {
        assert!(is_api(&world, host).await, "{host}");
    }
    assert!(!is_api(&world, "www.example.test").await);
    assert!(!is_api(&world, &world.site_host()).await);
}

/// Whether the API answers under a name. Nobody signed the request, so it refuses it.
async fn is_api(world: &World, host: &str) -> bool {
    let response = world.at_host(Method::GET, host, "/apps").send().await.unwrap();
    response.headers().contains_key("x-amzn-requestid")
}

async fn visit(world: &World, host: &str) -> (u16, String) {
    shown(world.at_host(Method::GET, host, "/").send().await.unwrap()).await
}

/// Associates a domain, and waits until it is available.
async fn associate(world: &World, domain: &str, settings: &[(&str, &str)]) {
    let setting = |(prefix, branch): &(&str, &str)| {
        SubDomainSetting::builder().prefix(*prefix).branch_name(*branch).build().unwrap()
    };
    let call = world.client.create_domain_association().app_id(&world.app).domain_name(domain);
    call.set_sub_domain_settings(Some(settings.iter().map(setting).collect())).send().await.unwrap();
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        let call = world.client.get_domain_association().app_id(&world.app).domain_name(domain);
        let association = call.send().await.unwrap().domain_association.unwrap();
        if association.domain_status == DomainStatus::Available {
            return;
        }
    }
}
