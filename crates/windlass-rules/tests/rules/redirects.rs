//! Where visitors are sent.

use windlass_rules::{Action, Asked};

use crate::{action, at, permanent, rules, temporary};

#[test]
fn a_path_leads_to_another() {
    let rules = rules(&[&["/original.html", "/destination.html", "301"], &["/b", "/c", "302"], &["/d", "/e"]]);
    assert_eq!(action(&rules, "/original.html"), permanent("/destination.html"));
    assert_eq!(action(&rules, "/b"), temporary("/c"));
    assert_eq!(action(&rules, "/d"), permanent("/e"));
    for other in ["/", "/original", "/original.html/", "/Original.html", "/x/original.html", "/b/", "//b"] {
        assert_eq!(action(&rules, other), None, "{other}");
    }
}

#[test]
fn a_redirect_comes_before_a_file() {
    let rules = rules(&[&["/a", "/b", "301"], &["/<*>", "/404.html", "404"]]);
    assert_eq!(at(&rules, "example.com", "/a", true), permanent("/b"));
    assert_eq!(at(&rules, "example.com", "/x", true), None);
}

#[test]
fn the_first_that_matches_decides() {
    let specific = ["/docs/specific.html", "/documents/different.html", "301"];
    let all = ["/docs/<*>", "/documents/<*>", "301"];
    let page = "/docs/specific.html";
    assert_eq!(action(&rules(&[&specific, &all]), page), permanent("/documents/different.html"));
    assert_eq!(action(&rules(&[&all, &specific]), page), permanent("/documents/specific.html"));
}

#[test]
fn anything_is_captured_with_its_slashes() {
    let rules = rules(&[&["/docs/<*>", "/documents/<*>", "301"], &["/a/<*>/z", "/<*>", "302"]]);
    assert_eq!(action(&rules, "/docs/"), permanent("/documents/"));
    assert_eq!(action(&rules, "/docs/a/b.html"), permanent("/documents/a/b.html"));
    assert_eq!(action(&rules, "/docs"), None);
    assert_eq!(action(&rules, "/a/b/c/z"), temporary("/b/c"));
    assert_eq!(action(&rules, "/a//z"), temporary("/"));
    assert_eq!(action(&rules, "/a/z"), None);
}

#[test]
fn a_name_stands_for_a_part_of_one_segment() {
    let rules = rules(&[
        &["/docs/<year>/<month>/<date>/<itemid>", "/documents/<year>/<month>-<date>/<itemid>", "301"],
        &["/blog-<slug>.html", "/blog/<slug>", "301"],
        &["/<a>/<b>/", "/<a>/<b>", "302"],
        &["/x/<a>/<*>", "/y/<*>/<a>", "302"],
    ]);
    assert_eq!(action(&rules, "/docs/2026/11/22/7"), permanent("/documents/2026/11-22/7"));
    assert_eq!(action(&rules, "/docs/2026/11/7"), None);
    assert_eq!(action(&rules, "/docs/2026/11//7"), None);
    assert_eq!(action(&rules, "/blog-a.b.html"), permanent("/blog/a.b"));
    assert_eq!(action(&rules, "/blog-.html"), None);
    assert_eq!(action(&rules, "/one/two/"), temporary("/one/two"));
    assert_eq!(action(&rules, "/x/1/2/3"), temporary("/y/2/3/1"));
}

#[test]
fn what_looks_like_a_regular_expression_is_none() {
    let rules = rules(&[&["/a.b+c(d)", "/x", "301"], &["/a.b/<n>$1", "/y/<n>$1", "301"]]);
    assert_eq!(action(&rules, "/a.b+c(d)"), permanent("/x"));
    assert_eq!(action(&rules, "/a-b+c(d)"), None);
    assert_eq!(action(&rules, "/a.b/7$1"), permanent("/y/7$1"));
}

#[test]
fn a_slash_may_be_left_out() {
    let rules = rules(&[&["docs/<*>", "documents/<*>", "301"], &["<name>.txt", "<name>", "301"]]);
    assert_eq!(action(&rules, "/docs/a"), permanent("/documents/a"));
    assert_eq!(action(&rules, "/a.txt"), permanent("/a"));
}

