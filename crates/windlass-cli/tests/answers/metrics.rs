//! `GET /metrics`: what it shows, and to whom.

use std::net::SocketAddr;

use crate::support::raw::Answer;
use crate::support::{World, page};

/// A stranger's app, branch and path, which no label may ever name.
const MADE_UP: &str = "/apps/dmadeup/branches/madeup/jobs/77";

impl World {
    async fn metrics(&self) -> String {
        let page = self.http.get(format!("{}/metrics", self.server.endpoint())).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let form = page.headers()["content-type"].to_str().unwrap();
        assert!(form.starts_with("application/openmetrics-text; version=1.0.0"), "{form}");
        page.text().await.unwrap()
    }

    async fn asks_for_metrics(&self, method: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_with(method, "/metrics", headers, "").await
    }
}

/// The number under a name with its labels.
#[track_caller]
fn number(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
}

#[tokio::test]
async fn a_deployment_is_in_the_metrics() {
    let world = World::new().await;
    world.deploy(page("one")).await;
    assert_eq!(world.ask("GET", MADE_UP, "").await.status, 403);
    assert_eq!(world.ask("GET", "/made/up", "").await.status, 404);
    let page = world.metrics().await;

    assert!(page.ends_with("# EOF\n"), "{page}");
    assert_eq!(number(&page, concat!("windlass_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}")), 1.0);
    for status in ["CREATED", "PENDING", "PROVISIONING", "RUNNING", "SUCCEED"] {
        assert_eq!(number(&page, &format!("windlass_jobs_total{{status=\"{status}\",type=\"MANUAL\"}}")), 1.0);
    }
    assert_eq!(number(&page, "windlass_job_status_duration_seconds_count{status=\"RUNNING\",type=\"MANUAL\"}"), 1.0);
    assert_eq!(number(&page, "windlass_queue_depth"), 0.0);
    assert_eq!(number(&page, "windlass_queue_oldest_wait_seconds"), 0.0);
    assert_eq!(number(&page, "windlass_leases_lost_total"), 0.0);
    let requests = |operation: &str, result: &str| {
        let labels = format!("{{operation=\"{operation}\",result=\"{result}\"}}");
        assert!(number(&page, &format!("windlass_request_duration_seconds_sum{labels}")) > 0.0, "{operation}");
        number(&page, &format!("windlass_request_duration_seconds_count{labels}"))
    };
    assert_eq!(requests("CreateDeployment", "success"), 1.0);
    assert_eq!(requests("StartDeployment", "success"), 1.0);
    assert_eq!(requests("object", "success"), 1.0);
    assert_eq!(requests("GetJob", "client_error"), 1.0);
    assert_eq!(requests("unknown", "client_error"), 1.0);

    // Create an app and a branch, create, upload, start, claim and end the job: each is a change, alone in its commit or not.
    let commits = number(&page, "windlass_store_commit_duration_seconds_count");
    assert!(commits >= 1.0, "{page}");
    assert_eq!(number(&page, "windlass_store_commit_changes_count"), commits);
    assert!(number(&page, "windlass_store_commit_changes_sum") >= 7.0, "{page}");
    assert_eq!(number(&page, "windlass_store_commits_failed_total"), 0.0);
}

#[tokio::test]
async fn no_label_names_what_clients_or_owners_made_up_and_nothing_secret_is_shown() {
    let world = World::new().await;
    world.deploy(page("one")).await;
    for target in ["/made/up", MADE_UP, "/-/madeup", "/apps/madeup?X-Amz-Signature=madeup", "/-/webhooks?token=madeup"]
    {
        for method in ["GET", "POST", "MADEUP"] {
            world.ask(method, target, "").await;
        }
    }
    let page = world.metrics().await;
    let keys = world.server.credentials();
    let secrets = [&*keys.secret_access_key, keys.access_key_id.as_str(), &world.app, "madeup", "MADEUP", "main"];
    for secret in secrets {
        assert!(!page.contains(secret), "{secret} is in\n{page}");
    }
}

#[tokio::test]
async fn the_metrics_are_for_programs_on_this_machine_and_a_site_has_a_page_of_that_name_for_itself() {
    let world = World::new().await;
    let zip = crate::support::zip(&[("index.html", "one"), ("metrics", "the site's own")]);
    world.deploy(zip).await;
    assert_eq!(world.visit("/metrics").await, (200, "the site's own".to_owned()));

    let local = format!("localhost:{}", world.port());
    let page = world.http.get(format!("http://{local}/metrics")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    // A proxy on this machine asks for others; a page in its browser does, too.
    for header in [
        ("host", "api.example.com"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "203.0.113.9"),
        ("origin", "http://localhost:3000"),
    ] {
        let answer = world.asks_for_metrics("GET", &[header]).await;
        answer.refuses(404, "UnknownOperationException", "No operation", header.0);
    }
    let answer = world.asks_for_metrics("POST", &[]).await;
    answer.refuses(404, "UnknownOperationException", "No operation", "POST");
}

#[tokio::test]
async fn the_metrics_can_have_an_address_of_their_own() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let world = World::with(|config| config.metrics_listen = Some(any)).await;
    let own = format!("http://{}", world.server.metrics_address().unwrap());
    let asked = |path: &str| world.http.get(format!("{own}{path}")).header("host", "metrics.example.com");
    let page = asked("/metrics").header("x-forwarded-for", "203.0.113.9").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("windlass_queue_depth 0\n"));
    // It leads nowhere else.
    for path in ["/", "/apps", "/healthz"] {
        assert_eq!(asked(path).send().await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(world.http.post(format!("{own}/metrics")).send().await.unwrap().status(), 405);
}
