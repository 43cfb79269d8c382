//! All rules of a site together.

use std::borrow::Cow;
use std::cell::OnceCell;

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::RuleError;
use crate::address::{canonical, decoded};
use crate::door::{self, Door};
use crate::header::Headers;
use crate::rule::Rule;

/// What a visitor asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The host, without a port.
    pub host: &'a str,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The path as it was sent.
    pub path: &'a str,
    /// The query as it was sent, without its `?`.
    pub query: Option<&'a str>,
}

/// What a rule does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer as if this path had been asked for.
    Rewrite {
        /// The path, escaped; it begins with a slash.
        path: String,
    },
    /// Answer what this URL answers.
    Proxy {
        /// An `http` or `https` URL.
        url: String,
    },
    /// Send the visitor there.
    Redirect {
        /// Whether that is for good: 301, else 302.
        permanent: bool,
        /// A path, which begins with one slash, or an `http` or `https` URL.
        location: String,
    },
    /// Answer 404, and show this path.
    NotFound {
        /// The path, escaped; it begins with a slash.
        path: String,
    },
    /// Answer that the address is malformed: it would climb out of a folder elsewhere.
    Refuse,
}

/// The rules of a branch of an app.
#[derive(Clone, Debug, Default)]
pub struct SiteRules {
    rules: Vec<Rule>,
    headers: Headers,
    door: Door,
}

impl SiteRules {
    /// Reads the attributes of an app and of one of its branches, and says what in them is bad and left out. A bad password
    /// lets nobody in.
    #[must_use]
    pub fn read(app: &Map<String, Value>, branch: &Map<String, Value>) -> (Self, Vec<RuleError>) {
        let mut errors = Vec::new();
        let rules = read_rules(app, &mut errors);
        let headers = Headers::of(app).unwrap_or_else(|fault| {
            errors.push(RuleError::Headers(fault));
            Headers::default()
        });
        let (door, fault) = Door::of(app, branch);
        errors.extend(fault.map(RuleError::Door));
        (Self { rules, headers, door }, errors)
    }

    /// Whether a request with this `Authorization` gets in.
    #[must_use]
    pub fn admits(&self, authorization: Option<&[u8]>) -> bool {
        self.door.admits(authorization)
    }

    /// Whether there is a password, so that answers are not for everybody.
    #[must_use]
    pub fn is_private(&self) -> bool {
        !self.door.is_open()
    }

    /// Whether there are no redirects and rewrites.
    #[must_use]
    pub fn is_without_rules(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the first rule that matches does about a request. `exists` says whether the site has something at that path.
    #[must_use]
    pub fn action(&self, asked: &Asked<'_>, exists: bool) -> Option<Action> {
        if self.rules.is_empty() {
            return None;
        }
        let request = Request::new(asked);
        self.rules.iter().find_map(|rule| rule.action(&request, exists))
    }

    /// Whether there are custom headers.
    #[must_use]
    pub fn has_headers(&self) -> bool {
        !self.headers.is_empty()
    }

    /// The custom headers for any of these paths, unescaped and without a slash at their beginning. Of two of one name, the
    /// later counts.
    pub fn headers<'a>(&'a self, paths: &'a [&'a str]) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        self.headers.matching(paths)
    }
}

/// Checks the attributes of an app before they are kept.
///
/// # Errors
///
/// [`RuleError`], which names the rule and what is wrong with it: the first of them.
pub fn check_app(app: &Map<String, Value>) -> Result<(), RuleError> {
    door::check(app).map_err(RuleError::Door)?;
    let (_, errors) = SiteRules::read(app, &Map::new());
    errors.into_iter().next().map_or(Ok(()), Err)
}

/// Checks the attributes of a branch before they are kept.
///
/// # Errors
///
/// [`RuleError`], where its password is none.
pub fn check_branch(branch: &Map<String, Value>) -> Result<(), RuleError> {
    door::check(branch).map_err(RuleError::Door)
}

fn read_rules(app: &Map<String, Value>, errors: &mut Vec<RuleError>) -> Vec<Rule> {
    let all = app.get("customRules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if all.len() > RULES {
        errors.push(RuleError::TooMany { count: all.len(), max: RULES });
    }
    let mut rules = Vec::new();
    for (number, rule) in (1..).zip(all.iter().take(RULES)) {
        match Rule::parse(rule) {
            Ok(rule) => rules.extend(rule),
            Err(fault) => errors.push(RuleError::Rule { number, fault }),
        }
    }
    rules
}

/// How many rules an app may have. Each request may have to look at all of them.
const RULES: usize = 5_000;

/// A request as rules look at it.
pub(crate) struct Request<'a> {
    pub(crate) host: &'a str,
    pub(crate) secure: bool,
    /// The path in its one spelling.
    pub(crate) path: Cow<'a, str>,
    pub(crate) query: Option<&'a str>,
    asked: &'a str,
    plain: OnceCell<Cow<'a, str>>,
}

impl<'a> Request<'a> {
    fn new(asked: &Asked<'a>) -> Self {
        let Asked { host, secure, path, query } = *asked;
        let host = host.strip_suffix('.').unwrap_or(host);
        Self { host, secure, path: canonical(path), query, asked: path, plain: OnceCell::new() }
    }

    /// The path without its escapes.
    pub(crate) fn plain(&self) -> &str {
        self.plain.get_or_init(|| decoded(self.asked))
    }

    /// Whether it is at that place of the site already.
    pub(crate) fn is_at(&self, location: &str) -> bool {
        let location = location.split('#').next().unwrap_or(location);
        let (path, query) = location.split_once('?').map_or((location, None), |(path, query)| (path, Some(query)));
        path == self.path && query == self.query
    }
}
