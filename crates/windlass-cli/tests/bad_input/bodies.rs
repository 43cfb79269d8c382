//! Bodies that are no JSON object, or too much of one.

use crate::support::World;

/// Every operation that reads a body.
fn operations(world: &World) -> [String; 7] {
    let (app, branch) = (format!("/apps/{}", world.app), world.branch_path());
    [
        "/apps".to_owned(),
        format!("{app}/branches"),
        format!("{branch}/deployments"),
        format!("{branch}/deployments/start"),
        format!("{branch}/jobs"),
        app,
        branch,
    ]
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_by_every_operation() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let deep = [b"[".repeat(100_000), br#"{"a":"#.repeat(100_000), br#"{"name":["#.repeat(100_000)];
    let malformed: [&[u8]; 14] = [
        b"{",
        br#"{"name""#,
        br#"{"name":"#,
        br#"{"name":"x""#,
        br#"{"name":"x",}"#,
        b"{'name':'x'}",
        b"{}{}",
        b"{} x",
        b" ",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        b"{\"name\":\"\xff\"}",
        br#"{"name":"\ud800"}"#,
        b"{\"name\":\"a\nb\"}",
    ];
    for operation in operations(&world) {
        for body in malformed.into_iter().chain(deep.iter().map(Vec::as_slice)) {
            let answer = world.ask("POST", &operation, body).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(20)]);
            answer.is_bad("request body is not valid JSON", &format!("{operation} {shown}"));
        }
        for body in ["[]", "[{}]", "null", "true", "7", "\"{}\""] {
            let answer = world.ask("POST", &operation, body).await;
            answer.is_bad("request body must be a JSON object", &format!("{operation} {body}"));
        }
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_message_repeats_nothing_of_a_malformed_body() {
    let world = World::unsigned().await;
    for body in [
        r#"{"name":"x","accessToken":"hush"#,
        r#"{"accessToken":"hush" hush}"#,
        r#"{"name":"x","accessToken":["hush"]}"#,
    ] {
        let answer = world.ask("POST", "/apps", body).await;
        answer.is_bad("", body);
        assert!(!answer.body.contains("hush"), "{answer:?}");
    }
}

#[tokio::test]
async fn no_body_is_an_empty_object() {
    let world = World::unsigned().await;
    let created = world.ask("POST", &format!("{}/deployments", world.branch_path()), "").await;
    assert_eq!(created.ok("CreateDeployment")["jobId"], "1");
    let start = world.ask("POST", &format!("{}/deployments/start", world.branch_path()), "").await;
    start.is_bad("Must specify jobId or sourceUrl for StartDeploymentRequest.", "StartDeployment");
    world.ask("POST", &format!("{}/jobs", world.branch_path()), "").await.is_bad("'jobType'", "StartJob");
}

#[tokio::test]
async fn members_that_an_operation_does_not_know_are_ignored() {
    let world = World::unsigned().await;
    let deepest = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for unknown in ["null", "1", "{}", r#"[{"x":null}]"#, &deepest] {
        let body = format!(r#"{{"name":"x","later":{unknown},"__proto__":{unknown}}}"#);
        world.ask("POST", "/apps", &body).await.ok(&body);
    }
}

#[tokio::test]
async fn ten_mebibytes_are_read_and_not_one_byte_more() {
    const LIMIT: usize = 10 << 20;
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let target = format!("{}/deployments/start", world.branch_path());
    let padded = |size: usize| {
        let start = r#"{"x":""#;
        format!("{start}{}\"}}", "x".repeat(size - start.len() - 2))
    };
    world.ask("POST", &target, padded(LIMIT)).await.is_bad("Must specify jobId or sourceUrl", "the largest body");
    for size in [LIMIT + 1, 3 * LIMIT] {
        let answer = world.ask("POST", &target, padded(size)).await;
        answer.refuses(413, "RequestEntityTooLargeException", "larger than 10485760 bytes", "one that is too large");
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn who_is_refused_while_still_sending_reads_why_and_may_ask_again() {
    let world = World::unsigned().await;
    let next = "GET /apps HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let refused = [
        (format!("POST {}/deployments", world.branch_path()), "HTTP/1.1 413 "),
        ("POST /nothing".to_owned(), "HTTP/1.1 404 "),
        ("PUT /-/uploads/1/1/0".to_owned(), "HTTP/1.1 403 "),
    ];
    for (target, status) in refused {
        let body = vec![b' '; 32 << 20];
        let head = format!("{target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        let answers = world.send_first(&[head.as_bytes(), &body, next.as_bytes()].concat()).await.unwrap();
        assert!(answers.starts_with(status), "{target}: {answers}");
        assert!(answers.contains("\r\n\r\n{\"message\":"), "{target}: {answers}");
        assert!(answers.contains("HTTP/1.1 200 OK"), "{target}: {answers}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_does_nothing() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let target = format!("{}/deployments", world.branch_path());
    let head = format!("POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\nconnection: close\r\n\r\n");
    for sent in ["", "{", "{}"] {
        if let Some(answer) = world.break_off(format!("{head}{sent}").as_bytes()).await {
            assert_eq!(answer.status, 400, "{answer:?}");
        }
    }
    let chunked =
        format!("POST {target} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n");
    if let Some(answer) = world.break_off(chunked.as_bytes()).await {
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(world.snapshot().await, before);
}
