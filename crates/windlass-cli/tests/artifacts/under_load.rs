//! Visitors while one deployment after the other goes live.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_amplify::types::JobStatus;

use crate::large_site;
use crate::support::{World, http, status, zip};

/// How many deployments there are. Each makes one job, so the number of a job is that of its deployment.
const DEPLOYMENTS: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn visitors_see_whole_sites_while_two_hundred_deployments_go_live() {
    // Old ones are let go of meanwhile, too.
    let world = World::with(|config| {
        config.upkeep.keep = NonZeroU64::new(2);
        config.upkeep.every = Duration::from_millis(50);
    })
    .await;
    assert_eq!(status(&world.deploy(site(1)).await), JobStatus::Succeed);
    let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let visitors: Vec<_> = ["/", "/about", "/version.txt", "/same.txt"]
        .into_iter()
        .map(|path| {
            let url = format!("{}{path}", world.server.endpoint());
            tokio::spawn(visit(url, world.site_host(), path, Arc::clone(&over), Arc::clone(&seen)))
        })
        .collect();
    for number in 2..=DEPLOYMENTS {
        assert_eq!(status(&world.deploy(site(number)).await), JobStatus::Succeed, "deployment {number}");
    }
    over.store(true, Ordering::SeqCst);
    let mut sites = 0;
    for visitor in visitors {
        sites += visitor.await.unwrap();
    }
    // They did look while it happened, and saw much of it.
    assert!(seen.load(Ordering::SeqCst) >= DEPLOYMENTS && sites >= DEPLOYMENTS, "{seen:?} visits to {sites} sites");
    assert_eq!(world.visit("/version.txt").await, (200, text("/version.txt", DEPLOYMENTS)));
}

/// Looks at a path until it is over; answers how many sites were seen.
async fn visit(url: String, host: String, path: &'static str, over: Arc<AtomicBool>, seen: Arc<AtomicU64>) -> u64 {
    let (client, mut last, mut sites) = (http(), 0, 0);
    while !over.load(Ordering::SeqCst) {
        let answer = client.get(&url).header("host", &host).send().await.unwrap();
        let (code, headers) = (answer.status(), answer.headers().clone());
        let body = answer.text().await.unwrap();
        assert_eq!(code, 200, "{path}: {body}");
        let job: u64 = headers["x-windlass-job"].to_str().unwrap().parse().unwrap();
        assert!(body == text(path, job), "{path} of job {job} is {}", &body[..body.len().min(100)]);
        assert!(job >= last, "{path}: job {job} after job {last}");
        sites += u64::from(job > last);
        last = job;
        seen.fetch_add(1, Ordering::SeqCst);
    }
    sites
}

/// What deployment `number` shows at a path: its number again and again, or what all of its kind show.
fn text(path: &str, number: u64) -> String {
    match path {
        "/same.txt" => "the same in all".to_owned(),
        path => format!("{path} of {number}\n").repeat(500),
    }
}

/// Every other one is too large to lie in the database.
fn site(number: u64) -> Vec<u8> {
    let pages = [
        ("index.html", "/"),
        ("about/index.html", "/about"),
        ("version.txt", "/version.txt"),
        ("same.txt", "/same.txt"),
    ];
    let pages: Vec<_> = pages.iter().map(|(name, path)| (*name, text(path, number))).collect();
    if number.is_multiple_of(2) {
        return zip(&pages.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>());
    }
    let mut packer = windlass_artifact::Packer::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in &pages {
        packer.add(name, text.as_bytes()).unwrap();
    }
    packer.add("large.zip", &large_site("", 1 << 20)[..]).unwrap();
    packer.finish().unwrap().into_inner()
}
