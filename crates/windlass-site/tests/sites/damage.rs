//! What cannot be read.

use bytes::Bytes;
use windlass_artifact::Index;
use windlass_store::{JobKey, keys};

use crate::harness::{Answer, Kept, World, index_of, kept_files, noise, pack};

#[tokio::test]
async fn a_missing_artifact_is_our_fault() {
    for kept in Kept::BOTH {
        let world = World::new().await;
        let branch = world.branch("other").await;
        let live = world.deploy("other", &[("index.html", b"home")], kept).await;
        world.blobs.delete(&keys::job(JobKey { branch, job: live.job })).await.unwrap();
        let host = world.sites.host("other.d1.localhost").unwrap();
        is_our_fault(&world.ask_host(&host, http::Method::GET, "/", &[]).await);
    }
}

#[tokio::test]
async fn a_damaged_index_is_our_fault() {
    for kept in Kept::BOTH {
        let zip = pack(&[("index.html", b"home")]);
        let mut index = index_of(&zip).to_vec();
        index[5] ^= 1;
        is_our_fault(&put(zip, index.into(), kept).await.get("/").await);
    }
}

#[tokio::test]
async fn an_index_of_another_artifact_is_our_fault() {
    for kept in Kept::BOTH {
        let zip = pack(&[("index.html", b"home")]);
        let other = pack(&[("index.html", b"home"), ("a.txt", b"a")]);
        is_our_fault(&put(zip, index_of(&other), kept).await.get("/").await);
    }
}

#[tokio::test]
async fn a_small_damaged_member_is_an_error_and_the_others_are_not() {
    for kept in Kept::BOTH {
        for name in ["a.txt", "a.png"] {
            let zip = pack(&[("index.html", b"home"), (name, b"abcdefghijklmnopqrstuvwxyz")]);
            let index = index_of(&zip);
            let world = put(damaged(&zip, &index, name), index, kept).await;
            is_our_fault(&world.get(&format!("/{name}")).await);
            world.get("/").await.shows(200, "home");
        }
    }
}

#[tokio::test]
async fn a_large_member_that_is_damaged_at_its_end_breaks_the_transfer() {
    for kept in Kept::BOTH {
        for name in ["a.txt", "a.png"] {
            let content = noise(500_000);
            let zip = pack(&[(name, &content)]);
            let index = index_of(&zip);
            let answer = put(damaged(&zip, &index, name), index, kept).await.get(&format!("/{name}")).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-length"), "500000");
            assert!(answer.body.is_err());
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_said_to_be_unavailable() {
    let world = World::with(&[("index.html", b"home")], Kept::File).await;
    for file in kept_files(&world) {
        let folder = file.parent().unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        std::fs::write(folder, "a file in the way").unwrap();
    }
    world.get("/").await.says(503, "This page cannot be shown at the moment");
}

#[tokio::test]
async fn what_was_sent_a_moment_ago_is_not_read_again() {
    let world = World::with(&[("index.html", b"home"), ("other.html", b"other")], Kept::File).await;
    world.get("/").await.shows(200, "home");
    for file in kept_files(&world) {
        std::fs::File::options().write(true).open(file).unwrap().set_len(0).unwrap();
    }
    world.get("/").await.shows(200, "home");
    is_our_fault(&world.get("/other.html").await);
}

#[track_caller]
fn is_our_fault(answer: &Answer) {
    answer.says(500, "This page cannot be shown because of an error");
    assert!(!answer.text().contains("zip"));
}

async fn put(zip: Bytes, index: Bytes, kept: Kept) -> World {
    let world = World::new().await;
    world.deploy_zip("main", zip, index, kept).await;
    world
}

/// The zip with a bit flipped near the end of a member, but before what ends a deflate stream and carries no content.
fn damaged(zip: &Bytes, index: &Bytes, path: &str) -> Bytes {
    let index = Index::decode(index).unwrap();
    let member = index.get(path).unwrap();
    let mut zip = zip.to_vec();
    let end = member.offset + member.compressed_size;
    zip[usize::try_from(end - 100.min(member.compressed_size / 2)).unwrap()] ^= 1;
    zip.into()
}
