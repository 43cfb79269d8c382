//! Checks values against their shapes, and collects what is wrong with them.
//!
//! It descends as deep as the shapes do, however deep the data are.

use core::fmt;

use chrono::DateTime;
use serde_json::{Map, Value};

use super::shape::{Length, Member, Pattern, Shape};
use super::violation::{Constraint, Failure, Violation};

/// As many failures as one answer names.
const MOST_FAILURES: usize = 10;

/// The way to a value, written as AWS does.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'a> {
    Top(&'static str),
    Member(&'a Self, &'static str),
    Element(&'a Self, usize),
}

/// Collects the failures of one request.
#[derive(Debug, Default)]
pub(super) struct Checker {
    failures: Vec<Failure>,
}

impl Checker {
    /// Adds to `into` what was given for a member, if it was given and fits.
    pub(super) fn member(
        &mut self,
        member: &Member,
        at: At<'_>,
        given: Result<Option<Value>, Constraint>,
        into: &mut Map<String, Value>,
    ) {
        match given {
            Ok(None | Some(Value::Null)) if member.required => self.fail(at, Constraint::Required),
            Ok(None | Some(Value::Null)) => {}
            Ok(Some(value)) => {
                let value = self.value(member.shape, value, at);
                into.insert(member.name.to_owned(), value);
            }
            Err(constraint) => self.fail(at, constraint),
        }
    }

    /// Everything that was checked, if nothing failed.
    pub(super) fn finish(self, input: Map<String, Value>) -> Result<Map<String, Value>, Violation> {
        if self.failures.is_empty() { Ok(input) } else { Err(Violation::Members(self.failures)) }
    }

    /// The value without what its shape does not know. If it does not fit, a failure is noted and nobody sees the value.
    fn value(&mut self, shape: &Shape, value: Value, at: At<'_>) -> Value {
        if value.is_null() {
            return self.refuse(at, Constraint::Required);
        }
        match shape {
            Shape::String { length, pattern } => self.string(*length, *pattern, value, at),
            Shape::Enum(values) => self.one_of(values, value, at),
            Shape::Integer { min, max } => self.integer(*min, *max, value, at),
            Shape::Boolean if value.is_boolean() => value,
            Shape::Boolean => self.refuse(at, Constraint::Type("a boolean")),
            Shape::Timestamp => self.timestamp(value, at),
            Shape::List { member, length } => self.list(*length, member, value, at),
            Shape::Map { key, value: entry, length } => self.map(*length, key, entry, value, at),
            Shape::Structure(members) => self.structure(members, value, at),
        }
    }

    fn string(&mut self, length: Length, pattern: Option<&'static Pattern>, value: Value, at: At<'_>) -> Value {
        let Value::String(text) = value else {
            return self.refuse(at, Constraint::Type("a string"));
        };
        self.length(length, text.chars().count(), at);
        match pattern {
            Some(pattern) if !pattern.matches(&text) => self.refuse(at, Constraint::Pattern(pattern.as_str())),
            Some(_) | None => Value::String(text),
        }
    }

    fn one_of(&mut self, values: &'static [&'static str], value: Value, at: At<'_>) -> Value {
        let Value::String(text) = value else {
            return self.refuse(at, Constraint::Type("a string"));
        };
        if values.contains(&text.as_str()) { Value::String(text) } else { self.refuse(at, Constraint::Values(values)) }
    }

    fn integer(&mut self, min: i64, max: i64, value: Value, at: At<'_>) -> Value {
        match value.as_i64() {
            Some(integer) if integer < min => self.refuse(at, Constraint::MinValue(min)),
            Some(integer) if integer > max => self.refuse(at, Constraint::MaxValue(max)),
            Some(_) => value,
            None if value.is_u64() => self.refuse(at, Constraint::MaxValue(max)),
            None => self.refuse(at, Constraint::Type("an integer")),
        }
    }

    fn timestamp(&mut self, value: Value, at: At<'_>) -> Value {
        let Some(seconds) = value.as_f64() else {
            return self.refuse(at, Constraint::Type("a number of seconds since 1970"));
        };
        // The cast takes a number that is too large to the largest `i64`, which is out of range as well.
        if seconds.is_finite() && DateTime::from_timestamp(seconds.floor() as i64, 0).is_some() {
            value
        } else {
            self.refuse(at, Constraint::TimeRange)
        }
    }

    fn list(&mut self, length: Length, shape: &Shape, value: Value, at: At<'_>) -> Value {
        let Value::Array(elements) = value else {
            return self.refuse(at, Constraint::Type("a list"));
        };
        self.length(length, elements.len(), at);
        let elements = elements.into_iter().enumerate();
        elements.map(|(index, element)| self.value(shape, element, At::Element(&at, index))).collect()
    }

    fn map(&mut self, length: Length, key: &Shape, entry: &Shape, value: Value, at: At<'_>) -> Value {
        let Value::Object(entries) = value else {
            return self.refuse(at, Constraint::Type("an object"));
        };
        self.length(length, entries.len(), at);
        let mut checked = Map::new();
        for (name, value) in entries {
            let mut keys = Self::default();
            keys.value(key, Value::String(name.clone()), at);
            self.adopt(keys, Constraint::Key, at);

            let mut values = Self::default();
            let value = values.value(entry, value, at);
            self.adopt(values, Constraint::Value, at);
            checked.insert(name, value);
        }
        Value::Object(checked)
    }

    fn structure(&mut self, members: &[Member], value: Value, at: At<'_>) -> Value {
        let Value::Object(mut given) = value else {
            return self.refuse(at, Constraint::Type("an object"));
        };
        let mut checked = Map::new();
        for member in members {
            self.member(member, At::Member(&at, member.name), Ok(given.remove(member.name)), &mut checked);
        }
        Value::Object(checked)
    }

    fn length(&mut self, length: Length, actual: usize, at: At<'_>) {
        if actual < length.min {
            self.fail(at, Constraint::MinLength(length.min));
        }
        if let Some(max) = length.max.filter(|max| actual > *max) {
            self.fail(at, Constraint::MaxLength(max));
        }
    }

    fn adopt(&mut self, other: Self, wrap: fn(Box<Constraint>) -> Constraint, at: At<'_>) {
        for failure in other.failures {
            self.fail(at, wrap(Box::new(failure.constraint)));
        }
    }

    fn refuse(&mut self, at: At<'_>, constraint: Constraint) -> Value {
        self.fail(at, constraint);
        Value::Null
    }

    fn fail(&mut self, at: At<'_>, constraint: Constraint) {
        if self.failures.len() == MOST_FAILURES {
            return;
        }
        let failure = Failure { member: at.to_string(), constraint };
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top(name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Element(parent, index) => write!(f, "{parent}.{}.member", index + 1),
        }
    }
}
