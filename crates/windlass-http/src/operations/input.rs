//! Gathers an operation's members from path, query and body.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use super::check::{At, Checker};
use super::route::Routed;
use super::shape::Shape;
use super::table::Definition;
use super::violation::{Constraint, Violation};

impl Routed<'_> {
    /// All members of the request in one JSON object, checked: numbers in the query are numbers, what the operation
    /// does not know is dropped, or refused where the operation is our own, `null` is the same as absent, and what is
    /// required is there.
    ///
    /// No body is an empty object, and the body of an operation without body members is not looked at. In a query, `+`
    /// is a plus: all AWS clients write a space as `%20`, and a token copied by hand may contain a plus.
    ///
    /// # Errors
    ///
    /// A [`Violation`] that names every member at fault, or says what is wrong with the body.
    pub fn input(&self, raw_query: Option<&str>, body: &[u8]) -> Result<Map<String, Value>, Violation> {
        let definition = self.operation().definition();
        let mut body = if definition.body.is_empty() { Map::new() } else { object(body)? };
        let query: Vec<_> = raw_query.into_iter().flat_map(|query| query.split('&')).map(parameter).collect();

        let mut checker = Checker::default();
        let mut input = Map::new();
        for (member, raw) in &self.labels {
            let given = label(member.shape, raw).map(Some);
            checker.member(member, At::Top(member.name), given, &mut input);
        }
        for member in definition.query {
            let raws = query.iter().filter(|(name, _)| *name == member.name).map(|(_, raw)| *raw);
            checker.member(member, At::Top(member.name), given(member.shape, raws), &mut input);
        }
        for member in definition.body {
            checker.member(member, At::Top(member.name), Ok(body.remove(member.name)), &mut input);
        }
        if definition.is_extension()
            && let Some(name) = unknown(definition, &query, &body)
        {
            return Err(Violation::Unknown(name));
        }
        checker.finish(input)
    }
}

/// A member that the operation does not have; `body` is what was left of it. The query may be signed, and says so then.
fn unknown(definition: &Definition, query: &[(Cow<'_, str>, &str)], body: &Map<String, Value>) -> Option<String> {
    let known = |name: &str| name.starts_with("X-Amz-") || definition.query.iter().any(|member| member.name == name);
    let names = query.iter().map(|(name, _)| &**name).filter(|name| !name.is_empty() && !known(name));
    names.chain(body.keys().map(String::as_str)).next().map(str::to_owned)
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Violation> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    // The parser's messages say what it expected and where, and repeat nothing of the body.
    let value = serde_json::from_slice(body).map_err(|error| Violation::MalformedBody(error.to_string()))?;
    let Value::Object(members) = value else {
        return Err(Violation::BodyNotAnObject);
    };
    Ok(members)
}

/// A query parameter's name, decoded, and its value as it came. A name that cannot be decoded is nobody's.
fn parameter(raw: &str) -> (Cow<'_, str>, &str) {
    let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
    (decode(name).unwrap_or_default(), value)
}

/// A label without content would name nothing, whatever its shape allows.
fn label(shape: &Shape, raw: &str) -> Result<Value, Constraint> {
    if raw.is_empty() { Err(Constraint::MinLength(1)) } else { parse(shape, raw) }
}

/// What a query gives for one member: a list is a repeated parameter.
fn given<'a>(shape: &Shape, mut raws: impl Iterator<Item = &'a str>) -> Result<Option<Value>, Constraint> {
    let Some(first) = raws.next() else {
        return Ok(None);
    };
    match shape {
        Shape::List { member, .. } => {
            core::iter::once(first).chain(raws).map(|raw| parse(member, raw)).collect::<Result<_, _>>().map(Some)
        }
        Shape::String { .. }
        | Shape::Enum(_)
        | Shape::Integer { .. }
        | Shape::Boolean
        | Shape::Timestamp
        | Shape::Map { .. }
        | Shape::Structure(_) => {
            if raws.next().is_some() {
                return Err(Constraint::Once);
            }
            parse(shape, first).map(Some)
        }
    }
}

/// The JSON value that a text stands for; where it stands for none of that shape it stays a text, and is refused as such.
fn parse(shape: &Shape, raw: &str) -> Result<Value, Constraint> {
    let text = decode(raw).ok_or(Constraint::Encoding)?.into_owned();
    Ok(match shape {
        Shape::Integer { .. } | Shape::Timestamp => match text.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text),
        },
        Shape::Boolean => match text.parse() {
            Ok(flag) => Value::Bool(flag),
            Err(_) => Value::String(text),
        },
        Shape::String { .. } | Shape::Enum(_) | Shape::List { .. } | Shape::Map { .. } | Shape::Structure(_) => {
            Value::String(text)
        }
    })
}

/// Percent-decoding that refuses what is broken, where the crate would let it pass.
fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let mut escapes = raw.split('%').skip(1).map(str::as_bytes);
    let whole = escapes.all(|escape| escape.len() >= 2 && escape[..2].iter().all(u8::is_ascii_hexdigit));
    if whole { percent_decode_str(raw).decode_utf8().ok() } else { None }
}
