//! The BUILD and TEST steps of a job of a repository: clone, build as the specification says, pack what was made.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;
use windlass::{Account, Commit, JobType, Report, Resource};
use windlass_artifact::Packer;
use windlass_build::{BuildError, Cache, Commands, Found, Restored, Room, Saved, Workshop, files};
use windlass_buildspec::{Artifacts, BuildSpec, Context, Masker, Phase, Plan, SpecError, effective, variables};
use windlass_git::{Checkout, Git, GitError, RepositoryUrl};
use windlass_store::{App, Attributes, JobKey, Staged, Token, Variables, keys, repository_token};

use crate::deploy::{Stoppable, blocking, fault};
use crate::guard::AddressGuard;
use crate::headers;
use crate::log::Log;
use crate::run::{Claimed, Halt};
use crate::runner::Runner;

/// How large a file that is read whole may be: a specification, or the headers of a site. AWS's own texts of them may
/// have 25,000 characters.
const TEXT_MAX: u64 = 1024 * 1024;

/// How many files of a job's tests are kept, and how many bytes they may have together.
const TEST_FILES: usize = 1_000;
const TEST_BYTES: u64 = 500_000_000;

/// By which names a repository may have a build specification.
const SPECIFICATIONS: [&str; 2] = ["amplify.yml", "amplify.yaml"];

/// What a runner builds repositories with.
#[derive(Clone, Debug)]
pub struct Builds {
    /// What fetches a commit.
    pub git: Git,
    /// Where repositories may be fetched from.
    pub guard: AddressGuard,
    /// What runs the commands.
    pub workshop: Workshop,
    /// What they keep from one build to the next.
    pub cache: Cache,
    /// Whose apps they are, for their ARNs.
    pub account: Account,
}

/// What came of BUILD.
pub(crate) struct Built {
    /// What goes live.
    pub(crate) zip: Staged,
    /// The custom headers of the repository, which go live with it.
    pub(crate) headers: Option<String>,
    place: Place,
}

/// Where a build goes on, and how.
struct Place {
    room: OwnRoom,
    plan: Plan,
    variables: BTreeMap<String, String>,
    masker: Masker,
}

/// A room whose thousands of files are removed off the threads that answer requests.
struct OwnRoom(Option<Room>);

/// What a build is told of its app.
struct Settings {
    app: App,
    url: RepositoryUrl,
    token: Option<Token>,
}

impl Built {
    pub(crate) fn has_tests(&self) -> bool {
        self.place.plan.test.is_some()
    }
}

impl Runner {
    /// Executes BUILD. The log has no secret in it.
    pub(crate) async fn build(&self, claimed: &Claimed, log: &Log) -> Result<Built, Halt> {
        let built = match self.builds(claimed).await {
            Ok(builds) => self.build_with(builds, claimed, log).await,
            Err(halt) => Err(halt),
        };
        tell_end(&built, "Build", log);
        built
    }

    async fn build_with(&self, builds: &Builds, claimed: &Claimed, log: &Log) -> Result<Built, Halt> {
        let settings = self.settings_of(claimed).await?;
        let room = OwnRoom(Some(Room::new_in(self.0.blobs.vault().staging()).map_err(fault)?));
        let commit = self.clone_commit(builds, claimed, &settings, &room, log).await?;
        self.tell(claimed, &[Report::Resolved { commit: Box::new(commit.clone()) }], &[]).await?;

        let plan = plan_of(&settings, claimed, room.repository(), log)?;
        let headers = headers::of(room.repository(), &settings.app)?;
        self.ensure_changed(builds, claimed, &settings, &plan, &room).await?;
        let variables = variables(&builds.context(claimed, &settings, &commit, &room, &plan));
        let token = settings.token.as_ref().map(|token| token.expose().to_owned());
        let masker = Masker::new(Masker::of_variables(&variables).into_iter().chain(token));
        let place = Place { room, plan, variables, masker };

        let owner = format!("{}-{}", claimed.branch.app, claimed.branch.uid);
        restore(builds, &owner, &place, log).await?;
        place.run(builds, &place.plan.build, claimed, log).await?;
        save(builds, &owner, &place, log).await?;
        let zip = self.pack_built(claimed, &place, log).await?;
        Ok(Built { zip, headers, place })
    }

    /// Executes TEST. Answers how it ended, and what its tests made, which is kept in any case.
    pub(crate) async fn test(
        &self,
        claimed: &Claimed,
        built: &Built,
        log: &Log,
    ) -> (Result<(), Halt>, Vec<(String, Bytes)>) {
        let (Ok(builds), Some(test)) = (self.builds(claimed).await, &built.place.plan.test) else {
            return (Ok(()), Vec::new());
        };
        let mut tested = built.place.run(builds, &test.phases, claimed, log).await;
        let mut made = Vec::new();
        if let Some(artifacts) = &test.artifacts
            && !claimed.let_go().is_cancelled()
        {
            match self.keep_tests(claimed, &built.place, artifacts, log).await {
                Ok(kept) => made = kept,
                Err(halt) => tested = tested.and(Err(halt)),
            }
        }
        tell_end(&tested, "Test", log);
        (tested, made)
    }

