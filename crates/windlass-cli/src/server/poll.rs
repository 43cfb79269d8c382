//! Repositories whose forges cannot call: their branches are looked at now and then, and what has been pushed is built.
//!
//! A tip is built when no job has been made for it since the branch's last push. So a build that failed is not begun anew,
//! and an older commit that somebody built by hand stays until something new is pushed. What its commit says is looked at
//! before a job is made, as it is with webhooks: a push that starts nothing takes no other's place, and stops no build.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use windlass::{Commit, Job, JobType, Limits};
use windlass_git::{Checkout, Git, GitError, RepositoryUrl};
use windlass_runner::guard::AddressGuard;
use windlass_store::{
    App, BranchUid, Clock, NotBuilt, Once, Push, PushError, Pushed, Store, StoreError, StoredBranch, pushed,
    repository_token,
};

/// How many repositories are looked at at a time.
const AT_ONCE: usize = 4;

/// How long a look at one branch may take.
const TIME: Duration = Duration::from_secs(20);

/// How many apps, branches or jobs are read in one go.
const PAGE: usize = 100;

/// What stands for the tip of a branch in a job that no runner has cloned for yet.
const HEAD: &str = "HEAD";

/// The branches that could not be looked at, or not built.
type Troubles = BTreeSet<BranchUid>;

/// Looks at repositories.
#[derive(Clone)]
pub(super) struct Poller {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    git: Git,
    guard: AddressGuard,
    limits: Limits,
    /// The tips that say themselves that they are not to be built.
    skipped: Arc<Mutex<BTreeMap<BranchUid, String>>>,
}

