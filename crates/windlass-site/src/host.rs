//! Telling a site's host name from any other.

use std::fmt;
use std::net::Ipv4Addr;

use windlass::{AppId, BranchName};

/// A host name that stands for a branch: `<label>.<app>.<domain>`, or a name that is associated with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteHost {
    pub(crate) app: AppId,
    pub(crate) branch: Named,
    /// In lower case, without a port and a dot at the end.
    pub(crate) name: Box<str>,
}

/// What a branch is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its place in host names.
    Label(Box<str>),
    /// By its name.
    Name(BranchName),
}

impl SiteHost {
    /// The app.
    #[must_use]
    pub fn app(&self) -> &AppId {
        &self.app
    }

    /// The branch, by its place in host names or by its name.
    #[must_use]
    pub fn branch(&self) -> &str {
        match &self.branch {
            Named::Label(label) => label,
            Named::Name(name) => name.as_str(),
        }
    }

    /// Reads the value of a `Host` header. `domain` is in lower case, without a dot at either end.
    pub(crate) fn parse(host: &str, domain: &str) -> Option<Self> {
        let host = without_port(host)?;
        if !ends_with(host, domain) {
            return None;
        }
        let name = normal(host);
        let (label, app) = name.strip_suffix(domain)?.strip_suffix('.')?.split_once('.')?;
        if !is_label(label) {
            return None;
        }
        let (app, branch) = (app.parse().ok()?, Named::Label(label.into()));
        Some(Self { app, branch, name: name.into() })
    }
}

impl fmt::Display for SiteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The domain name that a `Host` header holds, in lower case, if it holds one of at least two labels.
pub(crate) fn domain_name(host: &str) -> Option<String> {
    let host = without_port(host)?;
    if host.parse::<Ipv4Addr>().is_ok() {
        return None;
    }
    let name = normal(host);
    let is_name = name.len() <= 253 && name.contains('.') && name.split('.').all(is_label);
    (is_name && name.parse::<Ipv4Addr>().is_err()).then_some(name)
}

/// Whether a host is below a domain or it itself, as far as its end tells. Every request to the server asks that, and most are
/// to no site.
fn ends_with(host: &str, domain: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
    host.len().checked_sub(domain.len()).is_some_and(|start| host[start..].eq_ignore_ascii_case(domain.as_bytes()))
}

/// A host without a port in lower case, without the dot at its end.
fn normal(host: &str) -> String {
    let mut name = host.to_ascii_lowercase();
    if name.ends_with('.') {
        name.pop();
    }
    name
}

/// The host without its port, unless it is an IPv6 address or what follows the colon is no port.
fn without_port(host: &str) -> Option<&str> {
    match host.rsplit_once(':') {
        None => Some(host),
        Some((name, port)) => {
            let is_port = port.is_empty() || port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
            is_port.then_some(name)
        }
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
