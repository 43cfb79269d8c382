//! From a host and a request to a response.

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response};
use windlass::Live;
use windlass_store::{Blobs, Site, Store, StoreError};

use crate::archives::{ArchiveError, Archives, Opened};
use crate::asset::{Asset, redirect};
use crate::host::SiteHost;
use crate::page::{self, Unshown};
use crate::path::{self, Target};

/// Names the job that put the answer live. AWS sends no such header.
pub const JOB_HEADER: HeaderName = HeaderName::from_static("x-windlass-job");

/// All sites of a store. A clone is one counter.
#[derive(Clone)]
pub struct Sites {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    archives: Archives,
    domain: String,
}

impl Sites {
    /// The sites of `store`, whose artifacts lie in `blobs`, below `domain`, for example `localhost`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, blobs: Blobs, domain: impl Into<String>) -> Self {
        let domain = domain.into().trim_matches('.').to_ascii_lowercase();
        Self { inner: Arc::new(Inner { store, archives: Archives::new(blobs), domain }) }
    }

    /// What the value of a `Host` header stands for, with or without a port, or `None` where it is no site's.
    #[must_use]
    pub fn host(&self, host: &str) -> Option<SiteHost> {
        SiteHost::parse(host, &self.inner.domain)
    }

    /// Answers a request to a site. Whatever goes wrong becomes a page that says so.
    pub async fn serve(&self, host: &SiteHost, request: &Parts) -> Response<Body> {
        let mut response = match request.method {
            Method::GET | Method::HEAD => match self.show(host, request).await {
                Ok(response) => response,
                Err(unshown) => page::unshown(&unshown),
            },
            Method::OPTIONS => page::options(),
            _ => page::method_not_allowed(),
        };
        if request.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }

    async fn show(&self, host: &SiteHost, request: &Parts) -> Result<Response<Body>, Unshown> {
        let path = path::decode(request.uri.path()).ok_or(Unshown::BadPath)?;
        let (live, opened) = self.open(host).await?;
        let asset = |member| Asset { opened: &opened, member, since: live.since };
        let response = match path::resolve(opened.archive.index(), &path) {
            Target::Member(member) => asset(member).answer(request).await,
            Target::Folder { path } => Ok(redirect(path, request.uri.query())),
            Target::NotFound(Some(member)) => asset(member).not_found(request).await,
            Target::NotFound(None) => Err(Unshown::NoPage),
        };
        let mut response = response.unwrap_or_else(|unshown| page::unshown(&unshown));
        response.headers_mut().insert(JOB_HEADER, HeaderValue::from(live.job.get()));
        Ok(response)
    }

    /// What the site shows now.
    async fn open(&self, host: &SiteHost) -> Result<(Live, Opened), Unshown> {
        let mut site = self.find(host).await?;
        loop {
            let live = site.live.ok_or(Unshown::NothingLive)?;
            let error = match self.inner.archives.open(site.branch, live.artifact).await {
                Ok(opened) => return Ok((live, opened)),
                Err(error) => error,
            };
            // Between the two looks, another job can have gone live and this one's artifact been deleted.
            let now = self.find(host).await?;
            if now == site {
                return Err(unreadable(error));
            }
            site = now;
        }
    }

    async fn find(&self, host: &SiteHost) -> Result<Site, Unshown> {
        let store = &self.inner.store;
        if let Some(site) = store.site(&host.app, &host.label).await.map_err(unavailable)? {
            return Ok(site);
        }
        match store.app(&host.app).await.map_err(unavailable)? {
            Some(_) => Err(Unshown::NoBranch { host: host.clone() }),
            None => Err(Unshown::NoApp { app: host.app.clone() }),
        }
    }
}

fn unavailable(error: StoreError) -> Unshown {
    tracing::error!(%error, "the store does not say what a site shows");
    blame(&error)
}

fn unreadable(error: ArchiveError) -> Unshown {
    let ArchiveError { key, reason } = error;
    tracing::error!(key, error = %reason, "a live artifact cannot be opened");
    reason.store().map_or(Unshown::Damaged, blame)
}

fn blame(error: &StoreError) -> Unshown {
    match error {
        StoreError::Unavailable { .. } => Unshown::Unavailable,
        StoreError::Conflict | StoreError::Exists | StoreError::Damaged { .. } => Unshown::Damaged,
    }
}