#[test]
fn escapes_do_not_matter_and_stay() {
    let rules = rules(&[
        &["/über uns", "/about%20us/ü", "301"],
        &["/100%25", "/all", "301"],
        &["/%7euser/<*>", "/home/<*>", "301"],
    ]);
    for path in ["/%C3%BCber%20uns", "/%c3%bcber%20uns", "/%C3%BCbe%72%20uns"] {
        assert_eq!(action(&rules, path), permanent("/about%20us/%C3%BC"), "{path}");
    }
    assert_eq!(action(&rules, "/100%25"), permanent("/all"));
    assert_eq!(action(&rules, "/~user/a%2Fb%c3%a4c%20d"), permanent("/home/a%2Fb%C3%A4c%20d"));
}

#[test]
fn a_query_goes_along() {
    let rules = rules(&[
        &["/a", "/b", "301"],
        &["/c", "/d?x=1", "302"],
        &["/e", "https://example.org/f#top", "302"],
        &["/g/<n>", "/h?n=<n>", "302"],
        &["/i", "/j?ü#ü \r\n#", "302"],
    ]);
    assert_eq!(action(&rules, "/a?x=1&y=%20"), permanent("/b?x=1&y=%20"));
    assert_eq!(action(&rules, "/a?"), permanent("/b?"));
    assert_eq!(action(&rules, "/c?y=2"), temporary("/d?x=1"));
    assert_eq!(action(&rules, "/e?y=ü\""), temporary("https://example.org/f?y=%C3%BC%22#top"));
    assert_eq!(action(&rules, "/g/7?y=2"), temporary("/h?n=7"));
    assert_eq!(action(&rules, "/i"), temporary("/j?%C3%BC#%C3%BC%20%0D%0A%23"));
}

#[test]
fn a_query_can_be_asked_for() {
    let rules = rules(&[
        &["/docs?id=<id>&lang=en", "/documents/<id>", "301"],
        &["/docs?print", "/print", "301"],
        &["/docs", "/plain", "301"],
    ]);
    assert_eq!(action(&rules, "/docs?id=7&lang=en"), permanent("/documents/7"));
    assert_eq!(action(&rules, "/docs?lang=en&other=1&%69d=a+b%2Fc%3F"), permanent("/documents/a%20b/c%3F"));
    assert_eq!(action(&rules, "/docs?print"), permanent("/print"));
    assert_eq!(action(&rules, "/docs?id=7&lang=de"), permanent("/plain?id=7&lang=de"));
    assert_eq!(action(&rules, "/docs?id=&lang=en"), permanent("/plain?id=&lang=en"));
    assert_eq!(action(&rules, "/docs"), permanent("/plain"));
}

#[test]
fn a_host_leads_to_another_with_its_paths() {
    let rules = rules(&[
        &["https://example.com", "https://www.example.com", "302"],
        &["https://DOCS.example.com/", "https://www.example.com/documents/", "301"],
        &["https://old.example.com", "/new?from=old", "301"],
        &["https://api.example.com/v1/<*>", "/api/<*>", "301"],
    ]);
    assert_eq!(action(&rules, "/a/b?x=1"), temporary("https://www.example.com/a/b?x=1"));
    assert_eq!(action(&rules, "/"), temporary("https://www.example.com/"));
    assert_eq!(at(&rules, "www.example.com", "/", true), None);
    assert_eq!(at(&rules, "Docs.Example.com", "/a", true), permanent("https://www.example.com/documents/a"));
    assert_eq!(at(&rules, "old.example.com.", "/a/b", true), permanent("/new/a/b?from=old"));
    assert_eq!(at(&rules, "api.example.com", "/v1/x", true), permanent("/api/x"));
    assert_eq!(at(&rules, "api.example.com", "/v2/x", true), None);
}

