//! How much there may be.

use axum::body::Body;
use chrono::TimeDelta;
use http::Request;
use serde_json::{Value, json};
use windlass_http::{InvalidQuota, Quota, Quotas};

use crate::World;

fn limited(limits: &[(Quota, &str)]) -> Quotas {
    let mut quotas = Quotas::default();
    for (quota, limit) in limits {
        quotas.set(*quota, limit).unwrap();
    }
    quotas
}

async fn world(quota: Quota, limit: &str) -> World {
    World::with(|settings| settings.quotas = limited(&[(quota, limit)])).await
}

const EXCEEDED: &str = "LimitExceededException";

#[test]
fn quotas_have_names_awss_figures_and_ours() {
    let shown = Quota::ALL.map(|quota| (quota.as_str(), quota.of_aws(), Quotas::default().limit(quota)));
    assert_eq!(
        shown,
        [
            ("apps", 25, None),
            ("app-creations-per-hour", 25, None),
            ("branches-per-app", 50, None),
            ("domains-per-app", 5, None),
            ("subdomains-per-domain", 50, None),
            ("webhooks-per-app", 50, None),
            ("zip-size", 5_000_000_000, Some(5_000_000_000)),
        ]
    );
    for quota in Quota::ALL {
        assert_eq!(quota.as_str().parse(), Ok(quota));
    }
}

#[test]
fn what_is_no_quota_and_what_is_no_limit_is_named() {
    let unknown = "App".parse::<Quota>().unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no quota \"App\"; there are apps, app-creations-per-hour, branches-per-app, domains-per-app, \
         subdomains-per-domain, webhooks-per-app, zip-size"
    );
    let mut quotas = Quotas::default();
    for given in ["", "-1", "+1", "1.5", "many", " 1", "18446744073709551616"] {
        let refused = quotas.set(Quota::Apps, given).unwrap_err();
        assert_eq!(refused, InvalidQuota::Number { quota: Quota::Apps, least: 0, given: given.to_owned() });
    }
    let nothing = quotas.set(Quota::ZipSize, "0").unwrap_err();
    assert_eq!(nothing.to_string(), "the quota zip-size is a whole number from 1 on, not \"0\"");
    assert_eq!(quotas, Quotas::default());
    assert_eq!((quotas.set(Quota::Apps, "0"), quotas.set(Quota::Apps, "7")), (Ok(None), Ok(Some(0))));
    assert_eq!(quotas.limit(Quota::Apps), Some(7));
}

#[tokio::test]
async fn there_are_no_more_apps_than_the_quota_says() {
    let world = world(Quota::Apps, "2").await;
    let second = world.make_app("second").await;
    let third = world.admin("POST", "/apps", json!({ "name": "third" })).await;
    third.refuses(429, EXCEEDED, "There may be no more apps: the quota apps is 2.");
    world.admin("DELETE", &format!("/apps/{second}"), Value::Null).await.ok();
    world.make_app("third").await;
}

#[tokio::test]
async fn apps_that_were_deleted_count_for_the_hour_in_which_they_were_made() {
    let world = world(Quota::AppCreationsPerHour, "3").await;
    world.clock.advance(TimeDelta::minutes(20));
    let second = world.make_app("second").await;
    world.admin("DELETE", &format!("/apps/{second}"), Value::Null).await.ok();
    world.make_app("third").await;
    let words = "There may be no more apps within an hour: the quota app-creations-per-hour is 3.";
    let more = async || world.admin("POST", "/apps", json!({ "name": "more" })).await;
    more().await.refuses(429, EXCEEDED, words);
    // The first is an hour old then, and one may be made; the others are after 20 minutes more.
    world.clock.advance(TimeDelta::minutes(40));
    more().await.ok();
    more().await.refuses(429, EXCEEDED, words);
    world.clock.advance(TimeDelta::minutes(20));
    more().await.ok();
    more().await.ok();
    more().await.refuses(429, EXCEEDED, words);
}

