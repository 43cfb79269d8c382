//! Sites over both versions of HTTP.

use reqwest::{Client, Version};

use crate::header;
use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_site_speaks_http_2_to_whoever_begins_with_it() {
    let big = "All aboard!\n".repeat(100_000);
    let world = World::with_site(&[("index.html", "home"), ("big.txt", &big), ("caf\u{e9}.txt", "composed")]).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    // `localhost` is this machine, whatever comes before it.
    let address = format!("127.0.0.1:{}", world.port()).parse().unwrap();
    let host = world.site_host();
    let name = host.split(':').next().unwrap();
    for (client, version) in [
        (Client::builder().http2_prior_knowledge(), Version::HTTP_2),
        (Client::builder().http1_only(), Version::HTTP_11),
    ] {
        let client = client.no_proxy().resolve(name, address).build().unwrap();
        let get = async |path: &str| client.get(format!("http://{host}{path}")).send().await.unwrap();
        let home = get("/").await;
        assert_eq!((home.version(), home.status().as_u16()), (version, 200));
        assert_eq!(header(&home, "x-content-type-options"), "nosniff");
        assert_eq!(home.text().await.unwrap(), "home");
        assert!(get("/big.txt").await.text().await.unwrap() == big);
        assert_eq!(get("/caf%C3%A9.txt").await.text().await.unwrap(), "composed");
        assert_eq!(get("/cafe%CC%81.txt").await.status(), 404);
        let part = client.get(format!("http://{host}/big.txt")).header("range", "bytes=600000-600010");
        assert_eq!(part.send().await.unwrap().text().await.unwrap(), "All aboard!");
        let head = client.head(format!("http://{host}/big.txt")).send().await.unwrap();
        assert_eq!(header(&head, "content-length"), big.len().to_string());
        let away = client.get(format!("http://{host}/missing")).send().await.unwrap();
        assert_eq!((away.version(), away.status().as_u16()), (version, 404));
    }
}
