//! The access log of a server.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use windlass_cli::server::Config;
use windlass_sqlite::SqliteStore;
use windlass_store::{Blob, Blobs, Directory};

use crate::support::{World, page};

#[tokio::test(flavor = "multi_thread")]
async fn visits_are_written_down_when_the_server_stops() {
    let world = World::with(|config: &mut Config| config.drain = Duration::from_secs(60)).await;
    world.deploy(page("home")).await;
    let visit = world.at_host(Method::GET, &world.site_host(), "/?a=b").header("x-forwarded-for", "203.0.113.7");
    visit.header("user-agent", "A, Browser").send().await.unwrap().text().await.unwrap();
    world.see("/missing").await.text().await.unwrap();
    // The API's own requests are no visits.
    world.client.get_app().app_id(&world.app).send().await.unwrap();

    let (app, port) = (world.app.clone(), world.port());
    let data = world.server.data().path().to_owned();
    let World { server, data: folder, .. } = world;
    server.shut_down().await;

    let store = Arc::new(SqliteStore::open(&data).unwrap());
    let blobs = Blobs::new(store, Arc::new(Directory::open(&data.join("artifacts")).unwrap()));
    let chunks = blobs.list(&format!("access/{app}/")).await.unwrap();
    let mut lines = Vec::new();
    for chunk in &chunks {
        assert_eq!(chunk.len(), format!("access/{app}/2026-11-22/01-02-03-0123456789abcdef.csv").len(), "{chunk}");
        let Some(Blob::Inline(bytes)) = blobs.open(chunk).await.unwrap() else { panic!("{chunk} is gone") };
        lines.extend(String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned));
    }
    let host = format!("main.{app}.localhost");
    let [home, missing] = &lines[..] else { panic!("{lines:?}") };
    assert!(home.contains(&format!(",-,4,203.0.113.7,GET,{host},/,200,-,\"A, Browser\",a=b,0.")), "{home}");
    assert!(missing.contains(&format!(",127.0.0.1,GET,{host},/missing,404,-,-,-,0.")), "{missing}");
    assert!(!home.contains(&port.to_string()), "the host is without its port: {home}");
    drop(folder);
}
