//! Sites that are shown by several processes while they change.

use aws_sdk_amplify::types::JobStatus;
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

use crate::fleet::{Door, Fleet};
use crate::support::{BRANCH, ended, http, page, status};
use crate::{large_site, make_app, until};

async fn deploy(door: &Door, app: &str, zip: Vec<u8>) -> String {
    let made = door.client.create_deployment().app_id(app).branch_name(BRANCH).send().await.unwrap();
    http().put(made.zip_upload_url).body(zip).send().await.unwrap();
    let job = made.job_id.unwrap();
    door.client.start_deployment().app_id(app).branch_name(BRANCH).job_id(&job).send().await.unwrap();
    assert_eq!(status(&until(door, app, BRANCH, &job, ended).await), JobStatus::Succeed);
    job
}

/// What a client that goes from one process to the other sees is what every one of them shows: at once, and never anything
/// older than before.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_never_older_by_one_process_than_it_was_by_another() {
    let Some(fleet) = Fleet::start().await else { return };
    let (a, b) = (fleet.serve("a", &[]).await, fleet.serve("b", &[]).await);
    let app = make_app(&a.door(), BRANCH).await;
    let host = format!("{BRANCH}.{app}.localhost");
    deploy(&a.door(), &app, page("site 0")).await;

    let looking = tokio::spawn({
        let (doors, host) = ([a.door().endpoint, b.door().endpoint], host.clone());
        async move {
            let (client, mut last, mut changes) = (http(), 0_u64, 0_u32);
            for door in doors.iter().cycle() {
                let answer = client.get(door).header("host", &host).send().await.unwrap();
                let text = answer.text().await.unwrap();
                let number: u64 = text.strip_prefix("site ").unwrap().parse().unwrap();
                assert!(number >= last, "site {number} after site {last}");
                changes += u32::from(number > last);
                last = number;
                if number == 24 {
                    break;
                }
            }
            changes
        }
    });
    for number in 1..=24 {
        let text = format!("site {number}");
        let zip = if number % 4 == 0 { large_site(&text, (1 << 20) + 1000) } else { page(&text) };
        let (here, there) = if number % 2 == 0 { (a.door(), b.door()) } else { (b.door(), a.door()) };
        deploy(&here, &app, zip).await;
        // Whoever was told that it is live sees it, by whichever process.
        for door in [&here, &there] {
            let shown = http().get(&door.endpoint).header("host", &host).send().await.unwrap().text().await.unwrap();
            assert_eq!(shown, text);
        }
    }
    assert!(looking.await.unwrap() > 5, "the visitor saw hardly anything of it");
}

/// A browser keeps what it has seen and asks whether it is current.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_has_kept_is_current_by_all_processes_or_by_none() {
    let Some(fleet) = Fleet::start().await else { return };
    let (a, b) = (fleet.serve("a", &[]).await, fleet.serve("b", &[]).await);
    let app = make_app(&a.door(), BRANCH).await;
    let host = format!("{BRANCH}.{app}.localhost");
    let ask = async |door: &Door, condition: Option<(http::HeaderName, http::HeaderValue)>| {
        let mut request = http().get(&door.endpoint).header("host", &host);
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    };
    deploy(&a.door(), &app, page("old")).await;
    let old = ask(&a.door(), None).await;
    let (tag, date) = (old.headers()[ETAG].clone(), old.headers()[LAST_MODIFIED].clone());
    assert_eq!(ask(&b.door(), Some((IF_NONE_MATCH, tag.clone()))).await.status(), 304);
    // A date tells two apart that are not of one second.
    loop {
        deploy(&b.door(), &app, page("new")).await;
        if ask(&a.door(), None).await.headers()[LAST_MODIFIED] != date {
            break;
        }
    }
    for door in [a.door(), b.door()] {
        for (name, value) in [(IF_NONE_MATCH, tag.clone()), (IF_MODIFIED_SINCE, date.clone())] {
            let answer = ask(&door, Some((name, value))).await;
            assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "new".to_owned()));
        }
    }
}
