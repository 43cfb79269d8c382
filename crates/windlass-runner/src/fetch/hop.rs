//! One URL on the way to a source, and what may be said of it.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use http::header::LOCATION;
use url::{Host, Url};

use super::error::{FetchError, TimeLimit, cause, causes, shortened};
use crate::guard::Refused;

/// The longest URL in an error, in characters.
const NAME_LENGTH: usize = 200;

/// An `http` or `https` URL.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    url: Url,
    /// What it is called, where that is not the URL.
    shown: Option<Box<str>>,
}

impl Hop {
    pub(super) fn parse(url: &str) -> Result<Self, FetchError> {
        let url = Url::parse(url).map_err(|why| FetchError::BadUrl { why })?;
        match url.scheme() {
            "http" | "https" => Ok(Self { url, shown: None }),
            scheme => Err(FetchError::Scheme { scheme: shortened(scheme, 40) }),
        }
    }

    /// A URL of our own making for what people know as `shown`.
    pub(crate) fn called(shown: &str, url: Url) -> Self {
        Self { url, shown: Some(shortened(shown, NAME_LENGTH).into()) }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The address, where the host is one. Parsing has already turned every spelling of an IPv4 address into one.
    pub(super) fn literal_address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// Scheme, host, port and path. The query may be a signature and the user a password, so they are never shown.
    pub(super) fn name(&self) -> String {
        if let Some(shown) = &self.shown {
            return shown.to_string();
        }
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        shortened(&format!("{}://{host}{port}{}", self.url.scheme(), self.url.path()), NAME_LENGTH)
    }

    /// Where a redirect with these headers leads.
    pub(super) fn next(&self, headers: &HeaderMap) -> Result<Self, FetchError> {
        let bad = |why: String| FetchError::BadRedirect { url: self.name(), why };
        let location = headers.get(LOCATION).ok_or_else(|| bad("it has no Location".into()))?;
        let location = std::str::from_utf8(location.as_bytes()).map_err(|_| bad("its Location is not UTF-8".into()))?;
        let next = self.url.join(location).map_err(|why| bad(format!("its Location is not a URL: {why}")))?;
        let mut next = Self { url: next, shown: None };
        match (self.is_https(), next.url.scheme()) {
            (_, "https") | (false, "http") => {}
            (true, "http") => return Err(bad("it leads from https to http".into())),
            (_, scheme) => return Err(bad(format!("it leads to scheme {}", shortened(scheme, 40)))),
        }
        next.take_credentials_of(self);
        Ok(next)
    }

    /// Credentials go where the one who named them sent them, and a server that redirects cannot name others.
    fn take_credentials_of(&mut self, previous: &Self) {
        let (user, password) = if self.url.origin() == previous.url.origin() {
            (previous.url.username(), previous.url.password())
        } else {
            ("", None)
        };
        // Only a URL without a host cannot take them, and `http` and `https` always have one.
        let _ = self.url.set_username(user);
        let _ = self.url.set_password(password);
    }

    pub(super) fn no_answer(&self, why: &str) -> FetchError {
        FetchError::NoAnswer { url: self.name(), why: why.into() }
    }

    pub(super) fn timed_out(&self, limit: TimeLimit, after: Duration) -> FetchError {
        FetchError::TimedOut { url: self.name(), limit, after }
    }

    pub(super) fn ended_early(&self, received: u64, expected: Option<u64>, error: &reqwest::Error) -> FetchError {
        FetchError::EndedEarly { url: self.name(), received, expected, why: cause(error) }
    }

    /// Tells from the causes of `error` why no answer came, to a client that gives up connecting after `connect`.
    pub(super) fn not_answered(&self, error: &reqwest::Error, connect: Duration) -> FetchError {
        let url = self.name();
        if let Some(&refused) = find::<Refused>(error) {
            return FetchError::Refused { url, refused };
        }
        if error.is_connect() && error.is_timeout() {
            return self.timed_out(TimeLimit::Connect, connect);
        }
        let why = cause(error);
        if error.is_dns() {
            FetchError::Unresolved { url, why }
        } else if find::<rustls::Error>(error).is_some() {
            FetchError::Tls { url, why }
        } else if error.is_connect() {
            FetchError::Unreachable { url, why }
        } else {
            FetchError::NoAnswer { url, why }
        }
    }
}

fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(<dyn Error>::downcast_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_may_be_relative_and_may_gain_tls_but_not_lose_it() {
        assert_eq!(redirected("http://a.test/x/y?q=1", "../z"), Ok("http://a.test/z".into()));
        assert_eq!(redirected("http://a.test/x", "//b.test/y"), Ok("http://b.test/y".into()));
        assert_eq!(redirected("http://a.test/x", "https://a.test/x"), Ok("https://a.test/x".into()));
        assert_eq!(
            redirected("https://a.test/x", "http://a.test/x"),
            Err("source https://a.test/x answered a redirect that cannot be followed: it leads from https to http"
                .into())
        );
    }

    #[test]
    fn a_redirect_to_another_scheme_is_not_followed() {
        for location in ["file:///etc/passwd", "ftp://a.test/", "gopher://a.test/", "data:,x", "javascript:0"] {
            assert!(redirected("http://a.test/", location).is_err(), "{location}");
        }
    }

    #[test]
    fn credentials_stay_with_the_origin_they_were_given_for() {
        for (location, expected) in [
            ("/y", "http://me:pw@a.test/y"),
            ("http://a.test/y", "http://me:pw@a.test/y"),
            ("http://you:other@a.test/y", "http://me:pw@a.test/y"),
            ("http://a.test:8080/y", "http://a.test:8080/y"),
            ("https://a.test/y", "https://a.test/y"),
            ("http://b.test/y", "http://b.test/y"),
            ("http://you:other@b.test/y", "http://b.test/y"),
        ] {
            assert_eq!(redirected("http://me:pw@a.test/x", location), Ok(expected.into()), "{location}");
        }
    }

    #[test]
    fn a_name_shows_neither_credentials_nor_query_nor_fragment_and_is_short() {
        let hop = Hop::parse("https://me:pw@a.test:8443/dir/app.zip?X-Amz-Signature=s#f").unwrap();
        assert_eq!(hop.name(), "https://a.test:8443/dir/app.zip");
        let long = Hop::parse(&format!("https://a.test/{}", "é".repeat(5000))).unwrap();
        assert_eq!(long.name().chars().count(), NAME_LENGTH);
    }

    fn redirected(from: &str, location: &str) -> Result<String, String> {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        let next = Hop::parse(from).unwrap().next(&headers);
        next.map(|hop| hop.url().to_string()).map_err(|error| error.to_string())
    }
}
