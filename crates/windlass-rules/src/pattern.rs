//! Texts with placeholders, and searches whose time is bounded.

use std::borrow::Cow;

use crate::RuleFault;
use crate::address::{canonical, encoded};

/// A piece of a text with placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// As it stands there.
    Text(&'a str),
    /// `<*>` or `<name>`, without the brackets.
    Name(&'a str),
}

/// The placeholder for anything.
pub(crate) const ANYTHING: &str = "*";

/// Cuts a text at its placeholders. `None` where a `<` begins none.
pub(crate) fn tokens(mut text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    while let Some((before, after)) = text.split_once('<') {
        let (name, rest) = after.split_once('>').filter(|(name, _)| is_name(name))?;
        if !before.is_empty() {
            tokens.push(Token::Text(before));
        }
        tokens.push(Token::Name(name));
        text = rest;
    }
    if !text.is_empty() {
        tokens.push(Token::Text(text));
    }
    Some(tokens)
}

fn is_name(text: &str) -> bool {
    text == ANYTHING || !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Which paths are meant.
#[derive(Clone, Debug)]
pub(crate) enum PathPattern {
    /// All of them. What follows the first slash is captured.
    Any,
    /// This one.
    Exact(Box<str>),
    /// Those that begin so. What follows is captured.
    Prefix(Box<str>),
    /// Those in which this is found. Each group is a capture.
    Template(Box<regex::Regex>),
    /// The same in the unescaped path, for a pattern of the owner's own.
    Search(Search),
}

impl PathPattern {
    /// The pattern of a path with placeholders, and the names of its captures.
    pub(crate) fn parse(path: &str) -> Result<(Self, Vec<Box<str>>), RuleFault> {
        let tokens = tokens(path).ok_or(RuleFault::Bracket)?;
        let names: Vec<_> = names(&tokens).map(Box::from).collect();
        distinct(&names)?;
        let pattern = match &tokens[..] {
            [] => Self::Exact("/".into()),
            [Token::Text(text)] => Self::Exact(rooted(text).into()),
            [Token::Name(ANYTHING)] => Self::Prefix("/".into()),
            [Token::Text(text), Token::Name(ANYTHING)] => Self::Prefix(rooted(text).into()),
            _ => Self::Template(Box::new(template(&tokens)?)),
        };
        Ok((pattern, names))
    }

    /// The pattern of a regular expression, and the names of its captures: their numbers.
    pub(crate) fn search(regex: &str) -> Result<(Self, Vec<Box<str>>), RuleFault> {
        let search = Search::new(regex)?;
        let names = (1..search.groups()).map(|group| group.to_string().into()).collect();
        Ok((Self::Search(search), names))
    }

    /// What is captured, in the order of the names, where the path is meant. `path` is in its one spelling, `plain` is the
    /// same without escapes.
    pub(crate) fn captures<'a>(&self, path: &'a str, plain: &str) -> Option<Vec<Cow<'a, str>>> {
        match self {
            Self::Any => Some(vec![path.strip_prefix('/').unwrap_or(path).into()]),
            Self::Exact(exact) => (**exact == *path).then(Vec::new),
            Self::Prefix(prefix) => Some(vec![path.strip_prefix(&**prefix)?.into()]),
            Self::Template(template) => {
                let found = template.captures(path)?;
                let groups = found.iter().skip(1);
                Some(groups.map(|group| group.map_or("", |group| group.as_str()).into()).collect())
            }
            Self::Search(search) => search.captures(plain),
        }
    }
}

/// The placeholders among tokens.
pub(crate) fn names<'a>(tokens: &[Token<'a>]) -> impl Iterator<Item = &'a str> {
    tokens.iter().filter_map(|token| match token {
        Token::Text(_) => None,
        Token::Name(name) => Some(*name),
    })
}

/// No name may be there twice.
pub(crate) fn distinct(names: &[Box<str>]) -> Result<(), RuleFault> {
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    twice.map_or(Ok(()), |(_, name)| Err(RuleFault::Twice { name: name.to_string() }))
}

/// A path in its one spelling, which begins with a slash even if somebody left that out.
fn rooted(path: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{slash}{}", canonical(path))
}

fn template(tokens: &[Token<'_>]) -> Result<regex::Regex, RuleFault> {
    let mut regex = String::from("^");
    if !matches!(tokens, [Token::Text(text), ..] if text.starts_with('/')) {
        regex.push('/');
    }
    for token in tokens {
        match token {
            Token::Text(text) => regex.push_str(&regex::escape(&canonical(text))),
            Token::Name(ANYTHING) => regex.push_str("([[:ascii:]]*)"),
            Token::Name(_) => regex.push_str("([[:ascii:]&&[^/]]+)"),
        }
    }
    regex.push('$');
    let built = regex::RegexBuilder::new(&regex).size_limit(SIZE).build();
    built.map_err(|error| RuleFault::Regex { why: one_line(&error) })
}

/// A regular expression of an owner's own.
#[derive(Clone, Debug)]
pub(crate) enum Search {
    /// In time linear in the text.
    Linear(Box<regex::Regex>),
    /// With look-around or back references: step by step, up to a number of steps.
    Stepwise(Box<fancy_regex::Regex>),
}

impl Search {
    pub(crate) fn new(pattern: &str) -> Result<Self, RuleFault> {
        if let Ok(linear) = regex::RegexBuilder::new(pattern).size_limit(SIZE).build() {
            return Ok(Self::Linear(Box::new(linear)));
        }
        let mut builder = fancy_regex::RegexBuilder::new(pattern);
        let built = builder.backtrack_limit(STEPS).delegate_size_limit(SIZE).max_prog_size(PROGRAM).build();
        match built {
            Ok(stepwise) => Ok(Self::Stepwise(Box::new(stepwise))),
            Err(error) => Err(RuleFault::Regex { why: one_line(&error) }),
        }
    }

    /// How many groups it has, itself among them.
    fn groups(&self) -> usize {
        match self {
            Self::Linear(regex) => regex.captures_len(),
            Self::Stepwise(regex) => regex.captures_len(),
        }
    }

    /// What its groups hold, as parts of a path.
    fn captures<'a>(&self, text: &str) -> Option<Vec<Cow<'a, str>>> {
        match self {
            Self::Linear(regex) => {
                let found = regex.captures(text)?;
                let groups = found.iter().skip(1);
                Some(groups.map(|group| encoded(group.map_or("", |group| group.as_str())).into()).collect())
            }
            Self::Stepwise(_) if text.len() > LONGEST => None,
            Self::Stepwise(regex) => {
                // What was given up has not matched.
                let found = regex.captures(text).ok().flatten()?;
                let groups = found.iter().skip(1);
                Some(groups.map(|group| encoded(group.map_or("", |group| group.as_str())).into()).collect())
            }
        }
    }
}

/// The first line of what went wrong that says something.
pub(crate) fn one_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines
        .iter()
        .rev()
        .find(|line| line.starts_with("error: "))
        .or(lines.first())
        .map_or_else(String::new, |line| line.trim_start_matches("error: ").to_owned())
}

/// How much room a compiled expression may take, in bytes.
const SIZE: usize = 1024 * 1024;

/// How many instructions one that goes step by step may have.
const PROGRAM: usize = 10_000;

/// How often one that goes step by step may go back before it is given up.
const STEPS: usize = 10_000;

/// The longest text that is searched step by step, in bytes.
const LONGEST: usize = 2048;
