//! The command line as a user types it.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Output, Stdio};

use support::process::{Process, windlass};

#[test]
fn a_folder_is_deployed_and_its_jobs_are_shown() {
    let (data, site) = (tempfile::tempdir().unwrap(), folder("<h1>hello</h1>"));
    let server = Process::serve(data.path(), &[]);
    let deployed = run(data.path(), &["deploy", site.path().to_str().unwrap(), "--app", "demo"]);
    let shown = text(&deployed.stderr);
    assert!(deployed.status.success(), "{shown}");
    assert!(shown.contains("created app demo"), "{shown}");
    assert!(shown.contains("SUCCEED"), "{shown}");
    let url = text(&deployed.stdout).trim().to_owned();
    assert!(url.starts_with("http://main.d") && url.ends_with('/'), "{url}");
    assert!(url.contains(&format!(".localhost:{}", server.endpoint.rsplit(':').next().unwrap())), "{url}");

    let again = run(data.path(), &["deploy", site.path().to_str().unwrap(), "--app", "demo", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&json["jobId"], &json["status"]), (&"2".into(), &"SUCCEED".into()));

    let list = run(data.path(), &["jobs", "list", "--app", "demo"]);
    let rows = text(&list.stdout);
    assert!(rows.lines().any(|row| row.trim_start().starts_with('2') && row.contains("SUCCEED")), "{rows}");
    let retried = run(data.path(), &["jobs", "retry", "1", "--app", "demo"]);
    assert!(retried.status.success(), "{}", text(&retried.stderr));
    let show = run(data.path(), &["jobs", "show", "--app", "demo", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&show.stdout).unwrap();
    assert_eq!(json["job"]["summary"]["jobType"], "RETRY");
    let stop = run(data.path(), &["jobs", "stop", "3", "--app", "demo"]);
    assert_eq!(stop.status.code(), Some(1));
    assert!(text(&stop.stderr).contains("SUCCEED"), "{}", text(&stop.stderr));
}

#[test]
fn a_deployment_that_fails_exits_with_one_and_says_why() {
    let (data, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _server = Process::serve(data.path(), &[]);
    fs::create_dir(site.path().join("build")).unwrap();
    fs::write(site.path().join("build/index.html"), "too deep").unwrap();
    let failed = run(data.path(), &["deploy", site.path().to_str().unwrap(), "--app", "demo"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("everything in one folder"), "{}", text(&failed.stderr));
}

#[test]
fn up_serves_a_folder_until_it_is_interrupted() {
    let site = folder("up and away");
    let mut up = windlass().arg("up").arg(site.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(up.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let host = url.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let port = host.rsplit(':').next().unwrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let seen = runtime.block_on(async {
        let page = support::http().get(format!("http://127.0.0.1:{port}/")).header("host", &host).send().await.unwrap();
        page.text().await.unwrap()
    });
    assert_eq!(seen, "up and away");
    let interrupted = std::process::Command::new("kill").args(["-INT", &up.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(up.wait().unwrap().code(), Some(0));
    let mut told = String::new();
    up.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("SUCCEED"), "{told}");
}

#[test]
fn env_prints_what_points_awss_clients_at_the_server() {
    let data = tempfile::tempdir().unwrap();
    let none = run(data.path(), &["env"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("windlass serve"), "{}", text(&none.stderr));

    let server = Process::serve(data.path(), &[]);
    let exports = text(&run(data.path(), &["env"]).stdout);
    assert!(exports.contains("AWS_ENDPOINT_URL_AMPLIFY=") && exports.contains(&server.endpoint), "{exports}");
    assert!(exports.contains("AWS_SECRET_ACCESS_KEY="), "{exports}");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(data.path().join("credentials")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn unsigned_requests_are_refused_off_this_machine() {
    let data = tempfile::tempdir().unwrap();
    let output = windlass()
        .args(["serve", "--auth", "none", "--listen", "0.0.0.0:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("loopback"), "{}", text(&output.stderr));
}

#[test]
fn the_law_the_version_and_bad_usage() {
    let diagram = windlass().arg("diagram").output().unwrap();
    assert_eq!(text(&diagram.stdout).trim_end(), windlass::lifecycle::diagram().trim_end());
    let version = windlass().arg("--version").output().unwrap();
    assert_eq!(text(&version.stdout).trim(), concat!("windlass ", env!("CARGO_PKG_VERSION")));
    assert_eq!(windlass().arg("sail").output().unwrap().status.code(), Some(2));
    assert_eq!(windlass().args(["serve", "--listen", "nowhere"]).output().unwrap().status.code(), Some(2));
}

fn run(data: &Path, args: &[&str]) -> Output {
    let mut command = windlass();
    command.args(args);
    if args[0] != "diagram" {
        command.arg("--data").arg(data);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder(page: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), page).unwrap();
    folder
}
