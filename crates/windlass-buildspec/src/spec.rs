//! From the text of a build specification to its applications.

use crate::folder;
use crate::node::{Kind, Node};
use crate::plan::{Phase, PhaseName, Plan, TestPlan};
use crate::read::{At, Warnings};
use crate::select::{Artifacts, CachePaths, Patterns};
use crate::{Origin, SpecError, SpecFault};

/// A build specification that was read and checked from its first to its last line.
#[derive(Clone, Debug)]
pub struct BuildSpec {
    variables: Vec<(String, String)>,
    applications: Applications,
    warnings: Vec<String>,
}

#[derive(Clone, Debug)]
enum Applications {
    /// The repository is one application.
    One(Box<Application>),
    /// `applications`: at least one, each with a root of its own.
    Many(Vec<(String, Application)>),
}

/// One application, as far as its text was there. Where its artifacts are missing is only an error if it is built.
#[derive(Clone, Debug)]
struct Application {
    variables: Vec<(String, String)>,
    working_directory: String,
    backend: Vec<Phase>,
    frontend: Vec<Phase>,
    test: Option<TestPlan>,
    artifacts: Result<Artifacts, SpecError>,
    cache: Option<CachePaths>,
}

const SECTION: &str = "a mapping";
const SECTIONS: &str = "env, backend, frontend, test";

impl BuildSpec {
    /// Reads and checks the whole text.
    ///
    /// Where a list of commands or patterns is asked for, a single text is one, too. Numbers and booleans are commands
    /// and values as they are written. Sections, phases and lists with nothing in them are as if they were not there.
    /// Anchors, aliases and merge keys are followed, within narrow limits.
    ///
    /// # Errors
    ///
    /// [`SpecError`] names line and key of the first fault. A key that is not known is none: see
    /// [`warnings`](Self::warnings).
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let node = Node::parse(text)?;
        let root = At::new(&node);
        let mut warnings = Warnings::default();
        let mut variables = Vec::new();
        let mut applications = None;
        let entries = root.entries("a mapping with frontend or applications")?;
        let is_monorepo = entries.iter().any(|(key, at)| *key == "applications" && !at.is_null());
        for (key, at) in entries {
            match key {
                "version" => version(&at, &mut warnings)?,
                "env" => variables = env(&at, &mut warnings)?,
                "applications" if is_monorepo => applications = Some(many(&at, &mut warnings)?),
                "backend" | "frontend" | "test" if is_monorepo => {
                    warnings.add(&at, "this section is ignored, because there is a list of applications");
                }
                "backend" | "frontend" | "test" | "applications" => {}
                "appRoot" => warnings.add(&at, "this key is ignored outside of a list of applications"),
                _ => warnings.unknown(&at, &format!("version, applications, {SECTIONS}")),
            }
        }
        let applications = match applications {
            Some(applications) => Applications::Many(applications),
            None => Applications::One(Box::new(Application::read(&root, "", &mut warnings)?)),
        };
        Ok(Self { variables, applications, warnings: warnings.0 })
    }

    /// What is odd and was passed over, as AWS passes over it: keys that are not known, for example. One sentence each,
    /// with line and key.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The roots of a monorepo's applications, in the order of the text; none if the repository is one application.
    pub fn app_roots(&self) -> impl Iterator<Item = &str> {
        let many = match &self.applications {
            Applications::One(_) => [].as_slice(),
            Applications::Many(many) => many,
        };
        many.iter().map(|(root, _)| root.as_str())
    }

    /// What is to be done for an app. `app_root` is its variable `AMPLIFY_MONOREPO_APP_ROOT`; without it (or with white
    /// space) the first application of a monorepo is meant.
    ///
    /// # Errors
    ///
    /// [`SpecFault::UnknownAppRoot`] and [`SpecFault::NotMonorepo`] if there is no application at `app_root`,
    /// [`SpecFault::NoArtifacts`] if nothing says what is published.
    pub fn plan(&self, app_root: Option<&str>) -> Result<Plan, SpecError> {
        let wanted = app_root.map(str::trim).filter(|root| !root.is_empty());
        let (root, application) = match (&self.applications, wanted) {
            (Applications::One(one), None) => (None, one.as_ref()),
            // The repository's root is where one application is anyway.
            (Applications::One(one), Some(wanted)) if folder::below("", wanted).is_some_and(|root| root.is_empty()) => {
                (None, one.as_ref())
            }
            (Applications::One(_), Some(wanted)) => {
                return Err(nowhere(SpecFault::NotMonorepo { wanted: wanted.to_owned() }));
            }
            (Applications::Many(many), wanted) => {
                let root = wanted.map(|wanted| folder::below("", wanted));
                let fits = |there: &str| root.as_ref().is_none_or(|root| root.as_deref() == Some(there));
                let found = many.iter().find(|(there, _)| fits(there));
                let (root, application) = found.ok_or_else(|| self.unknown(wanted.unwrap_or_default()))?;
                (Some(root.clone()), application)
            }
        };
        let mut variables = self.variables.clone();
        variables.retain(|(name, _)| !application.variables.iter().any(|(own, _)| own == name));
        variables.extend(application.variables.iter().cloned());
        Ok(Plan {
            variables,
            app_root: root,
            working_directory: application.working_directory.clone(),
            build: [application.backend.as_slice(), &application.frontend].concat(),
            test: application.test.clone(),
            artifacts: application.artifacts.clone()?,
            cache: application.cache.clone(),
        })
    }

    fn unknown(&self, wanted: &str) -> SpecError {
        let there = self.app_roots().map(|root| if root.is_empty() { "." } else { root }.to_owned()).collect();
        nowhere(SpecFault::UnknownAppRoot { wanted: wanted.to_owned(), there })
    }
}

