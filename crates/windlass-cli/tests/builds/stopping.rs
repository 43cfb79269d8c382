//! A stop ends a build and all that came of it.

use std::time::Duration;

use tokio::time::interval;

use crate::repository::{Repository, connected, release};

#[tokio::test]
async fn a_stop_ends_the_job_and_every_process_that_came_of_it() {
    let endless = Endless::new(86_390);
    let repository = Repository::of(&[("amplify.yml", &endless.specification)]);
    let world = connected(&repository).await;
    let number = release(&world).await;
    endless.begins().await;
    world.stop(&number).await;
    let job = world.ended(&number).await;
    assert_eq!(job.summary.unwrap().status.as_str(), "CANCELLED");
    assert!(endless.is_over(), "a process has outlived the stop");
}

/// A build that never ends by itself, with a process that tries to outlive it.
pub(crate) struct Endless {
    pub(crate) specification: String,
    /// How long its processes sleep, which no others do.
    sleeps: [String; 2],
}

impl Endless {
    /// One whose processes sleep for so many seconds, unlike those of any other test.
    pub(crate) fn new(seconds: u32) -> Self {
        let [stays, leaves] = [seconds, seconds + 1].map(|seconds| format!("{seconds}.{}", std::process::id()));
        let specification = format!(
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
        Self { specification, sleeps: [stays, leaves] }
    }

    /// Waits until both processes are there.
    pub(crate) async fn begins(&self) {
        let mut look = interval(Duration::from_millis(20));
        while !self.sleeps.iter().all(|seconds| sleeps(seconds)) {
            look.tick().await;
        }
    }

    /// Whether neither is there.
    pub(crate) fn is_over(&self) -> bool {
        !self.sleeps.iter().any(|seconds| sleeps(seconds))
    }
}

/// Whether any process of this machine sleeps so long.
fn sleeps(seconds: &str) -> bool {
    let (all, command) = (std::fs::read_dir("/proc").unwrap(), format!("sleep\0{seconds}\0"));
    all.flatten().any(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == command.as_bytes()))
}
