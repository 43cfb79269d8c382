//! Builds that print or write more than there is room for, with the real binary.

use aws_sdk_amplify::Client;
use aws_sdk_amplify::types::{Job, JobStatus};

use crate::repository::{Repository, connect, ended_of, log_of, release_of, steps};
use crate::support::disk::Disk;
use crate::support::process::Process;
use crate::support::{BRANCH, http, reason, status};

/// How much memory a server may take for a gigabyte that is printed: its log has a megabyte.
const MORE: u64 = 100_000_000;

fn spec(commands: &[&str]) -> String {
    let commands: String = commands.iter().map(|command| format!("        - |\n          {command}\n")).collect();
    format!(
        "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n{commands}  artifacts: {{baseDirectory: out, files: ['**/*']}}\n"
    )
}

async fn built(client: &Client, app: &str) -> (Job, String) {
    let number = release_of(client, app).await;
    let job = ended_of(client, app, BRANCH, &number).await;
    let log = log_of(&http(), &job, "BUILD").await;
    (job, log)
}

#[tokio::test]
async fn a_build_that_prints_a_gigabyte_ends_as_it_says_with_a_log_that_has_an_end() {
    const PUBLISH: &str = "mkdir -p out && echo built > out/index.html";
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &["--allow-local-repositories"]);
    let client = server.client(data.path());
    let lines = "yes \"$(printf '%0999d' 0)\" | head -c 800000000";
    let no_lines = "head -c 200000000 /dev/zero | tr '\\0' x";
    let repository = Repository::of(&[("amplify.yml", &spec(&[PUBLISH]))]);
    let app = connect(&client, &repository, &[]).await;
    assert_eq!(status(&built(&client, &app).await.0), JobStatus::Succeed);
    let before = peak(&server);

    repository.commit("Chatter", &[("amplify.yml", &spec(&[lines, no_lines, PUBLISH]))]);
    let (job, log) = built(&client, &app).await;
    assert_eq!(status(&job), JobStatus::Succeed);
    assert!(log.len() <= 1 << 20, "{}", log.len());
    assert_eq!(log.matches("[WARNING]: The log is full").count(), 1);
    let after = peak(&server);
    assert!(after - before < MORE, "{before} bytes of memory became {after}");

    repository.commit("Fail", &[("amplify.yml", &spec(&["head -c 20000000 /dev/zero | tr '\\0' x", "exit 3"]))]);
    let (job, log) = built(&client, &app).await;
    assert!(reason(&job).contains("exit 3") && reason(&job).contains("exit code 3"), "{}", reason(&job));
    assert!(log.lines().next_back().is_some_and(|last| last.contains("[ERROR]: Build failed: ")), "{}", log.len());
}

#[tokio::test]
async fn a_build_that_fills_the_disk_fails_by_name_and_makes_room_for_others() {
    let Some(disk) = Disk::of_megabytes(64) else { return };
    let data = disk.path().join("data");
    let server = Process::serve(&data, &["--allow-local-repositories"]);
    let client = server.client(&data);
    // It stays when there is no room any more, so that somebody else has to end it.
    let filling = spec(&["while :; do cat /dev/zero >> big || true; done"]);
    let repository = Repository::of(&[("amplify.yml", &filling)]);
    let app = connect(&client, &repository, &[]).await;
    let (job, log) = built(&client, &app).await;
    assert_eq!(steps(&job), [("BUILD", "FAILED")], "{log}");
    assert!(reason(&job).contains("the disk is full: less than 3 MiB were left"), "{}", reason(&job));

    repository.commit("Modest", &[("amplify.yml", &spec(&["mkdir out && echo built > out/index.html"]))]);
    let (job, log) = built(&client, &app).await;
    assert_eq!(status(&job), JobStatus::Succeed, "{log}");
}

/// The most memory that a server has had, in bytes.
fn peak(server: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
