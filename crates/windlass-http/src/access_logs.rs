//! GenerateAccessLogs: who asked what of a domain, as one CSV file.
//!
//! The sites write down each request in chunks that lie below [`keys::access`], by day in UTC: lines of CSV without a
//! header, each whole, in the order of [`COLUMNS`]. Here they are put behind one another, as far as they are asked for.

use std::collections::VecDeque;
use std::io;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use http::Response;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use windlass::{AppId, wire};
use windlass_store::{Blobs, Kind, StoreError, keys};

use crate::answer::Answer;
use crate::api::{Api, Call};
use crate::domains;
use crate::downloads::whole;
use crate::error::ApiError;
use crate::objects::Object;

/// The columns of a line, named as CloudFront's logs name them.
const COLUMNS: &str = "date,time,x-edge-location,sc-bytes,c-ip,cs-method,cs(Host),cs-uri-stem,sc-status,cs(Referer),\
                       cs(User-Agent),cs-uri-query,time-taken\n";

/// Which column names the host, from 0.
const HOST: usize = 6;

/// How much time one file covers at most, and where no times are given.
const DAYS: i64 = 14;

/// The requests to an app's site that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessLog {
    pub(crate) app: AppId,
    /// The host, or the domain that it is in, in lower case.
    pub(crate) domain: String,
    /// The first second, since 1970.
    pub(crate) from: i64,
    /// The last second, since 1970.
    pub(crate) to: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GenerateAccessLogs {
    app_id: AppId,
    domain_name: String,
    #[serde(default, with = "wire::epoch_seconds::option")]
    start_time: Option<DateTime<Utc>>,
    #[serde(default, with = "wire::epoch_seconds::option")]
    end_time: Option<DateTime<Utc>>,
}

impl Call<'_> {
    pub(crate) async fn generate_access_logs(mut self) -> Result<Answer, ApiError> {
        let GenerateAccessLogs { app_id, domain_name, start_time, end_time } = self.read()?;
        self.app(&app_id).await?;
        let (from, to) = range(start_time, end_time, self.now)?;
        let domain = domains::normal(&domain_name);
        if !self.leads_to(&app_id, &domain).await? {
            return Err(ApiError::not_found("Domain", domain_name));
        }
        let log = AccessLog { app: app_id, domain, from: from.timestamp(), to: to.timestamp() };
        let url = self.api.objects().url(&self.origin, &Object::AccessLog(log), self.now)?;
        Answer::new(&json!({ "logUrl": url }))
    }

    /// Whether a domain is the app's own, one that is associated with it, or in one of those.
    async fn leads_to(&self, app: &AppId, domain: &str) -> Result<bool, ApiError> {
        if is_in(domain, &format!("{app}.{}", self.api.settings().site_domain())) {
            return Ok(true);
        }
        let associated = self.all_documents(Kind::Domain, app).await?;
        Ok(associated.iter().any(|association| is_in(domain, &association.id)))
    }
}

impl Api {
    /// The file that a URL of GenerateAccessLogs stands for.
    pub(crate) fn access_log(&self, log: &AccessLog) -> Result<Response<Body>, ApiError> {
        let reading = Reading::new(self.blobs().clone(), log).ok_or_else(ApiError::unknown_path)?;
        let lines = stream::try_unfold(reading, Reading::next);
        let mut response = Response::new(Body::from_stream(stream::iter([Ok(COLUMNS.into())]).chain(lines)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
        let attachment = format!("attachment; filename=\"access-{}.csv\"", log.domain);
        let attachment = HeaderValue::from_str(&attachment).map_err(|_| ApiError::unknown_path())?;
        response.headers_mut().insert(CONTENT_DISPOSITION, attachment);
        Ok(response)
    }
}

/// What is asked for, both ends included.
fn range(
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), ApiError> {
    let most = TimeDelta::days(DAYS);
    let (start, end) = match (start, end) {
        (Some(start), Some(end)) => (start, end),
        (Some(start), None) => (start, start.checked_add_signed(most).unwrap_or(DateTime::<Utc>::MAX_UTC)),
        (None, end) => {
            let end = end.unwrap_or(now);
            (end.checked_sub_signed(most).unwrap_or(DateTime::<Utc>::MIN_UTC), end)
        }
    };
    if end < start {
        return Err(ApiError::bad_request("The endTime is before the startTime."));
    }
    if end - start > most {
        return Err(ApiError::bad_request(format!("From the startTime to the endTime are more than {DAYS} days.")));
    }
    Ok((start, end))
}

/// Lines on their way.
struct Reading {
    blobs: Blobs,
    app: AppId,
    domain: String,
    /// The days that are still to be looked through.
    days: VecDeque<NaiveDate>,
    /// The chunks of the day in hand.
    chunks: VecDeque<String>,
    /// Date and time of the first and last line, as lines begin.
    from: String,
    to: String,
}

impl Reading {
    fn new(blobs: Blobs, log: &AccessLog) -> Option<Self> {
        let at = |second| DateTime::from_timestamp(second, 0);
        let (from, to) = (at(log.from)?, at(log.to)?);
        let last = to.date_naive();
        let after = |day: &NaiveDate| day.checked_add_days(Days::new(1));
        let days = std::iter::successors(Some(from.date_naive()), after).take_while(|day| *day <= last).collect();
        let beginning = |time: DateTime<Utc>| time.format("%Y-%m-%d,%H:%M:%S").to_string();
        Some(Self {
            blobs,
            app: log.app.clone(),
            domain: log.domain.clone(),
            days,
            chunks: VecDeque::new(),
            from: beginning(from),
            to: beginning(to),
        })
    }

    /// The next lines, and what is left. An error has been logged.
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let lines = self.lines().await.inspect_err(|error| tracing::error!(%error, "an access log cannot be read"));
        Ok(lines.map_err(io::Error::other)?.map(|lines| (lines, self)))
    }

    async fn lines(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            if let Some(chunk) = self.chunks.pop_front() {
                let Some(blob) = self.blobs.open(&chunk).await? else { continue };
                let lines = self.chosen(&whole(blob).await.map_err(StoreError::unavailable)?);
                if !lines.is_empty() {
                    return Ok(Some(lines.into()));
                }
            } else if let Some(day) = self.days.pop_front() {
                self.chunks = self.blobs.list(&format!("{}{day}/", keys::access(&self.app))).await?.into();
            } else {
                return Ok(None);
            }
        }
    }

    /// The lines of a chunk that are asked for.
    fn chosen(&self, chunk: &[u8]) -> Vec<u8> {
        chunk.split_inclusive(|&byte| byte == b'\n').filter(|line| self.wants(line)).flatten().copied().collect()
    }

    fn wants(&self, line: &[u8]) -> bool {
        let Some(time) = line.get(..self.from.len()) else { return false };
        let host = line.split(|&byte| byte == b',').nth(HOST).and_then(|host| str::from_utf8(host).ok());
        (self.from.as_bytes()..=self.to.as_bytes()).contains(&time)
            && host.is_some_and(|host| is_in(&host.to_ascii_lowercase(), &self.domain))
    }
}

/// Whether a host is this domain or one in it.
fn is_in(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
