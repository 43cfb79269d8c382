//! Where jobs fetch sites from: slowly, or not before they may.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use crate::support::page;
use crate::support::web::serve;

/// A web server on this machine.
pub(crate) struct Source {
    origin: String,
    gate: Arc<Gate>,
}

struct Gate {
    asked: AtomicU32,
    open: watch::Sender<bool>,
}

impl Source {
    pub(crate) async fn start() -> Self {
        let gate = Arc::new(Gate { asked: AtomicU32::new(0), open: watch::Sender::new(false) });
        let router = Router::new()
            .route("/slow/{delay}/{text}/site.zip", get(slow))
            .route("/gated/{text}/site.zip", get(gated))
            .with_state(Arc::clone(&gate));
        Self { origin: serve(router).await, gate }
    }

    /// A site with this page, of which the first half comes at once and the second after so many milliseconds.
    pub(crate) fn slow(&self, text: &str, delay: u64) -> String {
        format!("{}/slow/{delay}/{text}/site.zip", self.origin)
    }

    /// A site with this page. Whoever asks for it first gets half of it, and the rest when the gate is opened; all others get
    /// it at once.
    pub(crate) fn gated(&self, text: &str) -> String {
        format!("{}/gated/{text}/site.zip", self.origin)
    }

    pub(crate) fn open(&self) {
        self.gate.open.send_replace(true);
    }

    /// How often something gated was asked for.
    pub(crate) fn asked(&self) -> u32 {
        self.gate.asked.load(Ordering::SeqCst)
    }
}

async fn slow(Path((delay, text)): Path<(u64, String)>) -> Body {
    in_halves(&text, tokio::time::sleep(Duration::from_millis(delay)))
}

async fn gated(State(gate): State<Arc<Gate>>, Path(text): Path<String>) -> Body {
    let (is_first, mut open) = (gate.asked.fetch_add(1, Ordering::SeqCst) == 0, gate.open.subscribe());
    in_halves(&text, async move {
        if is_first {
            let _ = open.wait_for(|open| *open).await;
        }
    })
}

fn in_halves(text: &str, until: impl Future<Output = ()> + Send + 'static) -> Body {
    let mut zip = Bytes::from(page(text));
    let first = zip.split_to(zip.len() / 2);
    let rest = stream::once(async move {
        until.await;
        Ok(zip)
    });
    Body::from_stream(stream::iter([Ok::<_, std::io::Error>(first)]).chain(rest))
}
