//! Webhooks: what they are, and what calling them does.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use aws_sdk_amplify::types::{JobStatus, JobType, Webhook};
use futures_util::future::join_all;
use serde_json::json;

use crate::refusal;
use crate::support::process::windlass;
use crate::support::raw::Answer;
use crate::support::web::endless;
use crate::support::{BRANCH, World, client, ended, error, status};

impl World {
    /// An app that is connected to a repository, with a branch `main`.
    async fn connected(&self) -> String {
        let app = self.client.create_app().name("git").repository("https://127.0.0.1:1/r.git").send().await.unwrap();
        let app = app.app.unwrap().app_id;
        self.client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
        app
    }

    async fn create_webhook(&self, app: &str, branch: &str) -> Webhook {
        let call = self.client.create_webhook().app_id(app).branch_name(branch).description("on save");
        call.send().await.unwrap().webhook.unwrap()
    }

    async fn webhooks(&self, app: &str) -> Vec<String> {
        let listed = self.client.list_webhooks().app_id(app).send().await.unwrap().webhooks;
        listed.into_iter().map(|webhook| webhook.webhook_id).collect()
    }

    /// Calls a webhook, as someone else's server does.
    async fn call(&self, url: &str) -> Answer {
        let target = url.strip_prefix(self.server.endpoint()).unwrap();
        self.ask_with("POST", target, &[("content-type", "application/json")], "{}").await
    }

    /// The numbers and commits of an app's jobs on its branch, newest first.
    async fn jobs_of(&self, app: &str) -> Vec<(String, String)> {
        let jobs = self.client.list_jobs().app_id(app).branch_name(BRANCH).send().await.unwrap().job_summaries;
        jobs.into_iter().map(|job| (job.job_id, job.commit_id)).collect()
    }
}

#[tokio::test]
async fn a_webhook_is_made_shown_changed_and_deleted() {
    let world = World::new().await;
    let app = world.connected().await;
    world.client.create_branch().app_id(&app).branch_name("feature/x").send().await.unwrap();
    let made = world.create_webhook(&app, BRANCH).await;
    let id = made.webhook_id.clone();
    assert_eq!(id.len(), 36);
    assert_eq!(made.webhook_arn, format!("arn:aws:amplify:us-east-1:000000000000:apps/{app}/webhooks/{id}"));
    assert_eq!((made.app_id.as_deref(), made.branch_name.as_str()), (Some(app.as_str()), BRANCH));
    assert_eq!((made.description.as_str(), made.create_time), ("on save", made.update_time));
    let token = made.webhook_url.strip_prefix(&format!("{}/-/webhooks?id={id}&token=", world.server.endpoint()));
    assert!(token.is_some_and(|token| token.len() == 40 && token.bytes().all(|b| b.is_ascii_alphanumeric())));

    let get = || world.client.get_webhook().webhook_id(&id).send();
    assert_eq!(get().await.unwrap().webhook.unwrap(), made);
    let update = || world.client.update_webhook().webhook_id(&id);
    let changed = update().branch_name("feature/x").send().await.unwrap().webhook.unwrap();
    assert_eq!((changed.branch_name.as_str(), changed.description.as_str()), ("feature/x", "on save"));
    let changed = update().description("").send().await.unwrap().webhook.unwrap();
    assert_eq!((changed.branch_name.as_str(), changed.description.as_str()), ("feature/x", ""));
    assert_eq!((&changed.webhook_url, changed.create_time), (&made.webhook_url, made.create_time));
    assert!(changed.update_time > made.update_time);
    assert_eq!(get().await.unwrap().webhook.unwrap(), changed);

    let delete = || world.client.delete_webhook().webhook_id(&id).send();
    assert_eq!(delete().await.unwrap().webhook.unwrap(), changed);
    let gone = refusal("NotFoundException", format!("Webhook {id} not found."));
    assert_eq!(error(get().await.unwrap_err()), gone);
    assert_eq!(error(delete().await.unwrap_err()), gone);
    assert_eq!(error(update().description("x").send().await.unwrap_err()), gone);
    assert!(world.webhooks(&app).await.is_empty());
}

#[tokio::test]
async fn webhooks_are_listed_by_app_in_pages() {
    let world = World::new().await;
    let (app, other) = (world.connected().await, world.connected().await);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.create_webhook(&app, BRANCH).await.webhook_id);
        world.create_webhook(&other, BRANCH).await;
    }
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let call = world.client.list_webhooks().app_id(&app).max_results(2).set_next_token(token);
        let page = call.send().await.unwrap();
        seen.extend(page.webhooks.into_iter().map(|webhook| webhook.webhook_id));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let strange = world.client.list_webhooks().app_id(&app).next_token("zzz").send().await.unwrap_err();
    assert_eq!(error(strange), refusal("BadRequestException", "The nextToken is not one that this list gave."));
    let unknown = world.client.list_webhooks().app_id("d1").send().await.unwrap_err();
    assert_eq!(error(unknown), refusal("NotFoundException", "App d1 not found."));
}

