//! One call's dealings with git: the environment that it sees, and what it is asked to do.

use std::net::IpAddr;
use std::path::Path;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::error::{LFS, last, understand};
use crate::process::{Ran, run};
use crate::{Git, GitError, RepositoryUrl, Resolve, Token};

/// What every git sees. Nothing of the machine's, and nothing that it could ask.
const ENVIRONMENT: &[(&str, &str)] = &[
    // curl looks for passwords here, and where it is not said, in the account's own home.
    ("HOME", "/dev/null"),
    ("XDG_CONFIG_HOME", "/dev/null"),
    ("LC_ALL", "C"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_LFS_SKIP_SMUDGE", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// What every git is told to do and to leave. It stands above what a repository's own configuration says.
const CONFIGURATION: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    // Each of these would let a server name another.
    ("http.followRedirects", "false"),
    ("transfer.bundleURI", "false"),
    ("fetch.uriProtocols", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.version", "2"),
];

impl Git {
    /// A git that answers its version, unless it is given something else to do.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.within(None);
        command.arg("--version");
        command
    }

    /// A git that works in a repository, or in none.
    fn within(&self, repository: Option<&Path>) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", &self.path).envs(ENVIRONMENT.iter().copied()).current_dir("/");
        match repository {
            Some(folder) => command.env("GIT_DIR", folder.join(".git")).env("GIT_WORK_TREE", folder),
            None => command.env("GIT_DIR", "/dev/null"),
        };
        command
    }
}

