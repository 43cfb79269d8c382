//! Domain associations of a server to which every domain leads.

use std::time::Duration;

use aws_sdk_amplify::operation::create_domain_association::builders::CreateDomainAssociationFluentBuilder;
use aws_sdk_amplify::types::{
    CertificateSettings, CertificateType, DomainAssociation, DomainStatus, SubDomainSetting, UpdateStatus,
};

use tokio::time::{interval, timeout};

use crate::refusal;
use crate::support::{BRANCH, World, error};

/// A sub-domain and the branch that it leads to.
pub(crate) fn setting(prefix: &str, branch: &str) -> SubDomainSetting {
    SubDomainSetting::builder().prefix(prefix).branch_name(branch).build().unwrap()
}

impl World {
    /// CreateDomainAssociation of the world's app.
    pub(crate) fn associate(&self, domain: &str, settings: &[(&str, &str)]) -> CreateDomainAssociationFluentBuilder {
        let settings = settings.iter().map(|(prefix, branch)| setting(prefix, branch)).collect();
        let call = self.client.create_domain_association().app_id(&self.app).domain_name(domain);
        call.set_sub_domain_settings(Some(settings))
    }

    pub(crate) async fn domain(&self, domain: &str) -> DomainAssociation {
        let call = self.client.get_domain_association().app_id(&self.app).domain_name(domain);
        call.send().await.unwrap().domain_association.unwrap()
    }

    /// Waits until the association is as asked for.
    pub(crate) async fn domain_until(
        &self,
        domain: &str,
        is: impl Fn(&DomainAssociation) -> bool,
    ) -> DomainAssociation {
        let looking = async {
            let mut look = interval(Duration::from_millis(5));
            loop {
                look.tick().await;
                let association = self.domain(domain).await;
                if is(&association) {
                    return association;
                }
            }
        };
        match timeout(Duration::from_secs(60), looking).await {
            Ok(association) => association,
            Err(_) => panic!("{domain} stays as it is: {:?}", self.domain(domain).await),
        }
    }

    pub(crate) async fn available(&self, domain: &str) -> DomainAssociation {
        self.domain_until(domain, |held| held.domain_status == DomainStatus::Available).await
    }

    /// The names that GetBranch gives beside a branch's own.
    pub(crate) async fn custom_domains(&self, branch: &str) -> Vec<String> {
        let shown = self.client.get_branch().app_id(&self.app).branch_name(branch).send().await.unwrap();
        shown.branch.unwrap().custom_domains
    }

    async fn branch(&self, name: &str) {
        self.client.create_branch().app_id(&self.app).branch_name(name).send().await.unwrap();
    }
}

/// Each sub-domain with what is said of it.
pub(crate) fn shown(association: &DomainAssociation) -> Vec<(String, String, bool)> {
    let of = |setting: &Option<SubDomainSetting>| setting.clone().unwrap();
    let sub_domains = association.sub_domains.iter().map(|sub_domain| {
        let setting = of(&sub_domain.sub_domain_setting);
        (setting.prefix, setting.branch_name, sub_domain.verified)
    });
    sub_domains.collect()
}

fn said(prefix: &str, branch: &str, verified: bool) -> (String, String, bool) {
    (prefix.to_owned(), branch.to_owned(), verified)
}