    /// Makes ready to be kept what tests have made: reports, pictures, films.
    async fn keep_tests(
        &self,
        claimed: &Claimed,
        place: &Place,
        artifacts: &Artifacts,
        log: &Log,
    ) -> Result<Vec<(String, Bytes)>, Halt> {
        let (repository, folder) = (place.room.repository(), place.plan.folder_of(artifacts));
        if !repository.join(&folder).is_dir() {
            log.warning(format_args!("The tests have made no folder {folder}"));
            return Ok(Vec::new());
        }
        let mut found = files(repository, &folder, |path| artifacts.selects(path)).map_err(fault)?;
        found.retain(|found| !found.path.contains(char::is_control));
        if found.len() > TEST_FILES {
            log.warning(format_args!("Of {} files of the tests, {TEST_FILES} are kept", found.len()));
            found.truncate(TEST_FILES);
        }
        let (mut kept, mut names, mut left) = (Vec::new(), String::new(), TEST_BYTES);
        for Found { path, file } in found {
            let size = file.metadata().map_err(fault)?.len();
            let Some(rest) = left.checked_sub(size) else {
                log.warning(format_args!("{path} is not kept: all files of the tests may have {TEST_BYTES} bytes"));
                continue;
            };
            left = rest;
            let mut staging = self.0.blobs.stage();
            let staged = blocking(move || {
                io::copy(&mut File::open(file).map_err(fault)?, &mut staging).map_err(fault)?;
                staging.finish().map_err(fault)
            });
            let key = keys::test_file(claimed.key(), claimed.attempt, names.lines().count());
            kept.extend(self.0.blobs.keep(key, staged.await?).await?);
            names.push_str(artifacts.published_as(&path));
            names.push('\n');
        }
        log.info(format_args!("Kept {} files of the tests", names.lines().count()));
        kept.push((keys::test_names(claimed.key(), claimed.attempt), names.into()));
        Ok(kept)
    }

    async fn builds(&self, claimed: &Claimed) -> Result<&Builds, Halt> {
        let tried = claimed.let_go().run_until_cancelled(self.0.sources.builds.wait()).await;
        let builds = tried.ok_or(Halt::LetGo)?.as_ref();
        builds.map_err(|why| Halt::Failed(format!("this server does not build repositories: {why}")))
    }

    async fn settings_of(&self, claimed: &Claimed) -> Result<Settings, Halt> {
        let gone = || Halt::Failed("the app is not there any more".to_owned());
        let app = self.0.store.app(&claimed.branch.app).await?.ok_or_else(gone)?;
        let url = app.repository().ok_or_else(|| {
            Halt::Failed("the app is not connected to a repository any more; connect it, or deploy by hand".to_owned())
        })?;
        let url = RepositoryUrl::parse(url).map_err(fault)?;
        let token = repository_token(&*self.0.store, &app).await?;
        Ok(Settings { app, url, token })
    }

    async fn clone_commit(
        &self,
        builds: &Builds,
        claimed: &Claimed,
        settings: &Settings,
        room: &Room,
        log: &Log,
    ) -> Result<Commit, Halt> {
        let wanted = claimed.job.commit().map(|commit| &*commit.id).filter(|id| *id != "HEAD");
        let branch = claimed.branch.name.as_str();
        log.info(format_args!("Cloning {}, branch {branch}", settings.url));
        let token = settings.git_token();
        let checkout = Checkout { commit: wanted, ..settings.checkout(claimed, token.as_ref(), room, &builds.guard) };
        let tell = |line: &str| log.info(line);
        match builds.git.checkout(&checkout, &tell, claimed.let_go()).await {
            Ok(commit) => {
                let title = commit.message.lines().next().unwrap_or_default();
                log.info(format_args!("Checked out {} {title}", commit.id));
                Ok(commit)
            }
            Err(GitError::Stopped) => Err(Halt::LetGo),
            Err(error) => Err(fault(error)),
        }
    }

