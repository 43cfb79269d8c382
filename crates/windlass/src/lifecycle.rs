#![doc = include_str!("../lifecycle.md")]

use alloc::string::String;
use core::fmt::Write as _;

use strum::VariantArray;

use crate::{EventKind, JobStatus, TRANSITIONS};

/// The law as a [Mermaid](https://mermaid.js.org) state diagram, which GitHub, GitLab and many wikis draw.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> CREATED\n");
    for t in TRANSITIONS {
        line(&mut text, format_args!("    {} --> {}: {}", t.from, t.to, t.event));
    }
    for status in JobStatus::VARIANTS.iter().filter(|status| status.is_terminal()) {
        line(&mut text, format_args!("    {status} --> [*]"));
    }
    text
}

/// The law as a Markdown table: a row for each event, a column for each status, the next status where
/// they meet.
#[must_use]
pub fn grid() -> String {
    let mut text = String::from("|");
    for status in JobStatus::VARIANTS {
        part(&mut text, format_args!(" | {status}"));
    }
    line(&mut text, format_args!(" |"));
    line(&mut text, format_args!("{}|", "|---".repeat(1 + JobStatus::VARIANTS.len())));
    for event in EventKind::VARIANTS {
        part(&mut text, format_args!("| **{event}**"));
        for status in JobStatus::VARIANTS {
            match status.next(*event) {
                Some(next) => part(&mut text, format_args!(" | {next}")),
                None => part(&mut text, format_args!(" | ")),
            }
        }
        line(&mut text, format_args!(" |"));
    }
    text
}

/// The text of this module's page: diagram and grid. It is committed as `lifecycle.md`, and a test compares the two.
#[must_use]
pub fn page() -> String {
    let mut text = String::from(
        "Every legal step of a job's life. Written by `UPDATE=1 cargo test`; what is not here is illegal.\n\n",
    );
    line(&mut text, format_args!("```mermaid\n{}```\n", diagram()));
    part(&mut text, format_args!("{}", grid()));
    text
}

fn line(text: &mut String, args: core::fmt::Arguments<'_>) {
    part(text, args);
    text.push('\n');
}

fn part(text: &mut String, args: core::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(args);
}
