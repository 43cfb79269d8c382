//! The doors that every request goes through.

use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore, watch};
use tracing::Instrument as _;
use uuid::Uuid;
use windlass::{Account, Limits};
use windlass_store::{Blobs, Clock, Extras, Once, Store, StoreError};

use crate::answer::{self, Answer, REQUEST_ID};
use crate::asked::Asked;
use crate::auth::{Auth, Caller, Door};
use crate::domains::{self, DomainVerification, Proofs};
use crate::error::ApiError;
use crate::events::Courier;
use crate::looks::Looks;
use crate::metrics::Requests;
use crate::objects::Objects;
use crate::once;
use crate::operations::{Operation, RouteError, Routed};
use crate::quotas::{Quotas, Room};
use crate::rate::RateLimit;

/// By which scheme a proxy was asked.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The largest body of an operation, in bytes: 10 MiB, room for a file map of 30,000 files.
const BODY_MAX: usize = 10 * 1024 * 1024;

/// What the API has to know of the server that it is part of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Region and account, for ARNs and signatures.
    pub account: Account,
    /// Where sites are: below this name, with a port unless it is the scheme's own.
    pub site_authority: String,
    /// The time limits of new jobs.
    pub limits: Limits,
    /// How much there may be of what, and how large it may be.
    pub quotas: Quotas,
    /// How many requests a second each key may make, with two seconds' worth of them at once after a rest; any number
    /// where none is said. What is unsigned counts together.
    pub request_rate: Option<NonZeroU32>,
    /// How it is found out that domains lead here.
    pub domains: DomainVerification,
    /// Whether repositories may be folders of this machine.
    pub allow_local_repositories: bool,
    /// Who brings events to subscribers; without one there are none.
    pub courier: Option<Arc<dyn Courier>>,
    /// Where other processes answer the API and this one does not: what it is, in a sentence for whoever asks it for an
    /// operation, an object or a build.
    pub closed: Option<String>,
}

impl Settings {
    /// Below which name sites are, without a port.
    pub(crate) fn site_domain(&self) -> &str {
        self.site_authority.rsplit_once(':').map_or(&self.site_authority, |(domain, _)| domain)
    }
}

/// The API. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    settings: Settings,
    door: Door,
    objects: Objects,
    looks: Looks,
    proofs: Proofs,
    room: Room,
    rate: Option<RateLimit>,
    /// A turn for each name that may be asked for its proof at a time.
    questions: Semaphore,
    requests: Arc<Requests>,
    /// A subscriber was made.
    subscribed: Notify,
    /// Whether what never ends by itself has to.
    closing: watch::Sender<bool>,
}

/// One request to an operation.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Api,
    pub(crate) caller: Caller,
    pub(crate) now: DateTime<Utc>,
    /// Under which name and port the client reaches us, for URLs.
    pub(crate) origin: String,
    pub(crate) headers: &'a HeaderMap,
    /// The request as one to be done once, if it is.
    pub(crate) once: Option<Once>,
    pub(crate) input: Map<String, Value>,
}

impl Api {
    /// An API on `store`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the store does not give its secret.
    pub async fn new(
        store: Arc<dyn Store>,
        blobs: Blobs,
        clock: Arc<dyn Clock>,
        auth: Auth,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let secret = store.secret().await?;
        let objects = Objects::new(secret, &settings.account.region);
        let door = Door::new(auth, &settings.account.region, Arc::clone(&store));
        let rate = settings.request_rate.map(RateLimit::new);
        let proofs = Proofs::new(secret);
        let questions = Semaphore::new(domains::AT_ONCE);
        Ok(Self(Arc::new(Inner {
            store,
            blobs,
            clock,
            settings,
            door,
            objects,
            looks: Looks::default(),
            proofs,
            room: Room::default(),
            rate,
            questions,
            requests: Arc::new(Requests::new()),
            subscribed: Notify::new(),
            closing: watch::Sender::new(false),
        })))
    }

