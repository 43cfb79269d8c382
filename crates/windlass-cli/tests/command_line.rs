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
fn keys_are_made_listed_and_revoked() {
    let (data, site) = (tempfile::tempdir().unwrap(), folder("by another"));
    let server = Process::serve(data.path(), &[]);
    let deploy = |dir: &Path| run(data.path(), &["deploy", dir.to_str().unwrap(), "--app", "demo"]);
    assert!(deploy(site.path()).status.success());

    let made = run(data.path(), &["keys", "create", "--role", "deploy", "--app", "demo", "--name", "ci"]);
    let lines = text(&made.stdout);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let value = |name: &str| {
        let line = lines.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
        line.unwrap_or_else(|| panic!("{lines}")).trim().to_owned()
    };
    let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
    // Its holder is elsewhere: what is known there is the endpoint and the key pair.
    let elsewhere = |args: &[&str]| {
        let mut command = windlass();
        command.args(args).args(["--endpoint", &server.endpoint]);
        command.env("AWS_ACCESS_KEY_ID", &id).env("AWS_SECRET_ACCESS_KEY", &secret).env("AWS_REGION", "us-east-1");
        command.output().unwrap()
    };
    let deployed = elsewhere(&["deploy", site.path().to_str().unwrap(), "--app", "demo"]);
    assert!(deployed.status.success(), "{}", text(&deployed.stderr));
    let another = elsewhere(&["deploy", site.path().to_str().unwrap(), "--app", "another"]);
    let told = text(&another.stderr);
    assert_eq!(another.status.code(), Some(1), "{told}");
    assert!(told.contains("AccessDeniedException") && told.contains("user/ci is not authorized to perform"), "{told}");
    assert!(told.contains("amplify:CreateApp"), "{told}");
    let keys = elsewhere(&["keys", "list"]);
    assert!(text(&keys.stderr).contains("windlass:ListKeys"), "{}", text(&keys.stderr));

    let listed = run(data.path(), &["keys", "list", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let key = &json["keys"][0];
    assert_eq!((&key["accessKeyId"], &key["role"], &key["name"]), (&id.clone().into(), &"deploy".into(), &"ci".into()));
    assert!(!text(&listed.stdout).contains(&secret));
    let rows = text(&run(data.path(), &["keys", "list"]).stdout);
    assert!(rows.lines().any(|row| row.starts_with(&id) && row.contains("deploy")), "{rows}");
    assert!(!rows.contains(&secret), "{rows}");

    assert!(run(data.path(), &["keys", "revoke", &id]).status.success());
    let refused = elsewhere(&["jobs", "list", "--app", "demo"]);
    assert!(text(&refused.stderr).contains("UnrecognizedClientException"), "{}", text(&refused.stderr));
    let again = run(data.path(), &["keys", "revoke", &id]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        text(&again.stderr).contains(&format!("NotFoundException: Key {id} not found.")),
        "{}",
        text(&again.stderr)
    );
    assert_eq!(run(data.path(), &["keys", "create", "--role", "owner"]).status.code(), Some(2));
}

#[test]
fn quotas_are_named_and_kept() {
    let data = tempfile::tempdir().unwrap();
    let help = windlass().args(["serve", "--quota", "help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    let rows = text(&help.stdout);
    assert!(rows.lines().any(|row| row.starts_with("branches-per-app") && row.ends_with("none")), "{rows}");
    assert!(rows.lines().any(|row| row.starts_with("zip-size") && row.contains("5000000000")), "{rows}");
    for (given, told) in [
        ("aps=3", "there is no quota \"aps\"; there are apps, "),
        ("apps", "the quota apps is a whole number from 0 on, not \"\""),
        ("apps=lots", "the quota apps is a whole number from 0 on, not \"lots\""),
        ("zip-size=0", "the quota zip-size is a whole number from 1 on, not \"0\""),
    ] {
        let refused = windlass().args(["serve", "--quota", given, "--data"]).arg(data.path()).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{given}");
        assert!(text(&refused.stderr).contains(told), "{given}: {}", text(&refused.stderr));
    }
    assert_eq!(windlass().args(["serve", "--request-rate", "0"]).output().unwrap().status.code(), Some(2));
    let twice =
        windlass().args(["serve", "--quota", "apps=1", "--quota", "apps=2", "--data"]).arg(data.path()).output();
    let twice = twice.unwrap();
    assert_eq!(twice.status.code(), Some(2));
    assert!(text(&twice.stderr).contains("--quota apps is said more than once"), "{}", text(&twice.stderr));

    let site = folder("the only one");
    let _server = Process::serve(data.path(), &["--quota", "apps=1", "--quota", "branches-per-app=9"]);
    assert!(run(data.path(), &["deploy", site.path().to_str().unwrap(), "--app", "one"]).status.success());
    let two = run(data.path(), &["deploy", site.path().to_str().unwrap(), "--app", "two"]);
    let told = text(&two.stderr);
    assert!(told.contains("LimitExceededException: There may be no more apps: the quota apps is 1."), "{told}");
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
