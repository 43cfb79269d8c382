//! Deploying a folder: pack it, make what is missing, upload, start, watch.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use windlass::JobStatus;
use windlass::wire::{Job, Open};
use windlass_aws::{JobRef, Look};

use super::app::App;
use super::output::{self, Format};
use super::wait::{self, Patience};
use super::watch::{self, Change};
use super::{Client, Connection, upload};
use crate::pack::{self, Packed};

/// Deploy a folder and wait until its site is live
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder that holds the site
    dir: PathBuf,

    /// The app's name or id; an app of that name is made where there is none
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    app: String,

    /// The branch, which is made where there is none
    #[arg(long, value_name = "NAME", default_value = "main", value_parser = NonEmptyStringValueParser::new())]
    branch: String,

    #[command(flatten)]
    patience: Patience,

    #[command(flatten)]
    connection: Connection,
}

/// Something that a deployment has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The folder is packed.
    Packed {
        /// How many files it holds.
        files: usize,
        /// The size of the zip in bytes.
        size: u64,
        /// Whether there is an `index.html` at its root.
        has_index: bool,
    },
    /// There was no such app, and now there is.
    AppCreated {
        /// Its id.
        app_id: String,
    },
    /// There was no such branch, and now there is.
    BranchCreated,
    /// The zip is uploaded and the job started.
    Started(JobRef),
    /// The job or a step of it went on.
    Changed(Change),
}

/// What came of a deployment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployed {
    /// The id of the app.
    pub app_id: String,
    /// The name of the branch.
    pub branch_name: String,
    /// The number of the job.
    pub job_id: String,
    /// How the job ended; only after SUCCEED the site is what was deployed.
    pub status: Open<JobStatus>,
    /// Why it ended like this, where the server says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// Where the branch's site is seen.
    pub url: String,
    /// The job, whole.
    pub job: Job,
}

/// Deploys and tells the user.
///
/// # Errors
///
/// Where the folder cannot be packed, or the server refuses or does not answer.
pub(crate) async fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let client = args.connection.connect().await?;
    let mut show = |progress: &Progress| match (format, progress) {
        (Format::Text, _) => show(progress, &args.dir, &args.app, &args.branch),
        (Format::Json, Progress::Packed { has_index: false, .. }) => warn_of_no_index(&args.dir),
        (Format::Json, _) => {}
    };
    if format == Format::Text {
        output::note(format_args!("deploying to {}", client.place));
    }
    let submitted = submit(&client, &args.dir, &args.app, &args.branch, &mut show).await?;
    let look = match client.wait(&submitted.job, args.patience, format).await? {
        Ok(look) => look,
        Err(code) => return Ok(code),
    };
    let code = wait::verdict(&submitted.job, &look, JobStatus::Succeed);
    let deployed = Deployed::new(submitted, look);
    match format {
        Format::Text if code == ExitCode::SUCCESS => output::line(format_args!("{}", deployed.url))?,
        Format::Text => {}
        Format::Json => output::json(&deployed)?,
    }
    Ok(code)
}