    /// Ends the job where its app asks for that and nothing that it is made of has changed since what is live. Only a
    /// push can be needless: who starts a job by hand means it.
    async fn ensure_changed(
        &self,
        builds: &Builds,
        claimed: &Claimed,
        settings: &Settings,
        plan: &Plan,
        room: &Room,
    ) -> Result<(), Halt> {
        //= https://docs.aws.amazon.com/amplify/latest/userguide/edit-build-settings.html#enable-diff-deploy
        //# at the start of each build Amplify attempts to run a diff on either your appRoot, or the /src/ folder by default.
        let otherwise = plan.app_root.as_deref().unwrap_or("src");
        let Some(root) = settings.variables(claimed).diff_root(Some(otherwise)) else { return Ok(()) };
        if claimed.job.job_type() != JobType::WebHook {
            return Ok(());
        }
        let Some(live) = claimed.branch.branch.live() else { return Ok(()) };
        let key = JobKey { branch: claimed.branch.uid, job: live.job };
        let Some(live) = self.0.store.job(key).await? else { return Ok(()) };
        let Some(since) = live.commit().map(|commit| &commit.id) else { return Ok(()) };
        let token = settings.git_token();
        let checkout = settings.checkout(claimed, token.as_ref(), room, &builds.guard);
        match builds.git.changed_paths(&checkout, since, claimed.let_go()).await {
            Ok(Some(changed)) if !root.is_touched_by(changed.iter().map(String::as_str)) => {
                Err(Halt::NothingToDo(format!(
                    "nothing below {root} has changed since job {}, which is live (AMPLIFY_DIFF_DEPLOY)",
                    live.id()
                )))
            }
            Ok(Some(_) | None) => Ok(()),
            Err(GitError::Stopped) => Err(Halt::LetGo),
            Err(error) => Err(fault(error)),
        }
    }

    /// Packs what the build has made.
    async fn pack_built(&self, claimed: &Claimed, place: &Place, log: &Log) -> Result<Staged, Halt> {
        let Place { room, plan, .. } = place;
        let (artifacts, repository) = (plan.artifacts.clone(), room.repository().to_owned());
        let folder = plan.published_folder();
        let (zip, let_go) = (self.0.blobs.stage(), claimed.let_go().clone());
        let (packed, count) = blocking(move || {
            let found = files(&repository, &folder, |path| artifacts.selects(path)).map_err(fault)?;
            let (mut packer, count) = (Packer::new(zip), found.len());
            for Found { path, file } in found {
                let content = File::open(&file).map_err(|error| Halt::Failed(format!("{path}: {error}")))?;
                let packed = packer.add(artifacts.published_as(&path), Stoppable { content, let_go: &let_go });
                if let_go.is_cancelled() {
                    return Err(Halt::LetGo);
                }
                packed.map_err(fault)?;
            }
            Ok((packer.finish().map_err(fault)?.finish().map_err(fault)?, count))
        })
        .await?;
        log.info(format_args!("Packed {count} files"));
        Ok(packed)
    }
}

impl Deref for OwnRoom {
    type Target = Room;

    fn deref(&self) -> &Room {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for OwnRoom {
    fn drop(&mut self) {
        let room = self.0.take();
        tokio::task::spawn_blocking(move || drop(room));
    }
}

impl Place {
    /// Runs phases in one shell.
    async fn run(&self, builds: &Builds, phases: &[Phase], claimed: &Claimed, log: &Log) -> Result<(), Halt> {
        if phases.is_empty() {
            return Ok(());
        }
        let Self { room, plan, variables, masker } = self;
        let tell = |line: &str| log.info(Masked { masker, line });
        let commands = Commands { phases, directory: &plan.working_directory, variables };
        match builds.workshop.run(room, commands, &tell, claimed.let_go()).await {
            Ok(()) => Ok(()),
            Err(BuildError::Stopped) => Err(Halt::LetGo),
            Err(error) => Err(Halt::Failed(masker.mask(&error.to_string()).into_owned())),
        }
    }
}

impl Builds {
    fn context(&self, claimed: &Claimed, settings: &Settings, commit: &Commit, room: &Room, plan: &Plan) -> Context {
        let (app, branch) = (&claimed.branch.app, &claimed.branch.name);
        Context {
            app_id: app.to_string(),
            branch: branch.to_string(),
            branch_arn: self.account.arn(Resource::Branch(app.clone(), branch.clone())).to_string(),
            clone_url: settings.url.to_string(),
            commit_id: commit.id.to_string(),
            job_id: claimed.key().job.get(),
            source_folder: room.repository().display().to_string(),
            pull_request: None,
            own: settings.variables(claimed).all(),
            spec: plan.variables.clone(),
        }
    }
}

impl Settings {
    fn variables<'a>(&'a self, claimed: &'a Claimed) -> Variables<'a> {
        Variables::of(&self.app.attributes, &claimed.branch.attributes)
    }

    fn git_token(&self) -> Option<windlass_git::Token> {
        self.token.as_ref().map(|token| windlass_git::Token::new(token.expose()))
    }

    /// The tip of the job's branch.
    fn checkout<'a>(
        &'a self,
        claimed: &'a Claimed,
        token: Option<&'a windlass_git::Token>,
        room: &'a Room,
        guard: &'a AddressGuard,
    ) -> Checkout<'a> {
        Checkout {
            token,
            branch: claimed.branch.name.as_str(),
            resolve: Some(guard),
            ..Checkout::new(&self.url, room.repository())
        }
    }
}