#[tokio::test]
async fn a_domain_is_creating_when_it_is_made_and_available_right_after() {
    let world = World::new().await;
    world.branch("feature/x").await;
    let create = world.associate("Example.com", &[("", BRANCH), ("WWW", BRANCH), ("x", "feature/x")]);
    let made = create.enable_auto_sub_domain(true).auto_sub_domain_creation_patterns("feature/*").send();
    let made = made.await.unwrap().domain_association.unwrap();
    let arn = format!("arn:aws:amplify:us-east-1:000000000000:apps/{}/domains/example.com", world.app);
    assert_eq!((made.domain_association_arn.as_str(), made.domain_name.as_str()), (arn.as_str(), "example.com"));
    assert_eq!((&made.domain_status, made.update_status.clone()), (&DomainStatus::Creating, None));
    assert_eq!((made.status_reason.as_str(), made.enable_auto_sub_domain), ("", true));
    assert_eq!(made.auto_sub_domain_creation_patterns, Some(vec!["feature/*".to_owned()]));
    assert_eq!(made.certificate.as_ref().unwrap().r#type, CertificateType::AmplifyManaged);
    assert_eq!(made.certificate_verification_dns_record, None);
    let not_yet = [said("", BRANCH, false), said("www", BRANCH, false), said("x", "feature/x", false)];
    assert_eq!(shown(&made), not_yet);
    let records: Vec<_> = made.sub_domains.iter().map(|sub_domain| sub_domain.dns_record.clone()).collect();
    let own = format!("{}.localhost", world.app);
    let expected = [format!(" CNAME main.{own}"), format!("www CNAME main.{own}"), format!("x CNAME feature-x.{own}")];
    assert_eq!(records, expected);

    let available = world.available("example.com").await;
    assert_eq!(shown(&available), [said("", BRANCH, true), said("www", BRANCH, true), said("x", "feature/x", true)]);
    assert_eq!(world.custom_domains(BRANCH).await, ["example.com", "www.example.com"]);
    assert_eq!(world.custom_domains("feature/x").await, ["x.example.com"]);
    // However it is written, it is the same domain.
    for name in ["example.com", "EXAMPLE.COM", "example.com."] {
        assert_eq!(world.domain(name).await, available);
    }
}

#[tokio::test]
async fn a_domain_is_changed_where_something_is_given() {
    let world = World::new().await;
    world.branch("dev").await;
    world.associate("example.com", &[("www", BRANCH)]).enable_auto_sub_domain(true).send().await.unwrap();
    world.available("example.com").await;
    let update = || world.client.update_domain_association().app_id(&world.app).domain_name("example.com");
    let done = |held: &DomainAssociation| held.update_status == Some(UpdateStatus::UpdateComplete);

    let answered = update().sub_domain_settings(setting("dev", "dev")).send().await.unwrap();
    let answered = answered.domain_association.unwrap();
    assert_eq!(answered.domain_status, DomainStatus::Available);
    assert_eq!(answered.update_status, Some(UpdateStatus::PendingVerification));
    assert_eq!(shown(&answered), [said("dev", "dev", false)]);
    let changed = world.domain_until("example.com", done).await;
    assert_eq!((shown(&changed), changed.enable_auto_sub_domain), (vec![said("dev", "dev", true)], true));
    assert!(world.custom_domains(BRANCH).await.is_empty());
    assert_eq!(world.custom_domains("dev").await, ["dev.example.com"]);

    let settings = CertificateSettings::builder().r#type(CertificateType::Custom);
    let arn = "arn:aws:acm:us-east-1:000000000000:certificate/c";
    let settings = settings.custom_certificate_arn(arn).build().unwrap();
    update().enable_auto_sub_domain(false).certificate_settings(settings).send().await.unwrap();
    let changed = world.domain_until("example.com", done).await;
    let certificate = changed.certificate.clone().unwrap();
    assert_eq!(
        (certificate.r#type, certificate.custom_certificate_arn.as_deref()),
        (CertificateType::Custom, Some(arn))
    );
    assert_eq!((shown(&changed), changed.enable_auto_sub_domain), (vec![said("dev", "dev", true)], false));

    let delete = || world.client.delete_domain_association().app_id(&world.app).domain_name("example.com").send();
    assert_eq!(delete().await.unwrap().domain_association.unwrap(), changed);
    let gone = refusal("NotFoundException", "Domain example.com not found.");
    assert_eq!(error(delete().await.unwrap_err()), gone);
    assert_eq!(error(update().enable_auto_sub_domain(true).send().await.unwrap_err()), gone);
    assert!(world.custom_domains("dev").await.is_empty());
}

#[tokio::test]
async fn a_subdomain_leads_to_a_branch_that_is_there() {
    let world = World::new().await;
    let absent = refusal("BadRequestException", "A subdomain cannot point to a non-existent branch");
    let create = world.associate("example.com", &[("www", BRANCH), ("x", "absent")]).send().await;
    assert_eq!(error(create.unwrap_err()), absent);
    let none = world.client.list_domain_associations().app_id(&world.app).send().await.unwrap().domain_associations;
    assert!(none.is_empty());

    world.associate("example.com", &[("www", BRANCH)]).send().await.unwrap();
    let before = world.available("example.com").await;
    let update = world.client.update_domain_association().app_id(&world.app).domain_name("example.com");
    let update = update.sub_domain_settings(setting("www", "absent")).send().await;
    assert_eq!(error(update.unwrap_err()), absent);
    assert_eq!(world.domain("example.com").await, before);
}

#[tokio::test]
async fn a_domain_is_one_apps() {
    let world = World::new().await;
    world.associate("example.com", &[("www", BRANCH)]).send().await.unwrap();
    let other = world.client.create_app().name("other").send().await.unwrap().app.unwrap().app_id;
    world.client.create_branch().app_id(&other).branch_name(BRANCH).send().await.unwrap();
    let again = world.associate("EXAMPLE.com.", &[("", BRANCH)]);
    let bad =
        |whose| refusal("BadRequestException", format!("The domain example.com is already associated with {whose}."));
    assert_eq!(error(again.clone().send().await.unwrap_err()), bad("this app"));
    assert_eq!(error(again.clone().app_id(&other).send().await.unwrap_err()), bad("another app"));

    // Nor does the other app see it.
    let gone = refusal("NotFoundException", "Domain example.com not found.");
    let get = world.client.get_domain_association().app_id(&other).domain_name("example.com").send().await;
    assert_eq!(error(get.unwrap_err()), gone);
    let delete = world.client.delete_domain_association().app_id(&other).domain_name("example.com").send().await;
    assert_eq!(error(delete.unwrap_err()), gone);

    world.client.delete_app().app_id(&world.app).send().await.unwrap();
    again.app_id(&other).send().await.unwrap();
    let unknown = world.client.get_domain_association().app_id("d1").domain_name("example.com").send().await;
    assert_eq!(error(unknown.unwrap_err()), refusal("NotFoundException", "App d1 not found."));
    let unknown = world.associate("example.org", &[]).app_id("d1").send().await;
    assert_eq!(error(unknown.unwrap_err()), refusal("NotFoundException", "App d1 not found."));
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let world = World::new().await;
    for prefix in
        ["-", "a b", "a..b", ".a", "a.", "ü", "a_b", "**", "*.a", "http://a", &"l".repeat(64), &"a.".repeat(122)]
    {
        let refused = world.associate("example.com", &[("www", BRANCH), (prefix, BRANCH)]).send().await;
        let words = format!("The prefix {prefix:?} in subDomainSettings cannot stand before a domain.");
        assert_eq!(error(refused.unwrap_err()), refusal("BadRequestException", words));
    }
    let twice = world.associate("example.com", &[("www", BRANCH), ("WWW", BRANCH)]).send().await;
    let words = "The prefix \"www\" stands in subDomainSettings more than once.";
    assert_eq!(error(twice.unwrap_err()), refusal("BadRequestException", words));

    let custom = CertificateSettings::builder().r#type(CertificateType::Custom).build().unwrap();
    let custom = world.associate("example.com", &[("www", BRANCH)]).certificate_settings(custom).send().await;
    let words = "A certificate of the type CUSTOM needs a customCertificateArn.";
    assert_eq!(error(custom.unwrap_err()), refusal("BadRequestException", words));

    let own = format!("{}.localhost", world.app);
    for domain in [own.as_str(), "d1.localhost", "www.d1.localhost", &format!("Main.{own}")] {
        let refused = error(world.associate(domain, &[("", BRANCH)]).send().await.unwrap_err());
        let name = domain.to_ascii_lowercase();
        let words = format!("The domainName {name} is one of those that apps have by themselves, below localhost.");
        assert_eq!(refused, refusal("BadRequestException", words));
    }
    for domain in ["localhost", "-a.com", "a..com", "http://a.com", "a.com:80"] {
        let (kind, message) = error(world.associate(domain, &[("", BRANCH)]).send().await.unwrap_err());
        assert_eq!(kind, "BadRequestException", "{domain}");
        assert!(message.contains("Value at 'domainName' failed"), "{message}");
    }
    let none = world.client.list_domain_associations().app_id(&world.app).send().await.unwrap().domain_associations;
    assert!(none.is_empty());
    // A name that is no app's is anyone's.
    world.associate("shop.localhost", &[("", BRANCH), ("www", BRANCH)]).send().await.unwrap();
}

#[tokio::test]
async fn sub_domains_come_and_go_with_branches_where_that_is_asked_for() {
    let world = World::new().await;
    let all = world.associate("all.com", &[("www", BRANCH)]).enable_auto_sub_domain(true);
    all.send().await.unwrap();
    let some = world.associate("some.com", &[("www", BRANCH)]).enable_auto_sub_domain(true);
    some.auto_sub_domain_creation_patterns("feature/*").auto_sub_domain_creation_patterns("pr*").send().await.unwrap();
    let none = world.associate("none.com", &[("www", BRANCH)]).auto_sub_domain_creation_patterns("*");
    none.send().await.unwrap();
    for name in ["feature/x", "dev"] {
        world.branch(name).await;
    }
    let settings = async |domain| {
        let held = world.domain_until(domain, |held| shown(held).iter().all(|(_, _, verified)| *verified)).await;
        shown(&held).into_iter().map(|(prefix, branch, _)| format!("{prefix} {branch}")).collect::<Vec<_>>()
    };
    assert_eq!(settings("all.com").await, ["www main", "feature-x feature/x", "dev dev"]);
    assert_eq!(settings("some.com").await, ["www main", "feature-x feature/x"]);
    assert_eq!(settings("none.com").await, ["www main"]);
    assert_eq!(world.custom_domains("feature/x").await, ["feature-x.all.com", "feature-x.some.com"]);

    // What another name has, or who asked for nothing, stays as it was given.
    for domain in ["some.com", "none.com"] {
        let update = world.client.update_domain_association().app_id(&world.app).domain_name(domain);
        let update = update.sub_domain_settings(setting("feature-x", "feature/x"));
        update.sub_domain_settings(setting("x", "feature/x")).send().await.unwrap();
    }
    world.client.delete_branch().app_id(&world.app).branch_name("feature/x").send().await.unwrap();
    assert_eq!(settings("all.com").await, ["www main", "dev dev"]);
    assert_eq!(settings("some.com").await, ["x feature/x"]);
    assert_eq!(settings("none.com").await, ["feature-x feature/x", "x feature/x"]);

    // A prefix that is taken is not taken over.
    world.branch("www").await;
    assert_eq!(settings("all.com").await, ["www main", "dev dev"]);
    world.client.delete_branch().app_id(&world.app).branch_name("www").send().await.unwrap();
    assert_eq!(settings("all.com").await, ["www main", "dev dev"]);
}

#[tokio::test]
async fn domains_are_listed_by_app_in_pages() {
    let world = World::new().await;
    let names = ["c.com", "a.com", "b.com"];
    for name in names {
        world.associate(name, &[("www", BRANCH)]).send().await.unwrap();
        world.available(name).await;
    }
    let list = || world.client.list_domain_associations().app_id(&world.app);
    let first = list().max_results(2).send().await.unwrap();
    let second = list().max_results(2).set_next_token(first.next_token).send().await.unwrap();
    assert_eq!(second.next_token, None);
    let listed: Vec<_> = first.domain_associations.into_iter().chain(second.domain_associations).collect();
    assert_eq!(listed.iter().map(|held| held.domain_name.as_str()).collect::<Vec<_>>(), names);
    assert_eq!(listed[1], world.domain("a.com").await);
    let listed = world.client.list_branches().app_id(&world.app).send().await.unwrap().branches;
    assert_eq!(listed[0].custom_domains, ["www.c.com", "www.a.com", "www.b.com"]);
    let strange = list().next_token("zzz").send().await.unwrap_err();
    assert_eq!(error(strange), refusal("BadRequestException", "The nextToken is not one that this list gave."));
}
