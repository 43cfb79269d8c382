//! What a job deploys and how it arrives.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use chrono::{DateTime, Utc};
use strum::{AsRefStr, Display, EnumIter, EnumString, VariantArray};

use crate::{JobId, Limits};

/// How a job came about, by the names of the
/// [API](https://docs.aws.amazon.com/amplify/latest/APIReference/API_StartJob.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, Display, EnumIter, EnumString, VariantArray)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "SCREAMING_SNAKE_CASE"))]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum JobType {
    /// StartJob on an app that is connected to a repository: builds the tip of the branch.
    Release,
    /// StartJob with the number of an earlier job: deploys or builds [the same again](crate::Job::retry_source).
    Retry,
    /// CreateDeployment and StartDeployment.
    Manual,
    /// A push or an incoming webhook.
    WebHook,
}

/// What a source URL points at, by the names of the
/// [API](https://docs.aws.amazon.com/amplify/latest/APIReference/API_StartDeployment.html).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, AsRefStr, Display, EnumIter, EnumString)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "SCREAMING_SNAKE_CASE"))]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SourceUrlType {
    /// One zip; what AWS assumes where nothing is said.
    #[default]
    Zip,
    /// All objects of a bucket below a prefix.
    BucketPrefix,
}

/// The commit that a job builds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Commit {
    /// Its hash, or `HEAD` while only the branch is known.
    pub id: Box<str>,
    /// Its message, or what the caller gave instead. The API allows 10,000 characters; they are not counted here.
    pub message: Box<str>,
    /// When it was made, or when the job was asked for. A job keeps whole milliseconds of it.
    #[cfg_attr(feature = "serde", serde(with = "chrono::serde::ts_milliseconds"))]
    pub time: DateTime<Utc>,
}

/// One file of a file map: where it goes and what it must contain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FileSlot {
    /// Its path on the site, without a leading slash. The API allows 255 characters; they are not counted here.
    pub path: Box<str>,
    /// The MD5 of its content. Whoever takes the upload compares it; the core does not see the bytes.
    pub md5: [u8; 16],
}

/// Where the content of a job comes from.
///
/// The core looks at its kind alone. Whether a URL may be fetched or a path may stand on a site is for those who
/// fetch and publish.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Source {
    /// One upload slot, 0, that takes a zip.
    Zip,
    /// One upload slot for each file, numbered in this order from 0. No file at all means nothing to wait for.
    Files(Box<[FileSlot]>),
    /// A URL that the runner fetches.
    Url {
        /// `http`, `https` or `s3`, at most 3,000 characters by the API; neither is checked here.
        url: Box<str>,
        /// What it points at.
        #[cfg_attr(feature = "serde", serde(rename = "type"))]
        url_type: SourceUrlType,
    },
    /// The verified artifact of an earlier job of the branch: going back costs no rebuild.
    Artifact(Artifact),
    /// What was uploaded to an earlier job of the branch that did not get as far as an artifact.
    UploadOf {
        /// The job that took the uploads.
        job: JobId,
        /// Which bytes, where it was a zip.
        uploads: Uploads,
        /// Which files, where it was a file map.
        files: Box<[FileSlot]>,
    },
    /// A commit of the app's repository, which the runner builds.
    Repository,
}

impl Source {
    /// How many upload slots must be filled before the job can start.
    #[must_use]
    pub fn slots(&self) -> usize {
        match self {
            Self::Zip => 1,
            Self::Files(files) => files.len(),
            Self::Url { .. } | Self::Artifact(_) | Self::UploadOf { .. } | Self::Repository => 0,
        }
    }

    /// Whether a job with this source waits for uploads: it is made by CreateDeployment and started by
    /// StartDeployment. All others start as they are made.
    #[must_use]
    pub fn is_uploaded(&self) -> bool {
        matches!(self, Self::Zip | Self::Files(_))
    }

    /// Whether an environment has to be provisioned to build it. A job that needs none is never seen
    /// in PROVISIONING.
    #[must_use]
    pub fn needs_build(&self) -> bool {
        matches!(self, Self::Repository)
    }
}

