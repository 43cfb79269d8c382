//! Compares the table with the API's public model, in botocore's `service-2.json`.
//!
//! The model is looked for in the file that `AMPLIFY_MODEL` names, then in the botocore that `python3` finds. Without one
//! the test says so and passes. A botocore that merely happens to be installed may be older or newer than the table, so
//! its differences are told and nothing more. `AMPLIFY_MODEL_REQUIRED=1` makes failures of both.

use core::fmt::Debug;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use windlass_http::operations::{Length, Member, Operation, Pattern, Shape};

const PRINT_MODEL: &str = r#"
import glob, gzip, os, sys, botocore
folder = os.path.join(os.path.dirname(botocore.__file__), "data", "amplify", "2017-07-25")
file = glob.glob(os.path.join(folder, "service-2.json*"))[0]
with (gzip.open if file.endswith(".gz") else open)(file, "rb") as model:
    sys.stdout.buffer.write(model.read())
"#;

/// The model that `AMPLIFY_MODEL` names, for tests that make their cases from it. Without one they say so and pass.
pub(crate) fn named() -> Option<Value> {
    let required = env::var("AMPLIFY_MODEL_REQUIRED").is_ok_and(|required| required == "1");
    let Some(path) = env::var_os("AMPLIFY_MODEL") else {
        assert!(!required, "AMPLIFY_MODEL_REQUIRED=1, but there is no model");
        tell("SKIPPED: no case is made from the public model, for want of AMPLIFY_MODEL");
        return None;
    };
    let model = fs::read(path).expect("AMPLIFY_MODEL names a readable file");
    Some(serde_json::from_slice(&model).expect("the model is JSON"))
}

#[test]
fn the_table_says_what_the_public_model_says() {
    let required = env::var("AMPLIFY_MODEL_REQUIRED").is_ok_and(|required| required == "1");
    let named = env::var_os("AMPLIFY_MODEL");
    let model = match &named {
        Some(path) => Some(fs::read(path).expect("AMPLIFY_MODEL names a readable file")),
        None => installed_model(),
    };
    let Some(model) = model else {
        assert!(!required, "AMPLIFY_MODEL_REQUIRED=1, but there is no model");
        tell("SKIPPED: the table is not compared with the public model, for want of AMPLIFY_MODEL and botocore");
        return;
    };
    let model = serde_json::from_slice(&model).expect("the model is JSON");

    let differences = differences(&model);
    let told = format!("the table and the public model differ:\n{}", differences.join("\n"));
    assert!(differences.is_empty() || (named.is_none() && !required), "{told}");
    if !differences.is_empty() {
        tell(&format!("NOT FATAL, for this model is just the one installed: {told}"));
    }
}

fn differences(model: &Value) -> Vec<String> {
    let mut comparison = Comparison { model, differences: Vec::new() };
    let shared: Vec<_> = Operation::ALL.into_iter().filter(|operation| !operation.is_extension()).collect();
    let ours: BTreeSet<_> = shared.iter().map(|operation| operation.definition().name).collect();
    let theirs = model["operations"].as_object().into_iter().flatten();
    comparison.same("API", "operations", ours, theirs.map(|(name, _)| name.as_str()).collect());
    for operation in shared {
        comparison.operation(operation);
    }
    comparison.differences
}

/// Tells it even though the test passes: `eprintln!` would be captured.
fn tell(message: &str) {
    writeln!(io::stderr(), "{message}").expect("standard error is open");
}

fn installed_model() -> Option<Vec<u8>> {
    let model = Command::new("python3").args(["-c", PRINT_MODEL]).output().ok()?;
    model.status.success().then_some(model.stdout)
}

