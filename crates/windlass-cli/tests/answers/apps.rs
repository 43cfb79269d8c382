//! Apps, as Terraform and the service model know them.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{World, error};

/// The members of an app that the model requires.
const REQUIRED: [&str; 12] = [
    "appId",
    "appArn",
    "name",
    "description",
    "repository",
    "platform",
    "createTime",
    "updateTime",
    "environmentVariables",
    "defaultDomain",
    "enableBranchAutoBuild",
    "enableBasicAuth",
];

impl World {
    /// CreateApp.
    async fn create_app(&self, body: Value) -> Value {
        self.ask("POST", "/apps", body.to_string()).await.ok("CreateApp")["app"].take()
    }

    /// UpdateApp, whose answer is what GetApp and ListApps answer too.
    async fn update_app(&self, app: &Value, body: Value) -> Value {
        let target = format!("/apps/{}", app["appId"].as_str().unwrap());
        let updated = self.ask("POST", &target, body.to_string()).await.ok(&body.to_string())["app"].take();
        assert_eq!(self.ask("GET", &target, "").await.ok("GetApp")["app"], updated);
        let listed = self.ask("GET", "/apps", "").await.ok("ListApps");
        assert!(listed["apps"].as_array().unwrap().contains(&updated), "{listed}");
        updated
    }
}

#[tokio::test]
async fn a_new_app_has_what_the_model_requires_and_terraform_expects() {
    let world = World::unsigned().await;
    let app = world.create_app(json!({ "name": "demo" })).await;
    for member in REQUIRED {
        assert!(app.get(member).is_some(), "{member} is not in {app}");
    }
    let id = app["appId"].as_str().unwrap();
    assert!(id.len() == 14 && id.starts_with('d'), "{id}");
    let expected = json!({
        "appId": id,
        "appArn": format!("arn:aws:amplify:us-east-1:000000000000:apps/{id}"),
        "name": "demo",
        "description": "",
        "repository": "",
        "platform": "WEB",
        "createTime": app["createTime"],
        "updateTime": app["createTime"],
        "environmentVariables": {},
        "defaultDomain": format!("{id}.localhost:{}", world.port()),
        "enableBranchAutoBuild": false,
        "enableBranchAutoDeletion": false,
        "enableBasicAuth": false,
        "enableAutoBranchCreation": false,
        "customRules": [],
        "customHeaders": "",
        "cacheConfig": { "type": "AMPLIFY_MANAGED" },
        "tags": {},
    });
    assert_eq!(app, expected);
    assert!(app["createTime"].as_f64().unwrap() > 1.7e9, "{app}");
}

#[tokio::test]
async fn an_app_is_shown_as_it_was_made() {
    let world = World::unsigned().await;
    let made = json!({
        "name": "ü 🚢",
        "description": "what it is",
        "repository": "https://example.com/r.git",
        "platform": "WEB_COMPUTE",
        "iamServiceRoleArn": "arn:aws:iam::000000000000:role/r",
        "environmentVariables": { "A": "1", "B": "" },
        "enableBranchAutoBuild": true,
        "enableBranchAutoDeletion": true,
        "enableBasicAuth": true,
        "basicAuthCredentials": "dTpw",
        "customRules": [{ "source": "/<*>", "target": "/index.html", "status": "404-200" }],
        "tags": { "Team": "harbour" },
        "buildSpec": "version: 1",
        "customHeaders": "customHeaders: []",
        "enableAutoBranchCreation": true,
        "autoBranchCreationPatterns": ["feature/*"],
        "autoBranchCreationConfig": { "enableAutoBuild": true, "stage": "BETA" },
        "cacheConfig": { "type": "AMPLIFY_MANAGED_NO_COOKIES" },
    });
    let app = world.create_app(made.clone()).await;
    for (member, value) in made.as_object().unwrap() {
        assert_eq!(app[member], *value, "{member}");
    }
    assert_eq!(world.update_app(&app, json!({})).await["buildSpec"], "version: 1");
}

#[tokio::test]
async fn variables_are_replaced_as_a_whole_and_cleared_by_an_empty_name() {
    let world = World::unsigned().await;
    let app = world.create_app(json!({ "name": "demo", "environmentVariables": { "ONE": "1" } })).await;
    assert_eq!(app["environmentVariables"], json!({ "ONE": "1" }));
    let steps = [
        (json!({ "environmentVariables": { "ONE": "2", "TWO": "2" } }), json!({ "ONE": "2", "TWO": "2" })),
        (json!({ "description": "nothing about them" }), json!({ "ONE": "2", "TWO": "2" })),
        (json!({ "environmentVariables": { "THREE": "3" } }), json!({ "THREE": "3" })),
        (json!({ "environmentVariables": { "": "" } }), json!({})),
        (json!({ "environmentVariables": { "FOUR": "4" } }), json!({ "FOUR": "4" })),
        (json!({ "environmentVariables": {} }), json!({})),
    ];
    for (update, left) in steps {
        assert_eq!(world.update_app(&app, update.clone()).await["environmentVariables"], left, "{update}");
    }
}

