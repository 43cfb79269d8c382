//! What a request costs. `cargo test --release -p windlass-site --test sites figures -- --ignored --nocapture`

use std::fs;
use std::sync::Arc;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use windlass_site::{SiteHost, Sites};
use windlass_sqlite::SqliteStore;
use windlass_store::{Clock, Document, Kind};

use crate::harness::{World, app, noon};

#[tokio::test]
#[ignore = "it prints figures and judges nothing"]
async fn figures() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("store")).unwrap());
    let world = World::on(store, folder).await;
    let page = "<p>All aboard!</p>\n".repeat(500);
    world.deploy("main", &[("index.html", page.as_bytes())], crate::harness::Kept::Inline).await;
    let host = world.sites.host("main.d1.localhost").unwrap();
    let logged = world.sites.clone().logged(Arc::clone(&world.clock) as Arc<dyn Clock>);

    measure("a page", &world.sites, &host, "/").await;
    measure("a page, noted in the access log", &logged, &host, "/").await;
    world.set(json!({"customRules": [rule("/<*>", "/index.html", "404-200")]})).await;
    measure("a page, one rule that does not apply", &world.sites, &host, "/").await;
    let spa = r"</^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|ttf|map|json)$)([^.]+$)/>";
    world.set(json!({"customRules": [rule(spa, "/index.html", "200")]})).await;
    measure("a single-page app's path", &world.sites, &host, "/users/7").await;
    let many: Vec<_> = (0..1000).map(|n| rule(&format!("/old/{n}"), "/new", "301")).collect();
    world.set(json!({ "customRules": many })).await;
    measure("a page, a thousand rules that do not match", &world.sites, &host, "/").await;
    let headers = "customHeaders: [{pattern: '**/*', headers: [{key: x-a, value: b}, {key: x-b, value: c}]}]";
    world.set(json!({"customRules": [], "customHeaders": headers})).await;
    measure("a page with two custom headers", &world.sites, &host, "/").await;

    let document = Document {
        kind: Kind::Domain,
        id: "example.com".to_owned(),
        app: Some(app()),
        attributes:
            json!({"domainStatus": "AVAILABLE", "subDomainSettings": [{"prefix": "www", "branchName": "main"}], "verified": ["www"]})
                .as_object()
                .unwrap()
                .clone(),
        created: noon(),
        updated: noon(),
        version: 1,
    };
    world.store.create_document(&document).await.unwrap();
    look("a look for a custom domain", &world.sites, "www.example.com").await;
    look("a look for a name that is none", &world.sites, "windlass.example.org").await;
    look("a look for an address", &world.sites, "127.0.0.1:8420").await;
}

async fn measure(what: &str, sites: &Sites, host: &SiteHost, path: &str) {
    let before = cpu();
    for _ in 0..ROUNDS {
        let request = Request::get(path).header("accept-encoding", "gzip").body(Body::empty()).unwrap();
        let response = sites.serve(host, request, None).await;
        assert_eq!(response.status(), 200);
    }
    print(what, before);
    sites.keep_log(async {}).await;
}

async fn look(what: &str, sites: &Sites, host: &str) {
    let before = cpu();
    for _ in 0..ROUNDS {
        sites.find(host).await.unwrap();
    }
    print(what, before);
}

fn print(what: &str, before: u64) {
    let micros = (cpu() - before) as f64 * 10_000.0 / f64::from(ROUNDS);
    println!("{what}: {micros:.2} µs of work");
}

fn rule(source: &str, target: &str, status: &str) -> Value {
    json!({"source": source, "target": target, "status": status})
}

/// The time that this process has worked, in hundredths of a second. Others on the machine do not count.
fn cpu() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

const ROUNDS: u32 = 100_000;
