//! `windlass doctor`: whether all that a server should keep is there.
//!
//! It reads the directory itself, beside a server that runs on it or without one, and changes nothing. So it needs no
//! server that answers, and sees what a server would.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use windlass_cli::server::{Artifacts, SystemClock};
use windlass_runner::{Checkup, Counts, Depth, Said};
use windlass_sqlite::SqliteStore;
use windlass_store::{Blobs, Clock as _, Store};

use crate::artifacts::ArtifactArgs;
use crate::client::output::{self, Format};

/// Examine a server's data: whether every artifact is there, what is kept for nobody, and what every unfinished job waits for
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The server's data directory; the server may be running
    #[arg(long, value_name = "DIR", default_value = "windlass-data", env = "WINDLASS_DATA")]
    data: PathBuf,

    #[command(flatten)]
    artifacts: ArtifactArgs,

    /// Read every byte of every artifact and compare it with its checksum
    #[arg(long)]
    deep: bool,
}

/// Examines it. Fails where something is wrong.
///
/// # Errors
///
/// Where there is nothing to examine, or it cannot be read.
pub(crate) async fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let Args { data, artifacts, deep } = args;
    ensure!(data.join("windlass.db").is_file(), "there is no server's data in {}", data.display());
    let store: Arc<dyn Store> = Arc::new(SqliteStore::read(&data)?);
    // A cache of its own: the server's belongs to the server.
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let vault = examined(artifacts.artifacts(), &scratch).open(&data)?;
    let blobs = Blobs::new(Arc::clone(&store), vault);
    let depth = if deep { Depth::EveryByte } else { Depth::Indexes };
    let mut teller = Teller::new(format);
    let counts = Checkup::new(store, blobs, SystemClock.now(), depth, &mut |said| teller.tell(said)).run().await?;
    teller.end(&counts)?;
    Ok(if counts.problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same artifacts, behind a cache of nobody else's.
pub(crate) fn examined(artifacts: Artifacts, scratch: &tempfile::TempDir) -> Artifacts {
    match artifacts {
        Artifacts::S3 { place, variables, cache_max, .. } => {
            Artifacts::S3 { place, variables, cache_max, cache: Some(scratch.path().to_owned()) }
        }
        directory @ Artifacts::Directory(_) => directory,
    }
}

/// Writes what is found as it is found, so that nothing of it has to be held.
struct Teller {
    format: Format,
    begun: bool,
    failed: Option<anyhow::Error>,
}

impl Teller {
    const fn new(format: Format) -> Self {
        Self { format, begun: false, failed: None }
    }

    fn tell(&mut self, said: &Said) {
        let told = match self.format {
            Format::Text => output::line(format_args!("{}", output::plain(&words(said)))),
            Format::Json => self.element(said),
        };
        self.failed = self.failed.take().or(told.err());
    }

    /// One JSON value in pieces: `{"found":[…],"counts":{…}}`, an element of the list on a line.
    fn element(&mut self, said: &Said) -> anyhow::Result<()> {
        let before = if self.begun { "," } else { "{\"found\":[" };
        self.begun = true;
        output::line(format_args!("{before}\n{}", serde_json::to_string(said)?))
    }

    fn end(self, counts: &Counts) -> anyhow::Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.format {
            Format::Json => {
                let before = if self.begun { "" } else { "{\"found\":[" };
                output::line(format_args!("{before}],\"counts\":{}}}", serde_json::to_string(counts)?))
            }
            Format::Text => {
                let Counts { apps, branches, jobs, artifacts, problems, orphans, unfinished } = counts;
                output::line(format_args!(
                    "{apps} apps, {branches} branches, {jobs} jobs, {unfinished} of them unfinished; {artifacts} artifacts are \
                     sound, {problems} problems, {orphans} kept for nobody"
                ))
            }
        }
    }
}

fn words(said: &Said) -> String {
    match said {
        Said::Problem { job, live: true, what } => format!("PROBLEM     {job}, which is live: {what}"),
        Said::Problem { job, live: false, what } => format!("PROBLEM     {job}: {what}"),
        Said::Orphan { what, bytes: Some(bytes) } => format!("orphan      {what}, {}", output::size(*bytes)),
        Said::Orphan { what, bytes: None } => format!("orphan      {what}"),
        Said::Unfinished { job, status, why, deadline } => {
            let deadline = deadline.map(|at| format!("; until {} at the latest", output::time(at))).unwrap_or_default();
            format!("unfinished  {job}: {status}, {why}{deadline}")
        }
    }
}