#[tokio::test]
async fn a_webhook_is_of_a_branch_of_a_connected_app() {
    let world = World::new().await;
    let app = world.connected().await;
    let create = |app: &str, branch: &str| world.client.create_webhook().app_id(app).branch_name(branch).send();
    let refused = error(create(&world.app, BRANCH).await.unwrap_err());
    let words = format!("A webhook builds a repository's branch, and app {} is not connected to any.", world.app);
    assert_eq!(refused, refusal("BadRequestException", words));
    let refused = error(create(&app, "absent").await.unwrap_err());
    assert_eq!(refused, refusal("NotFoundException", "Branch absent not found."));
    let refused = error(create("d1", BRANCH).await.unwrap_err());
    assert_eq!(refused, refusal("NotFoundException", "App d1 not found."));
    assert!(world.webhooks(&app).await.is_empty());

    let made = world.create_webhook(&app, BRANCH).await;
    let update = world.client.update_webhook().webhook_id(&made.webhook_id).branch_name("absent").send().await;
    assert_eq!(error(update.unwrap_err()), refusal("NotFoundException", "Branch absent not found."));
    let kept = world.client.get_webhook().webhook_id(&made.webhook_id).send().await.unwrap().webhook.unwrap();
    assert_eq!(kept, made);
}

#[tokio::test]
async fn a_webhook_goes_with_its_branch_and_with_its_app() {
    let world = World::new().await;
    let app = world.connected().await;
    world.client.create_branch().app_id(&app).branch_name("dev").send().await.unwrap();
    let (of_main, of_dev) = (world.create_webhook(&app, BRANCH).await, world.create_webhook(&app, "dev").await);
    world.client.delete_branch().app_id(&app).branch_name("dev").send().await.unwrap();
    assert_eq!(world.webhooks(&app).await, [of_main.webhook_id.as_str()]);
    assert_eq!(world.call(&of_dev.webhook_url).await.status, 403);

    // A branch that is made again is another one.
    world.client.create_branch().app_id(&app).branch_name("dev").send().await.unwrap();
    assert_eq!(world.call(&of_dev.webhook_url).await.status, 403);
    world.client.delete_app().app_id(&app).send().await.unwrap();
    let gone = world.client.get_webhook().webhook_id(&of_main.webhook_id).send().await.unwrap_err();
    assert_eq!(error(gone).0, "NotFoundException");
    assert_eq!(world.call(&of_main.webhook_url).await.status, 403);
}

#[tokio::test]
async fn no_webhook_outlives_its_branch_however_close_they_are() {
    let world = World::new().await;
    let app = world.connected().await;
    for _ in 0..20 {
        world.client.create_branch().app_id(&app).branch_name("dev").send().await.unwrap();
        let create = || world.client.create_webhook().app_id(&app).branch_name("dev").send();
        let creates = join_all((0..16).map(|_| create()));
        let delete = world.client.delete_branch().app_id(&app).branch_name("dev").send();
        let (created, deleted) = tokio::join!(creates, delete);
        deleted.unwrap();
        for refused in created.into_iter().filter_map(Result::err) {
            assert_eq!(error(refused), refusal("NotFoundException", "Branch dev not found."));
        }
        assert!(world.webhooks(&app).await.is_empty());
    }
}

#[tokio::test]
async fn a_call_starts_a_job_of_the_branchs_tip() {
    let world = World::new().await;
    let app = world.connected().await;
    let webhook = world.create_webhook(&app, BRANCH).await;
    let aws = webhook.webhook_url.replace("/-/webhooks", "/prod/webhooks");
    let urls = [webhook.webhook_url.clone(), format!("{}&operation=startbuild", webhook.webhook_url), aws];
    for (number, url) in (1..).zip(urls) {
        let called = world.call(&url).await;
        let id = called.header("x-amzn-requestid").to_owned();
        let envelope = json!({ "SendMessageResponse": { "ResponseMetadata": { "RequestId": id } } });
        assert_eq!(called.ok(&url), envelope);
        assert_eq!(called.header("x-windlass-job"), number.to_string());

        let get = || world.client.get_job().app_id(&app).branch_name(BRANCH).job_id(number.to_string()).send();
        let mut job = get().await.unwrap().job.unwrap();
        let summary = job.summary.clone().unwrap();
        assert_eq!((summary.job_type, summary.commit_id.as_str()), (JobType::WebHook, "HEAD"));
        assert_eq!((summary.commit_message.as_str(), summary.source_url), ("", None));
        let mut look = tokio::time::interval(std::time::Duration::from_millis(5));
        while !ended(&status(&job)) {
            look.tick().await;
            job = get().await.unwrap().job.unwrap();
        }
    }
}

