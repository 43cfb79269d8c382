//! Whether a commit concerns an app of a monorepo: `AMPLIFY_DIFF_DEPLOY` and `AMPLIFY_DIFF_DEPLOY_ROOT`.

use std::collections::BTreeMap;

use crate::{folder, variables};

/// The folder whose changes count, if `AMPLIFY_DIFF_DEPLOY` is `true`: `AMPLIFY_DIFF_DEPLOY_ROOT`, or else the
/// application's root, or else `src`. `None` if every commit is built.
//= https://docs.aws.amazon.com/amplify/latest/userguide/edit-build-settings.html
#[must_use]
pub fn root(variables: &BTreeMap<String, String>, app_root: Option<&str>) -> Option<String> {
    let named = variables.get("AMPLIFY_DIFF_DEPLOY_ROOT").map(|root| root.trim()).filter(|root| !root.is_empty());
    let is_on = variables::is_on(variables, "AMPLIFY_DIFF_DEPLOY");
    is_on.then(|| named.or(app_root).unwrap_or("src").to_owned())
}

/// Whether one of the paths that changed is `root` or below it. Paths and root are relative to the repository's root,
/// with `/` between their names; slashes and `./` in front say nothing. Everything is below the repository's root, which
/// a root that leads out of the repository is taken for: rather one build too many.
#[must_use]
pub fn changed_below<'p>(root: &str, mut changed_paths: impl Iterator<Item = &'p str>) -> bool {
    let root = folder::below("", root).unwrap_or_default();
    changed_paths.any(|path| {
        let path = folder::below("", path).unwrap_or_default();
        root.is_empty() || path.strip_prefix(&root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
