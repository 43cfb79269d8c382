//! Which files patterns select.

use windlass_buildspec::{BuildSpec, Plan};

#[test]
fn patterns_select_what_their_writers_mean() {
    for (patterns, selected, left) in [
        ("'**/*'", "index.html .htaccess a/b.js a/.b/.c .well-known/x", ".git/config a/.git/x"),
        ("'*'", "index.html .htaccess", "a/b.js"),
        ("'**'", "index.html a/b.js", ".git/x"),
        ("./**/*", "index.html a/b.js", ""),
        ("/**/*", "index.html a/b.js", ""),
        ("'*.html'", "index.html", "a/index.html index.htm"),
        ("'**/*.html'", "index.html a/b/index.html", "index.js"),
        ("./index.html, /a/b.js", "index.html a/b.js", "b.js a/index.html"),
        ("static", "static static/a/b", "a/static staticx"),
        ("static/", "static/a/b", "a/static/b"),
        ("static/*", "static/a", "static/a/b"),
        ("'**/*', '!**/*.map'", "a/b.js", "a.map a/b.map"),
        ("'!**/*.map', '**/*'", "a/b.js", "a.map a/b.map"),
        ("'**/*', '!secret'", "a/secret b", "secret secret/x"),
        ("'[id]/*', '\\[id\\].html'", "i/x d/x [id].html", "id/x i.html"),
        ("'*.{js,css}'", "a.js a.css", "a.html a.{js,css}"),
        ("'?.js'", "a.js", "ab.js /.js"),
        ("'../x', '**/y'", "y", "x ../x"),
        ("a//./b/../c", "a/c", "a/b a/b/c"),
    ] {
        let artifacts = plan(&format!("frontend: {{artifacts: {{files: [{patterns}]}}}}")).artifacts;
        for path in selected.split_whitespace() {
            assert!(artifacts.selects(path), "{patterns}: {path}");
        }
        for path in left.split_whitespace() {
            assert!(!artifacts.selects(path), "{patterns}: {path}");
        }
    }
}

#[test]
fn what_is_kept_is_seen_from_the_working_directory_and_asked_from_the_root() {
    let text = "applications: [{appRoot: 'apps/[a]', frontend: {artifacts: {}, cache: {paths: \
                [node_modules/**/*, ../../node_modules/**/*, '!node_modules/x']}}}]";
    let cache = plan(text).cache.expect("a cache");
    for path in
        ["apps/[a]/node_modules/a/b.js", "node_modules/a/b.js", "node_modules/x", "apps/[a]/node_modules/.bin/x"]
    {
        assert!(cache.selects(path), "{path}");
    }
    for path in ["apps/a/node_modules/b", "apps/[a]/node_modules/x/y", "apps/[a]/src/x", "x/node_modules/y"] {
        assert!(!cache.selects(path), "{path}");
    }
}

#[test]
fn the_caches_of_tools_are_kept_only_where_somebody_asks_for_them() {
    let cache = |paths: &str| plan(&format!("frontend: {{artifacts: {{}}, cache: {{paths: [{paths}]}}}}")).cache;
    let kept = |paths: &str| cache(paths).expect("a cache").selects("node_modules/.cache/x");
    assert!(!kept("node_modules/**/*"));
    assert!(!kept("'**'"));
    assert!(!kept("node_modules/**/*, '!node_modules/.cache'"));
    assert!(kept("node_modules/.cache/**/*"));
    assert!(kept("node_modules/**/*, node_modules/.cache/**/*"));
    assert!(!cache("'**'").expect("a cache").selects("a/node_modules/.cache/x"));
}

fn plan(text: &str) -> Plan {
    let spec = BuildSpec::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    spec.plan(None).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
