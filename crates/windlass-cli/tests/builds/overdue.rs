use std::time::Duration;

use aws_sdk_amplify::types::JobStatus;
use chrono::TimeDelta;

use crate::repository::{Repository, building, connected_with, log, release, steps};
use crate::support::pulse::{PORT, Pulse, STAY, SURVIVE, SURVIVORS, all_stop};
use crate::support::{World, reason, status};

const BUILD: &str = "
version: 1
frontend:
  phases: {build: {commands: [bash survive.sh]}}
  artifacts: {baseDirectory: /, files: ['**/*']}
";

const TEST: &str = "
version: 1
frontend:
  artifacts: {baseDirectory: /, files: ['**/*']}
test:
  phases: {test: {commands: [bash survive.sh]}}
";

/// A build of this specification that is under way, on a server that is quick to see what is overdue.
async fn under_way(specification: &str, pulse: &Pulse, variables: &[(&str, &str)]) -> (World, String, Repository) {
    let repository = Repository::of(&[("amplify.yml", specification), STAY, SURVIVE]);
    let world = connected_with(&repository, |config| {
        building(config);
        config.runner.sweep = Duration::from_millis(20);
        config.limits.build = 60;
    })
    .await;
    let mut call = world.client.update_app().app_id(&world.app).environment_variables(PORT, pulse.port());
    for (name, value) in variables {
        call = call.environment_variables(*name, *value);
    }
    call.send().await.unwrap();
    let number = release(&world).await;
    (world, number, repository)
}

#[tokio::test]
async fn a_build_that_is_longer_than_its_apps_limit_fails_and_all_its_processes_end() {
    let pulse = Pulse::new().await;
    let (world, number, _repository) = under_way(BUILD, &pulse, &[("_BUILD_TIMEOUT", "5")]).await;
    let beats = pulse.beats(SURVIVORS).await;
    world.clock.advance(TimeDelta::minutes(4));
    assert_eq!(status(&world.job(&number).await), JobStatus::Running);
    assert!(beats.iter().all(|beat| beat.is_alive()), "{beats:?}");
    world.clock.advance(TimeDelta::minutes(1));
    let job = world.ended(&number).await;
    assert_eq!(steps(&job), [("BUILD", "FAILED")]);
    assert_eq!(reason(&job), "the job did not end within 5 minutes, the build limit");
    all_stop(&beats).await;
}

#[tokio::test]
async fn tests_that_are_longer_than_the_servers_limit_fail_the_job_and_all_their_processes_end() {
    let pulse = Pulse::new().await;
    let (world, number, _repository) = under_way(TEST, &pulse, &[]).await;
    let beats = pulse.beats(SURVIVORS).await;
    world.clock.advance(TimeDelta::seconds(60));
    let job = world.ended(&number).await;
    assert_eq!(steps(&job), [("BUILD", "SUCCEED"), ("TEST", "FAILED")]);
    assert_eq!(reason(&job), "the job did not end within 1 minute, the build limit");
    all_stop(&beats).await;
    // The branch is free for the next.
    let next = release(&world).await;
    for beat in pulse.beats(SURVIVORS).await {
        beat.go();
    }
    let job = world.ended(&next).await;
    assert_eq!(status(&job), JobStatus::Succeed, "{}", log(&world, &job, "TEST").await);
}
