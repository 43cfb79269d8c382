//! Texts that cannot be followed, and what is said of them.

use proptest::prelude::*;
use windlass_buildspec::{BuildSpec, Origin, SpecFault};

#[test]
fn a_bad_text_is_refused_by_line_and_key() {
    let table = [
        (
            "frontend:\n  phases:\n    build:\n      commands: 7",
            "line 4: frontend.phases.build.commands: expected a list of commands, found a number",
        ),
        (
            "frontend:\n  phases:\n    build:\n      commands: {a: b}",
            "line 4: frontend.phases.build.commands: expected a list of commands, found a mapping",
        ),
        (
            "frontend:\n  phases:\n    build:\n      commands:\n        - npm ci\n        - echo a: b",
            "line 6: frontend.phases.build.commands[1]: expected a command, found a key and its value; a command that holds a colon and a space is put in quotes, or under `|`",
        ),
        (
            "frontend:\n  phases:\n    build:\n      commands: [[a]]",
            "line 4: frontend.phases.build.commands[0]: expected a command, found a list",
        ),
        (
            "frontend:\n  phases:\n    build: [npm ci]",
            "line 3: frontend.phases.build: expected a mapping with commands, found a list",
        ),
        ("frontend:\n  phases: npm ci", "line 2: frontend.phases: expected a mapping of phases, found a text"),
        ("frontend: [1]", "line 1: frontend: expected a mapping, found a list"),
        ("- frontend", "line 1: expected a mapping with frontend or applications, found a list"),
        ("npm ci", "line 1: expected a mapping with frontend or applications, found a text"),
        ("env: {variables: [a]}", "line 1: env.variables: expected a mapping of names and values, found a list"),
        (
            "env:\n  variables:\n    A: [1]",
            "line 3: env.variables.A: expected a text, a number or a boolean, found a list",
        ),
        ("env:\n  variables:\n    A=B: 1", "line 3: env.variables.A=B: \"A=B\" cannot be the name of a variable"),
        ("env:\n  variables:\n    A: \"x\\0y\"", "line 3: env.variables.A: it holds a NUL character"),
        (
            "frontend:\n  artifacts:\n    discard-paths: maybe",
            "line 3: frontend.artifacts.discard-paths: expected yes or no, found \"maybe\"",
        ),
        (
            "frontend:\n  artifacts:\n    files: []",
            "line 3: frontend.artifacts.files: expected at least one pattern, found an empty list",
        ),
        (
            "frontend:\n  artifacts:\n    files: ['a[']",
            "line 3: frontend.artifacts.files[0]: pattern \"a[\" is no glob: unclosed character class; missing ']'",
        ),
        (
            "frontend:\n  artifacts:\n    baseDirectory: ../dist",
            "line 3: frontend.artifacts.baseDirectory: folder \"../dist\" is outside of the repository",
        ),
        (
            "frontend:\n  buildPath: a/../..",
            "line 2: frontend.buildPath: folder \"a/../..\" is outside of the repository",
        ),
        (
            "frontend:\n  cache:\n    paths: {a: b}",
            "line 3: frontend.cache.paths: expected a list of patterns, found a mapping",
        ),
        ("version: [1]", "line 1: version: expected a version, found a list"),
        ("applications: []", "line 1: applications: expected at least one application, found an empty list"),
        ("applications: {appRoot: a}", "line 1: applications: expected a list of applications, found a mapping"),
        (
            "applications:\n  - frontend: {}",
            "line 2: applications[0]: CustomerError: Invalid Monorepo spec provided. The \"appRoot\" key needs to be a string",
        ),
        (
            "applications:\n  - appRoot: [a]",
            "line 2: applications[0].appRoot: CustomerError: Invalid Monorepo spec provided. The \"appRoot\" key needs to be a string",
        ),
        (
            "applications:\n  - appRoot: a/b\n  - appRoot: ./a//b/",
            "line 3: applications[1].appRoot: appRoot \"a/b\" is there twice",
        ),
        (
            "applications:\n  - appRoot: ../a",
            "line 2: applications[0].appRoot: folder \"../a\" is outside of the repository",
        ),
        (
            "applications:\n  - appRoot: a\n    frontend: 7",
            "line 3: applications[0].frontend: expected a mapping, found a number",
        ),
    ];
    for (text, expected) in table {
        let error = BuildSpec::parse(text).expect_err(text);
        assert_eq!(error.to_string(), format!("amplify.yml {expected}"), "{text}");
    }
}

