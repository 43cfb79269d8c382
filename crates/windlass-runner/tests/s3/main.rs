//! Jobs whose source is in S3, worked on by a runner beside a server that speaks its protocol.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, like the test")]

mod server;
mod world;

use std::io::Cursor;
use std::time::Duration;

use server::{Fault, Server, content, tells_no_secret};
use windlass::{JobStatus, SourceUrlType};
use windlass_artifact::{Budget, Packer};
use windlass_runner::fetch::FetchLimits;
use windlass_runner::s3::Keys;
use world::{World, limits};

const ZIP: SourceUrlType = SourceUrlType::Zip;
const PREFIX: SourceUrlType = SourceUrlType::BucketPrefix;

// What works.

#[tokio::test]
async fn a_zip_in_a_bucket_goes_live() {
    let server = Server::start().await;
    server.put("builds/site 1+ü%.zip", zip(&[("index.html", "front")]));
    let world = World::new(server.access());
    let done = world.deploy("s3://pages/builds/site 1+ü%.zip", ZIP).await;
    assert_eq!(done.files["index.html"], b"front");
    assert!(done.log.contains("bytes from s3://pages/builds/site 1+ü%.zip\n"), "{}", done.log);
    tells_no_secret(&done.log);
}

#[tokio::test]
async fn a_prefix_is_a_folder_with_and_without_its_slash_and_a_bucket_is_one_too() {
    let server = Server::start().await;
    for (key, content) in [("site/index.html", "front"), ("site/a/b.css", "css"), ("sites/index.html", "other")] {
        server.put(key, content);
    }
    let world = World::new(server.access());
    for url in ["s3://pages/site", "s3://pages/site/"] {
        let done = world.deploy(url, PREFIX).await;
        assert_eq!(done.names(), ["a/b.css", "index.html"], "{url}");
        assert_eq!(done.files["a/b.css"], b"css");
    }
    for url in ["s3://pages", "s3://pages/"] {
        let done = world.deploy(url, PREFIX).await;
        assert_eq!(done.names(), ["site/a/b.css", "site/index.html", "sites/index.html"], "{url}");
    }
}

#[tokio::test]
async fn thousands_of_objects_come_in_pages_many_at_a_time_and_in_one_order() {
    let server = Server::start().await;
    let count = 1_234;
    for number in 0..count {
        server.put(&format!("site/{}/{number}.html", number % 10), content(number));
    }
    let world = World::new(server.access());
    let first = world.deploy("s3://pages/site", PREFIX).await;
    assert_eq!(first.files.len(), count);
    for number in 0..count {
        assert_eq!(first.files[&format!("{}/{number}.html", number % 10)], content(number).as_bytes());
    }
    assert_eq!(server.pages(), 2);
    let most = server.most_at_once();
    assert!((2..=16).contains(&most), "{most} at once");
    assert!(first.log.contains("Found 1234 files"), "{}", first.log);

    let again = world.deploy("s3://pages/site/", PREFIX).await;
    assert!(first.zip == again.zip, "the same objects make the same bytes");
    assert!(first.zip.len() < count * 300, "text is deflated: {} bytes", first.zip.len());
}

#[tokio::test]
async fn odd_names_are_taken_to_the_letter() {
    let server = Server::start().await;
    let names =
        ["a b.txt", "a+b.txt", "a%20b.txt", "ü/ö.txt", "(1)&~'!*.txt", "a=b,c;d@e:f.txt", "日本.txt", "x?y#z.txt"];
    for name in names {
        server.put(&format!("odd +%ü/{name}"), name);
    }
    let world = World::new(server.access());
    let done = world.deploy("s3://pages/odd +%ü", PREFIX).await;
    assert_eq!(done.files.len(), names.len());
    for name in names {
        assert_eq!(done.files[name], name.as_bytes());
    }
}

