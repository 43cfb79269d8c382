//! A member of an artifact as a response.

use axum::body::Body;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use windlass_artifact::{Member, Method as ZipMethod};

use crate::archives::Opened;
use crate::body::{self, Portion};
use crate::caching;
use crate::conditional::{Validators, Verdict};
use crate::encoding;
use crate::media;
use crate::page::{self, Unshown};
use crate::range::Requested;

/// A member that answers a request.
pub(crate) struct Asset<'a> {
    /// The artifact.
    pub(crate) opened: &'a Opened,
    /// The member.
    pub(crate) member: &'a Member,
    /// When it went live.
    pub(crate) since: DateTime<Utc>,
    /// Whether it is shown under another name than its own, so that its name says nothing about how long to keep it.
    pub(crate) renamed: bool,
    /// Whether its owner says how it is encoded, so that we must not encode it.
    pub(crate) as_it_is: bool,
}

impl Asset<'_> {
    /// The member, a part of it, or that it has not changed: whatever was asked for.
    pub(crate) async fn answer(&self, method: &Method, headers: &HeaderMap) -> Result<Response<Body>, Unshown> {
        let requested = self.requested(method, headers);
        let portion = match &requested {
            Requested::Whole => self.negotiate(headers),
            Requested::Part(range) => Portion::Part(range.clone()),
            Requested::Unsatisfiable => Portion::Plain,
        };
        let validators = Validators::new(self.member, &portion, self.since);
        match validators.verdict(headers) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Ok(self.not_modified(&validators)),
            Verdict::Failed => return Err(Unshown::PreconditionFailed),
        }
        if requested == Requested::Unsatisfiable {
            return Err(Unshown::Unsatisfiable { size: self.member.size });
        }
        let mut response = self.carry(&portion, method).await?;
        validators.state(response.headers_mut());
        response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Portion::Part(range) = &portion {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let value = format!("bytes {}-{}/{}", range.start, range.end - 1, self.member.size);
            response.headers_mut().insert(header::CONTENT_RANGE, page::value(value));
        }
        Ok(response)
    }

    /// The member as the site's own page for what is not there. Conditions and ranges are about the page that was asked
    /// for, so they do not apply to this one.
    pub(crate) async fn not_found(&self, method: &Method, headers: &HeaderMap) -> Result<Response<Body>, Unshown> {
        let portion = self.negotiate(headers);
        let mut response = self.carry(&portion, method).await?;
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok(response)
    }

    /// Which part was asked for. A `Range` counts only with GET, and only if what the sender has a part of is still there.
    fn requested(&self, method: &Method, headers: &HeaderMap) -> Requested {
        let mut ranges = headers.get_all(header::RANGE).iter();
        let (Some(range), None) = (ranges.next(), ranges.next()) else { return Requested::Whole };
        let current = || Validators::new(self.member, &Portion::Plain, self.since).is_range_current(headers);
        match Requested::parse(range, self.member.size) {
            Requested::Part(range) if *method == Method::GET && current() => Requested::Part(range),
            Requested::Unsatisfiable if *method == Method::GET && current() => Requested::Unsatisfiable,
            Requested::Part(_) | Requested::Unsatisfiable | Requested::Whole => Requested::Whole,
        }
    }

    fn negotiate(&self, headers: &HeaderMap) -> Portion {
        match self.member.gzip_size() {
            Some(length) if !self.as_it_is && encoding::accepts_gzip(headers) => Portion::Gzip { length },
            Some(_) | None => Portion::Plain,
        }
    }

    async fn carry(&self, portion: &Portion, method: &Method) -> Result<Response<Body>, Unshown> {
        let body = if *method == Method::HEAD {
            Body::empty()
        } else {
            body::carry(self.opened, self.member, portion).await.map_err(|_| Unshown::Damaged)?
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(portion.length(self.member)));
        headers.insert(header::CONTENT_TYPE, media::content_type(&self.member.path));
        if let Portion::Gzip { .. } = portion {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.describe(headers);
        Ok(response)
    }

    fn not_modified(&self, validators: &Validators) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        validators.state(response.headers_mut());
        self.describe(response.headers_mut());
        response
    }

    /// What holds of the member in every form.
    fn describe(&self, headers: &mut HeaderMap) {
        let kept = if self.renamed { caching::REVALIDATE } else { caching::cache_control(&self.member.path) };
        headers.insert(header::CACHE_CONTROL, kept);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, page::NOSNIFF);
        match self.member.method {
            ZipMethod::Stored => {}
            ZipMethod::Deflated => {
                headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            }
        }
    }
}

/// Sends a visitor from a folder's name to the same with a slash: 301, as Amplify does.
///
/// The location is made of the folder's path in the index, which has no empty segment, and not of what was asked for. So
/// it begins with one slash, not two, and stays on this host.
pub(crate) fn redirect(folder: &str, query: Option<&str>) -> Response<Body> {
    let mut location = format!("/{}", utf8_percent_encode(folder, PATH));
    if let Some(query) = query {
        location.push('?');
        location.extend(utf8_percent_encode(query, CONTROLS));
    }
    page::redirect(StatusCode::MOVED_PERMANENTLY, location)
}

/// What is encoded in the path of a location: all but what RFC 3986 calls unreserved, and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
