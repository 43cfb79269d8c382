//! `windlass export` and `windlass import`: everything that a store holds, into a file and out of it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tempfile::{NamedTempFile, TempDir};
use windlass_cli::server::{DatabaseUrl, SystemClock};
use windlass_sqlite::SqliteStore;
use windlass_store::moving::{self, Missing, Movable, Moved};
use windlass_store::{Clock, Vault};

use crate::artifacts::ArtifactArgs;
use crate::client::output::{self, Format};
use crate::doctor::examined;
use crate::serve::for_the_owner_alone;

/// How much is read and written at a time.
const BUFFER: usize = 256 * 1024;

/// Write everything that a store holds to one file: to move it to another store, or as a backup
#[derive(clap::Args, Debug)]
pub(crate) struct ExportArgs {
    /// The file, which must not be there yet; - is standard output
    #[arg(value_name = "FILE|-")]
    file: PathBuf,

    #[command(flatten)]
    place: Place,

    /// Leave large artifacts where they are, for a bucket or a directory that stays the same
    #[arg(long)]
    without_artifacts: bool,

    /// Read a directory beside the server that runs on it: a backup of this moment, and no move, for what that server does
    /// from now on is not in it. A database can always be read beside its servers
    #[arg(long, conflicts_with = "database_url")]
    while_running: bool,

    /// Go on where a large artifact is missing
    #[arg(long)]
    allow_missing: bool,
}

/// Read everything that a store is to hold from a file of `windlass export`: all of it, or nothing where it does not fit
#[derive(clap::Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,

    #[command(flatten)]
    place: Place,

    /// Go on where a large artifact is neither in the file nor in its place
    #[arg(long)]
    allow_missing: bool,
}

/// Where everything is kept.
#[derive(clap::Args, Debug)]
struct Place {
    /// A server's data directory; no server may be running on it
    #[arg(long, value_name = "DIR", default_value = "windlass-data", env = "WINDLASS_DATA")]
    data: PathBuf,

    /// The PostgreSQL database, instead of the one in --data
    #[arg(long, value_name = "postgres://…", env = "WINDLASS_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,

    #[command(flatten)]
    artifacts: ArtifactArgs,
}

impl Place {
    /// What is there, and where its large artifacts are.
    async fn open(self, read: bool, scratch: &TempDir) -> anyhow::Result<(Arc<dyn Movable>, Arc<dyn Vault>)> {
        let Self { data, database_url, artifacts } = self;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store: Arc<dyn Movable> = match database_url {
            Some(url) => Arc::new(url.open(&clock).await?),
            None if read => Arc::new(SqliteStore::read(&data)?),
            None => Arc::new(SqliteStore::open(&data)?),
        };
        Ok((store, examined(artifacts.artifacts(), scratch).open(&data)?))
    }
}

/// # Errors
///
/// Where there is nothing to export, or it does not go into the file; then there is no file.
pub(crate) async fn export(args: ExportArgs, format: Format) -> anyhow::Result<ExitCode> {
    let ExportArgs { file, place, without_artifacts, while_running, allow_missing } = args;
    for_the_owner_alone();
    let data = &place.data;
    let is_there = place.database_url.is_some() || data.join("windlass.db").is_file();
    ensure!(is_there, "there is no server's data in {}", data.display());
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let (store, vault) = place.open(while_running, &scratch).await?;
    let vault = (!without_artifacts).then_some(&*vault);
    let missing = missing(allow_missing);
    if file == Path::new("-") {
        ensure!(!io::stdout().is_terminal(), "an export is nothing for a terminal; give it a file, or a pipe");
        let mut out = BufWriter::with_capacity(BUFFER, io::stdout());
        let moved = moving::export(store, vault, missing, &mut out).await?;
        output::note(format_args!("exported {}", words(&moved)));
        tell_missing(&moved);
        return Ok(ExitCode::SUCCESS);
    }
    let name = file.display();
    ensure!(!file.exists(), "{name} is there already");
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    // Under its name once it is whole and on the disk.
    let new = NamedTempFile::new_in(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    let mut out = BufWriter::with_capacity(BUFFER, new);
    let moved = moving::export(store, vault, missing, &mut out).await?;
    let new = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    new.as_file().sync_all()?;
    new.persist_noclobber(&file).with_context(|| format!("cannot write {name}"))?;
    File::open(folder)?.sync_all()?;
    tell("exported", &moved, format)?;
    Ok(ExitCode::SUCCESS)
}

/// # Errors
///
/// Where the file is no export, or is damaged, or what is in it does not go into the store, which is empty then as before.
pub(crate) async fn import(args: ImportArgs, format: Format) -> anyhow::Result<ExitCode> {
    let ImportArgs { file, place, allow_missing } = args;
    for_the_owner_alone();
    let is_input = file == Path::new("-");
    let from: Box<dyn io::Read + Send> = if is_input {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&file).with_context(|| format!("cannot read {}", file.display()))?)
    };
    let name = if is_input { "standard input".to_owned() } else { file.display().to_string() };
    let data = place.data.clone();
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let (store, vault) = place.open(false, &scratch).await?;
    let mut from = BufReader::with_capacity(BUFFER, from);
    let moved = moving::import(store, &*vault, missing(allow_missing), &mut from).await.with_context(|| name)?;
    tell("imported", &moved, format)?;
    if !data.join("credentials").exists() {
        let to = data.join("credentials");
        output::note(format_args!(
            "the server's own key pair is no part of a store; to keep it, copy the old directory's `credentials` to {}",
            to.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

const fn missing(allowed: bool) -> Missing {
    if allowed { Missing::Allowed } else { Missing::Refused }
}

fn words(moved: &Moved) -> String {
    format!("{}, {} large artifacts", moved.rows, moved.artifacts)
}

fn tell(done: &str, moved: &Moved, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Text => output::line(format_args!("{done} {}", words(moved)))?,
        Format::Json => {
            output::json(&json!({ "rows": moved.rows, "artifacts": moved.artifacts, "missing": moved.missing_count }))?;
        }
    }
    io::stdout().flush()?;
    tell_missing(moved);
    Ok(())
}

fn tell_missing(moved: &Moved) {
    for key in &moved.missing {
        output::note(format_args!("missing: the artifact of {}", output::plain(key)));
    }
    let more = moved.missing_count - moved.missing.len() as u64;
    if more > 0 {
        output::note(format_args!("missing: {more} more"));
    }
}
