//! What may be an app's repository: an address that git can clone from, and nothing that git would take for something else.

use std::path::{Component, Path};

use thiserror::Error;
use url::{Host, Url};

/// Why a text is no repository. The text is not repeated: where it has a password, that would be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum RepositoryFault {
    #[error(
        "a repository is a URL that begins with https://, http:// or ssh://, or user@host:path{}",
        if *.local { ", or the absolute path of a folder" } else { "" }
    )]
    Unknown { local: bool },
    #[error("it names no host, or one that is none")]
    NoHost,
    #[error("it names no repository of its host")]
    NoPath,
    #[error("a password, a token or a user in it would be shown to everybody; give the token as accessToken")]
    Credentials,
    #[error("it has a query or a fragment, which no repository has")]
    Query,
    #[error("it has a space or a control character in it")]
    Space,
    #[error("repositories on this machine are not allowed; the server's --allow-local-repositories allows them")]
    Local,
    #[error("the path of a folder has no . or .. in it")]
    Dots,
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Web(Url),
    Ssh { host: String, port: Option<u16> },
    Folder,
}

/// Refuses what is no repository, and one on this machine unless those are allowed.
pub(crate) fn check(text: &str, local: bool) -> Result<(), RepositoryFault> {
    match place(text, local)? {
        Place::Folder if !local => Err(RepositoryFault::Local),
        Place::Folder | Place::Web(_) | Place::Ssh { .. } => Ok(()),
    }
}

/// At whose door a token is shown: scheme, host and port, in a form that is the same for all repositories there.
pub(crate) fn host(text: &str) -> Option<String> {
    Some(match place(text, true).ok()? {
        Place::Web(url) => url.origin().ascii_serialization(),
        Place::Ssh { host, port } => format!("ssh://{host}:{}", port.unwrap_or(22)),
        Place::Folder => "file://".to_owned(),
    })
}

fn place(text: &str, local: bool) -> Result<Place, RepositoryFault> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(RepositoryFault::Space);
    }
    if text.starts_with('/') {
        return folder(text);
    }
    if text.contains("://") {
        return by_url(text, local);
    }
    by_scp(text).unwrap_or(Err(RepositoryFault::Unknown { local }))
}

fn folder(text: &str) -> Result<Place, RepositoryFault> {
    let named = text.trim_start_matches('/').split('/').all(|part| part != "." && part != "..");
    let normal = Path::new(text).components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    match text.trim_matches('/') {
        "" => Err(RepositoryFault::NoPath),
        _ if named && normal => Ok(Place::Folder),
        _ => Err(RepositoryFault::Dots),
    }
}

fn by_url(text: &str, local: bool) -> Result<Place, RepositoryFault> {
    let url = Url::parse(text).map_err(|_| RepositoryFault::NoHost)?;
    let web = match url.scheme() {
        "https" | "http" => true,
        "ssh" => false,
        _ => return Err(RepositoryFault::Unknown { local }),
    };
    if url.password().is_some() || (web && !url.username().is_empty()) {
        return Err(RepositoryFault::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(RepositoryFault::Query);
    }
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    if host.is_empty() || !(web || url.username().is_empty() || is_user(url.username())) || !is_host(&host) {
        return Err(RepositoryFault::NoHost);
    }
    if url.path().trim_matches('/').is_empty() {
        return Err(RepositoryFault::NoPath);
    }
    Ok(if web { Place::Web(url) } else { Place::Ssh { host, port: url.port() } })
}

/// `user@host:path`, as scp has it and every forge shows it.
fn by_scp(text: &str) -> Option<Result<Place, RepositoryFault>> {
    let (login, path) = text.split_once(':')?;
    let (user, host) = login.split_once('@')?;
    if !is_user(user) {
        return None;
    }
    if !is_host(host) {
        return Some(Err(RepositoryFault::NoHost));
    }
    if path.trim_matches('/').is_empty() || path.starts_with('-') {
        return Some(Err(RepositoryFault::NoPath));
    }
    Some(Ok(Place::Ssh { host: host.to_ascii_lowercase(), port: None }))
}

/// Whether ssh takes this for a user. What begins with a dash, it would take for an option.
fn is_user(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

fn is_host(text: &str) -> bool {
    !text.starts_with('-') && Host::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_clones_from_is_a_repository() {
        for text in [
            "https://github.com/a/b",
            "https://github.com/a/b.git",
            "http://127.0.0.1:1/r.git",
            "http://[::1]:3000/a/b",
            "ssh://git@example.com:2222/a/b.git",
            "ssh://example.com/a",
            "git@github.com:a/b.git",
            "git@github.com:/a/b.git",
            "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/r",
        ] {
            assert_eq!(check(text, false), Ok(()), "{text}");
        }
        assert_eq!(check("/srv/git/r.git", true), Ok(()));
        assert_eq!(check("/srv/git/r.git", false), Err(RepositoryFault::Local));
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason() {
        use RepositoryFault::*;
        let unknown = Unknown { local: false };
        for (text, fault) in [
            ("r", unknown),
            ("github.com/a/b", unknown),
            ("github.com:a/b", unknown),
            ("ext::sh -c true", Space),
            ("ext::sh", unknown),
            ("file:///srv/r", unknown),
            ("git://example.com/r", unknown),
            ("s3://b/r", unknown),
            ("--upload-pack=x", unknown),
            ("-o@h:p", unknown),
            ("../r", unknown),
            ("https://", NoHost),
            ("ssh://-oProxyCommand=x/r", NoHost),
            ("ssh://-o@host/r", NoHost),
            ("git@-oProxyCommand=x:r", NoHost),
            ("git@:r", NoHost),
            ("https://example.com", NoPath),
            ("https://example.com/", NoPath),
            ("git@example.com:", NoPath),
            ("git@example.com:-r", NoPath),
            ("/", NoPath),
            ("https://me:pw@example.com/r", Credentials),
            ("https://token@example.com/r", Credentials),
            ("ssh://git:pw@example.com/r", Credentials),
            ("https://example.com/r?token=x", Query),
            ("https://example.com/r#x", Query),
            ("https://example.com/a b", Space),
            ("https://example.com/a\nb", Space),
            ("/srv/../etc", Dots),
            ("/srv/./r", Dots),
        ] {
            assert_eq!(check(text, false), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_token_is_for_one_host() {
        let (one, other) = (host("https://Example.com/a"), host("https://example.com:443/b.git"));
        assert_eq!(one, other);
        for elsewhere in
            ["https://example.org/a", "http://example.com/a", "https://example.com:8443/a", "git@example.com:a"]
        {
            assert_ne!(host(elsewhere), one, "{elsewhere}");
        }
        assert_eq!(host("git@example.com:a"), host("ssh://git@example.com:22/b"));
    }
}
