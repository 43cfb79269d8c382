//! What is refused before it is kept.

use serde_json::{Value, json};
use windlass_rules::{check_app, check_branch};

use crate::attributes;

#[test]
fn a_bad_rule_is_named_by_its_number() {
    let good = json!({"source": "/a", "target": "/b", "status": "200"});
    let bad = |rule: Value| refusal(json!({ "customRules": [good, rule] }));
    assert_eq!(
        bad(json!({"source": "/a", "target": "/b", "status": "307"})),
        "customRules: rule 2 has status \"307\"; a rule has 200, 301, 302, 404 or 404-200"
    );
    assert_eq!(bad(json!({"source": "/<*>/<*>", "target": "/b"})), "customRules: rule 2 has <*> twice in its source");
    assert_eq!(
        bad(json!({"source": "/a", "target": "https://example.com/404", "status": "404"})),
        "customRules: rule 2 has status 404 and a URL as its target; a page that says what is missing is a path of the site"
    );
    let regex = bad(json!({"source": "</(a/>", "target": "/b"}));
    assert!(regex.starts_with("customRules: rule 2 has a regular expression that cannot be used: "), "{regex}");
    assert!(!regex.contains('\n'), "{regex}");
    assert_eq!(bad(json!({"source": "/a"})), "customRules: rule 2 has no source or no target");
}

#[test]
fn a_rule_that_never_matches_is_checked_too() {
    let rule = json!({"source": "/a<", "target": "/b", "condition": "<US>"});
    assert!(refusal(json!({ "customRules": [rule] })).contains("rule 1 has a <"));
}

#[test]
fn too_large_an_expression_is_refused() {
    for regex in [r"</(\w{1000}){1000}/>", r"</(?=a)(?:(?:(?:(?:a{100}){100}){100}){100})/>"] {
        let refused = refusal(json!({ "customRules": [{"source": regex, "target": "/b"}] }));
        assert!(refused.starts_with("customRules: rule 1 has a regular expression"), "{regex}: {refused}");
    }
}

#[test]
fn there_is_an_end_to_rules() {
    let rule = json!({"source": "/a", "target": "/b"});
    let many = vec![rule; 5001];
    check_app(&attributes(json!({ "customRules": many[1..] }))).unwrap();
    assert_eq!(refusal(json!({ "customRules": many })), "customRules: there are 5001 rules, and 5000 are the most");
}

#[test]
fn what_is_not_set_is_not_bad() {
    for app in [
        json!({}),
        json!({"customRules": [], "customHeaders": "", "basicAuthCredentials": "", "enableBasicAuth": false}),
        json!({"customRules": null, "customHeaders": null, "basicAuthCredentials": null}),
        json!({"customHeaders": " \n"}),
        json!({"customHeaders": "# nothing yet\n"}),
        json!({"customHeaders": "customHeaders:\n"}),
        json!({"customHeaders": "customHeaders: []"}),
        json!({"customHeaders": "applications: []"}),
        json!({"customHeaders": "customHeaders: [{pattern: '**', headers: }]"}),
    ] {
        assert_eq!(check_app(&attributes(app.clone())), Ok(()), "{app}");
    }
}

#[test]
fn bad_headers_are_named() {
    let pair = |key: &str, value: &str| {
        let text = format!("customHeaders:\n- pattern: '**/*'\n  headers:\n  - key: '{key}'\n    value: {value}\n");
        refusal(json!({ "customHeaders": text }))
    };
    for name in ["Content-Length", "transfer-encoding", "Connection", "keep-alive", "Upgrade", "WWW-Authenticate"] {
        let expected = format!("customHeaders: key {name:?} of pattern \"**/*\" is a header that only the server sets");
        assert_eq!(pair(name, "x"), expected);
    }
    assert!(pair("a b", "x").contains("key \"a b\" of pattern \"**/*\" is no header's name"));
    assert!(pair("X-A", r#""a\u0001b""#).contains("the value of \"X-A\" of pattern \"**/*\" has a character"));
    let glob = refusal(json!({"customHeaders": "customHeaders: [{pattern: 'a[', headers: []}]"}));
    assert!(glob.starts_with("customHeaders: pattern \"a[\" is no glob: "), "{glob}");
}

#[test]
fn headers_that_are_no_yaml_are_refused_in_one_line() {
    for text in [
        "customHeaders: [",
        "customHeaders: x",
        "just words",
        "- pattern: '**'",
        "customHeaders:\n- pattern: **/*\n  headers: []",
        "customHeaders:\n- headers: []",
        "customHeaders: [{pattern: a, headers: [{value: b}]}]",
        "customHeaders: []\ncustomHeaders: []",
    ] {
        let refused = refusal(json!({ "customHeaders": text }));
        assert!(refused.starts_with("customHeaders: they are not YAML of the form"), "{text}: {refused}");
        assert!(!refused.contains('\n') && refused.len() > 90, "{text}: {refused}");
    }
}

#[test]
fn a_yaml_bomb_costs_nothing() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let before = format!("*a{}", n - 1);
        text.push_str(&format!("a{n}: &a{n} [{}]\n", [before.as_str(); 9].join(", ")));
    }
    text.push_str("customHeaders: *a11\n");
    assert!(refusal(json!({ "customHeaders": text })).starts_with("customHeaders: they are not YAML"));
    let deep = format!("customHeaders: {}", "[".repeat(20_000));
    assert!(refusal(json!({ "customHeaders": deep })).starts_with("customHeaders: they are not YAML"));
}

#[test]
fn a_password_is_the_base64_of_a_user_and_a_password() {
    // me:secret
    for good in ["bWU6c2VjcmV0", " bWU6c2VjcmV0\n", "bWU6c2VjcmV0IQ==", "bWU6c2VjcmV0IQ"] {
        let attributes = attributes(json!({"enableBasicAuth": true, "basicAuthCredentials": good}));
        assert_eq!(check_app(&attributes), Ok(()), "{good}");
        assert_eq!(check_branch(&attributes), Ok(()), "{good}");
    }
    // me, me:, :secret, ""
    for bad in ["me:secret", "bWU=", "bWU6", "OnNlY3JldA==", "!"] {
        for enabled in [true, false] {
            let attributes = attributes(json!({"enableBasicAuth": enabled, "basicAuthCredentials": bad}));
            let expected = "basicAuthCredentials: they are not the base64 of `user:password`";
            assert_eq!(check_app(&attributes).unwrap_err().to_string(), expected, "{bad}");
            assert_eq!(check_branch(&attributes).unwrap_err().to_string(), expected, "{bad}");
        }
    }
    assert_eq!(
        refusal(json!({"enableBasicAuth": true})),
        "basicAuthCredentials: enableBasicAuth is true and there are none"
    );
    // A branch may rely on its app's.
    assert_eq!(check_branch(&attributes(json!({"enableBasicAuth": true}))), Ok(()));
}

fn refusal(app: Value) -> String {
    check_app(&attributes(app.clone())).expect_err(&app.to_string()).to_string()
}
