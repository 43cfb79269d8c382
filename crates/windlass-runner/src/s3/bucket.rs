//! One bucket: its objects, and what is below a prefix.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use object_store::ClientOptions;
use object_store::aws::AmazonS3;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::path::Path as Key;
use object_store::signer::{SignedUrlOptions, Signer as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;
use windlass_artifact::{Budget, NameFault, ShownName, check_name};

use super::error::S3Error;
use super::location::Location;
use super::page::Page;
use super::{Access, S3};
use crate::fetch::{Body, Destination, FetchError, FetchLimits, Fetched, Hop, shortened};

/// A bucket, and what a source means of it.
pub(crate) struct Bucket<'a> {
    s3: &'a S3,
    /// Signs, where there are keys.
    signer: Option<AmazonS3>,
    at: Location,
}

/// An object that is to be a file of a site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    /// Its path in the site: its key without the prefix.
    pub(crate) path: Box<str>,
    /// In bytes.
    pub(crate) size: u64,
}

/// What is below a prefix.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// In the order of their paths.
    pub(crate) objects: Vec<Object>,
    /// Their bytes together.
    pub(crate) total: u64,
}

/// How long a URL is good for: longer than any fetch takes.
const EXPIRES: Duration = Duration::from_secs(3600);

/// The largest page of a list, in bytes: 1,000 keys of 1,024 bytes, all of them escaped, and what is around them.
const PAGE_MAX: usize = 16 * 1024 * 1024;

impl S3 {
    /// The bucket that `at` is in.
    pub(crate) fn bucket(&self, at: Location) -> Result<Bucket<'_>, S3Error> {
        let builder = self.access.builder().with_bucket_name(&*at.bucket).with_http_connector(OnlySigns);
        let signer = if self.access.is_signed() {
            let sign =
                |error: object_store::Error| S3Error::Sign { bucket: at.bucket.to_string(), why: error.to_string() };
            Some(builder.build().map_err(sign)?)
        } else {
            None
        };
        Ok(Bucket { s3: self, signer, at })
    }
}

