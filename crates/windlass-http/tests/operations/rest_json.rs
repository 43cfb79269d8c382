//! restJson1 as Smithy's protocol tests describe it, in cases of our own for what this API has of it: labels, queries,
//! bodies, media types, errors.

use serde_json::{Value, json};

use crate::sample::encoded;
use crate::server::{Answer, Server};

/// Every character that means something in a URL, and one of four bytes.
const RESERVED: &str = " %:/?#[]@!$&'()*+,;=\u{1f639}";

const JSON: (&str, &str) = ("content-type", "application/json");

impl Server {
    fn path(&self, rest: &str) -> String {
        format!("/apps/{}{rest}", self.app)
    }

    fn arn(&self) -> String {
        encoded(&format!("arn:aws:amplify:us-east-1:000000000000:apps/{}", self.app))
    }

    async fn tags(&self) -> Value {
        self.ask("GET", &format!("/tags/{}", self.arn()), &[], "").await.json()["tags"].take()
    }

    /// GenerateAccessLogs with one more member, which is a time.
    async fn with_time(&self, time: &str) -> Answer {
        let body = format!(r#"{{"domainName":"{}.localhost","startTime":{time}}}"#, self.app);
        self.ask("POST", &self.path("/accesslogs"), &[JSON], body).await
    }
}

fn is_ok(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
}

/// It is this error, in these words among others.
fn is_refused(answer: &Answer, status: u16, kind: &str, words: &str, what: &str) {
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, kind), "{what}: {answer:?}");
    assert!(answer.message().contains(words), "{what}: {words:?} is not in {answer:?}");
}

fn is_bad(answer: &Answer, words: &str, what: &str) {
    is_refused(answer, 400, "BadRequestException", words, what);
}

#[tokio::test]
async fn a_label_is_split_off_before_it_is_decoded() {
    let server = Server::new().await;
    for (raw, name) in [
        (encoded(RESERVED), RESERVED),
        ("hello%2Fescape".to_owned(), "hello/escape"),
        ("hello%2fescape".to_owned(), "hello/escape"),
        ("%252F".to_owned(), "%2F"),
        ("(a+)+".to_owned(), "(a+)+"),
        ("a+b".to_owned(), "a+b"),
        ("a:b@c!$&'()*,;=".to_owned(), "a:b@c!$&'()*,;="),
        ("%2E%2E".to_owned(), ".."),
        (".".to_owned(), "."),
        ("jobs".to_owned(), "jobs"),
        ("true".to_owned(), "true"),
        ("%C3%BC".to_owned(), "\u{fc}"),
    ] {
        let made =
            server.ask("POST", &server.path("/branches"), &[JSON], json!({ "branchName": name }).to_string()).await;
        assert!(matches!(made.status, 200 | 400), "{made:?}");
        for rest in ["", "/jobs"] {
            is_ok(&server.ask("GET", &server.path(&format!("/branches/{raw}{rest}")), &[], "").await, &raw);
        }
        let shown = server.ask("GET", &server.path(&format!("/branches/{raw}")), &[], "").await.json();
        assert_eq!(shown["branch"]["branchName"], name, "{raw}");
    }
    for raw in ["%", "%2", "%zz", "%FF", "%C3%28"] {
        let answer = server.ask("GET", &server.path(&format!("/branches/{raw}")), &[], "").await;
        is_bad(
            &answer,
            "Value at 'branchName' failed to satisfy constraint: Member must be percent-encoded UTF-8",
            raw,
        );
    }
}