struct Comparison<'a> {
    model: &'a Value,
    differences: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn operation(&mut self, operation: Operation) {
        let definition = operation.definition();
        let theirs = &self.model["operations"][definition.name];
        self.same(definition.name, "method", definition.method.as_str(), text(&theirs["http"]["method"]));
        self.same(definition.name, "path", definition.path, text(&theirs["http"]["requestUri"]));

        let input = &self.model["shapes"][text(&theirs["input"]["shape"])];
        self.same(definition.name, "payload", &Value::Null, &input["payload"]);
        let locations = [
            ("uri", definition.labels().collect::<Vec<_>>()),
            ("querystring", definition.query.iter().collect()),
            ("body", definition.body.iter().collect()),
        ];
        for (location, members) in &locations {
            for member in members {
                let theirs = &input["members"][member.name];
                let at = format!("{}.{}", definition.name, member.name);
                self.same(&at, "location", *location, theirs["location"].as_str().unwrap_or("body"));
                self.same(&at, "name", member.name, theirs["locationName"].as_str().unwrap_or(member.name));
            }
        }
        let members: Vec<_> = locations.into_iter().flat_map(|(_, members)| members).collect();
        self.members(definition.name, &members, input);
    }

    fn members(&mut self, at: &str, ours: &[&Member], theirs: &'a Value) {
        let names: BTreeSet<_> = ours.iter().map(|member| member.name).collect();
        let members = theirs["members"].as_object().into_iter().flatten();
        self.same(at, "members", names, members.map(|(name, _)| name.as_str()).collect());

        let required: BTreeSet<_> = ours.iter().filter(|member| member.required).map(|member| member.name).collect();
        self.same(at, "required", required, theirs["required"].as_array().into_iter().flatten().map(text).collect());

        for member in ours {
            self.shape(&format!("{at}.{}", member.name), member.shape, &theirs["members"][member.name]);
        }
    }

    fn shape(&mut self, at: &str, ours: &Shape, reference: &'a Value) {
        let theirs = &self.model["shapes"][text(&reference["shape"])];
        let their_type = text(&theirs["type"]);
        match ours {
            Shape::String { length, pattern } => {
                self.same(at, "type", "string", their_type);
                self.same(at, "values", &Value::Null, &theirs["enum"]);
                self.same(at, "length", *length, length_of(theirs));
                self.same(at, "pattern", pattern.map(Pattern::as_str), significant_pattern(theirs));
            }
            Shape::Enum(values) => {
                self.same(at, "type", "string", their_type);
                self.same(at, "values", &Value::from(values.to_vec()), &theirs["enum"]);
                self.same(at, "pattern", None, significant_pattern(theirs));
                let Length { min, max } = length_of(theirs);
                let fits = |value: &&str| value.len() >= min && max.is_none_or(|max| value.len() <= max);
                self.same(at, "length", true, values.iter().all(fits));
            }
            Shape::Integer { min, max } => {
                self.same(at, "type", "integer", their_type);
                self.same(at, "range", (Some(*min), Some(*max)), (integer(theirs, "min"), integer(theirs, "max")));
            }
            Shape::Boolean => self.same(at, "type", "boolean", their_type),
            Shape::Timestamp => {
                self.same(at, "type", "timestamp", their_type);
                self.same(at, "format", &Value::Null, &theirs["timestampFormat"]);
            }
            Shape::List { member, length } => {
                self.same(at, "type", "list", their_type);
                self.same(at, "length", *length, length_of(theirs));
                self.shape(&format!("{at}[]"), member, &theirs["member"]);
            }
            Shape::Map { key, value, length } => {
                self.same(at, "type", "map", their_type);
                self.same(at, "length", *length, length_of(theirs));
                self.shape(&format!("{at}[key]"), key, &theirs["key"]);
                self.shape(&format!("{at}[value]"), value, &theirs["value"]);
            }
            Shape::Structure(members) => {
                self.same(at, "type", "structure", their_type);
                self.members(at, &members.iter().collect::<Vec<_>>(), theirs);
            }
        }
    }

    fn same<T: PartialEq + Debug>(&mut self, at: &str, what: &str, ours: T, theirs: T) {
        if ours != theirs {
            self.differences.push(format!("{at}: our {what} is {ours:?}, theirs is {theirs:?}"));
        }
    }
}

/// The pattern, unless it says no more than the length does.
fn significant_pattern(shape: &Value) -> Option<&str> {
    let pattern = shape["pattern"].as_str()?;
    let idle = pattern == "(?s).*" || (pattern == "(?s).+" && length_of(shape).min >= 1);
    (!idle).then_some(pattern)
}

fn length_of(shape: &Value) -> Length {
    let bound = |name| integer(shape, name).and_then(|bound| usize::try_from(bound).ok());
    Length { min: bound("min").unwrap_or(0), max: bound("max") }
}

fn integer(shape: &Value, name: &str) -> Option<i64> {
    shape[name].as_i64()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
