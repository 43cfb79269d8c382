//! From a host and a request to a response.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use windlass::Live;
use windlass_artifact::Member;
use windlass_rules::{Action, Asked, SiteRules};
use windlass_store::{Blobs, Clock, Site, Store, StoreError};

use crate::access::AccessLog;
use crate::archives::{ArchiveError, Archives, Opened};
use crate::asset::{Asset, redirect};
use crate::domains;
use crate::dress::dress;
use crate::host::{self, Named, SiteHost};
use crate::page::{self, Unshown};
use crate::path::{self, Target};
use crate::peer::Peer;
use crate::rulebook::Rulebook;
use crate::upstream::{self, Onward, Upstream};

/// Names the job that put the answer live. AWS sends no such header.
pub const JOB_HEADER: HeaderName = HeaderName::from_static("x-windlass-job");

/// All sites of a store. A clone is a few counters.
#[derive(Clone)]
pub struct Sites {
    inner: Arc<Inner>,
    upstream: Option<Arc<dyn Upstream>>,
    log: Option<Arc<AccessLog>>,
}

struct Inner {
    store: Arc<dyn Store>,
    blobs: Blobs,
    archives: Archives,
    rulebook: Rulebook,
    domain: String,
}

/// One request to a site.
struct Visit<'a> {
    host: &'a SiteHost,
    parts: &'a Parts,
    peer: Option<Peer>,
}

