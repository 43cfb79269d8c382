use std::time::Duration;

use aws_sdk_amplify::types::{Job, JobType};
use tokio::time::interval;
use windlass_cli::server::Config;

use crate::pushes::set;
use crate::repository::{
    Repository, building, connected_with, ended_on, gated, jobs, release, sees, status, under_way,
};
use crate::support::{BRANCH, World};

/// A branch whose tips show that rounds have passed: it is looked at after `main`, which is older.
const WITNESS: &str = "witness";

fn polling(config: &mut Config) {
    building(config);
    config.poll_repositories = Some(Duration::from_millis(20));
}

/// The job of a branch that builds this commit, once it has ended.
async fn built(world: &World, branch: &str, commit: &str) -> Job {
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        if let Some(job) = jobs(world, branch).await.into_iter().find(|job| job.commit_id == commit) {
            return ended_on(world, branch, &job.job_id).await;
        }
    }
}

/// Returns when a whole round has passed: what is pushed to the witness first may be found by one that has begun before,
/// what is pushed after that was found is found by another.
async fn a_round(world: &World, repository: &Repository) {
    for at in ["once", "twice"] {
        repository.git(&["checkout", "--quiet", "-B", WITNESS]);
        let tip = repository.commit(at, &[]);
        repository.git(&["checkout", "--quiet", BRANCH]);
        built(world, WITNESS, &tip).await;
    }
}

async fn witnessed(world: &World) {
    world.client.create_branch().app_id(&world.app).branch_name(WITNESS).send().await.unwrap();
}

