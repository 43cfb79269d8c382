//! Starts that are done once, however often they are sent: what a request says of that.
//!
//! A client that got no answer cannot know whether there was a job before the connection broke, and sends its request
//! again. AWS's SDKs do so by themselves, and tell by `amz-sdk-invocation-id` that it is the same call.

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::HeaderName;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use windlass_store::Once;

use crate::error::ApiError;
use crate::operations::Operation;

/// By what a client tells its requests apart: ours, as the IETF's draft of that name has it.
///
/// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// By what AWS's SDKs do: a UUID that they make for each call, the same each time that they send it.
const INVOCATION_ID: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");

/// How long a key may be, in bytes.
const KEY_MAX: usize = 255;

/// The request as one to be done once, if it starts something and says by what it can be told from others.
///
/// # Errors
///
/// Where its `Idempotency-Key` is none.
pub(crate) fn of(
    operation: Operation,
    input: &Map<String, Value>,
    headers: &HeaderMap,
    caller: Option<&str>,
    at: DateTime<Utc>,
) -> Result<Option<Once>, ApiError> {
    if !matches!(operation, Operation::CreateDeployment | Operation::StartDeployment | Operation::StartJob) {
        return Ok(None);
    }
    let key = match idempotency_key(headers)? {
        Some(key) => ("key", key.to_owned()),
        None => match invocation_id(headers) {
            Some(id) => ("invocation", id.to_string()),
            None => return Ok(None),
        },
    };
    // None of the three has a line break in it.
    let name = digest(&[key.0, caller.unwrap_or_default(), &key.1]);
    let request = digest(&[operation.definition().name, &Value::Object(input.clone()).to_string()]);
    Ok(Some(Once { name, request, at }))
}

/// A key in quotes, as the draft has it, or without, as most clients send it.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(bad_key("there is more than one"));
    }
    let value = value.to_str().map_err(|_| bad_key("it has other characters than visible ASCII"))?;
    let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    if unquoted.is_empty() {
        return Err(bad_key("it is empty"));
    }
    if unquoted.len() > KEY_MAX {
        return Err(bad_key(&format!("it is longer than {KEY_MAX} characters")));
    }
    if !unquoted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        return Err(bad_key("a quote, a backslash, or something that cannot be seen is in it"));
    }
    Ok(Some(unquoted))
}

fn bad_key(why: &str) -> ApiError {
    ApiError::bad_request(format!("The Idempotency-Key cannot be used: {why}."))
}

/// Whatever is no UUID was not made by an SDK for this call alone, and promises nothing.
fn invocation_id(headers: &HeaderMap) -> Option<Uuid> {
    headers.get(INVOCATION_ID)?.to_str().ok()?.parse().ok()
}

pub(crate) fn digest(lines: &[&str]) -> String {
    digest_of(lines.join("\n").as_bytes())
}

/// The digest of a request that is not made of members.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_quoted_and_is_the_same_key_then() {
        let key = |value: &str| start(&[(IDEMPOTENCY_KEY, value)]).unwrap().unwrap().name;
        assert_eq!(key("abc"), key("\"abc\""));
        assert_ne!(key("abc"), key("abd"));
    }

    #[test]
    fn a_key_of_the_clients_own_comes_before_the_sdks() {
        let id = (INVOCATION_ID, "7c9fa136-2ae1-4b8c-9b3f-5d8f0f0c7a11");
        let of = |headers: &[(HeaderName, &str)]| start(headers).unwrap().map(|once| once.name);
        assert_eq!(of(&[(IDEMPOTENCY_KEY, "abc"), id.clone()]), of(&[(IDEMPOTENCY_KEY, "abc")]));
        // One cannot be said to be the other.
        assert_ne!(of(std::slice::from_ref(&id)), of(&[(IDEMPOTENCY_KEY, id.1)]));
        assert!(of(&[id]).is_some());
    }

    #[test]
    fn what_is_no_uuid_promises_nothing() {
        for id in ["1", "", "attempt=1", "7c9fa136-2ae1-4b8c-9b3f"] {
            assert_eq!(start(&[(INVOCATION_ID, id)]), Ok(None), "{id}");
        }
    }

    #[test]
    fn every_caller_has_keys_of_its_own() {
        let headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, "abc".parse().unwrap())]);
        let name = |caller| {
            let once = of(Operation::StartJob, &Map::new(), &headers, Some(caller), DateTime::UNIX_EPOCH);
            once.unwrap().unwrap().name
        };
        assert_ne!(name("AKIAONE"), name("AKIAOTHER"));
    }

    fn start(headers: &[(HeaderName, &str)]) -> Result<Option<Once>, ApiError> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        of(Operation::StartJob, &Map::new(), &headers, None, DateTime::UNIX_EPOCH)
    }
}