fn nowhere(fault: SpecFault) -> SpecError {
    SpecError { origin: Origin::File, line: None, column: None, key: String::new(), fault }
}

fn many(at: &At<'_>, warnings: &mut Warnings) -> Result<Vec<(String, Application)>, SpecError> {
    const LIST: &str = "a list of applications";
    let Kind::List(_) = at.node.kind else { return Err(at.unexpected(LIST)) };
    let mut applications: Vec<(String, Application)> = Vec::new();
    for item in at.items(LIST)? {
        let entries = item.entries("an application")?;
        let Some((_, place)) = entries.into_iter().find(|(key, _)| *key == "appRoot") else {
            return Err(item.error(SpecFault::NoAppRoot));
        };
        let (Kind::Text(text) | Kind::Number(text)) = &place.node.kind else {
            return Err(place.error(SpecFault::NoAppRoot));
        };
        let root = inside(&place, "", text)?;
        if applications.iter().any(|(other, _)| *other == root) {
            return Err(place.error(SpecFault::AppRootTwice { root }));
        }
        let application = Application::read(&item, &root, warnings)?;
        applications.push((root, application));
    }
    if applications.is_empty() { Err(at.error(SpecFault::NoApplications)) } else { Ok(applications) }
}

impl Application {
    /// `at` is the whole text, whose other keys were looked at before, or an item of `applications`.
    fn read(at: &At<'_>, app_root: &str, warnings: &mut Warnings) -> Result<Self, SpecError> {
        let is_item = !at.key.is_empty();
        let (mut variables, mut backend, mut test) = (Vec::new(), Vec::new(), None);
        let mut frontend = Frontend::new(at, app_root);
        for (key, at) in at.entries(SECTION)? {
            match key {
                "env" if is_item => variables = env(&at, warnings)?,
                "backend" => {
                    for (key, at) in at.entries(SECTION)? {
                        match key {
                            "phases" => backend = phases(&at, &PhaseName::BACKEND, warnings)?,
                            _ => warnings.unknown(&at, "phases"),
                        }
                    }
                }
                "frontend" => frontend = Frontend::read(&at, app_root, warnings)?,
                "test" => test = read_test(&at, warnings)?,
                "appRoot" => {}
                _ if is_item => warnings.unknown(&at, &format!("appRoot, {SECTIONS}")),
                _ => {}
            }
        }
        let Frontend { phases: frontend, working_directory, artifacts, cache } = frontend;
        Ok(Self { variables, working_directory, backend, frontend, test, artifacts, cache })
    }
}

