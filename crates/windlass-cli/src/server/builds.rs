//! What repositories are built with.

use std::path::{Path, PathBuf};

use windlass::Account;
use windlass_build::{Cache, Workshop};
use windlass_git::Git;
use windlass_jail::{Isolation, Jail, Limits, Network};
use windlass_runner::Builds;
use windlass_runner::guard::AddressGuard;

/// How repositories are built.
#[derive(Clone, Debug)]
pub struct BuildConfig {
    /// The program that knows `windlass jail`; without it nothing is built.
    pub program: Option<PathBuf>,
    /// What keeps a build from everything that is not its own.
    pub isolation: Isolation,
    /// What it can reach.
    pub network: Network,
    /// How much it may use.
    pub limits: Limits,
    /// Where it finds programs, as `PATH` says it; otherwise in the usual places.
    pub path: Option<String>,
    /// What it may read beside what everyone on this machine may.
    pub readable: Vec<PathBuf>,
    /// How many bytes a branch may keep from one build to the next.
    pub cache_each: u64,
    /// How many bytes all branches may keep.
    pub cache: u64,
}

impl BuildConfig {
    /// Builds by this program, isolated, with everything else as `windlass serve` has it.
    #[must_use]
    pub fn by(program: PathBuf) -> Self {
        Self { program: Some(program), ..Self::default() }
    }

    /// What builds, below `data`, or why nothing is built.
    pub(super) fn open(
        &self,
        data: &Path,
        git: Git,
        guard: AddressGuard,
        account: Account,
    ) -> Result<Builds, Box<str>> {
        let workshop = self.workshop()?;
        let cache = Cache::new(data.join("builds"), self.cache_each, self.cache);
        Ok(Builds { git, guard, workshop, cache, account })
    }

    /// What runs the commands of builds. It was tried out.
    ///
    /// # Errors
    ///
    /// Why there is none: what is missing for the isolation that was asked for.
    pub fn workshop(&self) -> Result<Workshop, Box<str>> {
        let Some(program) = self.program.clone() else { return Err("it was not told by which program".into()) };
        let jail = Jail { program, isolation: self.isolation, network: self.network, limits: self.limits.clone() };
        let report = jail.probe().map_err(|why| format!("{why}; --isolation none builds without it"))?;
        tracing::info!("{report}");
        for words in report.missing() {
            tracing::warn!("builds go without what would keep them apart better: {words}");
        }
        let mut workshop = Workshop::new(jail);
        workshop.readable.clone_from(&self.readable);
        if let Some(path) = &self.path {
            workshop.path.clone_from(path);
        }
        Ok(workshop)
    }
}

impl Default for BuildConfig {
    fn default() -> Self {
        Self {
            program: None,
            isolation: Isolation::Full,
            network: Network::Host,
            limits: Limits::default(),
            path: None,
            readable: Vec::new(),
            cache_each: 2 << 30,
            cache: 20 << 30,
        }
    }
}
