//! Tags of apps and branches.

use std::collections::HashMap;

use serde_json::json;

use crate::refusal;
use crate::support::{BRANCH, World, error};

impl World {
    fn arn(&self, rest: &str) -> String {
        format!("arn:aws:amplify:us-east-1:000000000000:apps/{}{rest}", self.app)
    }

    async fn tags(&self, arn: &str) -> Vec<(String, String)> {
        let listed = self.client.list_tags_for_resource().resource_arn(arn).send().await.unwrap().tags.unwrap();
        sorted(&listed)
    }

    async fn tag(&self, arn: &str, tags: &[(&str, &str)]) {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.client.tag_resource().resource_arn(arn).set_tags(Some(tags.collect())).send().await.unwrap();
    }
}

fn sorted(tags: &HashMap<String, String>) -> Vec<(String, String)> {
    let mut tags: Vec<_> = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    tags.sort_unstable();
    tags
}

fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn tags_given_with_an_app_and_later_are_one_thing() {
    let world = World::new().await;
    let app = world.client.create_app().name("tagged").tags("Team", "harbour").tags("Env", "test");
    let app = app.send().await.unwrap().app.unwrap();
    assert_eq!(world.tags(&app.app_arn).await, pairs(&[("Env", "test"), ("Team", "harbour")]));
    world.tag(&app.app_arn, &[("Env", "prod"), ("a/b:c", "")]).await;
    let now = pairs(&[("Env", "prod"), ("Team", "harbour"), ("a/b:c", "")]);
    assert_eq!(world.tags(&app.app_arn).await, now);
    let shown = world.client.get_app().app_id(&app.app_id).send().await.unwrap().app.unwrap();
    assert_eq!(sorted(&shown.tags.unwrap()), now);

    let untag = world.client.untag_resource().resource_arn(&app.app_arn);
    untag.tag_keys("a/b:c").tag_keys("Env").tag_keys("absent").send().await.unwrap();
    assert_eq!(world.tags(&app.app_arn).await, pairs(&[("Team", "harbour")]));
    assert!(world.tags(&world.arn("")).await.is_empty());
}

#[tokio::test]
async fn tags_of_a_branch_are_found_by_its_arn_whatever_it_is_called() {
    let world = World::new().await;
    let odd = ["feature/x", "x y", "a%2Fb", "ü", "a:b", "a+b", "..", "a?b#c", "webhooks/x"];
    for name in odd {
        let made = world.client.create_branch().app_id(&world.app).branch_name(name).tags("born", "here");
        let arn = made.send().await.unwrap().branch.unwrap().branch_arn;
        assert_eq!(arn, world.arn(&format!("/branches/{name}")));
        world.tag(&arn, &[("name", "it")]).await;
        let now = pairs(&[("born", "here"), ("name", "it")]);
        assert_eq!(world.tags(&arn).await, now, "{name}");
        let shown = world.client.get_branch().app_id(&world.app).branch_name(name).send().await.unwrap();
        assert_eq!(sorted(&shown.branch.unwrap().tags.unwrap()), now, "{name}");
        world.client.untag_resource().resource_arn(&arn).tag_keys("born").send().await.unwrap();
        assert_eq!(world.tags(&arn).await, pairs(&[("name", "it")]), "{name}");
    }
    assert!(world.tags(&world.arn("/branches/main")).await.is_empty());
}

#[tokio::test]
async fn a_resource_has_at_most_50_tags() {
    let world = World::new().await;
    let arn = world.arn("");
    let numbered = |range: std::ops::Range<usize>| -> HashMap<_, _> {
        range.map(|number| (format!("k{number}"), "v".to_owned())).collect()
    };
    let tag = |tags| world.client.tag_resource().resource_arn(&arn).set_tags(Some(tags)).send();
    tag(numbered(0..50)).await.unwrap();
    // What is replaced is not added.
    tag(numbered(10..50)).await.unwrap();
    let refused = error(tag(numbered(49..51)).await.unwrap_err());
    let words = format!("A resource has at most 50 tags, and {arn} would have 51.");
    assert_eq!(refused, refusal("BadRequestException", words));
    assert_eq!(world.tags(&arn).await.len(), 50);
    let refused = error(tag(numbered(0..51)).await.unwrap_err());
    assert_eq!(refused.0, "BadRequestException");
    assert!(refused.1.contains("Value at 'tags' failed"), "{}", refused.1);
}

