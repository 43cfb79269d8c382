//! Where a rule leads.

use std::borrow::Cow;

use url::Url;

use crate::RuleFault;
use crate::address::{canonical, climbs};
use crate::pattern::{self, Token};
use crate::source::Source;

/// The target of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Scheme, host and port, where it is elsewhere.
    origin: Option<Box<str>>,
    path: Vec<Part>,
    query: Option<Vec<Part>>,
    /// With its `#`.
    fragment: Box<str>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Box<str>),
    /// The capture at this place.
    Capture(usize),
}

impl Target {
    /// The target of a rule with that source.
    pub(crate) fn parse(text: &str, source: &Source) -> Result<Self, RuleFault> {
        let (origin, rest) = split_origin(text)?;
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let fragment = fragment.map_or_else(String::new, |fragment| format!("#{}", escaped(fragment)));
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let mut path = parts(path, source)?;
        if source.is_host() && !path.iter().any(|part| matches!(part, Part::Capture(_))) {
            add_path(&mut path);
        }
        if !matches!(path.first(), Some(Part::Text(text)) if text.starts_with('/')) {
            path.insert(0, Part::Text("/".into()));
        }
        let fixed: String = path.iter().map(|part| part.text(&[])).collect();
        if climbs(&fixed) {
            return Err(RuleFault::TargetClimbs);
        }
        let query = query.map(|query| parts(query, source)).transpose()?;
        Ok(Self { origin, path, query, fragment: fragment.into() })
    }

    /// Whether it is elsewhere.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.origin.is_some()
    }

    /// Its path, which begins with exactly one slash: one with two would lead to another host.
    pub(crate) fn path(&self, captures: &[Cow<'_, str>]) -> String {
        let path: String = self.path.iter().map(|part| part.text(captures)).collect();
        format!("/{}", path.trim_start_matches('/'))
    }

    /// Where to send a visitor. The request's query goes along unless the rule says what it is.
    pub(crate) fn location(&self, captures: &[Cow<'_, str>], query: Option<&str>) -> String {
        let query = match &self.query {
            Some(own) => Some(filled(own, captures)),
            None => query.map(str::to_owned),
        };
        let query = query.map_or_else(String::new, |query| format!("?{}", escaped(&query)));
        format!("{}{}{query}{}", self.origin(), self.path(captures), self.fragment)
    }

    /// What to ask elsewhere, with the request's query behind the target's own. `None` where the captures lead out of
    /// the target's folder.
    pub(crate) fn url(&self, captures: &[Cow<'_, str>], query: Option<&str>) -> Option<String> {
        let path = self.path(captures);
        if climbs(&path) {
            return None;
        }
        let own = self.query.as_ref().map(|own| filled(own, captures));
        let queries: Vec<_> = own.as_deref().into_iter().chain(query).filter(|query| !query.is_empty()).collect();
        let query = if queries.is_empty() { String::new() } else { format!("?{}", escaped(&queries.join("&"))) };
        Some(format!("{}{path}{query}", self.origin()))
    }

    fn origin(&self) -> &str {
        self.origin.as_deref().unwrap_or_default()
    }
}

impl Part {
    fn text<'a>(&'a self, captures: &'a [Cow<'_, str>]) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::Capture(place) => captures.get(*place).map_or("", |capture| capture),
        }
    }
}

fn filled(parts: &[Part], captures: &[Cow<'_, str>]) -> String {
    parts.iter().map(|part| part.text(captures)).collect()
}

/// A query or fragment as it can stand in a URL. Its own escapes stay.
fn escaped(query: &str) -> String {
    percent_encoding::utf8_percent_encode(query, QUERY).to_string()
}

/// What is escaped in a query: what no URL has.
const QUERY: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');

/// The path of a request is added to a path.
fn add_path(path: &mut Vec<Part>) {
    if let Some(Part::Text(text)) = path.last_mut() {
        *text = format!("{}/", text.trim_end_matches('/')).into();
    }
    path.push(Part::Capture(0));
}

/// The origin of a target that has one, and what follows it.
fn split_origin(text: &str) -> Result<(Option<Box<str>>, &str), RuleFault> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let Some(scheme) = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme)) else {
        // `//host` and `mailto:` lead elsewhere, too.
        let first = text.split(['/', '?', '#']).next().unwrap_or_default();
        return if text.starts_with("//") || first.contains(':') {
            Err(RuleFault::TargetScheme)
        } else {
            Ok((None, text))
        };
    };
    let rest = &text[scheme.len()..];
    // `https://host<*>` is how AWS's own page once put it; a capture is never a part of the host.
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let end = rest[..end].find("<*>").unwrap_or(end);
    let (authority, rest) = rest.split_at(end);
    let bad = |why: &str| RuleFault::TargetHost { why: why.to_owned() };
    let url = Url::parse(&format!("{scheme}{authority}")).map_err(|error| bad(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it has a user"));
    }
    Ok((Some(url.origin().ascii_serialization().into()), rest))
}

fn parts(text: &str, source: &Source) -> Result<Vec<Part>, RuleFault> {
    let mut parts = Vec::new();
    for token in pattern::tokens(text).ok_or(RuleFault::TargetBracket)? {
        match token {
            Token::Text(text) if source.is_regex() => push_groups(&mut parts, text, source)?,
            Token::Text(text) => parts.push(Part::Text(canonical(text).into())),
            Token::Name(name) => {
                let known = source.capture(name).filter(|_| !source.is_regex());
                parts.push(Part::Capture(known.ok_or_else(|| RuleFault::Unknown { name: format!("<{name}>") })?));
            }
        }
    }
    Ok(parts)
}

/// A text in which `$1` to `$9` are groups.
fn push_groups(parts: &mut Vec<Part>, text: &str, source: &Source) -> Result<(), RuleFault> {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        match after.bytes().next() {
            Some(digit @ b'1'..=b'9') => {
                let name = char::from(digit).to_string();
                let known = source.capture(&name);
                parts.push(Part::Text(canonical(before).into()));
                parts.push(Part::Capture(known.ok_or_else(|| RuleFault::Unknown { name: format!("${name}") })?));
                rest = &after[1..];
            }
            _ => {
                parts.push(Part::Text(canonical(&rest[..=at]).into()));
                rest = after;
            }
        }
    }
    parts.push(Part::Text(canonical(rest).into()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_makes_no_sense_is_refused_by_name() {
        for (source, target, words) in [
            ("/a", "/<*>", "has <*> in its target"),
            ("/<a>", "/<b>", "has <b> in its target"),
            ("</a(b)/>", "/$2", "has $2 in its target"),
            ("</a(b)/>", "/<1>", "has <1> in its target"),
            ("/a", "/b<c", "has a < in its target"),
            ("/a", "//example.com/", "neither a path nor an http or https URL"),
            ("/a", "ftp://example.com/", "neither a path nor an http or https URL"),
            ("/a", "javascript:alert(1)", "neither a path nor an http or https URL"),
            ("/a", "https:///", "host cannot be used"),
            ("/a", "https://me:pw@example.com/", "it has a user"),
            ("/<a>", "https://<a>.example.com/", "host cannot be used"),
            ("/a", "https://exa mple.com/", "host cannot be used"),
            ("/a", "/b/../c", ". or .. segment"),
            ("/a", "/b/%2e%2E/c", ". or .. segment"),
        ] {
            let source = Source::parse(source).expect(source);
            let fault = Target::parse(target, &source).expect_err(target).to_string();
            assert!(fault.contains(words), "{target}: {fault}");
        }
    }
}