/// One call's dealings with git.
pub(crate) struct Session<'a> {
    pub(crate) git: &'a Git,
    /// The repository that was asked for; its server alone gets the token.
    top: &'a RepositoryUrl,
    token: Option<&'a Token>,
    resolve: Option<&'a dyn Resolve>,
    tell: &'a (dyn Fn(&str) + Sync),
    halt: &'a CancellationToken,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        git: &'a Git,
        top: &'a RepositoryUrl,
        token: Option<&'a Token>,
        resolve: Option<&'a dyn Resolve>,
        tell: &'a (dyn Fn(&str) + Sync),
        halt: &'a CancellationToken,
    ) -> Self {
        Self { git, top, token: token.or_else(|| top.credentials()), resolve, tell, halt }
    }

    /// Tells whoever follows along, without a secret.
    pub(crate) fn tell(&self, line: &str) {
        (self.tell)(&self.mask(line));
    }

    fn mask(&self, text: &str) -> String {
        let masked = self.token.map_or_else(|| text.to_owned(), |token| token.mask(text));
        // A token that was given does not hide the password that stood in the address.
        self.top.credentials().map_or_else(|| masked.clone(), |token| token.mask(&masked))
    }

    /// Lets git do something on this machine alone.
    pub(crate) async fn locally(&self, repository: &Path, arguments: &[&str]) -> Result<Ran, GitError> {
        let mut command = self.git.within(Some(repository));
        command.env("GIT_ALLOW_PROTOCOL", "none").args(arguments);
        configure(&mut command, &[]);
        self.run(command, false).await
    }

    /// The same, where it must go well.
    pub(crate) async fn do_locally(
        &self,
        what: &'static str,
        repository: &Path,
        arguments: &[&str],
    ) -> Result<Vec<u8>, GitError> {
        let ran = self.locally(repository, arguments).await?;
        if ran.status.success() {
            return Ok(ran.stdout);
        }
        Err(GitError::Failed { what, line: last(&ran.said) })
    }

    /// Lets git talk to a server. The address follows on `arguments`, and `more` on the address.
    pub(crate) async fn remotely(
        &self,
        repository: Option<&Path>,
        url: &RepositoryUrl,
        arguments: &[&str],
        more: &[&str],
    ) -> Result<Ran, GitError> {
        self.allows(url)?;
        let addresses = self.addresses(url).await?;
        let mut command = self.git.within(repository);
        command.env("GIT_ALLOW_PROTOCOL", url.protocol()).args(arguments).arg("--").arg(url.to_string()).args(more);
        let mut configuration = Vec::new();
        if let (Some(server), Some(token)) = (url.server(), self.token_for(url)) {
            configuration.push((format!("http.{server}.extraHeader"), token.header()));
        }
        match (url.host(), addresses.as_deref()) {
            (Some((host, port)), Some([first, ..])) if url.protocol() == "ssh" => {
                command.env("GIT_SSH_COMMAND", ssh(Some((host, port, *first))));
            }
            // Nothing is looked up for an address.
            (Some((host, _)), Some(_)) if is_address(host) => {}
            (Some((host, port)), Some(addresses)) => {
                let listed: Vec<_> = addresses.iter().map(shown).collect();
                configuration.push(("http.curloptResolve".into(), format!("{host}:{port}:{}", listed.join(","))));
            }
            (Some(_) | None, _) => {
                command.env("GIT_SSH_COMMAND", ssh(None));
            }
        }
        configure(&mut command, &configuration);
        self.run(command, true).await
    }

    /// Fetches all branches of a repository and finds a commit in them.
    pub(crate) async fn fetch_everything(
        &self,
        repository: &Path,
        url: &RepositoryUrl,
        hash: &str,
    ) -> Result<String, GitError> {
        let arguments = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
        let ran = self.remotely(Some(repository), url, &arguments, &["+refs/heads/*:refs/remotes/origin/*"]).await?;
        if !ran.status.success() {
            return Err(self.understand("fetch", url, &ran));
        }
        let found = self.locally(repository, &["cat-file", "-e", &format!("{hash}^{{commit}}")]).await?;
        if found.status.success() {
            return Ok(hash.to_owned());
        }
        Err(GitError::Failed { what: "fetch", line: format!("the commit {hash} is in no branch of {url}") })
    }

    /// Fetches the large files of what is checked out, from the server of the repository alone, whatever that says.
    pub(crate) async fn pull_large_files(&self, repository: &Path, url: &RepositoryUrl) -> Result<(), GitError> {
        let Some(server) = url.server().filter(|_| url.protocol() != "ssh") else {
            self.tell("Warning: files in Git LFS are fetched over https alone: they are left out");
            return Ok(());
        };
        self.allows(url)?;
        self.addresses(url).await?;
        let address = url.to_string();
        let address = address.trim_end_matches('/').trim_end_matches(".git");
        let mut configuration = vec![
            ("lfs.url".to_owned(), format!("{address}.git/info/lfs")),
            // Without this it takes itself for not installed, and puts no file in its place.
            ("filter.lfs.clean".to_owned(), "git-lfs clean -- %f".to_owned()),
        ];
        configuration.extend(self.token_for(url).map(|token| (format!("http.{server}.extraHeader"), token.header())));
        let mut command = self.git.within(Some(repository));
        command.env("GIT_ALLOW_PROTOCOL", url.protocol()).args(["lfs", "pull"]);
        configure(&mut command, &configuration);
        let ran = self.run(command, true).await?;
        if ran.status.success() { Ok(()) } else { Err(self.understand(LFS, url, &ran)) }
    }

    /// What went wrong with a server, by what git said.
    pub(crate) fn understand(&self, what: &'static str, url: &RepositoryUrl, ran: &Ran) -> GitError {
        understand(what, &url.to_string(), self.token_for(url).is_some(), &ran.said)
    }

    async fn run(&self, command: Command, aloud: bool) -> Result<Ran, GitError> {
        let mut tell = |line: &str| {
            if aloud {
                (self.tell)(line);
            }
        };
        run(command, &mut tell, &|text| self.mask(text), self.halt).await
    }

    /// The token, for the server that it is meant for.
    fn token_for(&self, url: &RepositoryUrl) -> Option<&Token> {
        self.token.filter(|_| url.shares_server_with(self.top) && url.protocol() != "ssh")
    }

    /// Whether git may go there at all.
    fn allows(&self, url: &RepositoryUrl) -> Result<(), GitError> {
        let refuse = |why| Err(GitError::ProtocolRefused { protocol: url.protocol(), url: url.to_string(), why });
        match url.protocol() {
            "file" if !self.git.allow_local => refuse(": a repository on this machine has to be allowed first"),
            // What only this machine may read, no repository from elsewhere may name.
            "file" if self.top.protocol() != "file" => refuse(" within a repository from elsewhere"),
            "ssh" if !self.git.allow_ssh => refuse(": give an https address instead"),
            // The keys are this machine's, and open more than those may see who name a submodule.
            "ssh" if !url.shares_server_with(self.top) => refuse(" within a repository of another server"),
            _ => Ok(()),
        }
    }

    /// The addresses by which the host may be connected to, where that is restricted.
    async fn addresses(&self, url: &RepositoryUrl) -> Result<Option<Vec<IpAddr>>, GitError> {
        let (Some(resolve), Some((host, port))) = (self.resolve, url.host()) else { return Ok(None) };
        let refused = |reason| GitError::HostRefused { host: host.to_owned(), reason };
        let addresses = resolve.resolve(host, port).await.map_err(refused)?;
        if addresses.is_empty() { Err(refused("it has no address".into())) } else { Ok(Some(addresses)) }
    }
}

/// How curl's list of addresses has one.
fn shown(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Whether a host is an address already.
fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// ssh without anyone to ask and without an account's configuration, connected to one address where that is said. The
/// host's key is looked up by the name that it would have without that: of a port of its own, that is part.
fn ssh(host: Option<(&str, u16, IpAddr)>) -> String {
    let ssh = "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=30";
    match host {
        Some((host, 22, at)) => format!("{ssh} -o HostName={at} -o HostKeyAlias={host}"),
        Some((host, port, at)) => format!("{ssh} -o HostName={at} -o 'HostKeyAlias=[{host}]:{port}'"),
        None => ssh.to_owned(),
    }
}

/// Configuration goes by the environment: other accounts of the machine can read a command line.
fn configure(command: &mut Command, more: &[(String, String)]) {
    let constant = CONFIGURATION.iter().copied();
    let all: Vec<_> = constant.chain(more.iter().map(|(key, value)| (&**key, &**value))).collect();
    command.env("GIT_CONFIG_COUNT", all.len().to_string());
    for (number, (key, value)) in all.into_iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key).env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
}
