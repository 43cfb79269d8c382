//! Whatever is set and whatever is asked, rules panic at nothing and come to an end soon.

use proptest::prelude::*;
use serde_json::{Map, json};
use windlass_rules::{Action, Asked, SiteRules, check_app};

use crate::{action, attributes, rules};

/// Pieces that rules and paths are made of.
const PIECES: &[&str] = &[
    "/",
    "//",
    "a",
    "b",
    ".",
    "..",
    "<*>",
    "<a>",
    "<b>",
    "<",
    ">",
    "</",
    "/>",
    "?",
    "#",
    "&",
    "=",
    "%",
    "%2F",
    "%2e",
    "%zz",
    "ü",
    "\u{301}",
    "\\",
    " ",
    "$1",
    "$",
    "(",
    ")",
    "*",
    "+",
    "[^.]",
    "(?!x)",
    "(?=a)",
    "\\1",
    "{2,}",
    "|",
    "^",
    "https://",
    "http://",
    "example.com",
    ":",
    "@",
    "\n",
    "\0",
    "🚢",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn no_rule_and_no_request_make_it_panic(
        source in text(8),
        target in text(6),
        status in prop::sample::select(vec!["200", "301", "302", "404", "404-200", "x"]),
        host in text(3),
        path in text(10),
        query in prop::option::of(text(6)),
        secure: bool,
        exists: bool,
    ) {
        let app = attributes(json!({"customRules": [{"source": source, "target": target, "status": status}]}));
        let (rules, errors) = SiteRules::read(&app, &Map::new());
        prop_assert_eq!(check_app(&app).is_ok(), errors.is_empty());
        let asked = Asked { host: &host, secure, path: &path, query: query.as_deref() };
        if let Some(action) = rules.action(&asked, exists) {
            prop_assert!(is_sound(&action), "{:?}", action);
        }
    }

    #[test]
    fn no_headers_make_it_panic(text in "\\PC{0,200}", pattern in text(6), path in text(6)) {
        let quoted = pattern.replace('\'', "''").replace(['\n', '\0'], "");
        let set = format!("customHeaders: [{{pattern: '{quoted}', headers: [{{key: x-a, value: b}}]}}]");
        for text in [text, set] {
            let (rules, _) = SiteRules::read(&attributes(json!({ "customHeaders": text })), &Map::new());
            let _ = rules.headers(&[&path]).count();
        }
    }
}

#[test]
fn a_long_path_does_not_take_long() {
    let sources = [
        r"</^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|ttf|map|json)$)([^.]+$)/>",
        r"</^((?!\.(css|js)$).)*$/>",
        r"</(?:(?=(a+))a)*\1b/>",
        r"</(?:a|a)*(?=b)c/>",
        r"</((?:.(?=.*x))*)*y/>",
        r"</(a*)*b/>",
        r"</(.*)(.*)(.*)(.*)x$/>",
        "/<a><b><c><d>x",
        "/<a>a<b>a<c>a<*>x",
    ];
    for path in ["a".repeat(60_000), ".a".repeat(30_000), "/.".repeat(30_000), "a".repeat(2047), ".a".repeat(1023)] {
        for source in sources {
            // A debug build takes a hundred times as long as what is served.
            let rules = rules(&[&[source, "/x", "200"]]);
            let path = format!("/{path}");
            let (before, after) = (cpu(), {
                let _ = action(&rules, &path);
                cpu()
            });
            assert!(after - before < 5_000, "{source} took {} ms over {} bytes", after - before, path.len());
        }
    }
}

#[test]
fn what_is_given_up_has_not_matched() {
    let stepwise = rules(&[&[r"</^/(?!x)a*$/>", "/x", "200"]]);
    assert_eq!(action(&stepwise, "/aaa"), crate::rewrite("/x"));
    assert_eq!(action(&stepwise, &format!("/{}", "a".repeat(2047))), crate::rewrite("/x"));
    assert_eq!(action(&stepwise, &format!("/{}", "a".repeat(2048))), None);
    let exponential = rules(&[&[r"</^/(?:a|a|a(?=a))*b$/>", "/x", "200"], &["/<*>", "/y", "200"]]);
    assert_eq!(action(&exponential, "/aab"), crate::rewrite("/x"));
    assert_eq!(action(&exponential, &format!("/{}", "a".repeat(100))), crate::rewrite("/y"));
}

fn text(pieces: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..pieces).prop_map(|pieces| pieces.concat())
}

/// A path begins with one slash and has nothing that a header or a URL cannot have; neither does a URL.
fn is_sound(action: &Action) -> bool {
    let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_path = |path: &str| path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    match action {
        Action::Rewrite { path } | Action::NotFound { path } => is_path(path) && is_visible(path),
        Action::Redirect { location, .. } => (is_path(location) || is_url(location)) && is_visible(location),
        Action::Proxy { url } => is_url(url) && is_visible(url),
        Action::Refuse => true,
    }
}

/// The time that this process has worked, in milliseconds.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks * 10
}
