//! What a server says and does where builds cannot be kept apart as they should, with the real binary.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use aws_sdk_amplify::types::{Job, JobStatus};
use landlock::{ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, path_beneath_rules};

use crate::repository::{Repository, connect, ended_of, log_of, release_of};
use crate::support::process::Process;
use crate::support::pulse::{PORT, Pulse, STAY, SURVIVE, SURVIVORS, all_stop};
use crate::support::{BRANCH, http, reason, status};

/// What a build does that would like to know who it belongs to.
const CURIOUS: &str = "
version: 1
frontend:
  phases:
    build:
      commands:
        - cat \"$DATA/credentials\" || echo refused
        - touch \"$DATA/here\" || echo refused
        - mkdir out && cp index.html out
  artifacts: {baseDirectory: out, files: ['**/*']}
";

/// A server in a place that lacks something, its data, and what it tells.
struct Lacking {
    server: Process,
    folder: tempfile::TempDir,
}

impl Lacking {
    fn start(arguments: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let told = File::create(folder.path().join("told")).unwrap();
        let arguments = [&["--allow-local-repositories"], arguments].concat();
        let server = Process::serve_with(&folder.path().join("data"), &arguments, |command| {
            change(command);
            command.stderr(told).env("NO_COLOR", "1");
        });
        Self { server, folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn told(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("told")).unwrap()
    }

    /// How a build ends that looks for the server's secrets, and its log.
    async fn build(&self) -> (Job, String) {
        let repository = Repository::of(&[("amplify.yml", CURIOUS), ("index.html", "built")]);
        let client = self.server.client(&self.data());
        let app = connect(&client, &repository, &[("DATA", self.data().to_str().unwrap())]).await;
        let number = release_of(&client, &app).await;
        let job = ended_of(&client, &app, BRANCH, &number).await;
        let log = log_of(&http(), &job, "BUILD").await;
        (job, log)
    }

    fn secret(&self) -> String {
        let credentials = std::fs::read_to_string(self.data().join("credentials")).unwrap();
        let line = credentials.lines().find(|line| line.starts_with("aws_secret_access_key")).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn without_namespaces_landlock_keeps_builds_from_the_servers_data_and_what_is_missing_is_told() {
    let mut lacking = Lacking::start(&[], without_namespaces);
    let said = lacking.server.says("builds ");
    if said.starts_with("none: ") {
        return eprintln!("skipped: this machine has no Landlock either: {said}");
    }
    assert_eq!(said, "isolation full, network host");
    for missing in ["a PID namespace", "a root of its own", "a fresh /proc"] {
        let told = lacking.told();
        assert!(told.contains(&format!("what would keep them apart better: {missing}")), "{missing}: {told}");
    }
    let (job, log) = lacking.build().await;
    assert_eq!(status(&job), JobStatus::Succeed, "{log}");
    assert_eq!(log.matches("]: refused\n").count(), 2, "{log}");
    assert!(!log.contains(&lacking.secret()), "{log}");
    assert!(!lacking.data().join("here").exists());
}

#[tokio::test]
async fn without_namespaces_a_stop_ends_every_process() {
    let pulse = Pulse::new().await;
    let lacking = Lacking::start(&[], without_namespaces);
    let spec = "{version: 1, frontend: {phases: {build: {commands: [bash survive.sh]}}, artifacts: {baseDirectory: /, files: ['**/*']}}}";
    let repository = Repository::of(&[("amplify.yml", spec), STAY, SURVIVE]);
    let client = lacking.server.client(&lacking.data());
    let app = connect(&client, &repository, &[(PORT, &pulse.port())]).await;
    let number = release_of(&client, &app).await;
    let beats = pulse.beats(SURVIVORS).await;
    client.stop_job().app_id(&app).branch_name(BRANCH).job_id(&number).send().await.unwrap();
    all_stop(&beats).await;
    assert_eq!(status(&ended_of(&client, &app, BRANCH, &number).await), JobStatus::Cancelled);
}

#[tokio::test]
async fn a_network_of_its_own_is_refused_where_it_cannot_be_had() {
    let mut lacking = Lacking::start(&["--build-network", "none"], without_namespaces);
    let said = lacking.server.says("builds ");
    assert!(said.starts_with("none: ") && said.contains("no network of its own can be had"), "{said}");
    let (job, log) = lacking.build().await;
    assert_eq!(status(&job), JobStatus::Failed);
    assert!(reason(&job).contains("no network of its own can be had"), "{log}");
}

#[tokio::test]
async fn where_nothing_keeps_builds_apart_there_are_none_unless_that_is_asked_for() {
    let mut lacking = without_anything(&[]);
    let said = lacking.server.says("builds ");
    assert!(said.starts_with("none: builds cannot be kept apart on this machine: "), "{said}");
    assert!(said.ends_with("; --isolation none builds without it"), "{said}");
    let (job, log) = lacking.build().await;
    assert_eq!(status(&job), JobStatus::Failed);
    assert!(reason(&job).starts_with("this server does not build repositories: builds cannot be kept apart"), "{log}");
    assert!(!log.contains("Executing"), "{log}");

    let mut lacking = without_anything(&["--isolation", "none"]);
    assert_eq!(lacking.server.says("builds "), "isolation none, network host");
    assert!(lacking.told().contains("isolation is switched off"), "{}", lacking.told());
    let (job, log) = lacking.build().await;
    assert_eq!(status(&job), JobStatus::Succeed, "{log}");
    // That is what it means.
    assert!(log.contains(&lacking.secret()) && lacking.data().join("here").exists(), "{log}");
}

/// Has a command run where the kernel gives no namespaces to anyone: their number is limited to none, and there is no
/// capability to have them with. Where it gives none at all, the command stays as it is.
pub(crate) fn without_namespaces(command: &mut Command) {
    const WITHIN: &str = r#"
unshare --user --map-root-user true 2>/dev/null || exec "$0" "$@"
exec unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces &&
    exec setpriv --inh-caps=-all --bounding-set=-all "$0" "$@"' "$0" "$@"
"#;
    let mut within = Command::new("sh");
    within.args(["-c", WITHIN]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => within.env(name, value),
            None => within.env_remove(name),
        };
    }
    *command = within;
}

/// A server that has neither namespaces nor Landlock, wherever the tests run.
fn without_anything(arguments: &'static [&'static str]) -> Lacking {
    // The kernel lets a thread, and what it starts, be shut in sixteen times and not once more.
    let shut_in = || {
        let everything = AccessFs::from_all(ABI::V2);
        for _ in 0..16 {
            let all = Ruleset::default().handle_access(everything).unwrap().create().unwrap();
            all.add_rules(path_beneath_rules(["/"], everything)).unwrap().restrict_self().unwrap();
        }
        Lacking::start(arguments, without_namespaces)
    };
    std::thread::spawn(shut_in).join().unwrap()
}
