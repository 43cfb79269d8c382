//! ARNs of what belongs to an app beside its branches and jobs.

use windlass::{Account, Arn, Resource};

#[test]
fn an_arn_names_what_belongs_to_an_app() {
    let cases = [
        ("apps/d1", Resource::App(app())),
        ("apps/d1/branches/domains/x", Resource::Branch(app(), "domains/x".parse().expect("a name"))),
        ("apps/d1/webhooks/0000-a", Resource::Webhook(app(), "0000-a".to_owned())),
        ("apps/d1/domains/example.com", Resource::Domain(app(), "example.com".to_owned())),
        ("apps/d1/backendenvironments/a/b:c", Resource::BackendEnvironment(app(), "a/b:c".to_owned())),
        ("apps/d1/backendenvironments/branches/x", Resource::BackendEnvironment(app(), "branches/x".to_owned())),
    ];
    for (path, resource) in cases {
        let text = format!("arn:aws:amplify:eu-west-1:111122223333:{path}");
        let arn = account().arn(resource);
        assert_eq!(arn.to_string(), text);
        assert_eq!(text.parse(), Ok(arn));
    }
}

#[test]
fn what_belongs_to_an_app_has_a_known_kind_and_a_name() {
    for path in [
        "",
        "apps",
        "apps/",
        "apps//webhooks/x",
        "apps/d1/",
        "apps/d1/webhooks",
        "apps/d1/webhooks/",
        "apps/d1/domains/",
        "apps/d1/backendenvironments/",
        "apps/d1/branches/",
        "apps/d1/jobs/1",
        "webhooks/x",
    ] {
        let text = format!("arn:aws:amplify:eu-west-1:111122223333:{path}");
        assert!(text.parse::<Arn>().is_err(), "{path}");
    }
}

fn app() -> windlass::AppId {
    "d1".parse().expect("an id")
}

fn account() -> Account {
    Account { region: "eu-west-1".to_owned(), id: "111122223333".to_owned() }
}
