//! What is kept of an association, and its life.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use windlass::BranchName;
use windlass_store::{Attributes, Document, StoreError};

use crate::error::ApiError;

/// How long a domain may take to lead here, as long as AWS waits for a certificate: 72 hours.
const VERIFICATION: TimeDelta = TimeDelta::hours(72);

/// The prefix that stands for every name of one label more.
pub(super) const ANY: &str = "*";

/// The longest name that DNS has.
const HOST_MAX: usize = 253;

/// The members of CreateDomainAssociation, beside the names of app and domain.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewAssociation {
    #[serde(default)]
    enable_auto_sub_domain: bool,
    sub_domain_settings: Vec<SubDomainSetting>,
    auto_sub_domain_creation_patterns: Option<Vec<String>>,
    #[serde(rename = "autoSubDomainIAMRole")]
    auto_sub_domain_iam_role: Option<String>,
    certificate_settings: Option<CertificateSettings>,
}

/// Those of UpdateDomainAssociation: what is not given stays as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changes {
    enable_auto_sub_domain: Option<bool>,
    pub(super) sub_domain_settings: Option<Vec<SubDomainSetting>>,
    auto_sub_domain_creation_patterns: Option<Vec<String>>,
    #[serde(rename = "autoSubDomainIAMRole")]
    auto_sub_domain_iam_role: Option<String>,
    certificate_settings: Option<CertificateSettings>,
}

/// Where a name below a domain leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubDomainSetting {
    /// What stands before the domain; empty for the domain itself.
    pub(super) prefix: String,
    /// The branch.
    pub(super) branch_name: BranchName,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateSettings {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_certificate_arn: Option<String>,
}

/// An association as its document keeps it. The sites read it there, too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Association {
    enable_auto_sub_domain: bool,
    sub_domain_settings: Vec<SubDomainSetting>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_sub_domain_creation_patterns: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "autoSubDomainIAMRole")]
    auto_sub_domain_iam_role: Option<String>,
    certificate_settings: CertificateSettings,
    domain_status: DomainStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    update_status: Option<UpdateStatus>,
    status_reason: String,
    verification_token: String,
    /// The prefixes that were seen to lead here.
    verified: BTreeSet<String>,
    /// Since when it is waited for the others.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    verifying_since: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum DomainStatus {
    Creating,
    PendingVerification,
    PendingDeployment,
    Available,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum UpdateStatus {
    PendingVerification,
    PendingDeployment,
    UpdateComplete,
    UpdateFailed,
}

/// What is to be done for an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was made, and nobody has looked at it.
    Made,
    /// It is looked whether its names lead here.
    Verifying,
    /// They do, and the sites are to know.
    Deploying,
    /// Nothing.
    Resting,
}

/// What came of a look at an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is in another phase.
    Moved,
    /// It has to be looked at again, later.
    Waits,
}

impl Association {
    pub(super) fn new(new: NewAssociation, token: String, now: DateTime<Utc>) -> Self {
        Self {
            enable_auto_sub_domain: new.enable_auto_sub_domain,
            sub_domain_settings: new.sub_domain_settings,
            auto_sub_domain_creation_patterns: new.auto_sub_domain_creation_patterns,
            auto_sub_domain_iam_role: new.auto_sub_domain_iam_role,
            certificate_settings: new.certificate_settings.unwrap_or_else(CertificateSettings::managed),
            domain_status: DomainStatus::Creating,
            update_status: None,
            status_reason: String::new(),
            verification_token: token,
            verified: BTreeSet::new(),
            verifying_since: now,
        }
    }

    /// Takes over what is given, and begins to verify what is new in it.
    pub(super) fn change(&mut self, changes: Changes, now: DateTime<Utc>) {
        let Changes {
            enable_auto_sub_domain,
            sub_domain_settings,
            auto_sub_domain_creation_patterns,
            auto_sub_domain_iam_role,
            certificate_settings,
        } = changes;
        self.enable_auto_sub_domain = enable_auto_sub_domain.unwrap_or(self.enable_auto_sub_domain);
        self.auto_sub_domain_creation_patterns =
            auto_sub_domain_creation_patterns.or(self.auto_sub_domain_creation_patterns.take());
        self.auto_sub_domain_iam_role = auto_sub_domain_iam_role.or(self.auto_sub_domain_iam_role.take());
        if let Some(settings) = certificate_settings {
            self.certificate_settings = settings;
        }
        if let Some(settings) = sub_domain_settings {
            self.sub_domain_settings = settings;
        }
        self.verify_anew(now);
    }