/// The section that is published.
struct Frontend {
    phases: Vec<Phase>,
    working_directory: String,
    artifacts: Result<Artifacts, SpecError>,
    cache: Option<CachePaths>,
}

impl Frontend {
    fn new(at: &At<'_>, app_root: &str) -> Self {
        let artifacts = Err(at.error(SpecFault::NoArtifacts));
        Self { phases: Vec::new(), working_directory: app_root.to_owned(), artifacts, cache: None }
    }

    fn read(at: &At<'_>, app_root: &str, warnings: &mut Warnings) -> Result<Self, SpecError> {
        let mut frontend = Self::new(at, app_root);
        let entries = at.entries(SECTION)?;
        // Artifacts and cache are seen from there, whatever stands first.
        if let Some((_, at)) = entries.iter().find(|(key, _)| *key == "buildPath")
            && let Some(path) = at.text("a folder")?
        {
            frontend.working_directory = inside(at, "", path)?;
        }
        for (key, at) in entries {
            match key {
                "phases" => frontend.phases = phases(&at, &PhaseName::FRONTEND, warnings)?,
                "artifacts" if at.is_null() => {}
                "artifacts" => frontend.artifacts = Ok(artifacts(&at, &frontend.working_directory, &[], warnings)?),
                "cache" => frontend.cache = cache(&at, &frontend.working_directory, warnings)?,
                "buildPath" => {}
                _ => warnings.unknown(&at, "phases, artifacts, cache, buildPath"),
            }
        }
        Ok(frontend)
    }
}

fn read_test(at: &At<'_>, warnings: &mut Warnings) -> Result<Option<TestPlan>, SpecError> {
    let mut test = TestPlan { phases: Vec::new(), artifacts: None, config_file_path: None };
    for (key, at) in at.entries(SECTION)? {
        match key {
            "phases" => test.phases = phases(&at, &PhaseName::TEST, warnings)?,
            "artifacts" if at.is_null() => {}
            "artifacts" => {
                for (key, at) in at.entries(SECTION)? {
                    if key == "configFilePath" {
                        test.config_file_path = at.text("a pattern")?.map(str::to_owned);
                    }
                }
                // Seen from the working directory, which is not known here; it is not left.
                test.artifacts = Some(artifacts(&at, "", &["configFilePath"], warnings)?);
            }
            _ => warnings.unknown(&at, "phases, artifacts"),
        }
    }
    Ok((!test.phases.is_empty()).then_some(test))
}

fn phases(at: &At<'_>, names: &[PhaseName; 3], warnings: &mut Warnings) -> Result<Vec<Phase>, SpecError> {
    let mut found = Vec::new();
    for (key, at) in at.entries("a mapping of phases")? {
        match names.iter().find(|name| name.phase() == key) {
            Some(name) => found.push(Phase { name: *name, commands: commands(&at, warnings)? }),
            None => warnings.unknown(&at, &names.map(PhaseName::phase).join(", ")),
        }
    }
    found.retain(|phase| !phase.commands.is_empty());
    found.sort_by_key(|phase| phase.name);
    Ok(found)
}

fn commands(at: &At<'_>, warnings: &mut Warnings) -> Result<Vec<String>, SpecError> {
    let mut commands = Vec::new();
    for (key, at) in at.entries("a mapping with commands")? {
        if key != "commands" {
            warnings.unknown(&at, "commands");
            continue;
        }
        for item in at.items("a list of commands")? {
            if let Kind::Map(_) = item.node.kind {
                return Err(item.error(SpecFault::CommandIsMapping));
            }
            let text = item.text("a command")?.unwrap_or_default();
            if !text.trim().is_empty() {
                commands.push(text.to_owned());
            }
        }
    }
    Ok(commands)
}

