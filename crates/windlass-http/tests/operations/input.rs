//! Members gathered from path, query and body.

use http::Method;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use windlass_http::operations::{Violation, route};

#[test]
fn members_come_from_path_query_and_body_into_one_object() {
    let input = list_jobs("maxResults=5&nextToken=a%20b%2Bc").expect("it is valid");
    let expected = json!({ "appId": "d1", "branchName": "main", "maxResults": 5, "nextToken": "a b+c" });
    assert_eq!(Value::Object(input), expected);

    let input = start_job(br#"{"jobType": "RELEASE", "commitTime": 1.5e9}"#).expect("it is valid");
    let expected = json!({ "appId": "d1", "branchName": "main", "jobType": "RELEASE", "commitTime": 1.5e9 });
    assert_eq!(Value::Object(input), expected);
}

#[test]
fn what_is_unknown_is_dropped_and_null_is_absent() {
    let input = create_app(json!({
        "name": "site", "color": "red", "description": null, "appId": "d1", "maxResults": 5,
        "jobConfig": { "buildComputeType": "STANDARD_8GB", "cpu": 4 },
        "autoBranchCreationConfig": { "stage": null },
    }));
    let expected = json!({
        "name": "site", "jobConfig": { "buildComputeType": "STANDARD_8GB" }, "autoBranchCreationConfig": {},
    });
    assert_eq!(Value::Object(input.expect("it is valid")), expected);

    let input = list_jobs("jobType=RELEASE&appId=d2&x=%zz&%zz=1&&=&maxResults=1").expect("it is valid");
    assert_eq!(Value::Object(input), json!({ "appId": "d1", "branchName": "main", "maxResults": 1 }));
}

#[test]
fn operations_of_our_own_refuse_what_they_do_not_know() {
    let input = |method: Method, target: &str, body: Value| {
        let (path, query) = target.split_once('?').expect("a query");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let input = route(&method, path).expect("it is in the table").input(Some(query), body.as_bytes());
        input.map_err(|violation| violation.to_string())
    };
    let unknown = |name: &str| Err(format!("the operation has no member '{name}'"));
    let key = json!({ "role": "read", "app": ["d1"] });
    assert_eq!(input(Method::POST, "/-/keys?", key), unknown("app"));
    assert_eq!(input(Method::POST, "/-/keys?role=read", json!({ "role": "read" })), unknown("role"));
    assert_eq!(input(Method::GET, "/-/events?appid=d1", Value::Null), unknown("appid"));
    let long = format!("/-/events?{}", "x".repeat(1000));
    assert_eq!(input(Method::GET, &long, Value::Null), unknown(&"x".repeat(64)));
    assert_eq!(input(Method::GET, "/-/events?%0A=1", Value::Null), unknown("\\n"));
    // A signature in the query is none, and neither is nothing.
    let signed = input(Method::GET, "/-/events?X-Amz-Date=20260101T000000Z&&=&cursor=5", Value::Null);
    assert_eq!(signed.map(Value::Object), Ok(json!({ "cursor": 5 })));
}

#[test]
fn terraform_may_clear_the_variables_with_an_empty_one() {
    let variables = json!({ "": "" });
    let input = create_app(json!({ "name": "site", "environmentVariables": variables })).expect("it is valid");
    assert_eq!(input["environmentVariables"], variables);
}

#[test]
fn a_violation_reads_like_one_of_aws() {
    let long = "x".repeat(256);
    let violation = create_app(json!({ "name": long })).unwrap_err();
    assert_eq!(
        violation.to_string(),
        "1 validation error detected: Value at 'name' failed to satisfy constraint: \
         Member must have length less than or equal to 255"
    );
    let violation = start_job(br#"{"jobId": "x"}"#).unwrap_err();
    assert_eq!(
        violation.to_string(),
        "2 validation errors detected: Value at 'jobId' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [0-9]+; \
         Value at 'jobType' failed to satisfy constraint: Member must not be null"
    );
    let violation = create_app(json!({
        "name": "site",
        "customRules": [{ "source": "/", "target": "/" }, { "target": "", "status": 404 }],
        "tags": { "aws:x": "!", "aws:y": "!" },
        "autoBranchCreationPatterns": [null],
        "cacheConfig": { "type": "NONE" },
    }));
    assert_eq!(
        violation.unwrap_err().to_string(),
        "7 validation errors detected: \
         Value at 'customRules.2.member.source' failed to satisfy constraint: Member must not be null; \
         Value at 'customRules.2.member.target' failed to satisfy constraint: \
         Member must have length greater than or equal to 1; \
         Value at 'customRules.2.member.status' failed to satisfy constraint: Member must be a string; \
         Value at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: \
         [Member must satisfy regular expression pattern: ^(?!aws:)[a-zA-Z+-=._:/]+$]; \
         Value at 'tags' failed to satisfy constraint: Map value must satisfy constraint: \
         [Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$]; \
         Value at 'autoBranchCreationPatterns.1.member' failed to satisfy constraint: Member must not be null; \
         Value at 'cacheConfig.type' failed to satisfy constraint: \
         Member must satisfy enum value set: [AMPLIFY_MANAGED, AMPLIFY_MANAGED_NO_COOKIES]"
    );
}

#[test]
fn ten_failures_are_enough() {
    let rules = vec![json!({}); 1000];
    let violation = create_app(json!({ "name": "site", "customRules": rules })).unwrap_err();
    assert!(violation.to_string().starts_with("10 validation errors detected: "));
    assert!(violation.to_string().len() < 1500);
}

#[test]
fn values_are_never_repeated() {
    let secret = "s3cr3t\n".repeat(5000);
    let violation = create_app(json!({
        "name": secret, "accessToken": secret, "oauthToken": secret, "basicAuthCredentials": secret,
        "buildSpec": secret, "environmentVariables": { secret.clone(): secret }, "tags": { secret.clone(): secret },
        "platform": secret, "repository": [secret], "customRules": secret,
    }));
    assert!(!violation.unwrap_err().to_string().contains("s3cr3t"));

    for body in [r#"{"accessToken": s3cr3t"#, r#"{"accessToken": "s3cr3t"#, r#"{"s3cr3t": "\ud800"}"#, r#""s3cr3t""#] {
        assert!(!start_job(body.as_bytes()).unwrap_err().to_string().contains("s3cr3t"));
    }
}

#[test]
fn patterns_mean_what_the_model_means() {
    let valid = |member: &str, value: &str| {
        let body = json!({ "branchName": "main", member: value }).to_string();
        route(&Method::POST, "/apps/d1/branches").expect("it fits").input(None, body.as_bytes()).is_ok()
    };
    assert!(valid("ttl", "5") && valid("ttl", ""));
    assert!(!valid("ttl", "٣"), "only the digits 0 to 9 count");
    assert!(!valid("ttl", "5\n") && !valid("ttl", "a5"), "a pattern covers the whole text");

    let tagged = |key: &str, value: &str| create_app(json!({ "name": "site", "tags": { key: value } })).is_ok();
    assert!(tagged("team", "Größe 1_.:/=+-@") && tagged("xaws:", "") && tagged("AWS:", "") && tagged("a,;<=b", ""));
    assert!(!tagged("aws:", "") && !tagged("a b", "") && !tagged("a", "?") && !tagged("a", "b\n"));

    let starts = |url: &str| {
        let body = json!({ "sourceUrl": url }).to_string();
        let routed = route(&Method::POST, "/apps/d1/branches/main/deployments/start").expect("it fits");
        routed.input(None, body.as_bytes()).is_ok()
    };
    assert!(starts("s3://bucket/key.zip") && starts("http://") && starts("https://x/?a=b&c=%20"));
    assert!(!starts("ftp://x") && !starts(" s3://x") && !starts("https://x\ny") && !starts("https://x\r"));
    assert!(!starts("HTTPS://x") && !starts(""));
}

#[test]
fn a_domain_name_means_what_the_model_means() {
    let valid = |domain: &str| {
        let body = json!({ "domainName": domain, "subDomainSettings": [] }).to_string();
        route(&Method::POST, "/apps/d1/domains").expect("it fits").input(None, body.as_bytes()).is_ok()
    };
    let longest = format!("{}.dd", "l".repeat(61));
    for good in ["example.com", "EXAMPLE.com.", "a.b-c.co", "x--y.z9", "9.00", "a.bb", &longest] {
        assert!(valid(good), "{good}");
    }
    for bad in [
        "",
        "com",
        ".com",
        "example.",
        "a.c",
        "a..com",
        "a.com..",
        "-a.com",
        "a-.com",
        "a.-bb",
        "a.b-",
        "a_b.com",
        "ex\u{e4}mple.com",
        " a.com",
        "a.com\n",
        "*.a.com",
        "http://a.com",
        "a.com/",
        "a.com:80",
    ] {
        assert!(!valid(bad), "{bad:?}");
    }
}

/// Look-ahead means nothing to our expressions, so the model's rule is spelled out here once more, label by label.
fn is_domain(text: &str) -> bool {
    let labels: Vec<_> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    labels.len() >= 2
        && labels.iter().all(is_label)
        && labels.last().is_some_and(|last| last.len() >= 2)
        && text.chars().count() <= 64
}

proptest! {
    #[test]
    fn a_domain_name_is_two_labels_or_more(text in "([a-zA-Z0-9-]{0,4}[.]?|[a-z]{60,64}[.]|[-][.]){0,4}[a-z-]{0,3}[.]?") {
        let path = format!("/apps/d1/domains/{text}");
        let routed = route(&Method::GET, &path).expect("it fits");
        prop_assert_eq!(routed.input(None, b"").is_ok(), is_domain(&text));
    }
}

#[test]
fn roles_and_certificates_have_arns() {
    let valid = |member: &str, value: Value| {
        let body = json!({ member: value }).to_string();
        route(&Method::POST, "/apps/d1/domains/a.com").expect("it fits").input(None, body.as_bytes()).is_ok()
    };
    let role = |arn: &str| valid("autoSubDomainIAMRole", arn.into());
    assert!(role("") && role("arn:aws:iam::111122223333:role/r") && role("arn:aws:iam::111122223333:roles"));
    assert!(!role("r") && !role("arn:aws:iam::1111:role/r") && !role("arn:aws:iam::111122223333:role"));
    assert!(!role("arn:aws:iam::11112222333\u{663}:role/r"), "only the digits 0 to 9 count");
    let certificate =
        |arn: &str| valid("certificateSettings", json!({ "type": "CUSTOM", "customCertificateArn": arn }));
    assert!(certificate("arn:aws:acm:us-east-1:111122223333:certificate/c"));
    assert!(!certificate("") && !certificate("arn:aws:acm:us-east-1:111122223333:certificate/"));
}

#[test]
fn a_body_must_be_one_json_object() {
    for (body, message) in [
        (&b"["[..], "request body is not valid JSON: EOF while parsing a list at line 1 column 1"),
        (b"nope", "request body is not valid JSON: expected ident at line 1 column 2"),
        (b" ", "request body is not valid JSON: EOF while parsing a value at line 1 column 1"),
        (b"{} {}", "request body is not valid JSON: trailing characters at line 1 column 4"),
        (b"{\"x\": 1e999}", "request body is not valid JSON: number out of range at line 1 column 11"),
        (b"{\"x\": \"\xff\"}", "request body is not valid JSON: invalid unicode code point at line 1 column 8"),
        (b"null", "request body must be a JSON object"),
        (b"[]", "request body must be a JSON object"),
        (b"\"\"", "request body must be a JSON object"),
    ] {
        assert_eq!(start_job(body).unwrap_err().to_string(), message);
    }
    let deep = [b"{\"x\":".as_slice(), &[b'['; 100_000]].concat();
    assert!(matches!(start_job(&deep), Err(Violation::MalformedBody(_))));
}

#[test]
fn no_body_is_an_empty_object_and_an_unexpected_body_is_ignored() {
    let deployments = route(&Method::POST, "/apps/d1/branches/main/deployments").expect("it fits");
    assert_eq!(deployments.input(None, b"").expect("nothing is required").len(), 2);
    assert!(start_job(b"").unwrap_err().to_string().contains("'jobType'"));

    let stop = route(&Method::DELETE, "/apps/d1/branches/main/jobs/7/stop").expect("it fits");
    assert_eq!(stop.input(None, b"\xffnot JSON").expect("the body is not looked at").len(), 3);
}

#[test]
fn numbers_in_a_query_are_whole_and_in_range() {
    for good in ["0", "1", "50", "%35"] {
        list_jobs(&format!("maxResults={good}")).unwrap_or_else(|violation| panic!("{good}: {violation}"));
    }
    for (bad, message) in [
        ("maxResults=51", "Member must have value less than or equal to 50"),
        ("maxResults=-1", "Member must have value greater than or equal to 0"),
        ("maxResults=abc", "Member must be an integer"),
        ("maxResults=1.5", "Member must be an integer"),
        ("maxResults=1e1", "Member must be an integer"),
        ("maxResults=%205", "Member must be an integer"),
        ("maxResults=5%20", "Member must be an integer"),
        ("maxResults=+5", "Member must be an integer"),
        ("maxResults=99999999999999999999999", "Member must be an integer"),
        ("maxResults=", "Member must be an integer"),
        ("maxResults", "Member must be an integer"),
        ("maxResults=%3", "Member must be percent-encoded UTF-8"),
        ("maxResults=1&maxResults=1", "Member must not be given more than once"),
        ("maxResults=1&%6DaxResults=2", "Member must not be given more than once"),
    ] {
        let violation = list_jobs(bad).unwrap_err().to_string();
        let expected = format!("Value at 'maxResults' failed to satisfy constraint: {message}");
        assert_eq!(violation, format!("1 validation error detected: {expected}"), "{bad}");
    }
}

#[test]
fn a_plus_in_a_query_is_a_plus() {
    assert_eq!(list_jobs("nextToken=a+b%2Bc%20d").expect("it is valid")["nextToken"], "a+b+c d");
    assert_eq!(list_jobs("nextToken=a=b==").expect("it is valid")["nextToken"], "a=b==");
}

fn list_jobs(query: &str) -> Result<Map<String, Value>, Violation> {
    route(&Method::GET, "/apps/d1/branches/main/jobs").expect("it fits").input(Some(query), b"")
}

fn start_job(body: &[u8]) -> Result<Map<String, Value>, Violation> {
    route(&Method::POST, "/apps/d1/branches/main/jobs").expect("it fits").input(None, body)
}

fn create_app(body: Value) -> Result<Map<String, Value>, Violation> {
    route(&Method::POST, "/apps").expect("it fits").input(None, body.to_string().as_bytes())
}