#[tokio::test]
async fn a_large_object_waits_in_a_file_and_an_empty_one_is_not_asked_for() {
    let server = Server::start().await;
    let large = (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>();
    server.put("site/large.bin", &large);
    server.put("site/empty.txt", "");
    server.put("site/index.html", "front");
    let world = World::new(server.access());
    let done = world.deploy("s3://pages/site", PREFIX).await;
    assert!(done.files["large.bin"] == large && done.files["empty.txt"].is_empty());
    assert!(server.asked().iter().all(|asked| !asked.path.ends_with("empty.txt")));
    world.left_nothing();
}

#[tokio::test]
async fn the_markers_of_folders_are_no_files() {
    let markers =
        "<Contents><Key>site/</Key><Size>0</Size></Contents><Contents><Key>site/a/</Key><Size>0</Size></Contents>";
    let server = Server::with(move |asked| asked.query.contains("list-type").then_some(Fault::List(markers))).await;
    server.put("site/a/b.html", "b");
    server.put("site/index.html", "front");
    let done = World::new(server.access()).deploy("s3://pages/site", PREFIX).await;
    assert_eq!(done.names(), ["a/b.html", "index.html"]);
}

#[tokio::test]
async fn without_keys_requests_are_not_signed() {
    let server = Server::public().await;
    server.put("a+ü.zip", zip(&[("index.html", "zip")]));
    server.put("site/a+b.html", "site");
    let world = World::new(server.access_with(None));
    assert_eq!(world.deploy("s3://pages/a+ü.zip", ZIP).await.files["index.html"], b"zip");
    assert_eq!(world.deploy("s3://pages/site", PREFIX).await.files["a+b.html"], b"site");
    assert!(server.asked().iter().all(|asked| !asked.query.contains("X-Amz")), "{:?}", server.asked());

    let server = Server::start().await;
    let world = World::new(server.access_with(None));
    for (url, kind) in [("s3://pages/site.zip", ZIP), ("s3://pages/site", PREFIX)] {
        let reason = world.fails(url, kind).await;
        assert!(reason.contains("403 Forbidden (AccessDenied); the server has no keys for S3"), "{reason}");
    }
}

// What breaks.

#[tokio::test]
async fn a_download_that_is_cut_goes_on_where_it_was() {
    let server = Server::with(|asked| match (asked.path.as_str(), asked.before) {
        ("/pages/site.zip", 0) => Some(Fault::CutAfter(200_000)),
        ("/pages/site.zip", 1) => Some(Fault::CutAfter(100_000)),
        _ => None,
    })
    .await;
    let noise: String =
        (0..400_000_u32).map(|n| char::from(b' ' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 90)).collect();
    server.put("site.zip", zip(&[("index.html", "front"), ("noise.bin", &noise)]));
    let done = World::new(server.access()).deploy("s3://pages/site.zip", ZIP).await;
    assert!(done.files["noise.bin"] == noise.as_bytes());
    let ranges: Vec<_> = server.asked().into_iter().map(|asked| asked.range).collect();
    assert_eq!(ranges, [None, Some("bytes=200000-".to_owned()), Some("bytes=300000-".to_owned())]);
    let told = done.log.matches("; trying again in").count();
    assert_eq!(told, 2, "{}", done.log);
    tells_no_secret(&done.log);
}

#[tokio::test]
async fn a_page_and_objects_that_fail_for_a_moment_are_asked_for_again() {
    let server = Server::with(|asked| match (asked.query.contains("list-type"), asked.before % 3) {
        (true, 0) => Some(Fault::Status(503, "SlowDown")),
        (true, 1) => Some(Fault::CutAfter(100)),
        (false, 0) if asked.path.ends_with("7.html") => Some(Fault::Status(500, "InternalError")),
        (false, 0) if asked.path.ends_with("8.html") => Some(Fault::CutAfter(3)),
        _ => None,
    })
    .await;
    for number in 0..50 {
        server.put(&format!("site/{number}.html"), content(number));
    }
    let done = World::new(server.access()).deploy("s3://pages/site", PREFIX).await;
    assert_eq!(done.files.len(), 50);
    assert!((0..50).all(|number| done.files[&format!("{number}.html")] == content(number).as_bytes()));
}

#[tokio::test]
async fn what_stays_broken_fails_the_job_after_a_few_tries_and_says_where() {
    let server = Server::with(|asked| asked.path.ends_with("bad.html").then_some(Fault::Status(503, "SlowDown"))).await;
    server.put("site/bad.html", "x");
    server.put("site/index.html", "front");
    let world = World::new(server.access());
    let reason = world.fails("s3://pages/site", PREFIX).await;
    assert_eq!(reason, "source s3://pages/site/bad.html answered 503 Service Unavailable (SlowDown)");
    let tries = server.asked().iter().filter(|asked| asked.path.ends_with("bad.html")).count();
    assert_eq!(tries, limits().tries as usize);
    world.left_nothing();
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_on() {
    let server = Server::with(|asked| asked.path.ends_with(".html").then_some(Fault::Stall(1))).await;
    server.put("site/index.html", "front");
    let brief = FetchLimits { idle: Duration::from_millis(100), tries: 1, ..limits() };
    let reason = World::with(server.access(), brief, Budget::default()).fails("s3://pages/site", PREFIX).await;
    assert_eq!(reason, "source s3://pages/site/index.html timed out: nothing was sent for 100ms");

    let brief = FetchLimits { total: Duration::from_millis(200), ..limits() };
    let reason = World::with(server.access(), brief, Budget::default()).fails("s3://pages/site", PREFIX).await;
    assert_eq!(reason, "source s3://pages/site timed out: not complete after 200ms");
}

#[tokio::test]
async fn a_stop_ends_hundreds_of_downloads_at_once_and_leaves_nothing() {
    let server = Server::with(|asked| asked.path.contains("/1").then_some(Fault::Stall(1))).await;
    for number in 0..300 {
        server.put(&format!("site/{number}.html"), content(number));
    }
    let world = World::new(server.access());
    let job = world.start("s3://pages/site", PREFIX).await;
    while server.most_at_once() == 0 || !server.asked().iter().any(|asked| asked.path.contains("/1")) {
        tokio::task::yield_now().await;
    }
    world.stop(job).await;
    assert_eq!(world.ended(job).await.status(), JobStatus::Cancelled);
    world.left_nothing();
}

// What is refused.

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Server::start().await;
    server.put("site/index.html", "front");
    let world = World::new(server.access());
    for (url, kind, expected) in [
        ("s3://pages/no.zip", ZIP, "source s3://pages/no.zip answered 404 Not Found (NoSuchKey)"),
        ("s3://nobody/no.zip", ZIP, "source s3://nobody/no.zip answered 404 Not Found (NoSuchKey)"),
        ("s3://nobody/site", PREFIX, "source s3://nobody/site/ answered 404 Not Found (NoSuchBucket)"),
        (
            "s3://pages/sit",
            PREFIX,
            "source s3://pages/sit/ has no files: no key of the bucket begins with that and goes on",
        ),
        (
            "s3://pages/site/index.html",
            PREFIX,
            "source s3://pages/site/index.html/ has no files: no key of the bucket begins with that and goes on",
        ),
        (
            "s3://pages/site/",
            ZIP,
            "source s3://pages/site/ names no zip: what is meant by all files below it is sourceUrlType BUCKET_PREFIX",
        ),
        (
            "s3://pages/a//b.zip",
            ZIP,
            "source s3://pages has the key \"a//b.zip\", which cannot be asked for: it has an empty, a `.` or a `..` \
             segment, or a control character",
        ),
        (
            "s3://Pages/site.zip",
            ZIP,
            "source names the bucket \"Pages\", which is no bucket's name: it has lower-case letters, digits, periods \
             and hyphens only",
        ),
        (
            "s3://me@127.0.0.1/site.zip",
            ZIP,
            "source names the bucket \"me@127.0.0.1\", which is no bucket's name: it has lower-case letters, digits, \
             periods and hyphens only",
        ),
    ] {
        assert_eq!(world.fails(url, kind).await, expected);
    }
    assert!(server.asked().iter().all(|asked| asked.before < 3), "what is not there is not asked for again");
}

#[tokio::test]
async fn keys_that_cannot_be_paths_of_a_site_fail_by_name() {
    for (listed, expected) in [
        ("site//x.html", "has the key \"site//x.html\", and below the prefix its name is absolute"),
        ("site/a//x.html", "has the key \"site/a//x.html\", and below the prefix its name has an empty segment"),
        ("site/../x.html", "has the key \"site/../x.html\", and below the prefix its name has a `.` or `..` segment"),
        ("site/a\\b.html", "has the key \"site/a\\\\b.html\", and below the prefix its name has a backslash"),
        ("site/a&#10;b", "has the key \"site/a\\nb\", and below the prefix its name has a control character"),
        ("site/a/", "has the key \"site/a/\", and below the prefix its name has an empty segment"),
        ("elsewhere/x", "answered no valid list of objects: \"elsewhere/x\" does not begin with what was asked for"),
    ] {
        let more: &'static str = format!("<Contents><Key>{listed}</Key><Size>1</Size></Contents>").leak();
        let server = Server::with(move |asked| asked.query.contains("list-type").then_some(Fault::List(more))).await;
        server.put("site/index.html", "front");
        let reason = World::new(server.access()).fails("s3://pages/site", PREFIX).await;
        assert!(reason.contains(expected), "{listed}: {reason}");
        assert!(server.asked().iter().all(|asked| asked.query.contains("list-type")), "something was fetched");
    }
}

#[tokio::test]
async fn a_path_that_is_both_file_and_folder_fails_by_name() {
    let more = "<Contents><Key>site/a</Key><Size>0</Size></Contents>";
    let server = Server::with(move |asked| asked.query.contains("list-type").then_some(Fault::List(more))).await;
    server.put("site/a/index.html", "front");
    let reason = World::new(server.access()).fails("s3://pages/site", PREFIX).await;
    assert_eq!(reason, "\"a\" is a file and also the folder of \"a/index.html\"");
}

#[tokio::test]
async fn a_site_has_its_limits_before_anything_of_it_is_fetched() {
    let server = Server::start().await;
    for number in 0..10 {
        server.put(&format!("site/{number}.html"), [b'x'; 100]);
    }
    let is = |budget: Budget, expected: &'static str| (budget, expected);
    for (budget, expected) in [
        is(
            Budget { members: 9, ..Budget::default() },
            "s3://pages/site/ has more files than the 9 that a site may have",
        ),
        is(Budget { total: 999, ..Budget::default() }, "s3://pages/site/ has more bytes than the 999 that a site may"),
        is(Budget { directory: 59, ..Budget::default() }, "has more bytes of names than the 59 that a site may have"),
        is(
            Budget { member: 99, ..Budget::default() },
            "has \"site/0.html\" of 100 bytes, and a file of a site may have 99",
        ),
    ] {
        let reason = World::with(server.access(), limits(), budget).fails("s3://pages/site", PREFIX).await;
        assert!(reason.contains(expected), "{reason}");
    }
    assert!(server.asked().iter().all(|asked| asked.query.contains("list-type")), "something was fetched");
}

#[tokio::test]
async fn an_object_that_changes_after_it_was_listed_fails_by_name() {
    for size in ["3", "30"] {
        let more: &'static str = format!("<Contents><Key>site/late.html</Key><Size>{size}</Size></Contents>").leak();
        let server = Server::with(move |asked| match asked.query.contains("list-type") {
            true => Some(Fault::List(more)),
            false => asked.path.ends_with("late.html").then_some(Fault::Body("twelve bytes")),
        })
        .await;
        server.put("site/index.html", "front");
        let reason = World::new(server.access()).fails("s3://pages/site", PREFIX).await;
        let expected =
            format!("changed while it was read: \"site/late.html\" was listed with {size} bytes; deploy again");
        assert!(reason.ends_with(&expected), "{reason}");
    }
}

#[tokio::test]
async fn keys_that_the_server_does_not_take_are_not_told() {
    let server = Server::start().await;
    server.put("site/index.html", "front");
    let wrong = |id: &str, secret: &str| Keys {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: Some("T0KEN".to_owned()),
    };
    for keys in [wrong("AKID", "WRONG"), wrong("NOBODY", "S3CR3T")] {
        let world = World::new(server.access_with(Some(keys)));
        for (url, kind) in [("s3://pages/site.zip", ZIP), ("s3://pages/site", PREFIX)] {
            let reason = world.fails(url, kind).await;
            assert!(reason.contains("403 Forbidden ("), "{reason}");
            assert!(reason.ends_with("; it was asked with the server's own keys for S3"), "{reason}");
            for secret in ["WRONG", "NOBODY", "T0KEN"] {
                assert!(!reason.contains(secret), "{reason}");
            }
            tells_no_secret(&reason);
        }
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_says_so_and_no_redirect_is_followed() {
    for fault in [
        Fault::Redirect("http://169.254.169.254/latest"),
        Fault::Status(301, "PermanentRedirect"),
        Fault::Status(400, "AuthorizationHeaderMalformed"),
    ] {
        let server = Server::with(move |_| Some(fault.clone())).await;
        for (url, kind) in [("s3://pages/site.zip", ZIP), ("s3://pages/site", PREFIX)] {
            let reason = World::new(server.access()).fails(url, kind).await;
            let expected = "; the server asks for it in region us-east-1 (AWS_REGION), and it is in another";
            assert!(reason.ends_with(expected), "{reason}");
        }
        assert!(server.asked().iter().all(|asked| asked.before == 0), "it was tried again");
    }
}

#[tokio::test]
async fn a_runner_without_s3_says_that_it_has_none() {
    let reason = World::without_s3().fails("S3://pages/site.zip", ZIP).await;
    assert_eq!(reason, "this server does not read from S3; use an https URL of a zip");
}

// Helpers.

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        packer.add(path, content.as_bytes()).unwrap();
    }
    packer.finish().unwrap().into_inner()
}
