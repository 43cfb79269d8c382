//! Where a repository lies: the addresses that are taken, and what is never shown of them.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{AddressFault, GitError, Token};

/// The address of a repository: `https://`, `http://`, `ssh://`, `user@host:path` or an absolute path, also as a
/// `file://` URL. All others are refused, above all those by which git would start a program.
///
/// A name and a password within it are taken out: they are shown nowhere, and go to the server as a [`Token`] does,
/// unless there is one.
///
/// ```
/// use windlass_git::RepositoryUrl;
///
/// let url = RepositoryUrl::parse("https://ann:s3cret@example.com/site.git")?;
/// assert_eq!(url.to_string(), "https://example.com/site.git");
/// assert_eq!(url.host(), Some(("example.com", 443)));
/// assert!(RepositoryUrl::parse("ext::sh -c date").is_err());
/// # Ok::<(), windlass_git::GitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUrl(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Without the name and the password, which stand beside it.
    Web {
        url: Url,
        credentials: Option<Token>,
    },
    Ssh {
        login: String,
        host: String,
        port: u16,
        path: String,
    },
    Local(PathBuf),
}

impl RepositoryUrl {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`GitError::Address`], which does not repeat it.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        if text.is_empty() {
            return Err(AddressFault::Empty.into());
        }
        if text.starts_with('-') {
            return Err(AddressFault::Option.into());
        }
        if text.chars().any(char::is_control) {
            return Err(AddressFault::Control.into());
        }
        if text.starts_with('/') {
            return Ok(Self(Kind::Local(text.into())));
        }
        let kind = match (text.split_once("://"), text.split_once(':')) {
            (Some((scheme, rest)), _) if !scheme.contains([':', '/', '@']) => match &*scheme.to_ascii_lowercase() {
                "https" | "http" => web(text)?,
                "ssh" => ssh(text)?,
                "file" => local(rest)?,
                _ => return Err(AddressFault::Scheme.into()),
            },
            (_, Some((_, rest))) if rest.starts_with(':') => return Err(AddressFault::Helper.into()),
            // A URL that lacks its slashes is no host of that name.
            (_, Some(("https" | "http" | "ssh" | "file", _))) => return Err(AddressFault::Part("URL").into()),
            (_, Some((login, path))) if !login.contains('/') => host_and_path(login, path)?,
            (_, Some(_) | None) => return Err(AddressFault::Relative.into()),
        };
        Ok(Self(kind))
    }

    /// The host that it is on and the port that it is reached by, unless it is a path of this machine.
    #[must_use]
    pub fn host(&self) -> Option<(&str, u16)> {
        match &self.0 {
            Kind::Web { url, .. } => Some((url.host_str()?, url.port_or_known_default()?)),
            Kind::Ssh { host, port, .. } => Some((host, *port)),
            Kind::Local(_) => None,
        }
    }

    /// What git calls the way to it: `https`, `http`, `ssh` or `file`.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match &self.0 {
            Kind::Web { url, .. } if url.scheme() == "https" => "https",
            Kind::Web { .. } => "http",
            Kind::Ssh { .. } => "ssh",
            Kind::Local(_) => "file",
        }
    }

    /// The path, if it is on this machine.
    #[must_use]
    pub fn as_local(&self) -> Option<&Path> {
        if let Kind::Local(path) = &self.0 { Some(path) } else { None }
    }

    /// The name and the password that stood in it.
    pub(crate) const fn credentials(&self) -> Option<&Token> {
        if let Kind::Web { credentials, .. } = &self.0 { credentials.as_ref() } else { None }
    }

    /// Whether both are reached by the same protocol, host and port.
    pub(crate) fn shares_server_with(&self, other: &Self) -> bool {
        self.protocol() == other.protocol() && self.host().is_some() && self.host() == other.host()
    }

    /// The protocol, the host and the port, as a part of a name in git's configuration.
    pub(crate) fn server(&self) -> Option<String> {
        let (host, port) = self.host()?;
        Some(format!("{}://{host}:{port}/", self.protocol()))
    }

    /// The address that a submodule's means. A relative one counts from its parent's.
    pub(crate) fn of_submodule(&self, text: &str) -> Result<Self, GitError> {
        if !(text.starts_with("./") || text.starts_with("../")) {
            return Self::parse(text);
        }
        let parent = self.to_string();
        let mut base = parent.trim_end_matches('/');
        let mut rest = text;
        loop {
            if let Some(further) = rest.strip_prefix("../") {
                rest = further;
                base = base.rsplit_once(['/', ':']).map_or("", |(base, _)| base);
            } else if let Some(further) = rest.strip_prefix("./") {
                rest = further;
            } else {
                break;
            }
        }
        let absolute = Self::parse(&format!("{base}/{rest}")).map_err(|_| AddressFault::Relative)?;
        // Too many steps up lead off the server.
        if absolute.protocol() == self.protocol() && absolute.host() == self.host() {
            Ok(absolute)
        } else {
            Err(AddressFault::Relative.into())
        }
    }
}

