//! The data directory of a server on this machine, as far as clients read it.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use url::Url;

use super::{Client, DEFAULT_REGION};

/// Where a server keeps its data unless told otherwise.
pub(super) const DEFAULT_DATA: &str = "windlass-data";

/// What a server writes for its clients: the file `endpoint`, one line with its URL, and the file `credentials`, in the
/// format of AWS's shared credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LocalServer {
    pub endpoint: Url,
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
}

impl LocalServer {
    /// Reads what the server whose data is in `dir` wrote.
    ///
    /// # Errors
    ///
    /// Where no server ever ran there, or its files are damaged.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Self> {
        let (endpoint, credentials) = (dir.join("endpoint"), dir.join("credentials"));
        if !endpoint.is_file() || !credentials.is_file() {
            let dir = dir.display();
            bail!("there is no server's data in {dir}; start one with `windlass serve --data {dir}`");
        }
        let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()));
        Self::parse(&read(&endpoint)?, &read(&credentials)?)
            .with_context(|| format!("what the server wrote into {} is damaged", dir.display()))
    }

    fn parse(endpoint: &str, credentials: &str) -> anyhow::Result<Self> {
        let endpoint = endpoint.trim().parse().context("the endpoint is not a URL")?;
        let value = |key: &str| {
            setting(credentials, key)
                .map(str::to_owned)
                .with_context(|| format!("{key} is missing from the credentials"))
        };
        Ok(Self {
            endpoint,
            access_key: value("aws_access_key_id")?,
            secret_key: value("aws_secret_access_key")?,
            region: value("region").unwrap_or_else(|_| DEFAULT_REGION.to_owned()),
        })
    }

    pub(super) fn connect(&self) -> Client {
        Client::local(self.endpoint(), &self.access_key, &self.secret_key, &self.region)
    }

    /// The URL without a slash at its end, as AWS's clients want it.
    pub(super) fn endpoint(&self) -> &str {
        self.endpoint.as_str().trim_end_matches('/')
    }
}

/// The value of `key` in the section `[default]`.
fn setting<'a>(file: &'a str, key: &str) -> Option<&'a str> {
    let section = file.lines().map(str::trim).skip_while(|line| *line != "[default]").skip(1);
    let mut settings = section.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with(['#', ';']));
    settings.find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key && !value.trim().is_empty()).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "# written at the first start\n\n[other]\naws_access_key_id = WRONG\n\n[default]\n\
        aws_access_key_id = AKIAEXAMPLE\n; a remark = yes\naws_secret_access_key=a+b/c=\nregion = eu-central-1\n[more]\n";

    #[test]
    fn a_servers_files_say_how_to_talk_to_it() {
        let server = LocalServer::parse("http://127.0.0.1:8420\n", CREDENTIALS).unwrap();
        assert_eq!(server.endpoint(), "http://127.0.0.1:8420");
        assert_eq!((&*server.access_key, &*server.secret_key), ("AKIAEXAMPLE", "a+b/c="));
        assert_eq!(server.region, "eu-central-1");
    }

    #[test]
    fn a_region_may_be_missing_and_nothing_else() {
        let lines: Vec<&str> = CREDENTIALS.lines().collect();
        for missing in ["aws_access_key_id = A", "aws_secret_access_key", "[default]", "region"] {
            let rest: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with(missing)).collect();
            let parsed = LocalServer::parse("http://127.0.0.1:8420", &rest.join("\n"));
            assert_eq!(
                parsed.map(|server| server.region).ok().as_deref(),
                (missing == "region").then_some("us-east-1")
            );
        }
        assert!(LocalServer::parse("127.0.0.1", CREDENTIALS).is_err());
    }

    #[test]
    fn a_directory_without_a_server_says_how_to_start_one() {
        let error = LocalServer::read(Path::new("/nonexistent/data")).unwrap_err().to_string();
        assert!(error.contains("windlass serve --data /nonexistent/data"), "{error}");
    }
}
