//! One redirect or rewrite.

use serde_json::Value;

use crate::RuleFault;
use crate::site::{Action, Request};
use crate::source::Source;
use crate::target::Target;

/// A rule of `customRules`.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    source: Source,
    target: Target,
    kind: Kind,
    /// Whether the path must not exist.
    missing_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rewrite,
    Redirect { permanent: bool },
    NotFound,
}

impl Rule {
    /// Reads a rule. `None` where it has a condition, which nobody here can tell: it never matches.
    pub(crate) fn parse(rule: &Value) -> Result<Option<Self>, RuleFault> {
        let member = |name| rule.get(name).and_then(Value::as_str);
        let (Some(source), Some(target)) = (member("source"), member("target")) else { return Err(RuleFault::Shape) };
        let (kind, missing_only) = match member("status").unwrap_or("301") {
            "200" => (Kind::Rewrite, false),
            "301" => (Kind::Redirect { permanent: true }, false),
            "302" => (Kind::Redirect { permanent: false }, false),
            "404" => (Kind::NotFound, true),
            "404-200" => (Kind::Rewrite, true),
            other => return Err(RuleFault::Status { status: other.to_owned() }),
        };
        let source = Source::parse(source.trim())?;
        let target = Target::parse(target.trim(), &source)?;
        if kind == Kind::NotFound && target.is_elsewhere() {
            return Err(RuleFault::NotFoundElsewhere);
        }
        let conditional = member("condition").is_some_and(|condition| !condition.trim().is_empty());
        Ok((!conditional).then_some(Self { source, target, kind, missing_only }))
    }

    /// What it does about a request, if it matches.
    pub(crate) fn action(&self, request: &Request<'_>, exists: bool) -> Option<Action> {
        if self.missing_only && exists {
            return None;
        }
        let captures = self.source.captures(request)?;
        match self.kind {
            Kind::NotFound => Some(Action::NotFound { path: self.target.path(&captures) }),
            Kind::Rewrite if self.target.is_elsewhere() => {
                let query = request.query.filter(|_| !self.source.pins_query());
                let url = self.target.url(&captures, query);
                Some(url.map_or(Action::Refuse, |url| Action::Proxy { url }))
            }
            Kind::Rewrite => Some(Action::Rewrite { path: self.target.path(&captures) }),
            Kind::Redirect { permanent } => {
                let query = request.query.filter(|_| !self.source.pins_query());
                let location = self.target.location(&captures, query);
                (!request.is_at(&location)).then_some(Action::Redirect { permanent, location })
            }
        }
    }
}
