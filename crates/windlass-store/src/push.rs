//! What a push to a repository's branch starts: a job, behind the one that works and in the place of the one that waits,
//! or nothing, for a reason that can be told. Whoever learns of a push, by a webhook or by looking, calls [`pushed`].

use chrono::{DateTime, Utc};
use serde_json::Value;
use thiserror::Error;
use windlass::{Command, Commit, JobType, Limits, NewJob, Rejection, Source};

use crate::variables::{BadVariable, DiffRoot, Variables, build_limits};
use crate::{
    Address, App, ExecuteError, Executed, Extras, JobKey, Once, Plan, Store, StoredBranch, create_with, execute,
};

//= https://docs.aws.amazon.com/amplify/latest/userguide/edit-build-settings.html#skip-build-for-a-commit
//# To skip an automatic build on a particular commit, include the text [skip-cd] at the end of the commit message.
/// What the message of a commit ends with that is not to be built.
const SKIP: &str = "[skip-cd]";

/// How many characters of a commit's message a job keeps: as many as the API allows.
const MESSAGE_MAX: usize = 10_000;

/// A push.
#[derive(Clone, Debug)]
pub struct Push {
    /// What the branch is at now.
    pub commit: Commit,
    /// The paths that have changed, where all of them are known. Else whoever clones finds out.
    pub paths: Option<Vec<String>>,
    /// The push as a request to be done once, where it can be told from others.
    pub once: Option<Once>,
}

/// What came of a push.
#[derive(Clone, Debug)]
pub enum Pushed {
    /// A job builds it, or will.
    Started(Box<Executed>),
    /// The branch has a deployment that waits, whose place it cannot take.
    Refused(Rejection),
    /// It starts nothing.
    Nothing(NotBuilt),
}

/// Why a push starts nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotBuilt {
    /// The branch is not built by itself: its `enableAutoBuild` is false.
    #[error("enableAutoBuild of the branch is false")]
    AutoBuildOff,
    /// The commit asks not to be.
    #[error("the message of the commit ends with {SKIP}")]
    SkipCd,
    /// It changes nothing of the app, and `AMPLIFY_DIFF_DEPLOY` is true.
    #[error("nothing below {root} has changed, and AMPLIFY_DIFF_DEPLOY is true")]
    Untouched {
        /// Where the app is in the repository.
        root: DiffRoot,
    },
}

/// What a push asks for could not be done.
#[derive(Debug, Error)]
pub enum PushError {
    /// The app or the branch says what cannot be.
    #[error(transparent)]
    Variable(#[from] BadVariable),
    /// The branch is gone, or the store failed.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

/// Starts what a push to a branch of a connected app starts. `limits` are the server's for new jobs.
///
/// # Errors
///
/// [`PushError`].
pub async fn pushed(
    store: &dyn Store,
    app: &App,
    branch: &StoredBranch,
    push: Push,
    limits: Limits,
    now: DateTime<Utc>,
) -> Result<Pushed, PushError> {
    if let Some(reason) = not_built(app, branch, &push) {
        return Ok(Pushed::Nothing(reason));
    }
    let Push { mut commit, paths: _, once } = push;
    if let Some((end, _)) = commit.message.char_indices().nth(MESSAGE_MAX) {
        commit.message = commit.message[..end].into();
    }
    Ok(match build(store, app, branch, commit, once, limits, now).await? {
        Ok(started) => Pushed::Started(Box::new(started)),
        Err(rejection) => Pushed::Refused(rejection),
    })
}

/// Starts a build of a branch as a push does, whatever the branch says of pushes: for those who ask for it.
///
/// Where the branch says so, the build that works is asked to stop, once the new job is stored: a crash in between leaves
/// it to go on, and loses neither.
///
/// # Errors
///
/// [`PushError`]; the inner `Err` where the branch refuses.
pub async fn build(
    store: &dyn Store,
    app: &App,
    branch: &StoredBranch,
    commit: Commit,
    once: Option<Once>,
    limits: Limits,
    now: DateTime<Utc>,
) -> Result<Result<Executed, Rejection>, PushError> {
    let limits = build_limits(limits, &app.attributes, &branch.attributes)?;
    let supersede = variables(app, branch).supersede()?;
    let job = NewJob { job_type: JobType::WebHook, limits, ..NewJob::manual(Source::Repository) };
    let plan = Plan::Push { job, commit };
    let extras = Extras { once, ..Extras::default() };
    let started = match create_with(store, &branch.app, &branch.name, &plan, now, &extras).await? {
        Ok(started) => started,
        Err(rejection) => return Ok(Err(rejection)),
    };
    if supersede {
        stop_the_superseded(store, &started, now).await?;
    }
    Ok(Ok(started))
}

/// Asks the build before a new job to stop. It may have ended meanwhile, and then there is nothing to ask. A rollback or a
/// deployment is no build of an older commit and goes on.
async fn stop_the_superseded(store: &dyn Store, new: &Executed, now: DateTime<Utc>) -> Result<(), ExecuteError> {
    // A request that is repeated finds the branch as it is now: what works may have come later than its job.
    let before = new.branch.branch.working().filter(|working| working.job < new.job.id() && !working.cancelling);
    let Some(before) = before else { return Ok(()) };
    let key = JobKey { branch: new.branch.uid, job: before.job };
    let builds = store.job(key).await?.is_some_and(|job| job.birth().source.needs_build());
    if !builds {
        return Ok(());
    }
    let stop = [Command::Stop { by: Some(format!("job {}, which supersedes it", new.job.id()).into()) }];
    match execute(store, Address::Key(key), &stop, now, Extras::default()).await {
        Ok(_) | Err(ExecuteError::NoBranch | ExecuteError::NoJob) => Ok(()),
        Err(error @ (ExecuteError::Repeat(_) | ExecuteError::Store(_))) => Err(error),
    }
}

fn not_built(app: &App, branch: &StoredBranch, push: &Push) -> Option<NotBuilt> {
    if branch.attributes.get("enableAutoBuild").and_then(Value::as_bool) == Some(false) {
        return Some(NotBuilt::AutoBuildOff);
    }
    if push.commit.message.trim_end().ends_with(SKIP) {
        return Some(NotBuilt::SkipCd);
    }
    let (root, paths) = (variables(app, branch).diff_root(None)?, push.paths.as_ref()?);
    let is_touched = root.is_touched_by(paths.iter().map(String::as_str));
    (!is_touched).then_some(NotBuilt::Untouched { root })
}

const fn variables<'a>(app: &'a App, branch: &'a StoredBranch) -> Variables<'a> {
    Variables::of(&app.attributes, &branch.attributes)
}
