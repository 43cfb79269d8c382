//! Requests and values made from the API's public model alone, without a look at the table.

use fancy_regex::Regex;
use http::Method;
use serde_json::{Map, Value, json};

use crate::sample::encoded;

/// The model, read as botocore lays it out.
pub(crate) struct Public(pub(crate) Value);

/// Where a member travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Label,
    Query,
    Body,
}

/// A request of which each member can still be changed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) method: Method,
    path: String,
    /// The members with their places: as text in path and query, as JSON in the body.
    pub(crate) members: Vec<(String, Place, Value)>,
}

/// Something that a shape does not allow.
#[derive(Debug, Clone)]
pub(crate) struct Breach {
    pub(crate) value: Value,
    /// The way to what is wrong with it, as the server tells it.
    pub(crate) at: String,
    /// The constraint that it breaks.
    pub(crate) constraint: &'static str,
}

impl Public {
    pub(crate) fn operations(&self) -> impl Iterator<Item = &String> {
        self.0["operations"].as_object().into_iter().flat_map(Map::keys)
    }

    pub(crate) fn input(&self, operation: &str) -> &str {
        text(&self.0["operations"][operation]["input"]["shape"])
    }

    /// A request that the model allows, with these of the members that it does not require.
    pub(crate) fn draft(&self, operation: &str, optional: bool) -> Draft {
        let http = &self.0["operations"][operation]["http"];
        let mut members = Vec::new();
        for (name, place, shape) in self.members(self.input(operation)) {
            if optional || self.is_required(self.input(operation), &name) {
                members.push((name, place, self.valid(&shape)));
            }
        }
        let method = text(&http["method"]).parse().expect("a method");
        Draft { method, path: text(&http["requestUri"]).to_owned(), members }
    }

    /// The members of a structure: name, place and shape.
    pub(crate) fn members(&self, structure: &str) -> Vec<(String, Place, String)> {
        let members = self.0["shapes"][structure]["members"].as_object().into_iter().flatten();
        let members = members.map(|(name, member)| {
            let place = match member["location"].as_str() {
                Some("uri") => Place::Label,
                Some("querystring") => Place::Query,
                None => Place::Body,
                Some(other) => panic!("{name} travels in the {other}"),
            };
            (name.clone(), place, text(&member["shape"]).to_owned())
        });
        members.collect()
    }

    pub(crate) fn is_required(&self, structure: &str, member: &str) -> bool {
        self.0["shapes"][structure]["required"].as_array().is_some_and(|required| required.contains(&json!(member)))
    }

    /// A small value that the model allows.
    pub(crate) fn valid(&self, name: &str) -> Value {
        let shape = &self.0["shapes"][name];
        match text(&shape["type"]) {
            "string" => json!(self.text(name)),
            "integer" => json!(shape["min"].as_i64().unwrap_or(0)),
            "boolean" => json!(true),
            "timestamp" => json!(1_700_000_000.5),
            "list" => json!([self.valid(text(&shape["member"]["shape"]))]),
            "map" => json!({ self.text(text(&shape["key"]["shape"])): self.valid(text(&shape["value"]["shape"])) }),
            "structure" => self.members(name).into_iter().map(|(name, _, shape)| (name, self.valid(&shape))).collect(),
            other => panic!("{name} is of the type {other}"),
        }
    }

    fn text(&self, name: &str) -> String {
        let shape = &self.0["shapes"][name];
        if let Some(values) = shape["enum"].as_array() {
            return text(&values[0]).to_owned();
        }
        let seeds = [
            "abc",
            "d1",
            "1",
            "a.aa",
            "https://x",
            "arn:aws:cloudformation:us-east-1:000000000000:stack/a/b",
            "arn:aws:iam::000000000000:role/r",
            "arn:aws:acm:us-east-1:000000000000:certificate/c",
            "arn:aws:amplify:",
        ];
        let fits = |seed: &&str| {
            let least = shape["min"].as_u64().unwrap_or(0);
            self.matches(name, seed) && seed.len() as u64 >= least
        };
        seeds.into_iter().find(fits).unwrap_or_else(|| panic!("no seed fits {name}: {shape}")).to_owned()
    }

    /// Whether a text as a whole matches a shape's pattern.
    fn matches(&self, name: &str, text: &str) -> bool {
        self.0["shapes"][name]["pattern"].as_str().is_none_or(|pattern| {
            let whole = Regex::new(&format!(r"\A(?:{pattern})\z")).expect("the model's patterns compile");
            whole.is_match(text).expect("the model's patterns are simple")
        })
    }

