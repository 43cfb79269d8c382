//! The rules of a site, by what they do.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod door;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod redirects;
#[cfg(test)]
mod rewrites;

use serde_json::{Map, Value, json};
use windlass_rules::{Action, Asked, SiteRules};

/// Rules of three or two words each: source, target, status.
fn rules(rules: &[&[&str]]) -> SiteRules {
    let list: Vec<_> = rules.iter().map(|rule| one(rule)).collect();
    let (rules, errors) = SiteRules::read(&attributes(json!({ "customRules": list })), &Map::new());
    assert_eq!(errors, [], "{list:?}");
    rules
}

fn one(rule: &[&str]) -> Value {
    let [source, target, status @ ..] = rule else { panic!("{rule:?} is no rule") };
    let mut one = json!({ "source": source, "target": target });
    if let [status, ..] = status {
        one["status"] = json!(status);
    }
    one
}

fn attributes(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// What the rules do about a request for `/path?query` at `example.com`, over TLS, where there is no such path.
fn action(rules: &SiteRules, target: &str) -> Option<Action> {
    at(rules, "example.com", target, false)
}

fn at(rules: &SiteRules, host: &str, target: &str, exists: bool) -> Option<Action> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    rules.action(&Asked { host, secure: true, path, query }, exists)
}

fn permanent(location: &str) -> Option<Action> {
    Some(Action::Redirect { permanent: true, location: location.to_owned() })
}

fn temporary(location: &str) -> Option<Action> {
    Some(Action::Redirect { permanent: false, location: location.to_owned() })
}

fn rewrite(path: &str) -> Option<Action> {
    Some(Action::Rewrite { path: path.to_owned() })
}

fn proxy(url: &str) -> Option<Action> {
    Some(Action::Proxy { url: url.to_owned() })
}

fn not_found(path: &str) -> Option<Action> {
    Some(Action::NotFound { path: path.to_owned() })
}
