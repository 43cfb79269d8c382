//! Domain associations of a server that asks every domain whether it leads here.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use aws_sdk_amplify::types::{DomainAssociation, DomainStatus, UpdateStatus};
use chrono::TimeDelta;
use windlass_cli::server::{Config, HttpCheck};
use windlass_http::{Answered, DomainCheck, DomainVerification};

use crate::domains::{setting, shown};
use crate::support::{BRANCH, ShiftedClock, World, http};

/// A DNS in which the names lead here that were told to, and one more leads to somebody else.
#[derive(Debug, Default)]
struct Names {
    here: Mutex<BTreeSet<String>>,
    endpoint: OnceLock<String>,
}

const ELSEWHERE: &str = "elsewhere.example.com";

impl Names {
    fn lead_here(&self, host: &str) {
        self.here.lock().unwrap().insert(host.to_owned());
    }
}

impl DomainCheck for Names {
    fn ask<'a>(&'a self, url: &'a str) -> Answered<'a> {
        Box::pin(async move {
            let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
            if host == ELSEWHERE {
                return Ok("<h1>another site</h1>".to_owned());
            }
            if !self.here.lock().unwrap().contains(host) {
                return Err("no such name".to_owned());
            }
            let asked = http().get(format!("{}/{path}", self.endpoint.get().unwrap())).header("host", host);
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            Ok(answer.text().await.unwrap())
        })
    }
}

fn asking(names: &Arc<Names>) -> impl FnOnce(&mut Config) {
    let names = Arc::clone(names);
    move |config| {
        config.signed = false;
        config.domains = DomainVerification::Dns(names);
    }
}

async fn world() -> (World, Arc<Names>) {
    let names = Arc::new(Names::default());
    let world = World::with(asking(&names)).await;
    names.endpoint.set(world.server.endpoint().to_owned()).unwrap();
    (world, names)
}

impl World {
    /// An update that changes nothing, after which the domain is looked at again.
    async fn look_again(&self, domain: &str) {
        self.client.update_domain_association().app_id(&self.app).domain_name(domain).send().await.unwrap();
    }
}

fn verified(association: &DomainAssociation) -> Vec<bool> {
    shown(association).into_iter().map(|(_, _, verified)| verified).collect()
}

fn pending(association: &DomainAssociation) -> bool {
    association.domain_status == DomainStatus::PendingVerification && !association.status_reason.is_empty()
}

#[tokio::test]
async fn a_domain_is_available_once_all_its_names_lead_here() {
    let (world, names) = world().await;
    names.lead_here("example.com");
    let made = world.associate("example.com", &[("", BRANCH), ("www", BRANCH)]).send().await.unwrap();
    let made = made.domain_association.unwrap();
    assert_eq!(made.domain_status, DomainStatus::Creating);
    let record = made.certificate_verification_dns_record.unwrap();
    let (name, target) = record.split_once(" CNAME ").unwrap();
    assert!(name.starts_with('_') && name.ends_with(".example.com."), "{record}");
    assert!(target.starts_with('_') && target.ends_with(".verify.localhost."), "{record}");
    assert_eq!(made.certificate.unwrap().certificate_verification_dns_record, Some(record));

    let waits = world.domain_until("example.com", pending).await;
    assert_eq!(waits.status_reason, "www.example.com does not lead here: no such name");
    assert_eq!(verified(&waits), [true, false]);
    assert!(world.custom_domains(BRANCH).await.is_empty());
    // Looking changes nothing.
    for _ in 0..5 {
        assert_eq!(world.domain("example.com").await, waits);
    }
    names.lead_here("www.example.com");
    world.look_again("example.com").await;
    let available = world.available("example.com").await;
    assert_eq!((verified(&available), available.status_reason.as_str()), (vec![true, true], ""));
    assert_eq!(world.custom_domains(BRANCH).await, ["example.com", "www.example.com"]);
}

#[tokio::test]
async fn a_prefix_for_every_name_is_verified_by_one_that_nobody_has_by_chance() {
    let (world, names) = world().await;
    world.associate("example.com", &[("*", BRANCH)]).send().await.unwrap();
    let waits = world.domain_until("example.com", pending).await;
    let (asked, _) = waits.status_reason.split_once(" does not lead here: no such name").unwrap();
    assert_eq!(asked.strip_suffix(".example.com").unwrap().len(), 40);
    assert_eq!(waits.sub_domains[0].dns_record, format!("* CNAME main.{}.localhost", world.app));
    names.lead_here(asked);
    world.look_again("example.com").await;
    assert_eq!(verified(&world.available("example.com").await), [true]);
    assert_eq!(world.custom_domains(BRANCH).await, ["*.example.com"]);
}

#[tokio::test]
async fn what_another_server_answers_is_no_proof() {
    let (world, _) = world().await;
    world.associate("example.com", &[("elsewhere", BRANCH)]).send().await.unwrap();
    let waits = world.domain_until("example.com", pending).await;
    assert_eq!(waits.status_reason, format!("{ELSEWHERE} does not lead here: another server answers there"));
    assert_eq!(verified(&waits), [false]);
}

