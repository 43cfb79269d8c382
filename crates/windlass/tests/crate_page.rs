//! What the crate's page and its README show of the law is the law.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use windlass::{EventKind, JobStatus, TRANSITIONS, lifecycle};

#[test]
fn the_crate_page_shows_every_step_from_one_status_to_another() {
    let page = include_str!("../src/lib.rs");
    let picture =
        page.split("//! ```text\n").nth(2).and_then(|rest| rest.split("//! ```\n").next()).expect("a picture");
    let mut shown = BTreeSet::new();
    for line in picture.lines().map(|line| line.trim_start_matches("//!").trim()).filter(|line| !line.is_empty()) {
        // CREATED, PENDING ─Stopped▶ CANCELLED: statuses and events in turn.
        let parts: Vec<&str> = line.split(['─', '▶']).map(str::trim).collect();
        for way in parts.windows(3).step_by(2) {
            for from in way[0].split(", ") {
                for event in way[1].split(", ") {
                    assert!(shown.insert((status(from), kind(event), status(way[2]))), "{line} says it again");
                }
            }
        }
    }
    let moves = TRANSITIONS.iter().filter(|step| step.from != step.to);
    assert_eq!(shown, moves.map(|step| (step.from, step.event, step.to)).collect());
}

#[test]
fn the_readme_shows_the_diagram_of_the_law() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("a readme");
    let (before, rest) = readme.split_once("```mermaid\n").expect("a diagram");
    let (diagram, after) = rest.split_once("```\n").expect("an end of the diagram");
    if std::env::var_os("UPDATE").is_some() {
        let readme = format!("{before}```mermaid\n{}```\n{after}", lifecycle::diagram());
        fs::write(&path, readme).expect("the readme can be rewritten");
    } else {
        assert!(diagram == lifecycle::diagram(), "the law has changed; `UPDATE=1 cargo test` rewrites README.md");
    }
}

fn status(name: &str) -> JobStatus {
    name.parse().unwrap_or_else(|_| panic!("{name} is no status"))
}

fn kind(name: &str) -> EventKind {
    name.parse().unwrap_or_else(|_| panic!("{name} is no event"))
}
