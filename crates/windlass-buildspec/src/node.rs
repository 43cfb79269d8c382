//! YAML as a tree that knows its lines. Scalars keep the text that was written: `1.10` is no `1.1`, and `yes` no `true`.

use core::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::{Origin, SpecError, SpecFault};

/// The longest text that is read, in bytes. AWS allows 25,000 characters in the console and states no limit for a file.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Text(String),
    Number(String),
    Boolean(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The one document of a text. An empty text is `Null`.
    pub(crate) fn parse(text: &str) -> Result<Self, SpecError> {
        let error = |line, column, fault| SpecError { origin: Origin::File, line, column, key: String::new(), fault };
        if text.len() > MAX_BYTES {
            return Err(error(None, None, SpecFault::TooLong { bytes: text.len(), max: MAX_BYTES }));
        }
        match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
            Ok(raw) => Ok(Self::new(raw, text)),
            Err(fault) => {
                let place = fault.location().filter(|place| *place != Location::UNKNOWN);
                let why = why(&fault);
                Err(error(place.map(|at| at.line()), place.map(|at| at.column()), SpecFault::Yaml { why }))
            }
        }
    }

    fn new(raw: Spanned<Raw>, text: &str) -> Self {
        let Spanned { value, referenced, defined } = raw;
        let kind = match value {
            Raw::Null => Kind::Null,
            Raw::Text(text) => Kind::Text(text),
            Raw::Number(read) => Kind::Number(written(text, defined).unwrap_or(read)),
            Raw::Boolean(read) => Kind::Boolean(written(text, defined).unwrap_or(read)),
            Raw::List(items) => Kind::List(items.into_iter().map(|item| Self::new(item, text)).collect()),
            Raw::Map(entries) => {
                Kind::Map(entries.into_iter().map(|(key, value)| (key, Self::new(value, text))).collect())
            }
        };
        Self { kind, line: referenced.line(), column: referenced.column() }
    }

    /// What is there, for an error.
    pub(crate) const fn found(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Text(_) => "a text",
            Kind::Number(_) => "a number",
            Kind::Boolean(_) => "a boolean",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

/// What serde hears: the texts of numbers and booleans are lost on the way, their places are not.
#[derive(Clone, Debug)]
enum Raw {
    Null,
    Text(String),
    Number(String),
    Boolean(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(String, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Listener)
    }
}

struct Listener;

impl<'de> Visitor<'de> for Listener {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a build specification")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Boolean(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(number(value))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(number(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(number(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(number(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn number(value: impl fmt::Display) -> Raw {
    Raw::Number(value.to_string())
}

/// A plain scalar as it was written. One with a tag or in quotes is as it was read.
fn written(text: &str, place: Location) -> Option<String> {
    let start = usize::try_from(place.span().byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(place.span().byte_len()?).ok()?)?;
    let written = text.get(start..end)?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._:".contains(c);
    (!written.is_empty() && written.chars().all(plain)).then(|| written.to_owned())
}

/// What the parser says, in one line, without the place at its end, which is told by itself. What people do wrong most
/// is told in words of ours.
fn why(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;

    let error = error.without_snippet();
    if let Error::UnknownAnchor { .. } = error {
        return "an alias of what has no anchor; a text that begins with * is put in quotes".to_owned();
    }
    if let Error::DuplicateMappingKey { key, .. } = error {
        return format!("key {} is there twice", key.as_deref().unwrap_or_default());
    }
    if let Error::MultipleDocuments { .. } = error {
        return "a second document; a build specification is one".to_owned();
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let what = line.split_once(" at line ").map_or(line, |(what, _)| what);
    if what.contains("budget breached") || what.contains("recursion limit") {
        return format!("more, or deeper, than a build specification is ({what})");
    }
    what.to_owned()
}

/// Enough for the longest file that somebody wrote by hand, too little to be multiplied.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        budget: serde_saphyr::budget! {
            max_depth: 24,
            max_documents: 2,
            max_events: 40_000,
            max_nodes: 20_000,
            max_aliases: 500,
            max_anchors: 200,
            max_merge_keys: 100,
            max_total_scalar_bytes: 2 * MAX_BYTES,
        },
    }
}