/// The address without any secret, as git is given it.
impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Web { url, .. } => f.write_str(url.as_str()),
            Kind::Ssh { login, port, path, .. } if path.starts_with('/') => write!(f, "ssh://{login}:{port}{path}"),
            Kind::Ssh { login, path, .. } => write!(f, "{login}:{path}"),
            Kind::Local(path) => write!(f, "{}", path.display()),
        }
    }
}

fn web(text: &str) -> Result<Kind, AddressFault> {
    let mut url = Url::parse(text).map_err(|_| AddressFault::Part("URL"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(AddressFault::Part("query"));
    }
    let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(String::from);
    let name = decoded(url.username()).map_err(|_| AddressFault::Part("user name"))?;
    let password = decoded(url.password().unwrap_or_default()).map_err(|_| AddressFault::Part("password"))?;
    let credentials = (!name.is_empty() || !password.is_empty()).then(|| Token::basic(&name, &password));
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| AddressFault::Part("host"))?;
    Ok(Kind::Web { url, credentials })
}

fn ssh(text: &str) -> Result<Kind, AddressFault> {
    let url = Url::parse(text).map_err(|_| AddressFault::Part("URL"))?;
    if url.password().is_some() {
        return Err(AddressFault::Part("password"));
    }
    let host = url.host_str().ok_or(AddressFault::Part("host"))?;
    let path = url.path();
    let login = if url.username().is_empty() { host.to_owned() } else { format!("{}@{host}", url.username()) };
    secure(&login, host, path, url.port().unwrap_or(22))
}

/// The short form of ssh, whose path counts from the user's home unless it begins with a slash.
fn host_and_path(login: &str, path: &str) -> Result<Kind, AddressFault> {
    let host = login.rsplit_once('@').map_or(login, |(_, host)| host);
    if path.starts_with('-') {
        return Err(AddressFault::Part("path"));
    }
    secure(login, host, path, 22)
}

fn secure(login: &str, host: &str, path: &str, port: u16) -> Result<Kind, AddressFault> {
    let is_name = |name: &str| {
        let sign = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !name.is_empty() && !name.starts_with('-') && name.chars().all(sign)
    };
    if !is_name(host) {
        return Err(AddressFault::Part("host"));
    }
    if login.rsplit_once('@').is_some_and(|(user, _)| !is_name(user)) {
        return Err(AddressFault::Part("user name"));
    }
    if path.trim_matches('/').is_empty() {
        return Err(AddressFault::Part("path"));
    }
    Ok(Kind::Ssh { login: login.into(), host: host.into(), port, path: path.into() })
}

fn local(rest: &str) -> Result<Kind, AddressFault> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = percent_decode_str(path).decode_utf8().map_err(|_| AddressFault::Part("path"))?;
    if !path.starts_with('/') || path.chars().any(char::is_control) {
        return Err(AddressFault::Part("path"));
    }
    Ok(Kind::Local(PathBuf::from(&*path)))
}
