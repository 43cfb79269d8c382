//! Requests that come more than once, because nobody heard the answer.

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use windlass::{Command, JobId, JobStatus, NewJob, Rejection, Source, SourceUrlType};
use windlass_store::{
    Address, App, Attributes, ExecuteError, Executed, Extras, MemoryStore, NewBranch, Once, Plan, RepeatError, Store,
    StoredBranch, create, create_with, delete_job, execute, forget_requests,
};
use windlass_testkit::{Look, Meanwhile};

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_answered_when_it_is_repeated() {
    let store = Meanwhile::new(Look::Branch);
    let main = branch(&store).await;
    store.lose_answer(JobStatus::Pending);
    let lost = start(&store, &main, "a", at(0)).await;
    assert!(matches!(lost, Err(ExecuteError::Store(_))) && store.has_lost_answer(), "{lost:?}");

    let again = start(&store, &main, "a", at(1)).await.unwrap().unwrap();
    assert_eq!((again.job.id(), again.job.status()), (JobId::FIRST, JobStatus::Pending));
    assert_eq!(store.jobs(main.uid, None, 9).await.unwrap().items.len(), 1);
    // Without the name it would have been another request, for which there is no room.
    let busy = create(&store, &main.app, &main.name, &url(), at(1)).await.unwrap();
    assert_eq!(busy.unwrap_err(), Rejection::BranchBusy { job: JobId::FIRST });
}

#[tokio::test]
async fn the_first_answer_is_given_again_though_the_job_went_on() {
    let store = MemoryStore::new([7; 32]);
    let main = branch(&store).await;
    let first = start(&store, &main, "a", at(0)).await.unwrap().unwrap();
    let commands = [Command::Claim, Command::Stop { by: None }];
    execute(&store, Address::Key(first.key()), &commands, at(1), Extras::default()).await.unwrap().answer.unwrap();
    let again = start(&store, &main, "a", at(2)).await.unwrap().unwrap();
    assert_eq!(again.job, first.job);
    assert_ne!(store.job(first.key()).await.unwrap().unwrap(), first.job);
}

