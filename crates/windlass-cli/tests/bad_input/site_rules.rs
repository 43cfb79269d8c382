//! Redirects, headers and passwords of sites that cannot be meant.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_rule_that_nobody_could_follow_is_refused_when_it_is_set() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let good = json!({ "source": "/old/<*>", "target": "/new/<*>", "status": "301" });
    let twice = json!([good, { "source": "/<*>/<*>", "target": "/", "status": "200" }]);
    let cases = [
        (json!({ "customRules": twice }), "customRules: rule 2 has <*> twice in its source."),
        (json!({ "customHeaders": "customHeaders: [" }), "customHeaders: "),
        (json!({ "basicAuthCredentials": "no base64!" }), "basicAuthCredentials: "),
    ];
    for (members, words) in cases {
        for target in ["/apps".to_owned(), format!("/apps/{}", world.app)] {
            let mut body = members.clone();
            body["name"] = "ruled".into();
            world.ask("POST", &target, body.to_string()).await.is_bad(words, &target);
        }
    }
    let branches = format!("/apps/{}/branches", world.app);
    for (target, name) in [(branches.clone(), json!("other")), (world.branch_path(), Value::Null)] {
        let body = json!({ "branchName": name, "basicAuthCredentials": "no base64!" });
        world.ask("POST", &target, body.to_string()).await.is_bad("basicAuthCredentials: ", &target);
    }
    assert_eq!(world.snapshot().await, before);
    let body = json!({ "customRules": [good] }).to_string();
    world.ask("POST", &format!("/apps/{}", world.app), body).await.ok("a rule that can be followed");
}
