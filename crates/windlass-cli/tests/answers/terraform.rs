//! What the tests of Terraform's AWS provider assert of apps, branches and webhooks, by AWS's own client. It is stricter
//! than the JSON: a member that is missing reads as an empty text or as a value that it does not know.

use aws_sdk_amplify::operation::create_app::builders::CreateAppFluentBuilder;
use aws_sdk_amplify::operation::update_app::builders::UpdateAppFluentBuilder;
use aws_sdk_amplify::types::{App, Branch, CacheConfigType, CustomRule, Platform};

use crate::support::{BRANCH, World, error};

const REPOSITORY: &str = "https://127.0.0.1:1/r.git";

async fn made(call: CreateAppFluentBuilder) -> App {
    call.send().await.unwrap().app.unwrap()
}

async fn changed(call: UpdateAppFluentBuilder) -> App {
    call.send().await.unwrap().app.unwrap()
}

fn rule(source: &str) -> CustomRule {
    CustomRule::builder().source(source).target("/index.html").status("404").build().unwrap()
}

impl World {
    async fn new_branch(&self, name: &str) -> Branch {
        self.client.create_branch().app_id(&self.app).branch_name(name).send().await.unwrap().branch.unwrap()
    }
}

#[tokio::test]
async fn a_new_app_is_as_terraform_expects() {
    let world = World::new().await;
    let app = made(world.client.create_app().name("tf")).await;
    assert_eq!(app.app_arn, format!("arn:aws:amplify:us-east-1:000000000000:apps/{}", app.app_id));
    assert!(app.default_domain.starts_with(&format!("{}.", app.app_id)), "{app:?}");
    assert_eq!(app.platform, Platform::Web);
    assert_eq!(app.cache_config.unwrap().r#type, CacheConfigType::AmplifyManaged);
    let switches = [app.enable_branch_auto_build, app.enable_basic_auth];
    assert_eq!((switches, app.enable_branch_auto_deletion), ([false; 2], Some(false)));
    assert_eq!(app.enable_auto_branch_creation, Some(false));
    assert_eq!((&*app.description, &*app.repository), ("", ""));
    assert_eq!(
        (app.build_spec.unwrap_or_default(), app.custom_headers.unwrap_or_default()),
        (String::new(), String::new())
    );
    assert!(app.environment_variables.is_empty() && app.custom_rules.unwrap_or_default().is_empty());
    assert_eq!(
        (app.auto_branch_creation_config, app.production_branch, app.basic_auth_credentials),
        (None, None, None)
    );
}

#[tokio::test]
async fn tokens_are_taken_and_never_told() {
    let world = World::new().await;
    for (access, oauth) in [(Some("hush"), None), (None, Some("hush"))] {
        let call = world.client.create_app().name("tf").repository(REPOSITORY);
        let call = call.set_access_token(access.map(str::to_owned)).set_oauth_token(oauth.map(str::to_owned));
        let app = made(call).await;
        assert!(!format!("{app:?}").contains("hush"), "{app:?}");
        let shown = world.client.get_app().app_id(&app.app_id).send().await.unwrap().app.unwrap();
        assert_eq!((&shown, &*shown.repository), (&app, REPOSITORY));
    }
}

#[tokio::test]
async fn variables_and_rules_go_from_one_to_two_to_none() {
    let world = World::new().await;
    let app = made(world.client.create_app().name("tf").environment_variables("A", "1").custom_rules(rule("/a"))).await;
    let update = || world.client.update_app().app_id(&app.app_id);
    assert_eq!(app.environment_variables, [("A".to_owned(), "1".to_owned())].into());
    let two = changed(update().environment_variables("A", "2").environment_variables("B", "2")).await;
    assert_eq!(two.environment_variables, ["A", "B"].map(|name| (name.to_owned(), "2".to_owned())).into());
    assert_eq!(two.custom_rules, Some(vec![rule("/a")]));
    let two = changed(update().custom_rules(rule("/b")).custom_rules(rule("/a"))).await;
    assert_eq!(two.custom_rules, Some(vec![rule("/b"), rule("/a")]));
    let none = changed(update().environment_variables("", "").set_custom_rules(Some(Vec::new()))).await;
    assert!(none.environment_variables.is_empty() && none.custom_rules.unwrap_or_default().is_empty());
}

#[tokio::test]
async fn what_is_left_out_of_an_update_is_kept() {
    let world = World::new().await;
    let call = world.client.create_app().name("tf").build_spec("version: 1").enable_basic_auth(true);
    let app = made(call.basic_auth_credentials("dXNlcjpwYXNz")).await;
    let changed = changed(world.client.update_app().app_id(&app.app_id).name("renamed")).await;
    assert_eq!((&*changed.name, changed.build_spec.as_deref()), ("renamed", Some("version: 1")));
    let credentials = changed.basic_auth_credentials.as_deref();
    assert_eq!((credentials, changed.enable_basic_auth), (Some("dXNlcjpwYXNz"), true));
}

#[tokio::test]
async fn a_new_branch_is_as_terraform_expects() {
    let world = World::new().await;
    let branch = world.new_branch("tf").await;
    assert_eq!(branch.branch_arn, format!("arn:aws:amplify:us-east-1:000000000000:apps/{}/branches/tf", world.app));
    assert_eq!((&*branch.display_name, &*branch.description, &*branch.framework), ("tf", "", ""));
    // The SDK knows no stage `NONE`: it is what AWS answers, and not what stands for nothing.
    assert_eq!((branch.stage.as_str(), &*branch.ttl), ("NONE", "5"));
    let switches = [branch.enable_basic_auth, branch.enable_notification, branch.enable_pull_request_preview];
    assert_eq!((switches, branch.enable_performance_mode), ([false; 3], Some(false)));
    assert_eq!((&*branch.total_number_of_jobs, &*branch.active_job_id), ("0", ""));
    assert_eq!((branch.backend_environment_arn, branch.basic_auth_credentials, branch.build_spec), (None, None, None));
    assert!(branch.associated_resources.unwrap_or_default().is_empty() && branch.custom_domains.is_empty());
    for sent in [true, false] {
        let call = world.client.create_branch().app_id(&world.app).branch_name(sent.to_string());
        assert_eq!(call.enable_auto_build(sent).send().await.unwrap().branch.unwrap().enable_auto_build, sent);
    }
}

#[tokio::test]
async fn a_webhook_has_an_arn_of_its_app() {
    let world = World::new().await;
    let app = made(world.client.create_app().name("tf").repository(REPOSITORY)).await;
    world.client.create_branch().app_id(&app.app_id).branch_name(BRANCH).send().await.unwrap();
    let webhook = world.client.create_webhook().app_id(&app.app_id).branch_name(BRANCH).send().await.unwrap();
    let webhook = webhook.webhook.unwrap();
    assert_eq!(webhook.webhook_arn, format!("{}/webhooks/{}", app.app_arn, webhook.webhook_id));
    assert_eq!((&*webhook.branch_name, &*webhook.description), (BRANCH, ""));
    assert!(webhook.webhook_url.starts_with("http"), "{webhook:?}");

    let get = world.client.get_webhook().webhook_id(&webhook.webhook_id);
    let delete = world.client.delete_webhook().webhook_id(&webhook.webhook_id);
    delete.clone().send().await.unwrap();
    assert_eq!(error(get.send().await.unwrap_err()).0, "NotFoundException");
    assert_eq!(error(delete.send().await.unwrap_err()).0, "NotFoundException");
}

#[tokio::test]
async fn what_is_deleted_is_not_found_and_is_not_deleted_twice() {
    let world = World::new().await;
    let get = world.client.get_branch().app_id(&world.app).branch_name(BRANCH);
    let delete = world.client.delete_branch().app_id(&world.app).branch_name(BRANCH);
    delete.clone().send().await.unwrap();
    let gone = ("NotFoundException".to_owned(), format!("Branch {BRANCH} not found."));
    assert_eq!([error(get.send().await.unwrap_err()), error(delete.send().await.unwrap_err())], [gone.clone(), gone]);

    let get = world.client.get_app().app_id(&world.app);
    let delete = world.client.delete_app().app_id(&world.app);
    delete.clone().send().await.unwrap();
    let gone = ("NotFoundException".to_owned(), format!("App {} not found.", world.app));
    assert_eq!([error(get.send().await.unwrap_err()), error(delete.send().await.unwrap_err())], [gone.clone(), gone]);
}
