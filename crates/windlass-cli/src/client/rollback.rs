//! `windlass rollback`: going back to what was live before.

use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use windlass::wire::{JobSummary, Open};
use windlass::{JobId, JobStatus};
use windlass_aws::{JobRef, from_sdk};

use super::error::is_not_found;
use super::output::{self, Format};
use super::wait::{self, Patience};
use super::{Client, Connection, Place};

/// Put the last successful job before the live one live again, and wait until it is
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The app's name or id
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    app: String,

    /// The branch
    #[arg(long, value_name = "NAME", default_value = "main", value_parser = NonEmptyStringValueParser::new())]
    branch: String,

    /// The job to go back to [default: the last successful one before the live one]
    #[arg(long, value_name = "JOB")]
    to: Option<JobId>,

    #[command(flatten)]
    patience: Patience,

    #[command(flatten)]
    connection: Connection,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RolledBack<'a> {
    app_id: &'a str,
    branch_name: &'a str,
    /// The job that went back.
    job_id: &'a str,
    /// The job whose content is live again, if it is.
    back_to: String,
    status: &'a Open<JobStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<&'a str>,
    url: &'a str,
}

/// Goes back and tells the user.
///
/// # Errors
///
/// Where there is nothing to go back to, or the server refuses or does not answer.
pub(crate) async fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let client = args.connection.connect().await?;
    let app = client.app(&args.app).await?;
    let url = client.site_url(&app, &args.branch)?;
    let live = client.live_job(&app.id, &args.branch).await?;
    let to = match args.to {
        Some(to) if live == Some(to) => bail!("job {to} is what {} shows already", args.branch),
        Some(to) => to,
        None => client.job_before(&app.id, &args.branch, live).await?,
    };
    if let Place::Aws(_) = client.place {
        output::note(format_args!("AWS does job {to} again from its source: it does not put back what it had built"));
    }
    let again = client.retry(&JobRef::new(&app.id, &args.branch, to.to_string())).await?;
    if format == Format::Text {
        output::note(format_args!("job {} goes back to job {to}", again.job_id));
    }
    let look = match client.wait(&again, args.patience, format).await? {
        Ok(look) => look,
        Err(code) => return Ok(code),
    };
    let code = wait::verdict(&again, &look, JobStatus::Succeed);
    match format {
        Format::Text if code == ExitCode::SUCCESS => output::line(format_args!("{url}"))?,
        Format::Text => {}
        Format::Json => output::json(&RolledBack {
            app_id: &again.app_id,
            branch_name: &again.branch_name,
            job_id: &again.job_id,
            back_to: to.to_string(),
            status: &look.job.summary.status,
            status_reason: look.reason(),
            url: &url,
        })?,
    }
    Ok(code)
}

impl Client {
    /// The job that the branch shows, if it shows any.
    async fn live_job(&self, app_id: &str, branch: &str) -> anyhow::Result<Option<JobId>> {
        let answer = match self.sdk.get_branch().app_id(app_id).branch_name(branch).send().await {
            Ok(answer) => answer,
            Err(error) if is_not_found(&error) => bail!("app {app_id} has no branch {branch}"),
            Err(error) => return Err(self.explain("GetBranch", error)),
        };
        let shown = answer.branch().context("GetBranch answered without a branch")?.active_job_id();
        match shown {
            "" => Ok(None),
            shown => shown.parse().map(Some).with_context(|| format!("{shown:?} is not the number of a job")),
        }
    }

    /// The last successful job before the live one.
    async fn job_before(&self, app_id: &str, branch: &str, live: Option<JobId>) -> anyhow::Result<JobId> {
        let live =
            live.ok_or_else(|| anyhow!("branch {branch} shows nothing yet, so there is nothing to go back to"))?;
        let list = self.sdk.list_jobs().app_id(app_id).branch_name(branch).max_results(50);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.explain("ListJobs", error))?;
            let jobs = page.job_summaries.into_iter().map(from_sdk::job_summary);
            if let Some(before) = jobs.filter_map(|job| succeeded(&job)).find(|job| *job < live) {
                return Ok(before);
            }
        }
        bail!(
            "there is nothing to go back to: no job of branch {branch} before job {live}, which is live, was successful"
        )
    }
}

fn succeeded(job: &JobSummary) -> Option<JobId> {
    (job.status.known() == Some(JobStatus::Succeed)).then(|| job.job_id.parse().ok()).flatten()
}
