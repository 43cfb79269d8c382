//! GenerateAccessLogs: what may be asked for, and for how long.

use std::time::Duration;

use aws_sdk_amplify::primitives::DateTime;
use chrono::{TimeDelta, Utc};
use windlass_store::Clock as _;

use crate::refusal;
use crate::support::{BRANCH, World, error, page};

impl World {
    fn own_domain(&self) -> String {
        format!("{}.localhost", self.app)
    }

    fn ago(&self, by: TimeDelta) -> DateTime {
        let time: chrono::DateTime<Utc> = self.clock.now() - by;
        DateTime::from_millis(time.timestamp_millis())
    }

    async fn log_url(&self, domain: &str) -> String {
        let call = self.client.generate_access_logs().app_id(&self.app).domain_name(domain);
        call.send().await.unwrap().log_url.unwrap()
    }
}

#[tokio::test]
async fn a_log_is_a_table_that_can_be_fetched_for_an_hour() {
    let world = World::unsigned().await;
    let url = world.log_url(&world.own_domain()).await;
    let answer = world.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let attachment = format!("attachment; filename=\"access-{}.csv\"", world.own_domain());
    assert_eq!(answer.headers()["content-disposition"], attachment.as_str());
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("date,time,x-edge-location,sc-bytes,c-ip,cs-method,cs(Host),cs-uri-stem,sc-status,"));

    let other = url.replace(&world.own_domain(), "d1.localhost");
    assert_eq!(world.http.get(other).send().await.unwrap().status(), 403);
    world.clock.advance(TimeDelta::minutes(61));
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_log_is_of_a_domain_that_leads_to_the_app() {
    let world = World::unsigned().await;
    let associate = r#"{"domainName":"Example.com","subDomainSettings":[{"prefix":"www","branchName":"main"}]}"#;
    world.ask("POST", &format!("/apps/{}/domains", world.app), associate).await.ok("CreateDomainAssociation");
    let own = world.own_domain();
    for domain in [own.as_str(), &format!("main.{own}"), "example.com", "EXAMPLE.com.", "www.example.com"] {
        world.log_url(domain).await;
    }
    for domain in ["example.org", "notexample.com", "d1.localhost", &format!("x{own}")] {
        let call = world.client.generate_access_logs().app_id(&world.app).domain_name(domain);
        let told = refusal("NotFoundException", format!("Domain {domain} not found."));
        assert_eq!(error(call.send().await.unwrap_err()), told);
    }
    let unknown = world.client.generate_access_logs().app_id("d1").domain_name("example.com").send().await;
    assert_eq!(error(unknown.unwrap_err()), refusal("NotFoundException", "App d1 not found."));
    let malformed = world.client.generate_access_logs().app_id(&world.app).domain_name("localhost").send().await;
    assert!(error(malformed.unwrap_err()).1.contains("Value at 'domainName' failed"));
}

#[tokio::test]
async fn a_log_covers_two_weeks_at_most() {
    let world = World::unsigned().await;
    let domain = world.own_domain();
    let call = || world.client.generate_access_logs().app_id(&world.app).domain_name(&domain);
    let days = |days| world.ago(TimeDelta::days(days));
    call().start_time(days(14)).end_time(days(0)).send().await.unwrap();
    call().start_time(days(400)).send().await.unwrap();
    call().end_time(days(400)).send().await.unwrap();
    let long = call().start_time(days(15)).end_time(days(0)).send().await.unwrap_err();
    let words = "From the startTime to the endTime are more than 14 days.";
    assert_eq!(error(long), refusal("BadRequestException", words));
    let turned = call().start_time(days(1)).end_time(days(2)).send().await.unwrap_err();
    assert_eq!(error(turned), refusal("BadRequestException", "The endTime is before the startTime."));

    // The ends of time are no harder than others.
    let target = format!("/apps/{}/accesslogs", world.app);
    for time in ["-8334601228800", "8210266876799", "-8334601228800.5", "8210266876799.9", "0"] {
        for member in ["startTime", "endTime"] {
            let body = format!(r#"{{"domainName":"{domain}","{member}":{time}}}"#);
            let answer = world.ask("POST", &target, &body).await;
            assert!(matches!(answer.status, 200 | 400), "{body}: {answer:?}");
            if let Some(url) = answer.json()["logUrl"].as_str() {
                let fetched = world.http.get(url).send().await.unwrap();
                assert_eq!((fetched.status().as_u16(), fetched.text().await.unwrap().lines().count()), (200, 1));
            }
        }
    }
}

#[tokio::test]
async fn what_visitors_asked_is_in_the_log_of_the_domain_that_they_came_to() {
    let first = World::with(|config| {
        config.signed = false;
        config.drain = Duration::from_secs(60);
    })
    .await;
    first.deploy(page("one")).await;
    first.associate("example.com", &[("www", BRANCH)]).send().await.unwrap();
    first.available("example.com").await;
    for (host, path) in [(first.site_host().as_str(), "/?a=b"), ("WWW.example.com:80", "/absent")] {
        let visit = first.http.get(format!("{}{path}", first.server.endpoint())).header("host", host);
        visit.header("user-agent", "A, B").send().await.unwrap();
    }
    // A server that stops writes down what it knows.
    let World { server, data, app, .. } = first;
    server.shut_down().await;
    let mut world = World::at(data, |config| config.signed = false).await;
    world.app = app;
    let log = async |domain: &str| {
        let text = world.http.get(world.log_url(domain).await).send().await.unwrap().text().await.unwrap();
        let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines.remove(0).split(',').count(), 13);
        lines
    };
    let lines = log(&world.own_domain()).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let host = format!("main.{}", world.own_domain());
    assert!(lines[0].contains(&format!(",GET,{host},/,200,-,\"A, B\",a=b,")), "{lines:?}");
    assert_eq!(lines[0].replace("\"A, B\"", "").split(',').count(), 13, "{lines:?}");
    let lines = log("example.com").await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(",GET,www.example.com,/absent,404,-,\"A, B\",-,"), "{lines:?}");
}
