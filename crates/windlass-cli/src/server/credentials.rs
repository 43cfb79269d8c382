//! The key pair of the servers themselves, with which everything may be done.
//!
//! A server on a database of its own keeps it in the file `credentials` alone. Servers that share a database all accept the
//! same, which is kept in the database, sealed; the file of each is a copy for clients on its machine.

use std::fmt;

use anyhow::{Context as _, bail};
use serde_json::Value;
use windlass_http::sigv4::{AccessKeyId, SecretKey};
use windlass_store::{Attributes, Clock, Document, Kind, Sealer, Store, StoreError};

use super::data::Data;

/// The one document of its kind, and the owner of what is sealed in it.
const ID: &str = "root";

/// What it is sealed for.
const PURPOSE: &str = "root key";

/// The attribute that has the sealed pair.
const SEALED: &str = "sealed";

/// A key pair.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half.
    pub access_key_id: AccessKeyId,
    /// The secret half, as it stands in the file.
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// The pair of a server on a database of its own: that of its directory, made at the first call.
    pub(super) fn of_one(data: &Data, region: &str) -> anyhow::Result<Self> {
        if let Some(known) = data.credentials()? {
            return Ok(known);
        }
        let fresh = Self::generate()?;
        data.keep_credentials(&fresh, region)?;
        Ok(fresh)
    }

    /// The pair of all servers on `store`. At the first call it becomes that of the directory, or a new one. The directory
    /// has it from then on.
    pub(super) async fn of_all(
        data: &Data,
        region: &str,
        store: &dyn Store,
        clock: &dyn Clock,
    ) -> anyhow::Result<Self> {
        let known = data.credentials()?;
        let shared = match read(store).await? {
            Some(shared) => shared,
            None => {
                let offered = known.clone().map_or_else(Self::generate, Ok)?;
                offer(store, clock, &offered).await?
            }
        };
        if known.as_ref() != Some(&shared) {
            data.keep_credentials(&shared, region)?;
        }
        Ok(shared)
    }

    fn generate() -> anyhow::Result<Self> {
        Ok(Self {
            access_key_id: format!("WDLS{}", random(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?).parse()?,
            secret_access_key: random(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")?,
        })
    }

    /// As AWS's clients read them from a file.
    pub(super) fn text(&self, region: &str) -> String {
        let Self { access_key_id, secret_access_key } = self;
        format!(
            "[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\nregion = {region}\n"
        )
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
        };
        let (Some(id), Some(secret_access_key)) = (value("aws_access_key_id"), value("aws_secret_access_key")) else {
            bail!("it needs a line `aws_access_key_id = …` and a line `aws_secret_access_key = …`");
        };
        secret_access_key.parse::<SecretKey>()?;
        Ok(Self { access_key_id: id.parse()?, secret_access_key })
    }
}

/// The pair that is kept, if one is.
async fn read(store: &dyn Store) -> anyhow::Result<Option<Credentials>> {
    let Some(kept) = store.document(Kind::RootKey, ID).await? else { return Ok(None) };
    let sealed = kept.attributes.get(SEALED).and_then(Value::as_str).unwrap_or_default();
    let opened = Sealer::new(store.secret().await?).open(PURPOSE, ID, sealed)?;
    // Nothing of what stands there is told.
    let text = String::from_utf8(opened).ok().context("the root key in the database is not UTF-8")?;
    Credentials::parse(&text).map(Some).map_err(|_| anyhow::anyhow!("the root key in the database is damaged"))
}

/// Keeps a pair unless another process is quicker, and answers the one that is kept.
async fn offer(store: &dyn Store, clock: &dyn Clock, offered: &Credentials) -> anyhow::Result<Credentials> {
    let sealed = Sealer::new(store.secret().await?).seal(PURPOSE, ID, offered.text("").as_bytes())?;
    let now = clock.now();
    let document = Document {
        kind: Kind::RootKey,
        id: ID.to_owned(),
        app: None,
        attributes: Attributes::from_iter([(SEALED.to_owned(), sealed.into())]),
        created: now,
        updated: now,
        version: 1,
    };
    match store.create_document(&document).await {
        Ok(()) => Ok(offered.clone()),
        Err(StoreError::Exists) => read(store).await?.context("the root key in the database has just gone"),
        Err(error) => Err(error.into()),
    }
}

/// Random characters of an alphabet whose length divides 256, so that each is as likely as the others.
fn random(length: usize, alphabet: &[u8]) -> anyhow::Result<String> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).context("no random numbers")?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}
