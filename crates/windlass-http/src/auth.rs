//! Who asks, and what they may.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use serde_json::Value;
use windlass::{AppId, Arn, Resource};
use windlass_store::{Kind, Store, StoreError};

use crate::api::{Call, read};
use crate::error::ApiError;
use crate::keys::{Apps, Key};
use crate::operations::{Operation, Role};
use crate::sigv4::{AccessKeyId, Payload, Refusal, Scope, SecretKey, Verifier};

/// How requests prove who sent them.
#[derive(Debug)]
pub enum Auth {
    /// By a signature: with one of these keys, which may do everything, or with one that was made by CreateKey.
    SigV4(BTreeMap<AccessKeyId, SecretKey>),
    /// Not at all, and everyone may do everything. For servers that only their own machine can reach.
    None,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The key that signed, where anything is signed.
    id: Option<AccessKeyId>,
    /// What the key is called, where it has a name.
    name: Option<String>,
    role: Role,
    apps: Apps,
}

impl Caller {
    /// Whoever may do everything.
    fn admin(id: Option<AccessKeyId>) -> Self {
        Self { id, name: None, role: Role::Admin, apps: Apps::All }
    }

    /// The key that signed, where anything is signed.
    pub(crate) fn key(&self) -> Option<&str> {
        self.id.as_ref().map(AccessKeyId::as_str)
    }

    /// The apps that it may see at all.
    pub(crate) const fn apps(&self) -> &Apps {
        &self.apps
    }

    /// Whether it may see what opens other doors, which would stay open after its key was revoked: passwords of sites,
    /// tokens of webhooks.
    pub(crate) fn sees_secrets(&self) -> bool {
        self.role == Role::Admin
    }
}

/// Checks what [`Auth`] asks for.
pub(crate) struct Door {
    verifier: Option<Verifier>,
    store: Arc<dyn Store>,
}

impl Door {
    pub(crate) fn new(auth: Auth, region: &str, store: Arc<dyn Store>) -> Self {
        let verifier = match auth {
            Auth::SigV4(keys) => Some(Verifier::new(keys, Scope::amplify(region))),
            Auth::None => None,
        };
        Self { verifier, store }
    }

    /// Whether a key is the server's own and no document.
    pub(crate) fn has(&self, access_key_id: &str) -> bool {
        self.verifier.as_ref().is_some_and(|verifier| verifier.secret(access_key_id).is_some())
    }

    /// Whether the key that `caller` came with is one still.
    pub(crate) async fn knows(&self, caller: &Caller) -> Result<bool, StoreError> {
        match caller.key() {
            Some(id) if !self.has(id) => Ok(self.store.document(Kind::Key, id).await?.is_some()),
            Some(_) | None => Ok(true),
        }
    }

    /// Who asks, and what `body` holds. What can be refused without the body is refused before that.
    ///
    /// # Errors
    ///
    /// That of the signature, or of the body.
    pub(crate) async fn admit(
        &self,
        parts: &Parts,
        now: DateTime<Utc>,
        body: Body,
    ) -> Result<(Caller, Bytes), ApiError> {
        let Some(verifier) = &self.verifier else {
            if !is_from_this_machine(&parts.headers, &parts.uri) {
                return Err(ApiError::not_from_here());
            }
            return Ok((Caller::admin(None), read(body).await?));
        };
        let statement = verifier.read(parts, now)?;
        let (mut caller, secret) = self.known(verifier, statement.access_key_id()).await?;
        let claim = statement.claim(&secret);
        let body = read(body).await?;
        let verified = claim.check(Payload::Bytes(&body))?;
        if !body.is_empty() {
            // A body may have taken its time, and the key been revoked meanwhile.
            (caller, _) = self.known(verifier, verified.access_key_id.as_str()).await?;
        }
        Ok((caller, body))
    }

    /// Whose key it is, as of now.
    async fn known(&self, verifier: &Verifier, id: &str) -> Result<(Caller, SecretKey), ApiError> {
        let access_key_id: AccessKeyId = id.parse().map_err(|_| Refusal::UnknownKey)?;
        if let Some(secret) = verifier.secret(id) {
            return Ok((Caller::admin(Some(access_key_id)), secret));
        }
        let document = self.store.document(Kind::Key, id).await?.ok_or(Refusal::UnknownKey)?;
        let Key { secret, role, apps, name } = Key::read(&document)?;
        Ok((Caller { id: Some(access_key_id), name, role, apps }, secret))
    }
}

impl Call<'_> {
    /// Refuses what the caller's key is not for, whether or not there is what is asked for.
    ///
    /// # Errors
    ///
    /// `AccessDeniedException`, naming the action and the resource.
    pub(crate) async fn authorize(&self, operation: Operation) -> Result<(), ApiError> {
        let definition = operation.definition();
        if self.caller.role >= definition.role && self.is_in_its_apps(operation).await? {
            return Ok(());
        }
        let account = &self.api.settings().account;
        Err(ApiError::access_denied(&format!(
            "User: arn:aws:iam::{}:user/{} is not authorized to perform: {} on resource: {}",
            account.id,
            self.caller.name.as_deref().or(self.caller.key()).unwrap_or_default(),
            definition.action(),
            definition.resource(&self.input, account)
        )))
    }

    async fn is_in_its_apps(&self, operation: Operation) -> Result<bool, ApiError> {
        let apps = self.caller.apps();
        // Where they name no app, these answer with those apps alone.
        let of_all = matches!(operation, Operation::ListApps | Operation::ListenToEvents);
        if *apps == Apps::All || (of_all && !self.input.contains_key("appId")) {
            return Ok(true);
        }
        Ok(self.app_concerned().await?.is_some_and(|app| apps.contain(&app)))
    }

    /// The app that the operation is about, if there is one that it can be about.
    async fn app_concerned(&self) -> Result<Option<AppId>, ApiError> {
        let label = |name| self.input.get(name).and_then(Value::as_str);
        if let Some(app) = label("appId") {
            return Ok(app.parse().ok());
        }
        if let Some(arn) = label("resourceArn") {
            return Ok(arn.parse().ok().map(|Arn { resource, .. }| app_of(resource)));
        }
        if let Some(webhook) = label("webhookId") {
            return Ok(self.api.store().document(Kind::Webhook, webhook).await?.and_then(|webhook| webhook.app));
        }
        match label("artifactId") {
            Some(artifact) => self.app_of_artifact(artifact).await,
            None => Ok(None),
        }
    }
}

fn app_of(resource: Resource) -> AppId {
    let (Resource::App(app)
    | Resource::Branch(app, _)
    | Resource::Job(app, ..)
    | Resource::Webhook(app, _)
    | Resource::Domain(app, _)
    | Resource::BackendEnvironment(app, _)) = resource;
    app
}

/// Whether a request that came over loopback is not one of a web page that this machine's browser shows. A page's requests
/// name their origin, or come under the page's own name, which its owner can point here.
#[must_use]
pub fn is_from_this_machine(headers: &HeaderMap, uri: &Uri) -> bool {
    let host = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let host = host.or_else(|| uri.authority().cloned());
    let local = host.is_none_or(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    });
    local && !headers.contains_key(ORIGIN)
}
