//! What happens between two steps of a driver, at the worst moment: right after it has looked.

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use windlass::{Command, Commit, JobId, JobStatus, JobType, NewJob, Source};
use windlass_store::{
    Address, App, Attributes, Executed, Extras, JobKey, NewBranch, Plan, Store, StoredBranch, create, delete_job,
    execute,
};

use windlass_testkit::{Look, Meanwhile};

#[tokio::test]
async fn a_push_that_a_runner_overtakes_waits_behind_it() {
    let store = Meanwhile::new(Look::Branch);
    let (main, waits) = waiting(&store, push("abc")).await;
    store.then(move |s| async move { obeyed(&*s, waits, Command::Claim, nine()).await });
    let made = make(&store, &main, push("def"), nine()).await;
    assert_eq!((made.job.id(), made.job.status()), (JobId::new(2), JobStatus::Pending));
    assert_eq!(made.job.commit().map(|commit| &*commit.id), Some("def"));
}

#[tokio::test]
async fn a_push_whose_place_was_deleted_makes_another_job() {
    let store = Meanwhile::new(Look::Branch);
    let (main, waits) = waiting(&store, push("abc")).await;
    store.then(move |s| async move {
        obeyed(&*s, waits, Command::Stop { by: None }, nine()).await;
        delete_job(&*s, Address::Key(waits), nine()).await.unwrap().unwrap();
    });
    let made = make(&store, &main, push("def"), nine()).await;
    assert_eq!((made.job.id(), made.job.status()), (JobId::new(2), JobStatus::Pending));
}

#[tokio::test]
async fn an_overdue_job_that_another_ends_makes_room() {
    let late = nine() + TimeDelta::hours(8);
    for deleted in [false, true] {
        for look in [Look::Branch, Look::Job] {
            let store = Meanwhile::new(look);
            let (main, overdue) = waiting(&store, zip()).await;
            store.then(move |s| async move {
                obeyed(&*s, overdue, Command::Expire, late).await;
                if deleted {
                    delete_job(&*s, Address::Key(overdue), late).await.unwrap().unwrap();
                }
            });
            assert_eq!(make(&store, &main, zip(), late).await.job.id(), JobId::new(2));
        }
    }
}

#[tokio::test]
async fn two_commands_at_once_are_both_stored() {
    for look in [Look::Job, Look::NamedJob] {
        let store = Meanwhile::new(look);
        let (main, key) = waiting(&store, zip()).await;
        let upload = |object| Command::Upload { slot: 0, object };
        store.then(move |s| async move { obeyed(&*s, key, upload(1), nine()).await });
        let address = match look {
            Look::NamedJob => Address::Name(&main.app, &main.name, key.job),
            Look::Branch | Look::Job => Address::Key(key),
        };
        execute(&store, address, &[upload(2)], nine(), Extras::default()).await.unwrap().answer.unwrap();
        assert_eq!(store.history(key).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_branch_made_again_is_not_mistaken_for_the_old_one() {
    let store = Meanwhile::new(Look::Branch);
    let (main, _) = waiting(&store, push("abc")).await;
    let (uid, again) = (main.uid, main.clone());
    store.then(move |s| async move {
        s.delete_branch(uid).await.unwrap();
        let new = NewBranch { app: again.app, name: again.name, attributes: Attributes::new(), created: nine() };
        s.create_branch(&new).await.unwrap();
    });
    let made = make(&store, &main, push("def"), nine()).await;
    assert_ne!(made.branch.uid, uid);
    assert_eq!(made.job.id(), JobId::FIRST);
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("nine o'clock")
}

fn zip() -> Plan {
    Plan::New(NewJob::manual(Source::Zip))
}

fn push(commit: &str) -> Plan {
    let commit = Commit { id: commit.into(), message: "".into(), time: nine() };
    Plan::Push { job: NewJob { job_type: JobType::WebHook, ..NewJob::manual(Source::Repository) }, commit }
}

/// A new branch and its first job.
async fn waiting(store: &dyn Store, plan: Plan) -> (StoredBranch, JobKey) {
    let app = App {
        id: "d1".parse().expect("an app id"),
        attributes: Attributes::new(),
        created: nine(),
        updated: nine(),
        version: 1,
    };
    store.create_app(&app).await.expect("the store is empty");
    let name = "main".parse().expect("a branch name");
    let new = NewBranch { app: app.id, name, attributes: Attributes::new(), created: nine() };
    let main = store.create_branch(&new).await.expect("the app is new");
    let made = make(store, &main, plan, nine()).await;
    (main, made.key())
}

async fn make(store: &dyn Store, on: &StoredBranch, plan: Plan, now: DateTime<Utc>) -> Executed {
    let made = create(store, &on.app, &on.name, &plan, now).await.expect("the store works").expect("there is room");
    assert_eq!(made.answer, Ok(()));
    made
}

async fn obeyed(store: &dyn Store, key: JobKey, command: Command, now: DateTime<Utc>) {
    let done = execute(store, Address::Key(key), &[command], now, Extras::default()).await.expect("the store works");
    assert_eq!(done.answer, Ok(()));
}
