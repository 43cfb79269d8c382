//! Sources in S3, or in whatever speaks its protocol: a zip, or all files below a prefix.
//!
//! Where S3 is and with what keys it is read is the operator's to say, so its address is not guarded as those of other
//! sources are; a deployment only names a bucket and a key. Requests are signed in their URLs and sent in path style, so a
//! bucket's name never becomes part of a host name. They are fetched as everything else is: within limits, again after a
//! broken connection, and no redirect is followed.

mod access;
mod bucket;
mod error;
mod location;
mod page;

pub use self::access::{Access, AccessError, Keys};
pub use self::error::S3Error;

pub(crate) use self::bucket::{Bucket, Listing, Object};
pub(crate) use self::location::Location;

use crate::fetch::{FetchLimits, Fetcher, SetupError};

/// Reads from S3. Make one and share it.
#[derive(Debug)]
pub struct S3 {
    access: Access,
    fetcher: Fetcher,
}

impl S3 {
    /// Reads from where `access` says, each object within `limits`.
    ///
    /// # Errors
    ///
    /// [`SetupError`] where no HTTP client can be made.
    pub fn new(access: Access, limits: FetchLimits) -> Result<Self, SetupError> {
        Ok(Self { access, fetcher: Fetcher::trusting(limits)? })
    }
}
