//! The environment variables of apps and branches that say how jobs are started. A branch's comes before its app's.

use serde_json::Value;
use thiserror::Error;
use windlass::{BuildLimitOutOfRange, Limits};

use crate::Attributes;

//= https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html
//# The build timeout duration in minutes. The minimum value is 5. The maximum value is 120.
/// How long a build may take, in minutes.
const BUILD_TIMEOUT: &str = "_BUILD_TIMEOUT";

/// Whether a push stops the build that it makes superfluous. Ours: on AWS, that build goes on.
const SUPERSEDE: &str = "WINDLASS_SUPERSEDE";

/// Whether pushes that change nothing of the app build nothing.
const DIFF_DEPLOY: &str = "AMPLIFY_DIFF_DEPLOY";

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
        let variables = Variables { app: attributes, branch: attributes };
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
    Variables { app, branch }.limits(limits)
}

/// The variables that a branch has.
#[derive(Clone, Copy)]
pub(crate) struct Variables<'a> {
    pub(crate) app: &'a Attributes,
    pub(crate) branch: &'a Attributes,
}

impl<'a> Variables<'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        let of = |attributes: &'a Attributes| attributes.get("environmentVariables")?.get(name)?.as_str();
        of(self.branch).or_else(|| of(self.app))
    }

    fn limits(self, limits: Limits) -> Result<Limits, BadVariable> {
        let Some(text) = self.get(BUILD_TIMEOUT) else { return Ok(limits) };
        let bad = |fault| BadVariable { name: BUILD_TIMEOUT, fault };
        let minutes = text.trim().parse().map_err(|_| bad(VariableFault::NoNumber))?;
        limits.with_build_minutes(minutes).map_err(|error| bad(error.into()))
    }

    /// Whether a push stops the build that works.
    pub(crate) fn supersede(self) -> Result<bool, BadVariable> {
        match self.get(SUPERSEDE).map(str::trim) {
            Some("true") => Ok(true),
            Some("false") | None => Ok(false),
            Some(_) => Err(BadVariable { name: SUPERSEDE, fault: VariableFault::NoBoolean }),
        }
    }

    /// Below which folder a push has to change something, if it has to. Without slashes at its ends, and never empty.
    pub(crate) fn diff_root(self) -> Option<&'a str> {
        self.get(DIFF_DEPLOY).filter(|text| text.trim() == "true")?;
        let root = self.get(DIFF_DEPLOY_ROOT).or_else(|| self.get(APP_ROOT))?.trim();
        let root = root.trim_start_matches("./").trim_matches('/');
        (!root.is_empty() && root != ".").then_some(root)
    }
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
    fn a_root_is_a_folder_of_the_repository_and_not_all_of_it() {
        let root = |variables| {
            let app = with(variables);
            Variables { app: &app, branch: &Attributes::new() }.diff_root().map(str::to_owned)
        };
        let on = |root: &str| json!({ "AMPLIFY_DIFF_DEPLOY": "true", "AMPLIFY_MONOREPO_APP_ROOT": root });
        assert_eq!(root(on("apps/web")).as_deref(), Some("apps/web"));
        assert_eq!(root(on("./apps/web/")).as_deref(), Some("apps/web"));
        for all in ["", "/", ".", "./"] {
            assert_eq!(root(on(all)), None, "{all}");
        }
        assert_eq!(root(json!({ "AMPLIFY_MONOREPO_APP_ROOT": "apps/web" })), None);
        assert_eq!(root(json!({ "AMPLIFY_DIFF_DEPLOY": "true" })), None);
        let other =
            json!({ "AMPLIFY_DIFF_DEPLOY": "true", "AMPLIFY_DIFF_DEPLOY_ROOT": "a", "AMPLIFY_MONOREPO_APP_ROOT": "b" });
        assert_eq!(root(other).as_deref(), Some("a"));
    }
}
