//! The files beside the database that people and clients read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use windlass_http::sigv4::{AccessKeyId, SecretKey};

/// A directory with a server's data.
#[derive(Clone, Debug)]
pub struct Data(PathBuf);

/// The key pair that is made with the directory.
#[derive(Clone)]
pub struct Credentials {
    /// The public half.
    pub access_key_id: AccessKeyId,
    /// The secret half, as it stands in the file.
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Data {
    /// The directory at `path`, made if there is none, for its owner alone.
    pub(super) fn at(path: &Path) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        let is_new = !path.exists();
        builder.create(path).with_context(|| format!("cannot make the directory {}", path.display()))?;
        if !is_new {
            return Ok(Self(path.to_owned()));
        }
        // So that its name is on the disk before anything in it is acknowledged.
        let synced =
            path.canonicalize().and_then(|path| path.ancestors().try_for_each(|dir| File::open(dir)?.sync_all()));
        if let Err(error) = synced {
            tracing::debug!("a directory above {} cannot be synced: {error}", path.display());
        }
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The AWS shared credentials file.
    #[must_use]
    pub fn credentials_path(&self) -> PathBuf {
        self.0.join("credentials")
    }

    /// The key pair of this directory, made at the first call.
    pub(super) fn credentials(&self, region: &str) -> anyhow::Result<Credentials> {
        let path = self.credentials_path();
        match fs::read_to_string(&path) {
            Ok(text) => parse(&text).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let credentials = generate()?;
                let Credentials { access_key_id, secret_access_key } = &credentials;
                let text = format!(
                    "[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\nregion = {region}\n"
                );
                self.write("credentials", &text)?;
                Ok(credentials)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Says where the server can be reached, for clients on this machine.
    pub(super) fn announce(&self, endpoint: &str) -> anyhow::Result<()> {
        self.write("endpoint", &format!("{endpoint}\n"))
    }

    /// Writes a file whole or not at all, for its owner alone.
    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

fn generate() -> anyhow::Result<Credentials> {
    Ok(Credentials {
        access_key_id: format!("WDLS{}", random(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?).parse()?,
        secret_access_key: random(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")?,
    })
}

/// Random characters of an alphabet whose length divides 256, so that each is as likely as the others.
fn random(length: usize, alphabet: &[u8]) -> anyhow::Result<String> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).context("no random numbers")?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}

fn parse(text: &str) -> anyhow::Result<Credentials> {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
    };
    let (Some(id), Some(secret_access_key)) = (value("aws_access_key_id"), value("aws_secret_access_key")) else {
        bail!("it needs a line `aws_access_key_id = …` and a line `aws_secret_access_key = …`");
    };
    secret_access_key.parse::<SecretKey>()?;
    Ok(Credentials { access_key_id: id.parse()?, secret_access_key })
}
