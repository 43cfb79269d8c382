//! `windlass doctor`, beside a server that runs and without one.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::going_back::Site;
use crate::support::process::Process;
use crate::support::{BRANCH, page};
use crate::{contents, large_site, run, text};

#[tokio::test]
async fn a_sound_server_is_said_to_be_sound_and_its_unfinished_jobs_say_why() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let site = Site::new(&server, data.path()).await;
    site.deploy(large_site("large", 3 << 20)).await;
    site.deploy(page("small")).await;
    site.client.create_deployment().app_id(&site.app).branch_name(BRANCH).send().await.unwrap();

    for deep in [false, true] {
        let (code, found, counts) = examine(data.path(), deep);
        assert_eq!(code, Some(0), "{found:?}");
        let [job] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            (&job["kind"], &job["jobId"], &job["status"]),
            (&"unfinished".into(), &"3".into(), &"CREATED".into())
        );
        assert!(job["why"].as_str().unwrap().contains("upload") && job["deadline"].is_string(), "{job}");
        assert_eq!((&counts["jobs"], &counts["artifacts"], &counts["problems"]), (&3.into(), &2.into(), &0.into()));
    }
    let shown = run(data.path(), &["doctor"]);
    let shown = text(&shown.stdout);
    assert!(shown.contains(&format!("unfinished  app {}, branch main, job 3: CREATED, ", site.app)), "{shown}");
    assert!(shown.contains("2 artifacts are sound, 0 problems"), "{shown}");

    // The same without the server.
    server.kill();
    assert_eq!(examine(data.path(), true).0, Some(0));
}

#[tokio::test]
async fn what_is_damaged_or_missing_is_named_and_fails() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let site = Site::new(&server, data.path()).await;
    site.deploy(large_site("live", 3 << 20)).await;
    let file = contents(data.path()).remove(0);
    let sound = fs::read(&file).unwrap();

    // One bit: only whoever reads every byte sees it.
    let mut damaged = sound.clone();
    damaged[2 << 20] ^= 1;
    fs::write(&file, &damaged).unwrap();
    assert_eq!(examine(data.path(), false).0, Some(0));
    let (code, found, _) = examine(data.path(), true);
    assert_eq!(code, Some(1));
    assert_eq!(
        (&found[0]["kind"], &found[0]["live"], &found[0]["jobId"]),
        (&"problem".into(), &true.into(), &"1".into())
    );
    assert!(found[0]["what"].as_str().unwrap().contains("noise.png cannot be read"), "{found:?}");

    fs::write(&file, &sound[..1000]).unwrap();
    let (code, found, _) = examine(data.path(), false);
    assert!(code == Some(1) && found[0]["what"].as_str().unwrap().contains("are not there, whole"), "{found:?}");
    fs::remove_file(&file).unwrap();
    let (code, found, _) = examine(data.path(), false);
    assert!(code == Some(1) && found.len() == 1, "{found:?}");

    // A file that no job points to is no fault.
    fs::write(&file, &sound).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let (hash, rest) = name.split_once('-').unwrap();
    fs::write(file.with_file_name(format!("{hash}-0000000000000000-{}", rest.split_once('-').unwrap().1)), &sound)
        .unwrap();
    let (code, found, counts) = examine(data.path(), true);
    assert_eq!((code, &counts["orphans"]), (Some(0), &1.into()));
    assert_eq!((&found[0]["kind"], &found[0]["bytes"]), (&"orphan".into(), &sound.len().into()));

    let nothing = tempfile::tempdir().unwrap();
    let refused = run(nothing.path(), &["doctor"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("there is no server's data in"), "{}", text(&refused.stderr));
}

/// The exit code, what was found, and the counts.
fn examine(data: &Path, deep: bool) -> (Option<i32>, Vec<Value>, Value) {
    let arguments: &[&str] =
        if deep { &["doctor", "--output", "json", "--deep"] } else { &["doctor", "--output", "json"] };
    let output = run(data, arguments);
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", text(&output.stdout), text(&output.stderr)));
    (output.status.code(), told["found"].as_array().unwrap().clone(), told["counts"].clone())
}
