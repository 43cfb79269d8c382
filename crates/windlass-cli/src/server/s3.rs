//! Where S3 is and with what keys it is read, from the variables that AWS's own clients take it from.

use anyhow::{Context as _, bail};
use windlass_runner::s3::{Access, Keys};

/// What `variable` says of S3. `region` is taken where it names none.
///
/// - `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`: the keys. Without them requests are not signed.
/// - `AWS_REGION`, `AWS_DEFAULT_REGION`: the region.
/// - `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`: where S3 is, if not on AWS.
///
/// A variable that is empty counts as unset. Profiles and the credentials of machines are not looked for.
///
/// # Errors
///
/// Where one of the two keys is missing, or a region or an endpoint is none.
pub fn access(variable: impl Fn(&str) -> Option<String>, region: &str) -> anyhow::Result<Access> {
    let said = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let keys = match (said(&["AWS_ACCESS_KEY_ID"]), said(&["AWS_SECRET_ACCESS_KEY"])) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Some(Keys { access_key_id, secret_access_key, session_token: said(&["AWS_SESSION_TOKEN"]) })
        }
        (None, None) => None,
        (Some(_), None) => bail!("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"),
        (None, Some(_)) => bail!("AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not"),
    };
    let region = said(&["AWS_REGION", "AWS_DEFAULT_REGION"]).unwrap_or_else(|| region.to_owned());
    let endpoint = said(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    Access::new(&region, endpoint.as_deref(), keys)
        .context("the environment (AWS_REGION, AWS_ENDPOINT_URL_S3 and their like) does not lead to S3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_for_s3_comes_before_the_one_for_all() {
        let environment = [
            ("AWS_ACCESS_KEY_ID", "ID"),
            ("AWS_SECRET_ACCESS_KEY", "SECRET"),
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_REGION", ""),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"),
        ];
        let keys = Keys { access_key_id: "ID".into(), secret_access_key: "SECRET".into(), session_token: None };
        let expected = Access::new("eu-central-1", Some("http://127.0.0.1:2"), Some(keys)).unwrap();
        assert_eq!(access(from(&environment), "us-east-1").unwrap(), expected);
        assert_eq!(access(from(&[]), "us-east-1").unwrap(), Access::new("us-east-1", None, None).unwrap());
    }

    #[test]
    fn half_a_pair_of_keys_and_what_leads_nowhere_are_named() {
        for (environment, expected) in [
            (&[("AWS_ACCESS_KEY_ID", "ID")], "AWS_SECRET_ACCESS_KEY is not"),
            (&[("AWS_SECRET_ACCESS_KEY", "SECRET")], "AWS_ACCESS_KEY_ID is not"),
            (&[("AWS_ENDPOINT_URL_S3", "nowhere")], "\"nowhere\" is not an endpoint"),
            (&[("AWS_REGION", "a b")], "\"a b\" is not a region"),
        ] {
            let error = format!("{:#}", access(from(environment), "us-east-1").unwrap_err());
            assert!(error.contains(expected) && !error.contains("SECRET\""), "{error}");
        }
    }

    fn from(environment: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }
}
