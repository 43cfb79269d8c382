//! What real shells make of a script.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use windlass_buildspec::{Phase, PhaseName, script};

/// Both must be there: Debian's `sh` is dash, which keeps closer to POSIX than bash.
const SHELLS: [&str; 2] = ["sh", "bash"];

#[test]
fn folders_variables_and_functions_last_through_all_phases() {
    let phases = [
        phase(PhaseName::BackendBuild, &["mkdir -p a/b && cd a", "export X=1; Y=2", "f() { echo \"f $1\"; }"]),
        phase(PhaseName::FrontendBuild, &["cd b", "# a note", "f \"$X$Y\"", "basename \"$PWD\""]),
        phase(
            PhaseName::Test,
            &["echo $((X + Y)) # no more", "cat <<EOF\nhere\nEOF", "if true; then\n  echo block\nfi\n"],
        ),
    ];
    for shell in SHELLS {
        let output = run(shell, &phases);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "\
## Starting Backend Build
# Starting phase: build
# Executing command: mkdir -p a/b && cd a
# Executing command: export X=1; Y=2
# Executing command: f() { echo \"f $1\"; }
# Completed phase: build
## Completed Backend Build
## Starting Frontend Build
# Starting phase: build
# Executing command: cd b
# Executing command: # a note
# Executing command: f \"$X$Y\"
f 12
# Executing command: basename \"$PWD\"
b
# Completed phase: build
## Completed Frontend Build
## Starting Test
# Starting phase: test
# Executing command: echo $((X + Y)) # no more
3
# Executing command: cat <<EOF
here
EOF
here
# Executing command: if true; then
  echo block
fi
block
# Completed phase: test
## Completed Test
",
            "{shell}"
        );
        assert_eq!(output.status.code(), Some(0), "{shell}");
    }
}

#[test]
fn the_first_command_that_fails_ends_the_script_with_its_code_and_name() {
    for (command, code) in [
        ("(exit 37)", 37),
        ("false", 1),
        ("true && false", 1),
        ("no-such-program-anywhere", 127),
        ("set -u\n(exit 5)", 5),
        ("cd /no/such/folder", if cfg!(unix) { 2 } else { 1 }),
    ] {
        for shell in SHELLS {
            let output = run(shell, &[phase(PhaseName::FrontendBuild, &["echo before", command, "echo after"])]);
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            let found = output.status.code();
            assert!(
                found == Some(code) || (command.starts_with("cd") && found == Some(1)),
                "{shell}: {command}: {found:?}"
            );
            assert!(stdout.contains("\nbefore\n") && !stdout.contains("\nafter\n"), "{shell}: {stdout}");
            let last = format!("!!! Command failed with exit code {}: {command}\n", found.unwrap_or_default());
            assert!(stdout.ends_with(&last), "{shell}: {stdout}");
        }
    }
}

#[test]
fn a_command_whose_syntax_is_wrong_fails_by_itself_and_is_named() {
    for command in ["if", "echo 'open", "echo \"open", "a ( b", "done", "cat <(", ";;", "$(", "fi; }", "x=`", "}"] {
        for shell in SHELLS {
            let output = run(shell, &[phase(PhaseName::FrontendBuild, &["echo before", command, "echo after"])]);
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_ne!(output.status.code(), Some(0), "{shell}: {command}");
            assert!(stdout.contains("\nbefore\n") && !stdout.contains("\nafter\n"), "{shell}: {stdout}");
            assert!(stdout.contains("!!! Command failed with exit code "), "{shell}: {stdout}");
            assert!(stdout.ends_with(&format!(": {command}\n")), "{shell}: {stdout}");
        }
    }
}

#[test]
fn a_command_that_asks_for_strictness_gets_it() {
    for shell in SHELLS {
        let output = run(shell, &[phase(PhaseName::FrontendBuild, &["set -e\nfalse\necho on", "echo after"])]);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{shell}");
        assert!(!stdout.contains("\non\n") && !stdout.contains("\nafter\n"), "{shell}: {stdout}");

        let output = run(shell, &[phase(PhaseName::FrontendBuild, &["set -eu", "echo on"])]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
    }
}

#[test]
fn a_command_that_ends_the_script_is_told() {
    for (command, code) in [("exit 0", 0), ("exit 7", 7), ("set -e; (exit 5)", 5)] {
        for shell in SHELLS {
            let output = run(shell, &[phase(PhaseName::FrontendBuild, &["echo before", command, "echo after"])]);
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(code), "{shell}: {command}");
            let end = format!("# Executing command: {command}\n!!! The command ended the script\n");
            assert!(stdout.ends_with(&end), "{shell}: {stdout}");
        }
    }
}

