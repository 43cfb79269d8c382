//! `windlass build`: the steps of a server's build on a working folder, for those who write an `amplify.yml`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use windlass_artifact::Packer;
use windlass_build::{Commands, Found, Room, Workshop, files};
use windlass_buildspec::{BuildSpec, Context, Masker, Phase, Plan, variables};

use crate::builds::BuildArgs;
use crate::client::output;
use crate::serve::Stop;

/// Build a folder as its amplify.yml says, as a server would
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder, with an amplify.yml
    dir: PathBuf,

    /// Another specification than DIR/amplify.yml
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,

    /// Which app of a monorepo, by its appRoot; otherwise the first
    #[arg(long, value_name = "FOLDER", env = "AMPLIFY_MONOREPO_APP_ROOT")]
    app_root: Option<String>,

    /// A variable of the app or the branch; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,

    /// Where to write the zip that would go live
    #[arg(long, value_name = "FILE")]
    zip: Option<PathBuf>,

    #[command(flatten)]
    builds: BuildArgs,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is not of the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What is built, and how.
struct Build {
    plan: Plan,
    room: Room,
    workshop: Workshop,
    variables: BTreeMap<String, String>,
    masker: Masker,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let stop = stop_at_a_signal()?;
    let plan = plan(&args)?;
    let build = Build::new(args.dir.clone(), plan, args.env, args.builds)?;
    build.run(&build.plan.build, &stop).await?;
    let found = build.made()?;
    if let Some(test) = &build.plan.test {
        build.run(&test.phases, &stop).await?;
    }
    output::line(format_args!("{} files would be published", found.len()))?;
    if let Some(zip) = args.zip {
        build.pack(&found, &zip).with_context(|| format!("cannot write {}", zip.display()))?;
        output::line(format_args!("{}", zip.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &Args) -> anyhow::Result<Plan> {
    let path = args.spec.clone().unwrap_or_else(|| args.dir.join("amplify.yml"));
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let spec = BuildSpec::parse(&text).with_context(|| format!("{}", path.display()))?;
    for warning in spec.warnings() {
        output::note(format_args!("{}: {warning}", path.display()));
    }
    Ok(spec.plan(args.app_root.as_deref())?)
}

fn stop_at_a_signal() -> anyhow::Result<CancellationToken> {
    let (stop, signal) = (CancellationToken::new(), Stop::listen()?);
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signal.wait().await;
            stop.cancel();
        }
    });
    Ok(stop)
}

impl Build {
    fn new(dir: PathBuf, plan: Plan, own: Vec<(String, String)>, builds: BuildArgs) -> anyhow::Result<Self> {
        let room = Room::around(&dir, &std::env::temp_dir()).with_context(|| format!("{}", dir.display()))?;
        let workshop = workshop(builds)?;
        let variables = variables(&Context {
            app_id: "d0000000000000".to_owned(),
            branch: "main".to_owned(),
            branch_arn: String::new(),
            clone_url: String::new(),
            commit_id: "HEAD".to_owned(),
            job_id: 1,
            source_folder: room.repository().display().to_string(),
            pull_request: None,
            own: own.into_iter().collect(),
            spec: plan.variables.clone(),
        });
        let masker = Masker::new(Masker::of_variables(&variables));
        Ok(Self { plan, room, workshop, variables, masker })
    }

    async fn run(&self, phases: &[Phase], stop: &CancellationToken) -> anyhow::Result<()> {
        if phases.is_empty() {
            return Ok(());
        }
        let commands = Commands { phases, directory: &self.plan.working_directory, variables: &self.variables };
        let tell = |line: &str| {
            // Whoever has closed the output is not told any more.
            let _ = output::line(format_args!("{}", self.masker.mask(line)));
        };
        self.workshop.run(&self.room, commands, &tell, stop).await?;
        Ok(())
    }

    fn made(&self) -> anyhow::Result<Vec<Found>> {
        let folder = self.plan.published_folder();
        Ok(files(self.room.repository(), &folder, |path| self.plan.artifacts.selects(path))?)
    }

    fn pack(&self, found: &[Found], zip: &Path) -> anyhow::Result<()> {
        let mut packer = Packer::new(File::create(zip)?);
        for Found { path, file } in found {
            packer.add(self.plan.artifacts.published_as(path), File::open(file)?)?;
        }
        packer.finish()?.sync_all()?;
        Ok(())
    }
}

fn workshop(args: BuildArgs) -> anyhow::Result<Workshop> {
    let config = args.config()?;
    let workshop = config.workshop().map_err(anyhow::Error::msg)?;
    Ok(workshop)
}
