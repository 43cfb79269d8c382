//! Every constraint of the public model, broken once in every request that it holds for, and sent to the API.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use windlass_http::operations::{Operation, route};

use crate::model;
use crate::public::{Breach, Draft, Place, Public};
use crate::server::Server;

#[tokio::test]
async fn whatever_breaks_a_constraint_of_the_model_is_a_bad_request_that_names_the_member() {
    let Some(public) = model::named().map(Public) else { return };
    let server = Server::new().await;
    let mut broken = BTreeMap::new();
    for operation in public.operations() {
        let least = public.draft(operation, false);
        for (name, place, shape) in public.members(public.input(operation)) {
            if public.is_required(public.input(operation), &name) && place != Place::Label {
                refused(&server, operation, &least.without(&name), &name).await;
                *broken.entry("required").or_insert(0) += 1;
            }
            for breach in public.breaches(&shape) {
                if !is_sent(place, &breach) {
                    continue;
                }
                let draft = least.with(&name, place, breach.value);
                refused(&server, operation, &draft, &format!("{name}{}", breach.at)).await;
                *broken.entry(breach.constraint).or_insert(0) += 1;
            }
        }
    }
    // As many as the model of 2026 has, within a few.
    let least =
        [("enum", 40), ("max", 180), ("min", 80), ("null", 30), ("pattern", 55), ("required", 24), ("type", 850)];
    for (constraint, least) in least {
        assert!(broken.get(constraint).is_some_and(|count| *count >= least), "{constraint}: {broken:?}");
    }
}

#[test]
fn whatever_the_model_does_not_know_is_ignored_wherever_it_stands() {
    let Some(public) = model::named().map(Public) else { return };
    for operation in public.operations() {
        let plain = public.draft(operation, true);
        let mut strange = plain.clone();
        let shapes = public.members(public.input(operation));
        for (name, place, value) in &mut strange.members {
            let (_, _, shape) = shapes.iter().find(|(known, _, _)| known == name).expect("it is in the model");
            if *place == Place::Body {
                *value = decorated(&public, shape, value.take());
            }
        }
        let strange = strange.with("noSuchMember", Place::Body, json!({ "a": [null] }));
        let strange = strange.with("noSuchParameter", Place::Query, json!("%"));
        assert_eq!(input(&strange), input(&plain), "{operation}");
        // The members of other operations are as unknown here, and so is the name that other protocols give a type.
        assert_eq!(input(&plain.with("__type", Place::Body, json!(operation))), input(&plain), "{operation}");
    }
}

#[test]
fn null_is_as_good_as_absent_wherever_the_model_requires_nothing() {
    let Some(public) = model::named().map(Public) else { return };
    let mut tried = 0;
    for operation in public.operations() {
        let least = public.draft(operation, false);
        for (name, place, _) in public.members(public.input(operation)) {
            if place == Place::Body && !public.is_required(public.input(operation), &name) {
                assert_eq!(input(&least.with(&name, place, Value::Null)), input(&least), "{operation}.{name}");
                tried += 1;
            }
        }
    }
    assert!(tried > 80, "only {tried} members were tried");
}

#[test]
fn the_table_routes_what_the_model_allows_to_the_operation_that_it_names() {
    let Some(public) = model::named().map(Public) else { return };
    for operation in public.operations() {
        for optional in [false, true] {
            let draft = public.draft(operation, optional);
            let target = draft.target();
            let path = target.split('?').next().expect("a path");
            let routed = route(&draft.method, path).expect("the operation exists").operation();
            assert_eq!(routed.definition().name, operation);
            assert_eq!(input(&draft).len(), draft.members.len(), "{operation}");
        }
    }
    let of_aws = Operation::ALL.into_iter().filter(|operation| !operation.is_extension());
    assert_eq!(public.operations().count(), of_aws.count());
}

async fn refused(server: &Server, operation: &str, draft: &Draft, member: &str) {
    let (method, target, body) = (draft.method.as_str(), draft.target(), draft.body());
    let answer = server.ask(method, &target, &[("content-type", "application/json")], body.clone()).await;
    let shown = || format!("{operation} {target:.300} {body:.300}: {answer:?}, and not a word of {member}");
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (400, "BadRequestException"), "{}", shown());
    let named = format!("Value at '{member}' failed to satisfy constraint: ");
    assert!(answer.message().contains(&named), "{}", shown());
}

/// Path and query carry texts and lists of them: no text is of the wrong type for a string, and what is not there is not
/// carried.
fn is_sent(place: Place, breach: &Breach) -> bool {
    match (place, &breach.value) {
        (Place::Body, value) => !value.is_null(),
        (Place::Label, value) => value.is_string(),
        (Place::Query, _) if breach.constraint == "type" => false,
        (Place::Query, Value::Array(elements)) => !elements.is_empty() && elements.iter().all(Value::is_string),
        (Place::Query, value) => value.is_string() || value.is_i64(),
    }
}

/// The value with a strange member in each structure.
fn decorated(public: &Public, name: &str, value: Value) -> Value {
    let shape = &public.0["shapes"][name];
    let of = |part: &str| shape[part]["shape"].as_str().unwrap_or_default();
    match value {
        Value::Array(elements) => elements.into_iter().map(|one| decorated(public, of("member"), one)).collect(),
        Value::Object(entries) if shape["type"] == "map" => {
            entries.into_iter().map(|(key, entry)| (key, decorated(public, of("value"), entry))).collect()
        }
        Value::Object(members) => {
            let inner = |name: &str| shape["members"][name]["shape"].as_str().unwrap_or_default();
            let known = members.into_iter().map(|(name, value)| (name.clone(), decorated(public, inner(&name), value)));
            known.chain([("noSuchMember".to_owned(), json!([{ "strange": null }]))]).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn input(draft: &Draft) -> serde_json::Map<String, Value> {
    let target = draft.target();
    let (path, query) = target.split_once('?').expect("a query");
    let routed = route(&draft.method, path).expect("the operation exists");
    routed.input(Some(query), draft.body().as_bytes()).unwrap_or_else(|violation| panic!("{target}: {violation}"))
}
