//! What operations on documents have in common.

use serde_json::Value;
use windlass::AppId;
use windlass_store::{Document, Kind, StoreError};

use crate::api::Call;
use crate::apps::Listing;
use crate::error::ApiError;
use crate::pages;

impl Call<'_> {
    /// One page of an app's documents of a kind, and the token of the next.
    ///
    /// # Errors
    ///
    /// Where there is no such app, or the token is not one of this list.
    pub(crate) async fn documents(
        &self,
        kind: Kind,
        app: &AppId,
        listing: Listing,
    ) -> Result<(Vec<Document>, Option<String>), ApiError> {
        self.app(app).await?;
        let list = format!("{}/{app}", kind.as_ref());
        let from = pages::cursor(&list, listing.next_token.as_deref())?;
        let page = self.api.store().documents(kind, Some(app), from, pages::size(listing.max_results, 50)).await?;
        Ok((page.items, page.next.map(|next| pages::token(&list, next))))
    }

    /// All documents of a kind that an app has.
    pub(crate) async fn all_documents(&self, kind: Kind, app: &AppId) -> Result<Vec<Document>, ApiError> {
        let (mut all, mut from) = (Vec::new(), None);
        loop {
            let page = self.api.store().documents(kind, Some(app), from, 100).await?;
            all.extend(page.items);
            from = page.next;
            if from.is_none() {
                return Ok(all);
            }
        }
    }

    /// Adds a document of `app`.
    ///
    /// # Errors
    ///
    /// Where there is no such app, or `exists` where there is such a document.
    pub(crate) async fn add(
        &self,
        document: &Document,
        app: &AppId,
        exists: impl FnOnce() -> ApiError,
    ) -> Result<(), ApiError> {
        match self.api.store().create_document(document).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict) => Err(ApiError::no_app(app)),
            Err(StoreError::Exists) => Err(exists()),
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Damaged { .. })) => Err(error.into()),
        }
    }

    /// Deletes a document, or answers `missing` where it has just gone.
    pub(crate) async fn remove(&self, document: &Document, missing: ApiError) -> Result<(), ApiError> {
        match self.api.store().delete_document(document.kind, &document.id).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict) => Err(missing),
            Err(error) => Err(error.into()),
        }
    }
}

/// A text of a document, or nothing.
pub(crate) fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.attributes.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// `length` random letters and digits.
///
/// # Errors
///
/// Where the machine has no random numbers.
pub(crate) fn random_text(length: usize) -> Result<String, ApiError> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut random = [0; 64];
        getrandom::fill(&mut random).map_err(|error| ApiError::internal(&error))?;
        // Four whole alphabets fit into a byte. What is beyond them is thrown away, so that each character is as
        // likely as the others.
        let even = random.iter().filter(|&&byte| byte < 248).map(|byte| ALPHABET[usize::from(byte % 62)]);
        text.extend(even.map(char::from).take(length - text.len()));
    }
    Ok(text)
}
