//! Where S3 is, and as whom it is read.

use std::fmt;

use object_store::aws::AmazonS3Builder;
use url::Url;

/// Where S3 is, and as whom it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    region: String,
    endpoint: Url,
    keys: Option<Keys>,
}

/// What requests are signed with. Its secrets are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key's id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// What comes with keys that are lent for a while.
    pub session_token: Option<String>,
}

/// S3 cannot be where it is said to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The region cannot stand in a host name.
    #[error("{0:?} is not a region: letters, digits and hyphens")]
    Region(String),
    /// The endpoint is no URL of a web server.
    #[error("{0:?} is not an endpoint of S3, an http or https URL without a query")]
    Endpoint(String),
}

impl Access {
    /// S3 in `region`, at `endpoint` or, without one, on AWS. Without `keys` requests are not signed, and only public
    /// buckets answer.
    ///
    /// # Errors
    ///
    /// [`AccessError`] where no request could be sent there.
    pub fn new(region: &str, endpoint: Option<&str>, keys: Option<Keys>) -> Result<Self, AccessError> {
        let is_region = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_region {
            return Err(AccessError::Region(region.to_owned()));
        }
        // China has a domain of its own.
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let text = endpoint.map_or_else(|| format!("https://s3.{region}.{domain}"), str::to_owned);
        match Url::parse(&text) {
            Ok(url) if is_endpoint(&url) => Ok(Self { region: region.to_owned(), endpoint: url, keys }),
            Ok(_) | Err(_) => Err(AccessError::Endpoint(text)),
        }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether requests are signed.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.keys.is_some()
    }

    /// All of this for a client of `object_store`, which needs only the bucket's name in addition.
    #[must_use]
    pub fn builder(&self) -> AmazonS3Builder {
        let builder = AmazonS3Builder::new()
            .with_region(&self.region)
            .with_endpoint(self.base())
            .with_allow_http(self.endpoint.scheme() == "http")
            .with_virtual_hosted_style_request(false);
        let Some(Keys { access_key_id, secret_access_key, session_token }) = &self.keys else {
            return builder.with_skip_signature(true);
        };
        let builder = builder.with_access_key_id(access_key_id).with_secret_access_key(secret_access_key);
        match session_token {
            Some(token) => builder.with_token(token),
            None => builder,
        }
    }

    /// The endpoint, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        self.endpoint.as_str().trim_end_matches('/')
    }
}

fn is_endpoint(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_url_and_aws_is_the_default() {
        let base = |region, endpoint| Access::new(region, endpoint, None).map(|access| access.base().to_owned());
        assert_eq!(base("eu-central-1", None), Ok("https://s3.eu-central-1.amazonaws.com".to_owned()));
        assert_eq!(base("cn-north-1", None), Ok("https://s3.cn-north-1.amazonaws.com.cn".to_owned()));
        assert_eq!(base("x", Some("http://[::1]:9000/")), Ok("http://[::1]:9000".to_owned()));
        assert_eq!(base("x", Some("https://s3.test/store/")), Ok("https://s3.test/store".to_owned()));
        for endpoint in ["", "s3.test", "ftp://s3.test", "https://s3.test/?a=b", "https://s3.test/#a"] {
            assert_eq!(base("x", Some(endpoint)), Err(AccessError::Endpoint(endpoint.to_owned())));
        }
        for region in ["", "eu.evil.test/", "a b"] {
            assert_eq!(base(region, None), Err(AccessError::Region(region.to_owned())));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let keys = Keys {
            access_key_id: "ID".to_owned(),
            secret_access_key: "SECRET".to_owned(),
            session_token: Some("SECRET".to_owned()),
        };
        let shown = format!("{:?}", Access::new("x", None, Some(keys)));
        assert!(shown.contains("ID") && !shown.contains("SECRET"), "{shown}");
    }
}
