//! Secrets in logs.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use std::borrow::Cow;
use windlass_buildspec::Masker;

#[test]
fn secrets_are_hidden_in_every_form() {
    let masker = masker(&["pass word/+&\"\\é", "-----BEGIN KEY-----\nabcdefghijkl\n-----END KEY-----\n"]);
    for (line, expected) in [
        ("nothing here", "nothing here"),
        ("a pass word/+&\"\\é b", "a *** b"),
        ("a pass%20word%2F%2B%26%22%5C%C3%A9 b", "a *** b"),
        ("a pass%20word%2f%2b%26%22%5c%c3%a9 b", "a *** b"),
        ("a pass+word%2F%2B%26%22%5C%C3%A9 b", "a *** b"),
        (r#"{"a":"pass word/+&\"\\é"}"#, r#"{"a":"***"}"#),
        ("key abcdefghijkl", "key ***"),
        ("-----BEGIN KEY-----", "***"),
    ] {
        assert_eq!(masker.mask(line), expected);
    }
    assert!(matches!(masker.mask("nothing here"), Cow::Borrowed(_)));
    assert_eq!(format!("{masker:?}"), "Masker { .. }");
}

#[test]
fn a_secret_in_the_base64_of_a_longer_text_is_hidden() {
    let masker = masker(&["correct-horse"]);
    for text in [
        "correct-horse",
        "u:correct-horse",
        "us:correct-horse",
        "use:correct-horseé",
        "us:correct-horseé",
        "u:correct-horseé",
    ] {
        for encoded in [STANDARD.encode(text), URL_SAFE_NO_PAD.encode(text)] {
            let masked = masker.mask(&encoded).into_owned();
            assert!(masked.contains("***"), "{text}: {masked}");
            // Nothing longer than what the neighbours share with the secret's ends remains.
            assert!(masked.len() < 18, "{text}: {masked}");
        }
    }
}

#[test]
fn secrets_that_overlap_are_all_hidden() {
    let masker = masker(&["abcdef", "defghi", "abcdefgh", "cdef"]);
    assert_eq!(masker.mask("1abcdefghi2"), "1***2");
    assert_eq!(masker.mask("abcdef abcdefgh"), "*** ***");
}

#[test]
fn what_is_too_short_hides_nothing() {
    assert_eq!(masker(&["abc", "", "  a  "]).mask("abc a  a  "), "abc a  a  ");
}

#[test]
fn names_and_urls_tell_secrets() {
    let variables = [
        ("API_KEY", "key-1"),
        ("db_password", "word-2"),
        ("NPM_TOKEN", "abc"),
        ("USE_TOKEN", "true"),
        ("SECRET_WAIT", "False"),
        ("DATABASE_URL", "postgres://user:pa55word@host/name"),
        ("HOMEPAGE", "https://example.com/a:b@c"),
        ("NODE_ENV", "production"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(Masker::of_variables(&variables), ["key-1", "pa55word", "word-2"]);
}

proptest! {
    #[test]
    fn no_secret_gets_through(
        secrets in prop::collection::vec("[a-c%/+é\"'][a-c%/+é \"][a-e]{2,6}[0-9b]", 1..6),
        texts in prop::collection::vec("[a-e0 ]{0,6}", 7),
        order in prop::collection::vec(any::<prop::sample::Index>(), 6),
    ) {
        let mut line = texts[0].clone();
        for (index, text) in order.iter().zip(&texts[1..]) {
            line += &secrets[index.index(secrets.len())];
            line += text;
        }
        let masked = Masker::new(secrets.iter().cloned()).mask(&line).into_owned();
        for secret in &secrets {
            prop_assert!(!masked.contains(secret.as_str()), "{secret:?} in {masked:?} of {line:?}");
        }
    }

    #[test]
    fn any_text_can_be_a_secret(secret in "\\PC{0,40}", line in "\\PC{0,40}") {
        let masker = Masker::new([secret.clone()]);
        let masked = masker.mask(&format!("{line}{secret}{line}")).into_owned();
        prop_assert!(secret.trim().len() < 4 || !masked.contains(&secret) || "***".contains(secret.trim()));
    }
}

fn masker(secrets: &[&str]) -> Masker {
    Masker::new(secrets.iter().map(|secret| (*secret).to_owned()))
}