impl Sites {
    /// The sites of `store`, whose artifacts lie in `blobs`, below `domain`, for example `localhost`. They keep no access
    /// log, and what rules rewrite to other servers is answered with 502.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, blobs: Blobs, domain: impl Into<String>) -> Self {
        let domain = domain.into().trim_matches('.').to_ascii_lowercase();
        let archives = Archives::new(blobs.clone());
        let inner = Inner { store, blobs, archives, rulebook: Rulebook::default(), domain };
        Self { inner: Arc::new(inner), upstream: None, log: None }
    }

    /// Asks other servers through `upstream` where rules say so.
    #[must_use]
    pub fn through(self, upstream: Arc<dyn Upstream>) -> Self {
        Self { upstream: Some(upstream), ..self }
    }

    /// Notes each answered request at the time of `clock`. [`keep_log`](Self::keep_log) writes down what was noted.
    #[must_use]
    pub fn logged(self, clock: Arc<dyn Clock>) -> Self {
        let log = AccessLog::new(Arc::clone(&self.inner.store), self.inner.blobs.clone(), clock);
        Self { log: Some(Arc::new(log)), ..self }
    }

    /// Writes the access log down, every half minute or when there is enough of it, until `stop` ends, and once more then.
    /// Days that are more than 90 days old are deleted. Returns at once where no log is kept.
    pub async fn keep_log(&self, stop: impl Future<Output = ()>) {
        if let Some(log) = &self.log {
            log.keep(stop).await;
        }
    }

    /// The site below our own domain that the value of a `Host` header stands for, with or without a port.
    #[must_use]
    pub fn host(&self, host: &str) -> Option<SiteHost> {
        SiteHost::parse(host, &self.inner.domain)
    }

    /// The site that the value of a `Host` header stands for, below our own domain or by association, or `None` where it is
    /// no site's.
    ///
    /// # Errors
    ///
    /// Where the store does not say. [`unknown`](Self::unknown) tells visitors.
    pub async fn find(&self, host: &str) -> Result<Option<SiteHost>, StoreError> {
        if let Some(host) = self.host(host) {
            return Ok(Some(host));
        }
        match host::domain_name(host) {
            Some(name) => domains::find(&*self.inner.store, &name).await,
            None => Ok(None),
        }
    }

    /// The answer where nobody knows what a host stands for.
    #[must_use]
    pub fn unknown(&self, error: StoreError) -> Response<Body> {
        page::unshown(&unavailable(error))
    }

    /// Answers a request to a site, from a connection whose other end is `peer`. Whatever goes wrong becomes a page that says
    /// so.
    pub async fn serve(&self, host: &SiteHost, request: Request<Body>, peer: Option<IpAddr>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let visit = Visit { host, parts: &parts, peer: peer.map(Peer) };
        let entry = self.log.as_ref().map(|log| log.begin(host, &parts, visit.peer));
        let (mut response, noted) = match self.look(host).await {
            Ok(site) => (self.answer(&visit, body, &site).await, true),
            Err(unshown) => (page::unshown(&unshown), matches!(unshown, Unshown::NoBranch { .. })),
        };
        if parts.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        match entry.filter(|_| noted) {
            Some(entry) => entry.follow(response),
            None => response,
        }
    }

    /// Answers a request to a site that is there.
    async fn answer(&self, visit: &Visit<'_>, body: Body, site: &Site) -> Response<Body> {
        let rules = match self.inner.rulebook.of(&*self.inner.store, &visit.host.app, site).await {
            Ok(Some(rules)) => rules,
            Ok(None) => return page::unshown(&Unshown::NoBranch { host: visit.host.clone() }),
            Err(error) => return page::unshown(&unavailable(error)),
        };
        let authorization = visit.parts.headers.get(header::AUTHORIZATION);
        if !rules.admits(authorization.map(HeaderValue::as_bytes)) {
            return page::unauthorized(visit.host);
        }
        let shown = self.show(visit, body, site.clone(), &rules).await;
        shown.unwrap_or_else(|unshown| page::unshown(&unshown))
    }

    /// Does what the first rule says, or shows what was asked for.
    async fn show(
        &self,
        visit: &Visit<'_>,
        body: Body,
        site: Site,
        rules: &SiteRules,
    ) -> Result<Response<Body>, Unshown> {
        let Parts { method, uri, .. } = visit.parts;
        if uri.path() == "*" && *method == Method::OPTIONS {
            return Ok(page::options());
        }
        let path = path::decode(uri.path()).ok_or(Unshown::BadPath)?;
        let live = self.open(visit.host, site).await?;
        let exists = || live.as_ref().is_some_and(|(_, opened)| !matches!(resolve(opened, &path), Target::Missing));
        let action = if rules.is_without_rules() { None } else { rules.action(&visit.asked(), exists()) };
        let mut response = match &action {
            Some(Action::Redirect { permanent, location }) => {
                let status = if *permanent { StatusCode::MOVED_PERMANENTLY } else { StatusCode::FOUND };
                page::redirect(status, location.clone())
            }
            Some(Action::Refuse) => return Err(Unshown::BadPath),
            Some(Action::Proxy { url }) => return self.pass_on(visit, body, url, rules).await,
            Some(Action::Rewrite { .. } | Action::NotFound { .. }) | None => {
                let (live, opened) = live.as_ref().ok_or(Unshown::NothingLive)?;
                let mut response = show_page(visit, rules, live, opened, &path, action.as_ref()).await;
                response.headers_mut().insert(JOB_HEADER, HeaderValue::from(live.job.get()));
                return Ok(response);
            }
        };
        dress(&mut response, rules, &[&path]);
        Ok(response)
    }

    /// Asks elsewhere.
    async fn pass_on(
        &self,
        visit: &Visit<'_>,
        body: Body,
        url: &str,
        rules: &SiteRules,
    ) -> Result<Response<Body>, Unshown> {
        let upstream = self.upstream.as_ref().ok_or(Unshown::NoUpstream)?;
        if upstream::is_loop(&visit.parts.headers) {
            return Err(Unshown::Loop);
        }
        let url = Uri::try_from(url).map_err(|_| Unshown::BadPath)?;
        let onward = Onward { url, host: visit.host, peer: visit.peer, private: rules.is_private() };
        match upstream.send(onward.request(visit.parts, body)).await {
            Ok(response) => {
                let mut response = upstream::response(response);
                if rules.is_private() {
                    // What lies elsewhere does not know of the password here. Of two that disagree, the stricter counts.
                    response.headers_mut().append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
                }
                Ok(response)
            }
            Err(error) => {
                tracing::warn!(host = %visit.host, url = %onward.url, %error, "a page that lies elsewhere cannot be shown");
                Err(Unshown::Upstream(error))
            }
        }
    }

    /// What the site shows now, if it shows anything.
    async fn open(&self, host: &SiteHost, mut site: Site) -> Result<Option<(Live, Opened)>, Unshown> {
        loop {
            let Some(live) = site.live else { return Ok(None) };
            let error = match self.inner.archives.open(site.branch, live.artifact).await {
                Ok(opened) => return Ok(Some((live, opened))),
                Err(error) => error,
            };
            // Between the two looks, another job can have gone live and this one's artifact been deleted.
            let now = self.look(host).await?;
            if (now.branch, now.live) == (site.branch, site.live) {
                return Err(unreadable(error));
            }
            site = now;
        }
    }

    /// The site as it is now.
    async fn look(&self, host: &SiteHost) -> Result<Site, Unshown> {
        let store = &self.inner.store;
        let site = match &host.branch {
            Named::Label(label) => store.site(&host.app, label).await,
            Named::Name(name) => store.named_site(&host.app, name).await,
        };
        if let Some(site) = site.map_err(unavailable)? {
            return Ok(site);
        }
        match store.app(&host.app).await.map_err(unavailable)? {
            Some(_) => Err(Unshown::NoBranch { host: host.clone() }),
            None => Err(Unshown::NoApp { app: host.app.clone() }),
        }
    }
}

