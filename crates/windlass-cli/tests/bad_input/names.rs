//! Names of what is not there, and odd names of what is.

use crate::support::{BRANCH, World, error, page, reason, status};
use aws_sdk_amplify::types::JobStatus;
use windlass::BranchName;

/// Every operation below a branch: method, the rest of the path, a good body.
const BELOW_A_BRANCH: [(&str, &str, &str); 11] = [
    ("GET", "", ""),
    ("POST", "", "{}"),
    ("DELETE", "", ""),
    ("POST", "/deployments", "{}"),
    ("POST", "/deployments/start", r#"{"jobId":"1"}"#),
    ("POST", "/deployments/start", r#"{"sourceUrl":"https://example.com/x.zip"}"#),
    ("POST", "/jobs", r#"{"jobType":"RETRY","jobId":"1"}"#),
    ("GET", "/jobs", ""),
    ("GET", "/jobs/1", ""),
    ("DELETE", "/jobs/1", ""),
    ("DELETE", "/jobs/1/stop", ""),
];

#[tokio::test]
async fn an_unknown_app_is_not_found_by_any_operation() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let of_apps = [
        ("GET", "/apps/d1", ""),
        ("POST", "/apps/d1", "{}"),
        ("DELETE", "/apps/d1", ""),
        ("POST", "/apps/d1/branches", r#"{"branchName":"main"}"#),
        ("GET", "/apps/d1/branches", ""),
    ];
    for (method, target, body) in of_apps {
        world.ask(method, target, body).await.is_missing("App d1 not found.", &format!("{method} {target}"));
    }
    for (method, rest, body) in BELOW_A_BRANCH {
        let target = format!("/apps/d1/branches/{BRANCH}{rest}");
        world.ask(method, &target, body).await.is_missing("App d1 not found.", &format!("{method} {target}"));
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn an_unknown_branch_is_not_found_by_any_operation() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    for (raw, name) in [("x", "x"), ("MAIN", "MAIN"), ("main%20", "main "), ("feature%2Fx", "feature/x")] {
        for (method, rest, body) in BELOW_A_BRANCH {
            let target = format!("/apps/{}/branches/{raw}{rest}", world.app);
            let answer = world.ask(method, &target, body).await;
            answer.is_missing(&format!("Branch {name} not found."), &format!("{method} {target}"));
        }
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn an_unknown_job_is_not_found_by_any_operation() {
    let world = World::unsigned().await;
    world.deploy(page("one")).await;
    let before = world.snapshot().await;
    let branch = world.branch_path();
    let jobs = ["0", "2", "00000000002", "9223372036854775808", "18446744073709551615", "99999999999999999999999"];
    for job in jobs {
        let calls = [
            ("GET", format!("{branch}/jobs/{job}"), String::new()),
            ("DELETE", format!("{branch}/jobs/{job}"), String::new()),
            ("DELETE", format!("{branch}/jobs/{job}/stop"), String::new()),
            ("POST", format!("{branch}/deployments/start"), format!(r#"{{"jobId":"{job}"}}"#)),
            ("POST", format!("{branch}/jobs"), format!(r#"{{"jobType":"RETRY","jobId":"{job}"}}"#)),
        ];
        for (method, target, body) in calls {
            let answer = world.ask(method, &target, &body).await;
            answer.is_missing(&format!("Job {job} not found."), &format!("{method} {target} {body}"));
        }
    }
    for job in ["abc", "-1", "+1", "1.0", "0x1", "1%20", "%D9%A1", "1%00", ""] {
        for (method, rest) in [("GET", ""), ("DELETE", ""), ("DELETE", "/stop")] {
            let target = format!("{branch}/jobs/{job}{rest}");
            world.ask(method, &target, "").await.is_bad("Value at 'jobId' failed", &format!("{method} {target}"));
        }
    }
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_job_number_may_have_leading_zeros() {
    let world = World::unsigned().await;
    for _ in 0..7 {
        let (job, _) = world.create_deployment().await;
        world.stop(&job).await;
    }
    for job in ["7", "007", "0000000007", &format!("{}7", "0".repeat(254))] {
        let shown = world.ask("GET", &format!("{}/jobs/{job}", world.branch_path()), "").await.ok(job);
        assert_eq!(shown["job"]["summary"]["jobId"], "7");
    }
}

#[tokio::test]
async fn labels_that_cannot_be_what_they_stand_for_are_named() {
    let world = World::unsigned().await;
    for app in ["x", "d", "D1", "d-1", "d%20", "d1%2Fbranches", "..", "", "d12345678901234567890", "%ff", "d%"] {
        let target = format!("/apps/{app}");
        world.ask("GET", &target, "").await.is_bad("Value at 'appId' failed", &target);
    }
    for branch in ["", "%", "%zz", "%ff", "a%2", &"n".repeat(256), &"%C3%BC".repeat(256)] {
        let target = format!("/apps/{}/branches/{branch}", world.app);
        world.ask("GET", &target, "").await.is_bad("Value at 'branchName' failed", &target);
    }
}

#[tokio::test]
async fn a_branch_is_deployed_and_served_whatever_its_name_is() {
    let world = World::new().await;
    let longest = ["n".repeat(255), "ü".repeat(255), "🚢".repeat(255)];
    let odd = [
        "feature/a",
        "x y",
        "..",
        ".",
        "...",
        "ü",
        "%",
        "a%2Fb",
        "%2e%2e",
        "🚢",
        "a\nb",
        "a\r\nx-evil: 1",
        "a\0b",
        "?",
        "#",
        "a?b=c&d#e",
        "/",
        "//",
        "a//b",
        "/a/",
        " ",
        "+",
        "a+b",
        "\\",
        "\"",
        "'",
        "<script>",
        "*",
        "~",
        "main.",
        "../../etc/passwd",
        "jobs",
        "branches",
        "-",
        "--",
        "MAIN",
        "a;b",
        "a:b",
        "a@b",
        "[x]",
        "{branchName}",
        "\u{202e}x",
    ];
    for name in odd.into_iter().chain(longest.iter().map(String::as_str)) {
        a_branch_named(&world, name).await;
    }
}

/// A whole life of a branch of this name, through AWS's own client.
async fn a_branch_named(world: &World, name: &str) {
    let app = world.client.create_app().name("odd").send().await.unwrap().app.unwrap().app_id;
    let created = world.client.create_branch().app_id(&app).branch_name(name).send().await;
    let created = created.unwrap_or_else(|refused| panic!("{name:?}: {:?}", error(refused))).branch.unwrap();
    assert_eq!((created.branch_name.as_str(), created.display_name.as_str()), (name, name));
    let get = || world.client.get_branch().app_id(&app).branch_name(name).send();
    let shown = get().await.unwrap_or_else(|refused| panic!("{name:?}: {:?}", error(refused))).branch.unwrap();
    assert_eq!((&shown.branch_name, &shown.branch_arn), (&created.branch_name, &created.branch_arn));
    let listed = world.client.list_branches().app_id(&app).send().await.unwrap().branches;
    assert_eq!(listed.iter().map(|branch| branch.branch_name.as_str()).collect::<Vec<_>>(), [name]);

    let made = world.client.create_deployment().app_id(&app).branch_name(name).send().await;
    let made = made.unwrap_or_else(|refused| panic!("{name:?}: {:?}", error(refused)));
    let job = made.job_id.unwrap();
    assert_eq!(world.put(&made.zip_upload_url, page(name)).await.status(), 200, "{name:?}");
    let start = world.client.start_deployment().app_id(&app).branch_name(name).job_id(&job).send().await;
    let started = start.unwrap_or_else(|refused| panic!("{name:?}: {:?}", error(refused))).job_summary.unwrap();
    assert!(started.job_arn.ends_with(&format!("/branches/{name}/jobs/0000000001")), "{}", started.job_arn);
    let ended = ended(world, &app, name, &job).await;
    assert_eq!(status(&ended), JobStatus::Succeed, "{name:?}: {}", reason(&ended));
    let jobs = world.client.list_jobs().app_id(&app).branch_name(name).send().await.unwrap().job_summaries;
    assert_eq!(jobs.len(), 1, "{name:?}");

    let label = windlass_store::label(&name.parse::<BranchName>().unwrap());
    assert_eq!(visit(world, &label, &app).await, (200, name.to_owned()), "{name:?} at {label}");
    world.client.delete_branch().app_id(&app).branch_name(name).send().await.unwrap();
    assert_eq!(error(get().await.unwrap_err()), ("NotFoundException".into(), format!("Branch {name} not found.")));
    assert_eq!(visit(world, &label, &app).await.0, 404, "{name:?}");
}

async fn ended(world: &World, app: &str, branch: &str, job: &str) -> aws_sdk_amplify::types::Job {
    let mut look = tokio::time::interval(std::time::Duration::from_millis(5));
    loop {
        look.tick().await;
        let shown = world.client.get_job().app_id(app).branch_name(branch).job_id(job).send().await.unwrap();
        let shown = shown.job.unwrap();
        if crate::support::ended(&status(&shown)) {
            return shown;
        }
    }
}

async fn visit(world: &World, label: &str, app: &str) -> (u16, String) {
    let host = format!("{label}.{app}.localhost:{}", world.port());
    let answer = world.http.get(world.server.endpoint()).header("host", host).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn branches_whose_names_look_alike_in_host_names_have_sites_of_their_own() {
    let world = World::new().await;
    let mut labels = Vec::new();
    for name in ["x y", "x-y", "X/Y", "x_y"] {
        world.client.create_branch().app_id(&world.app).branch_name(name).send().await.unwrap();
        let made = world.client.create_deployment().app_id(&world.app).branch_name(name).send().await.unwrap();
        world.put(&made.zip_upload_url, page(name)).await;
        let start = world.client.start_deployment().app_id(&world.app).branch_name(name).job_id("1");
        start.send().await.unwrap();
        assert_eq!(status(&ended(&world, &world.app, name, "1").await), JobStatus::Succeed);
        // The upload URL shows the branch's own number.
        let uid: u64 = made.zip_upload_url.split('/').nth(5).unwrap().parse().unwrap();
        labels.push((name, uid));
    }
    assert_eq!(visit(&world, "x-y", &world.app).await.1, "x y");
    for (name, uid) in &labels[1..] {
        assert_eq!(visit(&world, &format!("x-y-{uid}"), &world.app).await.1, *name);
    }
}

#[tokio::test]
async fn a_branch_name_has_1_to_255_characters_and_is_given_once() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let branches = format!("/apps/{}/branches", world.app);
    for (body, words) in [
        (r#"{}"#.to_owned(), "must not be null"),
        (r#"{"branchName":""}"#.to_owned(), "greater than or equal to 1"),
        (format!(r#"{{"branchName":"{}"}}"#, "n".repeat(256)), "less than or equal to 255"),
        (format!(r#"{{"branchName":"{}"}}"#, "ü".repeat(256)), "less than or equal to 255"),
    ] {
        let answer = world.ask("POST", &branches, &body).await;
        answer.is_bad("Value at 'branchName' failed", &body);
        answer.is_bad(words, &body);
    }
    let again = world.ask("POST", &branches, r#"{"branchName":"main"}"#).await;
    let words = format!("Failed to create branch. The branch main already exists for the app {}", world.app);
    assert_eq!((again.status, again.message()), (400, words));
    assert_eq!(world.snapshot().await, before);
}
