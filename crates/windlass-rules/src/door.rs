//! The password in front of a site.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use crate::DoorFault;

/// Who gets in.
#[derive(Clone, Default)]
pub(crate) enum Door {
    /// Everybody.
    #[default]
    Open,
    /// Who has this, `user:password`.
    Locked(Box<[u8]>),
    /// Nobody: a password is asked for, and there is none.
    Shut,
}

impl Door {
    /// The door of a branch of an app.
    pub(crate) fn of(app: &Map<String, Value>, branch: &Map<String, Value>) -> (Self, Option<DoorFault>) {
        let member = |name| [branch, app].into_iter().find_map(|of| of.get(name).filter(|value| !value.is_null()));
        if member("enableBasicAuth") != Some(&Value::Bool(true)) {
            return (Self::Open, None);
        }
        let texts = [branch, app].into_iter().filter_map(credentials);
        match texts.map(decode).next() {
            Some(Ok(credentials)) => (Self::Locked(credentials.into()), None),
            Some(Err(fault)) => (Self::Shut, Some(fault)),
            None => (Self::Shut, Some(DoorFault::Missing)),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether a request with this `Authorization` gets in.
    pub(crate) fn admits(&self, authorization: Option<&[u8]>) -> bool {
        match self {
            Self::Open => true,
            Self::Shut => false,
            Self::Locked(credentials) => {
                let given = authorization.and_then(given).unwrap_or_default();
                bool::from(given.ct_eq(credentials))
            }
        }
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Locked(_) => "Locked",
            Self::Shut => "Shut",
        })
    }
}

/// Whether the credentials among attributes, if there are any, can be asked for.
pub(crate) fn check(attributes: &Map<String, Value>) -> Result<(), DoorFault> {
    credentials(attributes).map_or(Ok(()), |text| decode(text).map(drop))
}

fn credentials(attributes: &Map<String, Value>) -> Option<&str> {
    attributes.get("basicAuthCredentials").and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn decode(text: &str) -> Result<Vec<u8>, DoorFault> {
    let credentials = BASE64.decode(text.trim()).map_err(|_| DoorFault::Credentials)?;
    let colon = credentials.iter().position(|byte| *byte == b':').ok_or(DoorFault::Credentials)?;
    if colon == 0 || colon + 1 == credentials.len() { Err(DoorFault::Credentials) } else { Ok(credentials) }
}

/// What a browser sent, `user:password`.
fn given(authorization: &[u8]) -> Option<Vec<u8>> {
    let space = authorization.iter().position(|byte| *byte == b' ')?;
    let (scheme, given) = authorization.split_at(space);
    scheme.eq_ignore_ascii_case(b"basic").then(|| BASE64.decode(given.trim_ascii()).ok()).flatten()
}

/// Some leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
