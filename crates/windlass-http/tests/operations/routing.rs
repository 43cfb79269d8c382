//! Which operation a request means.

use std::collections::BTreeSet;

use http::Method;
use windlass_http::operations::{Constraint, Failure, Operation, RouteError, Violation, route};

/// Branch names as clients may write them in a path, and as they are meant.
const ODD_NAMES: &[(&str, &str)] = &[
    ("main", "main"),
    ("feature%2Fa", "feature/a"),
    ("feature%2fa", "feature/a"),
    ("x%20y", "x y"),
    ("x+y", "x+y"),
    ("%2E%2E", ".."),
    ("..", ".."),
    (".", "."),
    ("%C3%BC", "ü"),
    ("ü", "ü"),
    ("%25", "%"),
    ("%2525", "%25"),
    ("%252F", "%2F"),
    ("%7BbranchName%7D", "{branchName}"),
    ("{branchName}", "{branchName}"),
    ("jobs", "jobs"),
    ("%00", "\0"),
    ("a?b#c", "a?b#c"),
];

#[test]
fn every_operation_is_found_whatever_the_branch_is_called() {
    for operation in Operation::ALL {
        let definition = operation.definition();
        for (raw, name) in ODD_NAMES {
            let path = definition.path.replace("{branchName}", raw).replace("{appId}", "d1").replace("{jobId}", "7");
            let routed = route(&definition.method, &path).expect("the operation exists");
            assert_eq!(routed.operation(), operation, "{path}");

            if definition.path.contains("{branchName}") && operation != Operation::StartJob {
                let input = routed.input(None, b"").expect("nothing else is required");
                assert_eq!(input["branchName"], *name);
                assert_eq!(input["appId"], "d1");
            }
        }
    }
}

#[test]
fn no_request_means_two_operations() {
    let mut requests = BTreeSet::new();
    for operation in Operation::ALL {
        let definition = operation.definition();
        assert!(requests.insert((definition.method.as_str(), definition.path)));

        // The most confusing values that labels can have are the words that stand beside them.
        for word in ["apps", "branches", "deployments", "jobs", "start", "stop", "artifacts", "domains", "tags"] {
            let path = definition
                .labels()
                .fold(definition.path.to_owned(), |path, label| path.replace(&format!("{{{}}}", label.name), word));
            let routed = route(&definition.method, &path).expect("the operation exists");
            assert_eq!(routed.operation(), operation, "{path}");
        }
    }
}

#[test]
fn other_paths_are_unknown() {
    for path in [
        "",
        "/",
        "*",
        "apps",
        "//apps",
        "/Apps",
        "/%61pps",
        "/apps//",
        "/apps/d1/",
        "/apps/d1/branch",
        "/apps/d1/branches/main/",
        "/apps/d1/branches/feature/x",
        "/apps/d1/branches/main/jobs/7/stop/",
        "/apps/d1/branches/main/jobs/7/halt",
        "/apps/d1/domains/example.com/",
        "/webhooks",
        "/artifacts",
        "/tags",
        "/apps/d1/branches/main/deployments/stop",
        "/apps?x",
        "/apps#",
        "http://localhost/apps",
        "/windlass/apps",
    ] {
        assert_eq!(route(&Method::GET, path).unwrap_err(), RouteError::UnknownPath, "{path}");
    }
}

#[test]
fn other_methods_are_told_the_right_ones() {
    let head = route(&Method::HEAD, "/apps").unwrap_err();
    assert_eq!(head, RouteError::MethodNotAllowed { allowed: vec![Method::POST, Method::GET] });

    let post = route(&Method::POST, "/apps/d1/branches/main/jobs/7/stop").unwrap_err();
    assert_eq!(post, RouteError::MethodNotAllowed { allowed: vec![Method::DELETE] });
}

#[test]
fn a_whole_arn_is_one_label() {
    let arn = "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/feature/a%2Fb";
    for raw in [
        "arn%3Aaws%3Aamplify%3Aus-east-1%3A000000000000%3Aapps%2Fd1%2Fbranches%2Ffeature%2Fa%252Fb",
        "arn:aws:amplify:us-east-1:000000000000:apps%2Fd1%2Fbranches%2Ffeature%2Fa%252Fb",
    ] {
        let path = format!("/tags/{raw}");
        let routed = route(&Method::DELETE, &path).expect("it fits");
        assert_eq!(routed.operation(), Operation::UntagResource);
        let input = routed.input(Some("tagKeys=a&tagKeys=b%2Fc"), b"").expect("it is valid");
        assert_eq!(
            serde_json::Value::Object(input),
            serde_json::json!({ "resourceArn": arn, "tagKeys": ["a", "b/c"] })
        );
    }
    let plain = route(&Method::GET, "/tags/arn:aws:amplify:us-east-1:000000000000:apps/d1");
    assert_eq!(plain.unwrap_err(), RouteError::UnknownPath);
}

#[test]
fn an_empty_label_is_refused_by_name() {
    for (method, path, member) in [
        (Method::GET, "/apps/", "appId"),
        (Method::GET, "/apps//branches", "appId"),
        (Method::GET, "/apps/d1/branches/", "branchName"),
        (Method::GET, "/apps/d1/branches/main/jobs/", "jobId"),
        (Method::DELETE, "/apps/d1/branches/main/jobs//stop", "jobId"),
        (Method::GET, "/webhooks/", "webhookId"),
        (Method::GET, "/artifacts/", "artifactId"),
        (Method::GET, "/apps/d1/backendenvironments/", "environmentName"),
        (Method::GET, "/apps/d1/domains/", "domainName"),
        (Method::GET, "/tags/", "resourceArn"),
    ] {
        let violation = route(&method, path).expect("it fits").input(None, b"").unwrap_err();
        let constraint = Constraint::MinLength(1);
        assert_eq!(violation, Violation::Members(vec![Failure { member: member.to_owned(), constraint }]));
    }
}

#[test]
fn a_broken_escape_is_refused_by_name() {
    for raw in ["%", "a%", "%2", "%zz", "%2x", "%%20", "%+1", "%FF", "a%C3", "%C3%28", "%ED%A0%80", "%ü"] {
        let path = format!("/apps/d1/branches/{raw}");
        let violation = route(&Method::GET, &path).expect("it fits").input(None, b"").unwrap_err();
        let failure = Failure { member: "branchName".to_owned(), constraint: Constraint::Encoding };
        assert_eq!(violation, Violation::Members(vec![failure]), "{raw}");
    }
}
