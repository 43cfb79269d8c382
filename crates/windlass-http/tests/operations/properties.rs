//! What holds for any bytes whatsoever.

use http::Method;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};
use windlass_http::operations::{Operation, route};

use crate::sample::Request;

proptest! {
    #[test]
    fn no_path_query_or_body_is_too_strange(
        method in "[A-Z]{1,7}",
        path in any::<String>(),
        query in any::<String>(),
        body in vec(any::<u8>(), 0..200),
    ) {
        let method = Method::from_bytes(method.as_bytes()).expect("letters make a method");
        if let Ok(routed) = route(&method, &path) {
            let _ = routed.input(Some(&query), &body);
        }
    }

    #[test]
    fn what_nearly_fits_is_answered(
        segments in vec(select(&["apps", "branches", "jobs", "deployments", "start", "stop", "webhooks", "domains", "tags", "artifacts", "-", "keys", "subscribers", "events", "d1", "7", "%", ""][..]), 0..8),
        method in select(&[Method::GET, Method::POST, Method::DELETE, Method::HEAD][..]),
        query in "(maxResults|nextToken|tagKeys|cursor|%6D|&|=|%|[0-9]|\\+|ü){0,12}",
        body in json(),
    ) {
        let path = format!("/{}", segments.join("/"));
        if let Ok(routed) = route(&method, &path) {
            let _ = routed.input(Some(&query), body.to_string().as_bytes());
        }
    }

    #[test]
    fn what_is_accepted_is_known_and_accepted_again(
        operation in select(&Operation::ALL[..]),
        strange in vec((any::<prop::sample::Index>(), json()), 0..3),
    ) {
        let mut request = Request::full(operation);
        let names: Vec<_> = request.body.keys().cloned().collect();
        if !names.is_empty() {
            request.body.extend(strange.into_iter().map(|(index, value)| (index.get(&names).clone(), value)));
        }
        if let Ok(input) = request.send() {
            let definition = operation.definition();
            let known: Vec<_> = definition.labels().chain(definition.query).chain(definition.body).collect();
            prop_assert!(input.keys().all(|name| known.iter().any(|member| member.name == name)));

            let body: Map<_, _> = input.clone().into_iter().filter(|(name, _)| names.contains(name)).collect();
            prop_assert_eq!(Request { body, ..request }.send(), Ok(input));
        }
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,30}".prop_map(Value::from),
        "[a-z]{0,5}".prop_map(Value::from),
        select(&["WEB", "RELEASE", "STANDARD_8GB", "AMPLIFY_MANAGED", "https://x"][..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let name = prop_oneof![
            "[a-zA-Z:]{0,6}",
            select(&["source", "target", "type", "jobType", "buildComputeType", "stage"][..]).prop_map(str::to_owned),
        ];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name, inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