    /// Adds a sub-domain, unless its prefix leads elsewhere already. Answers whether it did.
    pub(super) fn add(&mut self, setting: SubDomainSetting, now: DateTime<Utc>) -> bool {
        if self.sub_domain_settings.iter().any(|held| held.prefix == setting.prefix) {
            return false;
        }
        self.sub_domain_settings.push(setting);
        self.verify_anew(now);
        true
    }

    /// Takes a sub-domain away. Answers whether it was there.
    pub(super) fn remove(&mut self, setting: &SubDomainSetting) -> bool {
        let Some(at) = self.sub_domain_settings.iter().position(|held| held == setting) else { return false };
        self.sub_domain_settings.remove(at);
        self.verified.remove(&setting.prefix);
        true
    }

    fn verify_anew(&mut self, now: DateTime<Utc>) {
        self.status_reason.clear();
        self.verifying_since = now;
        match self.domain_status {
            DomainStatus::Creating => {}
            DomainStatus::PendingVerification | DomainStatus::PendingDeployment | DomainStatus::Failed => {
                self.domain_status = DomainStatus::PendingVerification;
            }
            DomainStatus::Available => self.update_status = Some(UpdateStatus::PendingVerification),
        }
    }

    /// Brings what was given into the form that it is kept in: prefixes in lower case, nothing verified that is not
    /// there any more.
    ///
    /// # Errors
    ///
    /// What cannot be kept, in words for whoever gave it.
    pub(super) fn normalize(&mut self, domain: &str) -> Result<(), String> {
        let mut prefixes = BTreeSet::new();
        for setting in &mut self.sub_domain_settings {
            setting.prefix.make_ascii_lowercase();
            let prefix = &setting.prefix;
            if !is_prefix(prefix) || super::host(prefix, domain).len() > HOST_MAX {
                return Err(format!("The prefix {prefix:?} in subDomainSettings cannot stand before a domain."));
            }
            if !prefixes.insert(prefix.clone()) {
                return Err(format!("The prefix {prefix:?} stands in subDomainSettings more than once."));
            }
        }
        self.verified.retain(|prefix| prefixes.contains(prefix));
        let CertificateSettings { r#type, custom_certificate_arn } = &self.certificate_settings;
        if r#type == "CUSTOM" && custom_certificate_arn.as_ref().is_none_or(String::is_empty) {
            return Err("A certificate of the type CUSTOM needs a customCertificateArn.".to_owned());
        }
        Ok(())
    }

    pub(super) fn read(document: &Document) -> Result<Self, StoreError> {
        let attributes = Value::Object(document.attributes.clone());
        serde_json::from_value(attributes).map_err(|error| StoreError::damaged(error).of(&document.id))
    }

    pub(super) fn to_attributes(&self) -> Result<Attributes, ApiError> {
        match serde_json::to_value(self) {
            Ok(Value::Object(attributes)) => Ok(attributes),
            Ok(_) => Err(ApiError::internal(&"an association is no object")),
            Err(error) => Err(ApiError::internal(&error)),
        }
    }

    pub(super) fn settings(&self) -> &[SubDomainSetting] {
        &self.sub_domain_settings
    }

    pub(super) const fn is_automatic(&self) -> bool {
        self.enable_auto_sub_domain
    }

    pub(super) fn patterns(&self) -> Option<&[String]> {
        self.auto_sub_domain_creation_patterns.as_deref()
    }

    pub(super) fn token(&self) -> &str {
        &self.verification_token
    }

    /// The name that is asked whether a prefix leads here.
    pub(super) fn asked(&self, prefix: &str, domain: &str) -> String {
        // One that nobody has by chance.
        if prefix == ANY {
            super::host(&self.verification_token.to_ascii_lowercase(), domain)
        } else {
            super::host(prefix, domain)
        }
    }

    pub(super) fn is_verified(&self, prefix: &str) -> bool {
        self.verified.contains(prefix)
    }

    /// The prefixes of a branch that are shown.
    pub(super) fn shown_for<'a>(&'a self, branch: &'a BranchName) -> impl Iterator<Item = &'a str> {
        let available = self.domain_status == DomainStatus::Available;
        let settings = self.sub_domain_settings.iter();
        let of_branch = settings.filter(move |setting| available && setting.branch_name == *branch);
        of_branch.map(|setting| setting.prefix.as_str()).filter(|prefix| self.is_verified(prefix))
    }

