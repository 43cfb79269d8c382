//! Look-ups cost what they return: no plan reads a whole table.

use std::collections::BTreeSet;

use windlass_store::{Claims, Counted, Extras, JobKey, Kind, Lease, RunnerId, Store as _};
use windlass_testkit::Postgres;

use crate::{branch, claim, make, noon, open, stop};

/// Every plan is written to the server's log, also those within functions.
const TELLING: &str = "-c fsync=off -c shared_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 \
    -c auto_explain.log_nested_statements=on";

/// Copies what there is, so that bodies are real ones: ended jobs by the ten thousand, some in each other stage.
const FILL: &str = "
    INSERT INTO apps (id, version, created, body)
        SELECT 'dx' || n, version, created, body FROM apps, generate_series(1, 20000) n WHERE id = 'd1';
    INSERT INTO branches (app, name, label, version, body, branch_version, branch)
        SELECT 'dx' || n, name, label, version, body, branch_version, branch
        FROM branches, generate_series(1, 20000) n WHERE uid = 1;
    INSERT INTO jobs SELECT branch, number + n, app, seq, birth, progress, content + n, due, waits, passable, runner, lease
        FROM jobs, generate_series(10, 40000) n WHERE branch = 1 AND number = 1;
    INSERT INTO jobs SELECT 1000 + n, 1, app, seq, birth, progress, content, due, NULL, passable, 'x', lease + 100000000
        FROM jobs, generate_series(1, 2000) n WHERE branch = 2 AND number = 1;
    INSERT INTO records SELECT 1000 + cursor + n * 2, 1, 10 + n, body, earlier FROM records, generate_series(1, 40000) n WHERE cursor <= 2;
    UPDATE feed SET last = 200000;
    INSERT INTO documents (kind, id, app, version, body)
        SELECT 'webhook', convert_to(n::text, 'UTF8'), 'dx' || n, 1, ''::bytea FROM generate_series(1, 20000) n;
    INSERT INTO blobs SELECT convert_to(n || '/a', 'UTF8'), ''::bytea FROM generate_series(1, 20000) n;
    VACUUM ANALYZE;";

pub(crate) async fn no_statement_reads_a_whole_table() {
    let server = Postgres::start_with(TELLING).unwrap();
    let database = server.database("template1");
    let store = open(&server.url(&database)).await;
    let on = branch(&store, "main").await;
    let ended = make(&store, &on).await;
    stop(&store, &ended).await;
    let lease = Lease { runner: RunnerId("a".to_owned()), until: noon() };
    let other = branch(&store, "other").await;
    claim(&store, &make(&store, &other).await, lease.clone()).await.answer.unwrap();
    for statement in FILL.split_inclusive(';') {
        server.run(&database, statement);
    }
    let log = || std::fs::read_to_string(server.directory().join("server.log")).unwrap();
    let before = log().len();

    // More often than five times, so that the plans for any values are among them.
    for round in 0..8 {
        let app = &on.app;
        store.app(app).await.unwrap().unwrap();
        store.apps(Some(500), 10).await.unwrap();
        store.branch(app, &on.name).await.unwrap().unwrap();
        store.branch_by_uid(on.uid).await.unwrap().unwrap();
        store.branches(app, None, 10).await.unwrap();
        store.site(app, &on.label).await.unwrap().unwrap();
        store.named_site(app, &on.name).await.unwrap().unwrap();
        store.job(ended.key()).await.unwrap().unwrap();
        store.named_job(app, &on.name, ended.key().job).await.unwrap().unwrap();
        store.jobs(on.uid, None, 100).await.unwrap();
        store.jobs(on.uid, Some(20_000), 100).await.unwrap();
        store.jobs_with(ended.key(), None, 100).await.unwrap();
        store.history(ended.key()).await.unwrap();
        store.happenings(100, 10).await.unwrap();
        store.due(noon(), 64).await.unwrap();
        store.work(noon(), 64).await.unwrap();
        let waits = make(&store, &branch(&store, &format!("waits {round}")).await).await;
        let given = Claims { lease: lease.clone(), room: 3, in_hand: Vec::new(), concurrent: 1_000_000, now: noon() };
        let claimed = windlass_store::claim(&store, &given).await.unwrap();
        assert!(claimed.iter().any(|claimed| claimed.key() == waits.key()), "{claimed:?}");
        store.renew(&lease, &[ended.key(), JobKey { branch: other.uid, job: ended.key().job }]).await.unwrap();
        store.document(Kind::Webhook, "none").await.unwrap();
        store.documents(Kind::Webhook, Some(app), None, 10).await.unwrap();
        store.documents(Kind::Domain, None, None, 10).await.unwrap();
        store.count(Counted::Branches(app), 10).await.unwrap();
        store.count(Counted::Documents(Kind::Webhook, app), 10).await.unwrap();
        store.count(Counted::AppsSince(noon()), 10).await.unwrap();
        store.blob("1/b").await.unwrap();
        store.blob_keys("700/").await.unwrap();
        store.blob_page("700/", Some("700/a"), 10).await.unwrap();
        store.delete_blobs("none/").await.unwrap();
        let blobs = vec![("1/b".to_owned(), "bytes".into())];
        let made = make(&store, &on).await;
        let extras = Extras { blobs, lease: Some(lease.clone()), ..Extras::default() };
        let claim = [windlass::Command::Claim];
        windlass_store::execute(&store, windlass_store::Address::Key(made.key()), &claim, noon(), extras)
            .await
            .unwrap();
        windlass_store::execute(
            &store,
            windlass_store::Address::Key(made.key()),
            &[windlass::Command::Expire],
            noon() + chrono::TimeDelta::days(2),
            Extras::default(),
        )
        .await
        .unwrap();
        windlass_store::delete_job(&store, windlass_store::Address::Key(made.key()), noon()).await.unwrap().unwrap();
    }
    let log = log().split_off(before);
    let plans = log.split("Query Text: ").skip(1);
    // The feed is one row.
    let whole = |plan: &&str| plan.contains("Seq Scan on ") && !plan.contains("Seq Scan on feed");
    let found: BTreeSet<_> = plans.clone().filter(whole).collect();
    assert!(found.is_empty(), "{}", found.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(plans.count() > 8 * 30, "hardly any plan was told");
}
