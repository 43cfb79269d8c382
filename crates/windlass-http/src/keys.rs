//! Key pairs that are made and revoked while the server runs. AWS has IAM for it; here it is three operations of our own.
//!
//! A key pair is a document of the store, asked for anew with every request that it signed: one that was revoked is
//! refused from then on, by every process that shares the store. Its secret has to be kept as it is, since signatures
//! are checked with it, and is shown once, by CreateKey.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use windlass::AppId;
use windlass_store::{Attributes, Document, Kind, StoreError};

use crate::answer::Answer;
use crate::api::Call;
use crate::apps::{Listing, seconds};
use crate::documents::text;
use crate::error::ApiError;
use crate::operations::Role;
use crate::pages;
use crate::sigv4::SecretKey;

/// What stands for all apps.
const ALL_APPS: &str = "*";

const LIST: &str = "keys";

#[derive(Deserialize)]
struct NewKey {
    role: String,
    apps: Option<Vec<String>>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneKey {
    access_key_id: String,
}

/// A key pair as its document keeps it.
pub(crate) struct Key {
    pub(crate) secret: SecretKey,
    pub(crate) role: Role,
    pub(crate) apps: Apps,
    /// What whoever made it calls it.
    pub(crate) name: Option<String>,
}

/// In which apps a key may do what its role says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Apps {
    All,
    These(BTreeSet<AppId>),
}

impl Apps {
    pub(crate) fn contain(&self, app: &AppId) -> bool {
        match self {
            Self::All => true,
            Self::These(apps) => apps.contains(app),
        }
    }
}

impl Call<'_> {
    pub(crate) async fn create_key(mut self) -> Result<Answer, ApiError> {
        let NewKey { role, apps, name } = self.read()?;
        let role: Role = role.parse().map_err(|error| ApiError::bad_request(format!("The role is none: {error}.")))?;
        let apps = self.apps_of_key(role, apps).await?;
        let mut attributes = Attributes::from_iter([("role".to_owned(), role.as_str().into())]);
        if let Apps::These(apps) = &apps {
            attributes.insert("apps".to_owned(), apps.iter().map(AppId::as_str).collect());
        }
        if let Some(name) = name {
            attributes.insert("name".to_owned(), name.into());
        }
        let secret = random(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")?;
        attributes.insert("secret".to_owned(), secret.as_str().into());
        loop {
            let id = format!("WDLS{}", random(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?);
            let (attributes, created, updated) = (attributes.clone(), self.now, self.now);
            let document = Document { kind: Kind::Key, id, app: None, attributes, created, updated, version: 1 };
            match self.api.store().create_document(&document).await {
                // One in 32^16: another id, then.
                Err(StoreError::Exists) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    let mut form = form(&document)?;
                    form["secretAccessKey"] = secret.into();
                    return Answer::new(&json!({ "key": form }));
                }
            }
        }
    }

    pub(crate) async fn list_keys(mut self) -> Result<Answer, ApiError> {
        let Listing { next_token, max_results } = self.read()?;
        let from = pages::cursor(LIST, next_token.as_deref())?;
        let page = self.api.store().documents(Kind::Key, None, from, pages::size(max_results, 50)).await?;
        let keys = page.items.iter().map(form).collect::<Result<Vec<_>, _>>()?;
        let mut body = json!({ "keys": keys });
        if let Some(next) = page.next {
            body["nextToken"] = pages::token(LIST, next).into();
        }
        Answer::new(&body)
    }

    pub(crate) async fn delete_key(mut self) -> Result<Answer, ApiError> {
        let OneKey { access_key_id: id } = self.read()?;
        if self.api.is_of_the_server(&id) {
            return Err(ApiError::bad_request(format!(
                "The key {id} is the server's own and cannot be revoked here. To have another, stop the server, delete \
                 the file credentials in its data directory, and start it. Servers that share a database have theirs \
                 there, too: as the document of the kind root-key."
            )));
        }
        let missing = || ApiError::not_found("Key", &id);
        let document = self.api.store().document(Kind::Key, &id).await?.ok_or_else(missing)?;
        self.remove(&document, missing()).await?;
        Answer::new(&json!({ "key": form(&document)? }))
    }

    /// The apps that a new key is for.
    async fn apps_of_key(&self, role: Role, named: Option<Vec<String>>) -> Result<Apps, ApiError> {
        let Some(named) = named else {
            return match role {
                Role::Admin | Role::Read => Ok(Apps::All),
                Role::Deploy => Err(ApiError::bad_request(
                    "A key of the role deploy is for certain apps: name them in apps, or \"*\" for all.",
                )),
            };
        };
        if named == [ALL_APPS] {
            return Ok(Apps::All);
        }
        if role == Role::Admin {
            return Err(ApiError::bad_request(
                "A key of the role admin is for everything; it cannot be for certain apps.",
            ));
        }
        let mut apps = BTreeSet::new();
        for name in named {
            let app: AppId = name.parse().map_err(|_| {
                ApiError::bad_request("In apps, \"*\" stands for all apps, and for nothing beside others.")
            })?;
            // So that a mistyped id is found out now.
            self.app(&app).await?;
            apps.insert(app);
        }
        Ok(Apps::These(apps))
    }
}

impl Key {
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        // Only what is missing is told, and nothing of what is there.
        let damaged =
            |what: &str| StoreError::damaged(format!("its {what} is none")).of(format_args!("key {}", document.id));
        let apps = match document.attributes.get("apps") {
            None => Apps::All,
            Some(Value::Array(apps)) => {
                let apps = apps.iter().map(|app| app.as_str()?.parse().ok()).collect::<Option<_>>();
                Apps::These(apps.ok_or_else(|| damaged("list of apps"))?)
            }
            Some(_) => return Err(damaged("list of apps")),
        };
        Ok(Self {
            secret: text(document, "secret").parse().map_err(|_| damaged("secret"))?,
            role: text(document, "role").parse().map_err(|_| damaged("role"))?,
            apps,
            name: document.attributes.get("name").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// A key pair as it is shown, which is without its secret.
fn form(document: &Document) -> Result<Value, ApiError> {
    let Key { role, apps, name, .. } = Key::read(document)?;
    let apps: Vec<_> = match &apps {
        Apps::All => vec![ALL_APPS],
        Apps::These(apps) => apps.iter().map(AppId::as_str).collect(),
    };
    let mut form = json!({
        "accessKeyId": document.id,
        "role": role.as_str(),
        "apps": apps,
        "createTime": seconds(document.created),
    });
    if let Some(name) = name {
        form["name"] = name.into();
    }
    Ok(form)
}

/// Random characters of an alphabet whose length divides 256, so that each is as likely as the others.
fn random(length: usize, alphabet: &[u8]) -> Result<String, ApiError> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}