#[tokio::test]
async fn what_is_pushed_is_built_once_and_goes_live_without_anybody_asking() {
    let repository = Repository::of(&[("index.html", "one")]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    let world = connected_with(&repository, polling).await;
    let job = built(&world, BRANCH, &first).await;
    assert_eq!((status(&job), job.summary.as_ref().unwrap().job_type.as_str()), ("SUCCEED", "WEB_HOOK"));
    assert_eq!(job.summary.unwrap().commit_message, "First light");
    assert_eq!(world.visit("/").await.1, "one");

    let second = repository.commit("Second", &[("index.html", "two")]);
    assert_eq!(status(&built(&world, BRANCH, &second).await), "SUCCEED");
    assert_eq!(world.visit("/").await.1, "two");

    witnessed(&world).await;
    a_round(&world, &repository).await;
    let commits: Vec<_> = jobs(&world, BRANCH).await.into_iter().map(|job| job.commit_id).collect();
    assert_eq!(commits, [second, first]);
}

#[tokio::test]
async fn an_older_commit_that_was_asked_for_stays_until_something_is_pushed() {
    let repository = Repository::of(&[("index.html", "one")]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    let second = repository.commit("Second", &[("index.html", "two")]);
    let world = connected_with(&repository, polling).await;
    built(&world, BRANCH, &second).await;
    let call = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Release);
    let asked = call.commit_id(&first).send().await.unwrap().job_summary.unwrap().job_id;
    world.ended(&asked).await;

    witnessed(&world).await;
    a_round(&world, &repository).await;
    assert_eq!((jobs(&world, BRANCH).await.len(), &*world.visit("/").await.1), (2, "one"));

    let third = repository.commit("Third", &[("index.html", "three")]);
    built(&world, BRANCH, &third).await;
    assert_eq!(world.visit("/").await.1, "three");
}

#[tokio::test]
async fn a_branch_that_is_not_built_by_itself_is_left_alone() {
    let repository = Repository::of(&[("index.html", "one")]);
    let world = connected_with(&repository, polling).await;
    built(&world, BRANCH, &repository.git(&["rev-parse", "HEAD"])).await;
    let call = world.client.update_branch().app_id(&world.app).branch_name(BRANCH);
    call.enable_auto_build(false).send().await.unwrap();
    witnessed(&world).await;
    // What a round has read of the branch before is gone with that round.
    a_round(&world, &repository).await;

    repository.commit("Second", &[("index.html", "two")]);
    a_round(&world, &repository).await;
    assert_eq!(jobs(&world, BRANCH).await.len(), 1);

    world.ended(&release(&world).await).await;
    assert_eq!(world.visit("/").await.1, "two");
}

#[tokio::test]
async fn a_tip_that_says_so_is_not_built() {
    let repository = Repository::of(&[("index.html", "one")]);
    let world = connected_with(&repository, polling).await;
    let first = repository.git(&["rev-parse", "HEAD"]);
    built(&world, BRANCH, &first).await;
    witnessed(&world).await;
    a_round(&world, &repository).await;

    repository.commit("A typo [skip-cd]", &[("index.html", "two")]);
    a_round(&world, &repository).await;
    a_round(&world, &repository).await;
    assert_eq!((jobs(&world, BRANCH).await.len(), &*world.visit("/").await.1), (1, "one"));

    let third = repository.commit("Third", &[("index.html", "three")]);
    assert_eq!(status(&built(&world, BRANCH, &third).await), "SUCCEED");
    let commits: Vec<_> = jobs(&world, BRANCH).await.into_iter().map(|job| job.commit_id).collect();
    assert_eq!(commits, [third, first]);
    assert_eq!(world.visit("/").await.1, "three");
}

#[tokio::test]
async fn a_tip_that_says_so_stops_no_build_that_a_newer_one_would() {
    let gate = tempfile::tempdir().unwrap();
    std::fs::write(gate.path().join(WITNESS), "").unwrap();
    let repository = Repository::of(&[("amplify.yml", &gated(gate.path())), ("page.html", "one")]);
    let world = connected_with(&repository, |config| {
        polling(config);
        sees(config, gate.path());
    })
    .await;
    set(&world, &[("WINDLASS_SUPERSEDE", "true")]).await;
    witnessed(&world).await;
    a_round(&world, &repository).await;
    under_way(&world, "1").await;
    repository.commit("A typo [skip-cd]", &[("page.html", "two")]);
    a_round(&world, &repository).await;
    std::fs::write(gate.path().join(BRANCH), "").unwrap();
    assert_eq!(status(&world.ended("1").await), "SUCCEED");
    assert_eq!((jobs(&world, BRANCH).await.len(), &*world.visit("/").await.1), (1, "one"));
}

#[tokio::test]
async fn a_build_that_failed_is_not_begun_again_and_holds_nothing_up() {
    let repository = Repository::of(&[("amplify.yml", "version: 1\nfrontend: 7\n"), ("index.html", "one")]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    let world = connected_with(&repository, polling).await;
    assert_eq!(status(&built(&world, BRANCH, &first).await), "FAILED");
    witnessed(&world).await;
    a_round(&world, &repository).await;
    assert_eq!(jobs(&world, BRANCH).await.len(), 1);

    repository.git(&["rm", "--quiet", "amplify.yml"]);
    let second = repository.commit("Mend it", &[]);
    assert_eq!(status(&built(&world, BRANCH, &second).await), "SUCCEED");
    assert_eq!(world.visit("/").await.1, "one");
}

#[tokio::test]
async fn a_repository_that_is_gone_holds_no_other_up_and_is_asked_again() {
    let gone = Repository::of(&[("index.html", "back")]);
    let tip = gone.git(&["rev-parse", "HEAD"]);
    let git = gone.path().join(".git");
    let mut world = connected_with(&gone, |config| {
        std::fs::rename(&git, gone.path().join("away")).unwrap();
        polling(config);
    })
    .await;
    let there = Repository::of(&[("index.html", "there")]);
    let call = world.client.create_app().name("there").repository(there.path().to_str().unwrap());
    let other = call.send().await.unwrap().app.unwrap().app_id;
    let call = world.client.create_branch().app_id(&other).branch_name(BRANCH);
    call.send().await.unwrap();
    let of_gone = std::mem::replace(&mut world.app, other);
    built(&world, BRANCH, &there.git(&["rev-parse", "HEAD"])).await;

    world.app = of_gone;
    assert_eq!(jobs(&world, BRANCH).await, []);
    std::fs::rename(gone.path().join("away"), git).unwrap();
    built(&world, BRANCH, &tip).await;
    assert_eq!(world.visit("/").await.1, "back");
}
