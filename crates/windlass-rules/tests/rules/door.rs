//! Who gets in.

use serde_json::{Value, json};
use windlass_rules::SiteRules;

use crate::attributes;

#[test]
fn an_open_site_is_for_everybody() {
    for (app, branch) in [
        (json!({}), json!({})),
        (json!({"basicAuthCredentials": ME}), json!({"basicAuthCredentials": ME})),
        (json!({"enableBasicAuth": true, "basicAuthCredentials": ME}), json!({"enableBasicAuth": false})),
    ] {
        let rules = read(&app, &branch);
        assert!(rules.admits(None) && rules.admits(Some(b"Basic x")) && !rules.is_private(), "{app} {branch}");
    }
}

#[test]
fn a_locked_site_is_for_whoever_has_its_password() {
    let app = json!({"enableBasicAuth": true, "basicAuthCredentials": ME});
    for (app, branch) in [
        (app.clone(), json!({})),
        (app, json!({"enableBasicAuth": true})),
        (json!({"basicAuthCredentials": ME}), json!({"enableBasicAuth": true})),
        (json!({"basicAuthCredentials": YOU}), json!({"enableBasicAuth": true, "basicAuthCredentials": ME})),
        (json!({"enableBasicAuth": true, "basicAuthCredentials": YOU}), json!({"basicAuthCredentials": ME})),
    ] {
        let rules = read(&app, &branch);
        assert!(rules.is_private());
        for admitted in [format!("Basic {ME}"), format!("basic  {ME}"), format!("BASIC {ME} ")] {
            assert!(rules.admits(Some(admitted.as_bytes())), "{app} {branch} {admitted}");
        }
        for refused in ["", "Basic", "Basic ", "Basic !", &format!("Basic {YOU}"), &format!("Bearer {ME}"), ME] {
            assert!(!rules.admits(Some(refused.as_bytes())), "{app} {branch} {refused}");
        }
        assert!(!rules.admits(None));
    }
}

#[test]
fn a_password_that_is_none_lets_nobody_in() {
    for app in [
        json!({"enableBasicAuth": true}),
        json!({"enableBasicAuth": true, "basicAuthCredentials": ""}),
        json!({"enableBasicAuth": true, "basicAuthCredentials": "me:secret"}),
    ] {
        let (rules, errors) = SiteRules::read(&attributes(app.clone()), &attributes(json!({})));
        assert_eq!(errors.len(), 1, "{app}");
        for given in [None, Some(&b"Basic "[..]), Some(b"Basic Og=="), Some(b"Basic bWU6c2VjcmV0")] {
            assert!(!rules.admits(given), "{app} {given:?}");
        }
    }
}

#[test]
fn a_password_is_never_shown() {
    let rules = read(&json!({"enableBasicAuth": true, "basicAuthCredentials": ME}), &json!({}));
    let shown = format!("{rules:?}");
    assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
}

fn read(app: &Value, branch: &Value) -> SiteRules {
    let (rules, errors) = SiteRules::read(&attributes(app.clone()), &attributes(branch.clone()));
    assert_eq!(errors, [], "{app} {branch}");
    rules
}

/// me:secret
const ME: &str = "bWU6c2VjcmV0";

/// you:secret
const YOU: &str = "eW91OnNlY3JldA==";
