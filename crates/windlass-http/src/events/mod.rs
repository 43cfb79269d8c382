//! What happens to jobs, told to others: to whoever listens, and to subscribers by signed requests.
//!
//! Nothing is queued for them. The store keeps everything that happened to all jobs in one order
//! ([`happenings`](windlass_store::Store::happenings)); whoever is told has a place in it, the cursor, and an event is made
//! of a record when it is its turn. So what was told once can be told again, a listener that is slow or gone holds up
//! nobody, and what happened to a job that was deleted since is not told any more.

mod deliver;
mod feed;
mod form;
mod signature;
mod stream;
mod subscribers;

use serde_json::Value;
use tokio::sync::{broadcast, watch};
use windlass::{AppId, BranchName};
use windlass_store::Notice;

use crate::error::ApiError;

pub use deliver::{Courier, Delivered};

/// Whose events are wanted: everyone's, an app's, or a branch's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Filter {
    app: Option<AppId>,
    branch: Option<BranchName>,
}

impl Filter {
    /// # Errors
    ///
    /// Where a branch is named without its app.
    fn new(app: Option<AppId>, branch: Option<BranchName>) -> Result<Self, ApiError> {
        if app.is_none() && branch.is_some() {
            return Err(ApiError::bad_request("A branchName needs the appId that it belongs to."));
        }
        Ok(Self { app, branch })
    }

    fn lets_through(&self, event: &feed::Told) -> bool {
        self.app.as_ref().is_none_or(|app| *app == event.app)
            && self.branch.as_ref().is_none_or(|branch| *branch == event.branch)
    }
}

/// Returns when something may have happened.
async fn heard(news: &mut broadcast::Receiver<Notice>) {
    match news.recv().await {
        // Whoever has missed some looks at the store all the same.
        Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
        Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
    }
}

/// Returns when the server stops.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An API that is gone has nothing more to tell.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// A number of a document.
fn number(attributes: &windlass_store::Attributes, name: &str) -> Option<u64> {
    attributes.get(name).and_then(Value::as_u64)
}
