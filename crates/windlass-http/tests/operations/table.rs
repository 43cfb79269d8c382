//! Every constraint in the table, each kept and each broken.

use serde_json::{Value, json};
use windlass_http::operations::{Constraint, Failure, Member, Operation, Shape, Violation};

use crate::sample::{Fault, Request, as_text, faults, parameters, text};

#[test]
fn the_least_that_is_required_is_accepted() {
    for operation in Operation::ALL {
        let request = Request::minimal(operation);
        let input = request.send().unwrap_or_else(|violation| panic!("{operation:?}: {violation}"));
        assert_eq!(input.len(), request.labels.len() + request.query.len() + request.body.len());
    }
}

#[test]
fn everything_that_is_known_is_accepted() {
    for operation in Operation::ALL {
        let request = Request::full(operation);
        let input = request.send().unwrap_or_else(|violation| panic!("{operation:?}: {violation}"));
        for (name, value) in &request.body {
            assert_eq!(&input[name], value, "{operation:?}");
        }
        for (name, value) in &request.labels {
            assert_eq!(&as_text(&input[*name]), value, "{operation:?}");
        }
        for member in operation.definition().query {
            let given = request.query.iter().filter(|(name, _)| *name == member.name);
            assert_eq!(parameters(member, &input[member.name]), given.cloned().collect::<Vec<_>>(), "{operation:?}");
        }
    }
}

#[test]
fn every_broken_constraint_of_a_label_names_the_label() {
    for operation in Operation::ALL {
        for label in operation.definition().labels() {
            for (text, constraint) in text_faults(label) {
                // A label without content is refused for that alone.
                let constraint = if text.is_empty() { Constraint::MinLength(1) } else { constraint };
                let mut request = Request::minimal(operation);
                request.labels.insert(label.name, text);
                assert_refused(&request, label.name.to_owned(), constraint);
            }
        }
    }
}

#[test]
fn every_broken_constraint_of_a_query_parameter_names_the_parameter() {
    for operation in Operation::ALL {
        for member in operation.definition().query {
            for (text, constraint) in text_faults(member) {
                let mut request = Request::minimal(operation);
                request.query = vec![(member.name, text)];
                assert_refused(&request, member.name.to_owned(), constraint);
            }
            let mut request = Request::full(operation);
            let again: Vec<_> = request.query.iter().filter(|(name, _)| *name == member.name).cloned().collect();
            request.query.extend(again);
            if matches!(member.shape, Shape::List { .. }) {
                request.send().unwrap_or_else(|violation| panic!("{operation:?}: {violation}"));
            } else {
                assert_refused(&request, member.name.to_owned(), Constraint::Once);
            }
        }
    }
}

#[test]
fn every_broken_constraint_of_a_list_in_a_query_names_the_element() {
    let mut broken = 0;
    for operation in Operation::ALL {
        for member in operation.definition().query {
            // A list without elements is no list at all.
            let lists = faults(member.shape).into_iter().filter(|fault| {
                fault.value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string))
            });
            for Fault { value, at, constraint } in lists {
                let mut request = Request::minimal(operation);
                request.query = parameters(member, &value);
                assert_refused(&request, format!("{}{at}", member.name), constraint);
                broken += 1;
            }
        }
    }
    assert!(broken > 3, "only {broken} faults were tried");
}

#[test]
fn a_required_query_parameter_must_be_there() {
    for operation in Operation::ALL {
        for member in operation.definition().query.iter().filter(|member| member.required) {
            let mut request = Request::full(operation);
            request.query.retain(|(name, _)| *name != member.name);
            assert_refused(&request, member.name.to_owned(), Constraint::Required);
        }
    }
}

#[test]
fn every_broken_constraint_of_a_body_member_names_the_member() {
    let mut broken = 0;
    for operation in Operation::ALL {
        for member in operation.definition().body {
            for Fault { value, at, constraint } in faults(member.shape) {
                let absent = value.is_null();
                let mut request = Request::minimal(operation);
                request.body.insert(member.name.to_owned(), value);
                if !absent || member.required {
                    assert_refused(&request, format!("{}{at}", member.name), constraint);
                    broken += 1;
                } else {
                    let input = request.send().expect("null is as if absent");
                    assert!(!input.contains_key(member.name));
                }
            }
        }
    }
    assert!(broken > 300, "only {broken} faults were tried");
}

#[test]
fn a_required_body_member_must_be_there() {
    for operation in Operation::ALL {
        for member in operation.definition().body.iter().filter(|member| member.required) {
            let mut request = Request::full(operation);
            request.body.remove(member.name);
            assert_refused(&request, member.name.to_owned(), Constraint::Required);
        }
    }
}

#[test]
fn the_longest_text_is_accepted_whatever_its_bytes() {
    for operation in Operation::ALL {
        for member in operation.definition().body {
            let Shape::String { length, pattern } = member.shape else {
                continue;
            };
            let longest = text(length.max.expect("every text has an end"), *pattern);
            let mut request = Request::minimal(operation);
            request.body.insert(member.name.to_owned(), json!(longest.expect("a seed fits")));
            request.send().unwrap_or_else(|violation| panic!("{operation:?}: {violation}"));
        }
    }
}

#[test]
fn names_in_the_table_are_unambiguous() {
    for operation in Operation::ALL {
        let definition = operation.definition();
        let members = definition.query.iter().chain(definition.body);
        let mut names: Vec<_> = definition.labels().chain(members).map(|member| member.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{operation:?} has two members of one name");
        assert_eq!(definition.name, format!("{operation:?}"));
    }
}

fn assert_refused(request: &Request, member: String, constraint: Constraint) {
    let Err(violation) = request.send() else {
        panic!("{request:?} was accepted, though {member} breaks: {constraint}");
    };
    let named = format!("Value at '{member}' failed to satisfy constraint: {constraint}");
    assert!(violation.to_string().contains(&named), "{named} is missing in {violation}");
    let Violation::Members(failures) = violation else {
        panic!("{violation} names no member");
    };
    assert!(failures.contains(&Failure { member, constraint }));
    assert!(failures.len() <= 2, "one fault broke {failures:?}");
}

/// The faults that a text can have: no text is of the wrong type for a string.
fn text_faults(member: &Member) -> Vec<(String, Constraint)> {
    let number = matches!(member.shape, Shape::Integer { .. } | Shape::Timestamp);
    let faults =
        faults(member.shape).into_iter().filter(|fault| fault.value.is_string() || (number && fault.value.is_number()));
    faults.map(|fault| (as_text(&fault.value), fault.constraint)).collect()
}
