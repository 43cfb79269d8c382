//! Keys of each role in the hands of AWS's own client, and how often and how much they may ask.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use windlass_http::Quota;

use crate::Request;
use crate::support::{BRANCH, World, client, error, page};

impl World {
    /// A new key, and AWS's client with it.
    async fn with_key(&self, new: serde_json::Value) -> (String, aws_sdk_amplify::Client) {
        let made = Request::good(self, "POST", "/-/keys", &new.to_string()).send(self).await.ok("CreateKey");
        let text = |name: &str| made["key"][name].as_str().unwrap().to_owned();
        let id = text("accessKeyId");
        let client = client(self.server.endpoint(), &id, &text("secretAccessKey"));
        (id, client)
    }
}

#[tokio::test]
async fn a_key_of_each_role_does_what_that_is_for_and_is_told_what_not() {
    let world = World::new().await;
    let (app, branch) = (&world.app, BRANCH);
    let other = world.client.create_app().name("other").send().await.unwrap().app.unwrap().app_id;
    let (deployer, deploys) = world.with_key(json!({ "role": "deploy", "apps": [app], "name": "ci" })).await;
    let made = deploys.create_deployment().app_id(app).branch_name(branch).send().await.unwrap();
    assert_eq!(world.put(&made.zip_upload_url, page("by ci")).await.status(), 200);
    world.start(&made.job_id.unwrap()).await;
    world.ended("1").await;
    assert_eq!(world.visit("/").await.1, "by ci");
    let retry = aws_sdk_amplify::types::JobType::Retry;
    let again = deploys.start_job().app_id(app).branch_name(branch).job_type(retry).job_id("1").send().await;
    assert_eq!(again.unwrap().job_summary.unwrap().job_id, "2");
    world.ended("2").await;
    deploys.create_deployment().app_id(app).branch_name(branch).send().await.unwrap();
    deploys.stop_job().app_id(app).branch_name(branch).job_id("3").send().await.unwrap();
    let path = format!("{}/jobs/3", world.branch_path());
    let stopped = Request::good(&world, "GET", &path, "").send(&world).await;
    assert_eq!(stopped.header("x-windlass-status-reason"), format!("stopped by {deployer}"));

    let denied = |user: &str, action: &str, path: &str| {
        let message = format!(
            "User: arn:aws:iam::000000000000:user/{user} is not authorized to perform: amplify:{action} on resource: \
             arn:aws:amplify:us-east-1:000000000000:{path}"
        );
        ("AccessDeniedException".to_owned(), message)
    };
    let elsewhere = deploys.list_jobs().app_id(&other).branch_name(branch).send().await.unwrap_err();
    assert_eq!(error(elsewhere), denied("ci", "ListJobs", &format!("apps/{other}/branches/main/jobs/*")));
    let too_far = deploys.delete_app().app_id(app).send().await.unwrap_err();
    assert_eq!(error(too_far), denied("ci", "DeleteApp", &format!("apps/{app}")));
    let apps = deploys.list_apps().send().await.unwrap().apps;
    assert_eq!(apps.iter().map(|app| &app.app_id).collect::<Vec<_>>(), [app]);

    let (_, reads) = world.with_key(json!({ "role": "read", "name": "monitor" })).await;
    assert_eq!(reads.list_apps().send().await.unwrap().apps.len(), 2);
    let stop = reads.stop_job().app_id(app).branch_name(branch).job_id("3").send().await.unwrap_err();
    assert_eq!(error(stop), denied("monitor", "StopJob", &format!("apps/{app}/branches/main/jobs/0000000003")));
}

#[tokio::test]
async fn a_key_survives_a_restart_and_not_its_revocation() {
    let first = World::with(|config| config.drain = Duration::from_secs(60)).await;
    let (id, reads) = first.with_key(json!({ "role": "read" })).await;
    reads.list_apps().send().await.unwrap();
    let World { server, data, .. } = first;
    server.shut_down().await;
    let world = World::at(data, |_| {}).await;
    let listed = Request::good(&world, "GET", "/-/keys", "").send(&world).await.ok("ListKeys");
    assert_eq!(listed["keys"][0]["accessKeyId"], id.as_str());
    Request::good(&world, "DELETE", &format!("/-/keys/{id}"), "").send(&world).await.ok("DeleteKey");
    let gone = Request::good(&world, "DELETE", &format!("/-/keys/{id}"), "").send(&world).await;
    gone.is_missing(&format!("Key {id} not found."), "a second time");
}

#[tokio::test]
async fn a_client_that_asks_too_often_or_for_too_much_is_told_so() {
    let world = World::with(|config| {
        config.request_rate = NonZeroU32::new(3);
        config.quotas.set(Quota::Apps, "1").unwrap();
    })
    .await;
    let full = world.client.create_app().name("another").send().await.unwrap_err();
    let message = "There may be no more apps: the quota apps is 1.".to_owned();
    assert_eq!(error(full), ("LimitExceededException".to_owned(), message));
    // The server's clock may go on meanwhile, but not as fast as this asks.
    let refused = loop {
        if let Err(refused) = world.client.get_app().app_id(&world.app).send().await {
            break refused;
        }
    };
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 429);
    assert!(refused.raw_response().unwrap().headers().get("x-amz-retry-after").is_some());
    assert_eq!(error(refused), ("BadRequestException".to_owned(), "Rate exceeded".to_owned()));
}

/// On a store that takes its time to commit, so that whoever does not wait for its turn counts what is no longer so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quota_is_exact_when_many_ask_at_once() {
    let world = World::with(|config| {
        config.signed = false;
        for quota in [Quota::Apps, Quota::BranchesPerApp, Quota::WebhooksPerApp, Quota::DomainsPerApp] {
            config.quotas.set(quota, "4").unwrap();
        }
    })
    .await;
    let built = world.client.create_app().name("built").repository("https://example.com/r").send().await.unwrap();
    let app = &built.app.unwrap().app_id;
    world.client.create_branch().app_id(app).branch_name(BRANCH).send().await.unwrap();
    // Two apps and one branch are there already.
    for (target, room) in [
        ("/apps".to_owned(), 2),
        (format!("/apps/{app}/branches"), 3),
        (format!("/apps/{app}/webhooks"), 4),
        (format!("/apps/{app}/domains"), 4),
    ] {
        let asked = (0..20).map(|n| {
            let name = format!("b{n}");
            let body = if target == "/apps" {
                json!({ "name": name })
            } else if target.ends_with("branches") {
                json!({ "branchName": name })
            } else if target.ends_with("webhooks") {
                json!({ "branchName": BRANCH })
            } else {
                let sub_domain = json!({ "prefix": "", "branchName": BRANCH });
                json!({ "domainName": format!("{name}.example.com"), "subDomainSettings": [sub_domain] })
            };
            world.ask("POST", &target, body.to_string())
        });
        let answers = join_all(asked).await;
        let made = answers.iter().filter(|answer| answer.status == 200).count();
        let full =
            answers.iter().filter(|answer| answer.header("x-amzn-errortype") == "LimitExceededException").count();
        assert_eq!((made, full), (room, 20 - room), "{target}: {answers:?}");
    }
}