#[test]
fn a_host_without_tls_can_be_meant_alone() {
    let rules = rules(&[&["http://example.com", "https://example.com", "301"]]);
    let asked = Asked { host: "example.com", secure: true, path: "/a", query: None };
    assert_eq!(rules.action(&asked, true), None);
    assert_eq!(rules.action(&Asked { secure: false, ..asked }, true), permanent("https://example.com/a"));
}

#[test]
fn nobody_is_sent_where_he_is() {
    let rules = rules(&[&["/<*>", "/index.html", "302"], &["/index.html", "/index.html#top", "301"]]);
    assert_eq!(action(&rules, "/a"), temporary("/index.html"));
    assert_eq!(action(&rules, "/a?x=1"), temporary("/index.html?x=1"));
    assert_eq!(action(&rules, "/index.html"), None);
    assert_eq!(action(&rules, "/index.html?x=1"), None);
}

#[test]
fn nobody_is_sent_to_another_host_by_a_path() {
    let rules =
        rules(&[&["/old/<*>", "/<*>", "301"], &["/go?to=<to>", "/<to>", "301"], &["</^/re(.*)$/>", "$1", "301"]]);
    for (path, location) in [
        ("/old//evil.example/x", "/evil.example/x"),
        ("/old///evil.example", "/evil.example"),
        ("/old/\\evil.example", "/%5Cevil.example"),
        ("/old/%5C/evil.example", "/%5C/evil.example"),
        ("/old/%2F/evil.example", "/%2F/evil.example"),
        ("/old/https://evil.example", "/https://evil.example"),
        ("/go?to=/evil.example", "/evil.example"),
        ("/go?to=%5c%2fevil.example", "/%5C/evil.example"),
        ("/re//evil.example", "/evil.example"),
        ("/re%2f%2Fevil.example", "/evil.example"),
    ] {
        assert_eq!(action(&rules, path), permanent(location), "{path}");
    }
}

#[test]
fn a_location_has_no_line_break() {
    let rules = rules(&[&["/a/<*>", "/b/<*>", "301"], &["</^/c/(.*)/>", "/d/$1", "301"]]);
    assert_eq!(action(&rules, "/a/x%0d%0aset-cookie:%20y"), permanent("/b/x%0D%0Aset-cookie:%20y"));
    assert_eq!(action(&rules, "/c/x%0d%0ay"), permanent("/d/x%0D"), "the dot means no line break");
    assert_eq!(action(&rules, "/a/x?y=\r\nz"), permanent("/b/x?y=%0D%0Az"));
}

#[test]
fn groups_of_an_expression_can_be_used() {
    let rules = rules(&[
        &["</^/(\\d{4})/(\\d\\d)/([^/]+)$/>", "/$1-$2/$3.html", "301"],
        &["</^([^.]+[^/])$/>", "$1/", "302"],
        &["</price/>", "/$/$x/$0", "301"],
    ]);
    assert_eq!(action(&rules, "/2026/11/a%20b"), permanent("/2026-11/a%20b.html"));
    assert_eq!(action(&rules, "/docs/a"), temporary("/docs/a/"));
    assert_eq!(action(&rules, "/%C3%BC"), temporary("/%C3%BC/"));
    assert_eq!(action(&rules, "/a.price"), permanent("/$/$x/$0"));
    assert_eq!(action(&rules, "/docs/a.css"), None);
}

#[test]
fn a_rule_with_a_condition_never_matches() {
    let rule = |condition: serde_json::Value| {
        let rule = serde_json::json!({"source": "/d", "target": "/us", "status": "302", "condition": condition});
        let app = crate::attributes(serde_json::json!({ "customRules": [rule] }));
        let (rules, errors) = windlass_rules::SiteRules::read(&app, &serde_json::Map::new());
        assert!(errors.is_empty());
        action(&rules, "/d")
    };
    assert_eq!(rule("<US>".into()), None);
    assert_eq!(rule("<DE>".into()), None);
    assert_eq!(rule("".into()), Some(Action::Redirect { permanent: false, location: "/us".into() }));
    assert_eq!(rule(serde_json::Value::Null), temporary("/us"));
}
