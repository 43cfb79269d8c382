//! `windlass jobs`: looking at jobs and their logs, waiting for them, stopping and repeating them.

mod logs;
mod table;
mod why;

use std::process::ExitCode;

use anyhow::Context;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use windlass::wire::JobSummary;
use windlass::{JobId, JobStatus};
use windlass_aws::{JobRef, from_sdk};

use super::output::{self, Format};
use super::wait::{self, Patience, Shown};
use super::{Client, Connection};

/// What to do with jobs.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the newest jobs
    List {
        /// All jobs, not only the newest 50
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        on: Target,
    },
    /// Show a job and its steps
    Show {
        /// Its number [default: the newest]
        job: Option<JobId>,
        #[command(flatten)]
        on: Target,
    },
    /// Say why a job is as it is: what it waits for, works on, or ended of
    Why {
        /// Its number [default: the newest]
        job: Option<JobId>,
        #[command(flatten)]
        on: Target,
    },
    /// Print what a job's steps wrote, as far as they have come
    Logs {
        /// Its number [default: the newest]
        job: Option<JobId>,
        #[command(flatten)]
        which: logs::Which,
        #[command(flatten)]
        on: Target,
    },
    /// Wait until a job has ended; fail unless it is SUCCEED
    Watch {
        /// Its number [default: the newest]
        job: Option<JobId>,
        #[command(flatten)]
        on: Target,
        #[command(flatten)]
        patience: Patience,
    },
    /// Stop a job and wait until it has stopped
    Stop {
        /// Its number [default: the newest]
        job: Option<JobId>,
        #[command(flatten)]
        on: Target,
        #[command(flatten)]
        patience: Patience,
    },
    /// Do an earlier job again, which is also the way back to what it deployed
    Retry {
        /// Its number
        job: JobId,
        #[command(flatten)]
        on: Target,
        #[command(flatten)]
        patience: Patience,
    },
}

/// Whose jobs.
#[derive(clap::Args, Debug)]
pub(crate) struct Target {
    /// The app's name or id
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    app: String,

    /// The branch
    #[arg(long, value_name = "NAME", default_value = "main", value_parser = NonEmptyStringValueParser::new())]
    branch: String,

    #[command(flatten)]
    connection: Connection,
}

/// Does it.
///
/// # Errors
///
/// Where there is no such app, branch or job, or the server refuses or does not answer.
pub(crate) async fn run(command: Command, format: Format) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { all, on } => list(&on, all, format).await,
        Command::Show { job, on } => show(&on, job, format).await,
        Command::Why { job, on } => {
            let (client, job) = on.find(job).await?;
            why::say(&client.look(&job).await?, format)
        }
        Command::Logs { job, which, on } => {
            let (client, job) = on.find(job).await?;
            logs::show(&client, &job, &which, format).await
        }
        Command::Watch { job, on, patience } => {
            let (client, job) = on.find(job).await?;
            watch(&client, &job, patience, JobStatus::Succeed, format).await
        }
        Command::Stop { job, on, patience } => {
            let (client, job) = on.find(job).await?;
            client.stop(&job).await?;
            watch(&client, &job, patience, JobStatus::Cancelled, format).await
        }
        Command::Retry { job, on, patience } => {
            let (client, job) = on.find(Some(job)).await?;
            let again = client.retry(&job).await?;
            if format == Format::Text {
                output::note(format_args!("job {} does job {} again", again.job_id, job.job_id));
            }
            watch(&client, &again, patience, JobStatus::Succeed, format).await
        }
    }
}

async fn list(on: &Target, all: bool, format: Format) -> anyhow::Result<ExitCode> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Listed {
        job_summaries: Vec<JobSummary>,
    }
    let client = on.connection.connect().await?;
    let app = client.app(&on.app).await?;
    let job_summaries = if all {
        client.all_jobs(&app.id, &on.branch).await?
    } else {
        client.newest_jobs(&app.id, &on.branch, PAGE).await?
    };
    match format {
        Format::Text => table::list(&job_summaries)?,
        Format::Json => output::json(&Listed { job_summaries })?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(on: &Target, job: Option<JobId>, format: Format) -> anyhow::Result<ExitCode> {
    let (client, job) = on.find(job).await?;
    let look = client.look(&job).await?;
    match format {
        Format::Text => table::job(&look)?,
        Format::Json => output::json(&Shown::new(&look))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn watch(
    client: &Client,
    job: &JobRef,
    patience: Patience,
    wanted: JobStatus,
    format: Format,
) -> anyhow::Result<ExitCode> {
    match client.wait(job, patience, format).await? {
        Ok(look) => wait::finish(job, &look, wanted, format),
        Err(code) => Ok(code),
    }
}

/// As many jobs as AWS lists at once.
const PAGE: i32 = 50;

impl Target {
    /// The connection, and the job that is meant: the newest where none is named.
    async fn find(&self, job: Option<JobId>) -> anyhow::Result<(Client, JobRef)> {
        let client = self.connection.connect().await?;
        let app = client.app(&self.app).await?;
        let job_id = match job {
            Some(job) => job.to_string(),
            None => {
                let newest = client.newest(&app.id, &self.branch).await?;
                newest.with_context(|| format!("branch {} has no jobs", self.branch))?.job_id
            }
        };
        let job = JobRef::new(app.id, &self.branch, job_id);
        Ok((client, job))
    }
}

impl Client {
    /// The newest job of a branch, if it has any.
    pub(super) async fn newest(&self, app_id: &str, branch: &str) -> anyhow::Result<Option<JobSummary>> {
        Ok(self.newest_jobs(app_id, branch, 1).await?.pop())
    }

    async fn newest_jobs(&self, app_id: &str, branch: &str, count: i32) -> anyhow::Result<Vec<JobSummary>> {
        let answer = self.sdk.list_jobs().app_id(app_id).branch_name(branch).max_results(count).send().await;
        let answer = answer.map_err(|error| self.explain("ListJobs", error))?;
        Ok(answer.job_summaries.into_iter().map(from_sdk::job_summary).collect())
    }

    async fn all_jobs(&self, app_id: &str, branch: &str) -> anyhow::Result<Vec<JobSummary>> {
        let mut jobs = Vec::new();
        let list = self.sdk.list_jobs().app_id(app_id).branch_name(branch).max_results(PAGE);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.explain("ListJobs", error))?;
            jobs.extend(page.job_summaries.into_iter().map(from_sdk::job_summary));
        }
        Ok(jobs)
    }

    /// Asks for the job to stop; it may take a moment to.
    pub(super) async fn stop(&self, job: &JobRef) -> anyhow::Result<()> {
        let request = self.sdk.stop_job().app_id(&job.app_id).branch_name(&job.branch_name).job_id(&job.job_id);
        request.send().await.map(|_| ()).map_err(|error| self.explain("StopJob", error))
    }

    /// Starts a new job that does the same.
    pub(super) async fn retry(&self, job: &JobRef) -> anyhow::Result<JobRef> {
        let request = self.sdk.start_job().app_id(&job.app_id).branch_name(&job.branch_name).job_id(&job.job_id);
        let answer = request.job_type(aws_sdk_amplify::types::JobType::Retry).send().await;
        let answer = answer.map_err(|error| self.explain("StartJob", error))?;
        let summary = answer.job_summary().context("StartJob answered without a job")?;
        Ok(JobRef { job_id: summary.job_id.clone(), ..job.clone() })
    }
}