    /// Has the counts of requests among what `registry` shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Arc::clone(&self.0.requests)));
    }

    /// Ends what never ends by itself: [deliveries](Self::deliver), and the answers to those who listen to events. To be
    /// called when the server stops.
    pub fn close(&self) {
        self.0.closing.send_replace(true);
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    pub(crate) fn subscribed(&self) -> &Notify {
        &self.0.subscribed
    }

    /// Whether the key that somebody came with is one still.
    pub(crate) async fn still_knows(&self, caller: &Caller) -> Result<bool, StoreError> {
        self.0.door.knows(caller).await
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.0.objects
    }

    pub(crate) fn looks(&self) -> &Looks {
        &self.0.looks
    }

    pub(crate) fn proofs(&self) -> &Proofs {
        &self.0.proofs
    }

    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    /// Whether a key is the server's own.
    pub(crate) fn is_of_the_server(&self, access_key_id: &str) -> bool {
        self.0.door.has(access_key_id)
    }

    pub(crate) fn questions(&self) -> &Semaphore {
        &self.0.questions
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Answers a request. It never fails: what goes wrong is in the answer. What has begun to change something is finished
    /// even if nobody waits for the answer any more.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        if request.method().is_safe() {
            let answered = AssertUnwindSafe(self.answer(request)).catch_unwind().await;
            return answered.unwrap_or_else(|_| answer::respond(Err(ApiError::internal(&"a request panicked"))));
        }
        let api = self.clone();
        let answered = tokio::spawn(async move { api.answer(request).await });
        answered.await.unwrap_or_else(|error| answer::respond(Err(ApiError::internal(&error))))
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let begun = self.0.clock.elapsed();
        let id = Uuid::new_v4();
        let (parts, body) = request.into_parts();
        let asked = Asked::by(&parts);
        let (aim, span) = (asked.aim(), asked.span(&parts.method, id));
        let mut response = self.fulfil(asked, &parts, body, id).instrument(span).await;
        if let Ok(id) = HeaderValue::from_str(id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer())) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        if response.status().is_server_error() {
            tracing::error!(%id, operation = aim.name(), "a request failed");
        }
        self.0.requests.note(aim, response.status(), self.0.clock.elapsed().saturating_sub(begun));
        response
    }

    /// Does what is asked for.
    async fn fulfil(&self, asked: Asked<'_>, parts: &Parts, body: Body, id: Uuid) -> Response<Body> {
        let closed = self.settings().closed.as_deref();
        let response = match asked {
            Asked::Health => health(&parts.method),
            Asked::Webhook | Asked::Object(_) | Asked::Operation(_) | Asked::Nothing(_) if closed.is_some() => {
                answer::respond(Err(ApiError::misdirected(closed.unwrap_or_default())))
            }
            Asked::Webhook => self.webhook(parts, body, id).boxed().await,
            Asked::Proof => self.prove(parts),
            Asked::Object(object) => self.object(object, parts, body).boxed().await,
            Asked::Operation(routed) => answer::respond(self.call(&routed, parts, body).await),
            Asked::Nothing(RouteError::UnknownPath) => answer::respond(Err(ApiError::unknown_path())),
            Asked::Nothing(RouteError::MethodNotAllowed { allowed }) => method_not_allowed(&parts.method, &allowed),
        };
        // Never the query: it may hold a signature or a token.
        let (path, status) = (parts.uri.path(), response.status().as_u16());
        tracing::debug!(method = %parts.method, path, status, "answered");
        response
    }

    /// The doors of an operation, AWS's or ours, in their order: nothing is looked at before whoever sends it is known,
    /// nothing of what there is before it is known to be theirs to see, and nothing is done before all of them.
    async fn call(&self, routed: &Routed<'_>, parts: &Parts, body: Body) -> Result<Answer, ApiError> {
        let (operation, now, headers) = (routed.operation(), self.now(), &parts.headers);
        let (caller, body) = self.0.door.admit(parts, now, body).await?;
        self.pace(&caller, now)?;
        if !body.is_empty() && !operation.definition().body.is_empty() {
            said_to_be_json(headers)?;
        }
        let input = routed.input(parts.uri.query(), &body)?;
        let mut call = Call { api: self, caller, now, origin: origin(parts)?, headers, once: None, input };
        call.authorize(operation).await?;
        call.once = once::of(operation, &call.input, headers, call.caller.key(), now)?;
        call.run(operation).await
    }
}

impl Api {
    /// Refuses a key that asks too often. Only after its signature has been checked: nobody else can use up its share.
    fn pace(&self, caller: &Caller, now: DateTime<Utc>) -> Result<(), ApiError> {
        let Some(rate) = &self.0.rate else { return Ok(()) };
        rate.admit(caller.key().unwrap_or_default(), now).map_err(ApiError::too_often)
    }
}