#[tokio::test]
async fn rules_are_replaced_as_a_whole_and_cleared_by_an_empty_list() {
    let world = World::unsigned().await;
    let rule = |source: &str| json!({ "source": source, "target": "/index.html", "status": "404" });
    let app = world.create_app(json!({ "name": "demo", "customRules": [rule("/a"), rule("/b")] })).await;
    assert_eq!(app["customRules"], json!([rule("/a"), rule("/b")]));
    for rules in [json!([rule("/c")]), json!([]), json!([rule("/b"), rule("/a")])] {
        assert_eq!(world.update_app(&app, json!({ "customRules": rules })).await["customRules"], rules);
        assert_eq!(world.update_app(&app, json!({ "name": "same" })).await["customRules"], rules);
    }
}

#[tokio::test]
async fn what_an_update_omits_is_kept() {
    let world = World::unsigned().await;
    let kept = json!({
        "buildSpec": "version: 1",
        "basicAuthCredentials": "dTpw",
        "enableBasicAuth": true,
        "description": "first",
        "customHeaders": "customHeaders: []",
        "tags": { "Team": "harbour" },
    });
    let mut create = kept.clone();
    create["name"] = "demo".into();
    let app = world.create_app(create).await;
    for update in [json!({}), json!({ "name": "other" }), json!({ "description": null, "buildSpec": null })] {
        let updated = world.update_app(&app, update.clone()).await;
        for (member, value) in kept.as_object().unwrap() {
            assert_eq!(updated[member], *value, "{member} after {update}");
        }
    }
    let changed = world.update_app(&app, json!({ "description": "", "enableBasicAuth": false })).await;
    assert_eq!((&changed["description"], &changed["enableBasicAuth"]), (&json!(""), &json!(false)));
    let refused = world.ask("POST", &format!("/apps/{}", app["appId"].as_str().unwrap()), r#"{"name":""}"#).await;
    refused.is_bad("Value at 'name' failed", "an empty name");
    assert_eq!(world.update_app(&app, json!({})).await["name"], "other");
}

#[tokio::test]
async fn no_answer_shows_a_token() {
    let world = World::unsigned().await;
    let tokens = json!({ "name": "demo", "repository": "https://example.com/r", "accessToken": "hush-1", "oauthToken": "hush-2" });
    let mut bodies = Vec::new();
    let created = world.ask("POST", "/apps", tokens.to_string()).await;
    let target = format!("/apps/{}", created.json()["app"]["appId"].as_str().unwrap());
    bodies.push(created.body);
    let update = json!({ "accessToken": "hush-3", "oauthToken": "hush-4" }).to_string();
    let calls = [
        ("POST", target.clone(), update.as_str()),
        ("GET", target.clone(), ""),
        ("GET", "/apps".to_owned(), ""),
        ("POST", format!("{target}/branches"), r#"{"branchName":"main"}"#),
        ("GET", format!("{target}/branches"), ""),
        ("POST", target.clone(), r#"{"accessToken":["hush-5"],"oauthToken":{"hush-6":1}}"#),
        ("DELETE", target.clone(), ""),
    ];
    for (method, target, body) in calls {
        bodies.push(world.ask(method, &target, body).await.body);
    }
    for body in bodies {
        assert!(!body.contains("hush") && !body.contains("oken\":"), "{body}");
    }
}

#[tokio::test]
async fn the_time_of_the_last_change_goes_forward_and_that_of_creation_stays() {
    let world = World::unsigned().await;
    let app = world.create_app(json!({ "name": "demo" })).await;
    let created = app["createTime"].as_f64().unwrap();
    world.clock.advance(TimeDelta::hours(1));
    let updated = world.update_app(&app, json!({ "name": "a" })).await;
    assert_eq!(updated["createTime"], app["createTime"]);
    assert!(updated["updateTime"].as_f64().unwrap() >= created + 3600.0, "{updated}");
    world.clock.advance(TimeDelta::hours(-2));
    let again = world.update_app(&app, json!({ "name": "b" })).await;
    assert_eq!(again["updateTime"], updated["updateTime"]);
}

#[tokio::test]
async fn a_deleted_app_is_gone_with_all_that_it_had() {
    let world = World::unsigned().await;
    world.deploy(crate::support::page("x")).await;
    let target = format!("/apps/{}", world.app);
    let shown = world.ask("GET", &target, "").await.ok("GetApp");
    assert_eq!(world.ask("DELETE", &target, "").await.ok("DeleteApp"), shown);
    let gone = format!("App {} not found.", world.app);
    for (method, rest) in
        [("GET", ""), ("DELETE", ""), ("GET", "/branches"), ("GET", "/branches/main"), ("GET", "/branches/main/jobs/1")]
    {
        world.ask(method, &format!("{target}{rest}"), "").await.is_missing(&gone, &format!("{method} {rest}"));
    }
    assert_eq!(world.ask("GET", "/apps", "").await.ok("ListApps"), json!({ "apps": [] }));
    assert_eq!(world.visit("/").await.0, 404);
}

#[tokio::test]
async fn a_folder_is_a_repository_where_the_server_allows_that() {
    let create = async |world: &World| world.client.create_app().name("here").repository("/srv/git/r.git").send().await;
    let world = World::with(|config| config.allow_local_repositories = true).await;
    assert_eq!(create(&world).await.unwrap().app.unwrap().repository, "/srv/git/r.git");
    let (kind, message) = error(create(&World::new().await).await.unwrap_err());
    assert_eq!(kind, "BadRequestException");
    assert!(message.ends_with("the server's --allow-local-repositories allows them."), "{message}");
}