/// A line without the secrets in it, for a log that may have no room for it any more.
struct Masked<'a> {
    masker: &'a Masker,
    line: &'a str,
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masker.mask(self.line))
    }
}

/// Says in the log of a step how it ended.
fn tell_end<T>(ended: &Result<T, Halt>, step: &str, log: &Log) {
    match ended {
        Ok(_) => log.info(format_args!("{step} finished.")),
        Err(Halt::Failed(reason)) => log.error(format_args!("{step} failed: {reason}")),
        Err(Halt::NothingToDo(reason)) => log.info(reason),
        Err(Halt::LetGo) => log.warning(format_args!("{step} was stopped.")),
    }
}

/// The plan of the specification that applies.
fn plan_of(settings: &Settings, claimed: &Claimed, repository: &Path, log: &Log) -> Result<Plan, Halt> {
    let mut file = None;
    for name in SPECIFICATIONS {
        if file.is_none() {
            file = text_of(repository, name)?;
        }
    }
    let text = |attributes: &Attributes| attributes.get("buildSpec").and_then(Value::as_str).map(str::to_owned);
    let (of_branch, of_app) = (text(&claimed.branch.attributes), text(&settings.app.attributes));
    let Some((origin, text)) = effective(file.as_deref(), of_branch.as_deref(), of_app.as_deref()) else {
        log.info("There is no build specification: the repository is published as it is");
        return Ok(Plan::plain());
    };
    log.info(format_args!("Building as {origin} says"));
    let at_fault = |error: SpecError| fault(error.from_origin(origin));
    let spec = BuildSpec::parse(text).map_err(at_fault)?;
    for warning in spec.warnings() {
        log.warning(format_args!("{origin}: {warning}"));
    }
    let variables = settings.variables(claimed);
    let mut plan = spec.plan(variables.app_root()).map_err(at_fault)?;
    if variables.is_on("AMPLIFY_SKIP_BACKEND_BUILD") {
        plan = plan.without_backend();
    }
    if variables.is_on("USER_DISABLE_TESTS") {
        plan = plan.without_tests();
    }
    Ok(plan)
}

/// A text that stands in the repository.
pub(crate) fn text_of(repository: &Path, name: &str) -> Result<Option<String>, Halt> {
    let path = repository.join(name);
    match path.symlink_metadata() {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(Halt::Failed(format!("{name} is not a file"))),
        Err(_) => return Ok(None),
    }
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(TEXT_MAX + 1).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 > TEXT_MAX => Err(Halt::Failed(format!("{name} has more than {TEXT_MAX} bytes"))),
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(Halt::Failed(format!("{name} cannot be read: {error}"))),
    }
}

/// Brings back what was kept. Paths of the cache are those of the whole repository: a monorepo may keep the modules of all
/// its apps at its root.
async fn restore(builds: &Builds, owner: &str, place: &Place, log: &Log) -> Result<(), Halt> {
    if place.plan.cache.is_none() {
        return Ok(());
    }
    let (cache, owner, folder) = (builds.cache.clone(), owner.to_owned(), place.room.repository().to_owned());
    match blocking(move || Ok(cache.restore(&owner, &folder))).await? {
        Ok(Restored::Bytes(bytes)) => log.info(format_args!("Restored {bytes} bytes from the cache")),
        Ok(Restored::Nothing) => log.info("There is nothing in the cache"),
        Ok(Restored::Damaged) => log.warning("The cache was damaged and is thrown away"),
        Err(error) => log.warning(format_args!("Going on without what was kept: {error}")),
    }
    Ok(())
}

async fn save(builds: &Builds, owner: &str, place: &Place, log: &Log) -> Result<(), Halt> {
    let Some(paths) = place.plan.cache.clone() else { return Ok(()) };
    let (cache, owner, folder) = (builds.cache.clone(), owner.to_owned(), place.room.repository().to_owned());
    match blocking(move || Ok(cache.save(&owner, &folder, |path| paths.selects(path)))).await? {
        Ok(Saved::Bytes(bytes)) => log.info(format_args!("Kept {bytes} bytes in the cache")),
        Ok(Saved::Nothing) => log.info("Nothing to be kept in the cache was there"),
        Ok(Saved::TooLarge) => log.warning("What was to be kept in the cache is too large, and nothing is kept"),
        Err(error) => log.warning(format_args!("Nothing is kept for the next build: {error}")),
    }
    Ok(())
}