impl Bucket<'_> {
    /// What a fetch may take.
    pub(crate) const fn limits(&self) -> &FetchLimits {
        self.s3.fetcher.limits()
    }

    /// Fetches the object that the source names.
    pub(crate) async fn zip(&self, into: Destination<'_>) -> Result<Fetched, S3Error> {
        let key = &*self.at.key;
        if key.is_empty() || key.ends_with('/') {
            return Err(S3Error::NoKey { bucket: self.name(), key: key.to_owned() });
        }
        self.get(key, into, self.limits().bytes).await
    }

    /// Fetches one of the listed objects. One of another size than it was listed with is an error.
    pub(crate) async fn object(&self, object: &Object, into: Destination<'_>) -> Result<Fetched, S3Error> {
        let key = format!("{}{}", self.at.folder(), object.path);
        let changed = || S3Error::Changed { bucket: self.name(), key: ShownName::from(&*key), listed: object.size };
        match self.get(&key, into, object.size).await {
            Ok(fetched) if fetched.size == object.size => Ok(fetched),
            Ok(_) | Err(S3Error::Fetch { source: FetchError::TooLarge { .. }, .. }) => Err(changed()),
            Err(error) => Err(error),
        }
    }

    /// Lists what is below the prefix that the source names, page by page.
    pub(crate) async fn list(&self, budget: &Budget) -> Result<Listing, S3Error> {
        let folder = self.at.folder();
        let (mut listing, mut names) = (Listing::default(), 0);
        let mut token: Option<String> = None;
        loop {
            let page = self.page(&folder, token.as_deref()).await?;
            for listed in &page.contents {
                if let Some(object) = self.file(&folder, &listed.key, listed.size)? {
                    names += object.path.len() as u64;
                    listing.total = listing.total.saturating_add(object.size);
                    listing.objects.push(object);
                    self.within(&listing, names, &folder, budget)?;
                }
            }
            match page.next_continuation_token {
                // One that leads to itself would lead there for ever.
                Some(next) if Some(&next) != token.as_ref() => token = Some(next),
                Some(_) => return Err(self.no_list("a page that is its own next".to_owned())),
                None => break,
            }
        }
        if listing.objects.is_empty() {
            return Err(S3Error::Nothing { bucket: self.name(), folder });
        }
        // AWS lists them in this order already, others need not.
        listing.objects.sort_unstable();
        Ok(listing)
    }

    async fn page(&self, folder: &str, token: Option<&str>) -> Result<Page, S3Error> {
        let mut query = vec![("list-type", "2"), ("prefix", folder)];
        query.extend(token.map(|token| ("continuation-token", token)));
        let url = self.url(&Key::ROOT, &query).await?;
        // It fits into memory, so no file is ever made.
        let into = Destination::directory(Path::new("."), PAGE_MAX);
        let hop = Hop::called(&format!("s3://{}/{folder}", self.at.bucket), url);
        let page = self.s3.fetcher.get(&hop, into, PAGE_MAX as u64).await;
        match page.map_err(|error| S3Error::fetch(error, &self.s3.access))?.body {
            Body::Inline(bytes) => Page::parse(&bytes).map_err(|why| self.no_list(why)),
            Body::File(_) => Err(self.no_list("it is too long".to_owned())),
        }
    }

    async fn get(&self, key: &str, into: Destination<'_>, limit: u64) -> Result<Fetched, S3Error> {
        let odd = || S3Error::Key { bucket: self.name(), key: key.into() };
        let parsed = Key::parse(key).ok().filter(|parsed| parsed.as_ref() == key).ok_or_else(odd)?;
        let url = self.url(&parsed, &[]).await?;
        let hop = Hop::called(&format!("s3://{}/{key}", self.at.bucket), url);
        self.s3.fetcher.get(&hop, into, limit).await.map_err(|error| S3Error::fetch(error, &self.s3.access))
    }

    /// Where a key of the bucket, or the bucket itself, can be read for a while.
    async fn url(&self, key: &Key, query: &[(&str, &str)]) -> Result<Url, S3Error> {
        let sign = |why: String| S3Error::Sign { bucket: self.name(), why };
        match &self.signer {
            Some(signer) => {
                let options = SignedUrlOptions::new().with_query(query.iter().copied());
                let url = signer.signed_url_opts(Method::GET, key, EXPIRES, &options).await;
                url.map_err(|error| sign(error.to_string()))
            }
            None => plain_url(&self.s3.access, &self.at.bucket, key, query).map_err(|error| sign(error.to_string())),
        }
    }

    /// What a listed key is, if it is no folder's marker.
    fn file(&self, folder: &str, key: &str, size: u64) -> Result<Option<Object>, S3Error> {
        if key.ends_with('/') && size == 0 {
            return Ok(None);
        }
        let Some(path) = key.strip_prefix(folder) else {
            return Err(self.no_list(format!("{} does not begin with what was asked for", ShownName::from(key))));
        };
        // What ends with a slash is a folder, and has no content.
        let fault = if path.ends_with('/') { Err(NameFault::EmptySegment) } else { check_name(path) };
        match fault {
            Ok(()) => Ok(Some(Object { path: path.into(), size })),
            Err(why) => Err(S3Error::Name { bucket: self.name(), key: key.into(), why }),
        }
    }

    fn within(&self, listing: &Listing, names: u64, folder: &str, budget: &Budget) -> Result<(), S3Error> {
        if let Some(Object { path, size }) = listing.objects.last().filter(|object| object.size > budget.member) {
            let key = ShownName::from(&*format!("{folder}{path}"));
            return Err(S3Error::TooLarge { bucket: self.name(), key, size: *size, limit: budget.member });
        }
        for (what, count, limit) in [
            ("more files", listing.objects.len() as u64, budget.members),
            ("more bytes", listing.total, budget.total),
            ("more bytes of names", names, budget.directory),
        ] {
            if count > limit {
                return Err(S3Error::TooMuch { bucket: self.name(), folder: folder.to_owned(), what, limit });
            }
        }
        Ok(())
    }

    fn no_list(&self, why: String) -> S3Error {
        S3Error::List { bucket: self.name(), why: shortened(&why) }
    }

    fn name(&self) -> String {
        self.at.bucket.to_string()
    }
}

/// As it is called in logs and reasons.
impl fmt::Display for Bucket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&format!("s3://{}/{}", self.at.bucket, self.at.key)))
    }
}

/// A URL that is not signed. Everything that could mean something else is escaped: S3 takes a plus sign for a space.
fn plain_url(access: &Access, bucket: &str, key: &Key, query: &[(&str, &str)]) -> Result<Url, url::ParseError> {
    let mut url = Url::parse(&format!("{}/{bucket}/{}", access.base(), utf8_percent_encode(key.as_ref(), PATH)))?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

/// What `object_store` sends requests with, of which it sends none here.
#[derive(Debug)]
struct OnlySigns;

impl HttpConnector for OnlySigns {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Self))
    }
}

#[async_trait]
impl HttpService for OnlySigns {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        Err(HttpError::new(HttpErrorKind::Unknown, std::io::Error::other("it signs and sends nothing")))
    }
}

const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
