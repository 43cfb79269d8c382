//! File maps that no site can be made of.

use aws_sdk_amplify::types::JobStatus;
use serde_json::{Value, json};

use crate::support::{World, reason, status};

/// The MD5 of nothing.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

#[tokio::test]
async fn a_name_that_no_site_can_have_is_named() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let cases: [(Value, &str); 20] = [
        (json!({ "../x": EMPTY }), r#"The name "../x" in the fileMap has a `.` or `..` segment."#),
        (json!({ "/../x": EMPTY }), r#"The name "/../x" in the fileMap has a `.` or `..` segment."#),
        (json!({ "a/../../x": EMPTY }), "has a `.` or `..` segment"),
        (json!({ "./x": EMPTY }), "has a `.` or `..` segment"),
        (json!({ "..": EMPTY }), "has a `.` or `..` segment"),
        (json!({ "//etc/passwd": EMPTY }), "is absolute"),
        (json!({ "C:\\x": EMPTY }), "is absolute"),
        (json!({ "c:/x": EMPTY }), "is absolute"),
        (json!({ "a\\b": EMPTY }), "has a backslash"),
        (json!({ "a//b": EMPTY }), "has an empty segment"),
        (json!({ "a\nb": EMPTY }), "has a control character"),
        (json!({ "a\u{0}b": EMPTY }), "has a control character"),
        (json!({ "": EMPTY }), "is empty"),
        (json!({ "/": EMPTY }), "is empty"),
        (json!({ "a/": EMPTY }), "is a folder's"),
        (json!({ "a": EMPTY, "/a": EMPTY }), r#"The name "a" in the fileMap stands for the same path as another."#),
        (json!({ "a": "" }), r#"The name "a" in the fileMap has a value that is not an MD5, 32 hexadecimal digits."#),
        (json!({ "a": "d41d8cd98f00b204" }), "is not an MD5"),
        (json!({ "a": "z41d8cd98f00b204e9800998ecf8427e" }), "is not an MD5"),
        (json!({ "a": "1B2M2Y8AsgTpgAmY7PhCfg==" }), "is not an MD5"),
    ];
    for (file_map, words) in cases {
        let body = json!({ "fileMap": file_map }).to_string();
        world.ask("POST", &format!("{}/deployments", world.branch_path()), &body).await.is_bad(words, &body);
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn the_keys_come_back_as_they_were_given() {
    let world = World::unsigned().await;
    let longest = "x".repeat(255);
    let names = ["/abs.html", "index.html", "a b", "ü/🚢", "%2e%2e", "a?b#c", "...", &longest];
    let file_map: Value = names.iter().map(|name| ((*name).to_owned(), json!(EMPTY.to_uppercase()))).collect();
    let body = json!({ "fileMap": file_map }).to_string();
    let made = world.ask("POST", &format!("{}/deployments", world.branch_path()), body).await.ok("CreateDeployment");
    let urls = made["fileUploadUrls"].as_object().unwrap();
    let mut given: Vec<_> = names.to_vec();
    given.sort_unstable();
    assert_eq!(urls.keys().collect::<Vec<_>>(), given);
    for url in urls.values() {
        assert_eq!(world.put(url.as_str().unwrap(), "").await.status(), 200);
    }
    world.start("1").await;
    let done = world.ended("1").await;
    assert_eq!(status(&done), JobStatus::Succeed, "{}", reason(&done));
    for path in ["/abs.html", "/a%20b", "/%C3%BC/%F0%9F%9A%A2", "/%252e%252e", "/a%3Fb%23c", "/..."] {
        assert_eq!(world.visit(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_name_that_is_a_file_and_a_folder_is_named() {
    let world = World::unsigned().await;
    let body = json!({ "fileMap": { "a": EMPTY, "a-b": EMPTY, "a/b": EMPTY } }).to_string();
    let made = world.ask("POST", &format!("{}/deployments", world.branch_path()), body).await.ok("CreateDeployment");
    for url in made["fileUploadUrls"].as_object().unwrap().values() {
        assert_eq!(world.put(url.as_str().unwrap(), "").await.status(), 200);
    }
    world.start("1").await;
    let failed = world.ended("1").await;
    assert_eq!(status(&failed), JobStatus::Failed);
    assert_eq!(reason(&failed), r#""a" is a file and also the folder of "a/b""#);
    assert_eq!(world.visit("/").await.0, 404);
}
