//! What a process does of what a server does, where several share a database.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What a process does. Whatever it is, it ends overdue jobs, tells whether it is there, and shows its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// It answers the API, takes uploads and webhooks, and gives out logs and artifacts.
    pub api: bool,
    /// It takes jobs and works on them, and polls repositories where that is wanted.
    pub runner: bool,
    /// It shows sites.
    pub site: bool,
}

/// A text does not say what roles a process has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidRoles {
    /// It names none.
    #[error("a server without a role does nothing; the roles are {}", Roles::ALL)]
    None,
    /// It names something else.
    #[error("{name:?} is no role; the roles are {all}", name = .0, all = Roles::ALL)]
    Unknown(String),
}

impl Roles {
    /// All of them.
    pub const ALL: Self = Self { api: true, runner: true, site: true };

    /// What this process is, for whoever asks it for what it does not do: `what` is done by `role`.
    pub(super) fn refusal(self, what: &str, role: &str) -> String {
        let plural = if self.to_string().contains(',') { "roles" } else { "role" };
        format!("{what} by the processes with the role {role}. This one has the {plural} {self}.")
    }
}

/// As `--roles` takes it.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [(self.api, "api"), (self.runner, "runner"), (self.site, "site")];
        let named = all.iter().filter(|(has, _)| *has).map(|(_, name)| *name);
        f.write_str(&named.collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Roles {
    type Err = InvalidRoles;

    fn from_str(text: &str) -> Result<Self, InvalidRoles> {
        let mut roles = Self { api: false, runner: false, site: false };
        for name in text.split(',').map(str::trim) {
            match name {
                "api" => roles.api = true,
                "runner" => roles.runner = true,
                "site" => roles.site = true,
                // A comma too many names nobody.
                "" => {}
                _ => return Err(InvalidRoles::Unknown(name.to_owned())),
            }
        }
        if roles == (Self { api: false, runner: false, site: false }) { Err(InvalidRoles::None) } else { Ok(roles) }
    }
}
