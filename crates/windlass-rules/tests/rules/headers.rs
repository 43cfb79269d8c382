//! Which headers are added.

use serde_json::{Map, json};
use windlass_rules::SiteRules;

use crate::attributes;

#[test]
fn a_pattern_is_a_glob_over_the_whole_path() {
    for (pattern, matches, others) in [
        ("**/*", &["", "index.html", "a/b/c.js"][..], &[][..]),
        ("**", &["", "index.html", "a/b/c.js"], &[]),
        ("/*", &["", "index.html", "a/b/c.js"], &[]),
        ("*.js", &["a.js", "a/b/c.js", ".js"], &["a.jsx", "js", "a.js/b"]),
        ("**/*.js", &["a.js", "a/b/c.js"], &["a.css"]),
        ("/static/*", &["static/a", "static/a/b", "static/"], &["static", "x/static/a", "statics/a"]),
        ("static/*", &["static/a", "static/a/b"], &["static"]),
        ("/static/**/*.{js,css}", &["static/a.js", "static/x/y/b.css"], &["static/a.png", "a.js"]),
        ("/index.html", &["index.html"], &["a/index.html", ""]),
        ("/", &[""], &["index.html"]),
        ("/a?.[ch]", &["ab.c", "a-.h"], &["a.c", "ab.x"]),
        ("/.well-known/*", &[".well-known/x"], &["well-known/x"]),
    ] {
        let rules = headers(&format!("customHeaders: [{{pattern: '{pattern}', headers: [{{key: X-A, value: b}}]}}]"));
        for path in matches {
            assert_eq!(sent(&rules, &[path]), ["x-a: b"], "{pattern} {path}");
        }
        for path in others {
            assert!(sent(&rules, &[path]).is_empty(), "{pattern} {path}");
        }
    }
}

#[test]
fn all_patterns_that_match_apply_in_their_order() {
    let rules = headers(
        r#"
customHeaders:
  - pattern: '**/*'
    headers:
      - key: Cache-Control
        value: no-store
      - key: X-Frame-Options
        value: DENY
  - pattern: '*.js'
    headers:
      - { key: cache-control, value: 'public, max-age=31536000' }
"#,
    );
    assert!(rules.has_headers());
    assert_eq!(sent(&rules, &["a.css"]), ["cache-control: no-store", "x-frame-options: DENY"]);
    let script = ["cache-control: no-store", "x-frame-options: DENY", "cache-control: public, max-age=31536000"];
    assert_eq!(sent(&rules, &["a.js"]), script);
    assert_eq!(sent(&rules, &["about", "a.js"]), script, "once, though both paths match the first pattern");
}

#[test]
fn a_value_is_a_text_however_it_is_written() {
    for (written, value) in [
        ("0", "0"),
        ("007", "007"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("no", "no"),
        ("\"*\"", "*"),
        ("max-age=31536000; includeSubDomains", "max-age=31536000; includeSubDomains"),
        ("\"default-src 'self'\"", "default-src 'self'"),
        (">-\n      default-src 'self';\n      img-src *", "default-src 'self'; img-src *"),
        ("|\n      default-src 'self';\n        img-src *\n\n", "default-src 'self'; img-src *"),
        ("", ""),
        ("\"\"", ""),
        ("grüße", "grüße"),
    ] {
        let text = format!("customHeaders:\n- pattern: '**'\n  headers:\n  - key: ' X-A '\n    value: {written}\n");
        assert_eq!(sent(&headers(&text), &["a"]), [format!("x-a: {value}")], "{written}");
    }
}

#[test]
fn one_app_of_a_monorepo_has_its_own() {
    let text = "applications:\n- appRoot: one\n  customHeaders: [{pattern: '**', headers: [{key: x-a, value: one}]}]\n\
                - appRoot: two\n  customHeaders: [{pattern: '**', headers: [{key: x-a, value: two}]}]\n";
    let of = |root: serde_json::Value| {
        let app = json!({"customHeaders": text, "environmentVariables": {"AMPLIFY_MONOREPO_APP_ROOT": root}});
        sent(&SiteRules::read(&attributes(app), &Map::new()).0, &["a"])
    };
    assert_eq!(of("two".into()), ["x-a: two"]);
    assert_eq!(of("one".into()), ["x-a: one"]);
    assert_eq!(of("three".into()), ["x-a: one"]);
    assert_eq!(sent(&headers(text), &["a"]), ["x-a: one"]);
}

#[test]
fn what_is_bad_is_left_out_and_named() {
    let app = json!({
        "customRules": [{"source": "/a<", "target": "/b"}, {"source": "/c", "target": "/d", "status": "200"}],
        "customHeaders": "customHeaders: [",
    });
    let (rules, errors) = SiteRules::read(&attributes(app), &Map::new());
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert!(errors[0].starts_with("customRules: rule 1") && errors[1].starts_with("customHeaders"), "{errors:?}");
    assert!(!rules.has_headers());
    assert_eq!(crate::action(&rules, "/c"), crate::rewrite("/d"));
}

fn headers(text: &str) -> SiteRules {
    let (rules, errors) = SiteRules::read(&attributes(json!({ "customHeaders": text })), &Map::new());
    assert_eq!(errors, [], "{text}");
    rules
}

fn sent(rules: &SiteRules, paths: &[&str]) -> Vec<String> {
    let headers = rules.headers(paths);
    headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect()
}