#[tokio::test]
async fn a_webhook_is_called_by_its_url_and_by_nothing_less() {
    let world = World::unsigned().await;
    let app = world.connected().await;
    let webhook = world.create_webhook(&app, BRANCH).await;
    let other = world.create_webhook(&app, BRANCH).await;
    let good = webhook.webhook_url.strip_prefix(world.server.endpoint()).unwrap();
    let (id, token) = (&webhook.webhook_id, good.rsplit('=').next().unwrap());
    let others = other.webhook_url.rsplit('=').next().unwrap().to_owned();
    let strange = "00000000-0000-0000-0000-000000000000";
    let mut answers = Vec::new();
    for query in [
        String::new(),
        "?".to_owned(),
        format!("?id={id}"),
        format!("?token={token}"),
        format!("?id={id}&token="),
        format!("?id={id}&token={others}"),
        format!("?id={id}&token={}", &token[..39]),
        format!("?id={id}&token={token}x"),
        format!("?id={id}&token={}", token.to_ascii_lowercase()),
        format!("?id={strange}&token={token}"),
        format!("?id={strange}&token={token}&operation=stop"),
    ] {
        let refused = world.ask("POST", &format!("/-/webhooks{query}"), "{}").await;
        refused.refuses(403, "AccessDeniedException", "No webhook has this URL.", &query);
        answers.push(refused.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "what is wrong is not told");

    let unknown = world.ask("POST", &format!("{good}&operation=stopbuild"), "{}").await;
    unknown.is_bad("The operation of a webhook is startbuild.", "another operation");
    for path in [good.to_owned(), good.replace("/-/", "/prod/")] {
        for method in ["GET", "PUT", "HEAD", "DELETE"] {
            let refused = world.ask(method, &path, "").await;
            assert_eq!((refused.status, refused.header("allow")), (405, "POST"), "{method} {path}");
        }
    }
    assert!(world.jobs_of(&app).await.is_empty());
    // Others than programs on this machine may call it: who has the URL has been let in.
    let called = world.ask_with("POST", good, &[("host", "hooks.example.com"), ("origin", "https://a.example")], "");
    called.await.ok("from elsewhere");
    assert_eq!(world.jobs_of(&app).await.len(), 1);
}

#[tokio::test]
async fn calls_wait_behind_the_job_that_runs_and_later_ones_take_the_place() {
    let world = World::unsigned().await;
    let job = world.start_url(&endless().await).await.job_id;
    world.until(&job, |status| *status == JobStatus::Running).await;
    world.client.update_app().app_id(&world.app).repository("https://127.0.0.1:1/r.git").send().await.unwrap();
    let webhook = world.create_webhook(&world.app, BRANCH).await;
    for _ in 0..3 {
        assert_eq!(world.call(&webhook.webhook_url).await.header("x-windlass-job"), "2");
    }
    assert_eq!(world.jobs_of(&world.app).await, [("2".into(), "HEAD".into()), ("1".into(), String::new())]);
    assert_eq!(status(&world.job("2").await), JobStatus::Pending);
    let shown = world.ask("GET", &format!("{}/jobs/2", world.branch_path()), "").await;
    assert!(shown.header("x-windlass-why").contains(": behind job 1 of the branch; "), "{shown:?}");
    world.stop(&job).await;
    world.ended("2").await;
}

#[tokio::test]
async fn a_call_does_not_take_the_place_of_a_job_that_builds_nothing() {
    let world = World::unsigned().await;
    world.create_deployment().await;
    world.client.update_app().app_id(&world.app).repository("https://127.0.0.1:1/r.git").send().await.unwrap();
    let webhook = world.create_webhook(&world.app, BRANCH).await;
    let busy = "The requested branch main already have pending or running jobs";
    world.call(&webhook.webhook_url).await.refuses(429, "LimitExceededException", busy, "a deployment waits");
    assert_eq!(status(&world.job("1").await), JobStatus::Created);
}

#[tokio::test]
async fn a_token_is_in_no_log() {
    let data = tempfile::tempdir().unwrap();
    let mut child = windlass()
        .args(["serve", "--listen", "127.0.0.1:0", "--auth", "none", "--data"])
        .arg(data.path())
        .env("RUST_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let endpoint = first.trim().strip_prefix("windlass serves ").unwrap().to_owned();
    // Read all the while, so that the server never waits for us.
    let mut stderr = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let amplify = client(&endpoint, "AKIDEXAMPLE", "secret");
    let app = amplify.create_app().name("git").repository("https://127.0.0.1:1/r.git").send().await.unwrap();
    let app = app.app.unwrap().app_id;
    amplify.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    let webhook = amplify.create_webhook().app_id(&app).branch_name(BRANCH).send().await.unwrap().webhook.unwrap();
    let called = crate::support::http().post(&webhook.webhook_url).body("{}").send().await.unwrap();
    assert_eq!(called.status(), 200);
    assert!(called.text().await.unwrap().starts_with("{\"SendMessageResponse\":{"));
    child.kill().unwrap();
    child.wait().unwrap();
    let log = log.join().unwrap();
    assert!(log.contains("/-/webhooks"), "{log}");
    assert!(!log.contains(webhook.webhook_url.rsplit('=').next().unwrap()), "{log}");
}
