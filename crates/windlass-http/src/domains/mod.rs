//! Domain associations: names of an app's own that lead to its branches.
//!
//! An association is made in CREATING. What follows happens beside the API ([`Api::tend_domains`](crate::Api)), never
//! by being looked at: each sub-domain is [verified](DomainVerification), and once all are, the association is
//! AVAILABLE and the sites answer for its names. A change of one that is AVAILABLE goes the same way in its
//! `updateStatus`; what was verified before is shown all the while.

mod association;
mod automatic;
mod proof;
mod tend;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use windlass::{AppId, BranchName, Resource};
use windlass_store::{Document, Kind, StoreError, label};

pub(crate) use self::association::Association;
use self::association::{ANY, Changes, NewAssociation, SubDomainSetting};
pub(crate) use self::proof::Proofs;
pub use self::proof::{Answered, DomainCheck, DomainVerification, PROOF_PATH};
pub(crate) use self::tend::AT_ONCE;
use crate::answer::Answer;
use crate::api::Call;
use crate::apps::Listing;
use crate::documents::random_text;
use crate::error::ApiError;

/// How many characters the token has that stands in the path of a proof.
const TOKEN: usize = 40;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneDomain {
    app_id: AppId,
    domain_name: String,
}

#[derive(Deserialize)]
struct WithDomain<T> {
    #[serde(flatten)]
    one: OneDomain,
    #[serde(flatten)]
    rest: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfApp {
    app_id: AppId,
    #[serde(flatten)]
    listing: Listing,
}

impl Call<'_> {
    pub(crate) async fn create_domain_association(mut self) -> Result<Answer, ApiError> {
        let WithDomain { one, rest } = self.read::<WithDomain<NewAssociation>>()?;
        let OneDomain { app_id, domain_name } = &one;
        self.app(app_id).await?;
        let domain = normal(domain_name);
        self.check_domain(&domain)?;
        let mut association = Association::new(rest, random_text(TOKEN)?, self.now);
        association.normalize(&domain).map_err(ApiError::bad_request)?;
        self.check_settings(app_id, &domain, association.settings()).await?;
        self.room_for_sub_domains(association.settings().len())?;
        let _turn = self.room_for_domain(app_id).await?;
        let document = Document {
            kind: Kind::Domain,
            id: domain.clone(),
            app: Some(app_id.clone()),
            attributes: association.to_attributes()?,
            created: self.now,
            updated: self.now,
            // Whoever still has a deleted association of this name in hand must not take this one for it.
            version: u64::from(getrandom::u32().map_err(|error| ApiError::internal(&error))?),
        };
        match self.api.store().create_document(&document).await {
            Ok(()) => {}
            Err(StoreError::Exists) => return Err(self.taken(app_id, &domain).await?),
            Err(StoreError::Conflict) => return Err(ApiError::no_app(app_id)),
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Damaged { .. })) => return Err(error.into()),
        }
        self.api.tend_soon(domain.clone());
        self.domain_answer(app_id, &domain, &association).await
    }

    pub(crate) async fn get_domain_association(mut self) -> Result<Answer, ApiError> {
        let one: OneDomain = self.read()?;
        let (document, association) = self.association(&one).await?;
        self.domain_answer(&one.app_id, &document.id, &association).await
    }

    pub(crate) async fn list_domain_associations(mut self) -> Result<Answer, ApiError> {
        let OfApp { app_id, listing } = self.read()?;
        let (documents, next) = self.documents(Kind::Domain, &app_id, listing).await?;
        let mut forms = Vec::with_capacity(documents.len());
        for document in &documents {
            let association = Association::read(document)?;
            forms.push(self.domain_form(&app_id, &document.id, &association).await?);
        }
        let mut body = json!({ "domainAssociations": forms });
        if let Some(next) = next {
            body["nextToken"] = next.into();
        }
        Answer::new(&body)
    }

    pub(crate) async fn update_domain_association(mut self) -> Result<Answer, ApiError> {
        let WithDomain { one, rest } = self.read::<WithDomain<Changes>>()?;
        loop {
            let (mut document, mut association) = self.association(&one).await?;
            association.change(rest.clone(), self.now);
            association.normalize(&document.id).map_err(ApiError::bad_request)?;
            if rest.sub_domain_settings.is_some() {
                self.check_settings(&one.app_id, &document.id, association.settings()).await?;
                self.room_for_sub_domains(association.settings().len())?;
            }
            document.attributes = association.to_attributes()?;
            document.updated = self.now.max(document.updated);
            document.version += 1;
            match self.api.store().update_document(&document).await {
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    self.api.tend_soon(document.id.clone());
                    return self.domain_answer(&one.app_id, &document.id, &association).await;
                }
            }
        }
    }

    pub(crate) async fn delete_domain_association(mut self) -> Result<Answer, ApiError> {
        let one: OneDomain = self.read()?;
        let (document, association) = self.association(&one).await?;
        self.remove(&document, one.missing()).await?;
        self.domain_answer(&one.app_id, &document.id, &association).await
    }

    /// The associations of an app, by domain.
    pub(crate) async fn associations(&self, app: &AppId) -> Result<Vec<(String, Association)>, ApiError> {
        let documents = self.all_documents(Kind::Domain, app).await?;
        documents.into_iter().map(|document| Ok((document.id.clone(), Association::read(&document)?))).collect()
    }

    async fn association(&self, one: &OneDomain) -> Result<(Document, Association), ApiError> {
        let document = self.api.store().document(Kind::Domain, &normal(&one.domain_name)).await?;
        match document.filter(|document| document.app.as_ref() == Some(&one.app_id)) {
            Some(document) => {
                let association = Association::read(&document)?;
                Ok((document, association))
            }
            None => {
                self.app(&one.app_id).await?;
                Err(one.missing())
            }
        }
    }

    /// Refuses the names that apps have by themselves: an association could never be what answers for them.
    fn check_domain(&self, domain: &str) -> Result<(), ApiError> {
        let own = self.api.settings().site_domain();
        let below = domain.strip_suffix(own).and_then(|rest| rest.strip_suffix('.'));
        let app = below.and_then(|below| below.rsplit('.').next());
        if domain == own || app.is_some_and(|app| app.parse::<AppId>().is_ok()) {
            return Err(ApiError::bad_request(format!(
                "The domainName {domain} is one of those that apps have by themselves, below {own}."
            )));
        }
        Ok(())
    }

    /// Refuses what would hide the API, and in AWS's words what leads to no branch.
    async fn check_settings(&self, app: &AppId, domain: &str, settings: &[SubDomainSetting]) -> Result<(), ApiError> {
        if let Some(setting) = settings.iter().find(|setting| self.hides_the_api(&setting.prefix, domain)) {
            let prefix = &setting.prefix;
            return Err(ApiError::bad_request(format!(
                "The prefix {prefix:?} of {domain} would take a name that this API or its sites have."
            )));
        }
        let branches: BTreeSet<_> = settings.iter().map(|setting| &setting.branch_name).collect();
        for branch in branches {
            if self.api.store().branch(app, branch).await?.is_none() {
                return Err(ApiError::bad_request("A subdomain cannot point to a non-existent branch"));
            }
        }
        Ok(())
    }

    /// Whether a sub-domain is the name under which this very request came, or the one below which sites are.
    pub(super) fn hides_the_api(&self, prefix: &str, domain: &str) -> bool {
        let authority = self.origin.split_once("://").map_or("", |(_, authority)| authority);
        let name = normal(authority.rsplit_once(':').map_or(authority, |(name, _)| name));
        let is_any_of = prefix == ANY && name.split_once('.').is_some_and(|(_, rest)| rest == domain);
        let led = host(prefix, domain);
        led == name || led == self.api.settings().site_domain() || is_any_of
    }

    /// What is said where the domain has an association already.
    async fn taken(&self, app: &AppId, domain: &str) -> Result<ApiError, ApiError> {
        let holder = self.api.store().document(Kind::Domain, domain).await?.and_then(|held| held.app);
        let whose = if holder.as_ref() == Some(app) { "this app" } else { "another app" };
        Ok(ApiError::bad_request(format!("The domain {domain} is already associated with {whose}.")))
    }

    async fn domain_answer(&self, app: &AppId, domain: &str, held: &Association) -> Result<Answer, ApiError> {
        Answer::new(&json!({ "domainAssociation": self.domain_form(app, domain, held).await? }))
    }

    async fn domain_form(&self, app: &AppId, domain: &str, held: &Association) -> Result<Value, ApiError> {
        let settings = self.api.settings();
        let arn = settings.account.arn(Resource::Domain(app.clone(), domain.to_owned()));
        let mut sub_domains = Vec::with_capacity(held.settings().len());
        let mut targets = BTreeMap::new();
        for setting in held.settings() {
            let branch = &setting.branch_name;
            if !targets.contains_key(branch) {
                targets.insert(branch, self.target(app, branch).await?);
            }
            let target = &targets[branch];
            sub_domains.push(json!({
                "subDomainSetting": setting,
                "verified": held.is_verified(&setting.prefix),
                "dnsRecord": format!("{} CNAME {target}", setting.prefix),
            }));
        }
        let record = match settings.domains {
            DomainVerification::Offline => None,
            DomainVerification::Dns(_) => Some(held.dns_record(domain, settings.site_domain())),
        };
        let mut form = held.shown(record)?;
        form.insert("domainAssociationArn".to_owned(), arn.to_string().into());
        form.insert("domainName".to_owned(), domain.into());
        form.insert("subDomains".to_owned(), sub_domains.into());
        Ok(form.into())
    }

    /// The name that a sub-domain of this branch is to be an alias of.
    async fn target(&self, app: &AppId, branch: &BranchName) -> Result<String, ApiError> {
        let stored = self.api.store().branch(app, branch).await?;
        let place = stored.map_or_else(|| label(branch), |stored| stored.label);
        Ok(format!("{place}.{app}.{}", self.api.settings().site_domain()))
    }
}

impl OneDomain {
    fn missing(&self) -> ApiError {
        ApiError::not_found("Domain", &self.domain_name)
    }
}

/// A domain as it is kept and compared: in lower case, without the dot at its end.
pub(crate) fn normal(domain: &str) -> String {
    domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase()
}

/// The names by which a branch is reached beside its own: those of sub-domains that are shown.
pub(crate) fn custom_domains(associations: &[(String, Association)], branch: &BranchName) -> Vec<String> {
    let shown = associations.iter().flat_map(|(domain, held)| held.shown_for(branch).map(move |to| host(to, domain)));
    shown.collect()
}

/// The name of a sub-domain. The prefix of the domain itself is empty.
fn host(prefix: &str, domain: &str) -> String {
    if prefix.is_empty() { domain.to_owned() } else { format!("{prefix}.{domain}") }
}
