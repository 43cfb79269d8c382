use crate::repository::{Repository, connected, release, under_way};

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
    under_way(&world, &number).await;
    assert!(runs("sleep\x0086398") && runs("sleep\x0086399"));
    world.stop(&number).await;
    let job = world.ended(&number).await;
    assert_eq!(job.summary.unwrap().status.as_str(), "CANCELLED");
    assert!(!runs("sleep\x0086398") && !runs("sleep\x0086399"), "a process has outlived the stop");
}

/// Whether any process of this machine has this command line.
pub(crate) fn runs(command: &str) -> bool {
    let all = std::fs::read_dir("/proc").unwrap();
    all.flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).starts_with(command))
    })
}
