//! Requests and values made from the table.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use windlass_http::operations::{Constraint, Length, Member, Operation, Pattern, Shape, Violation, route};

/// A request to be, with its values not yet encoded.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) labels: BTreeMap<&'static str, String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Map<String, Value>,
}

/// A value that a shape refuses, where in it the fault lies, and what it breaks.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) value: Value,
    pub(crate) at: String,
    pub(crate) constraint: Constraint,
}

impl Request {
    /// The least that the operation accepts.
    pub(crate) fn minimal(operation: Operation) -> Self {
        Self::with(operation, |member| member.required)
    }

    /// Everything that the operation knows.
    pub(crate) fn full(operation: Operation) -> Self {
        Self::with(operation, |_| true)
    }

    pub(crate) fn send(&self) -> Result<Map<String, Value>, Violation> {
        let definition = self.operation.definition();
        let path = self.labels.iter().fold(definition.path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), &encoded(value))
        });
        let query: Vec<_> = self.query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let body = Value::Object(self.body.clone()).to_string();
        let routed = route(&definition.method, &path).expect("the table routes what it declares");
        assert_eq!(routed.operation(), self.operation);
        routed.input(Some(&query.join("&")), body.as_bytes())
    }

    fn with(operation: Operation, wanted: fn(&&Member) -> bool) -> Self {
        let definition = operation.definition();
        let query = definition.query.iter().filter(wanted);
        let body = definition.body.iter().filter(wanted);
        Self {
            operation,
            labels: definition.labels().map(|label| (label.name, as_text(&value(label.shape)))).collect(),
            query: query.flat_map(|member| parameters(member, &value(member.shape))).collect(),
            body: body.map(|member| (member.name.to_owned(), value(member.shape))).collect(),
        }
    }
}

pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(crate) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How a value is written in a query: a list is a repeated parameter.
pub(crate) fn parameters(member: &Member, value: &Value) -> Vec<(&'static str, String)> {
    let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    elements.iter().map(|element| (member.name, as_text(element))).collect()
}

/// A small value that fits.
pub(crate) fn value(shape: &Shape) -> Value {
    match shape {
        Shape::String { length, pattern } => {
            let text = (length.min.max(1)..200).find_map(|characters| text(characters, *pattern));
            json!(text.expect("a seed fits every pattern"))
        }
        Shape::Enum(values) => json!(values[0]),
        Shape::Integer { min, .. } => json!(min),
        Shape::Boolean => json!(true),
        Shape::Timestamp => json!(1_700_000_000.5),
        Shape::List { member, .. } => json!([value(member)]),
        Shape::Map { key, value: entry, .. } => json!({ as_text(&value(key)): value(entry) }),
        Shape::Structure(members) => {
            members.iter().map(|member| (member.name.to_owned(), value(member.shape))).collect()
        }
    }
}

/// A text of so many characters that fits, if there is one.
pub(crate) fn text(characters: usize, pattern: Option<&Pattern>) -> Option<String> {
    let seeds = [
        "ü",
        "d1",
        "1",
        "a.aa",
        "https://x",
        "arn:aws:cloudformation:us-east-1:000000000000:stack/a/b",
        "arn:aws:iam::000000000000:role/r",
        "arn:aws:acm:us-east-1:000000000000:certificate/c",
        "arn:aws:amplify:",
    ];
    let mut texts = seeds.iter().filter_map(|seed| {
        let missing = characters.checked_sub(seed.chars().count())?;
        let filler: String = seed.chars().last().into_iter().collect();
        Some(format!("{seed}{}", filler.repeat(missing)))
    });
    texts.find(|text| pattern.is_none_or(|pattern| pattern.matches(text)))
}

fn in_the_other_case(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower == text { text.to_uppercase() } else { lower }
}

