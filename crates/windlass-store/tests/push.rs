//! Pushes, and what goes wrong while they are told of.

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use serde_json::json;
use windlass::{Command, Commit, JobId, JobStatus, Limits, NewJob, Source, SourceUrlType};
use windlass_store::{
    Address, App, Attributes, Executed, Extras, JobKey, MemoryStore, NewBranch, Once, Plan, Push, PushError, Pushed,
    Store, StoredBranch, create, execute, pushed,
};
use windlass_testkit::{Look, Meanwhile};

#[tokio::test]
async fn a_stop_whose_answer_was_lost_has_lost_no_job_and_is_not_done_to_another() {
    let store = Meanwhile::new(Look::Branch);
    let (app, main) = superseding(&store).await;
    let first = started(push(&store, &app, &main, "a", at(0)).await);
    claim(&store, first.key()).await;
    store.lose_answer(JobStatus::Cancelling);
    let lost = push(&store, &app, &main, "b", at(1)).await;
    assert!(matches!(lost, Err(PushError::Execute(_))) && store.has_lost_answer(), "{lost:?}");

    let again = started(push(&store, &app, &main, "b", at(1)).await);
    assert_eq!(again.job.id(), JobId::new(2));
    let jobs = store.jobs(main.uid, None, 9).await.unwrap().items;
    let statuses: Vec<_> = jobs.iter().map(windlass::Job::status).collect();
    assert_eq!(statuses, [JobStatus::Pending, JobStatus::Cancelling]);

    // By now the second works. Whoever tells of the first push again does not stop it.
    execute(&store, Address::Key(first.key()), &[Command::Expire], at(60), Extras::default()).await.unwrap();
    claim(&store, again.key()).await;
    for name in ["a", "b"] {
        push(&store, &app, &main, name, at(1)).await.unwrap();
    }
    assert_eq!(store.job(again.key()).await.unwrap().unwrap().status(), JobStatus::Provisioning);
}

#[tokio::test]
async fn what_builds_nothing_is_not_superseded() {
    let store = MemoryStore::new([7; 32]);
    let (app, main) = superseding(&store).await;
    let source = Source::Url { url: "https://example.com/a.zip".into(), url_type: SourceUrlType::Zip };
    let deployment = create(&store, &main.app, &main.name, &Plan::New(NewJob::manual(source)), at(0)).await;
    let deployment = deployment.unwrap().unwrap().key();
    claim(&store, deployment).await;
    assert_eq!(started(push(&store, &app, &main, "a", at(1)).await).job.id(), JobId::new(2));
    assert_eq!(store.job(deployment).await.unwrap().unwrap().status(), JobStatus::Running);
}

#[tokio::test]
async fn a_message_is_kept_as_far_as_the_api_shows_it() {
    let store = MemoryStore::new([7; 32]);
    let (app, main) = superseding(&store).await;
    let commit = Commit { message: "é".repeat(10_001).into(), ..commit() };
    let push = Push { commit, paths: None, once: None };
    let made = started(pushed(&store, &app, &main, push, Limits::default(), at(0)).await);
    assert_eq!(&*made.job.commit().unwrap().message, "é".repeat(10_000));
}

fn at(seconds: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("nine o'clock") + TimeDelta::seconds(seconds)
}

fn commit() -> Commit {
    Commit { id: "0123456789abcdef".into(), message: "".into(), time: at(0) }
}

async fn push(
    store: &dyn Store,
    app: &App,
    main: &StoredBranch,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Pushed, PushError> {
    let once = Once { name: name.to_owned(), request: String::new(), at: now };
    let push = Push { commit: commit(), paths: None, once: Some(once) };
    pushed(store, app, main, push, Limits::default(), now).await
}

#[track_caller]
fn started(came: Result<Pushed, PushError>) -> Executed {
    match came {
        Ok(Pushed::Started(started)) => *started,
        other => panic!("nothing was started: {other:?}"),
    }
}

async fn claim(store: &dyn Store, key: JobKey) {
    let claimed = execute(store, Address::Key(key), &[Command::Claim], at(0), Extras::default()).await;
    claimed.expect("it is there").answer.expect("it waits");
}

/// An app, and a branch of it on which pushes supersede builds.
async fn superseding(store: &dyn Store) -> (App, StoredBranch) {
    let variables = json!({ "environmentVariables": { "WINDLASS_SUPERSEDE": "true" } });
    let attributes: Attributes = serde_json::from_value(variables).expect("an object");
    let id: windlass::AppId = "d1".parse().expect("an app id");
    let app = App { id: id.clone(), attributes: Attributes::new(), created: at(0), updated: at(0), version: 1 };
    store.create_app(&app).await.expect("the store is empty");
    let new = NewBranch { app: id, name: "main".parse().expect("a branch name"), attributes, created: at(0) };
    (app, store.create_branch(&new).await.expect("the app has no such branch"))
}
