//! Processes that do different things, and are one server.

use std::collections::BTreeSet;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_amplify::types::JobStatus;
use axum::Router;
use axum::routing::post;
use http::HeaderMap;
use windlass_cli::server::Roles;

use crate::fleet::{Door, Fleet};
use crate::source::Source;
use crate::support::process::windlass;
use crate::support::web::serve;
use crate::support::{BRANCH, ended, error, http, page, status};
use crate::{make_app, until};

/// Starts a deployment from a URL, and answers its job.
async fn start_url(door: &Door, app: &str, url: &str) -> String {
    let call = door.client.start_deployment().app_id(app).branch_name(BRANCH).source_url(url);
    call.send().await.unwrap().job_summary.unwrap().job_id
}

async fn get(door: &Door, path: &str, host: &str) -> (u16, String) {
    let answer = http().get(format!("{}{path}", door.endpoint)).header("host", host).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_does_what_its_roles_say_and_names_them_to_whoever_asks_for_more() {
    let Some(fleet) = Fleet::start().await else { return };
    let api = fleet.serve("api", &["--roles", "api"]).await;
    let app = make_app(&api.door(), BRANCH).await;
    let host = format!("{BRANCH}.{app}.localhost");
    let runner = fleet.serve("runner", &["--roles", "runner"]).await;
    let site = fleet.serve("site", &["--roles", "site"]).await;

    // A job that starts by one process, is worked on by another, and is shown by a third.
    let made = api.door().client.create_deployment().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    let put = http().put(made.zip_upload_url).body(page("first")).send().await.unwrap();
    assert_eq!(put.status(), 200);
    let job = made.job_id.unwrap();
    api.door().client.start_deployment().app_id(&app).branch_name(BRANCH).job_id(&job).send().await.unwrap();
    assert_eq!(status(&until(&api.door(), &app, BRANCH, &job, ended).await), JobStatus::Succeed);
    assert_eq!(get(&site.door(), "/", &host).await, (200, "first".to_owned()));

    for other in [&api, &runner] {
        let (code, words) = get(&other.door(), "/", &host).await;
        let roles = if other.data == api.data { "api" } else { "runner" };
        assert_eq!(code, 421, "{words}");
        assert_eq!(
            words,
            format!("Sites are shown by the processes with the role site. This one has the role {roles}.\n")
        );
    }
    for (other, roles) in [(&runner, "runner"), (&site, "site")] {
        let refused = error(other.door().client.list_apps().send().await.unwrap_err());
        let words = format!("The API is answered by the processes with the role api. This one has the role {roles}.");
        assert_eq!(refused, ("MisdirectedRequestException".to_owned(), words));
        // Uploads, logs, and webhooks likewise.
        for path in ["/-/uploads/1/1/0", "/-/logs/1/1/DEPLOY", "/webhooks?id=1"] {
            let put = http().put(format!("{}{path}", other.door().endpoint)).body("x").send().await.unwrap();
            assert_eq!(put.status(), 421, "{path}");
        }
    }
    for member in [&api, &runner, &site] {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(get(&member.door(), path, "localhost").await, (200, "ok\n".to_owned()));
        }
        let (code, metrics) = get(&member.door(), "/metrics", "localhost").await;
        assert!(code == 200 && metrics.contains("windlass_jobs_unfinished"), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_runner_jobs_wait_and_overdue_ones_end_all_the_same() {
    let Some(fleet) = Fleet::start().await else { return };
    let api = fleet.serve("api", &["--roles", "api,site"]).await;
    let mut runner = fleet.serve("runner", &["--roles", "runner"]).await;
    let source = Source::start().await;
    let app = make_app(&api.door(), BRANCH).await;
    let other = make_app(&api.door(), BRANCH).await;
    let lost = start_url(&api.door(), &app, &source.gated("lost")).await;
    until(&api.door(), &app, BRANCH, &lost, |status| *status == JobStatus::Running).await;
    runner.kill();
    let waits = start_url(&api.door(), &other, &source.slow("waits", 0)).await;
    let stop = api.door().client.stop_job().app_id(&app).branch_name(BRANCH).job_id(&lost).send().await.unwrap();
    assert_eq!(stop.job_summary.unwrap().status, JobStatus::Cancelling);

    // Its runner has 10 seconds to let go of it, and is gone. Whatever else is there ends it then.
    assert_eq!(status(&until(&api.door(), &app, BRANCH, &lost, ended).await), JobStatus::Cancelled);
    // In all that time nobody has taken the other.
    assert_eq!(status(&until(&api.door(), &other, BRANCH, &waits, |_| true).await), JobStatus::Pending);
    fleet.start_again(&mut runner).await;
    assert_eq!(status(&until(&api.door(), &other, BRANCH, &waits, ended).await), JobStatus::Succeed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_running_step_is_read_from_any_process() {
    let Some(fleet) = Fleet::start().await else { return };
    let a = fleet.serve("a", &["--roles", "api"]).await;
    let b = fleet.serve("b", &["--roles", "api,site"]).await;
    let _c = fleet.serve("c", &["--roles", "runner"]).await;
    let source = Source::start().await;
    let app = make_app(&a.door(), BRANCH).await;
    // Uploaded through A, started through B.
    let made = a.door().client.create_deployment().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    http().put(made.zip_upload_url).body(page("uploaded")).send().await.unwrap();
    let job = made.job_id.unwrap();
    b.door().client.start_deployment().app_id(&app).branch_name(BRANCH).job_id(&job).send().await.unwrap();
    assert_eq!(status(&until(&a.door(), &app, BRANCH, &job, ended).await), JobStatus::Succeed);

    let job = start_url(&b.door(), &app, &source.gated("slow")).await;
    for door in [a.door(), b.door()] {
        let running = until(&door, &app, BRANCH, &job, |status| *status == JobStatus::Running).await;
        let url = running.steps[0].log_url.clone().unwrap();
        loop {
            let log = http().get(&url).send().await.unwrap().text().await.unwrap();
            if log.contains("Beginning deployment") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    source.open();
    let done = until(&a.door(), &app, BRANCH, &job, ended).await;
    assert_eq!(status(&done), JobStatus::Succeed);
    let zip = done.steps[0].artifacts_url.clone().unwrap();
    assert_eq!(http().get(zip).send().await.unwrap().bytes().await.unwrap(), page("slow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_share_a_database_accept_the_same_root_key() {
    let Some(fleet) = Fleet::start().await else { return };
    // Several at once: one makes it.
    let (a, b, c) = tokio::join!(fleet.serve("a", &[]), fleet.serve("b", &[]), fleet.serve("c", &[]));
    let keys = |member: &crate::fleet::Member| std::fs::read_to_string(member.data.join("credentials")).unwrap();
    assert!(keys(&a).contains("aws_access_key_id = WDLS"));
    assert_eq!(keys(&a), keys(&b));
    assert_eq!(keys(&a), keys(&c));
    for member in [&a, &b, &c] {
        // Each door has the keys of its own directory; this one those of A.
        let door = Door { endpoint: member.door().endpoint, client: a.client_at(&member.door().endpoint) };
        door.client.list_apps().send().await.unwrap();
    }
    // One whose directory has another from before takes the common one on, and another database has another.
    let other = fleet.folder_with_credentials("d", "WDLSAAAAAAAAAAAAAAAA", &"x".repeat(40));
    let d = fleet.serve("d", &[]).await;
    assert_eq!((d.data.clone(), keys(&d)), (other, keys(&a)));

    // Nothing of it is in the logs, and the database has no more than a seal.
    let secret = keys(&a).lines().find_map(|line| line.strip_prefix("aws_secret_access_key = ")).unwrap().to_owned();
    assert!(!fleet.told().contains(&secret));
    let kept = fleet.query("SELECT encode(body, 'escape') FROM documents WHERE kind = 'root-key'");
    assert!(kept.contains("sealed") && !kept.contains(&secret), "{kept}");
}

/// Who is told of events is told by one process, and by another when that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn subscribers_are_told_once_though_there_are_several_processes() {
    let Some(fleet) = Fleet::start().await else { return };
    let mut a = fleet.serve("a", &[]).await;
    let heard = Arc::new(Mutex::new(Vec::<(String, String)>::new()));
    let hears = Arc::clone(&heard);
    let router = Router::new().route(
        "/",
        post(async move |headers: HeaderMap, body: String| {
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            hears.lock().unwrap().push((id, body));
        }),
    );
    let url = serve(router).await;
    let added = windlass().args(["subscribers", "add", &url, "--data"]).arg(&a.data).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    // Those that start now find the subscriber at once.
    let (_b, c) = (fleet.serve("b", &[]).await, fleet.serve("c", &[]).await);
    let app = make_app(&c.door(), BRANCH).await;
    let source = Source::start().await;
    let deploy_and_hear = async || {
        let job = start_url(&c.door(), &app, &source.slow("x", 0)).await;
        assert_eq!(status(&until(&c.door(), &app, BRANCH, &job, ended).await), JobStatus::Succeed);
        let is_last = |body: &str| body.contains("SUCCEED") && body.contains(&format!("\"jobId\":\"{job}\""));
        while !heard.lock().unwrap().iter().any(|(_, body)| is_last(body)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    for _ in 0..5 {
        deploy_and_hear().await;
    }
    let told: Vec<_> = heard.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
    let different: BTreeSet<_> = told.iter().collect();
    assert_eq!(told.len(), different.len(), "some are told twice: {told:?}");

    // Without the one that came first, whose part it is.
    a.kill();
    deploy_and_hear().await;
}

#[test]
fn roles_that_are_none_are_a_usage_error_that_names_those_there_are() {
    let refused = |roles: &str, by_variable: bool| -> Output {
        let mut serve = windlass();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data", "/nowhere"]);
        if by_variable {
            serve.env("WINDLASS_ROLES", roles)
        } else {
            serve.args(["--roles", roles])
        };
        serve.output().unwrap()
    };
    for by_variable in [false, true] {
        for (roles, words) in [
            ("api,worker", "\"worker\" is no role; the roles are api,runner,site"),
            (",", "a server without a role does nothing; the roles are api,runner,site"),
            ("", ""),
        ] {
            let output = refused(roles, by_variable);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{roles}: {told}");
            assert!(told.contains(words) && told.contains("--roles"), "{roles}: {told}");
        }
    }
}

#[test]
fn any_mix_is_read_as_it_is_shown() {
    for mix in 1..8 {
        let roles = Roles { api: mix & 1 > 0, runner: mix & 2 > 0, site: mix & 4 > 0 };
        assert_eq!(roles.to_string().parse(), Ok(roles));
    }
    assert_eq!(" site , api,".parse(), Ok(Roles { runner: false, ..Roles::ALL }));
}

#[test]
fn what_is_no_role_is_named_and_so_are_the_roles() {
    let refused = |text: &str| text.parse::<Roles>().unwrap_err().to_string();
    assert_eq!(refused("api,worker"), "\"worker\" is no role; the roles are api,runner,site");
    for nothing in ["", " ", ",", " , "] {
        assert_eq!(refused(nothing), "a server without a role does nothing; the roles are api,runner,site");
    }
}
