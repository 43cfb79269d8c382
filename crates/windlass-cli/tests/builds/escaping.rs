//! Attempts of builds to get at what is not theirs, on the way that every build takes. Each is made without isolation, too,
//! where it works, or it would show nothing.

use std::fs;
use std::path::Path;

use aws_sdk_amplify::types::JobStatus;
use tokio::net::TcpListener;
use windlass_jail::{Isolation, Network};

use crate::repository::{Repository, building, connect, connected_with, ended_of, log_of, release_of};
use crate::support::pulse::{PORT, Pulse, STAY};
use crate::support::{BRANCH, World, status};

fn spec(commands: &[&str]) -> String {
    let commands: String = commands.iter().map(|command| format!("        - |\n          {command}\n")).collect();
    format!(
        "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n{commands}  artifacts: {{baseDirectory: /, files: ['*.html']}}\n"
    )
}

/// The log of a build of these commands, with these variables.
async fn said(world: &World, commands: &[&str], variables: &[(&str, &str)]) -> String {
    let repository = Repository::of(&[("amplify.yml", &spec(commands)), ("index.html", "x")]);
    let app = connect(&world.client, &repository, variables).await;
    let number = release_of(&world.client, &app).await;
    let job = ended_of(&world.client, &app, BRANCH, &number).await;
    let log = log_of(&world.http, &job, "BUILD").await;
    assert_eq!(status(&job), JobStatus::Succeed, "{log}");
    log
}

#[tokio::test]
async fn another_jobs_folder_is_out_of_reach() {
    for isolation in [Isolation::Full, Isolation::None] {
        let pulse = Pulse::new().await;
        let house = Repository::of(&[("amplify.yml", &spec(&["bash stay.sh \"$PWD\""])), ("index.html", "mine"), STAY]);
        let world = connected_with(&house, |config| {
            building(config);
            config.builds.isolation = isolation;
        })
        .await;
        let call = world.client.update_app().app_id(&world.app).environment_variables(PORT, pulse.port());
        call.send().await.unwrap();
        let number = release_of(&world.client, &world.app).await;
        let lives = pulse.beat().await;

        let attempts = [
            "echo theirs > \"$HOUSE/index.html\" || echo refused",
            "echo theirs > \"$HOUSE/new.html\" || echo refused",
            "ls \"$HOUSE/..\" || echo refused",
            "kill -9 $(grep -alz ^PULSE= /proc/[0-9]*/environ | cut -d/ -f3) || echo refused",
        ];
        let attempts = if isolation == Isolation::Full { &attempts[..] } else { &attempts[..3] };
        let log = said(&world, attempts, &[("HOUSE", &lives.name)]).await;
        let (page, is_new) =
            (fs::read_to_string(Path::new(&lives.name).join("index.html")).unwrap(), lives.name.clone());
        let is_new = Path::new(&is_new).join("new.html").exists();
        lives.go();
        assert_eq!(status(&world.ended(&number).await), JobStatus::Succeed);
        let (visible, refused) = (world.visit("/").await.1, log.matches("]: refused\n").count());
        match isolation {
            Isolation::Full => assert_eq!((&*page, is_new, &*visible, refused), ("mine", false, "mine", 4), "{log}"),
            Isolation::None => {
                assert_eq!((&*page, is_new, &*visible, refused), ("theirs\n", true, "theirs\n", 0), "{log}")
            }
        }
    }
}

#[tokio::test]
async fn without_a_network_neither_the_machine_nor_a_clouds_credentials_are_reached() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let loopback = "(echo > /dev/tcp/127.0.0.1/$LISTENER) && echo reached || echo refused";
    let metadata = "(echo > /dev/tcp/169.254.169.254/80) && echo reached || echo refused";
    let with = async |network| {
        let repository = Repository::of(&[("index.html", "x")]);
        connected_with(&repository, |config| {
            building(config);
            config.builds.network = network;
        })
        .await
    };
    let log = said(&with(Network::Host).await, &[loopback], &[("LISTENER", &port)]).await;
    assert!(log.contains("]: reached\n"), "the attempt itself works: {log}");

    let world = with(Network::None).await;
    let built = world.server.builds().await;
    if built.starts_with("none: ") {
        return eprintln!("skipped: {built}");
    }
    let log = said(&world, &[loopback, metadata], &[("LISTENER", &port)]).await;
    assert_eq!((log.matches("]: refused\n").count(), log.matches("]: reached\n").count()), (2, 0), "{log}");
    assert!(log.contains("Network is unreachable"), "{log}");
}