impl Poller {
    /// One that reaches what `git` and `guard` let builds reach. `limits` are the server's for new jobs.
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        git: Git,
        guard: AddressGuard,
        limits: Limits,
    ) -> Self {
        let git = Git { limits: windlass_git::Limits { time: TIME, ..git.limits }, ..git };
        Self { store, clock, git, guard, limits, skipped: Arc::default() }
    }

    /// Looks at all repositories `every` so often, until `stop` fires.
    pub(super) async fn run(self, every: Duration, stop: CancellationToken) {
        let mut look = interval(every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let looking = async {
            let mut told = Troubles::new();
            loop {
                look.tick().await;
                match self.round(&told).await {
                    Ok(troubles) => told = troubles,
                    Err(error) => tracing::warn!("repositories are not looked at for now: {error}"),
                }
            }
        };
        // Every job that was started is stored, and git ends with whoever waits for it, so it may end anywhere.
        stop.run_until_cancelled(looking).await;
    }

    /// Looks at every repository once. What was not in trouble the last time is said.
    async fn round(&self, told: &Troubles) -> Result<Troubles, StoreError> {
        let (mut looks, mut troubles, mut from) = (JoinSet::new(), Troubles::new(), None);
        loop {
            let page = self.store.apps(from, PAGE).await?;
            for app in page.items {
                if app.repository().is_none() {
                    continue;
                }
                if looks.len() >= AT_ONCE {
                    troubles.extend(looks.join_next().await.and_then(Result::ok).unwrap_or_default());
                }
                let (poller, told) = (self.clone(), told.clone());
                looks.spawn(async move { poller.look_at(&app, &told).await });
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        while let Some(looked) = looks.join_next().await {
            // One that has panicked has said so.
            troubles.extend(looked.unwrap_or_default());
        }
        Ok(troubles)
    }

    /// Looks at the branches of an app in turn, and says what is wrong with those of which that has not been `told`.
    async fn look_at(&self, app: &App, told: &Troubles) -> Troubles {
        let mut troubles = Troubles::new();
        let mut from = None;
        loop {
            let page = match self.store.branches(&app.id, from, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!("the branches of app {} cannot be looked at for now: {error}", app.id);
                    return troubles;
                }
            };
            for branch in page.items {
                let Err(trouble) = self.look(app, &branch).await else { continue };
                if !told.contains(&branch.uid) {
                    tracing::warn!(
                        "branch {} of app {} is not built by itself for now: {trouble}",
                        branch.name,
                        app.id
                    );
                }
                troubles.insert(branch.uid);
                if trouble.is_of_all_branches() {
                    return troubles;
                }
            }
            from = page.next;
            if from.is_none() {
                return troubles;
            }
        }
    }

    /// Builds the tip of a branch where nobody has yet.
    async fn look(&self, app: &App, branch: &StoredBranch) -> Result<(), Trouble> {
        let built = branch.attributes.get("enableAutoBuild").and_then(Value::as_bool) != Some(false);
        let Some(url) = app.repository().filter(|_| built) else { return Ok(()) };
        let url = RepositoryUrl::parse(url)?;
        let token = repository_token(&*self.store, app).await?.map(|token| windlass_git::Token::new(token.expose()));
        let before = self.newest(branch).await?;
        // Whoever drops this ends git as well.
        let never = CancellationToken::new();
        let tip = self.git.tip(&url, token.as_ref(), branch.name.as_str(), Some(&self.guard), &never).await?;
        if self.is_skipped(branch.uid, &tip) || self.is_known(branch, &tip).await? {
            return Ok(());
        }
        let folder = tempfile::tempdir().map_err(|source| GitError::Io { path: std::env::temp_dir(), source })?;
        let into = folder.path().join("commit");
        let checkout = Checkout {
            token: token.as_ref(),
            branch: branch.name.as_str(),
            resolve: Some(&self.guard),
            ..Checkout::new(&url, &into)
        };
        let commit = match self.git.tip_commit(&checkout, &never).await {
            Ok(commit) if *commit.id == *tip => commit,
            // Something is pushed just now. The next round knows.
            Ok(_) => return Ok(()),
            // Its server sends all of its files along, which take longer. Whoever builds it has more time.
            Err(GitError::TimedOut { .. } | GitError::TooLarge { .. }) => {
                Commit { id: tip.clone().into(), message: "".into(), time: self.clock.now() }
            }
            Err(error) => return Err(error.into()),
        };
        let newest = self.newest(branch).await?;
        let of = |job: &Option<Job>| job.as_ref().map(|job| (job.id(), job.commit().map(|commit| commit.id.clone())));
        if of(&before) != of(&newest) {
            // Somebody told of a push meanwhile, maybe of a later one. The next round knows.
            return Ok(());
        }
        self.push(app, branch, newest, commit).await
    }

    /// Starts what a push starts. `newest` is the branch's newest job.
    async fn push(&self, app: &App, branch: &StoredBranch, newest: Option<Job>, commit: Commit) -> Result<(), Trouble> {
        let (now, tip) = (self.clock.now(), commit.id.to_string());
        // Whoever else looks at the same store at once sees the same, and asks for the same.
        let state = newest.map_or((0, 0), |job| (job.id().get(), job.seq()));
        let name = format!("poll-{}-{}-{}-{tip}", branch.uid, state.0, state.1);
        let once = Some(Once { name, request: tip.clone(), at: now });
        match pushed(&*self.store, app, branch, Push { commit, paths: None, once }, self.limits, now).await? {
            Pushed::Started(started) => {
                tracing::info!("job {} builds {tip} of branch {} of app {}", started.job.id(), branch.name, app.id);
            }
            Pushed::Refused(why) => {
                tracing::debug!("branch {} of app {} takes no push for now: {why}", branch.name, app.id);
            }
            Pushed::Nothing(why) => {
                tracing::debug!("branch {} of app {}: {why}", branch.name, app.id);
                if why == NotBuilt::SkipCd {
                    self.skipped().insert(branch.uid, tip);
                }
            }
        }
        Ok(())
    }

    fn is_skipped(&self, branch: BranchUid, tip: &str) -> bool {
        self.skipped().get(&branch).is_some_and(|skipped| skipped == tip)
    }

    fn skipped(&self) -> MutexGuard<'_, BTreeMap<BranchUid, String>> {
        // A panic under the lock leaves whole entries behind.
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn newest(&self, branch: &StoredBranch) -> Result<Option<Job>, StoreError> {
        Ok(self.store.jobs(branch.uid, None, 1).await?.items.pop())
    }

    /// Whether a job has built the tip since the last push, that of the push among them, or is about to.
    async fn is_known(&self, branch: &StoredBranch, tip: &str) -> Result<bool, StoreError> {
        let mut from = None;
        loop {
            let page = self.store.jobs(branch.uid, from, PAGE).await?;
            for job in &page.items {
                let commit = job.commit().map(|commit| &*commit.id);
                if commit == Some(tip) || (commit == Some(HEAD) && job.ended().is_none()) {
                    return Ok(true);
                }
                if job.job_type() == JobType::WebHook {
                    return Ok(false);
                }
            }
            from = page.next;
            if from.is_none() {
                return Ok(false);
            }
        }
    }
}

/// Why a branch could not be looked at, or its tip not built.
#[derive(Debug)]
enum Trouble {
    Git(GitError),
    Push(PushError),
    Store(StoreError),
}

impl Trouble {
    /// Whether the other branches of the app need not be tried: a repository that does not answer is waited for once.
    fn is_of_all_branches(&self) -> bool {
        match self {
            Self::Git(error) => !matches!(error, GitError::BranchNotFound { .. }),
            Self::Push(_) => false,
            Self::Store(_) => true,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Git(error) => error.fmt(f),
            Self::Push(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl From<GitError> for Trouble {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

impl From<PushError> for Trouble {
    fn from(error: PushError) -> Self {
        Self::Push(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
