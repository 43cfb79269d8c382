//! AWS Amplify's build specification, `amplify.yml`, as a value.
//!
//! [`effective`] says which of several counts, [`BuildSpec::parse`] reads and checks all of it before anything runs, and
//! [`BuildSpec::plan`] says what is to be done for one app: [`Plan`]. [`script()`] makes its phases one script for the
//! shell, [`variables()`] are the variables of a build, and [`Masker`] keeps secrets out of its log.
//!
//! ```yaml
//! version: 1
//! env: {variables: {NODE_ENV: production}}
//! backend:
//!   phases: {preBuild: {commands: []}, build: {commands: []}, postBuild: {commands: []}}
//! frontend:
//!   buildPath: /            # where commands begin; without it, at the application's root
//!   phases: {preBuild: {commands: [npm ci]}, build: {commands: [npm run build]}, postBuild: {commands: []}}
//!   artifacts: {baseDirectory: dist, files: ['**/*'], discard-paths: no}
//!   cache: {paths: ['node_modules/**/*']}
//! test:
//!   phases: {preTest: {commands: []}, test: {commands: []}, postTest: {commands: []}}
//!   artifacts: {baseDirectory: cypress, configFilePath: '**/mochawesome.json', files: ['**/*.png']}
//! ```
//!
//! A monorepo has `applications`, a list of the same with an `appRoot` and an `env` each.
//!
//! # Patterns
//!
//! `*`, `?`, `[a-z]` and `{a,b}` stand for something within one name, `**` for any folders, also none; so `**/*` is every
//! file, those at the top and those with a dot in front, too. A `!` in front leaves out, wherever it stands in the list.
//! `./` and `/` in front say nothing. A pattern that ends in a plain name or in a slash also means all that is below.
//!
//! This crate deliberately does nothing: no I/O, no clock, no process. Who runs a plan is somebody else.
//!
//! ```
//! use windlass_buildspec::{BuildSpec, script};
//!
//! let text = "
//! version: 1
//! frontend:
//!   phases: {build: {commands: [npm ci, npm run build]}}
//!   artifacts: {baseDirectory: dist, files: ['**/*']}
//! ";
//! let plan = BuildSpec::parse(text)?.plan(None)?;
//! assert_eq!(plan.published_folder(), "dist");
//! assert!(plan.artifacts.selects(".well-known/security.txt"));
//! assert!(script(&plan.build).contains("# Executing command: npm ci"));
//!
//! let error = BuildSpec::parse("frontend:\n  phases:\n    build:\n      commands: 7").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "amplify.yml line 4: frontend.phases.build.commands: expected a list of commands, found a number"
//! );
//! # Ok::<(), windlass_buildspec::SpecError>(())
//! ```

mod error;
mod folder;
mod mask;
mod node;
mod origin;
mod plan;
mod read;
mod script;
mod select;
mod spec;
mod variables;

pub use error::{SpecError, SpecFault};
pub use mask::Masker;
pub use origin::{Origin, effective};
pub use plan::{Phase, PhaseName, Plan, Section, TestPlan};
pub use script::{EXECUTING, script};
pub use select::{Artifacts, CachePaths};
pub use spec::BuildSpec;
pub use variables::{Context, PullRequest, variables};
