//! What is to be done for one app.

use strum::{Display, EnumIter};

use crate::folder;
use crate::select::{Artifacts, CachePaths};

/// What is to be done to build, test and publish one app.
///
/// Folders are relative to the repository's root if nothing else is said, with `/` between their names, and never lead
/// out of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `env.variables`, each name once.
    pub variables: Vec<(String, String)>,
    /// The folder of a monorepo's application; `None` if the repository is one application.
    pub app_root: Option<String>,
    /// The folder in which the script begins: `buildPath`, or else the application's root. Empty for the repository's
    /// root.
    pub working_directory: String,
    /// The phases of the backend, then those of the frontend. Those without commands are left out.
    pub build: Vec<Phase>,
    /// The tests, if there are any to run.
    pub test: Option<TestPlan>,
    /// What is published.
    pub artifacts: Artifacts,
    /// What is kept for the next build. `None`: nothing is kept, and nothing that was kept is used.
    pub cache: Option<CachePaths>,
}

/// How an app is tested.
#[derive(Clone, Debug)]
pub struct TestPlan {
    /// The phases, at least one.
    pub phases: Vec<Phase>,
    /// What the tests leave behind. Its base directory is seen from the plan's working directory.
    pub artifacts: Option<Artifacts>,
    /// The pattern of the reports, as it was written.
    pub config_file_path: Option<String>,
}

/// Commands that run one after the other, until one fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Which phase.
    pub name: PhaseName,
    /// The commands, none of them empty. One may have many lines.
    pub commands: Vec<String>,
}

/// The phases, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumIter)]
#[allow(missing_docs, reason = "the names say it")]
pub enum PhaseName {
    #[strum(serialize = "backend.preBuild")]
    BackendPreBuild,
    #[strum(serialize = "backend.build")]
    BackendBuild,
    #[strum(serialize = "backend.postBuild")]
    BackendPostBuild,
    #[strum(serialize = "frontend.preBuild")]
    FrontendPreBuild,
    #[strum(serialize = "frontend.build")]
    FrontendBuild,
    #[strum(serialize = "frontend.postBuild")]
    FrontendPostBuild,
    #[strum(serialize = "test.preTest")]
    PreTest,
    #[strum(serialize = "test.test")]
    Test,
    #[strum(serialize = "test.postTest")]
    PostTest,
}

/// The sections that have phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display)]
pub enum Section {
    /// `backend`.
    Backend,
    /// `frontend`.
    Frontend,
    /// `test`.
    Test,
}

impl PhaseName {
    pub(crate) const BACKEND: [Self; 3] = [Self::BackendPreBuild, Self::BackendBuild, Self::BackendPostBuild];
    pub(crate) const FRONTEND: [Self; 3] = [Self::FrontendPreBuild, Self::FrontendBuild, Self::FrontendPostBuild];
    pub(crate) const TEST: [Self; 3] = [Self::PreTest, Self::Test, Self::PostTest];

    /// The section that it is in.
    #[must_use]
    pub const fn section(self) -> Section {
        match self {
            Self::BackendPreBuild | Self::BackendBuild | Self::BackendPostBuild => Section::Backend,
            Self::FrontendPreBuild | Self::FrontendBuild | Self::FrontendPostBuild => Section::Frontend,
            Self::PreTest | Self::Test | Self::PostTest => Section::Test,
        }
    }

    /// Its name within the section, as in `preBuild`.
    #[must_use]
    pub const fn phase(self) -> &'static str {
        match self {
            Self::BackendPreBuild | Self::FrontendPreBuild => "preBuild",
            Self::BackendBuild | Self::FrontendBuild => "build",
            Self::BackendPostBuild | Self::FrontendPostBuild => "postBuild",
            Self::PreTest => "preTest",
            Self::Test => "test",
            Self::PostTest => "postTest",
        }
    }
}

impl Plan {
    /// The plan for a repository without any build specification: nothing is run, and it is published as it is.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            variables: Vec::new(),
            app_root: None,
            working_directory: String::new(),
            build: Vec::new(),
            test: None,
            artifacts: Artifacts::everything(),
            cache: None,
        }
    }

    /// The same without the phases of the backend: what `AMPLIFY_SKIP_BACKEND_BUILD` asks for.
    #[must_use]
    pub fn without_backend(mut self) -> Self {
        self.build.retain(|phase| phase.name.section() != Section::Backend);
        self
    }

    /// The same without the tests: what `USER_DISABLE_TESTS` asks for.
    #[must_use]
    pub fn without_tests(self) -> Self {
        Self { test: None, ..self }
    }

    /// The folder that is published, from the repository's root; empty for the root itself.
    #[must_use]
    pub fn published_folder(&self) -> String {
        self.folder_of(&self.artifacts)
    }

    /// The folder that such artifacts are in, from the repository's root.
    #[must_use]
    pub fn folder_of(&self, artifacts: &Artifacts) -> String {
        // A base directory was checked when it was read: it does not climb out.
        folder::below(&self.working_directory, &artifacts.base_directory).unwrap_or_default()
    }
}
