//! Secrets in logs.

use core::fmt;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Shorter values are no secrets: to hide them would hide the log.
const MIN_BYTES: usize = 4;

/// Lines of a secret, and pieces of its Base64, that are shorter stand in too many other texts.
const MIN_PIECE: usize = 8;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// What `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Hides secrets in the lines of a log.
///
/// A secret is hidden as it is, each of its lines, and in the forms in which it is often passed on: Base64 (both
/// alphabets, also as part of a longer text, as in `user:secret`), percent-encoded, and escaped as in JSON and in a shell. Where several
/// secrets overlap, all of them are hidden. It prints nothing of what it knows.
#[derive(Clone)]
pub struct Masker {
    forms: Option<AhoCorasick>,
}

impl Masker {
    /// Secrets of less than four bytes, without white space at their ends, are not hidden.
    ///
    /// # Panics
    ///
    /// Never: what the secrets add up to is far from what the search can hold (2 GiB).
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            if secret.trim().len() >= MIN_BYTES {
                add_forms(&mut forms, &secret);
            }
        }
        let forms = (!forms.is_empty()).then(|| AhoCorasick::new(&forms).expect("secrets are short"));
        Self { forms }
    }

    /// The values that are secrets: those of variables whose names say so (with `SECRET`, `TOKEN`, `PASSWORD`, `PASSWD`,
    /// `PASSPHRASE`, `KEY`, `CREDENTIAL`, `PRIVATE`, `AUTH` or `WEBHOOK` in them, in whatever case), and passwords in
    /// URLs, whatever the variable's name. Values of less than four bytes and the words for yes and no are none.
    #[must_use]
    pub fn of_variables(variables: &BTreeMap<String, String>) -> Vec<String> {
        const SECRETIVE: &[&str] =
            &["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "KEY", "CREDENTIAL", "PRIVATE", "AUTH", "WEBHOOK"];
        let mut secrets = BTreeSet::new();
        for (name, value) in variables {
            let name = name.to_ascii_uppercase();
            if SECRETIVE.iter().any(|word| name.contains(word)) {
                secrets.insert(value.as_str());
            }
            secrets.extend(password(value));
        }
        secrets.into_iter().filter(|secret| is_secret(secret)).map(str::to_owned).collect()
    }

    /// The line without the secrets: `***` stands in their places.
    #[must_use]
    pub fn mask<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let Some(forms) = &self.forms else { return Cow::Borrowed(line) };
        let mut places: Vec<_> = forms.find_overlapping_iter(line).map(|found| found.range()).collect();
        if places.is_empty() {
            return Cow::Borrowed(line);
        }
        places.sort_by_key(|place| place.start);
        let (mut masked, mut done) = (String::with_capacity(line.len()), 0);
        for place in places {
            if place.start >= done {
                masked.push_str(&line[done..place.start]);
                masked.push_str(MASK);
            }
            done = done.max(place.end);
        }
        masked.push_str(&line[done..]);
        Cow::Owned(masked)
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").finish_non_exhaustive()
    }
}

fn is_secret(value: &str) -> bool {
    let value = value.trim();
    let is_word = ["true", "false", "none", "null", "undefined"].iter().any(|word| value.eq_ignore_ascii_case(word));
    value.len() >= MIN_BYTES && !is_word
}

/// The password in a URL, as in `postgres://user:password@host/name`.
fn password(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, password) = authority.rsplit_once('@')?.0.split_once(':')?;
    Some(password)
}

/// Every form in which a secret is hidden.
fn add_forms(forms: &mut BTreeSet<String>, secret: &str) {
    // With the white space at its ends, which is often lost, and without: only the encoded forms tell the two apart.
    for text in [secret, secret.trim()] {
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            forms.insert(engine.encode(text));
        }
        forms.extend(pieces_of_base64(text));
        for set in [NON_ALPHANUMERIC, COMPONENT, UNRESERVED] {
            let encoded = percent_encode(text.as_bytes(), set).to_string();
            forms.insert(encoded.replace("%20", "+"));
            forms.insert(lower_escapes(&encoded));
            forms.insert(encoded);
        }
        // As a shell shows what it runs.
        forms.insert(text.replace('\'', r"'\''"));
        let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
        forms.insert(escaped.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"));
    }
    forms.insert(secret.trim().to_owned());
    // A log has lines, and so may a secret: a private key, for example.
    forms.extend(secret.lines().map(str::trim).filter(|line| line.len() >= MIN_PIECE).map(str::to_owned));
}

/// What of a secret's Base64 does not depend on the text around it, for each of the three places where it may begin.
fn pieces_of_base64(secret: &str) -> impl Iterator<Item = String> {
    let pieces = (0..3_usize).flat_map(move |before| {
        let text = [&b"\0\0"[..before], secret.as_bytes()].concat();
        // A character is the secret's alone if all of its six bits are.
        let first = (before * 8).div_ceil(6);
        let last = text.len() * 8 / 6;
        [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(move |engine| engine.encode(&text).get(first..last).map(str::to_owned))
    });
    pieces.flatten().filter(|piece| piece.len() >= MIN_PIECE).collect::<Vec<_>>().into_iter()
}

/// The same text with its escapes in lower case.
fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.push_str(&escape.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}
