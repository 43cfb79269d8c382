//! What a shape is: the type of a member and its constraints, as data.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

/// A named member of an operation's input or of a structure.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// The name on the wire, in path, query and JSON alike.
    pub name: &'static str,
    /// Whether a request without it is refused.
    pub required: bool,
    /// What its value must look like.
    pub shape: &'static Shape,
}

/// The type of a value and the constraints on it.
#[derive(Debug)]
pub enum Shape {
    /// A JSON string.
    String {
        /// How many Unicode scalar values it has.
        length: Length,
        /// What the whole of it must match.
        pattern: Option<&'static Pattern>,
    },
    /// A JSON string that is one of these.
    Enum(&'static [&'static str]),
    /// A JSON number without a fraction.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// Seconds since 1970 as a JSON number, with or without a fraction.
    Timestamp,
    /// A JSON array.
    List {
        /// The shape of every element.
        member: &'static Self,
        /// How many elements it has.
        length: Length,
    },
    /// A JSON object whose keys the sender chooses.
    Map {
        /// The shape of every key.
        key: &'static Self,
        /// The shape of every value.
        value: &'static Self,
        /// How many entries it has.
        length: Length,
    },
    /// A JSON object with these members.
    Structure(&'static [Member]),
}

/// How long a string, list or map may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// The least length.
    pub min: usize,
    /// The greatest length, where there is one.
    pub max: Option<usize>,
}

/// A regular expression that a whole string must match.
///
/// `\d` means any Unicode digit to the `regex` crate, and look-ahead means nothing to it, so a pattern may be checked in
/// other words than it is shown in.
#[derive(Debug)]
pub struct Pattern {
    shown: &'static str,
    regex: &'static str,
    forbidden_prefix: Option<&'static str>,
    compiled: OnceLock<Regex>,
}

pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: true, shape }
}

pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: false, shape }
}

pub(super) const fn string(min: usize, max: usize) -> Shape {
    Shape::String { length: Length { min, max: Some(max) }, pattern: None }
}

pub(super) const fn string_like(min: usize, max: usize, pattern: &'static Pattern) -> Shape {
    Shape::String { length: Length { min, max: Some(max) }, pattern: Some(pattern) }
}

impl Length {
    /// Any length.
    pub const ANY: Self = Self { min: 0, max: None };

    /// At most `max`.
    #[must_use]
    pub const fn up_to(max: usize) -> Self {
        Self { min: 0, max: Some(max) }
    }
}

impl Pattern {
    /// A pattern that is checked as it is shown.
    pub(super) const fn new(regex: &'static str) -> Self {
        Self { shown: regex, regex, forbidden_prefix: None, compiled: OnceLock::new() }
    }

    /// The same pattern in the words of the API's model.
    pub(super) const fn shown_as(mut self, shown: &'static str) -> Self {
        self.shown = shown;
        self
    }

    /// The same pattern, but nothing that starts like this.
    pub(super) const fn forbidding_prefix(mut self, prefix: &'static str) -> Self {
        self.forbidden_prefix = Some(prefix);
        self
    }

    /// The pattern in the words of the API's model.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.shown
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let forbidden = self.forbidden_prefix.is_some_and(|prefix| text.starts_with(prefix));
        !forbidden && self.compiled().is_match(text)
    }

    fn compiled(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            // In the model's dialect the dot stops at a carriage return too.
            RegexBuilder::new(&format!(r"\A(?:{})\z", self.regex))
                .crlf(true)
                .build()
                .expect("patterns are constants, and a test compiles every one of them")
        })
    }
}
