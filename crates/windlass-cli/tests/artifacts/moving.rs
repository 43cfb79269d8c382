//! `windlass export` and `windlass import`: a server that goes from a directory to a database, and back.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use windlass_testkit::Postgres;

use crate::going_back::Site;
use crate::s3::S3;
use crate::support::process::{Process, windlass};
use crate::support::{BRANCH, page};
use crate::{large_site, text};

#[tokio::test]
async fn a_server_moves_to_a_database_and_back_with_everything() {
    let Some(postgres) = Postgres::start() else { return };
    let url = postgres.url(&postgres.database("template1"));
    let folders: [_; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let [old, fleet, back] = folders.each_ref().map(tempfile::TempDir::path);
    let (there, again) = (old.join("there"), old.join("again"));

    let server = Process::serve(old, &[]);
    let site = Site::new(&server, old).await;
    site.deploy(large_site("large", 2 << 20)).await;
    site.deploy(page("small")).await;
    // While a server has the directory, it can be backed up, and not be moved.
    let refused = run(old, "export", &there, &[]);
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("is in use by another windlass"),
        "{refused:?}"
    );
    assert!(!there.exists());
    let backup = run(old, "export", &old.join("backup"), &["--while-running"]);
    assert!(backup.status.success(), "{backup:?}");
    server.stop();

    done(&run(old, "export", &there, &[]));
    assert_eq!(fs::read(old.join("backup")).unwrap(), fs::read(&there).unwrap(), "nothing has happened since");
    done(&run(fleet, "import", &there, &["--database-url", &url]));
    let refused = run(fleet, "import", &there, &["--database-url", &url]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("the store is not empty"), "{refused:?}");
    fs::copy(old.join("credentials"), fleet.join("credentials")).unwrap();
    let server = Process::serve(fleet, &["--database-url", &url]);
    let moved = Site { client: server.client(fleet), app: site.app.clone() };
    assert_eq!(moved.visit(&server).await, "small");
    moved.deploy(page("made there")).await;
    let jobs = moved.client.list_jobs().app_id(&moved.app).branch_name(BRANCH).send().await.unwrap().job_summaries;
    assert_eq!(jobs.iter().map(|job| job.job_id.as_str()).collect::<Vec<_>>(), ["3", "2", "1"]);
    server.stop();

    // By a pipe.
    let mut export = windlass();
    export.args(["export", "-", "--database-url", &url, "--data"]).arg(fleet).stdout(Stdio::piped());
    let mut export = export.spawn().unwrap();
    let mut import = windlass();
    import.args(["import", "-", "--data"]).arg(back).stdin(export.stdout.take().unwrap());
    done(&import.output().unwrap());
    assert!(export.wait().unwrap().success());
    done(&run(back, "export", &again, &[]));
    fs::copy(old.join("credentials"), back.join("credentials")).unwrap();
    let server = Process::serve(back, &[]);
    let moved = Site { client: server.client(back), app: site.app };
    assert_eq!(moved.visit(&server).await, "made there");
    // The large one is there, too: a retry shows it again.
    moved.retry("1").await;
    assert_eq!(moved.visit(&server).await, "large");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_artifacts_move_into_a_bucket_and_stay_there() {
    let Some(postgres) = Postgres::start() else { return };
    let url = postgres.url(&postgres.database("template1"));
    let s3 = S3::start().await;
    let variables = s3.variables("secret");
    let folders: [_; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let [old, fleet, back] = folders.each_ref().map(tempfile::TempDir::path);
    let (all, pointers) = (old.join("all"), fleet.join("pointers"));
    let server = Process::serve(old, &[]);
    let site = Site::new(&server, old).await;
    site.deploy(large_site("large", 2 << 20)).await;
    server.stop();

    let with_bucket = |data: &Path, command: &str, file: &Path, more: &[&str]| {
        let mut run = windlass();
        run.args([command, "--artifacts", "s3://bucket/moved"]).arg(file).args(more).arg("--data").arg(data);
        run.envs(variables.clone()).output().unwrap()
    };
    done(&run(old, "export", &all, &[]));
    done(&with_bucket(fleet, "import", &all, &["--database-url", &url]));
    fs::copy(old.join("credentials"), fleet.join("credentials")).unwrap();
    let server = Process::serve_with(fleet, &["--database-url", &url, "--artifacts", "s3://bucket/moved"], |command| {
        command.envs(variables.clone());
    });
    assert_eq!(site.visit(&server).await, "large");
    server.stop();

    let exported =
        with_bucket(fleet, "export", &pointers, &["--database-url", &url, "--without-artifacts", "--output", "json"]);
    done(&exported);
    let told: serde_json::Value = serde_json::from_slice(&exported.stdout).unwrap();
    assert_eq!((&told["artifacts"], &told["rows"]["jobs"]), (&0.into(), &1.into()));
    assert!(fs::metadata(&pointers).unwrap().len() < 100_000);
    let refused = run(back, "import", &pointers, &[]);
    assert!(text(&refused.stderr).contains("is neither in the file nor in the vault"), "{refused:?}");
    done(&with_bucket(back, "import", &pointers, &[]));
    let server = Process::serve_with(back, &["--artifacts", "s3://bucket/moved"], |command| {
        command.envs(variables.clone());
    });
    assert_eq!(site.visit(&server).await, "large");
}

#[tokio::test]
async fn a_file_that_is_no_good_changes_nothing_and_is_named() {
    let folders: [_; 2] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let [old, new] = folders.each_ref().map(tempfile::TempDir::path);
    let server = Process::serve(old, &[]);
    let site = Site::new(&server, old).await;
    site.deploy(page("first")).await;
    server.stop();
    let file = old.join("file");
    done(&run(old, "export", &file, &[]));
    let refused = run(old, "export", &file, &[]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("is there already"), "{refused:?}");

    let whole = fs::read(&file).unwrap();
    let cut = new.join("cut");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let refused = run(new, "import", &cut, &[]);
    let told = text(&refused.stderr);
    assert!(!refused.status.success() && told.contains(&format!("{}: it is cut off", cut.display())), "{told}");
    let refused = run(&new.join("nothing"), "export", &new.join("out"), &[]);
    assert!(text(&refused.stderr).contains("there is no server's data"), "{refused:?}");
    done(&run(new, "import", &file, &[]));
}

fn run(data: &Path, command: &str, file: &Path, more: &[&str]) -> Output {
    windlass().arg(command).arg(file).args(more).arg("--data").arg(data).output().unwrap()
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}
