//! Answers held against the API's public model, in botocore's `service-2.json`, which `AMPLIFY_MODEL` names.

use std::io::{self, Write as _};

use fancy_regex::Regex;
use serde_json::Value;

/// AWS leaves it out of a step that runs, though the model requires it.
const EXPECTED_ABSENT: [(&str, &str); 1] = [("Step", "endTime")];
/// AWS answers it of a branch without a stage, though the model does not know it.
const EXPECTED_VALUES: [(&str, &str); 1] = [("Stage", "NONE")];
/// Times are seconds, with or without a fraction: milliseconds would be tens of thousands of years away.
const CENTURY: std::ops::Range<f64> = 1.5e9..4.6e9;

pub(crate) struct Model(Value);

impl Model {
    /// The model. Without one a test says so, and passes unless `AMPLIFY_MODEL_REQUIRED=1`.
    pub(crate) fn named() -> Option<Self> {
        let required = std::env::var("AMPLIFY_MODEL_REQUIRED").is_ok_and(|required| required == "1");
        let named = std::env::var_os("AMPLIFY_MODEL");
        assert!(!required || named.is_some(), "AMPLIFY_MODEL_REQUIRED=1, but there is no model");
        let Some(path) = named else {
            // `eprintln!` would be captured.
            let skipped = "SKIPPED: answers are not held against the public model, for want of AMPLIFY_MODEL";
            writeln!(io::stderr(), "{skipped}").expect("standard error is open");
            return None;
        };
        let text = std::fs::read(path).expect("AMPLIFY_MODEL names a readable file");
        Some(Self(serde_json::from_slice(&text).expect("the model is JSON")))
    }

    /// What of an operation's answer is not as the model has it.
    pub(crate) fn complaints(&self, operation: &str, answer: &Value) -> Vec<String> {
        let output = &self.0["operations"][operation]["output"]["shape"];
        let mut complaints = Vec::new();
        self.complain(operation, answer, text(output), &mut complaints);
        complaints
    }

    fn complain(&self, at: &str, value: &Value, name: &str, complaints: &mut Vec<String>) {
        let shape = &self.0["shapes"][name];
        let kind = text(&shape["type"]);
        let fits = match kind {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" | "long" => value.is_i64(),
            "timestamp" => value.as_f64().is_some_and(|seconds| CENTURY.contains(&seconds)),
            "list" => value.is_array(),
            "map" | "structure" => value.is_object(),
            other => panic!("{at}: the model has a type {other}"),
        };
        if !fits {
            complaints.push(format!("{at} is {value}, not a {kind}"));
            return;
        }
        let allowed = shape["enum"].as_array().is_none_or(|values| values.contains(value));
        if !allowed && !EXPECTED_VALUES.contains(&(name, text(value))) {
            complaints.push(format!("{at} is {value}, which is not in {}", shape["enum"]));
        }
        match kind {
            "string" => self.complain_of_text(at, text(value), name, complaints),
            "list" => {
                for element in value.as_array().into_iter().flatten() {
                    self.complain(&format!("{at}[]"), element, text(&shape["member"]["shape"]), complaints);
                }
            }
            "map" => {
                for entry in value.as_object().into_iter().flat_map(|entries| entries.values()) {
                    self.complain(&format!("{at}{{}}"), entry, text(&shape["value"]["shape"]), complaints);
                }
            }
            "structure" => self.complain_of_members(at, value, name, complaints),
            _ => {}
        }
    }

    fn complain_of_text(&self, at: &str, value: &str, name: &str, complaints: &mut Vec<String>) {
        let shape = &self.0["shapes"][name];
        let length = value.chars().count() as u64;
        let (min, max) = (shape["min"].as_u64().unwrap_or(0), shape["max"].as_u64().unwrap_or(u64::MAX));
        if shape["enum"].is_null() && !(min..=max).contains(&length) {
            complaints.push(format!("{at} is {value:?}, not {min} to {max} characters long"));
        }
        let matches = shape["pattern"].as_str().is_none_or(|pattern| {
            let whole = Regex::new(&format!(r"\A(?:{pattern})\z")).expect("the model's patterns compile");
            whole.is_match(value).expect("the model's patterns are simple")
        });
        if !matches {
            complaints.push(format!("{at} is {value:?}, which is not like {}", shape["pattern"]));
        }
    }

    fn complain_of_members(&self, at: &str, value: &Value, name: &str, complaints: &mut Vec<String>) {
        let shape = &self.0["shapes"][name];
        for required in shape["required"].as_array().into_iter().flatten().map(text) {
            if value.get(required).is_none() && !EXPECTED_ABSENT.contains(&(name, required)) {
                complaints.push(format!("{at}.{required} is missing"));
            }
        }
        for (member, value) in value.as_object().into_iter().flatten() {
            match shape["members"].get(member) {
                Some(known) => self.complain(&format!("{at}.{member}"), value, text(&known["shape"]), complaints),
                None => complaints.push(format!("{at}.{member} is not in the model")),
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn what_is_not_as_the_model_has_it_is_told() {
    let Some(model) = Model::named() else { return };
    let summary = serde_json::json!({
        "jobArn": 7, "jobId": "x", "commitId": "c".repeat(256), "commitMessage": "", "commitTime": 1_767_258_000_123_i64,
        "startTime": "2026-01-01T00:00:00Z", "status": "SUCCEEDED", "sourceUrl": null, "mood": "good",
    });
    let mut complaints = model.complaints("StopJob", &serde_json::json!({ "jobSummary": summary }));
    for words in [
        "jobType is missing",
        "jobArn is 7",
        "jobId is \"x\", which is not like",
        "commitId is \"ccc",
        "commitTime is",
        "startTime is",
        "status is",
        "sourceUrl is null",
        "mood is not in",
    ] {
        let told = complaints.iter().position(|complaint| complaint.contains(&format!("StopJob.jobSummary.{words}")));
        complaints.remove(told.unwrap_or_else(|| panic!("{words}: {complaints:?}")));
    }
    assert!(complaints.is_empty(), "{complaints:?}");
}
