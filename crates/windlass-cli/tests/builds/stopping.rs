use std::time::Duration;

use tokio::time::interval;

use crate::repository::{Repository, connected, log, release};

/// A build that never ends by itself, which has a child that tries to outlive it.
const ENDLESS: &str = "
version: 1
frontend:
  phases:
    build:
      commands:
        - 'setsid nohup sh -c \"sleep 86399\" >/dev/null 2>&1 &'
        - 'echo under way; sleep 86398'
  artifacts: {baseDirectory: out, files: ['**/*']}
";

#[tokio::test]
async fn a_stop_ends_the_job_and_every_process_that_came_of_it() {
    let repository = Repository::of(&[("amplify.yml", ENDLESS)]);
    let world = connected(&repository).await;
    let number = release(&world).await;
    // The log of a running step can be read, so it says when the build is under way.
    let mut look = interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        let job = world.job(&number).await;
        if !job.steps.is_empty() && log(&world, &job, "BUILD").await.contains("]: under way\n") {
            break;
        }
    }
    assert!(runs("sleep\x0086398") && runs("sleep\x0086399"));
    world.stop(&number).await;
    let job = world.ended(&number).await;
    assert_eq!(job.summary.unwrap().status.as_str(), "CANCELLED");
    assert!(!runs("sleep\x0086398") && !runs("sleep\x0086399"), "a process has outlived the stop");
}

/// Whether any process of this machine has this command line.
fn runs(command: &str) -> bool {
    let all = std::fs::read_dir("/proc").unwrap();
    all.flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).starts_with(command))
    })
}
