//! Reading a tree key by key: every error and every warning says where.

use crate::node::{Kind, Node};
use crate::{Origin, SpecError, SpecFault};

/// A place in the text, and the keys that led there.
#[derive(Clone, Debug)]
pub(crate) struct At<'n> {
    pub(crate) node: &'n Node,
    pub(crate) key: String,
}

impl<'n> At<'n> {
    pub(crate) fn new(node: &'n Node) -> Self {
        Self { node, key: String::new() }
    }

    pub(crate) fn error(&self, fault: SpecFault) -> SpecError {
        let (line, column) = (Some(self.node.line), Some(self.node.column));
        SpecError { origin: Origin::File, line, column, key: self.key.clone(), fault }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.node.kind, Kind::Null)
    }

    /// The entries of a mapping; none of nothing.
    pub(crate) fn entries(&self, expected: &'static str) -> Result<Vec<(&'n str, Self)>, SpecError> {
        match &self.node.kind {
            Kind::Null => Ok(Vec::new()),
            Kind::Map(entries) => Ok(entries.iter().map(|(key, node)| (key.as_str(), self.below(key, node))).collect()),
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::List(_) => Err(self.unexpected(expected)),
        }
    }

    /// The items of a list; none of nothing. A text alone is a list of one.
    pub(crate) fn items(&self, expected: &'static str) -> Result<Vec<Self>, SpecError> {
        match &self.node.kind {
            Kind::Null => Ok(Vec::new()),
            Kind::Text(_) => Ok(vec![self.clone()]),
            Kind::List(items) => {
                let at = |(index, node)| Self { node, key: format!("{}[{index}]", self.key) };
                Ok(items.iter().enumerate().map(at).collect())
            }
            Kind::Number(_) | Kind::Boolean(_) | Kind::Map(_) => Err(self.unexpected(expected)),
        }
    }

    /// A scalar as it was written; nothing if there is none.
    pub(crate) fn text(&self, expected: &'static str) -> Result<Option<&'n str>, SpecError> {
        match &self.node.kind {
            Kind::Null => Ok(None),
            Kind::Text(text) | Kind::Number(text) | Kind::Boolean(text) => {
                if text.contains('\0') {
                    Err(self.error(SpecFault::Nul))
                } else {
                    Ok(Some(text))
                }
            }
            Kind::List(_) | Kind::Map(_) => Err(self.unexpected(expected)),
        }
    }

    pub(crate) fn yes_or_no(&self) -> Result<bool, SpecError> {
        let text = self.text("yes or no")?.unwrap_or("no");
        match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" => Ok(true),
            "no" | "false" | "off" => Ok(false),
            _ => Err(self.error(SpecFault::YesOrNo { found: text.to_owned() })),
        }
    }

    pub(crate) fn unexpected(&self, expected: &'static str) -> SpecError {
        self.error(SpecFault::Unexpected { expected, found: self.node.found() })
    }

    fn below(&self, key: &str, node: &'n Node) -> Self {
        // Anything can be a key. What is told of it is one line that ends.
        let told: String = key.chars().filter(|c| !c.is_control()).take(100).collect();
        let key = if self.key.is_empty() { told } else { format!("{}.{told}", self.key) };
        Self { node, key }
    }
}

/// What is told of a build specification that can be followed all the same.
#[derive(Debug, Default)]
pub(crate) struct Warnings(pub(crate) Vec<String>);

impl Warnings {
    /// A key that says nothing here.
    pub(crate) fn unknown(&mut self, at: &At<'_>, known: &str) {
        // AWS once read them here, and files that say so are still about.
        if at.key.ends_with("customHeaders") {
            self.add(at, "headers are not read from here, but from customHttp.yml or the app's customHeaders");
        } else {
            self.add(at, format_args!("this key is not known here and is ignored; known are {known}"));
        }
    }

    pub(crate) fn add(&mut self, at: &At<'_>, what: impl core::fmt::Display) {
        self.0.push(format!("line {}: {}: {what}", at.node.line, at.key));
    }
}
