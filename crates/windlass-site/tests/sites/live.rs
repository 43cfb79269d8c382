//! Going live, as visitors see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use windlass::{AppId, Live};
use windlass_store::{JobKey, keys};

use crate::harness::{Kept, World, app, branch};

#[tokio::test]
async fn a_site_switches_as_a_whole() {
    let world = World::with(&[("index.html", b"one"), ("old.txt", b"old")], Kept::Inline).await;
    let before = world.get("/").await;
    assert_eq!((before.text(), before.header("x-windlass-job")), ("one", "1"));
    world.deploy("main", &[("index.html", b"two"), ("new.txt", b"new")], Kept::File).await;
    let after = world.get("/").await;
    assert_eq!((after.text(), after.header("x-windlass-job")), ("two", "2"));
    world.get("/new.txt").await.shows(200, "new");
    world.get("/old.txt").await.says(404, "There is no such page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_response_is_wholly_of_one_deployment() {
    let world = Arc::new(World::new().await);
    deploy_numbered(&world, 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..4).map(|_| tokio::spawn(visit(world.clone(), done.clone()))).collect();
    let mut last = world.store.site(&app(), "main").await.unwrap().unwrap().live.unwrap();
    for number in 2..60 {
        let live = deploy_numbered(&world, number).await;
        // What was live a moment ago is deleted, as DeleteJob does it.
        delete(&world, last).await;
        last = live;
    }
    done.store(true, Ordering::Relaxed);
    for visitor in visitors {
        assert!(visitor.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn an_open_artifact_is_read_once() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    world.get("/").await.shows(200, "home");
    let live = world.store.site(&app(), "main").await.unwrap().unwrap().live.unwrap();
    delete(&world, live).await;
    world.get("/").await.shows(200, "home");
}

#[tokio::test]
async fn only_so_many_artifacts_stay_open() {
    let world = World::new().await;
    let mut lives = Vec::new();
    for number in 0..65 {
        let name = format!("b{number}");
        let branch = world.branch(&name).await;
        lives.push((branch, world.deploy(&name, &[("index.html", name.as_bytes())], Kept::Inline).await));
    }
    let visit = async |number: usize| {
        let host = world.sites.host(&format!("b{number}.d1.localhost")).unwrap();
        world.ask_host(&host, Method::GET, "/", &[]).await
    };
    for number in 0..64 {
        visit(number).await.shows(200, &format!("b{number}"));
    }
    visit(0).await.shows(200, "b0");
    visit(64).await.shows(200, "b64");
    for (branch, live) in &lives {
        world.blobs.delete(&keys::job(JobKey { branch: *branch, job: live.job })).await.unwrap();
    }
    // The 65th took the place of the one that was used least of late.
    visit(0).await.shows(200, "b0");
    visit(64).await.shows(200, "b64");
    visit(2).await.shows(200, "b2");
    assert_eq!(visit(1).await.status, 500);
}

#[tokio::test]
async fn a_branch_made_again_shows_nothing_old() {
    let world = World::with(&[("index.html", b"old")], Kept::Inline).await;
    world.get("/").await.shows(200, "old");
    let uid = world.store.branch(&app(), &branch("main")).await.unwrap().unwrap().uid;
    world.store.delete_branch(uid).await.unwrap();
    world.get("/").await.says(404, "App d1 has no branch main");
    world.branch("main").await;
    world.get("/").await.says(404, "Nothing is deployed to this branch yet");
    world.deploy("main", &[("index.html", b"new")], Kept::Inline).await;
    world.get("/").await.shows(200, "new");
    let gone: AppId = app();
    world.store.delete_app(&gone).await.unwrap();
    world.get("/").await.says(404, "There is no app d1");
}

/// Asks until it is done, and checks that job, tag, length and content belong together.
async fn visit(world: Arc<World>, done: Arc<AtomicBool>) -> usize {
    let mut visits = 0;
    while !done.load(Ordering::Relaxed) || visits == 0 {
        let answer = world.get("/a.txt").await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let number: usize = answer.header("x-windlass-job").parse().unwrap();
        assert!(answer.text() == content(number), "job {number}");
        visits += 1;
    }
    visits
}

async fn deploy_numbered(world: &World, number: usize) -> Live {
    let kept = if number.is_multiple_of(2) { Kept::Inline } else { Kept::File };
    world.deploy("main", &[("index.html", b"home"), ("a.txt", content(number).as_bytes())], kept).await
}

fn content(number: usize) -> String {
    format!("job {number}\n").repeat(30_000 + number)
}

async fn delete(world: &World, live: Live) {
    let branch = world.store.branch(&app(), &branch("main")).await.unwrap().unwrap().uid;
    world.blobs.delete(&keys::job(JobKey { branch, job: live.job })).await.unwrap();
}