#[tokio::test]
async fn what_is_not_there_has_no_tags() {
    let world = World::unsigned().await;
    let account = "arn:aws:amplify:us-east-1:000000000000:apps";
    for arn in [format!("{account}/d1"), format!("{account}/d1/branches/main"), world.arn("/branches/absent")] {
        let told = refusal("ResourceNotFoundException", format!("Resource {arn} not found."));
        let listed = world.client.list_tags_for_resource().resource_arn(&arn).send().await.unwrap_err();
        assert_eq!(error(listed), told);
        let tagged = world.client.tag_resource().resource_arn(&arn).tags("a", "b").send().await.unwrap_err();
        assert_eq!(error(tagged), told);
        let untagged = world.client.untag_resource().resource_arn(&arn).tag_keys("a").send().await.unwrap_err();
        assert_eq!(error(untagged), told);
    }
    let url = format!("{}/tags/arn:aws:amplify:us-east-1:000000000000:apps%2Fd1", world.server.endpoint());
    let answer = world.http.get(url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-amzn-errortype"]), (404, &told_type()));
    let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let message = "Resource arn:aws:amplify:us-east-1:000000000000:apps/d1 not found.";
    assert_eq!(body, json!({ "code": "ResourceNotFoundException", "message": message }));
}

fn told_type() -> http::HeaderValue {
    http::HeaderValue::from_static("ResourceNotFoundException")
}

#[tokio::test]
async fn an_arn_of_another_kind_or_place_is_named() {
    let world = World::new().await;
    let app = &world.app;
    let cases = [
        (world.arn("/branches/main/jobs/0000000001"), "the resourceArn names a job."),
        (world.arn("/webhooks/x"), "the resourceArn names a webhook."),
        (world.arn("/domains/example.com"), "the resourceArn names a domain association."),
        (world.arn("/backendenvironments/x"), "the resourceArn names a backend environment."),
        (world.arn("/jobs/1"), "The resourceArn is none: an Amplify ARN is arn:aws:amplify:REGION:ACCOUNT:apps/ID"),
        ("arn:aws:amplify:us-east-1:000000000000:apps/x".to_owned(), "The resourceArn is none"),
        ("arn:aws:amplify:".to_owned(), "The resourceArn is none"),
        ("arn:aws:s3:::bucket".to_owned(), "Value at 'resourceArn' failed to satisfy constraint"),
        (
            format!("arn:aws:amplify:eu-west-1:000000000000:apps/{app}"),
            "is of account 000000000000 in eu-west-1, and this server is of account 000000000000 in us-east-1.",
        ),
        (format!("arn:aws:amplify:us-east-1:111122223333:apps/{app}"), "is of account 111122223333 in us-east-1"),
    ];
    for (arn, words) in cases {
        let refused = world.client.tag_resource().resource_arn(&arn).tags("a", "b").send().await.unwrap_err();
        let (kind, message) = error(refused);
        assert_eq!(kind, "BadRequestException", "{arn}");
        assert!(message.contains(words), "{arn}: {message}");
    }
    let reserved = world.client.tag_resource().resource_arn(world.arn("")).tags("aws:x", "").send().await.unwrap_err();
    assert!(error(reserved).1.contains("Value at 'tags' failed"));
    let (kind, message) =
        error(world.client.untag_resource().resource_arn(world.arn("")).tag_keys("").send().await.unwrap_err());
    assert_eq!(kind, "BadRequestException");
    assert!(message.contains("Value at 'tagKeys.1.member' failed"), "{message}");
    assert!(world.tags(&world.arn(&format!("/branches/{BRANCH}"))).await.is_empty());
}
