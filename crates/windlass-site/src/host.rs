//! Telling a site's host name from any other.

use windlass::AppId;

/// A host name that stands for a branch: `<label>.<app>.<domain>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SiteHost {
    /// The app.
    pub app: AppId,
    /// The branch's place in host names, in lower case.
    pub label: String,
}

impl SiteHost {
    /// Reads the value of a `Host` header. `domain` is in lower case, without a dot at either end.
    pub(crate) fn parse(host: &str, domain: &str) -> Option<Self> {
        let name = without_port(host)?.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let (label, app) = name.strip_suffix(domain)?.strip_suffix('.')?.split_once('.')?;
        if !is_label(label) {
            return None;
        }
        Some(Self { app: app.parse().ok()?, label: label.to_owned() })
    }
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
