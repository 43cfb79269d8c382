use aws_sdk_amplify::types::JobType;

use crate::repository::{Repository, connected, ended_on, log, release};
use crate::support::{BRANCH, reason};

#[tokio::test]
async fn a_commit_that_was_asked_for_is_built_and_a_retry_builds_the_same() {
    let repository = Repository::of(&[("index.html", "one")]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.commit("Second", &[("index.html", "two")]);
    let world = connected(&repository).await;
    let newest = world.ended(&release(&world).await).await;
    assert_eq!(world.visit("/").await.1, "two", "{}", log(&world, &newest, "BUILD").await);

    let call = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Release);
    let old = call.commit_id(&first).send().await.unwrap().job_summary.unwrap().job_id;
    let old = world.ended(&old).await.summary.unwrap();
    assert_eq!((old.commit_id.as_str(), old.commit_message.as_str()), (&*first, "First light"));
    assert_eq!(world.visit("/").await.1, "one");

    repository.commit("Third", &[("index.html", "three")]);
    let newest = newest.summary.unwrap();
    let call = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Retry);
    let again = call.job_id(&newest.job_id).send().await.unwrap().job_summary.unwrap();
    let again = world.ended(&again.job_id).await.summary.unwrap();
    assert_eq!(again.commit_id, newest.commit_id);
    assert_eq!(world.visit("/").await.1, "two");
}

#[tokio::test]
async fn a_branch_or_a_commit_that_is_not_there_fails_by_name() {
    let repository = Repository::of(&[("index.html", "one")]);
    let world = connected(&repository).await;
    world.client.create_branch().app_id(&world.app).branch_name("gone").send().await.unwrap();
    let call = world.client.start_job().app_id(&world.app).branch_name("gone").job_type(JobType::Release);
    let job = call.send().await.unwrap().job_summary.unwrap().job_id;
    let said = reason(&ended_on(&world, "gone", &job).await);
    assert!(said.contains("gone"), "{said}");

    let missing = "0123456789abcdef0123456789abcdef01234567";
    let call = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Release);
    let job = call.commit_id(missing).send().await.unwrap().job_summary.unwrap().job_id;
    let said = reason(&world.ended(&job).await);
    assert!(said.contains(missing), "{said}");
}