    /// The members of the API's form that are the same for every name of the association.
    pub(super) fn shown(&self, record: Option<String>) -> Result<Map<String, Value>, ApiError> {
        let mut form = self.to_attributes()?;
        let CertificateSettings { r#type, custom_certificate_arn } = &self.certificate_settings;
        let mut certificate = json!({ "type": r#type });
        if let Some(arn) = custom_certificate_arn {
            certificate["customCertificateArn"] = arn.as_str().into();
        }
        if let Some(record) = record {
            certificate["certificateVerificationDNSRecord"] = record.as_str().into();
            form.insert("certificateVerificationDNSRecord".to_owned(), record.into());
        }
        form.insert("certificate".to_owned(), certificate);
        for kept in ["subDomainSettings", "certificateSettings", "verificationToken", "verified", "verifyingSince"] {
            form.remove(kept);
        }
        Ok(form)
    }

    /// A record in the form of those by which AWS verifies a domain.
    pub(super) fn dns_record(&self, domain: &str, site_domain: &str) -> String {
        let hash = hex::encode(Sha256::digest(format!("{domain} {}", self.verification_token)));
        let (name, target) = hash.split_at(hash.len() / 2);
        format!("_{name}.{domain}. CNAME _{target}.verify.{site_domain}.")
    }

    pub(super) const fn phase(&self) -> Phase {
        match (self.domain_status, self.update_status) {
            (DomainStatus::Creating, _) => Phase::Made,
            (DomainStatus::PendingVerification, _)
            | (DomainStatus::Available, Some(UpdateStatus::PendingVerification)) => Phase::Verifying,
            (DomainStatus::PendingDeployment, _) | (DomainStatus::Available, Some(UpdateStatus::PendingDeployment)) => {
                Phase::Deploying
            }
            (DomainStatus::Available, Some(UpdateStatus::UpdateComplete | UpdateStatus::UpdateFailed) | None)
            | (DomainStatus::Failed, _) => Phase::Resting,
        }
    }

    /// The prefixes that were not yet seen to lead here.
    pub(super) fn unverified(&self) -> Vec<String> {
        let prefixes = self.sub_domain_settings.iter().map(|setting| &setting.prefix);
        prefixes.filter(|prefix| !self.is_verified(prefix)).cloned().collect()
    }

    /// Takes the next step of its life, after a look at the prefixes that were not verified: those that lead here, and
    /// in words why another one does not.
    pub(super) fn advance(&mut self, seen: Vec<String>, not_seen: Option<String>, now: DateTime<Utc>) -> Step {
        self.verified.extend(seen);
        match (self.phase(), not_seen) {
            (Phase::Resting, _) => return Step::Waits,
            (Phase::Made, _) => self.enter(DomainStatus::PendingVerification, UpdateStatus::PendingVerification),
            (Phase::Verifying, Some(reason)) => {
                self.status_reason = reason.chars().take(1000).collect();
                if now - self.verifying_since < VERIFICATION {
                    return Step::Waits;
                }
                self.enter(DomainStatus::Failed, UpdateStatus::UpdateFailed);
            }
            (Phase::Verifying, None) => {
                self.status_reason.clear();
                self.enter(DomainStatus::PendingDeployment, UpdateStatus::PendingDeployment);
            }
            (Phase::Deploying, _) => self.enter(DomainStatus::Available, UpdateStatus::UpdateComplete),
        }
        Step::Moved
    }

    /// One that is AVAILABLE stays so, whatever becomes of a change of it.
    const fn enter(&mut self, new: DomainStatus, changed: UpdateStatus) {
        match self.domain_status {
            DomainStatus::Available => self.update_status = Some(changed),
            DomainStatus::Creating
            | DomainStatus::PendingVerification
            | DomainStatus::PendingDeployment
            | DomainStatus::Failed => self.domain_status = new,
        }
    }
}

impl CertificateSettings {
    fn managed() -> Self {
        Self { r#type: "AMPLIFY_MANAGED".to_owned(), custom_certificate_arn: None }
    }
}

/// Whether a text can stand before a domain: nothing, labels with dots between them, or [`ANY`].
fn is_prefix(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.is_empty() || text == ANY || text.split('.').all(is_label)
}