#[tokio::test]
async fn a_domain_that_is_available_stays_so_while_a_new_name_is_verified() {
    let (world, names) = world().await;
    names.lead_here("www.example.com");
    world.associate("example.com", &[("www", BRANCH)]).send().await.unwrap();
    world.available("example.com").await;
    let update = world.client.update_domain_association().app_id(&world.app).domain_name("example.com");
    let update = update.sub_domain_settings(setting("www", BRANCH)).sub_domain_settings(setting("new", BRANCH));
    let answered = update.send().await.unwrap().domain_association.unwrap();
    assert_eq!(verified(&answered), [true, false]);
    let waits = world.domain_until("example.com", |held| !held.status_reason.is_empty()).await;
    assert_eq!(waits.domain_status, DomainStatus::Available);
    assert_eq!(waits.update_status, Some(UpdateStatus::PendingVerification));
    assert_eq!(world.custom_domains(BRANCH).await, ["www.example.com"]);

    names.lead_here("new.example.com");
    world.look_again("example.com").await;
    let done = |held: &DomainAssociation| held.update_status == Some(UpdateStatus::UpdateComplete);
    assert_eq!(verified(&world.domain_until("example.com", done).await), [true, true]);
    assert_eq!(world.custom_domains(BRANCH).await, ["www.example.com", "new.example.com"]);
}

#[tokio::test]
async fn a_name_that_was_given_up_is_verified_anew() {
    let (world, names) = world().await;
    names.lead_here("www.example.com");
    world.associate("example.com", &[("www", BRANCH)]).send().await.unwrap();
    world.available("example.com").await;
    names.here.lock().unwrap().clear();
    let update = async |prefix| {
        let update = world.client.update_domain_association().app_id(&world.app).domain_name("example.com");
        let held = update.sub_domain_settings(setting(prefix, BRANCH)).send().await.unwrap();
        verified(&held.domain_association.unwrap())
    };
    assert_eq!(update("other").await, [false]);
    assert_eq!(update("www").await, [false]);
}

#[tokio::test]
async fn a_domain_that_leads_nowhere_for_three_days_has_failed() {
    let (first, names) = world().await;
    names.lead_here("www.b.com");
    first.associate("a.com", &[("www", BRANCH)]).send().await.unwrap();
    first.domain_until("a.com", pending).await;
    first.associate("b.com", &[("www", BRANCH)]).send().await.unwrap();
    first.available("b.com").await;
    let update = first.client.update_domain_association().app_id(&first.app).domain_name("b.com");
    update.sub_domain_settings(setting("new", BRANCH)).send().await.unwrap();
    first.domain_until("b.com", |held| !held.status_reason.is_empty()).await;

    // What was waited for is taken up at the next start, three days later.
    let World { server, data, app, .. } = first;
    server.shut_down().await;
    let clock = Arc::new(ShiftedClock::default());
    clock.advance(TimeDelta::hours(73));
    let later = clock.clone();
    let asked = asking(&names);
    let mut world = World::at(data, move |config| {
        asked(config);
        config.clock = later;
    })
    .await;
    world.app = app;
    let failed = world.domain_until("a.com", |held| held.domain_status == DomainStatus::Failed).await;
    assert_eq!(failed.status_reason, "www.a.com does not lead here: no such name");
    let update_failed = |held: &DomainAssociation| held.update_status == Some(UpdateStatus::UpdateFailed);
    let held = world.domain_until("b.com", update_failed).await;
    assert_eq!((&held.domain_status, verified(&held)), (&DomainStatus::Available, vec![false]));

    // It begins again when it is changed.
    world.look_again("a.com").await;
    let again = world.domain_until("a.com", pending).await;
    assert_eq!(again.status_reason, "www.a.com does not lead here: no such name");
}

#[tokio::test]
async fn the_proof_is_given_under_any_name() {
    let world = World::new().await;
    let ask = async |method: reqwest::Method, token: &str, host: &str| {
        let url = format!("{}/.well-known/windlass/{token}", world.server.endpoint());
        let answer = world.http.request(method, url).header("host", host).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (token, other) = ("t".repeat(40), "u".repeat(40));
    let (status, proof) = ask(reqwest::Method::GET, &token, "anything.example").await;
    assert_eq!((status, proof.len()), (200, 64));
    assert_eq!(ask(reqwest::Method::GET, &token, &world.site_host()).await, (200, proof.clone()));
    assert_ne!(ask(reqwest::Method::GET, &other, "anything.example").await.1, proof);
    assert_eq!(ask(reqwest::Method::POST, &token, "anything.example").await.0, 405);
    for strange in ["", "x", &format!("{token}t"), &format!("{}/", &token[1..]), &"%41".repeat(40)] {
        assert_eq!(ask(reqwest::Method::GET, strange, "anything.example").await.0, 404, "{strange}");
    }
    // No other server would give the same.
    let foreign = World::new().await;
    let url = format!("{}/.well-known/windlass/{token}", foreign.server.endpoint());
    assert_ne!(world.http.get(url).send().await.unwrap().text().await.unwrap(), proof);
}

#[tokio::test]
async fn a_proof_is_fetched_from_where_it_may_be() {
    let world = World::new().await;
    let url = format!("{}/.well-known/windlass/{}", world.server.endpoint(), "t".repeat(40));
    let here = HttpCheck::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
    assert_eq!(here.ask(&url).await.unwrap().len(), 64);
    let missing = here.ask(&format!("{}/.well-known/windlass/x", world.server.endpoint())).await;
    assert!(missing.unwrap_err().contains("404"));
    let refused = HttpCheck::new(Vec::new()).unwrap().ask(&url).await.unwrap_err();
    assert!(refused.contains("127.0.0.1 is loopback and may not be fetched from"), "{refused}");
}