impl<'a> Call<'a> {
    /// Each operation is boxed for itself: together they would be as large as the largest, and be moved for each request.
    fn run(self, operation: Operation) -> BoxFuture<'a, Result<Answer, ApiError>> {
        match operation {
            Operation::CreateApp => self.create_app().boxed(),
            Operation::GetApp => self.get_app().boxed(),
            Operation::ListApps => self.list_apps().boxed(),
            Operation::UpdateApp => self.update_app().boxed(),
            Operation::DeleteApp => self.delete_app().boxed(),
            Operation::CreateBranch => self.create_branch().boxed(),
            Operation::GetBranch => self.get_branch().boxed(),
            Operation::ListBranches => self.list_branches().boxed(),
            Operation::UpdateBranch => self.update_branch().boxed(),
            Operation::DeleteBranch => self.delete_branch().boxed(),
            Operation::CreateDeployment => self.create_deployment().boxed(),
            Operation::StartDeployment => self.start_deployment().boxed(),
            Operation::StartJob => self.start_job().boxed(),
            Operation::StopJob => self.stop_job().boxed(),
            Operation::GetJob => self.get_job().boxed(),
            Operation::ListJobs => self.list_jobs().boxed(),
            Operation::DeleteJob => self.delete_job().boxed(),
            Operation::ListArtifacts => self.list_artifacts().boxed(),
            Operation::GetArtifactUrl => self.get_artifact_url().boxed(),
            Operation::CreateWebhook => self.create_webhook().boxed(),
            Operation::GetWebhook => self.get_webhook().boxed(),
            Operation::ListWebhooks => self.list_webhooks().boxed(),
            Operation::UpdateWebhook => self.update_webhook().boxed(),
            Operation::DeleteWebhook => self.delete_webhook().boxed(),
            Operation::CreateBackendEnvironment => self.create_backend_environment().boxed(),
            Operation::GetBackendEnvironment => self.get_backend_environment().boxed(),
            Operation::ListBackendEnvironments => self.list_backend_environments().boxed(),
            Operation::DeleteBackendEnvironment => self.delete_backend_environment().boxed(),
            Operation::CreateDomainAssociation => self.create_domain_association().boxed(),
            Operation::GetDomainAssociation => self.get_domain_association().boxed(),
            Operation::ListDomainAssociations => self.list_domain_associations().boxed(),
            Operation::UpdateDomainAssociation => self.update_domain_association().boxed(),
            Operation::DeleteDomainAssociation => self.delete_domain_association().boxed(),
            Operation::GenerateAccessLogs => self.generate_access_logs().boxed(),
            Operation::TagResource => self.tag_resource().boxed(),
            Operation::UntagResource => self.untag_resource().boxed(),
            Operation::ListTagsForResource => self.list_tags_for_resource().boxed(),
            Operation::CreateKey => self.create_key().boxed(),
            Operation::ListKeys => self.list_keys().boxed(),
            Operation::DeleteKey => self.delete_key().boxed(),
            Operation::ListenToEvents => self.listen_to_events().boxed(),
            Operation::CreateSubscriber => self.create_subscriber().boxed(),
            Operation::GetSubscriber => self.get_subscriber().boxed(),
            Operation::ListSubscribers => self.list_subscribers().boxed(),
            Operation::DeleteSubscriber => self.delete_subscriber().boxed(),
        }
    }

    /// What rides in the commit of a start.
    pub(crate) fn extras(&self) -> Extras {
        Extras { once: self.once.clone(), ..Extras::default() }
    }

    /// The validated members as a value of the operation's own.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let input = Value::Object(std::mem::take(&mut self.input));
        serde_json::from_value(input).map_err(|error| ApiError::bad_request(error.to_string()))
    }
}

/// Reads the body of an operation.
pub(crate) async fn read(body: Body) -> Result<Bytes, ApiError> {
    read_up_to(body, BODY_MAX).await
}

/// The same, up to another size in bytes.
pub(crate) async fn read_up_to(body: Body, most: usize) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large(most as u64)),
        Err(_) => Err(ApiError::body_broken()),
    }
}

/// Refuses a body that is said to be something other than JSON, as servers of this protocol do. Whoever says nothing is
/// believed, and so is what HTTP libraries say of text when nobody has told them anything: `curl -d` and Python's urllib call
/// it a form, JavaScript's `fetch` plain. AWS's first SDK for Java says nothing with an empty header, and its oldest versions
/// give the media type of a sister protocol.
fn said_to_be_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let json = ["application/json", "application/x-amz-json-1.0", "application/x-amz-json-1.1"];
    let unsaid = ["", "application/x-www-form-urlencoded", "text/plain"];
    let known = headers.get_all(CONTENT_TYPE).iter().all(|value| {
        value.to_str().is_ok_and(|text| {
            let essence = text.split(';').next().unwrap_or_default().trim();
            json.iter().chain(&unsaid).any(|known| essence.eq_ignore_ascii_case(known))
        })
    });
    if known { Ok(()) } else { Err(ApiError::media_type()) }
}

/// Under which origin the client reaches us. Known before an operation does anything, because the URLs of
/// its answer are made with it.
fn origin(parts: &Parts) -> Result<String, ApiError> {
    let host = match parts.headers.get(HOST) {
        Some(host) => Authority::try_from(host.as_bytes()).map_err(|_| ApiError::bad_host())?,
        None => parts.uri.authority().cloned().unwrap_or_else(|| Authority::from_static("localhost")),
    };
    // A proxy in front that speaks TLS says so. Whoever else says so gets URLs that lead nowhere.
    let https = parts.headers.get(FORWARDED_PROTO).is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    Ok([if https { "https" } else { "http" }, "://", host.as_str()].concat())
}

fn health(method: &Method) -> Response<Body> {
    match *method {
        Method::GET | Method::HEAD => answer::plain(StatusCode::OK, "ok\n"),
        _ => method_not_allowed(method, &[Method::GET, Method::HEAD]),
    }
}

pub(crate) fn method_not_allowed(method: &Method, allowed: &[Method]) -> Response<Body> {
    let mut response = if *method == Method::OPTIONS {
        answer::plain(StatusCode::NO_CONTENT, "")
    } else {
        let mut response = answer::respond(Err(ApiError::unknown_path()));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response
    };
    let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
