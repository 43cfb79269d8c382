//! Which requests a rule is for.

use std::borrow::Cow;

use url::{Host, Url};

use crate::RuleFault;
use crate::address::{decoded_member, encoded};
use crate::pattern::{self, PathPattern, Token};
use crate::site::Request;

/// The source of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Only on this host, in lower case.
    host: Option<Box<str>>,
    /// Only without TLS.
    plain_only: bool,
    path: PathPattern,
    query: Vec<Pinned>,
    names: Vec<Box<str>>,
}

/// A member that a request's query must have.
#[derive(Clone, Debug)]
struct Pinned {
    name: Box<str>,
    /// With this value; any is captured where there is none.
    value: Option<Box<str>>,
}

impl Source {
    pub(crate) fn parse(text: &str) -> Result<Self, RuleFault> {
        if let Some(regex) = text.strip_prefix("</") {
            let regex = regex.strip_suffix("/>").ok_or(RuleFault::Bracket)?;
            let (path, names) = PathPattern::search(regex)?;
            return Ok(Self { host: None, plain_only: false, path, query: Vec::new(), names });
        }
        let (host, plain_only, rest) = split_host(text)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (path, mut names) = match (host.is_some(), path) {
            (true, "" | "/") => (PathPattern::Any, vec![pattern::ANYTHING.into()]),
            _ => PathPattern::parse(path)?,
        };
        let query = pinned(query, &mut names)?;
        pattern::distinct(&names)?;
        Ok(Self { host, plain_only, path, query, names })
    }

    /// The place among the captures of what the target calls `name`.
    pub(crate) fn capture(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| **known == *name)
    }

    /// Whether its captures are called `$1` and so on in the target.
    pub(crate) fn is_regex(&self) -> bool {
        matches!(self.path, PathPattern::Search(_))
    }

    /// Whether it is a host and nothing else, so that the path is added to the target's.
    pub(crate) fn is_host(&self) -> bool {
        matches!(self.path, PathPattern::Any)
    }

    /// Whether it says what the query must be.
    pub(crate) fn pins_query(&self) -> bool {
        !self.query.is_empty()
    }

    /// What is captured where the request is meant.
    pub(crate) fn captures<'a>(&self, request: &'a Request<'_>) -> Option<Vec<Cow<'a, str>>> {
        if self.host.as_deref().is_some_and(|host| !host.eq_ignore_ascii_case(request.host)) {
            return None;
        }
        if self.plain_only && request.secure {
            return None;
        }
        let mut captures = self.path.captures(&request.path, request.plain())?;
        for pinned in &self.query {
            let values = members(request.query).filter(|(name, _)| decoded_member(name) == *pinned.name);
            let mut values = values.map(|(_, value)| decoded_member(value));
            match &pinned.value {
                Some(expected) => drop(values.find(|value| *value == **expected)?),
                None => captures.push(encoded(&values.find(|value| !value.is_empty())?).into()),
            }
        }
        Some(captures)
    }
}

/// The host of a source that has one, whether it is for requests without TLS only, and what follows the host.
///
/// Where a site is reached without TLS, as on one's own machine, its rules for `https://` shall hold, too.
fn split_host(text: &str) -> Result<(Option<Box<str>>, bool, &str), RuleFault> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let (scheme, plain_only) = match lower.as_str() {
        "https://" => ("https://", false),
        other if other.starts_with("http://") => ("http://", true),
        _ => return Ok((None, false, text)),
    };
    let rest = &text[scheme.len()..];
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let bad = |why: &str| RuleFault::SourceHost { why: why.to_owned() };
    let url = Url::parse(&format!("{scheme}{authority}")).map_err(|error| bad(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it has a user"));
    }
    match url.host() {
        Some(Host::Domain(name)) => Ok((Some(name.trim_end_matches('.').into()), plain_only, rest)),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => Err(bad("it is an address")),
        None => Err(bad("there is none")),
    }
}

fn pinned(query: &str, names: &mut Vec<Box<str>>) -> Result<Vec<Pinned>, RuleFault> {
    let pin = |(name, value): (&str, &str)| {
        let member = decoded_member(name);
        let value = match &pattern::tokens(value).ok_or(RuleFault::Bracket)?[..] {
            [] => Some("".into()),
            [Token::Text(text)] => Some(decoded_member(text).into()),
            [Token::Name(name)] => {
                names.push((*name).into());
                None
            }
            _ => return Err(RuleFault::Query { member }),
        };
        Ok(Pinned { name: member.into(), value })
    };
    members(Some(query)).map(pin).collect()
}

/// The members of a query as they stand there.
fn members(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let members = query.unwrap_or_default().split('&').filter(|member| !member.is_empty());
    members.map(|member| member.split_once('=').unwrap_or((member, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_makes_no_sense_is_refused_by_name() {
        for (source, words) in [
            ("/a<b", "neither <*> nor <name>"),
            ("/a<>", "neither <*> nor <name>"),
            ("/a<b c>", "neither <*> nor <name>"),
            ("</unfinished", "neither <*> nor <name>"),
            ("</(/>", "regular expression"),
            ("</(?<a/>", "regular expression"),
            ("/<*>/<*>", "<*> twice"),
            ("/<a>/<a>", "<a> twice"),
            ("/<a>?b=<a>", "<a> twice"),
            ("/a?b=x<c>", "member \"b\""),
            ("https://", "host"),
            ("https://<*>.example.com", "host"),
            ("https://me@example.com", "user"),
            ("https://127.0.0.1", "address"),
        ] {
            let fault = Source::parse(source).expect_err(source).to_string();
            assert!(fault.contains(words), "{source}: {fault}");
        }
    }
}
