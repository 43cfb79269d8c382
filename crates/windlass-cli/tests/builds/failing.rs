use crate::repository::{Repository, building, connected, connected_with, log, release, steps};
use crate::support::reason;
use windlass_cli::server::BuildConfig;

fn spec(commands: &str) -> String {
    format!(
        "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n{commands}\n  artifacts: {{baseDirectory: out, files: ['**/*']}}\n"
    )
}

/// The reason and the log of BUILD of a job that builds this specification.
async fn fails(specification: &str) -> (String, String) {
    let repository = Repository::of(&[("amplify.yml", specification)]);
    let world = connected(&repository).await;
    let job = world.ended(&release(&world).await).await;
    assert_eq!(steps(&job), [("BUILD", "FAILED")]);
    let text = log(&world, &job, "BUILD").await;
    (reason(&job), text)
}

#[tokio::test]
async fn a_command_that_fails_is_named_with_its_exit_code_and_none_runs_after_it() {
    let (reason, log) = fails(&spec("        - echo before\n        - sh -c 'exit 42'\n        - echo after")).await;
    assert!(reason.contains("sh -c 'exit 42'") && reason.contains("42"), "{reason}");
    assert!(log.contains("]: before\n") && !log.contains("]: after\n"), "{log}");
}

#[tokio::test]
async fn a_command_is_named_though_the_one_before_it_ended_in_the_middle_of_a_line() {
    let (reason, log) = fails(&spec("        - printf 'no line break'\n        - exit 9")).await;
    assert_eq!(reason, "the command `exit 9` failed: exit code 9");
    assert!(log.contains("]: no line break\n") && log.contains("]: # Executing command: exit 9\n"), "{log}");
}

#[tokio::test]
async fn a_signal_is_named() {
    let (reason, _) = fails(&spec("        - kill -SEGV $$")).await;
    assert!(reason.contains("SEGV") || reason.contains("11"), "{reason}");
}

#[tokio::test]
async fn a_bad_specification_fails_by_line_and_key_before_anything_runs() {
    let (reason, log) = fails("version: 1\nfrontend:\n  phases:\n    build:\n      commands: {a: 1}\n").await;
    assert!(reason.contains("line 5") && reason.contains("frontend.phases.build.commands"), "{reason}");
    assert!(!log.contains("Executing"), "{log}");
}

#[tokio::test]
async fn a_folder_that_was_not_built_is_named() {
    let (reason, _) = fails(&spec("        - 'true'")).await;
    assert!(reason.contains("the folder out is not there after the build"), "{reason}");
}

#[tokio::test]
async fn secrets_are_not_in_the_log() {
    let repository = Repository::of(&[(
        "amplify.yml",
        &spec(
            "        - 'echo it is $API_TOKEN, $(printenv API_TOKEN | base64)'\n        - mkdir out && echo x > out/index.html",
        ),
    )]);
    let world = connected(&repository).await;
    let call = world.client.update_app().app_id(&world.app).environment_variables("API_TOKEN", "tok-93d1c07a55");
    call.send().await.unwrap();
    let job = world.ended(&release(&world).await).await;
    let text = log(&world, &job, "BUILD").await;
    assert!(text.contains("it is ***") && !text.contains("93d1c07a55"), "{text}");
}

#[tokio::test]
async fn a_server_that_cannot_build_says_so() {
    let repository = Repository::of(&[("index.html", "x")]);
    let world = connected_with(&repository, |config| {
        building(config);
        config.builds = BuildConfig { program: None, ..config.builds.clone() };
    })
    .await;
    let job = world.ended(&release(&world).await).await;
    let said = reason(&job);
    assert!(said.contains("does not build repositories"), "{said}");
}

#[tokio::test]
async fn a_build_sees_nothing_of_the_server() {
    let commands = [
        "env | sort",
        "cat $DATA_OF_SERVER/credentials || echo refused",
        "ls -R $DATA_OF_SERVER || true",
        "touch $DATA_OF_SERVER/here || true",
        "cat /proc/*/environ | xargs -0 -n1 || true",
        "mkdir out && echo x > out/index.html",
    ];
    let commands: Vec<_> =
        commands.iter().map(|command| format!("        - \"{}\"", command.replace('"', "\\\""))).collect();
    let repository = Repository::of(&[("amplify.yml", &spec(&commands.join("\n")))]);
    let world = connected(&repository).await;
    let data = world.server.data().path().to_str().unwrap().to_owned();
    let secret = world.server.credentials().secret_access_key.clone();
    let call = world.client.update_app().app_id(&world.app).environment_variables("DATA_OF_SERVER", &data);
    call.send().await.unwrap();
    let job = world.ended(&release(&world).await).await;
    let text = log(&world, &job, "BUILD").await;
    assert_eq!(job.summary.unwrap().status.as_str(), "SUCCEED", "{text}");
    assert!(text.contains("]: refused\n") && !text.contains(&secret), "{text}");
    assert!(!text.contains("windlass.db") && !text.contains("CARGO"), "{text}");
    assert!(!world.server.data().path().join("here").exists());
}
