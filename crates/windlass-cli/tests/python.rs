//! AWS's clients for Python against the real binary: boto3 by a script, the AWS CLI by hand.
//!
//! `WINDLASS_TEST_PYTHON` names a Python with both; `scripts/test` makes one.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::process::{Process, windlass};

#[test]
fn boto3_gets_what_the_public_model_promises() {
    let Some(python) = python() else { return };
    let world = World::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/walk.py");
    let mut command = Command::new(python);
    command.arg(script).arg(&world.server.endpoint).arg(&world.zip);
    assert_eq!(world.run(command).trim(), "walked");
}

#[test]
fn the_aws_cli_deploys_a_zip() {
    let Some(python) = python() else { return };
    let world = World::new();
    let aws = |arguments: &str| {
        let mut command = Command::new(&python);
        command.args(["-m", "awscli", "--output", "text", "amplify"]).args(arguments.split(' '));
        world.run(command).trim().to_owned()
    };
    let app = aws("create-app --name demo --query app.appId");
    let branch = format!("--app-id {app} --branch-name feature/x");
    aws(&format!("create-branch {branch}"));
    let url = aws(&format!("create-deployment {branch} --query zipUploadUrl"));
    let mut curl = Command::new(&python);
    // As `curl -T` does it: a PUT of the file and nothing else.
    curl.args(["-c", "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], open(sys.argv[2], 'rb').read(), method='PUT'))"]);
    curl.arg(url).arg(&world.zip);
    world.run(curl);
    assert_eq!(aws(&format!("start-deployment {branch} --job-id 1 --query jobSummary.status")), "PENDING");
    let status = format!("get-job {branch} --job-id 1 --query job.summary.status");
    let end = loop {
        let status = aws(&status);
        if !["PENDING", "RUNNING"].contains(&status.as_str()) {
            break status;
        }
    };
    assert_eq!(end, "SUCCEED");
}

struct World {
    server: Process,
    data: tempfile::TempDir,
    zip: PathBuf,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Process::serve(&data.path().join("data"), &[]);
        let zip = data.path().join("site.zip");
        fs::write(&zip, support::page("walked")).unwrap();
        Self { server, data, zip }
    }

    /// Runs a command in the environment that `windlass env` prints, and answers what it says.
    fn run(&self, mut command: Command) -> String {
        let exports = windlass().args(["env", "--data"]).arg(self.data.path().join("data")).output().unwrap();
        for line in String::from_utf8(exports.stdout).unwrap().lines() {
            let (name, value) = line.trim_start_matches("export ").split_once('=').unwrap();
            command.env(name, value.trim_matches('\''));
        }
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        let output = command.output().unwrap();
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}{complained}");
        said.into_owned()
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("WINDLASS_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        eprintln!("skipped: WINDLASS_TEST_PYTHON does not name a Python with boto3 and awscli");
    }
    python
}
