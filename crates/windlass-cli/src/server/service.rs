//! What answers on the server's address: each request is told apart by its Host header into a site's and the API's.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::header::{CONTENT_TYPE, DATE, FORWARDED, HOST, HeaderName, VIA};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use windlass_http::{Api, PROOF_PATH, is_from_this_machine};
use windlass_site::Sites;
use windlass_store::Clock;

use super::listen::{Answer, listen};
use super::metrics::{self, Metrics};
use super::roles::Roles;

/// What a proxy says of whom it asks for.
const FORWARDED_FOR: [HeaderName; 6] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// The API, the sites, and for programs on this machine the metrics.
pub(super) struct Service {
    pub(super) api: Api,
    pub(super) sites: Sites,
    pub(super) metrics: Metrics,
    pub(super) roles: Roles,
    /// What says the time on answers, where it is not the machine's own clock: clients that are told another time than
    /// signatures are checked by would sign for that.
    pub(super) clock: Option<Arc<dyn Clock>>,
}

impl Service {
    /// Answers until `stop` fires and what has begun has ended, and has the sites' access log written down.
    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let (sites, answered) = (self.sites.clone(), CancellationToken::new());
        let log = tokio::spawn({
            let answered = answered.clone();
            async move { sites.keep_log(answered.cancelled()).await }
        });
        let (api, stopped) = (self.api.clone(), stop.clone());
        let closing = async {
            stopped.cancelled().await;
            // Answers that would never end, and that a client takes up again where they were.
            api.close();
        };
        tokio::join!(listen(listener, Arc::new(self), stop), closing);
        answered.cancel();
        // If it has panicked, it has said so.
        let _ = log.await;
    }
}

impl Answer for Arc<Service> {
    async fn answer(self, request: Request<Body>, peer: IpAddr) -> Response<Body> {
        let mut response = self.respond(request, peer).await;
        if let Some(clock) = &self.clock
            && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(clock.now().into()))
        {
            response.headers_mut().insert(DATE, date);
        }
        response
    }
}

impl Service {
    /// A site answers, if the host is one's, else the API, whatever name a proxy gives it.
    async fn respond(&self, request: Request<Body>, peer: IpAddr) -> Response<Body> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
        // Whoever asks whether a name leads to this server asks the server, not the site of that name.
        let proof = request.uri().path().starts_with(PROOF_PATH);
        let site = match host.filter(|_| !proof) {
            Some(host) => self.sites.find(host).await,
            None => Ok(None),
        };
        let of_metrics =
            matches!(site, Ok(None)) && request.uri().path() == metrics::PATH && may_see_metrics(&request, peer);
        match site {
            Ok(Some(_)) if !self.roles.site => shows_no_sites(self.roles),
            Ok(Some(site)) => self.sites.serve(&site, request, Some(peer)).await,
            Ok(None) if of_metrics => self.metrics.page().await,
            Ok(None) => self.api.handle(request).await,
            Err(error) => self.sites.unknown(error),
        }
    }
}

/// Whether a request comes from a program on this machine, for itself. To everyone else, also to those for whom a proxy on
/// this machine asks, there is nothing here: they are what `--metrics-listen` is for.
fn may_see_metrics(request: &Request<Body>, peer: IpAddr) -> bool {
    let forwarded = FORWARDED_FOR.iter().any(|name| request.headers().contains_key(name));
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    looks && peer.to_canonical().is_loopback() && !forwarded && is_from_this_machine(request.headers(), request.uri())
}

/// The answer to whoever asks a process for a site that shows none.
fn shows_no_sites(roles: Roles) -> Response<Body> {
    let mut response = Response::new(Body::from(roles.refusal("Sites are shown", "site") + "\n"));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
