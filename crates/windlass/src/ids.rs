//! Ids and names, with the limits of the API. A text becomes one of them only by parsing.

#[cfg(feature = "serde")]
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// The id of an app: `d` followed by 1 to 19 lower-case letters or digits, the
/// [API's pattern](https://docs.aws.amazon.com/amplify/latest/APIReference/API_GetApp.html).
///
/// ```
/// use windlass::AppId;
///
/// assert_eq!("d2abc".parse::<AppId>()?.as_str(), "d2abc");
/// assert!("my app".parse::<AppId>().is_err());
/// # Ok::<(), windlass::InvalidAppId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Arc<str>);

/// A text is not an app id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an app id is `d` followed by 1 to 19 of `a-z` and `0-9`")]
pub struct InvalidAppId;

impl AppId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = InvalidAppId;

    fn from_str(text: &str) -> Result<Self, InvalidAppId> {
        let Some(rest) = text.strip_prefix('d') else { return Err(InvalidAppId) };
        let fits = (1..=19).contains(&rest.len());
        if fits && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAppId)
        }
    }
}

/// The name of a branch: any 1 to 255 characters, the
/// [API's pattern](https://docs.aws.amazon.com/amplify/latest/APIReference/API_GetBranch.html). Slashes are usual
/// (`feature/x`), and other characters that mean something in a path are allowed, so encode it where it stands in one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(Arc<str>);

/// A text is not a branch name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a branch name has 1 to 255 characters")]
pub struct InvalidBranchName;

impl BranchName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BranchName {
    type Err = InvalidBranchName;

    fn from_str(text: &str) -> Result<Self, InvalidBranchName> {
        if (1..=255).contains(&text.chars().count()) { Ok(Self(text.into())) } else { Err(InvalidBranchName) }
    }
}

macro_rules! text_id {
    ($id:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $id {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $id {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $id {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(AppId);
text_id!(BranchName);

/// The number of a job on its branch: 1, 2, 3, never used twice.
///
/// It reads and prints as a decimal number. Leading zeros are accepted, because ARNs and the build
/// variable [`AWS_JOB_ID`](https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html) carry it
/// padded to ten digits; see [`JobId::padded`]. The API allows
/// [1 to 255 digits](https://docs.aws.amazon.com/amplify/latest/APIReference/API_GetJob.html); what exceeds a `u64` is
/// the id of no job.
///
/// ```
/// use windlass::JobId;
///
/// let job: JobId = "0000000007".parse()?;
/// assert_eq!((job.to_string(), job.padded().to_string()), ("7".into(), "0000000007".into()));
/// # Ok::<(), windlass::InvalidJobId>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct JobId(u64);

/// A text is not the id of any job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidJobId {
    /// It is not a decimal number of 1 to 255 digits.
    #[error("a job id is 1 to 255 decimal digits")]
    Malformed,
    /// It is a number, but larger than that of any job.
    #[error("no job has an id this large")]
    TooLarge,
}

impl JobId {
    /// The first job of a branch.
    pub const FIRST: Self = Self(1);

    /// The job with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The id as ARNs, storage keys and `AWS_JOB_ID` show it: padded with zeros to ten digits.
    #[must_use]
    pub const fn padded(self) -> PaddedJobId {
        PaddedJobId(self)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(text: &str) -> Result<Self, InvalidJobId> {
        if !(1..=255).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidJobId::Malformed);
        }
        text.parse().map(Self).map_err(|_| InvalidJobId::TooLarge)
    }
}

/// A [`JobId`] that prints padded to ten digits.
#[derive(Clone, Copy, Debug)]
pub struct PaddedJobId(JobId);

impl fmt::Display for PaddedJobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0.0)
    }
}

/// Which try of a job a runner is on: 1 for the first claim, one more for each runner that was lost.
///
/// It is a fencing token: each report of a runner carries it, and a report of an earlier attempt is
/// refused, so a runner that was given up for lost can do no harm when it comes back. Attempts are ours; AWS has none
/// that its clients can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Attempt(u32);

impl Attempt {
    /// No runner has claimed the job yet.
    pub const NONE: Self = Self(0);

    /// The last attempt, the third. A job whose runner is lost in it fails.
    pub const MAX: Self = Self(3);

    /// The attempt with this number, as a runner was given it.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number: 0 before the first claim.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The attempt after this one, or `None` after [`Attempt::MAX`].
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        if self.0 < Self::MAX.0 { Some(Self(self.0 + 1)) } else { None }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
