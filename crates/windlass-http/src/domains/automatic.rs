//! Sub-domains that come and go with branches, for associations that ask for it with `enableAutoSubDomain`.

use windlass::{AppId, BranchName};
use windlass_store::{Document, Kind, StoreError, StoredBranch};

use super::association::{Association, SubDomainSetting};
use crate::api::Call;
use crate::error::ApiError;

impl Call<'_> {
    /// Gives a new branch its sub-domains.
    pub(crate) async fn add_sub_domains(&self, branch: &StoredBranch) -> Result<(), ApiError> {
        let setting = setting(branch);
        self.change_associations(&branch.app, |domain, held| {
            let may = held.follows(&branch.name) && !self.hides_the_api(&setting.prefix, domain);
            let may = may && self.room_for_sub_domains(held.settings().len() + 1).is_ok();
            may && held.add(setting.clone(), self.now)
        })
        .await
    }

    /// Takes them from a branch that was deleted. What leads to it under other prefixes stays.
    pub(crate) async fn remove_sub_domains(&self, branch: &StoredBranch) -> Result<(), ApiError> {
        let setting = setting(branch);
        self.change_associations(&branch.app, |_, held| held.follows(&branch.name) && held.remove(&setting)).await
    }

    /// Changes the associations of an app; `change` says whether it has done anything.
    async fn change_associations(
        &self,
        app: &AppId,
        change: impl Fn(&str, &mut Association) -> bool,
    ) -> Result<(), ApiError> {
        for document in self.all_documents(Kind::Domain, app).await? {
            self.change_association(document, &change).await?;
        }
        Ok(())
    }

    async fn change_association(
        &self,
        mut document: Document,
        change: impl Fn(&str, &mut Association) -> bool,
    ) -> Result<(), ApiError> {
        loop {
            let mut association = Association::read(&document)?;
            if !change(&document.id, &mut association) {
                return Ok(());
            }
            document.attributes = association.to_attributes()?;
            document.updated = self.now.max(document.updated);
            document.version += 1;
            match self.api.store().update_document(&document).await {
                Ok(()) => {
                    self.api.tend_soon(document.id);
                    return Ok(());
                }
                Err(StoreError::Conflict) => match self.api.store().document(Kind::Domain, &document.id).await? {
                    Some(now) => document = now,
                    None => return Ok(()),
                },
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The sub-domain that a branch has by itself: what stands for it in its own name.
fn setting(branch: &StoredBranch) -> SubDomainSetting {
    SubDomainSetting { prefix: branch.label.clone(), branch_name: branch.name.clone() }
}

impl Association {
    /// Whether a branch has a sub-domain here by itself: where no patterns are given, every branch has.
    fn follows(&self, branch: &BranchName) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, branch.as_str()));
        self.is_automatic() && self.patterns().is_none_or(fits)
    }
}

/// Whether a name is what a pattern says, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in [
            ("main", "main"),
            ("*", "main"),
            ("*", ""),
            ("feature/*", "feature/a/b"),
            ("feature/*", "feature/"),
            ("*/x", "a/b/x"),
            ("pr*", "pr17"),
            ("a*b*c", "abc"),
            ("a*b*c", "a-b-b-c"),
            ("**", "x"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("main", "main2"),
            ("main", "amain"),
            ("feature/*", "feature"),
            ("*/x", "x"),
            ("pr*", "apr"),
            ("aa*aa", "aaa"),
            ("a*b*c", "acb"),
            ("a*b*b", "ab"),
            ("", "x"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