#[test]
fn no_phases_are_no_script() {
    assert_eq!(script(&[]), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Each command puts its own text into a file of its own: only if the shell took it to the letter is it there.
    #[test]
    fn commands_run_to_the_letter_and_in_order(
        texts in prop::collection::vec(text(), 1..8),
        second in 0_usize..8,
    ) {
        let commands: Vec<_> = texts.iter().enumerate().map(|(index, text)| {
            format!("cat > {index} <<'--end--'\n{text}\n--end--\necho {index} >> order")
        }).collect();
        let (one, two) = commands.split_at(second.min(commands.len()));
        let phases = [
            Phase { name: PhaseName::BackendBuild, commands: one.to_vec() },
            Phase { name: PhaseName::FrontendBuild, commands: two.to_vec() },
        ];
        for shell in SHELLS {
            let folder = tempfile::tempdir().expect("a folder");
            let output = run_in(shell, folder.path(), &script(&phases));
            prop_assert_eq!(output.status.code(), Some(0), "{}: {:?}", shell, output);
            for (index, text) in texts.iter().enumerate() {
                let written = fs::read_to_string(folder.path().join(index.to_string())).expect("it ran");
                prop_assert_eq!(written, format!("{text}\n"));
            }
            let order: String = (0..texts.len()).map(|index| format!("{index}\n")).collect();
            prop_assert_eq!(fs::read_to_string(folder.path().join("order")).expect("it ran"), order);
        }
    }

    /// Whatever a command is, the ones before it run, and the ones after it only if it succeeds.
    #[test]
    fn no_command_reaches_beyond_itself(command in text()) {
        // Words that begin a program are taken away, so that nothing is run that is not known here.
        let command = format!(": {command}");
        let phases = [phase(PhaseName::Test, &["echo x > before", &command, "echo x > after"])];
        for shell in SHELLS {
            let folder = tempfile::tempdir().expect("a folder");
            let output = Command::new("env").args(["-i", "PATH=/nowhere"]).arg(which(shell))
                .args(["-c", &script(&phases)]).current_dir(folder.path()).stdin(Stdio::null()).output().expect("a shell");
            prop_assert!(folder.path().join("before").exists(), "{}: {:?}", shell, output);
            let after = folder.path().join("after").exists();
            prop_assert_eq!(after, output.status.success(), "{}: {:?}", shell, output);
        }
    }
}

/// Text full of what means something to a shell, without what ends one, goes elsewhere or writes files. There is no `(`
/// alone, so that no function comes about, which could call itself.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "'",
        "\"",
        "\\",
        "`",
        "$",
        "$(",
        ")",
        "{",
        "}",
        "#",
        " ",
        "\n",
        "\t",
        ";",
        "&&",
        "||",
        "!",
        "*",
        "?",
        "~",
        "[",
        "]",
        "EOF",
        "<<EOF",
        "if",
        "then",
        "fi",
        "do",
        "done",
        "case",
        "esac",
        "a",
        "$?",
        "$1",
        "$$",
        "%s",
        "\\n",
        "é",
        "😀",
        "'\\''",
        "\r",
        "-n",
        "=",
        "A=1",
        "windlass_status=0",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..20).prop_map(|pieces| pieces.concat())
}

fn phase(name: PhaseName, commands: &[&str]) -> Phase {
    Phase { name, commands: commands.iter().map(|command| (*command).to_owned()).collect() }
}

fn run(shell: &str, phases: &[Phase]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    run_in(shell, folder.path(), &script(phases))
}

fn run_in(shell: &str, folder: &Path, script: &str) -> Output {
    let file = folder.join("script");
    fs::write(&file, script).expect("room for a script");
    let mut command = Command::new(shell);
    command.arg(&file).current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C");
    command.output().unwrap_or_else(|error| panic!("{shell}: {error}"))
}

fn which(shell: &str) -> String {
    let found = ["/bin", "/usr/bin"].map(|folder| format!("{folder}/{shell}"));
    found.into_iter().find(|path| Path::new(path).exists()).unwrap_or_else(|| panic!("{shell} is not there"))
}
