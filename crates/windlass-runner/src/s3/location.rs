//! `s3://bucket/key`.

use super::error::{BucketFault, S3Error};

/// What a URL of S3 names. Nothing in it is escaped: S3's own clients take the text after the bucket for the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    pub(super) bucket: Box<str>,
    /// What follows the slash after the bucket, or nothing.
    pub(super) key: Box<str>,
}

impl Location {
    /// Whether this is a URL of S3, good or bad.
    pub(crate) fn is_one(url: &str) -> bool {
        url.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    pub(crate) fn parse(url: &str) -> Result<Self, S3Error> {
        let rest = url.get(SCHEME.len()..).filter(|_| Self::is_one(url)).unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket(bucket).map_err(|why| S3Error::Bucket { bucket: bucket.into(), why })?;
        Ok(Self { bucket: bucket.into(), key: key.into() })
    }

    /// What all keys of a prefix begin with: a prefix is a folder, whether it is written with its slash or without.
    pub(super) fn folder(&self) -> String {
        match &*self.key {
            "" => String::new(),
            key if key.ends_with('/') => key.to_owned(),
            key => format!("{key}/"),
        }
    }
}

const SCHEME: &str = "s3://";

/// The names that AWS allows for buckets of general purpose.
//= https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
//# Bucket names must be between 3 (min) and 63 (max) characters long.
//# Bucket names can consist only of lowercase letters, numbers, periods (.), and hyphens (-).
//# Bucket names must begin and end with a letter or number.
//# Bucket names must not contain two adjacent periods.
//# Bucket names must not be formatted as an IP address (for example, 192.168.5.4).
fn check_bucket(name: &str) -> Result<(), BucketFault> {
    let is_edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    if !(3..=63).contains(&bytes.len()) {
        Err(BucketFault::Length)
    } else if !bytes.iter().all(|byte| is_edge(byte) || matches!(byte, b'.' | b'-')) {
        Err(BucketFault::Characters)
    } else if !bytes.first().is_some_and(is_edge) || !bytes.last().is_some_and(is_edge) {
        Err(BucketFault::Edges)
    } else if name.contains("..") {
        Err(BucketFault::Periods)
    } else if name.parse::<std::net::Ipv4Addr>().is_ok() {
        Err(BucketFault::Address)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_to_the_letter() {
        let parsed =
            |url: &str| Location::parse(url).map(|at| (at.bucket.to_string(), at.key.to_string(), at.folder()));
        for (url, key, folder) in [
            ("s3://bucket", "", ""),
            ("s3://bucket/", "", ""),
            ("S3://bucket/site", "site", "site/"),
            ("s3://bucket/site/", "site/", "site/"),
            ("s3://bucket/a b/ü+%20?x#y.zip", "a b/ü+%20?x#y.zip", "a b/ü+%20?x#y.zip/"),
        ] {
            let (bucket, found, inside) = parsed(url).unwrap();
            assert_eq!((&*bucket, &*found, &*inside), ("bucket", key, folder), "{url}");
        }
    }

    #[test]
    fn a_bucket_has_a_buckets_name() {
        for bucket in ["abc", "a.b-c", "123", "192.168.5", &"x".repeat(63)] {
            assert!(Location::parse(&format!("s3://{bucket}/k")).is_ok(), "{bucket}");
        }
        for (bucket, expected) in [
            ("", BucketFault::Length),
            ("ab", BucketFault::Length),
            (&*"x".repeat(64), BucketFault::Length),
            ("Bucket", BucketFault::Characters),
            ("a_b", BucketFault::Characters),
            ("me@evil.test", BucketFault::Characters),
            ("evil.test:80", BucketFault::Characters),
            ("bücket", BucketFault::Characters),
            ("a%2e%2e", BucketFault::Characters),
            ("...", BucketFault::Edges),
            ("-abc", BucketFault::Edges),
            ("abc.", BucketFault::Edges),
            ("a..b", BucketFault::Periods),
            ("192.168.5.4", BucketFault::Address),
        ] {
            let error = Location::parse(&format!("s3://{bucket}/k")).unwrap_err();
            assert!(matches!(error, S3Error::Bucket { why, .. } if why == expected), "{bucket}: {error}");
        }
    }
}
