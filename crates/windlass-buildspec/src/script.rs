//! Phases as one script, so that `cd` and exported variables last from command to command.

use core::fmt::Write;

use crate::plan::{Phase, Section};

/// What the line that tells of a command begins with.
pub const EXECUTING: &str = "# Executing command: ";

/// One script for `sh` (dash, bash, …) that runs the commands of these phases in order.
///
/// * Every command is quoted as a whole and evaluated by itself in the same shell, so what one sets, the next has, and
///   nothing in one can reach into the next: no quote, comment or here-document that is left open.
/// * The script ends at the first command that fails, with that command's exit code, and says which it was. A command
///   whose syntax is wrong fails like any other.
/// * A command that says `exit` ends the script there, with the code that it names, as the same shell runs all of them.
///   The script says so, unless the command has taken the trap for `EXIT` for itself.
/// * Lines in AWS's form go to the standard output: `# Starting phase: build`, `# Executing command: npm ci`,
///   `# Completed phase: build`.
///
/// Run it as a file, with the standard input closed or empty. Commands must hold no NUL character, which
/// [`BuildSpec::parse`](crate::BuildSpec::parse) makes sure of.
#[must_use]
pub fn script(phases: &[Phase]) -> String {
    if phases.is_empty() {
        return String::new();
    }
    let mut script = BEGIN.to_owned();
    for phases in phases.chunk_by(|one, next| one.name.section() == next.name.section()) {
        let title = phases.first().map(|phase| title(phase.name.section())).unwrap_or_default();
        say(&mut script, &format!("## Starting {title}"));
        for phase in phases {
            say(&mut script, &format!("# Starting phase: {}", phase.name.phase()));
            for command in &phase.commands {
                run(&mut script, command);
            }
            say(&mut script, &format!("# Completed phase: {}", phase.name.phase()));
        }
        say(&mut script, &format!("## Completed {title}"));
    }
    script.push_str(OVER);
    script
}

/// Until the script is over, its end is the doing of a command, and is told.
const BEGIN: &str = r#"windlass_over=no
trap '[ "$windlass_over" = yes ] || command printf "%s\n" "!!! The command ended the script"' EXIT
"#;

const OVER: &str = "windlass_over=yes\n";

const fn title(section: Section) -> &'static str {
    match section {
        Section::Backend => "Backend Build",
        Section::Frontend => "Frontend Build",
        Section::Test => "Test",
    }
}

fn say(script: &mut String, line: &str) {
    push(script, format_args!("command printf '%s\\n' {}\n", quoted(line)));
}

/// `command` takes from `eval` that an error of syntax would end the whole shell.
fn run(script: &mut String, command: &str) {
    say(script, &format!("{EXECUTING}{}", command.trim_end()));
    push(script, format_args!("command eval {}\nwindlass_status=$?\n", quoted(command)));
    let failed = quoted(&format!(": {}", command.trim_end()));
    push(
        script,
        format_args!(
            "if [ \"$windlass_status\" -ne 0 ]; then\n  \
             windlass_over=yes\n  \
             command printf '%s%s\\n' \"!!! Command failed with exit code $windlass_status\" {failed}\n  \
             exit \"$windlass_status\"\nfi\n"
        ),
    );
}

fn push(script: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = script.write_fmt(text);
}

/// A text that the shell takes for one word, whatever it holds.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