#[tokio::test]
async fn an_app_has_no_more_branches_than_the_quota_says() {
    let world = world(Quota::BranchesPerApp, "2").await;
    let branches = format!("/apps/{}/branches", world.app);
    let make = async |name: &str| world.admin("POST", &branches, json!({ "branchName": name })).await;
    make("b").await.ok();
    make("c").await.refuses(429, EXCEEDED, "There may be no more branches: the quota branches-per-app is 2.");
    world.admin("DELETE", &format!("{branches}/b"), Value::Null).await.ok();
    make("c").await.ok();
    // Each app has its own, and one that is not there is told first.
    world.make_app("another").await;
    let nowhere = world.admin("POST", "/apps/d0/branches", json!({ "branchName": "a" })).await;
    nowhere.refuses(404, "NotFoundException", "App d0 not found.");
}

#[tokio::test]
async fn an_app_has_no_more_webhooks_and_domains_than_the_quotas_say() {
    let limits = [(Quota::WebhooksPerApp, "1"), (Quota::DomainsPerApp, "1")];
    let world = World::with(|settings| settings.quotas = limited(&limits)).await;
    let webhook =
        async || world.admin("POST", &format!("/apps/{}/webhooks", world.app), json!({ "branchName": "main" })).await;
    webhook().await.ok();
    webhook().await.refuses(429, EXCEEDED, "There may be no more webhooks: the quota webhooks-per-app is 1.");
    let domain = async |name: &str| {
        let body = json!({ "domainName": name, "subDomainSettings": [{ "prefix": "", "branchName": "main" }] });
        world.admin("POST", &format!("/apps/{}/domains", world.app), body).await
    };
    domain("a.example.com").await.ok();
    domain("b.example.com").await.refuses(
        429,
        EXCEEDED,
        "There may be no more domains: the quota domains-per-app is 1.",
    );
}

#[tokio::test]
async fn a_domain_has_no_more_subdomains_than_the_quota_says() {
    let world = world(Quota::SubdomainsPerDomain, "2").await;
    let settings = |prefixes: &[&str]| -> Value {
        prefixes.iter().map(|prefix| json!({ "prefix": prefix, "branchName": "main" })).collect()
    };
    let words = "There may be no more subdomains: the quota subdomains-per-domain is 2.";
    let domains = format!("/apps/{}/domains", world.app);
    let new = |prefixes: &[&str]| json!({ "domainName": "example.com", "enableAutoSubDomain": true, "subDomainSettings": settings(prefixes) });
    world.admin("POST", &domains, new(&["a", "b", "c"])).await.refuses(429, EXCEEDED, words);
    world.admin("POST", &domains, new(&["a"])).await.ok();
    let one = format!("{domains}/example.com");
    let change = json!({ "subDomainSettings": settings(&["a", "b", "c"]) });
    world.admin("POST", &one, change).await.refuses(429, EXCEEDED, words);
    // A branch is made all the same where there is no room for a sub-domain of its own.
    for (branch, sub_domains) in [("second", 2), ("third", 2)] {
        let made = json!({ "branchName": branch });
        world.admin("POST", &format!("/apps/{}/branches", world.app), made).await.ok();
        let shown = world.admin("GET", &one, Value::Null).await;
        assert_eq!(shown.ok()["domainAssociation"]["subDomains"].as_array().unwrap().len(), sub_domains);
    }
}

#[tokio::test]
async fn an_upload_is_no_larger_than_the_quota_says() {
    let world = world(Quota::ZipSize, "10").await;
    let app = world.admin("POST", "/apps", json!({ "name": "by hand" })).await;
    let app = app.ok()["app"]["appId"].as_str().unwrap();
    world.admin("POST", &format!("/apps/{app}/branches"), json!({ "branchName": "main" })).await.ok();
    let made = world.admin("POST", &format!("/apps/{app}/branches/main/deployments"), json!({})).await;
    let url = made.ok()["zipUploadUrl"].as_str().unwrap();
    for (bytes, status) in [(11, 413), (10, 200)] {
        let put = Request::put(url).header("host", "windlass.test").body(Body::from(vec![0; bytes])).unwrap();
        let answer = world.send(put).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 413 {
            assert_eq!(answer.message(), "The body is larger than 10 bytes, the quota zip-size.");
        }
    }
}