#[tokio::test]
async fn a_deployment_is_started_once() {
    let store = MemoryStore::new([7; 32]);
    let main = branch(&store).await;
    let made = create(&store, &main.app, &main.name, &Plan::New(NewJob::manual(Source::Zip)), at(0)).await;
    let key = made.unwrap().unwrap().key();
    let upload = [Command::Upload { slot: 0, object: 1 }];
    execute(&store, Address::Key(key), &upload, at(1), Extras::default()).await.unwrap().answer.unwrap();
    let go = async |name: &str| {
        let address = Address::Name(&main.app, &main.name, key.job);
        execute(&store, address, &[Command::Start], at(2), extras(name, "go", at(2))).await.unwrap()
    };
    let first = go("a").await;
    assert_eq!((&first.answer, first.job.status()), (&Ok(()), JobStatus::Pending));
    let again = go("a").await;
    assert_eq!((again.answer, again.job), (Ok(()), first.job));
    assert!(go("b").await.answer.is_err());
    assert_eq!(store.history(key).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_request_that_was_refused_is_decided_anew() {
    let store = MemoryStore::new([7; 32]);
    let main = branch(&store).await;
    let first = start(&store, &main, "a", at(0)).await.unwrap().unwrap();
    assert!(start(&store, &main, "b", at(1)).await.unwrap().is_err());
    execute(&store, Address::Key(first.key()), &[Command::Stop { by: None }], at(2), Extras::default()).await.unwrap();
    assert_eq!(start(&store, &main, "b", at(3)).await.unwrap().unwrap().job.id(), JobId::new(2));
}

#[tokio::test]
async fn one_name_is_for_one_request() {
    let store = MemoryStore::new([7; 32]);
    let main = branch(&store).await;
    start(&store, &main, "a", at(0)).await.unwrap().unwrap();
    let other = create_with(&store, &main.app, &main.name, &url(), at(1), &extras("a", "other", at(1))).await;
    assert!(matches!(other, Err(ExecuteError::Repeat(RepeatError::OtherRequest))), "{other:?}");
    assert_eq!(store.jobs(main.uid, None, 9).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn what_was_deleted_since_is_told_and_not_made_again() {
    let store = MemoryStore::new([7; 32]);
    let main = branch(&store).await;
    let first = start(&store, &main, "a", at(0)).await.unwrap().unwrap();
    execute(&store, Address::Key(first.key()), &[Command::Stop { by: None }], at(1), Extras::default()).await.unwrap();
    delete_job(&store, Address::Key(first.key()), at(2)).await.unwrap().unwrap();
    let gone = |answer| matches!(answer, Err(ExecuteError::Repeat(RepeatError::Deleted { job: JobId::FIRST })));
    assert!(gone(start(&store, &main, "a", at(3)).await));

    let next = start(&store, &main, "b", at(4)).await.unwrap().unwrap();
    assert_eq!(next.job.id(), JobId::new(2));
    store.delete_branch(main.uid).await.unwrap();
    let again = new_branch(&store).await;
    // Its first job is not the one that the request made on the branch that was.
    assert!(matches!(start(&store, &again, "b", at(5)).await, Err(ExecuteError::Repeat(RepeatError::Deleted { .. }))));
    assert_eq!(start(&store, &again, "c", at(6)).await.unwrap().unwrap().job.id(), JobId::FIRST);
}

/// Whenever it began, a day is remembered to its last second, across midnight, leap days and the end of the year.
#[tokio::test]
async fn a_request_is_remembered_for_a_day_and_then_forgotten() {
    for hour in 0..100 {
        let store = MemoryStore::new([7; 32]);
        let main = branch(&store).await;
        let began = Utc.with_ymd_and_hms(2028, 2, 26, 0, 30, 0).unwrap() + TimeDelta::hours(hour);
        let first = start(&store, &main, "a", began).await.unwrap().unwrap();
        let mut now = began;
        while now < began + TimeDelta::hours(24) {
            forget_requests(&store, now).await.unwrap();
            // A process whose clock is somewhat behind, or ahead.
            for clock in [now - TimeDelta::minutes(59), now, now + TimeDelta::minutes(29)] {
                if clock >= began + TimeDelta::hours(24) {
                    continue;
                }
                let again = start(&store, &main, "a", clock).await.unwrap();
                assert_eq!(again.unwrap().key(), first.key(), "from {began}, at {clock}");
            }
            now += TimeDelta::minutes(30);
        }
        now = began + TimeDelta::hours(24);
        // By then the queue limit has ended the first job.
        let next = start(&store, &main, "a", now).await.unwrap().unwrap();
        assert_eq!(next.job.id(), JobId::new(2), "from {began}, at {now}");
        while !store.blob_keys("once/").await.unwrap().is_empty() {
            assert!(now < began + TimeDelta::hours(24 + 72), "from {began}, it is still kept at {now}");
            now += TimeDelta::hours(1);
            forget_requests(&store, now).await.unwrap();
        }
    }
}

/// What nobody cleared away while no server ran does no harm.
#[tokio::test]
async fn a_request_of_an_earlier_week_is_not_taken_for_todays() {
    for days in 1..20 {
        let store = MemoryStore::new([7; 32]);
        let main = branch(&store).await;
        let first = start(&store, &main, "a", at(0)).await.unwrap().unwrap();
        let stop = [Command::Stop { by: None }];
        execute(&store, Address::Key(first.key()), &stop, at(1), Extras::default()).await.unwrap();
        let later = at(0) + TimeDelta::days(days);
        for _ in 0..2 {
            assert_eq!(start(&store, &main, "a", later).await.unwrap().unwrap().job.id(), JobId::new(2), "{days} days");
        }
    }
}

fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("nine o'clock") + TimeDelta::minutes(minutes)
}

fn extras(name: &str, request: &str, at: DateTime<Utc>) -> Extras {
    Extras { once: Some(Once { name: name.to_owned(), request: request.to_owned(), at }), ..Extras::default() }
}

fn url() -> Plan {
    let url = "https://example.com/site.zip".into();
    Plan::New(NewJob::manual(Source::Url { url, url_type: SourceUrlType::Zip }))
}

async fn start(
    store: &dyn Store,
    on: &StoredBranch,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Result<Executed, Rejection>, ExecuteError> {
    create_with(store, &on.app, &on.name, &url(), now, &extras(name, "start", now)).await
}

async fn branch(store: &dyn Store) -> StoredBranch {
    let (id, created) = ("d1".parse().expect("an app id"), at(0));
    let app = App { id, attributes: Attributes::new(), created, updated: created, version: 1 };
    store.create_app(&app).await.expect("the store is empty");
    new_branch(store).await
}

async fn new_branch(store: &dyn Store) -> StoredBranch {
    let (app, name) = ("d1".parse().expect("an app id"), "main".parse().expect("a branch name"));
    let new = NewBranch { app, name, attributes: Attributes::new(), created: at(0) };
    store.create_branch(&new).await.expect("the app has no such branch")
}
