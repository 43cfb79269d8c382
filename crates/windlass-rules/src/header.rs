//! The headers that an owner adds.

use globset::{GlobBuilder, GlobMatcher};
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::HeaderFault;
use crate::pattern::one_line;

/// The custom headers of an app.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    pattern: GlobMatcher,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    custom_headers: Option<Vec<Block>>,
    applications: Option<Vec<Application>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    app_root: Option<String>,
    custom_headers: Option<Vec<Block>>,
}

#[derive(Deserialize)]
struct Block {
    pattern: String,
    headers: Option<Vec<Pair>>,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: Option<String>,
}

impl Headers {
    /// The headers among an app's attributes.
    pub(crate) fn of(app: &Map<String, Value>) -> Result<Self, HeaderFault> {
        let text = app.get("customHeaders").and_then(Value::as_str).unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let document = serde_saphyr::from_str_with_options::<Option<Document>>(text, options());
        let document = document.map_err(|error| HeaderFault::Yaml { why: one_line(&error) })?;
        let blocks = document.and_then(|document| document.blocks(root(app))).unwrap_or_default();
        blocks.into_iter().map(Entry::parse).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers for any of these paths, which begin with no slash, in the order of the patterns.
    pub(crate) fn matching<'a>(
        &'a self,
        paths: &'a [&'a str],
    ) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        let entries = self.0.iter().filter(|entry| paths.iter().any(|path| entry.pattern.is_match(path)));
        entries.flat_map(|entry| entry.headers.iter().map(|(name, value)| (name, value)))
    }
}

impl Document {
    fn blocks(self, root: Option<&str>) -> Option<Vec<Block>> {
        if let Some(headers) = self.custom_headers {
            return Some(headers);
        }
        let applications = self.applications?;
        let named = applications.iter().position(|app| root.is_some() && app.app_root.as_deref() == root);
        applications.into_iter().nth(named.unwrap_or(0))?.custom_headers
    }
}

impl Entry {
    fn parse(block: Block) -> Result<Self, HeaderFault> {
        let Block { pattern, headers } = block;
        let glob = GlobBuilder::new(pattern.trim().trim_start_matches('/')).build();
        let glob =
            glob.map_err(|error| HeaderFault::Pattern { pattern: pattern.clone(), why: error.kind().to_string() })?;
        let headers = headers.unwrap_or_default().into_iter().map(|pair| header(pair, &pattern));
        Ok(Self { pattern: glob.compile_matcher(), headers: headers.collect::<Result<_, _>>()? })
    }
}

fn header(pair: Pair, pattern: &str) -> Result<(HeaderName, HeaderValue), HeaderFault> {
    let Pair { key, value } = pair;
    let pattern = || pattern.to_owned();
    let Ok(name) = HeaderName::try_from(key.trim()) else { return Err(HeaderFault::Key { key, pattern: pattern() }) };
    if is_reserved(&name) {
        return Err(HeaderFault::Reserved { key, pattern: pattern() });
    }
    // A long policy is written on many lines.
    let lines = value.as_deref().unwrap_or_default().lines().map(str::trim);
    let value = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    match HeaderValue::try_from(value) {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(HeaderFault::Value { key, pattern: pattern() }),
    }
}

/// What says where a response ends, who speaks with whom, and who gets in.
fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: &[HeaderName] = &[
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::HOST,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::WWW_AUTHENTICATE,
    ];
    RESERVED.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// The folder of a monorepo that the app is.
fn root(app: &Map<String, Value>) -> Option<&str> {
    app.get("environmentVariables")?.get("AMPLIFY_MONOREPO_APP_ROOT")?.as_str()
}

/// Few and flat: at most 25,000 characters come in, and nothing of them is to be multiplied.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 12,
            max_documents: 1,
            max_events: 20_000,
            max_nodes: 10_000,
            max_aliases: 100,
            max_anchors: 100,
            max_merge_keys: 0,
            max_total_scalar_bytes: 128 * 1024,
        },
    }
}
