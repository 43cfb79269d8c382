//! The token that opens an app's repository: given once, sealed from then on, and handed to whoever clones.

use std::fmt;

use serde_json::Value;

use crate::sealed::Sealer;
use crate::{App, Store, StoreError};

/// The attribute of an app that has the sealed token. No operation has a member of that name, and no answer shows it.
pub const SEALED_TOKEN: &str = "sealedRepositoryToken";

/// What tokens are sealed for.
const PURPOSE: &str = "repository token";

/// A token of a repository's host. It is shown to nobody: its `Debug` form has no more than its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// A token.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The token itself, for git alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Puts a token among the attributes of an app that is to be stored, in place of the one that was there. It is sealed for
/// this app, and goes with it.
///
/// # Errors
///
/// [`StoreError`] where the store does not give its secret, or the machine no random numbers.
pub async fn keep_token(store: &dyn Store, app: &mut App, token: &Token) -> Result<(), StoreError> {
    let sealed = Sealer::new(store.secret().await?).seal(PURPOSE, app.id.as_str(), token.0.as_bytes())?;
    app.attributes.insert(SEALED_TOKEN.to_owned(), sealed.into());
    Ok(())
}

/// The token that opens an app's repository, if it has one.
///
/// # Errors
///
/// [`StoreError`] where the store does not give its secret, and [`StoreError::Damaged`] where what is kept was not sealed
/// by this store for this app.
pub async fn repository_token(store: &dyn Store, app: &App) -> Result<Option<Token>, StoreError> {
    let Some(sealed) = app.attributes.get(SEALED_TOKEN).and_then(Value::as_str) else { return Ok(None) };
    let opened = Sealer::new(store.secret().await?).open(PURPOSE, app.id.as_str(), sealed)?;
    let text = String::from_utf8(opened).map_err(|_| StoreError::damaged("a repository token is not UTF-8"))?;
    Ok(Some(Token::new(text)))
}