#[tokio::test]
async fn a_path_is_that_of_an_operation_or_unknown() {
    let server = Server::new().await;
    let arn = "/tags/arn:aws:amplify:us-east-1:000000000000:apps/d1";
    let branch = server.path("/branches/main");
    for path in [&server.path("/"), "//apps", "/APPS", arn, &format!("{branch}/jobs/1/stop/"), "/2017-07-25/apps"] {
        let answer = server.ask("GET", path, &[], "").await;
        is_refused(
            &answer,
            404,
            "UnknownOperationException",
            "No operation of this API has this method and path.",
            path,
        );
    }
    // An empty label is a label.
    is_bad(&server.ask("GET", "/apps/", &[], "").await, "Value at 'appId' failed", "no app");
    for method in ["PUT", "PATCH", "HEAD"] {
        let answer = server.ask(method, &branch, &[("x-http-method-override", "GET")], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST, DELETE"), "{answer:?}");
    }
    let options = server.ask("OPTIONS", &branch, &[], "").await;
    assert_eq!((options.status, options.header("allow"), &*options.body), (204, "GET, POST, DELETE", ""));
}

#[tokio::test]
async fn a_list_in_a_query_is_a_repeated_parameter() {
    let server = Server::new().await;
    let target = format!("/tags/{}", server.arn());
    // AWS's pattern has `+-=` in it, which is a range, and the comma is in that.
    let tags = json!({ "tags": { "a": "1", "b": "2", "a,b": "3", "x:/=+-.y": "4", "c": "5" } });
    is_ok(&server.ask("POST", &target, &[JSON], tags.to_string()).await, "TagResource");
    let mut left = vec!["a", "a,b", "b", "c", "x:/=+-.y"];
    for (query, gone) in [
        ("tagKeys=a%2Cb", &["a,b"][..]),
        ("tagKeys=x%3A%2F%3D%2B-.y", &["x:/=+-.y"]),
        ("tagKeys=b&tagKeys=a&tagKeys=a", &["a", "b"]),
        ("other=x&tagKeys=c&=", &["c"]),
    ] {
        is_ok(&server.ask("DELETE", &format!("{target}?{query}"), &[], "").await, query);
        left.retain(|key| !gone.contains(key));
        let tags = server.tags().await;
        assert_eq!(tags.as_object().expect("tags").keys().collect::<Vec<_>>(), left, "{query}");
    }
    for (query, words) in [
        ("", "Value at 'tagKeys' failed to satisfy constraint: Member must not be null"),
        ("tagkeys=a", "Value at 'tagKeys' failed to satisfy constraint: Member must not be null"),
        ("tagKeys%5B%5D=a", "Value at 'tagKeys' failed to satisfy constraint: Member must not be null"),
        ("tagKeys=", "Value at 'tagKeys.1.member' failed to satisfy constraint: Member must have length"),
        ("tagKeys", "Value at 'tagKeys.1.member' failed to satisfy constraint: Member must have length"),
        (
            "tagKeys=a&tagKeys=%20",
            "Value at 'tagKeys.2.member' failed to satisfy constraint: Member must satisfy regular",
        ),
        ("tagKeys=%zz", "percent-encoded UTF-8"),
    ] {
        is_bad(&server.ask("DELETE", &format!("{target}?{query}"), &[], "").await, words, query);
    }
    let many: Vec<_> = (0..51).map(|number| format!("tagKeys=k{number}")).collect();
    let answer = server.ask("DELETE", &format!("{target}?{}", many.join("&")), &[], "").await;
    is_bad(
        &answer,
        "Value at 'tagKeys' failed to satisfy constraint: Member must have length less than or equal to 50",
        "51",
    );
}

#[tokio::test]
async fn a_number_in_a_query_is_written_as_a_number() {
    let server = Server::new().await;
    for good in ["maxResults=0", "maxResults=1", "maxResults=%31", "maxResults=50&nextToken="] {
        is_ok(&server.ask("GET", &server.path(&format!("/branches?{good}")), &[], "").await, good);
    }
    for bad in [
        "true",
        "1.001",
        "2ABC",
        "0x42",
        "Infinity",
        "-Infinity",
        "NaN",
        "",
        "1,2",
        "%221%22",
        "+1",
        "-9223372000000000000",
        "9223372000000000000",
        "123000000000000000000000",
    ] {
        let answer = server.ask("GET", &server.path(&format!("/branches?maxResults={bad}")), &[], "").await;
        is_bad(&answer, "Value at 'maxResults' failed to satisfy constraint: ", bad);
    }
}

#[tokio::test]
async fn no_body_is_an_empty_object_and_so_is_one_of_nulls() {
    let server = Server::new().await;
    server.branch("other").await;
    let deployments = server.path("/branches/other/deployments");
    for body in ["", "{}", " \r\n\t{ } ", r#"{"fileMap":null}"#, r#"{"fileMap":null,"other":{"a":[null]}}"#] {
        is_ok(&server.ask("POST", &deployments, &[JSON], body).await, body);
        let stop = server.path("/branches/other/jobs/");
        let jobs = server.ask("GET", &server.path("/branches/other/jobs?maxResults=1"), &[], "").await.json();
        let job = jobs["jobSummaries"][0]["jobId"].as_str().expect("a job");
        is_ok(&server.ask("DELETE", &format!("{stop}{job}/stop"), &[], "").await, job);
    }
    // What an operation does not read, it does not look at.
    for body in ["", "{}", "null", "[", "\u{0}"] {
        is_ok(&server.ask("GET", "/apps", &[JSON], body).await, body);
    }
}

#[tokio::test]
async fn a_value_in_a_body_is_of_its_own_type() {
    let server = Server::new().await;
    let ask = |member: &str, value: &str| {
        let body = format!(r#"{{"branchName":"b","{member}":{value}}}"#);
        server.ask("POST", "/apps/d1/branches", &[JSON], body)
    };
    for value in ["\"true\"", "\"false\"", "\"\"", "1", "0", "1.0", "[]", "{}", "\"on\"", "\"yes\""] {
        let words = "Value at 'enableAutoBuild' failed to satisfy constraint: Member must be a boolean";
        is_bad(&ask("enableAutoBuild", value).await, words, value);
    }
    for value in ["7", "1.5", "true", "[]", "{}", "[\"text\"]"] {
        let words = "Value at 'description' failed to satisfy constraint: Member must be a string";
        is_bad(&ask("description", value).await, words, value);
    }
    for value in
        ["True", "TRUE", "yes", "2ABC", "0x42", "Infinity", "NaN", "'text'", "\"open", "[\"a\"", "{\"a\" \"b\"}"]
    {
        is_bad(&ask("enableAutoBuild", value).await, "request body is not valid JSON", value);
    }
    for (member, value, at) in [
        ("environmentVariables", r#"{"A":null}"#, "environmentVariables"),
        ("environmentVariables", r#"{"A":1}"#, "environmentVariables"),
        ("environmentVariables", r#"["A"]"#, "environmentVariables"),
        ("backend", r#"{"stackArn":7}"#, "backend.stackArn"),
        ("stage", "\"production\"", "stage"),
    ] {
        is_bad(&ask(member, value).await, &format!("Value at '{at}' failed to satisfy constraint: "), value);
    }
    is_bad(&ask("environmentVariables", r#"{null:"a"}"#).await, "request body is not valid JSON", "a null key");
    // What is as it should be comes as far as the app that is not there.
    for (member, value) in [
        ("enableAutoBuild", "true"),
        ("description", r#""\u00fc\ud83d\ude39\/""#),
        ("environmentVariables", r#"{"":""}"#),
        ("__type", "7"),
        ("stage", "null"),
    ] {
        is_refused(&ask(member, value).await, 404, "NotFoundException", "App d1 not found.", value);
    }
}

#[tokio::test]
async fn a_time_is_a_number_of_seconds() {
    let server = Server::new().await;
    for good in
        ["1515531081", "1515531081.1234", "1515531081.123456789", "1.515531081E9", "0", "-1", "1515531081.0", "null"]
    {
        is_ok(&server.with_time(good).await, good);
    }
    for bad in [
        "\"1515531081\"",
        "\"1515531081.1234\"",
        "\"1985-04-12T23:20:50.52Z\"",
        "\"1996-12-19T16:39:57-08:00\"",
        "\"Tue, 29 Apr 2014 18:30:38 GMT\"",
        "\"\"",
        "true",
        "[1515531081]",
        "{}",
        "1e300",
    ] {
        is_bad(&server.with_time(bad).await, "Value at 'startTime' failed to satisfy constraint: ", bad);
    }
    for bad in ["1515531081ABC", "0x42", "Infinity", "NaN", "1515531081.", "01515531081", "+1515531081", "1e999"] {
        is_bad(&server.with_time(bad).await, "request body is not valid JSON", bad);
    }
    let shown = server.ask("GET", &server.path(""), &[], "").await;
    assert!(shown.body.contains(r#""createTime":1773144000"#), "{shown:?}");
}

#[tokio::test]
async fn a_body_is_one_json_object() {
    let server = Server::new().await;
    for body in ["{", "{[", r#"{"name":"a""#, r#"{"name":"a"]"#, r#"{"name":"a"} {"#, "{}}", "\u{feff}{}", "name=a"] {
        is_bad(&server.ask("POST", "/apps", &[JSON], body).await, "request body is not valid JSON", body);
    }
    for body in ["[{\"name\":\"a\"}]", "10", "null", "\"{}\"", "true"] {
        is_bad(&server.ask("POST", "/apps", &[JSON], body).await, "request body must be a JSON object", body);
    }
    let large = vec![b' '; 10 * 1024 * 1024 + 1];
    let answer = server.ask("POST", "/apps", &[JSON], large).await;
    is_refused(&answer, 413, "RequestEntityTooLargeException", "larger than 10485760 bytes", "a large body");
}

#[tokio::test]
async fn a_body_is_json_unless_it_says_otherwise() {
    let server = Server::new().await;
    let body = r#"{"name":"a"}"#;
    for json in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON ; odd",
        "application/x-amz-json-1.1",
        "application/x-amz-json-1.0",
        "",
        "application/x-www-form-urlencoded",
        "text/plain;charset=UTF-8",
    ] {
        is_ok(&server.ask("POST", "/apps", &[("content-type", json)], body).await, json);
    }
    is_ok(&server.ask("POST", "/apps", &[], body).await, "no type");
    let before = server.ask("GET", "/apps", &[], "").await.body;
    for other in [
        "application/hal+json",
        "application/jsonp",
        "application/xml",
        "multipart/form-data; boundary=application/json",
        "text/html",
        "text/json",
        "json",
        "application/json\u{a0}",
    ] {
        let answer = server.ask("POST", "/apps", &[("content-type", other)], body).await;
        is_refused(&answer, 415, "UnsupportedMediaTypeException", "must be application/json", other);
    }
    let two = server.ask("POST", "/apps", &[JSON, ("content-type", "text/html")], body).await;
    is_refused(&two, 415, "UnsupportedMediaTypeException", "must be application/json", "two types");
    assert_eq!(server.ask("GET", "/apps", &[], "").await.body, before);
    // Of what is not there and of what is not read, nothing is asked.
    let plain = [("content-type", "text/html")];
    is_ok(&server.ask("POST", &server.path("/branches/main/deployments"), &plain, "").await, "no body");
    is_ok(&server.ask("GET", "/apps", &plain, "x").await, "a body that is not read");
}

#[tokio::test]
async fn an_answer_is_json_whatever_is_accepted() {
    let server = Server::new().await;
    for accept in ["application/json", "*/*", "application/hal+json", "text/html", ""] {
        let answer = server.ask("GET", "/apps", &[("accept", accept), ("accept-encoding", "gzip, br")], "").await;
        is_ok(&answer, accept);
        assert_eq!(answer.header("content-type"), "application/json", "{accept}");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{accept}");
        assert_eq!(answer.header("content-encoding"), "", "{accept}");
    }
}

#[tokio::test]
async fn an_error_has_its_type_in_a_header_and_its_message_in_the_body() {
    let server = Server::new().await;
    let missing = server.ask("GET", "/apps/d1", &[], "").await;
    is_refused(&missing, 404, "NotFoundException", "App d1 not found.", "an app");
    assert_eq!(missing.json(), json!({ "message": "App d1 not found." }));
    let arn = "arn:aws:amplify:us-east-1:000000000000:apps/d1";
    let untagged = server.ask("GET", &format!("/tags/{}", encoded(arn)), &[], "").await;
    is_refused(&untagged, 404, "ResourceNotFoundException", arn, "tags");
    // The model has a second member for this one.
    assert_eq!(untagged.json()["code"], "ResourceNotFoundException");
    let invalid = server.ask("POST", "/apps", &[JSON], "{}").await;
    let message = "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must not be null";
    assert_eq!(invalid.json(), json!({ "message": message }));
    is_bad(&invalid, message, "a violation");
}
