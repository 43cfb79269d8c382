//! Lists, page by page.

use serde_json::{Value, json};

use crate::support::World;

/// All pages of a list; each but the last has as many items as were asked for.
async fn pages(world: &World, list: &str, items: &str, size: Option<usize>, most: usize) -> Vec<Value> {
    let (mut all, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut query = Vec::from_iter(size.map(|size| format!("maxResults={size}")));
        query.extend(token.map(|token| format!("nextToken={token}")));
        let target = format!("{list}?{}", query.join("&"));
        let mut page = world.ask("GET", &target, "").await.ok(&target);
        let Value::Array(found) = page[items].take() else { panic!("{target}: {page}") };
        token = page.get("nextToken").map(|token| token.as_str().unwrap().to_owned());
        let expected = size.filter(|&size| size > 0).unwrap_or(most);
        let fits = if token.is_some() { found.len() == expected } else { found.len() <= expected };
        assert!(fits, "{target}: {} items", found.len());
        all.extend(found);
        if token.is_none() {
            return all;
        }
    }
}

fn names(items: &[Value], member: &str) -> Vec<String> {
    items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_app_is_on_one_page() {
    let world = World::unsigned().await;
    let mut made = vec!["demo".to_owned()];
    for number in 0..209 {
        let name = format!("app {number}");
        world.ask("POST", "/apps", json!({ "name": name }).to_string()).await.ok(&name);
        made.push(name);
    }
    for size in [None, Some(0), Some(1), Some(7), Some(30), Some(70), Some(99), Some(100)] {
        let listed = pages(&world, "/apps", "apps", size, 100).await;
        assert_eq!(names(&listed, "name"), made, "{size:?}");
    }
}

#[tokio::test]
async fn every_branch_is_on_one_page() {
    let world = World::unsigned().await;
    let list = format!("/apps/{}/branches", world.app);
    let mut made = vec!["main".to_owned()];
    for number in 0..109 {
        let name = format!("b/{number}");
        world.ask("POST", &list, json!({ "branchName": name }).to_string()).await.ok(&name);
        made.push(name);
    }
    // Another app's branches are none of these.
    let other = world.ask("POST", "/apps", r#"{"name":"other"}"#).await.ok("CreateApp");
    let other = format!("/apps/{}/branches", other["app"]["appId"].as_str().unwrap());
    world.ask("POST", &other, r#"{"branchName":"elsewhere"}"#).await.ok("CreateBranch");
    for size in [None, Some(0), Some(1), Some(7), Some(11), Some(49), Some(50)] {
        let listed = pages(&world, &list, "branches", size, 50).await;
        assert_eq!(names(&listed, "branchName"), made, "{size:?}");
    }
}

#[tokio::test]
async fn every_job_is_on_one_page_newest_first() {
    let world = World::unsigned().await;
    for _ in 0..110 {
        let (job, _) = world.create_deployment().await;
        world.stop(&job).await;
    }
    let list = format!("{}/jobs", world.branch_path());
    let made: Vec<_> = (1..=110).rev().map(|number| number.to_string()).collect();
    for size in [None, Some(0), Some(1), Some(7), Some(11), Some(49), Some(50)] {
        let listed = pages(&world, &list, "jobSummaries", size, 50).await;
        assert_eq!(names(&listed, "jobId"), made, "{size:?}");
    }
}

#[tokio::test]
async fn a_page_follows_though_the_item_before_it_was_deleted_and_others_were_made() {
    let world = World::unsigned().await;
    let list = format!("/apps/{}/branches", world.app);
    for name in ["a", "b", "c"] {
        world.ask("POST", &list, json!({ "branchName": name }).to_string()).await.ok(name);
    }
    let first = world.ask("GET", &format!("{list}?maxResults=2"), "").await.ok("the first page");
    assert_eq!(names(first["branches"].as_array().unwrap(), "branchName"), ["main", "a"]);
    world.ask("DELETE", &format!("{list}/a"), "").await.ok("DeleteBranch");
    world.ask("POST", &list, r#"{"branchName":"d"}"#).await.ok("CreateBranch");
    let token = first["nextToken"].as_str().unwrap();
    let second = world.ask("GET", &format!("{list}?nextToken={token}"), "").await.ok("the second page");
    assert_eq!(names(second["branches"].as_array().unwrap(), "branchName"), ["b", "c", "d"]);
    assert!(second.get("nextToken").is_none(), "{second}");
}
