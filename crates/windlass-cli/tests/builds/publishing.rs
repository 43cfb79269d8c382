use std::time::Duration;

use tokio::time::interval;

use crate::repository::{Repository, connected, log, release, steps};
use crate::support::reason;

const SITE: &str = "
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - mkdir -p out/deep
        - cd out
    build:
      commands:
        - echo \"<h1>$GREETING from $AWS_BRANCH</h1>\" > index.html
        - echo page > deep/page.html && echo secret > notes.txt
  artifacts:
    baseDirectory: out
    files: ['**/*.html']
";

#[tokio::test]
async fn a_repository_is_built_as_its_specification_says_and_goes_live() {
    let repository = Repository::of(&[("amplify.yml", SITE), ("index.html", "source")]);
    let world = connected(&repository).await;
    let branch = world.client.update_branch().app_id(&world.app).branch_name("main");
    branch.environment_variables("GREETING", "Hello").send().await.unwrap();
    let job = world.ended(&release(&world).await).await;
    let build = log(&world, &job, "BUILD").await;
    assert_eq!(steps(&job), [("BUILD", "SUCCEED"), ("DEPLOY", "SUCCEED"), ("VERIFY", "SUCCEED")], "{build}\n{job:?}");
    let summary = job.summary.unwrap();
    assert_eq!(summary.commit_id, repository.git(&["rev-parse", "HEAD"]));
    assert_eq!(summary.commit_message, "First light");
    let page = world.visit("/").await;
    assert_eq!(page.1, "<h1>Hello from main</h1>\n");
    assert_eq!(world.visit("/deep/page.html").await.0, 200);
    assert_eq!(world.visit("/notes.txt").await.0, 404, "a file that artifacts.files leaves out is on the site");
    assert!(build.contains("cd out") && build.contains("Build finished."), "{build}");
}

#[tokio::test]
async fn a_repository_without_a_specification_is_published_as_it_is() {
    let repository = Repository::of(&[("index.html", "as it is"), ("img/a.svg", "<svg/>")]);
    let world = connected(&repository).await;
    let job = world.ended(&release(&world).await).await;
    assert_eq!(job.summary.as_ref().unwrap().status.as_str(), "SUCCEED", "{}", log(&world, &job, "BUILD").await);
    assert_eq!(world.visit("/").await.1, "as it is");
    assert_eq!(world.visit("/img/a.svg").await.0, 200);
    assert_eq!(world.visit("/.git/HEAD").await.0, 404);
}

#[tokio::test]
async fn an_apps_own_specification_counts_where_the_repository_has_none() {
    let repository = Repository::of(&[("page.txt", "x")]);
    let world = connected(&repository).await;
    let call = world.client.update_app().app_id(&world.app).build_spec(SITE.replace("$GREETING", "Hi"));
    call.send().await.unwrap();
    let job = world.ended(&release(&world).await).await;
    assert_eq!(job.summary.as_ref().unwrap().status.as_str(), "SUCCEED", "{}", log(&world, &job, "BUILD").await);
    assert_eq!(world.visit("/").await.1, "<h1>Hi from main</h1>\n");
}

#[tokio::test]
async fn each_app_of_a_monorepo_is_built_in_its_own_folder() {
    let spec = "
version: 1
applications:
  - appRoot: apps/blog
    frontend:
      phases: {build: {commands: ['mkdir dist && cp blog.html dist/index.html']}}
      artifacts: {baseDirectory: dist, files: ['**/*']}
  - appRoot: apps/shop
    frontend:
      phases: {build: {commands: ['mkdir dist && cp shop.html dist/index.html']}}
      artifacts: {baseDirectory: dist, files: ['**/*']}
";
    let repository =
        Repository::of(&[("amplify.yml", spec), ("apps/blog/blog.html", "blog"), ("apps/shop/shop.html", "shop")]);
    let world = connected(&repository).await;
    for app in ["blog", "shop"] {
        let call = world.client.update_app().app_id(&world.app);
        call.environment_variables("AMPLIFY_MONOREPO_APP_ROOT", format!("apps/{app}")).send().await.unwrap();
        let job = world.ended(&release(&world).await).await;
        assert_eq!(job.summary.as_ref().unwrap().status.as_str(), "SUCCEED", "{}", log(&world, &job, "BUILD").await);
        assert_eq!(world.visit("/").await.1, app);
    }
}

#[tokio::test]
async fn tests_are_a_step_of_their_own_and_their_failure_keeps_the_job_from_going_live() {
    let spec = |tests: &str| {
        format!(
            "{SITE}test:\n  phases: {{test: {{commands: ['{tests}']}}}}\n  artifacts: {{baseDirectory: out, files: ['**/*']}}\n"
        )
    };
    let repository = Repository::of(&[("amplify.yml", &spec("test -f out/index.html"))]);
    let world = connected(&repository).await;
    let job = world.ended(&release(&world).await).await;
    let names: Vec<_> = steps(&job).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["BUILD", "TEST", "DEPLOY", "VERIFY"], "{}", log(&world, &job, "BUILD").await);
    let number = job.summary.as_ref().unwrap().job_id.clone();
    let call = world.client.list_artifacts().app_id(&world.app).branch_name("main").job_id(number);
    let artifacts = call.send().await.unwrap().artifacts;
    let report = artifacts.iter().find(|artifact| artifact.artifact_file_name == "tests/index.html");
    let report = report.unwrap_or_else(|| panic!("{artifacts:?}"));
    let url = world.client.get_artifact_url().artifact_id(&report.artifact_id).send().await.unwrap().artifact_url;
    let report = world.http.get(url).send().await.unwrap();
    assert_eq!(report.headers()["content-type"], "application/octet-stream");
    assert_eq!(report.text().await.unwrap(), "<h1> from main</h1>\n");

    repository.commit("Break it", &[("amplify.yml", &spec("echo no such page; exit 7"))]);
    let job = world.ended(&release(&world).await).await;
    assert_eq!(steps(&job), [("BUILD", "SUCCEED"), ("TEST", "FAILED")]);
    assert!(log(&world, &job, "TEST").await.contains("no such page"));
    assert_eq!(world.visit("/").await.1, "<h1> from main</h1>\n", "the site has changed");
}

/// Custom headers as a repository may have them.
fn headers(key: &str, value: &str) -> String {
    format!("customHeaders:\n  - pattern: '**'\n    headers: [{{key: '{key}', value: '{value}'}}]\n")
}

#[tokio::test]
async fn the_headers_of_a_repository_become_the_apps_once_it_is_live() {
    let first = headers("X-Built", "yes");
    let repository = Repository::of(&[("index.html", "one"), ("customHttp.yml", &first)]);
    let world = connected(&repository).await;
    world.ended(&release(&world).await).await;
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        let page = world.http.get(world.server.endpoint()).header("host", world.site_host()).send().await.unwrap();
        if page.headers().get("x-built").is_some_and(|value| value == "yes") {
            break;
        }
    }
    let app = || async { world.client.get_app().app_id(&world.app).send().await.unwrap().app.unwrap() };
    assert_eq!(app().await.custom_headers.as_deref(), Some(&*first));

    let bad = headers("Not a name", "x");
    repository.commit("Break it", &[("index.html", "two"), ("customHttp.yml", &bad)]);
    let job = world.ended(&release(&world).await).await;
    let said = reason(&job);
    assert!(steps(&job) == [("BUILD", "FAILED")] && said.starts_with("customHttp.yml: "), "{said}");
    assert_eq!((app().await.custom_headers.as_deref(), &*world.visit("/").await.1), (Some(&*first), "one"));
}
