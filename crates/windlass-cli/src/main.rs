//! `windlass`: a deployment server that AWS Amplify's own clients talk to, and its command line.
//!
//! This file knows which commands there are and nothing of what they do. [`serve`] and [`up`] put the server together;
//! [`client`] talks to it, or to AWS.

mod artifacts;
mod build;
mod builds;
mod client;
mod doctor;
mod logging;
mod moves;
mod pack;
pub(crate) mod serve;
pub(crate) mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use client::output::{self, Format};
use client::{deploy, env, jobs, keys, rollback, subscribers};

/// Deploy static sites as AWS Amplify Hosting does, on your own machine or on AWS
#[derive(Debug, Parser)]
#[command(name = "windlass", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// For whom to write results
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Up(up::Args),
    Deploy(deploy::Args),
    Rollback(rollback::Args),
    Build(build::Args),
    /// List, show, explain, watch, stop and retry jobs, and read their logs
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Add, list and remove those who are told of every status change
    #[command(subcommand)]
    Subscribers(subscribers::Command),
    /// Make, list and revoke the key pairs that requests are signed with
    #[command(subcommand)]
    Keys(keys::Command),
    Env(env::Args),
    Doctor(doctor::Args),
    Export(moves::ExportArgs),
    Import(moves::ImportArgs),
    Diagram(DiagramArgs),
}

/// Print the law of a job's life: which status may follow which, and why
#[derive(clap::Args, Debug)]
struct DiagramArgs {
    /// As a table instead of a Mermaid diagram
    #[arg(long)]
    grid: bool,
}

fn main() -> ExitCode {
    // A build's own process, which must have no other thread yet.
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == windlass_jail::SUBCOMMAND) {
        return windlass_jail::enter(args);
    }
    // It fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::new).and_then(|runtime| {
        let done = runtime.block_on(run(cli));
        // A thread that verifies gigabytes for nobody is not waited for.
        runtime.shutdown_background();
        done
    });
    done.unwrap_or_else(|error| {
        let causes = format!("{error:#}");
        output::note(format_args!("windlass: {}", output::plain(&causes)));
        ExitCode::FAILURE
    })
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Up(args) => up::run(args).await,
        Command::Deploy(args) => deploy::run(args, cli.output).await,
        Command::Rollback(args) => rollback::run(args, cli.output).await,
        Command::Build(args) => build::run(args).await,
        Command::Jobs(command) => jobs::run(command, cli.output).await,
        Command::Subscribers(command) => subscribers::run(command, cli.output).await,
        Command::Keys(command) => keys::run(command, cli.output).await,
        Command::Env(args) => env::run(&args, cli.output),
        Command::Doctor(args) => doctor::run(args, cli.output).await,
        Command::Export(args) => moves::export(args, cli.output).await,
        Command::Import(args) => moves::import(args, cli.output).await,
        Command::Diagram(args) => diagram(&args),
    }
}

fn diagram(args: &DiagramArgs) -> anyhow::Result<ExitCode> {
    let text = if args.grid { windlass::lifecycle::grid() } else { windlass::lifecycle::diagram() };
    output::line(format_args!("{}", text.trim_end()))?;
    Ok(ExitCode::SUCCESS)
}
