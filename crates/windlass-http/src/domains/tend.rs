//! Takes associations on in their lives, a step at a time. Each step is stored before the next.

use futures_util::{StreamExt as _, stream};
use windlass_store::{Document, Kind, StoreError};

use super::DomainVerification;
use super::association::{Association, Phase, Step};
use super::proof::PROOF_PATH;
use crate::api::Api;

/// How many associations are looked after at a time, and how many names are asked, whoever looks after them.
pub(crate) const AT_ONCE: usize = 16;

impl Api {
    /// Takes every domain association as far as it can go now. To be called at the start of a server, and now and then:
    /// what was begun and not ended is taken up, and domains that did not lead here are asked again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the store fails. Associations that are in order are looked after all the same.
    pub async fn tend_domains(&self) -> Result<(), StoreError> {
        let (mut from, mut outcome) = (None, Ok(()));
        loop {
            let page = self.store().documents(Kind::Domain, None, from, 100).await?;
            let unfinished: Vec<_> = page.items.into_iter().filter(|document| !is_resting(document)).collect();
            let tend = |document: Document| {
                let api = self.clone();
                async move { api.tend(&document.id).await }
            };
            let mut done = stream::iter(unfinished).map(tend).buffer_unordered(AT_ONCE);
            while let Some(tended) = done.next().await {
                outcome = outcome.and(tended);
            }
            from = page.next;
            if from.is_none() {
                return outcome;
            }
        }
    }

    /// Does so for one that was just made or changed, without anyone waiting for it.
    pub(super) fn tend_soon(&self, domain: String) {
        let api = self.clone();
        tokio::spawn(async move {
            if let Err(error) = api.tend(&domain).await {
                tracing::error!(%domain, %error, "a domain association stays as it is for now");
            }
        });
    }

    async fn tend(&self, domain: &str) -> Result<(), StoreError> {
        loop {
            let Some(mut document) = self.store().document(Kind::Domain, domain).await? else { return Ok(()) };
            let mut association = Association::read(&document)?;
            let (seen, not_seen) = match association.phase() {
                Phase::Resting => return Ok(()),
                Phase::Verifying => self.verify(domain, &association).await,
                Phase::Made | Phase::Deploying => (Vec::new(), None),
            };
            let now = self.now();
            let step = association.advance(seen, not_seen, now);
            let attributes = association.to_attributes().map_err(|error| StoreError::damaged(error.message))?;
            if attributes == document.attributes {
                return Ok(());
            }
            document.attributes = attributes;
            document.updated = now.max(document.updated);
            document.version += 1;
            match self.store().update_document(&document).await {
                // It was changed, or deleted, while it was looked at.
                Err(StoreError::Conflict) => {}
                Ok(()) if step == Step::Moved => {}
                done => return done,
            }
        }
    }

    /// The prefixes that turn out to lead here, and in words why the first of the others does not.
    async fn verify(&self, domain: &str, association: &Association) -> (Vec<String>, Option<String>) {
        let open = association.unverified();
        let DomainVerification::Dns(check) = &self.settings().domains else { return (open, None) };
        let token = association.token();
        let proof = self.proofs().of(token);
        let asked = stream::iter(open).map(|prefix| {
            let proof = &proof;
            async move {
                // If the semaphore could be closed, the question would be asked all the same.
                let _turn = self.questions().acquire().await;
                let host = association.asked(&prefix, domain);
                let answered = check.ask(&format!("http://{host}{PROOF_PATH}{token}")).await;
                let fault = match answered {
                    Ok(text) if text.trim_end() == proof => None,
                    Ok(_) => Some("another server answers there".to_owned()),
                    Err(reason) => Some(reason),
                };
                (prefix, fault.map(|fault| format!("{host} does not lead here: {fault}")))
            }
        });
        let answers: Vec<_> = asked.buffered(AT_ONCE).collect().await;
        let not_seen = answers.iter().find_map(|(_, fault)| fault.clone());
        let seen = answers.into_iter().filter_map(|(prefix, fault)| fault.is_none().then_some(prefix));
        (seen.collect(), not_seen)
    }
}

fn is_resting(document: &Document) -> bool {
    Association::read(document).is_ok_and(|association| association.phase() == Phase::Resting)
}
