//! Repositories over ssh: a real server, with a key of its own, for a user with a key of theirs.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::net::TcpListener;
use windlass_git::{Checkout, Git, GitError, RepositoryUrl};

use crate::origin::Place;

/// Where Debian has the server, which is in nobody's path.
const SSHD: &str = "/usr/sbin/sshd";

/// A server of ssh on a port of its own, and an `ssh` that has the keys which an account would have.
struct Sshd {
    at: SocketAddr,
    user: String,
    /// Its public key.
    key: String,
    folder: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Sshd {
    /// `None`, which is said, where there is no server.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says why, aloud")]
    async fn start(place: &mut Place) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            assert!(std::env::var_os("WINDLASS_SSHD_REQUIRED").is_none(), "there is no {SSHD}");
            eprintln!("not tested: there is no {SSHD} (Debian's package openssh-server)");
            return None;
        }
        let folder = place.folder.path().join("ssh");
        std::fs::create_dir(&folder).unwrap();
        for key in ["host", "user", "stranger"] {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", folder.join(key).to_str().unwrap()]);
        }
        std::fs::copy(folder.join("user.pub"), folder.join("authorized")).unwrap();
        let user = run("id", &["-un"]);
        if user == "root" {
            // The server lets its less trusted half see nothing but this, and has it made when it is installed as a service.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let config = format!(
            "HostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            folder.display()
        );
        std::fs::write(folder.join("config"), config).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, folder.join("config")));
        let key = std::fs::read_to_string(folder.join("host.pub")).unwrap();
        let key = key.rsplit_once(' ').unwrap().0.to_owned();
        let sshd = Self { at, user, key, folder, task };
        sshd.use_key(place, "user");
        Some(sshd)
    }

    /// Has git's `ssh` offer this key, as an account has it in its home. All else of ssh is as it is.
    fn use_key(&self, place: &mut Place, key: &str) {
        let tools = self.folder.join("tools");
        std::fs::create_dir_all(&tools).unwrap();
        let script = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -i {0}/{key} -o IdentitiesOnly=yes -o IdentityAgent=none \
             -o UserKnownHostsFile={0}/known -o GlobalKnownHostsFile=none \"$@\"\n",
            self.folder.display()
        );
        std::fs::write(tools.join("ssh"), script).unwrap();
        std::fs::set_permissions(tools.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        place.git = Git { path: format!("{}:/usr/bin:/bin", tools.display()).into(), ..Git::default() };
    }

    /// Has the account know a host by this key.
    fn known(&self, host: &str, key: &str) {
        std::fs::write(self.folder.join("known"), format!("{host} {key}\n")).unwrap();
    }

    fn url(&self, host: &str, path: &Path) -> String {
        format!("ssh://{}@{host}:{}{}", self.user, self.at.port(), path.display())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Each connection has a server of its own, which ends with it.
async fn serve(listener: TcpListener, config: PathBuf) {
    loop {
        let socket = listener.accept().await.unwrap().0.into_std().unwrap();
        socket.set_nonblocking(false).unwrap();
        let (reads, writes) = (OwnedFd::from(socket.try_clone().unwrap()), OwnedFd::from(socket));
        let mut command = tokio::process::Command::new(SSHD);
        command.args(["-i", "-e", "-f"]).arg(&config).stdin(reads).stdout(writes).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        tokio::spawn(async move { child.wait().await });
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_repository_is_fetched_over_ssh_from_a_host_whose_key_is_known() {
    let mut place = Place::new();
    let origin = place.origin("site");
    let tip = origin.commit("index.html", "second");
    let Some(sshd) = Sshd::start(&mut place).await else { return };
    let port = sshd.at.port();
    sshd.known(&format!("[localhost]:{port}"), &sshd.key);
    let url = RepositoryUrl::parse(&sshd.url("localhost", &origin.folder)).unwrap();
    // As builds do it: by the address that the host was resolved to.
    let known = ("localhost".to_owned(), port, vec![sshd.at.ip()]);
    let into = place.fetched();
    for resolve in [None, Some(&known as &dyn windlass_git::Resolve)] {
        let commit = place.bring(&Checkout { resolve, ..Checkout::new(&url, &into) }).await.unwrap();
        assert_eq!((&*commit.id, &*place.file("index.html")), (&*tip, "second"));
        std::fs::remove_dir_all(&into).unwrap();
    }
    // The name is nobody's: the host's key is known by it all the same.
    let url = RepositoryUrl::parse(&sshd.url("git.example", &origin.folder)).unwrap();
    sshd.known(&format!("[git.example]:{port}"), &sshd.key);
    let known = ("git.example".to_owned(), port, vec![sshd.at.ip()]);
    let commit = place.bring(&Checkout { resolve: Some(&known), ..Checkout::new(&url, &into) }).await.unwrap();
    assert_eq!(*commit.id, *tip);
}

#[tokio::test]
async fn a_host_whose_key_is_not_known_or_another_is_not_trusted() {
    let mut place = Place::new();
    let origin = place.origin("site");
    let Some(sshd) = Sshd::start(&mut place).await else { return };
    let stranger = std::fs::read_to_string(sshd.folder.join("stranger.pub")).unwrap();
    let host = format!("[localhost]:{}", sshd.at.port());
    for (known, key) in [("elsewhere.example", &*sshd.key), (&host, stranger.rsplit_once(' ').unwrap().0)] {
        sshd.known(known, key);
        let refused = place.fetch(&sshd.url("localhost", &origin.folder), "main", None).await.unwrap_err();
        assert!(matches!(refused, GitError::HostKeyUnknown { .. }), "{refused:?}");
        std::fs::remove_dir_all(place.fetched()).unwrap();
    }
}

#[tokio::test]
async fn a_key_that_does_not_open_the_repository_is_told_from_a_repository_that_is_not_there() {
    let mut place = Place::new();
    let origin = place.origin("site");
    let Some(sshd) = Sshd::start(&mut place).await else { return };
    sshd.known(&format!("[localhost]:{}", sshd.at.port()), &sshd.key);
    let refused = place.fetch(&sshd.url("localhost", Path::new("/nowhere")), "main", None).await.unwrap_err();
    assert!(matches!(refused, GitError::NotARepository { .. }), "{refused:?}");
    std::fs::remove_dir_all(place.fetched()).unwrap();
    sshd.use_key(&mut place, "stranger");
    let refused = place.fetch(&sshd.url("localhost", &origin.folder), "main", None).await.unwrap_err();
    assert!(matches!(refused, GitError::AuthenticationFailed { .. }), "{refused:?}");
}
