//! Custom domains: names that are associated with branches.

use serde_json::Value;
use windlass_store::{Document, Kind, Store, StoreError};

use crate::host::{Named, SiteHost};

/// The branch that a domain name is associated with. The longest domain that is available goes first.
///
/// Each look is for one document by its key, so what was changed a moment ago counts.
pub(crate) async fn find(store: &dyn Store, name: &str) -> Result<Option<SiteHost>, StoreError> {
    for (prefix, domain) in splits(name) {
        if let Some(association) = store.document(Kind::Domain, domain).await?
            && let Some(host) = leads_to(&association, prefix, name)
        {
            return Ok(Some(host));
        }
    }
    Ok(None)
}

/// A name as prefix and domain in every way, the longest domain first. A domain has at least two labels.
fn splits(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let dots: Vec<_> = name.match_indices('.').map(|(at, _)| at).collect();
    // The last dot stands before what nobody has to himself.
    let cut = dots.len().saturating_sub(1);
    let inner = dots.into_iter().take(cut).map(|at| (&name[..at], &name[at + 1..]));
    let all: Vec<_> = std::iter::once(("", name)).chain(inner).collect();
    let skipped = all.len().saturating_sub(LOOKS);
    all.into_iter().skip(skipped)
}

/// The branch that an association names for a prefix: for just this one, or for any of one label. Only a prefix that was seen to
/// lead here counts: whoever names one may not have it.
fn leads_to(association: &Document, prefix: &str, name: &str) -> Option<SiteHost> {
    let member = |name| association.attributes.get(name);
    if member("domainStatus").and_then(Value::as_str) != Some("AVAILABLE") {
        return None;
    }
    let (settings, verified) = (member("subDomainSettings")?.as_array()?, member("verified")?.as_array()?);
    let named = |wanted: &str| {
        settings.iter().find(|setting| {
            let prefix = setting.get("prefix").filter(|prefix| verified.contains(prefix));
            prefix.and_then(Value::as_str).is_some_and(|prefix| prefix.eq_ignore_ascii_case(wanted))
        })
    };
    let is_one_label = !prefix.is_empty() && !prefix.contains('.');
    let setting = named(prefix).or_else(|| is_one_label.then(|| named("*")).flatten())?;
    let branch = setting.get("branchName")?.as_str()?.parse().ok()?;
    Some(SiteHost { app: association.app.clone()?, branch: Named::Name(branch), name: name.into() })
}

/// How many domains a name is looked for in at most.
const LOOKS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_in_each_domain_that_it_is_in() {
        let all = |name| splits(name).collect::<Vec<_>>();
        assert_eq!(all("example.com"), [("", "example.com")]);
        assert_eq!(all("a.b.example.com"), [("", "a.b.example.com"), ("a", "b.example.com"), ("a.b", "example.com")]);
        let long = "x.".repeat(100) + "example.com";
        assert_eq!(all(&long).len(), LOOKS);
        assert_eq!(all(&long).last().map(|(_, domain)| *domain), Some("example.com"));
    }
}
