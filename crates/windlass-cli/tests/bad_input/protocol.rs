//! Requests that mean no operation, or hardly are requests.

use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn a_path_that_is_no_operations_is_unknown() {
    let world = World::unsigned().await;
    let app = &world.app;
    let paths = [
        "/".to_owned(),
        "/app".to_owned(),
        "/apps/".to_owned() + app + "/",
        "//apps".to_owned(),
        "/Apps".to_owned(),
        "/apps%2F".to_owned() + app,
        format!("/apps/{app}/branches/main/"),
        format!("/apps/{app}/branches/feature/x"),
        format!("/apps/{app}/branches/main/deployments/stop"),
        format!("/apps/{app}/branches/main/jobs/1/start"),
        format!("/apps/{app}/branches/main/jobs/1/stop/now"),
        format!("/apps/{app}/domain"),
        "/healthz/".to_owned(),
        "/-".to_owned(),
        "/favicon.ico".to_owned(),
        "/apps?".repeat(1000).replace('?', ""),
    ];
    for path in paths {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let answer = world.ask(method, &path, "").await;
            answer.refuses(404, "UnknownOperationException", "No operation", &format!("{method} {path}"));
        }
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_answered_with_those_that_it_has() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let branch = world.branch_path();
    let cases = [
        ("/apps".to_owned(), "POST, GET"),
        (format!("/apps/{}", world.app), "GET, POST, DELETE"),
        (format!("/apps/{}/branches", world.app), "POST, GET"),
        (branch.clone(), "GET, POST, DELETE"),
        (format!("{branch}/deployments"), "POST"),
        (format!("{branch}/deployments/start"), "POST"),
        (format!("{branch}/jobs"), "POST, GET"),
        (format!("{branch}/jobs/1"), "GET, DELETE"),
        (format!("{branch}/jobs/1/stop"), "DELETE"),
        ("/healthz".to_owned(), "GET, HEAD"),
        ("/readyz".to_owned(), "GET, HEAD"),
    ];
    for (path, allowed) in cases {
        for method in ["PUT", "PATCH", "TRACE", "PROPFIND", "get", "X", "HEAD"] {
            if path.ends_with('z') && method == "HEAD" {
                continue;
            }
            let answer = world.ask(method, &path, "").await;
            assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{method} {path}: {answer:?}");
        }
        let options = world.ask("OPTIONS", &path, "").await;
        assert_eq!((options.status, options.header("allow")), (204, allowed), "{path}: {options:?}");
        assert_eq!(options.body, "");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(world.ask("HEAD", path, "").await.status, 200);
        assert_eq!(world.ask("GET", path, "").await.body, "ok\n");
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_host_that_is_none_is_refused_before_anything_is_made() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let target = format!("{}/deployments", world.branch_path());
    for host in ["a b", "a/b", "http://a/", "a\"b", "a?b", "<x>", "[::1", "", "a,b c"] {
        let answer = world.ask_with("POST", &target, &[("host", host)], "{}").await;
        answer.is_bad("The Host header does not name a host.", host);
    }
    assert_eq!(world.snapshot().await, before);
    let made = world.ask_with("POST", &target, &[("host", "user:pw@localhost:81")], "{}").await.ok("a login");
    let url = made["zipUploadUrl"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://localhost:81/-/uploads/"), "{url}");
}

#[tokio::test]
async fn a_web_page_cannot_use_a_server_that_asks_for_no_signatures() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let foreign = [
        ("host", "evil.example"),
        ("host", "127.0.0.1.evil.example:80"),
        ("host", "10.0.0.1"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
    ];
    for header in foreign {
        let answer = world.ask_with("POST", "/apps", &[header], r#"{"name":"theirs"}"#).await;
        answer.refuses(403, "AccessDeniedException", "Unsigned requests are for programs on this machine", "a page's");
    }
    assert_eq!(world.snapshot().await, before);
    for host in ["localhost", "LOCALHOST:1", "127.0.0.2:9", "[::1]:8420"] {
        world.ask_with("GET", "/apps", &[("host", host)], "").await.ok(host);
    }
}

#[tokio::test]
async fn what_hardly_is_a_request_is_not_answered_with_our_fault() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let long = format!("GET /apps/{} HTTP/1.1\r\nhost: x\r\n\r\n", "d".repeat(200_000));
    let many = format!("GET /apps HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    let target = format!("{}/deployments", world.branch_path());
    let two = format!("POST {target} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{{}} ");
    let smuggled =
        format!("POST {target} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: x\r\n\r\n{{}}");
    let bytes: [&[u8]; 11] = [
        b"",
        b"\r\n\r\n",
        b"\0\0\0\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /apps\r\n\r\n",
        b"GET /apps HTTP/9.9\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
        two.as_bytes(),
        smuggled.as_bytes(),
    ];
    for request in bytes {
        if let Some(answer) = world.break_off(request).await {
            let shown = String::from_utf8_lossy(&request[..request.len().min(40)]);
            assert!((400..500).contains(&answer.status), "{shown}: {answer:?}");
        }
    }
    assert_eq!(world.snapshot().await, before);
    let old = world.send(b"GET /apps HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!(old.ok("without a Host")["apps"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn parameters_that_an_operation_does_not_know_are_ignored() {
    let world = World::unsigned().await;
    for query in ["?", "?x", "?x=%", "?=", "?&&&", "?maxresults=abc", "?X-Amz-Date=x", "?appId=d2"] {
        let shown = world.ask("GET", &format!("/apps/{}{query}", world.app), "").await.ok(query);
        assert_eq!(shown["app"]["appId"], json!(world.app), "{query}");
    }
    // A body that is not asked for is not looked at.
    let shown = world.ask("GET", &format!("/apps/{}", world.app), "{not json").await.ok("a body");
    assert_eq!(shown["app"]["appId"], json!(world.app));
}
