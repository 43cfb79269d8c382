//! `windlass env`: what points AWS's own clients at a server on this machine.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Map, Value};

use super::local::{self, LocalServer};
use super::output::{self, Format};

/// Print the variables that point AWS's own clients at a local server: eval "$(windlass env)"
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The server's data directory
    #[arg(long, value_name = "DIR", default_value = local::DEFAULT_DATA)]
    data: PathBuf,
}

/// Prints them.
///
/// # Errors
///
/// Where the directory holds no server's data.
pub(crate) fn run(args: &Args, format: Format) -> anyhow::Result<ExitCode> {
    let server = LocalServer::read(&args.data)?;
    match format {
        Format::Text => {
            for (name, value) in variables(&server) {
                output::line(format_args!("export {name}={}", quote(value)))?;
            }
        }
        Format::Json => {
            let pairs = variables(&server).map(|(name, value)| (name.to_owned(), Value::from(value)));
            output::json(&Map::from_iter(pairs))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A session token that is left over from elsewhere belongs to other keys, so it is emptied.
fn variables(server: &LocalServer) -> [(&'static str, &str); 6] {
    [
        ("AWS_ENDPOINT_URL_AMPLIFY", server.endpoint()),
        ("AWS_ACCESS_KEY_ID", &server.access_key),
        ("AWS_SECRET_ACCESS_KEY", &server.secret_key),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_REGION", &server.region),
        ("AWS_DEFAULT_REGION", &server.region),
    ]
}

/// One word of a POSIX shell, whatever is in it; as it is where that is one already.
pub(super) fn quote(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_one_word_to_a_shell() {
        assert_eq!(quote("http://127.0.0.1:8420"), "http://127.0.0.1:8420");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("~"), "'~'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a'b $(c) `d` \"e\" \\"), r#"'a'\''b $(c) `d` "e" \'"#);
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for text in ["plain", "it's", "'", "$HOME `id` \\ \" !", "two\nlines"] {
            let script = format!("printf %s {}", quote(text));
            let printed = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
        }
    }
}
