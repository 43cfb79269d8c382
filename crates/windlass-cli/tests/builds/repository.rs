//! A repository of git's on this machine's disk, and a server that builds it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aws_sdk_amplify::Client;
use aws_sdk_amplify::types::{Job, JobSummary, JobType};
use tempfile::TempDir;
use tokio::time::interval;
use windlass_cli::server::{BuildConfig, Config};

use crate::support::{self, BRANCH, World, ended};

/// A repository with a branch `main`.
pub(crate) struct Repository(TempDir);

impl Repository {
    /// One whose first commit has these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch", BRANCH]);
        repository.commit("First light", files);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds a commit that writes these files, and answers its hash.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let file = self.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let done = Command::new("git")
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("HOME", "/nonexistent")])
            .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.com")])
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }
}

/// Has a server build repositories of this machine.
pub(crate) fn building(config: &mut Config) {
    config.builds = BuildConfig::by(env!("CARGO_BIN_EXE_windlass").into());
    config.allow_local_repositories = true;
}

/// A server with an app that is connected to the repository.
pub(crate) async fn connected(repository: &Repository) -> World {
    connected_with(repository, building).await
}

pub(crate) async fn connected_with(repository: &Repository, change: impl FnOnce(&mut Config)) -> World {
    let mut world = World::with(change).await;
    world.app = connect(&world.client, repository, &[]).await;
    world
}

/// Makes an app that is connected to the repository, with these variables.
pub(crate) async fn connect(client: &Client, repository: &Repository, variables: &[(&str, &str)]) -> String {
    let mut call = client.create_app().name("connected").repository(repository.path().to_str().unwrap());
    for (name, value) in variables {
        call = call.environment_variables(*name, *value);
    }
    let app = call.send().await.unwrap().app.unwrap().app_id;
    client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    app
}

/// Starts a job that builds the tip of the branch, and answers its number.
pub(crate) async fn release(world: &World) -> String {
    release_of(&world.client, &world.app).await
}

/// The same for any app.
pub(crate) async fn release_of(client: &Client, app: &str) -> String {
    let call = client.start_job().app_id(app).branch_name(BRANCH).job_type(JobType::Release);
    call.send().await.unwrap().job_summary.unwrap().job_id
}

/// What a step of the job has logged.
pub(crate) async fn log(world: &World, job: &Job, step: &str) -> String {
    log_of(&world.http, job, step).await
}

/// The same for any server.
pub(crate) async fn log_of(http: &reqwest::Client, job: &Job, step: &str) -> String {
    let step =
        job.steps.iter().find(|known| known.step_name == step).unwrap_or_else(|| panic!("no step {step}: {job:?}"));
    http.get(step.log_url.as_deref().unwrap()).send().await.unwrap().text().await.unwrap()
}

/// Returns once the job's build has said `under way`: the log of a running step can be read.
pub(crate) async fn under_way(world: &World, number: &str) {
    let mut look = interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        let job = world.job(number).await;
        assert!(!ended(&support::status(&job)), "{job:?}");
        if !job.steps.is_empty() && log(world, &job, "BUILD").await.contains("]: under way\n") {
            return;
        }
    }
}

/// A build that says when it is under way, and goes on once its branch has a file in a folder.
pub(crate) fn gated(gate: &Path) -> String {
    format!(
        "version: 1
frontend:
  phases:
    build:
      commands:
        - 'echo under way; until [ -e \"{}/$AWS_BRANCH\" ]; do sleep 0.02; done'
        - mkdir out && cp page.html out/index.html
  artifacts: {{baseDirectory: out, files: ['**/*']}}
",
        gate.display()
    )
}

/// Has builds see a folder of the test's.
pub(crate) fn sees(config: &mut Config, folder: &Path) {
    building(config);
    config.builds.readable.push(folder.to_owned());
}

/// The jobs of a branch, newest first.
pub(crate) async fn jobs(world: &World, branch: &str) -> Vec<JobSummary> {
    let call = world.client.list_jobs().app_id(&world.app).branch_name(branch);
    call.send().await.unwrap().job_summaries
}

pub(crate) fn status(job: &Job) -> &str {
    job.summary.as_ref().unwrap().status.as_str()
}

/// The statuses of its steps.
pub(crate) fn steps(job: &Job) -> Vec<(&str, &str)> {
    job.steps.iter().map(|step| (&*step.step_name, step.status.as_str())).collect()
}

/// The job of another branch once it has ended.
pub(crate) async fn ended_on(world: &World, branch: &str, number: &str) -> Job {
    ended_of(&world.client, &world.app, branch, number).await
}

/// The job of any app once it has ended.
pub(crate) async fn ended_of(client: &Client, app: &str, branch: &str, number: &str) -> Job {
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        let call = client.get_job().app_id(app).branch_name(branch).job_id(number);
        let job = call.send().await.unwrap().job.unwrap();
        if ended(&support::status(&job)) {
            return job;
        }
    }
}
