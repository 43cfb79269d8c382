//! `windlass up`: the shortest way from a folder to a site, on a server of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use windlass::JobStatus;
use windlass::wire::Open;
use windlass_cli::server::{Config, Server};

use crate::client::{Client, deploy, output};
use crate::serve::{self, Stop};

/// Deploy a folder to a server of its own and serve the site until Ctrl-C
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder, with an index.html
    dir: PathBuf,

    /// Where to listen; port 0 takes any
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// The app and the branch of a server that has only these.
const APP: &str = "site";
const BRANCH: &str = "main";

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    serve::for_the_owner_alone();
    let stop = Stop::listen()?;
    // Gone with the command, and with it everything that the server keeps.
    let data =
        tempfile::Builder::new().prefix("windlass-up-").tempdir().context("cannot make a temporary directory")?;
    let config = Config { listen: args.listen, ..Config::new(data.path().to_owned()) };
    let server = Server::start(config.clone()).await?;
    output::note(format_args!("serving on {}, for as long as this runs", server.endpoint()));

    let keys = server.credentials();
    let client =
        Client::local(server.endpoint(), keys.access_key_id.as_str(), &keys.secret_access_key, &config.account.region);
    let code = tokio::select! {
        deployed = deploy_and_tell(&client, &args) => deployed?,
        () = stop.wait() => ExitCode::SUCCESS,
    };
    server.shut_down().await;
    Ok(code)
}

/// Deploys, and returns only if that fails; otherwise the site is served.
async fn deploy_and_tell(client: &Client, args: &Args) -> anyhow::Result<ExitCode> {
    let mut show = |progress: &deploy::Progress| deploy::show(progress, &args.dir, APP, BRANCH);
    let deployed = deploy::deploy(client, &args.dir, APP, BRANCH, &mut show).await?;
    if deployed.status != Open::Known(JobStatus::Succeed) {
        let reason = deployed.status_reason.as_deref().unwrap_or("the server does not say why");
        output::note(format_args!("windlass: job {} is {}: {reason}", deployed.job_id, deployed.status));
        return Ok(ExitCode::FAILURE);
    }
    output::line(format_args!("{}", deployed.url))?;
    output::note(format_args!("Ctrl-C ends it"));
    std::future::pending().await
}