#[test]
fn text_that_is_no_yaml_is_refused_with_its_line() {
    for (text, line) in [
        ("frontend:\n  phases: [", 2),
        ("a: 1\nb: {", 2),
        ("frontend:\n\tphases: {}", 2),
        ("version: 1\nversion: 2", 2),
        ("version: 1\n---\nversion: 1", 2),
        ("frontend: *nowhere", 1),
        ("a: \"unclosed", 1),
    ] {
        let error = BuildSpec::parse(text).expect_err(text);
        assert!(matches!(error.fault, SpecFault::Yaml { .. }), "{error}");
        assert!(error.line.is_some_and(|found| found >= line), "{text}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn what_people_do_wrong_most_is_told_in_plain_words() {
    for (text, expected) in [
        (
            "frontend:\n  artifacts:\n    files:\n      - **/*",
            "line 4: an alias of what has no anchor; a text that begins with * is put in quotes",
        ),
        ("version: 1\nversion: 2", "line 2: key version is there twice"),
        ("version: 1\n---\nversion: 1", "line 3: a second document; a build specification is one"),
        ("frontend:\n\tphases: {}", "line 2: tabs disallowed within this context (block indentation)"),
        ("- [[[[[[[[[[[[[[[[[[[[[[[[[[[[", "line 1: unclosed bracket '['"),
    ] {
        let error = BuildSpec::parse(text).expect_err(text);
        assert_eq!(error.to_string(), format!("amplify.yml {expected}"));
    }
}

#[test]
fn an_error_of_an_apps_build_spec_says_that_it_is_not_the_file() {
    let error = BuildSpec::parse("- a").expect_err("a list").from_origin(Origin::App);
    assert_eq!(
        error.to_string(),
        "the app's buildSpec line 1: expected a mapping with frontend or applications, found a list"
    );
}

#[test]
fn patterns_without_end_are_an_error_of_one_line() {
    for pattern in ["{a,".repeat(5000), "**/a/".repeat(40_000)] {
        let error =
            BuildSpec::parse(&format!("frontend:\n  artifacts:\n    files: ['{pattern}']")).expect_err("too much");
        assert_eq!(error.line, Some(3));
        assert!(error.to_string().chars().count() < 600, "{error}");
    }
}

#[test]
fn what_multiplies_itself_is_an_error() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let last = level - 1;
        laughs += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{last}"); 9].join(", "));
    }
    refused(&laughs);
    refused(&"[".repeat(20_000));
    refused(&format!("a: {}{}", "[".repeat(20_000), "]".repeat(20_000)));
    refused(&"{a: ".repeat(20_000));
    refused(&(0..20_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 300))).collect::<String>());
    refused(&"- ".repeat(20_000));
    refused(&"a: 1\n".repeat(2));
    refused(&"# comment\n".repeat(30_000));
}

fn refused(text: &str) {
    let error = BuildSpec::parse(text).expect_err("more than anybody writes");
    assert!(matches!(error.fault, SpecFault::Yaml { .. } | SpecFault::TooLong { .. }), "{error}");
    assert!(error.to_string().len() < 500, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = BuildSpec::parse(&text);
    }

    #[test]
    fn no_mixture_of_what_is_known_makes_the_reader_panic(parts in prop::collection::vec(part(), 0..40)) {
        if let Ok(spec) = BuildSpec::parse(&parts.concat()) {
            let _ = spec.plan(None);
            let _ = spec.plan(Some("a"));
        }
    }
}

/// Pieces of which build specifications are made.
fn part() -> impl Strategy<Value = String> {
    let pieces = [
        "version: 1\n",
        "applications:\n",
        "  - appRoot: a\n",
        "frontend:\n",
        "backend:\n",
        "  phases:\n",
        "    build:\n",
        "      commands:\n",
        "        - npm ci\n",
        "  artifacts:\n",
        "    files:\n",
        "    baseDirectory: ../..\n",
        "env:\n",
        "      - '**/*'\n",
        "  variables:\n",
        "    A: ",
        "&a ",
        "*a\n",
        "<<: *a\n",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "\n",
        "  ",
        "- ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "!!int ",
        "!!binary ",
        "! ",
        "? ",
        "~",
        "yes\n",
        ".inf\n",
        "0x1F\n",
        "ü",
        "\u{feff}",
        "\t",
        "#",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "test:\n",
        "  cache:\n",
        "    paths: [a/**, '!b']\n",
        "    discard-paths: yes\n",
    ];
    prop::sample::select(pieces.map(str::to_owned).to_vec())
}
