//! The rules of a site as values: its redirects and rewrites, its custom headers, and the password in front of it.
//!
//! Who sets an app's or a branch's attributes has them [checked](check_app); who answers a site's visitors
//! [reads](SiteRules::read) the same attributes once and asks them about every request. Both see the same rules, because
//! there is one reading of them.
//!
//! # Redirects and rewrites: `customRules`
//!
//! Rules are tried from the top, and the first that matches decides; a rewrite is not rewritten again. A source is
//!
//! * a path, as in `/docs/old.html`, compared without regard to how its characters are escaped;
//! * a path with placeholders: `<*>` for anything, slashes too, at most once; `<name>` for one or more characters of one
//!   segment. What they stand for can be used in the target;
//! * a path with a query, as in `/docs?id=<id>`: a request that has these members, among others perhaps, matches;
//! * `</regex/>`, searched for in the unescaped path. `$1` to `$9` in the target are its groups;
//! * a host, as in `https://example.com`, whatever its case: the path is added to the target's. With `http://`, only
//!   requests without TLS match.
//!
//! | status | applies | and answers |
//! |---|---|---|
//! | `200` | always | the target: a path of the site, or what the `http(s)` URL answers |
//! | `301` (also where there is none), `302` | always | a redirect to the target, with the request's query, unless source or target have one |
//! | `404-200` | where the path does not exist | as `200` does |
//! | `404` | where the path does not exist | the target, a path of the site, with status 404 |
//!
//! A rule with a `condition` (a country, as `<US>`) never matches: where a visitor is, nobody here knows. A redirect that
//! leads to where the visitor is already is passed over.
//!
//! Regular expressions take time in the length of the path. Those with look-around or back references, which the rule of
//! a single-page app has, are given up after a fixed number of steps and are not searched for in paths of more than
//! 2,048 bytes; they do not match then.
//!
//! # Headers: `customHeaders`
//!
//! YAML: `customHeaders: [{pattern, headers: [{key, value}]}]`, or for a monorepo `applications: [{appRoot,
//! customHeaders}]`, of which the one counts that the app's variable `AMPLIFY_MONOREPO_APP_ROOT` names, or the first. A
//! pattern is a glob: `*` and `**` stand for anything, slashes too, so `*.js` means scripts in every folder; `?` is one
//! character of ASCII, `[a-z]` and `{a,b}` are choices; a slash at the beginning says nothing. All patterns that match
//! apply, and a later one overrides an earlier one. What frames a response (`Content-Length`, `Connection` and their
//! like) is no custom header.
//!
//! # Password: `enableBasicAuth`, `basicAuthCredentials`
//!
//! What a branch says goes before what its app says, each member by itself. A site whose password is switched on and
//! never set lets nobody in.
//!
//! This crate deliberately does nothing: no I/O, no clock, no knowledge of stores, jobs or artifacts.
//!
//! ```
//! use serde_json::{Map, json};
//! use windlass_rules::{Action, Asked, SiteRules, check_app};
//!
//! let app = json!({"customRules": [{"source": "/old/<*>", "target": "/new/<*>", "status": "301"}]});
//! let app = app.as_object().ok_or("an object")?;
//! check_app(app)?;
//! let (rules, errors) = SiteRules::read(app, &Map::new());
//! assert!(errors.is_empty());
//!
//! let asked = Asked { host: "example.com", secure: true, path: "/old/a/b", query: Some("x=1") };
//! let location = "/new/a/b?x=1".to_owned();
//! assert_eq!(rules.action(&asked, false), Some(Action::Redirect { permanent: true, location }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod door;
mod error;
mod header;
mod pattern;
mod rule;
mod site;
mod source;
mod target;

pub use error::{DoorFault, HeaderFault, RuleError, RuleFault};
pub use site::{Action, Asked, SiteRules, check_app, check_branch};
