//! Parts of members.

use http::Method;

use crate::harness::{Kept, World, noise};

#[tokio::test]
async fn a_part_is_sent_alone() {
    for kept in Kept::BOTH {
        for name in ["a.txt", "a.png"] {
            let world = World::with(&[(name, b"0123456789")], kept).await;
            let path = format!("/{name}");
            for (range, part, content_range) in [
                ("bytes=0-0", "0", "bytes 0-0/10"),
                ("bytes=2-4", "234", "bytes 2-4/10"),
                ("bytes=2-", "23456789", "bytes 2-9/10"),
                ("bytes=0-", "0123456789", "bytes 0-9/10"),
                ("bytes=-3", "789", "bytes 7-9/10"),
                ("bytes=-30", "0123456789", "bytes 0-9/10"),
                ("bytes=8-30", "89", "bytes 8-9/10"),
                ("bytes=9-99999999999999999999999", "9", "bytes 9-9/10"),
                ("Bytes= 1-2 ", "12", "bytes 1-2/10"),
            ] {
                let headers = [("range", range), ("accept-encoding", "gzip")];
                let answer = world.get_with(&path, &headers).await;
                answer.shows(206, part);
                assert_eq!(answer.header("content-range"), content_range, "{range}");
                assert_eq!(answer.header("content-encoding"), "");
                assert_eq!(answer.header("etag"), world.get(&path).await.header("etag"));
            }
        }
    }
}

#[tokio::test]
async fn a_part_that_is_not_there_is_refused() {
    let world = World::with(&[("a.txt", b"0123456789"), ("empty.txt", b"")], Kept::Inline).await;
    for range in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
        let answer = world.get_with("/a.txt", &[("range", range)]).await;
        answer.says(416, "There are only 10 bytes");
        assert_eq!(answer.header("content-range"), "bytes */10", "{range}");
    }
    for range in ["bytes=0-", "bytes=-1"] {
        let answer = world.get_with("/empty.txt", &[("range", range)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-range")), (416, "bytes */0"));
    }
}

#[tokio::test]
async fn what_is_no_single_range_is_ignored() {
    let world = World::with(&[("a.txt", b"0123456789")], Kept::Inline).await;
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=x-",
        "bytes=4-2",
        "bytes=1-2,4-5",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1 - 2",
        "lines=1-2",
        "1-2",
    ] {
        let answer = world.get_with("/a.txt", &[("range", range)]).await;
        answer.shows(200, "0123456789");
        assert_eq!((answer.header("content-range"), answer.header("accept-ranges")), ("", "bytes"), "{range}");
    }
    world.get_with("/a.txt", &[("range", "bytes=1-2"), ("range", "bytes=4-5")]).await.shows(200, "0123456789");
    let zipped = world.get_with("/a.txt", &[("range", "bytes=4-2"), ("accept-encoding", "gzip")]).await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn a_part_is_sent_only_of_what_the_visitor_has() {
    let world = World::with(&[("a.txt", b"0123456789")], Kept::Inline).await;
    let answer = world.get("/a.txt").await;
    let (tag, date) = (answer.header("etag"), answer.header("last-modified"));
    let ask = async |condition: &str| {
        world.get_with("/a.txt", &[("range", "bytes=1-2"), ("if-range", condition)]).await.status.as_u16()
    };
    assert_eq!(ask(tag).await, 206);
    assert_eq!(ask(date).await, 206);
    assert_eq!(ask(&format!("W/{tag}")).await, 200);
    assert_eq!(ask(&format!("{}-gz\"", &tag[..33])).await, 200);
    assert_eq!(ask("\"x\"").await, 200);
    assert_eq!(ask("Mon, 05 Jan 2026 12:01:01 GMT").await, 200);
    assert_eq!(ask("").await, 200);
    let beyond = world.get_with("/a.txt", &[("range", "bytes=10-"), ("if-range", "\"x\"")]).await;
    beyond.shows(200, "0123456789");
    let known = world.get_with("/a.txt", &[("range", "bytes=10-"), ("if-none-match", tag)]).await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn only_get_has_parts() {
    let world = World::with(&[("a.txt", b"0123456789")], Kept::Inline).await;
    let answer = world.ask(Method::HEAD, "/a.txt", &[("range", "bytes=1-2")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, "10"));
    assert_eq!(world.ask(Method::HEAD, "/a.txt", &[("range", "bytes=10-")]).await.status, 200);
}

#[tokio::test]
async fn a_part_of_a_large_member_is_exact() {
    let stored = noise(900_000);
    let deflated: String = noise(3_000_000).iter().map(|byte| if byte % 64 == 0 { '\n' } else { 'x' }).collect();
    for kept in Kept::BOTH {
        let world = World::with(&[("a.png", &stored), ("a.txt", deflated.as_bytes())], kept).await;
        for (path, content) in [("/a.png", &stored[..]), ("/a.txt", deflated.as_bytes())] {
            for (start, end) in [(0, 5), (1, 400_000), (131_071, 131_073), (700_001, 899_999), (3, content.len())] {
                let range = format!("bytes={start}-{}", end - 1);
                let answer = world.get_with(path, &[("range", &range)]).await;
                assert_eq!(answer.status, 206);
                assert!(answer.bytes() == &content[start..end], "{kept:?} {path} {range}");
            }
        }
    }
}

#[tokio::test]
async fn a_part_far_into_a_deflated_member_is_exact() {
    let mut content = vec![b' '; 9_000_000];
    content.extend(b"the end");
    let world = World::with(&[("a.txt", &content)], Kept::Inline).await;
    world.get_with("/a.txt", &[("range", "bytes=-7")]).await.shows(206, "the end");
}