/// The upload slots that are filled. What lies in them is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Uploads {
    /// The job takes none.
    None,
    /// The zip, once it is there: the number under which these bytes are kept. A client may upload
    /// again until it starts the job; the last one counts.
    Zip(Option<u64>),
    /// One bit for each file of the map, in its order.
    Files(Box<[u64]>),
}

impl Uploads {
    /// The empty slots of `source`.
    #[must_use]
    pub fn awaited_by(source: &Source) -> Self {
        match source {
            Source::Zip => Self::Zip(None),
            Source::Files(files) => Self::Files(vec![0; files.len().div_ceil(64)].into()),
            Source::Url { .. } | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository => Self::None,
        }
    }

    pub(crate) fn fill(&mut self, slot: u32, object: u64) {
        match self {
            Self::None => {}
            Self::Zip(zip) => *zip = Some(object),
            Self::Files(bits) => {
                if let Some(word) = bits.get_mut(slot as usize / 64) {
                    *word |= 1 << (slot % 64);
                }
            }
        }
    }

    /// Whether `slot`, counted from 0, is filled.
    #[must_use]
    pub fn is_filled(&self, slot: usize) -> bool {
        match self {
            Self::None => false,
            Self::Zip(zip) => slot == 0 && zip.is_some(),
            Self::Files(bits) => bits.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1),
        }
    }

    /// The slots of `source`, for which these are kept, that are still empty, in order.
    pub fn missing(&self, source: &Source) -> impl Iterator<Item = usize> {
        (0..source.slots()).filter(|&slot| !self.is_filled(slot))
    }
}

/// The verified content that a job put live: the zip kept for the job that first deployed it.
///
/// It is a name for bytes, not the bytes. Two jobs may have put the same one live: that is what going back is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Artifact {
    /// The job whose zip it is: the job itself, or the one that it retries.
    pub job: JobId,
    /// Which of that job's zips: the number under which whoever keeps it has put it.
    pub object: u64,
}

/// What is decided about a job when it is made and never changes after.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Birth {
    /// How the job came about.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub job_type: JobType,
    /// What it deploys.
    pub source: Source,
    /// The job that it retries.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub retries: Option<JobId>,
    /// The caller's words for why. The API allows 255 characters; they are not counted here.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub job_reason: Option<Box<str>>,
    /// How long it may stay in each status.
    pub limits: Limits,
    /// When it was made.
    #[cfg_attr(feature = "serde", serde(with = "chrono::serde::ts_milliseconds"))]
    pub created: DateTime<Utc>,
}

/// A job to be made, by [`Branch::create`](crate::Branch::create) or [`Branch::push`](crate::Branch::push).
///
/// ```
/// use windlass::{JobType, Limits, NewJob, Source};
///
/// let release = NewJob {
///     job_type: JobType::Release,
///     limits: Limits::default().with_build_minutes(60)?,
///     ..NewJob::manual(Source::Repository)
/// };
/// assert!(release.source.needs_build());
/// # Ok::<(), windlass::BuildLimitOutOfRange>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewJob {
    /// How it comes about.
    pub job_type: JobType,
    /// What it deploys.
    pub source: Source,
    /// The commit to build, where there is a repository.
    pub commit: Option<Commit>,
    /// The job that it retries, where `source` is that job's [`retry_source`](crate::Job::retry_source).
    pub retries: Option<JobId>,
    /// The caller's words for why. The API allows 255 characters; they are not counted here.
    pub job_reason: Option<Box<str>>,
    /// How long it may stay in each status.
    pub limits: Limits,
}

impl NewJob {
    /// A job that deploys `source` by hand, with the default limits.
    #[must_use]
    pub fn manual(source: Source) -> Self {
        Self {
            job_type: JobType::Manual,
            source,
            commit: None,
            retries: None,
            job_reason: None,
            limits: Limits::default(),
        }
    }
}

/// Collects the files of a file map into [`Source::Files`].
impl FromIterator<FileSlot> for Source {
    fn from_iter<I: IntoIterator<Item = FileSlot>>(files: I) -> Self {
        Self::Files(files.into_iter().collect::<Vec<_>>().into())
    }
}
