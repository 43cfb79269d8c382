//! The environment variables of apps and branches, and what those of them mean that say how jobs are started.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use thiserror::Error;
use windlass::{BuildLimitOutOfRange, Limits};

use crate::Attributes;

/// The attribute that has them.
const ENVIRONMENT: &str = "environmentVariables";

//= https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html
//# The build timeout duration in minutes. The minimum value is 5. The maximum value is 120.
/// How long a build may take, in minutes.
const BUILD_TIMEOUT: &str = "_BUILD_TIMEOUT";

/// Whether a push stops the build that it makes superfluous. Ours: on AWS, that build goes on.
const SUPERSEDE: &str = "WINDLASS_SUPERSEDE";

//= https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html
//# Enable or disable diff based frontend deployment.
/// Whether pushes that change nothing of the app build nothing.
const DIFF_DEPLOY: &str = "AMPLIFY_DIFF_DEPLOY";

//= https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html
//# The path to use for diff based frontend deployment comparisons, relative to the root of your repository.
/// Where they would have to change something.
const DIFF_DEPLOY_ROOT: &str = "AMPLIFY_DIFF_DEPLOY_ROOT";

/// Where an app is in a repository of several.
const APP_ROOT: &str = "AMPLIFY_MONOREPO_APP_ROOT";

/// A variable has a value that it cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the environment variable {name} cannot have this value: {fault}")]
pub struct BadVariable {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with it.
    pub fault: VariableFault,
}

/// What is wrong with a variable's value. The value is not repeated: values may be secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VariableFault {
    /// It is no number.
    #[error("it is a whole number of minutes")]
    NoNumber,
    /// It is too small or too large a number.
    #[error(transparent)]
    OutOfRange(#[from] BuildLimitOutOfRange),
    /// It is neither true nor false.
    #[error("it is true or false")]
    NoBoolean,
}

/// Checks the variables of an app or a branch that is to be stored.
///
/// # Errors
///
/// [`BadVariable`] for one that no job could be started with.
pub fn check_variables(attributes: &Attributes) -> Result<(), BadVariable> {
    let of_new_branches = attributes.get("autoBranchCreationConfig").and_then(Value::as_object);
    for attributes in [Some(attributes), of_new_branches].into_iter().flatten() {
        let variables = Variables::of(attributes, attributes);
        variables.limits(Limits::default())?;
        variables.supersede()?;
    }
    Ok(())
}

/// The time limits of a new job that builds: `limits`, with the build's own where the variables say one.
///
/// # Errors
///
/// [`BadVariable`] where they say what cannot be. [`check_variables`] lets no such value in.
pub fn build_limits(limits: Limits, app: &Attributes, branch: &Attributes) -> Result<Limits, BadVariable> {
    Variables::of(app, branch).limits(limits)
}

/// The variables that a branch has: its own, and those of its app that it has none of the same name for.
///
/// ```
/// use serde_json::json;
/// use windlass_store::Variables;
///
/// let app = json!({ "environmentVariables": { "A": "app", "B": "app" } });
/// let branch = json!({ "environmentVariables": { "B": "branch" } });
/// let variables = Variables::of(app.as_object().unwrap(), branch.as_object().unwrap());
/// assert_eq!((variables.get("A"), variables.get("B"), variables.get("C")), (Some("app"), Some("branch"), None));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    app: &'a Attributes,
    branch: &'a Attributes,
}

/// A folder of a repository in which something has to change, or all of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffRoot(String);

impl<'a> Variables<'a> {
    /// Those of a branch with these attributes, of an app with those.
    #[must_use]
    pub const fn of(app: &'a Attributes, branch: &'a Attributes) -> Self {
        Self { app, branch }
    }

    /// What the variable of this name says.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        let of = |attributes: &'a Attributes| attributes.get(ENVIRONMENT)?.get(name)?.as_str();
        of(self.branch).or_else(|| of(self.app))
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(self) -> BTreeMap<String, String> {
        let of = |attributes: &'a Attributes| attributes.get(ENVIRONMENT).and_then(Value::as_object);
        let both = [self.app, self.branch].into_iter().filter_map(of).flatten();
        both.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// Whether the variable of this name says `true`, as AWS writes it, or the same in another case.
    #[must_use]
    pub fn is_on(self, name: &str) -> bool {
        self.get(name).is_some_and(is_true)
    }

    fn limits(self, limits: Limits) -> Result<Limits, BadVariable> {
        let Some(text) = self.get(BUILD_TIMEOUT) else { return Ok(limits) };
        let bad = |fault| BadVariable { name: BUILD_TIMEOUT, fault };
        let minutes = text.trim().parse().map_err(|_| bad(VariableFault::NoNumber))?;
        limits.with_build_minutes(minutes).map_err(|error| bad(error.into()))
    }

    /// Whether a push stops the build that works.
    pub(crate) fn supersede(self) -> Result<bool, BadVariable> {
        match self.get(SUPERSEDE) {
            Some(text) if is_true(text) => Ok(true),
            Some(text) if !text.trim().eq_ignore_ascii_case("false") => {
                Err(BadVariable { name: SUPERSEDE, fault: VariableFault::NoBoolean })
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Where `AMPLIFY_DIFF_DEPLOY` asks for a change before it lets anything be built, if it does: in the folder that
    /// `AMPLIFY_DIFF_DEPLOY_ROOT` names, or else in that of the app in its repository, or else in `otherwise`. `None` where
    /// every push is built, or where only whoever knows `otherwise` can say.
    #[must_use]
    pub fn diff_root(self, otherwise: Option<&str>) -> Option<DiffRoot> {
        let named = |name| self.get(name).filter(|root| !root.trim().is_empty());
        let root = named(DIFF_DEPLOY_ROOT).or_else(|| named(APP_ROOT)).or(otherwise);
        root.filter(|_| self.is_on(DIFF_DEPLOY)).map(DiffRoot::read)
    }

    /// Which app of the repository it is, where that has several.
    #[must_use]
    pub fn app_root(self) -> Option<&'a str> {
        self.get(APP_ROOT)
    }
}

impl DiffRoot {
    /// A root that leads out of the repository is taken for all of it: rather one build too many.
    fn read(text: &str) -> Self {
        let mut names = Vec::new();
        for name in text.trim().split('/') {
            match name {
                "" | "." => {}
                ".." if names.pop().is_none() => return Self(String::new()),
                ".." => {}
                name => names.push(name),
            }
        }
        Self(names.join("/"))
    }

    /// Whether any of these paths, as git has them, is the root or below it.
    pub fn is_touched_by<'p>(&self, mut paths: impl Iterator<Item = &'p str>) -> bool {
        let below =
            |path: &str| path.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        paths.any(|path| self.0.is_empty() || below(path))
    }
}

impl fmt::Display for DiffRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the repository's root" } else { &self.0 })
    }
}

fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(variables: Value) -> Attributes {
        Attributes::from_iter([("environmentVariables".to_owned(), variables)])
    }

    #[test]
    fn a_branchs_build_limit_comes_before_its_apps() {
        let (app, branch) = (with(json!({ "_BUILD_TIMEOUT": "60" })), with(json!({ "_BUILD_TIMEOUT": "5" })));
        let build = |app: &Attributes, branch: &Attributes| build_limits(Limits::default(), app, branch).unwrap().build;
        assert_eq!(build(&app, &branch), 5 * 60);
        assert_eq!(build(&app, &Attributes::new()), 60 * 60);
        assert_eq!(build(&Attributes::new(), &Attributes::new()), 30 * 60);
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_by_the_variables_name() {
        for value in ["4", "121", "", "ten", "-5", "5.5", "99999999999"] {
            let error = check_variables(&with(json!({ "_BUILD_TIMEOUT": value }))).unwrap_err();
            assert_eq!(error.name, "_BUILD_TIMEOUT", "{value}");
        }
        let error = check_variables(&with(json!({ "WINDLASS_SUPERSEDE": "yes" }))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable WINDLASS_SUPERSEDE cannot have this value: it is true or false"
        );
        let nested = json!({ "environmentVariables": { "_BUILD_TIMEOUT": "1" } });
        let nested = Attributes::from_iter([("autoBranchCreationConfig".to_owned(), nested)]);
        assert!(check_variables(&nested).is_err());
        for fine in [
            json!({ "_BUILD_TIMEOUT": "5", "WINDLASS_SUPERSEDE": "true" }),
            json!({ "_BUILD_TIMEOUT": "120" }),
            json!({}),
        ] {
            assert_eq!(check_variables(&with(fine)), Ok(()));
        }
    }

    #[test]
    fn a_switch_is_on_if_it_says_true() {
        let app = with(json!({ "A": "true", "B": " TRUE ", "C": "1", "D": "", "E": "true" }));
        let branch = with(json!({ "E": "false" }));
        let variables = Variables::of(&app, &branch);
        assert_eq!(
            ["A", "B", "C", "D", "E", "F"].map(|name| variables.is_on(name)),
            [true, true, false, false, false, false]
        );
        assert_eq!(variables.all()["E"], "false");
        for (text, supersede) in [("true", true), ("True", true), ("false", false), ("FALSE", false)] {
            let app = with(json!({ "WINDLASS_SUPERSEDE": text }));
            assert_eq!(Variables::of(&app, &Attributes::new()).supersede(), Ok(supersede), "{text}");
        }
    }

    #[test]
    fn the_root_that_counts_is_the_named_one_or_the_apps_or_another() {
        let root = |variables, otherwise| {
            let app = with(variables);
            Variables::of(&app, &Attributes::new()).diff_root(otherwise).map(|root| root.to_string())
        };
        let on = json!({ "AMPLIFY_DIFF_DEPLOY": "True" });
        assert_eq!(root(json!({}), Some("a")), None);
        assert_eq!(root(json!({ "AMPLIFY_DIFF_DEPLOY": "false", "AMPLIFY_MONOREPO_APP_ROOT": "a" }), None), None);
        assert_eq!(root(on.clone(), None), None);
        assert_eq!(root(on, Some("src")).as_deref(), Some("src"));
        let both =
            json!({ "AMPLIFY_DIFF_DEPLOY": "true", "AMPLIFY_DIFF_DEPLOY_ROOT": "a", "AMPLIFY_MONOREPO_APP_ROOT": "b" });
        assert_eq!(root(both, Some("src")).as_deref(), Some("a"));
        let other =
            json!({ "AMPLIFY_DIFF_DEPLOY": "true", "AMPLIFY_DIFF_DEPLOY_ROOT": " ", "AMPLIFY_MONOREPO_APP_ROOT": "b" });
        assert_eq!(root(other, Some("src")).as_deref(), Some("b"));
    }

    #[test]
    fn a_root_is_touched_by_what_lies_in_it_alone() {
        for (root, paths, expected) in [
            ("apps/a", "apps/a/src/x README.md", true),
            ("apps/a", "apps/ab/x apps README.md b/apps/a/x", false),
            ("/apps/a/", "apps/a", true),
            ("./apps//b/../a", "apps/a/x", true),
            ("", "README.md", true),
            ("/", "README.md", true),
            ("..", "README.md", true),
            ("a/../..", "README.md", true),
            ("", "", false),
        ] {
            assert_eq!(DiffRoot::read(root).is_touched_by(paths.split_whitespace()), expected, "{root}: {paths}");
        }
    }
}
