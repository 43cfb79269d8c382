//! What a request says about its signature: read and checked for form, scope and time, but not for truth.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE, HOST, HeaderName};
use http::request::Parts;

use super::basic_time;
use super::canonical::Query;
use super::{ALGORITHM, CONTENT_SHA256, Incomplete, MAX_EXPIRES, MAX_SKEW, Refusal, Scope};
use super::{TERMINATOR, UNSIGNED_PAYLOAD};

/// The longest `Authorization` header and the longest query that are looked at.
const MAX_LENGTH: usize = 16 * 1024;
const MAX_SIGNED_HEADERS: usize = 100;

const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");

/// Where the signature is.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query, and valid for some seconds.
    Query { expires: u32 },
}

pub(super) struct Stated<'r> {
    pub(super) form: Form,
    /// `keyid/date/region/service/term`.
    credential: Cow<'r, str>,
    /// The time of signing, as it is signed.
    pub(super) date: Cow<'r, str>,
    pub(super) at: DateTime<Utc>,
    pub(super) signed_headers: Cow<'r, str>,
    pub(super) signature: Cow<'r, str>,
    /// The query without the signature.
    pub(super) query: Query<'r>,
}

impl<'r> Stated<'r> {
    pub(super) fn read(request: &'r Parts) -> Result<Self, Refusal> {
        let query = request.uri.query().unwrap_or_default();
        let too_long = |text: &[u8]| text.len() > MAX_LENGTH;
        if too_long(query.as_bytes()) || request.headers.get_all(AUTHORIZATION).iter().any(|h| too_long(h.as_bytes())) {
            return Err(Incomplete::TooLong(MAX_LENGTH).into());
        }

        let query = Query::read(query);
        let in_query = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"].iter().any(|name| query.has(name));
        let stated = match (once(&request.headers, AUTHORIZATION, "Authorization")?, in_query) {
            (None, false) => return Err(Refusal::Unsigned),
            (Some(_), true) => return Err(Incomplete::SignedTwice.into()),
            (Some(header), false) => Self::from_header(header, &request.headers, query)?,
            (None, true) => Self::from_query(query)?,
        };
        stated.check_signed_headers(request)?;
        stated.check_content_hash(&request.headers)?;
        Ok(stated)
    }

    fn from_header(header: &'r str, headers: &'r HeaderMap, query: Query<'r>) -> Result<Self, Incomplete> {
        let parameters = header.strip_prefix(ALGORITHM).ok_or(Incomplete::Algorithm)?;
        let parameters = parameters.strip_prefix(' ').ok_or(Incomplete::Algorithm)?;
        let (date, at) = signing_time(headers)?;
        let [credential, signed_headers, signature] =
            parameters_of(parameters, ["Credential", "SignedHeaders", "Signature"])?.map(Cow::Borrowed);
        Ok(Self { form: Form::Header, credential, date, at, signed_headers, signature, query })
    }

    fn from_query(query: Query<'r>) -> Result<Self, Incomplete> {
        if query.once("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Incomplete::Algorithm);
        }
        let expires = query.once("X-Amz-Expires")?;
        let expires = Some(expires)
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .filter(|seconds| (1..=MAX_EXPIRES).contains(seconds))
            .ok_or(Incomplete::Expires)?;
        let date = query.once("X-Amz-Date")?;
        Ok(Self {
            form: Form::Query { expires },
            credential: query.once("X-Amz-Credential")?.into(),
            at: basic_time::read(&date).ok_or(Incomplete::Date)?,
            date: date.into(),
            signed_headers: query.once("X-Amz-SignedHeaders")?.into(),
            signature: query.once("X-Amz-Signature")?.into(),
            query: query.without("X-Amz-Signature"),
        })
    }

    //= https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    //# You must include the host header (HTTP/1.1) or the :authority header (HTTP/2), and any x-amz-* headers in the
    //# signature.
    fn check_signed_headers(&self, request: &Parts) -> Result<(), Incomplete> {
        let headers = &request.headers;
        let mut last = "";
        for (n, name) in self.signed_headers.split(';').enumerate() {
            if n >= MAX_SIGNED_HEADERS {
                return Err(Incomplete::TooManyHeaders(MAX_SIGNED_HEADERS));
            }
            if name <= last || name.bytes().any(|b| b.is_ascii_uppercase()) {
                return Err(Incomplete::SignedHeaders);
            }
            if !headers.contains_key(name) && (name != HOST.as_str() || request.uri.authority().is_none()) {
                return Err(Incomplete::NotSent(shortened(name)));
            }
            last = name;
        }
        let x_amz = headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-amz-"));
        match self.form {
            Form::Header => self.check_signed(x_amz.chain([HOST.as_str()])),
            // Whoever uses a presigned URL did not sign it, and may send headers that the signer has not foreseen.
            Form::Query { .. } => self.check_signed([HOST.as_str()]),
        }
    }

