//! Addresses that are not taken, and servers that are not there.

use windlass_git::{Checkout, Git, GitError, RepositoryUrl};

use crate::origin::Place;
use crate::server::{Manner, Server};

#[test]
fn an_address_is_what_it_should_be_or_is_refused_without_being_repeated() {
    for (text, shown, host) in [
        ("https://example.com/a/b.git", "https://example.com/a/b.git", Some(("example.com", 443))),
        ("HTTPS://ann:pw@Example.com:8443/a", "https://example.com:8443/a", Some(("example.com", 8443))),
        ("http://[::1]:80/a", "http://[::1]/a", Some(("[::1]", 80))),
        ("http://0x7f000001/a", "http://127.0.0.1/a", Some(("127.0.0.1", 80))),
        ("git@github.com:a/b.git", "git@github.com:a/b.git", Some(("github.com", 22))),
        ("host:/abs/b.git", "ssh://host:22/abs/b.git", Some(("host", 22))),
        ("ssh://git@host:2222/a/b", "ssh://git@host:2222/a/b", Some(("host", 2222))),
        ("/srv/a b", "/srv/a b", None),
        ("file:///srv/a%20b", "/srv/a b", None),
    ] {
        let url = RepositoryUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((&*url.to_string(), url.host()), (shown, host), "{text}");
    }
    for text in [
        "",
        "-",
        "--upload-pack=date",
        "-oProxyCommand=date:x",
        "ext::sh -c SECRET",
        "ext://SECRET",
        "fd::17",
        "git://host/SECRET",
        "ftp://host/SECRET",
        "javascript://SECRET",
        "a/SECRET",
        "../SECRET",
        "file:SECRET",
        "file://host/SECRET",
        "file://",
        "https://",
        "https:///",
        "https://ho st/SECRET",
        "https://host/a?SECRET",
        "https://host/a#SECRET",
        "https://host/SECRET\n",
        "ssh://-oProxyCommand=SECRET/a",
        "ssh://git:SECRET@host/a",
        "ssh://host",
        "-x@host:SECRET",
        "git@-x:SECRET",
        "git@host:-SECRET",
        "git@host:",
        "a b@host:SECRET",
        "git@ho$(SECRET)st:x",
        "https::https://SECRET",
        "SECRET",
    ] {
        match RepositoryUrl::parse(text) {
            Err(error @ GitError::Address(_)) => assert!(!format!("{error} {error:?}").contains("SECRET"), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_path_of_this_machine_and_ssh_have_to_be_allowed() {
    let mut place = Place::new();
    let origin = place.origin("site");
    place.git = Git { allow_ssh: false, ..Git::default() };
    for (url, protocol) in [(&*origin.url(), "file"), ("git@localhost:x", "ssh")] {
        let refused = place.fetch(url, "main", None).await.unwrap_err();
        assert!(
            matches!(refused, GitError::ProtocolRefused { protocol: found, .. } if found == protocol),
            "{refused:?}"
        );
        place.clear();
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_and_a_repository_that_is_not_are_told_apart() {
    let place = Place::new();
    place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    let gone = server.url("gone");
    let refused = place.fetch(&gone, "main", None).await.unwrap_err();
    assert!(matches!(&refused, GitError::NotARepository { .. }), "{refused:?}");
    assert!(refused.to_string().starts_with(&format!("there is no repository at {gone}")), "{refused}");
    place.clear();

    let refused = place.fetch("/nowhere", "main", None).await.unwrap_err();
    assert!(matches!(&refused, GitError::NotARepository { .. }), "{refused:?}");
    place.clear();

    let nobody = format!("http://localhost:{}/x", free_port().await);
    let refused = place.fetch(&nobody, "main", None).await.unwrap_err();
    assert!(matches!(&refused, GitError::HostUnreachable { .. }), "{refused:?}");
    place.clear();

    let refused = place.fetch("http://name.invalid/x", "main", None).await.unwrap_err();
    assert!(matches!(&refused, GitError::HostUnreachable { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_host_is_connected_to_only_by_what_it_was_resolved_to() {
    let place = Place::new();
    place.origin("site");
    let server = Server::start(place.folder.path().into(), Manner::Open).await;
    let url = server.address("site");
    let into = place.fetched();
    let port = server.at.port();
    // The name would lead to the server, but what it was resolved to does not.
    for addresses in [vec!["127.0.0.9".parse().unwrap()], vec![]] {
        let known = ("localhost".to_owned(), port, addresses);
        let checkout = Checkout { resolve: Some(&known), ..Checkout::new(&url, &into) };
        let refused = place.bring(&checkout).await.unwrap_err();
        let expected = matches!(refused, GitError::HostUnreachable { .. } | GitError::HostRefused { .. });
        assert!(expected, "{refused:?}");
        std::fs::remove_dir_all(&into).unwrap();
    }
    assert_eq!(server.asked(), [""; 0]);
}

#[tokio::test]
async fn ssh_asks_nobody_and_goes_where_its_host_was_resolved_to() {
    let mut place = Place::new();
    let tools = place.folder.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    // What stands in for ssh writes down what it is asked.
    let script = format!(
        "#!/bin/sh\necho \"$@\" > {}\necho 'git@example.com: Permission denied (publickey).' >&2\nexit 255\n",
        tools.join("asked").display()
    );
    std::fs::write(tools.join("ssh"), script).unwrap();
    std::fs::set_permissions(tools.join("ssh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    place.git.path = format!("{}:/usr/bin:/bin", tools.display()).into();
    let url = RepositoryUrl::parse("git@example.com:a/b.git").unwrap();
    let known = ("example.com".to_owned(), 22, vec!["192.0.2.7".parse().unwrap()]);
    let into = place.fetched();
    let refused = place.bring(&Checkout { resolve: Some(&known), ..Checkout::new(&url, &into) }).await.unwrap_err();
    assert!(matches!(refused, GitError::AuthenticationFailed { with_token: false, .. }), "{refused:?}");
    assert!(refused.to_string().ends_with("git@example.com: Permission denied (publickey)."), "{refused}");
    let asked = std::fs::read_to_string(tools.join("asked")).unwrap();
    for words in
        ["-F none", "BatchMode=yes", "HostName=192.0.2.7", "HostKeyAlias=example.com", "git-upload-pack 'a/b.git'"]
    {
        assert!(asked.contains(words), "{words}: {asked}");
    }
}

#[tokio::test]
async fn git_that_is_not_installed_is_missed_by_name() {
    let place = Place::new();
    let missing = Git { program: "/nowhere/git".into(), ..Git::default() };
    assert_eq!(missing.version().await.unwrap_err().to_string(), "git is not installed: there is no /nowhere/git");
    assert!(place.git.version().await.unwrap().starts_with("2."));
}

#[tokio::test]
async fn a_folder_that_is_in_use_is_left_alone() {
    let place = Place::new();
    let origin = place.origin("site");
    std::fs::create_dir(place.fetched()).unwrap();
    std::fs::write(place.fetched().join("mine"), "mine").unwrap();
    let refused = place.fetch(&origin.url(), "main", None).await.unwrap_err();
    assert!(matches!(refused, GitError::Io { .. }), "{refused:?}");
    assert_eq!(std::fs::read_dir(place.fetched()).unwrap().count(), 1);
}

#[tokio::test]
async fn nothing_that_a_repository_holds_is_run() {
    let place = Place::new();
    let origin = place.origin("site");
    let marker = place.folder.path().join("ran");
    let script = format!("#!/bin/sh\ntouch {}\n", marker.display());
    origin.commit(".gitattributes", "* filter=evil diff=evil\n");
    origin.git(&["config", "filter.evil.smudge", &format!("touch {}", marker.display())]);
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "pre-commit"] {
        let path = origin.folder.join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &script).unwrap();
    }
    place.fetch(&origin.url(), "main", None).await.unwrap();
    assert!(!marker.exists());
    assert!(!place.fetched().join(".git/hooks").exists());
}

async fn free_port() -> u16 {
    tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port()
}
