//! How builds are run, for whoever serves or builds a folder here.

use std::path::PathBuf;

use anyhow::Context as _;
use windlass_cli::server::BuildConfig;
use windlass_jail::{Isolation, Limits, Network};

/// How builds are run.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Builds")]
pub(crate) struct BuildArgs {
    /// What keeps a build from everything that is not its own: `full`, or `none`, with which it can do all that this
    /// program can. Where `full` cannot be had, nothing is built
    #[arg(long, value_name = "full|none", default_value = "full", env = "WINDLASS_ISOLATION")]
    isolation: Isolation,

    /// What builds can reach: the network as this machine does (`host`), or nothing (`none`)
    #[arg(long, value_name = "host|none", default_value = "host", env = "WINDLASS_BUILD_NETWORK")]
    build_network: Network,

    /// Where builds find programs [default: the system's own places]
    #[arg(long, value_name = "PATH", env = "WINDLASS_BUILD_PATH")]
    build_path: Option<String>,

    /// A folder with tools that builds may read although it lies in someone's home; may be repeated
    #[arg(long, value_name = "DIR")]
    build_readable: Vec<PathBuf>,

    /// How many bytes of memory a build may use [default: 8 GiB]
    #[arg(long, value_name = "BYTES", env = "WINDLASS_BUILD_MEMORY")]
    build_memory: Option<u64>,
}

impl BuildArgs {
    pub(crate) fn config(self) -> anyhow::Result<BuildConfig> {
        let Self { isolation, build_network, build_path, build_readable, build_memory } = self;
        let limits = Limits::default();
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        Ok(BuildConfig {
            isolation,
            network: build_network,
            path: build_path,
            readable: build_readable,
            limits: Limits { memory: build_memory.or(limits.memory), ..limits },
            ..BuildConfig::by(program)
        })
    }
}