    fn check_signed<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), Incomplete> {
        match names.into_iter().find(|name| !self.signs(name)) {
            Some(name) => Err(Incomplete::NotSigned(shortened(name))),
            None => Ok(()),
        }
    }

    fn check_content_hash(&self, headers: &HeaderMap) -> Result<(), Incomplete> {
        if !self.signs(CONTENT_SHA256.as_str()) {
            return Ok(());
        }
        let hash = once(headers, CONTENT_SHA256, "x-amz-content-sha256")?.unwrap_or_default().trim_ascii();
        let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        if is_hash || hash == UNSIGNED_PAYLOAD { Ok(()) } else { Err(Incomplete::ContentHash) }
    }

    /// Refuses a signature for another scope.
    pub(super) fn check_scope(&self, scope: &Scope) -> Result<(), Refusal> {
        let mut parts = self.credential.split('/');
        let five = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
        let ([Some(_), Some(day), Some(region), Some(service), Some(terminator)], None) = (five, parts.next()) else {
            return Err(Incomplete::Credential.into());
        };
        if terminator != TERMINATOR {
            return Err(Refusal::WrongTerminator { claimed: shortened(terminator) });
        }
        if service != scope.service {
            return Err(Refusal::WrongService { served: scope.service });
        }
        if region != scope.region {
            return Err(Refusal::WrongRegion { claimed: shortened(region), served: scope.region.clone() });
        }
        if day != self.day() {
            return Err(Refusal::WrongDay {
                claimed: shortened(day),
                day: self.day().to_owned(),
                date: self.date.clone().into_owned(),
            });
        }
        Ok(())
    }

    pub(super) fn check_time(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let age = now.timestamp() - self.at.timestamp();
        let allowed = match self.form {
            Form::Header => MAX_SKEW,
            Form::Query { expires } => i64::from(expires),
        };
        if age > allowed {
            return Err(Refusal::Expired { signed_at: self.at, now, allowed });
        }
        if age < -MAX_SKEW {
            return Err(Refusal::NotYetCurrent { signed_at: self.at, now, allowed: MAX_SKEW });
        }
        Ok(())
    }

    pub(super) fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or_default()
    }

    /// The access key that the credential names.
    pub(super) fn access_key_id(&self) -> &str {
        self.credential.split('/').next().unwrap_or_default()
    }

    /// The credential without the access key.
    pub(super) fn scope(&self) -> &str {
        self.credential.split_once('/').map_or("", |(_, scope)| scope)
    }

    pub(super) fn signs(&self, header: &str) -> bool {
        self.signed_headers.split(';').any(|name| name == header)
    }
}

/// The value of a header that may be there once.
fn once<'r>(headers: &'r HeaderMap, name: HeaderName, shown: &'static str) -> Result<Option<&'r str>, Incomplete> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Incomplete::RepeatedParameter(shown));
    }
    value.to_str().map(Some).map_err(|_| Incomplete::MissingParameter(shown))
}

/// Those of the comma-separated parameters of an `Authorization` header that have these names, each of which is there once.
fn parameters_of<'r, const N: usize>(text: &'r str, names: [&'static str; N]) -> Result<[&'r str; N], Incomplete> {
    let mut values = [None; N];
    for (name, value) in text.split(',').filter_map(|pair| pair.trim_ascii().split_once('=')) {
        if let Some(place) = names.iter().position(|known| *known == name)
            && values[place].replace(value).is_some()
        {
            return Err(Incomplete::RepeatedParameter(names[place]));
        }
    }
    let mut found = [""; N];
    for ((name, value), found) in names.into_iter().zip(values).zip(&mut found) {
        *found = value.ok_or(Incomplete::MissingParameter(name))?;
    }
    Ok(found)
}

/// When a request with an `Authorization` header was signed: `X-Amz-Date`, or else `Date`.
fn signing_time(headers: &HeaderMap) -> Result<(Cow<'_, str>, DateTime<Utc>), Incomplete> {
    if let Some(date) = once(headers, AMZ_DATE, "X-Amz-Date")? {
        let date = date.trim_ascii();
        return Ok((date.into(), basic_time::read(date).ok_or(Incomplete::Date)?));
    }
    let date = once(headers, DATE, "Date")?.ok_or(Incomplete::MissingParameter("X-Amz-Date"))?;
    let at = match basic_time::read(date) {
        Some(at) => at,
        None => DateTime::parse_from_rfc2822(date).map_err(|_| Incomplete::Date)?.to_utc(),
    };
    Ok((basic_time::write(&at).into(), at))
}

/// A piece of the request that is short and plain enough to be repeated in a message.
fn shortened(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(64).collect()
}