fn artifacts(
    at: &At<'_>,
    working_directory: &str,
    also: &[&str],
    warnings: &mut Warnings,
) -> Result<Artifacts, SpecError> {
    let (mut base, mut files, mut discard_paths) = (String::new(), None, false);
    for (key, at) in at.entries(SECTION)? {
        match key {
            "baseDirectory" | "base-directory" => {
                let folder = at.text("a folder")?.unwrap_or_default();
                base = folder::relative(working_directory, &inside(&at, working_directory, folder)?);
            }
            "files" if at.is_null() => {}
            "files" => {
                let patterns = patterns(&at)?;
                if patterns.is_empty() {
                    return Err(at.error(SpecFault::NoPatterns));
                }
                files = Some(patterns);
            }
            "discard-paths" => discard_paths = at.yes_or_no()?,
            _ if also.contains(&key) => {}
            _ => warnings.unknown(&at, "baseDirectory, files, discard-paths"),
        }
    }
    let files = files.unwrap_or_else(|| vec!["**/*".to_owned()]);
    Artifacts::new(base, files, discard_paths).map_err(|fault| at.error(fault))
}

fn cache(at: &At<'_>, working_directory: &str, warnings: &mut Warnings) -> Result<Option<CachePaths>, SpecError> {
    let mut cache = None;
    for (key, at) in at.entries(SECTION)? {
        match key {
            "paths" => {
                for path in at.items("a list of patterns")? {
                    if path.text("a pattern")?.is_some_and(|path| path.trim().starts_with(['~', '$', '/'])) {
                        warnings.add(&path, "only what is inside of the repository is kept");
                    }
                }
                let paths = patterns(&at)?;
                // AWS's own templates say `paths: []`.
                let kept = (!paths.is_empty()).then(|| CachePaths::new(paths, working_directory));
                cache = kept.transpose().map_err(|fault| at.error(fault))?;
            }
            _ => warnings.unknown(&at, "paths"),
        }
    }
    Ok(cache)
}

fn patterns(at: &At<'_>) -> Result<Vec<String>, SpecError> {
    let mut patterns = Vec::new();
    for item in at.items("a list of patterns")? {
        let Some(pattern) = item.text("a pattern")?.filter(|pattern| !pattern.trim().is_empty()) else { continue };
        // All of them are compiled together later; here the one that is no glob is found.
        Patterns::new([pattern], "").map_err(|fault| item.error(fault))?;
        patterns.push(pattern.to_owned());
    }
    Ok(patterns)
}

fn env(at: &At<'_>, warnings: &mut Warnings) -> Result<Vec<(String, String)>, SpecError> {
    let mut variables = Vec::new();
    for (key, at) in at.entries(SECTION)? {
        if key != "variables" {
            warnings.unknown(&at, "variables");
            continue;
        }
        for (name, at) in at.entries("a mapping of names and values")? {
            if !crate::variables::is_possible(name) {
                return Err(at.error(SpecFault::VariableName { name: name.to_owned() }));
            }
            if crate::variables::is_reserved(name) {
                warnings.add(&at, "a build sets this variable itself, or is not given it, and this value is ignored");
            }
            variables.push((name.to_owned(), at.text("a text, a number or a boolean")?.unwrap_or_default().to_owned()));
        }
    }
    Ok(variables)
}

fn version(at: &At<'_>, warnings: &mut Warnings) -> Result<(), SpecError> {
    match at.text("a version")?.map(str::trim) {
        None | Some("1" | "1.0" | "0.1") => {}
        Some(other) => warnings.add(at, format_args!("version {other} is not known and is read as version 1")),
    }
    Ok(())
}

/// A folder from the repository's root.
fn inside(at: &At<'_>, from: &str, folder: &str) -> Result<String, SpecError> {
    if folder.contains('\0') {
        return Err(at.error(SpecFault::Nul));
    }
    folder::below(from, folder).ok_or_else(|| at.error(SpecFault::Outside { folder: folder.to_owned() }))
}
