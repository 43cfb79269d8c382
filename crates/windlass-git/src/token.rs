//! What opens a repository, and how it is kept out of everything that is written.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A secret that opens a repository over HTTP. It is shown by no text, and goes to git by its environment, which other
/// accounts of the machine cannot read, for one server alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What must not be seen.
    secret: Box<str>,
    /// What follows on `Basic` in the header.
    header: Box<str>,
}

impl Token {
    /// An access token, as the hosters of repositories give them out.
    #[must_use]
    pub fn new(token: &str) -> Self {
        // The name is GitHub's word; others take any with a token.
        Self::basic("x-access-token", token)
    }

    /// A name and a password. Where there is only a name, that is the secret.
    #[must_use]
    pub fn basic(name: &str, password: &str) -> Self {
        let secret = if password.is_empty() { name } else { password };
        Self { secret: secret.into(), header: BASE64_STANDARD.encode(format!("{name}:{password}")).into() }
    }

    pub(crate) fn header(&self) -> String {
        format!("Authorization: Basic {}", self.header)
    }

    /// The text without it.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in [&self.secret, &self.header] {
            // Less than this is in every other word.
            if secret.len() > 3 {
                masked = masked.replace(&**secret, "***");
            }
        }
        masked
    }
}

impl From<&str> for Token {
    fn from(token: &str) -> Self {
        Self::new(token)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}