/// Deploys the folder `dir` to a branch and waits for the job's end, however it ends. `app` is an id or a name.
///
/// # Errors
///
/// Where the folder cannot be packed, or the server refuses or does not answer. A job that failed is no error.
pub(crate) async fn deploy(
    client: &Client,
    dir: &Path,
    app: &str,
    branch: &str,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> anyhow::Result<Deployed> {
    let submitted = submit(client, dir, app, branch, progress).await?;
    let look = client.watch(&submitted.job, &mut |change| progress(&Progress::Changed(change.clone()))).await?;
    Ok(Deployed::new(submitted, look))
}

/// A deployment that is the server's business from here on.
struct Submitted {
    job: JobRef,
    url: String,
}

async fn submit(
    client: &Client,
    dir: &Path,
    app: &str,
    branch: &str,
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> anyhow::Result<Submitted> {
    let folder = dir.to_owned();
    let packed = tokio::task::spawn_blocking(move || pack::pack(&folder)).await.context("packing was cut short")??;
    progress(&Progress::Packed { files: packed.files, size: packed.size, has_index: packed.has_index });
    let app = match client.find_app(app).await? {
        Some(app) => app,
        None => {
            let app = client.create_app(app).await?;
            progress(&Progress::AppCreated { app_id: app.id.clone() });
            app
        }
    };
    if client.ensure_branch(&app, branch).await? {
        progress(&Progress::BranchCreated);
    }
    let url = client.site_url(&app, branch)?;
    let (job, upload_url) = client.create_deployment(&app, branch).await?;
    if let Err(error) = client.fill_and_start(&job, &upload_url, packed).await {
        // Else the branch would take no other deployment until the upload limit has passed.
        let _ = client.stop(&job).await;
        return Err(error);
    }
    progress(&Progress::Started(job.clone()));
    Ok(Submitted { job, url })
}

impl Client {
    async fn create_deployment(&self, app: &App, branch: &str) -> anyhow::Result<(JobRef, String)> {
        let answer = match self.sdk.create_deployment().app_id(&app.id).branch_name(branch).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = self.explain("CreateDeployment", error);
                return Err(self.with_way_out(error, app, branch).await);
            }
        };
        let job_id = answer.job_id().context("CreateDeployment answered without a job")?;
        let job = JobRef::new(&app.id, branch, job_id);
        Ok((job, answer.zip_upload_url().to_owned()))
    }

    /// Adds what to do about an unfinished job, where there is one that may be in the way.
    async fn with_way_out(&self, error: anyhow::Error, app: &App, branch: &str) -> anyhow::Error {
        let newest = self.newest(&app.id, branch).await.ok().flatten();
        let Some(newest) = newest.filter(|job| !watch::is_ended(&job.status)) else { return error };
        let job = JobRef::new(&app.id, branch, newest.job_id);
        let stop = self.command("stop", &job);
        anyhow!("{error:#} (job {} is {}: `{stop}` stops it)", job.job_id, newest.status)
    }

    async fn fill_and_start(&self, job: &JobRef, upload_url: &str, packed: Packed) -> anyhow::Result<()> {
        upload::put(upload_url, packed).await?;
        let JobRef { app_id, branch_name, job_id } = job;
        let answer = self.sdk.start_deployment().app_id(app_id).branch_name(branch_name).job_id(job_id).send().await;
        answer.map(|_| ()).map_err(|error| self.explain("StartDeployment", error))
    }
}

impl Deployed {
    fn new(submitted: Submitted, look: Look) -> Self {
        let JobRef { app_id, branch_name, job_id } = submitted.job;
        Self {
            app_id,
            branch_name,
            job_id,
            status: look.job.summary.status.clone(),
            status_reason: look.reason().map(str::to_owned),
            url: submitted.url,
            job: look.job,
        }
    }
}

/// Progress for people; a warning is for everyone.
pub(crate) fn show(progress: &Progress, dir: &Path, app: &str, branch: &str) {
    match progress {
        Progress::Packed { files, size, has_index } => {
            let files = if *files == 1 { "1 file".to_owned() } else { format!("{files} files") };
            output::note(format_args!("packed {files}, {}", output::size(*size)));
            if !has_index {
                warn_of_no_index(dir);
            }
        }
        Progress::AppCreated { app_id } => output::note(format_args!("created app {app} ({app_id})")),
        Progress::BranchCreated => output::note(format_args!("created branch {branch}")),
        Progress::Started(job) => output::note(format_args!("started job {}", job.job_id)),
        Progress::Changed(change) => output::change(change),
    }
}

fn warn_of_no_index(dir: &Path) {
    let dir = dir.display();
    output::note(format_args!("warning: there is no index.html at the top of {dir}; a visitor of / will find nothing"));
}
