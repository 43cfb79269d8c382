//! Which files are published, and which are kept for the next build.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{SpecFault, folder};

/// Patterns in any order: a path is selected if one of them fits it, and none with a `!` in front does.
///
/// `*` and `?` stand within a folder, `**` for any folders, also none; names with a dot in front are names like any
/// other. A pattern whose last segment has no wildcard also means all that is below.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    wanted: GlobSet,
    unwanted: GlobSet,
}

impl Patterns {
    /// `from` is the folder that the patterns are seen from, as seen from where the paths are that are asked about.
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>, from: &str) -> Result<Self, SpecFault> {
        let (mut wanted, mut unwanted) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let trimmed = pattern.trim();
            let (set, text) = match trimmed.strip_prefix('!') {
                Some(text) => (&mut unwanted, text),
                None => (&mut wanted, trimmed),
            };
            for glob in globs(text, from) {
                let glob = GlobBuilder::new(&glob).literal_separator(true).build();
                set.add(glob.map_err(|error| fault(pattern, error.kind()))?);
            }
        }
        let set =
            |set: GlobSetBuilder| set.build().map_err(|error| SpecFault::Patterns { why: error.kind().to_string() });
        Ok(Self { wanted: set(wanted)?, unwanted: set(unwanted)? })
    }

    pub(crate) fn selects(&self, path: &str) -> bool {
        self.wanted.is_match(path) && !self.unwanted.is_match(path)
    }
}

fn fault(pattern: &str, kind: &globset::ErrorKind) -> SpecFault {
    SpecFault::Pattern { pattern: pattern.to_owned(), why: kind.to_string() }
}

/// The globs that a pattern stands for. One that climbs out of the repository stands for none.
fn globs(pattern: &str, from: &str) -> Vec<String> {
    let escaped = globset::escape(from);
    let Some(glob) = folder::below(&escaped, pattern) else { return Vec::new() };
    let last = pattern.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if glob.is_empty() {
        vec!["**".to_owned()]
    } else if last.contains(['*', '?', '[', ']', '{', '}']) && !pattern.ends_with('/') {
        vec![glob]
    } else {
        vec![format!("{glob}/**"), glob]
    }
}

/// What is published of a build.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The folder that is published, from the plan's working directory; empty for that itself. It may begin with `..`,
    /// but never leaves the repository: [`Plan::published_folder`](crate::Plan::published_folder) is the same folder from
    /// the repository's root.
    pub base_directory: String,
    /// Whether files are published under their bare names.
    pub discard_paths: bool,
    /// The patterns as they were written.
    pub files: Vec<String>,
    /// `None` selects everything.
    patterns: Option<Patterns>,
}

impl Artifacts {
    pub(crate) fn new(base_directory: String, files: Vec<String>, discard_paths: bool) -> Result<Self, SpecFault> {
        let patterns = Patterns::new(files.iter().map(String::as_str), "")?;
        Ok(Self { base_directory, discard_paths, files, patterns: Some(patterns) })
    }

    /// All there is, from the working directory.
    pub(crate) fn everything() -> Self {
        let files = vec!["**/*".to_owned()];
        Self { base_directory: String::new(), discard_paths: false, files, patterns: None }
    }

    /// Whether a file is published. Its path is relative to the base directory, with `/` between its names.
    ///
    /// What belongs to `.git` never is, whatever the patterns say: it has the history, and may have credentials.
    #[must_use]
    pub fn selects(&self, path: &str) -> bool {
        !path.split('/').any(|segment| segment == ".git")
            && self.patterns.as_ref().is_none_or(|patterns| patterns.selects(path))
    }

    /// The path that a file is published under: its own, or its bare name. Several files may then have one name, which is
    /// for whoever publishes them to refuse.
    #[must_use]
    pub fn published_as<'p>(&self, path: &'p str) -> &'p str {
        match path.rsplit_once('/') {
            Some((_, name)) if self.discard_paths => name,
            Some(_) | None => path,
        }
    }
}

/// What is kept for the next build of a branch.
#[derive(Clone, Debug)]
pub struct CachePaths {
    /// The patterns as they were written.
    pub paths: Vec<String>,
    patterns: Patterns,
    /// Whether somebody asked for what is left out otherwise.
    with_tool_caches: bool,
}

/// The folder that AWS leaves out of the cache.
const TOOL_CACHE: &str = "node_modules/.cache";

impl CachePaths {
    /// `working_directory` is the folder that the patterns are seen from.
    pub(crate) fn new(paths: Vec<String>, working_directory: &str) -> Result<Self, SpecFault> {
        let patterns = Patterns::new(paths.iter().map(String::as_str), working_directory)?;
        let with_tool_caches = paths.iter().any(|path| !path.trim().starts_with('!') && path.contains(TOOL_CACHE));
        Ok(Self { paths, patterns, with_tool_caches })
    }

    /// Whether a file is kept. Its path is relative to the repository's root (a monorepo has its `node_modules` there),
    /// with `/` between its names.
    ///
    /// `node_modules/.cache`, wherever it is, is left out unless a pattern names it.
    #[must_use]
    pub fn selects(&self, path: &str) -> bool {
        (self.with_tool_caches || !is_tool_cache(path)) && self.patterns.selects(path)
    }
}

fn is_tool_cache(path: &str) -> bool {
    let segments: Vec<_> = path.split('/').collect();
    segments.windows(2).any(|pair| pair == ["node_modules", ".cache"])
}
