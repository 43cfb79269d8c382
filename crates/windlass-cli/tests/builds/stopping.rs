use std::time::Duration;

use tokio::time::interval;

use crate::repository::{Repository, connected, release};

#[tokio::test]
async fn a_stop_ends_the_job_and_every_process_that_came_of_it() {
    // How long two processes sleep that never end by themselves, one of which tries to outlive the other: no others do.
    let [stays, leaves] = [86398, 86399].map(|seconds| format!("{seconds}.{}", std::process::id()));
    let endless = format!(
        "
version: 1
frontend:
  phases:
    build:
      commands:
        - 'setsid nohup sh -c \"sleep {leaves}\" >/dev/null 2>&1 &'
        - sleep {stays}
  artifacts: {{baseDirectory: out, files: ['**/*']}}
"
    );
    let repository = Repository::of(&[("amplify.yml", &endless)]);
    let world = connected(&repository).await;
    let number = release(&world).await;
    let mut look = interval(Duration::from_millis(20));
    while !sleeps(&stays) || !sleeps(&leaves) {
        look.tick().await;
    }
    world.stop(&number).await;
    let job = world.ended(&number).await;
    assert_eq!(job.summary.unwrap().status.as_str(), "CANCELLED");
    assert!(!sleeps(&stays) && !sleeps(&leaves), "a process has outlived the stop");
}

/// Whether any process of this machine sleeps so long.
fn sleeps(seconds: &str) -> bool {
    let (all, command) = (std::fs::read_dir("/proc").unwrap(), format!("sleep\0{seconds}\0"));
    all.flatten().any(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == command.as_bytes()))
}