impl<'a> Visit<'a> {
    fn asked(&self) -> Asked<'a> {
        let secure = self.peer.is_some_and(|peer| peer.is_secure(&self.parts.headers));
        Asked { host: &self.host.name, secure, path: self.parts.uri.path(), query: self.parts.uri.query() }
    }
}

/// What answers, and how.
enum Shown<'a> {
    /// This member, perhaps under another name than its own.
    Member { member: &'a Member, renamed: bool },
    /// A way to a folder.
    Folder(&'a str),
    /// A page that says what is missing, if there is one.
    NotFound(Option<&'a Member>),
}

/// Shows a page of the site, or says in its words or ours that there is none.
async fn show_page(
    visit: &Visit<'_>,
    rules: &SiteRules,
    live: &Live,
    opened: &Opened,
    path: &str,
    action: Option<&Action>,
) -> Response<Body> {
    let Parts { method, uri, headers, .. } = visit.parts;
    let shown = choose(opened, path, action);
    let member = match shown {
        Shown::Member { member, .. } | Shown::NotFound(Some(member)) => Some(member),
        Shown::Folder(_) | Shown::NotFound(None) => None,
    };
    // Headers are for a name that was asked for and for the file that answers. What is missing has none of its own.
    let both = match shown {
        Shown::NotFound(Some(member)) => [&*member.path; 2],
        Shown::Member { .. } | Shown::Folder(_) | Shown::NotFound(None) => {
            [path, member.map_or(path, |member| &member.path)]
        }
    };
    let paths = if both[0] == both[1] { &both[..1] } else { &both[..] };
    let as_it_is = rules.has_headers() && rules.headers(paths).any(|(name, _)| *name == header::CONTENT_ENCODING);
    let asset = |member, renamed| Asset { opened, member, since: live.since, renamed, as_it_is };
    let response = match (method, shown) {
        (&Method::OPTIONS, _) => Ok(page::options()),
        (&Method::GET | &Method::HEAD, Shown::Member { member, renamed }) => {
            asset(member, renamed).answer(method, headers).await
        }
        (&Method::GET | &Method::HEAD, Shown::Folder(folder)) => Ok(redirect(folder, uri.query())),
        (&Method::GET | &Method::HEAD, Shown::NotFound(Some(member))) => {
            asset(member, true).not_found(method, headers).await
        }
        (&Method::GET | &Method::HEAD, Shown::NotFound(None)) => Err(Unshown::NoPage),
        _ => Ok(page::method_not_allowed()),
    };
    match response {
        Ok(mut response) => {
            dress(&mut response, rules, paths);
            response
        }
        // Our own words are no file of the owner's.
        Err(unshown) => page::unshown(&unshown),
    }
}

/// What answers a path, after what a rule did to it.
fn choose<'a>(opened: &'a Opened, path: &str, action: Option<&Action>) -> Shown<'a> {
    let index = opened.archive.index();
    let rewritten = |to: &str| match path::decode(to).map(|to| path::resolve(index, &to)) {
        Some(Target::Member(member) | Target::Folder { document: member, .. }) => Some(member),
        Some(Target::Missing) | None => None,
    };
    match action {
        Some(Action::NotFound { path }) => Shown::NotFound(rewritten(path).or_else(|| path::not_found(index))),
        Some(Action::Rewrite { path: to }) if path::decode(to).as_deref() != Some(path) => match rewritten(to) {
            Some(member) => Shown::Member { member, renamed: *member.path != *path },
            None => Shown::NotFound(path::not_found(index)),
        },
        _ => match path::resolve(index, path) {
            Target::Member(member) => Shown::Member { member, renamed: *member.path != *path },
            Target::Folder { path, .. } => Shown::Folder(path),
            Target::Missing => Shown::NotFound(path::not_found(index)),
        },
    }
}

fn resolve<'a>(opened: &'a Opened, path: &str) -> Target<'a> {
    path::resolve(opened.archive.index(), path)
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
