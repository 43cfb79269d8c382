//! Backend environments.

use chrono::TimeDelta;
use serde_json::json;

use crate::refusal;
use crate::support::{World, error};

impl World {
    async fn create_environment(&self, name: &str) {
        self.client.create_backend_environment().app_id(&self.app).environment_name(name).send().await.unwrap();
    }
}

#[tokio::test]
async fn an_environment_is_made_shown_and_deleted() {
    let world = World::unsigned().await;
    for name in ["dev", "a/b c", "ü%", ".."] {
        let create = world.client.create_backend_environment().app_id(&world.app).environment_name(name);
        let create = create.stack_name("amplify-stack").deployment_artifacts("amplify-bucket");
        let made = create.clone().send().await.unwrap().backend_environment.unwrap();
        let arn = format!("arn:aws:amplify:us-east-1:000000000000:apps/{}/backendenvironments/{name}", world.app);
        assert_eq!((made.backend_environment_arn.as_str(), made.environment_name.as_str()), (arn.as_str(), name));
        assert_eq!(made.stack_name.as_deref(), Some("amplify-stack"));
        assert_eq!(made.deployment_artifacts.as_deref(), Some("amplify-bucket"));
        assert_eq!(made.create_time, made.update_time);
        world.clock.advance(TimeDelta::hours(1));

        let get = || world.client.get_backend_environment().app_id(&world.app).environment_name(name).send();
        assert_eq!(get().await.unwrap().backend_environment.unwrap(), made);
        let words = format!("The backend environment {name} already exists for the app {}.", world.app);
        assert_eq!(error(create.send().await.unwrap_err()), refusal("BadRequestException", words));
        assert_eq!(get().await.unwrap().backend_environment.unwrap(), made);

        let delete = || world.client.delete_backend_environment().app_id(&world.app).environment_name(name).send();
        assert_eq!(delete().await.unwrap().backend_environment.unwrap(), made);
        let gone = refusal("NotFoundException", format!("Backend environment {name} not found."));
        assert_eq!(error(get().await.unwrap_err()), gone);
        assert_eq!(error(delete().await.unwrap_err()), gone);
    }
}

#[tokio::test]
async fn environments_are_listed_by_app_and_name_in_pages() {
    let world = World::unsigned().await;
    let other = world.client.create_app().name("other").send().await.unwrap().app.unwrap().app_id;
    world.client.create_backend_environment().app_id(&other).environment_name("dev").send().await.unwrap();
    let names = ["prod", "dev", "test"];
    for name in names {
        world.create_environment(name).await;
    }
    let list = || world.client.list_backend_environments().app_id(&world.app);
    let first = list().max_results(2).send().await.unwrap();
    let second = list().max_results(2).set_next_token(first.next_token).send().await.unwrap();
    assert_eq!(second.next_token, None);
    let listed = first.backend_environments.iter().chain(&second.backend_environments);
    assert_eq!(listed.map(|one| one.environment_name.as_str()).collect::<Vec<_>>(), names);

    let named = |name: &str| list().environment_name(name).send();
    let dev = named("dev").await.unwrap().backend_environments;
    assert_eq!(dev.len(), 1);
    assert!(dev[0].backend_environment_arn.contains(&world.app));
    assert!(named("de").await.unwrap().backend_environments.is_empty());
    let strange = list().next_token("zzz").send().await.unwrap_err();
    assert_eq!(error(strange), refusal("BadRequestException", "The nextToken is not one that this list gave."));

    // What is not given is not shown.
    let target = format!("/apps/{}/backendenvironments/dev", world.app);
    let shown = world.ask("GET", &target, "").await.ok("GetBackendEnvironment")["backendEnvironment"].take();
    let members: Vec<_> = shown.as_object().unwrap().keys().collect();
    assert_eq!(json!(members), json!(["backendEnvironmentArn", "createTime", "environmentName", "updateTime"]));
}

#[tokio::test]
async fn an_environment_belongs_to_an_app_and_goes_with_it() {
    let world = World::unsigned().await;
    let missing = refusal("NotFoundException", "App d1 not found.");
    let create = world.client.create_backend_environment().app_id("d1").environment_name("dev").send().await;
    assert_eq!(error(create.unwrap_err()), missing);
    let get = world.client.get_backend_environment().app_id("d1").environment_name("dev").send().await;
    assert_eq!(error(get.unwrap_err()), missing);
    let delete = world.client.delete_backend_environment().app_id("d1").environment_name("dev").send().await;
    assert_eq!(error(delete.unwrap_err()), missing);
    for call in [
        world.client.list_backend_environments().app_id("d1"),
        world.client.list_backend_environments().app_id("d1").environment_name("dev"),
    ] {
        assert_eq!(error(call.send().await.unwrap_err()), missing);
    }
    world.create_environment("dev").await;
    world.client.delete_app().app_id(&world.app).send().await.unwrap();
    let get = world.client.get_backend_environment().app_id(&world.app).environment_name("dev").send().await;
    let missing = refusal("NotFoundException", format!("App {} not found.", world.app));
    assert_eq!(error(get.unwrap_err()), missing);
}
