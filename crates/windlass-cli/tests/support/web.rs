//! Web servers that jobs fetch from.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::StreamExt as _;
use tokio::net::TcpListener;

/// A web server on this machine; answers its origin.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// The URL of a zip that begins and never ends.
pub(crate) async fn endless() -> String {
    let drip = || async {
        let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"PK")) });
        Body::from_stream(first.chain(futures_util::stream::pending()))
    };
    format!("{}/slow.zip", serve(Router::new().route("/slow.zip", get(drip))).await)
}
