//! What visitors are shown instead.

use windlass_rules::Action;

use crate::{action, at, not_found, permanent, proxy, rewrite, rules};

/// The rule of single-page apps from AWS's guide, in the spellings that are about.
const SINGLE_PAGE: [&str; 4] = [
    r"</^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|ttf|map|json)$)([^.]+$)/>",
    r"</^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|woff2|ttf|map|json|webp)$)([^.]+$)/>",
    r"</^((?!\.(css|gif|ico|jpg|js|png|txt|svg|woff|ttf)$).)*$/>",
    r"</^[^.]+$|\.(?!(css|gif|ico|jpg|jpeg|js|png|txt|svg|woff|woff2|ttf|map|json|webp|xml|webmanifest)$)([^.]+$)/>",
];

#[test]
fn a_single_page_app_answers_all_but_its_files() {
    for source in SINGLE_PAGE {
        let rules = rules(&[&[source, "/index.html", "200"]]);
        for path in ["/", "/about", "/docs/a/b", "/users/%C3%BC", "/v1.2", "/a.b/c.unheard", "/page.html"] {
            assert_eq!(action(&rules, path), rewrite("/index.html"), "{source}: {path}");
            assert_eq!(at(&rules, "example.com", path, true), rewrite("/index.html"), "{source}: {path}");
        }
        for path in ["/app.js", "/a/b.css", "/favicon.ico", "/a.b.png", "/about.txt"] {
            assert_eq!(action(&rules, path), None, "{source}: {path}");
        }
    }
}

#[test]
fn the_single_page_rule_as_json_is_the_same() {
    let rules = rules(&[&[SINGLE_PAGE[0], "index.html", "200"]]);
    assert_eq!(action(&rules, "/about"), rewrite("/index.html"));
}

#[test]
fn a_rewrite_comes_before_a_file_unless_it_is_for_what_is_missing() {
    let always = rules(&[&["/<*>", "/index.html", "200"]]);
    assert_eq!(at(&always, "example.com", "/app.js", true), rewrite("/index.html"));
    let missing = rules(&[&["/<*>", "/index.html", "404-200"]]);
    assert_eq!(at(&missing, "example.com", "/app.js", true), None);
    assert_eq!(action(&missing, "/app.js"), rewrite("/index.html"));
    assert_eq!(action(&missing, "/"), rewrite("/index.html"));
    let page = rules(&[&["<*>", "/404.html", "404"]]);
    assert_eq!(at(&page, "example.com", "/app.js", true), None);
    assert_eq!(action(&page, "/app.js"), not_found("/404.html"));
}

#[test]
fn a_rule_for_what_is_missing_lets_later_rules_have_the_rest() {
    let rules = rules(&[&["/<*>", "/index.html", "404-200"], &["/a", "/b", "301"]]);
    assert_eq!(at(&rules, "example.com", "/a", true), permanent("/b"));
    assert_eq!(action(&rules, "/a"), rewrite("/index.html"));
}

#[test]
fn placeholders_say_what_is_missing_where() {
    let rules = rules(&[&["/documents/<x>/<y>/<z>", "/documents/index.html", "404"]]);
    assert_eq!(action(&rules, "/documents/1/2/3"), not_found("/documents/index.html"));
    assert_eq!(action(&rules, "/documents/1/2"), None);
}

#[test]
fn a_url_is_asked_in_the_visitors_stead() {
    let rules = rules(&[
        &["/images/<*>", "https://images.example.org/<*>", "200"],
        &["/typo/<*>", "https://images.example.org<*>", "200"],
        &["/api/<version>/<*>", "HTTP://Backend.Example.org:8080/<version>/x?key=k", "200"],
        &["/only", "https://example.org", "200"],
        &["https://blog.example.com", "https://example.org/blog", "200"],
        &["/missing/<*>", "https://example.org/<*>", "404-200"],
        &["/q?id=<id>", "https://example.org/<id>", "200"],
    ]);
    assert_eq!(action(&rules, "/images/a/b.png?w=1&w=2"), proxy("https://images.example.org/a/b.png?w=1&w=2"));
    assert_eq!(action(&rules, "/images/a%2Fb;c=d"), proxy("https://images.example.org/a%2Fb;c=d"));
    assert_eq!(action(&rules, "/typo/.evil.example"), proxy("https://images.example.org/.evil.example"));
    assert_eq!(action(&rules, "/typo/@evil.example"), proxy("https://images.example.org/@evil.example"));
    assert_eq!(action(&rules, "/api/v1/a?b=c"), proxy("http://backend.example.org:8080/v1/x?key=k&b=c"));
    assert_eq!(action(&rules, "/only"), proxy("https://example.org/"));
    assert_eq!(at(&rules, "blog.example.com", "/a?b", false), proxy("https://example.org/blog/a?b"));
    assert_eq!(action(&rules, "/missing/a"), proxy("https://example.org/a"));
    assert_eq!(at(&rules, "example.com", "/missing/a", true), None);
    assert_eq!(action(&rules, "/q?id=7&x=y"), proxy("https://example.org/7"));
}

#[test]
fn nobody_climbs_out_of_a_folder_elsewhere() {
    let rules = rules(&[
        &["/api/<*>", "https://example.org/public/<*>", "200"],
        &["/one/<name>", "https://example.org/public/<name>/x", "200"],
        &["/q?id=<id>", "https://example.org/public/<id>", "200"],
        &["</^/re/(.*)$/>", "https://example.org/public/$1", "200"],
    ]);
    for path in [
        "/api/..",
        "/api/../admin",
        "/api/a/../../admin",
        "/api/%2e%2E/admin",
        "/api/.%2e/admin",
        "/api/./admin",
        "/one/..",
        "/q?id=../admin",
        "/q?id=%2e%2e%2fadmin",
        "/re/../admin",
        "/re/%2e%2e%2fadmin",
    ] {
        assert_eq!(action(&rules, path), Some(Action::Refuse), "{path}");
    }
    assert_eq!(action(&rules, "/api/..a/...b"), proxy("https://example.org/public/..a/...b"));
}