/// One fault for every constraint of a shape.
pub(crate) fn faults(shape: &'static Shape) -> Vec<Fault> {
    let mut faults = match shape {
        Shape::String { length, pattern } => {
            let mut faults = lengths(*length, |characters| json!("a".repeat(characters)));
            faults.push(fault(json!(7), Constraint::Type("a string")));
            faults.extend(pattern.map(|pattern| {
                let text = ["\n\n\n", "!"].into_iter().find(|text| !pattern.matches(text));
                fault(json!(text.expect("a text fits no pattern")), Constraint::Pattern(pattern.as_str()))
            }));
            faults
        }
        Shape::Enum(values) => vec![
            fault(json!(7), Constraint::Type("a string")),
            fault(json!("NO_SUCH_VALUE"), Constraint::Values(values)),
            fault(json!(in_the_other_case(values[0])), Constraint::Values(values)),
        ],
        Shape::Integer { min, max } => vec![
            fault(json!(min - 1), Constraint::MinValue(*min)),
            fault(json!(max + 1), Constraint::MaxValue(*max)),
            fault(json!(u64::MAX), Constraint::MaxValue(*max)),
            fault(json!(1.5), Constraint::Type("an integer")),
            fault(json!("abc"), Constraint::Type("an integer")),
            fault(json!(""), Constraint::Type("an integer")),
        ],
        Shape::Boolean => vec![fault(json!("true"), Constraint::Type("a boolean"))],
        Shape::Timestamp => vec![
            fault(json!("2024-01-01T00:00:00Z"), Constraint::Type("a number of seconds since 1970")),
            fault(json!(1e300), Constraint::TimeRange),
            fault(json!(-8_334_601_228_801_i64), Constraint::TimeRange),
        ],
        Shape::List { member, length } => {
            let mut faults = lengths(*length, |elements| json!(vec![value(member); elements]));
            faults.push(fault(json!({}), Constraint::Type("a list")));
            faults.extend(self::faults(member).into_iter().map(|inner| Fault {
                value: json!([value(member), inner.value]),
                at: format!(".2.member{}", inner.at),
                constraint: inner.constraint,
            }));
            faults
        }
        Shape::Map { key, value: entry, length } => {
            let mut faults =
                lengths(*length, |entries| (0..entries).map(|number| (format!("k{number}"), value(entry))).collect());
            faults.push(fault(json!([]), Constraint::Type("an object")));
            faults.extend(self::faults(key).into_iter().filter_map(|inner| {
                let name = inner.value.as_str()?.to_owned();
                Some(fault(json!({ name: value(entry) }), Constraint::Key(Box::new(inner.constraint))))
            }));
            faults.extend(self::faults(entry).into_iter().map(|inner| {
                let name = as_text(&value(key));
                fault(json!({ name: inner.value }), Constraint::Value(Box::new(inner.constraint)))
            }));
            faults
        }
        Shape::Structure(members) => {
            let mut faults = vec![fault(json!("text"), Constraint::Type("an object"))];
            for member in *members {
                faults.extend(member_faults(member, value(shape)));
            }
            faults
        }
    };
    faults.push(fault(Value::Null, Constraint::Required));
    faults
}

fn member_faults(member: &Member, whole: Value) -> Vec<Fault> {
    let mut faults = self::faults(member.shape);
    // `null` is absence, and that is a fault of required members only.
    faults.retain(|inner| !inner.value.is_null() || member.required);
    let faults = faults.into_iter().map(|inner| {
        let mut whole = whole.clone();
        whole[member.name] = inner.value;
        Fault { value: whole, at: format!(".{}{}", member.name, inner.at), constraint: inner.constraint }
    });
    faults.collect()
}

fn lengths(length: Length, make: impl Fn(usize) -> Value) -> Vec<Fault> {
    let short = length.min.checked_sub(1).map(|short| fault(make(short), Constraint::MinLength(length.min)));
    let long = length.max.map(|max| fault(make(max + 1), Constraint::MaxLength(max)));
    short.into_iter().chain(long).collect()
}

fn fault(value: Value, constraint: Constraint) -> Fault {
    Fault { value, at: String::new(), constraint }
}
