//! Members of the wrong type or outside of their constraints.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_member_outside_of_its_constraint_is_named_with_it() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let long = |length: usize| "1".repeat(length);
    let cases: [(&str, Value, &str, &str); 34] = [
        ("jobs", json!({}), "jobType", "must not be null"),
        ("jobs", json!({ "jobType": null }), "jobType", "must not be null"),
        ("jobs", json!({ "jobType": 1 }), "jobType", "must be a string"),
        ("jobs", json!({ "jobType": ["RETRY"] }), "jobType", "must be a string"),
        ("jobs", json!({ "jobType": "" }), "jobType", "enum value set: [RELEASE, RETRY, MANUAL, WEB_HOOK]"),
        ("jobs", json!({ "jobType": "NIGHTLY" }), "jobType", "enum value set: [RELEASE, RETRY, MANUAL, WEB_HOOK]"),
        ("jobs", json!({ "jobType": "retry" }), "jobType", "enum value set"),
        ("jobs", json!({ "jobType": "RETRY", "jobId": 7 }), "jobId", "must be a string"),
        ("jobs", json!({ "jobType": "RETRY", "jobId": "" }), "jobId", "pattern: [0-9]+"),
        ("jobs", json!({ "jobType": "RETRY", "jobId": "abc" }), "jobId", "pattern: [0-9]+"),
        ("jobs", json!({ "jobType": "RETRY", "jobId": "-1" }), "jobId", "pattern: [0-9]+"),
        ("jobs", json!({ "jobType": "RETRY", "jobId": "1.0" }), "jobId", "pattern: [0-9]+"),
        ("jobs", json!({ "jobType": "RETRY", "jobId": "١" }), "jobId", "pattern: [0-9]+"),
        ("jobs", json!({ "jobType": "RETRY", "jobId": long(256) }), "jobId", "less than or equal to 255"),
        ("jobs", json!({ "jobType": "RETRY", "jobReason": long(256) }), "jobReason", "less than or equal to 255"),
        ("jobs", json!({ "jobType": "RELEASE", "commitId": long(256) }), "commitId", "less than or equal to 255"),
        ("jobs", json!({ "jobType": "RELEASE", "commitId": {} }), "commitId", "must be a string"),
        ("jobs", json!({ "jobType": "RELEASE", "commitMessage": long(10_001) }), "commitMessage", "to 10000"),
        ("jobs", json!({ "jobType": "RELEASE", "commitTime": "now" }), "commitTime", "seconds since 1970"),
        ("jobs", json!({ "jobType": "RELEASE", "commitTime": 1e300 }), "commitTime", "must be a time between"),
        ("jobs", json!({ "jobType": "RELEASE", "commitTime": -1e300 }), "commitTime", "must be a time between"),
        ("deployments", json!({ "fileMap": [] }), "fileMap", "must be an object"),
        ("deployments", json!({ "fileMap": "index.html" }), "fileMap", "must be an object"),
        ("deployments", json!({ "fileMap": { "a": null } }), "fileMap", "Map value must satisfy"),
        ("deployments", json!({ "fileMap": { "a": 1 } }), "fileMap", "Map value must satisfy"),
        ("deployments", json!({ "fileMap": { "a": long(33) } }), "fileMap", "less than or equal to 32"),
        ("deployments", json!({ "fileMap": { long(256): long(32) } }), "fileMap", "Map keys must satisfy"),
        ("deployments/start", json!({ "jobId": 1 }), "jobId", "must be a string"),
        ("deployments/start", json!({ "jobId": "one" }), "jobId", "pattern: [0-9]+"),
        ("deployments/start", json!({ "sourceUrl": true }), "sourceUrl", "must be a string"),
        ("deployments/start", json!({ "sourceUrl": "file:///etc/passwd" }), "sourceUrl", "^(s3|https|http)://.*"),
        ("deployments/start", json!({ "sourceUrl": "ftp://example.com/x.zip" }), "sourceUrl", "^(s3|https|http)://.*"),
        ("deployments/start", json!({ "sourceUrl": format!("http://{}", long(2994)) }), "sourceUrl", "to 3000"),
        (
            "deployments/start",
            json!({ "sourceUrl": "http://x/x.zip", "sourceUrlType": "TAR" }),
            "sourceUrlType",
            "enum value set: [ZIP, BUCKET_PREFIX]",
        ),
    ];
    for (path, body, member, constraint) in cases {
        let answer = world.ask("POST", &format!("{}/{path}", world.branch_path()), body.to_string()).await;
        answer.is_bad("1 validation error detected: ", &format!("{path} {body}"));
        answer.is_bad(&format!("Value at '{member}' failed to satisfy constraint: "), &format!("{path} {body}"));
        answer.is_bad(constraint, &format!("{path} {body}"));
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn every_member_at_fault_is_named_and_no_value_is_repeated() {
    let world = World::unsigned().await;
    let body = json!({ "jobType": "hush-1", "jobId": "hush-2", "commitTime": "hush-3", "jobReason": ["hush-4"] });
    let answer = world.ask("POST", &format!("{}/jobs", world.branch_path()), body.to_string()).await;
    answer.is_bad("4 validation errors detected: ", "four");
    for member in ["jobType", "jobId", "commitTime", "jobReason"] {
        assert!(answer.message().contains(&format!("'{member}'")), "{answer:?}");
    }
    assert!(!answer.body.contains("hush"), "{answer:?}");
}

#[tokio::test]
async fn null_members_are_as_if_they_were_not_there() {
    let world = World::unsigned().await;
    let start = format!("{}/deployments/start", world.branch_path());
    let nothing = world.ask("POST", &start, r#"{"jobId":null,"sourceUrl":null,"sourceUrlType":null}"#).await;
    nothing.is_bad("Must specify jobId or sourceUrl for StartDeploymentRequest.", "nothing but nulls");
    let created = world.ask("POST", &format!("{}/deployments", world.branch_path()), r#"{"fileMap":null}"#).await;
    assert_ne!(created.ok("CreateDeployment")["zipUploadUrl"], "");
    let app = world.ask("POST", "/apps", r#"{"name":"x","description":null,"customRules":null,"tags":null}"#).await;
    assert_eq!(app.ok("CreateApp")["app"]["customRules"], json!([]));
}

#[tokio::test]
async fn a_bad_page_size_is_refused() {
    let world = World::unsigned().await;
    let lists = [
        ("/apps".to_owned(), 100),
        (format!("/apps/{}/branches", world.app), 50),
        (format!("{}/jobs", world.branch_path()), 50),
    ];
    for (list, most) in lists {
        let over = (most + 1).to_string();
        for size in ["-1", "abc", "1.5", "", "0x1", " 1", "null", "1,2", "99999999999999999999999", &over] {
            let target = format!("{list}?maxResults={}", size.replace(' ', "%20"));
            world.ask("GET", &target, "").await.is_bad("Value at 'maxResults' failed", &target);
        }
        let twice = format!("{list}?maxResults=1&maxResults=2");
        world.ask("GET", &twice, "").await.is_bad("must not be given more than once", &twice);
        for size in ["0", "1", &most.to_string()] {
            let target = format!("{list}?maxResults={size}");
            world.ask("GET", &target, "").await.ok(&target);
        }
    }
}

#[tokio::test]
async fn a_token_that_the_list_did_not_give_is_refused() {
    let world = World::unsigned().await;
    // Two of everything, so that each list gives a token.
    world.ask("POST", "/apps", r#"{"name":"second"}"#).await.ok("an app");
    world.ask("POST", &format!("/apps/{}/branches", world.app), r#"{"branchName":"b"}"#).await.ok("a branch");
    for _ in 0..2 {
        let (job, _) = world.create_deployment().await;
        world.stop(&job).await;
    }
    let lists = ["/apps".to_owned(), format!("/apps/{}/branches", world.app), format!("{}/jobs", world.branch_path())];
    let mut tokens = Vec::new();
    for list in &lists {
        let page = world.ask("GET", &format!("{list}?maxResults=1"), "").await.ok(list);
        tokens.push(page["nextToken"].as_str().unwrap().to_owned());
    }
    let long = "A".repeat(2001);
    for (index, list) in lists.iter().enumerate() {
        for token in ["zzz", "0", "1", "null", "%00", "%F0%9F%9A%A2", "YXBwcw", "Og", "AAAA%3D%3D"] {
            let target = format!("{list}?nextToken={token}");
            world.ask("GET", &target, "").await.is_bad("The nextToken is not one that this list gave.", &target);
        }
        for (_, token) in tokens.iter().enumerate().filter(|(of, _)| *of != index) {
            let target = format!("{list}?nextToken={token}");
            world.ask("GET", &target, "").await.is_bad("The nextToken is not one that this list gave.", &target);
        }
        for (token, constraint) in
            [("%ff", "percent-encoded UTF-8"), ("%z", "percent-encoded UTF-8"), (&long, "to 2000")]
        {
            let target = format!("{list}?nextToken={token}");
            world.ask("GET", &target, "").await.is_bad(constraint, &target);
        }
        let own = format!("{list}?nextToken={}", tokens[index]);
        world.ask("GET", &own, "").await.ok(&own);
        let first = format!("{list}?nextToken=");
        world.ask("GET", &first, "").await.ok(&first);
    }
    // As a list would give it, but further on than anything ever was.
    for token in ["YXBwczoxODQ0Njc0NDA3MzcwOTU1MTYxNQ", "YXBwczo5MjIzMzcyMDM2ODU0Nzc1ODA4"] {
        let end = world.ask("GET", &format!("/apps?nextToken={token}"), "").await.ok(token);
        assert_eq!(end, json!({ "apps": [] }));
    }
}