    /// One value for each constraint of a shape, which breaks it.
    pub(crate) fn breaches(&self, name: &str) -> Vec<Breach> {
        let shape = &self.0["shapes"][name];
        let kind = text(&shape["type"]);
        let mut breaches = vec![breach(Value::Null, "null")];
        let wrong = [json!("text"), json!(7), json!(1.5), json!(true), json!([]), json!({})];
        breaches.extend(wrong.into_iter().filter(|value| !is_of(kind, value)).map(|value| breach(value, "type")));
        match kind {
            "string" => breaches.extend(self.text_breaches(name)),
            "integer" => breaches.extend(bounds(shape, |bound| json!(bound))),
            "timestamp" => breaches.push(breach(json!(1e300), "range")),
            "list" => {
                let member = text(&shape["member"]["shape"]);
                breaches.extend(bounds(shape, |length| {
                    Value::Array(vec![self.valid(member); usize::try_from(length).expect("a length")])
                }));
                breaches.extend(self.breaches(member).into_iter().map(|inner| Breach {
                    value: json!([self.valid(member), inner.value]),
                    at: format!(".2.member{}", inner.at),
                    ..inner
                }));
            }
            "map" => breaches.extend(self.map_breaches(shape)),
            "structure" => breaches.extend(self.member_breaches(name)),
            _ => {}
        }
        breaches
    }

    fn text_breaches(&self, name: &str) -> Vec<Breach> {
        let shape = &self.0["shapes"][name];
        let mut breaches = bounds(shape, |length| json!("1".repeat(usize::try_from(length).expect("a length"))));
        if let Some(values) = shape["enum"].as_array() {
            let others = ["NO_SUCH_VALUE".to_owned(), text(&values[0]).to_lowercase(), String::new()];
            breaches.extend(others.map(|value| breach(json!(value), "enum")));
        }
        // A pattern that the length says as well is broken by a length.
        let least = usize::try_from(shape["min"].as_u64().unwrap_or(1)).expect("a length");
        let texts = ["\n", "!"].map(|text| text.repeat(least));
        breaches.extend(
            texts.into_iter().find(|text| !self.matches(name, text)).map(|text| breach(json!(text), "pattern")),
        );
        breaches
    }

    /// A map is named as a whole, whatever is wrong in it.
    fn map_breaches(&self, shape: &Value) -> Vec<Breach> {
        let (key, entry) = (text(&shape["key"]["shape"]), text(&shape["value"]["shape"]));
        let mut breaches =
            bounds(shape, |length| (0..length).map(|number| (format!("k{number}"), self.valid(entry))).collect());
        let keys = self.breaches(key).into_iter().filter_map(|inner| {
            let name = inner.value.as_str()?.to_owned();
            (inner.constraint != "type").then(|| Breach { value: json!({ name: self.valid(entry) }), ..inner })
        });
        breaches.extend(keys);
        let values = self.breaches(entry).into_iter();
        breaches.extend(values.map(|inner| Breach { value: json!({ self.text(key): inner.value }), ..inner }));
        breaches
    }

    fn member_breaches(&self, structure: &str) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (name, _, shape) in self.members(structure) {
            for inner in self.breaches(&shape) {
                // To leave a member out is to give `null`, and breaks something only where it is required.
                if inner.at.is_empty() && inner.value.is_null() && !self.is_required(structure, &name) {
                    continue;
                }
                let mut value = self.valid(structure);
                value[&name] = inner.value;
                breaches.push(Breach { value, at: format!(".{name}{}", inner.at), ..inner });
            }
            if self.is_required(structure, &name) {
                let mut value = self.valid(structure);
                value.as_object_mut().expect("a structure").remove(&name);
                breaches.push(Breach { value, at: format!(".{name}"), constraint: "required" });
            }
        }
        breaches
    }
}

impl Draft {
    pub(crate) fn target(&self) -> String {
        let of = |wanted: Place| self.members.iter().filter(move |(_, place, _)| *place == wanted);
        let path = of(Place::Label).fold(self.path.clone(), |path, (name, _, value)| {
            path.replace(&format!("{{{name}}}"), &encoded(&as_text(value)))
        });
        let query = of(Place::Query).flat_map(|(name, _, value)| {
            let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            elements.iter().map(move |element| format!("{name}={}", encoded(&as_text(element))))
        });
        format!("{path}?{}", query.collect::<Vec<_>>().join("&"))
    }

    pub(crate) fn body(&self) -> String {
        let body = self.members.iter().filter(|(_, place, _)| *place == Place::Body);
        Value::Object(body.map(|(name, _, value)| (name.clone(), value.clone())).collect()).to_string()
    }

    /// The same with another value of a member, which may not have been there.
    pub(crate) fn with(&self, name: &str, place: Place, value: Value) -> Self {
        let mut draft = self.without(name);
        draft.members.push((name.to_owned(), place, value));
        draft
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        let mut draft = self.clone();
        draft.members.retain(|(other, _, _)| other != name);
        draft
    }
}

/// Lengths or numbers just outside of a shape's bounds, as values.
fn bounds(shape: &Value, make: impl Fn(i64) -> Value) -> Vec<Breach> {
    let integer = text(&shape["type"]) == "integer";
    let min = shape["min"].as_i64().filter(|min| integer || *min > 0);
    let below = min.map(|min| breach(make(min - 1), "min"));
    let above = shape["max"].as_i64().map(|max| breach(make(max + 1), "max"));
    below.into_iter().chain(above).collect()
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "timestamp" => value.is_number(),
        "boolean" => value.is_boolean(),
        "list" => value.is_array(),
        _ => value.is_object(),
    }
}

fn breach(value: Value, constraint: &'static str) -> Breach {
    Breach { value, at: String::new(), constraint }
}

pub(crate) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
