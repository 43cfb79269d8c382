//! What can be wrong with a build specification.

use core::fmt;

use thiserror::Error;

use crate::Origin;

/// A build specification that cannot be followed: which one, where, and why. Printed in one line, with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// Where the text came from. [`BuildSpec::parse`](crate::BuildSpec::parse) takes it for the file in the repository;
    /// [`from_origin`](Self::from_origin) says otherwise.
    pub origin: Origin,
    /// The line. The first is 1; `None` if the fault is in no place of the text.
    pub line: Option<u64>,
    /// The column, in characters. The first is 1.
    pub column: Option<u64>,
    /// The keys that lead there, as in `frontend.phases.build.commands[2]`; empty for the whole text.
    pub key: String,
    /// What is wrong.
    pub fault: SpecFault,
}

/// What is wrong with a build specification.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecFault {
    /// It is no YAML, or more of it than anybody writes.
    #[error("{why}")]
    Yaml {
        /// What the parser says.
        why: String,
    },
    /// It is too long.
    #[error("it has {bytes} bytes, and {max} are the most")]
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        max: usize,
    },
    /// Something else is asked for there.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What is asked for.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A command holds `: ` outside of quotes, so that YAML takes it for a key and its value.
    #[error(
        "expected a command, found a key and its value; a command that holds a colon and a space is put in quotes, \
         or under `|`"
    )]
    CommandIsMapping,
    /// It says yes or no in no word for it.
    #[error("expected yes or no, found {found:?}")]
    YesOrNo {
        /// What is there.
        found: String,
    },
    /// A list that has to say something is empty.
    #[error("expected at least one pattern, found an empty list")]
    NoPatterns,
    /// A pattern cannot be read.
    #[error("pattern {pattern:?} is no glob: {why}")]
    Pattern {
        /// Which.
        pattern: String,
        /// Why not.
        why: String,
    },
    /// Patterns that can be read are more than can be searched for at once.
    #[error("the patterns cannot be used together: {why}")]
    Patterns {
        /// Why not.
        why: String,
    },
    /// No environment can hold a variable of that name.
    #[error("{name:?} cannot be the name of a variable")]
    VariableName {
        /// Which.
        name: String,
    },
    /// A text holds the character with the number 0, which neither a shell nor an environment can hold.
    #[error("it holds a NUL character")]
    Nul,
    /// A folder that is outside of the repository.
    #[error("folder {folder:?} is outside of the repository")]
    Outside {
        /// Which.
        folder: String,
    },
    /// Nothing says what is to be published.
    #[error("CustomerError: The artifacts key was not provided in the build spec")]
    NoArtifacts,
    /// An application of a monorepo does not say where it is.
    #[error("CustomerError: Invalid Monorepo spec provided. The \"appRoot\" key needs to be a string")]
    NoAppRoot,
    /// The app is one of a monorepo, and the specification is not.
    #[error(
        "CustomerError: Monorepo spec provided without \"applications\" key; AMPLIFY_MONOREPO_APP_ROOT is {wanted:?}"
    )]
    NotMonorepo {
        /// The folder that was asked for.
        wanted: String,
    },
    /// There is no such application.
    #[error(
        "CustomerError: Invalid monorepo spec, no appRoot matching {wanted} found; set AMPLIFY_MONOREPO_APP_ROOT to \
         one of {}",
        there.join(", ")
    )]
    UnknownAppRoot {
        /// The folder that was asked for.
        wanted: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// The list of applications is empty.
    #[error("expected at least one application, found an empty list")]
    NoApplications,
    /// One folder has two applications.
    #[error("appRoot {root:?} is there twice")]
    AppRootTwice {
        /// Which.
        root: String,
    },
}

impl SpecError {
    /// The same fault in a text that came from elsewhere.
    #[must_use]
    pub fn from_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }
}

/// How much of what is wrong is told, in characters: it may quote what somebody wrote.
const MAX_CHARACTERS: usize = 500;

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        let what = self.fault.to_string();
        match what.char_indices().nth(MAX_CHARACTERS) {
            Some((end, _)) => write!(f, ": {}…", &what[..end]),
            None => write!(f, ": {what}"),
        }
    }
}

impl core::error::Error for SpecError {}
