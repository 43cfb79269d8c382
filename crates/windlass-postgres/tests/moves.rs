//! Whatever happened in an embedded store comes back from a fleet's as it went there.

use std::io::{Cursor, Write as _};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use proptest::prelude::{any, proptest};
use proptest::test_runner::Config;
use windlass_postgres::{Options, PostgresStore};
use windlass_sqlite::SqliteStore;
use windlass_store::conformance::random::history;
use windlass_store::moving::{Missing, Movable, export, import};
use windlass_store::{Attributes, Blobs, Directory, Document, INLINE_MAX, Kind, ManualClock, Store, Vault};
use windlass_testkit::Postgres;

static SERVER: LazyLock<Option<Postgres>> = LazyLock::new(Postgres::start);

proptest! {
    #![proptest_config(Config { cases: 8, ..Config::default() })]

    #[test]
    fn what_goes_from_sqlite_to_postgresql_and_back_is_the_same_to_the_byte(seed in any::<u64>(), steps in 1_usize..400) {
        if let Some(server) = &*SERVER {
            tokio::runtime::Runtime::new().expect("a runtime").block_on(there_and_back(server, seed, steps));
        }
    }
}

async fn there_and_back(server: &Postgres, seed: u64, steps: usize) {
    let (old, folder) = embedded();
    let vault = Directory::open(&folder.path().join("artifacts")).expect("a folder");
    live(&old, &vault, seed, steps).await;
    let file = exported(old, &vault).await;

    let options = Options::new(Arc::new(ManualClock::at(DateTime::<Utc>::UNIX_EPOCH)));
    let database = server.database("template1");
    let fleet = PostgresStore::open(&server.url(&database), options).await.expect("a new database opens");
    let there = file_through(Arc::new(fleet), &file).await;
    assert!(there == file, "PostgreSQL gives something else than SQLite gave");
    let (back, _folder) = embedded();
    let back = file_through(back, &file).await;
    assert!(back == file, "SQLite gives something else than it was given");
}

fn embedded() -> (Arc<SqliteStore>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (Arc::new(SqliteStore::open(folder.path()).expect("a new directory opens")), folder)
}

/// Jobs, documents and artifacts, small and large.
async fn live(store: &Arc<SqliteStore>, vault: &Directory, seed: u64, steps: usize) {
    history(store.clone(), seed, steps).await;
    for kind in [Kind::Key, Kind::Webhook] {
        let now = DateTime::UNIX_EPOCH;
        let (app, attributes) = (None, Attributes::from_iter([("a".to_owned(), seed.into())]));
        let id = format!("{seed}\u{0}ü");
        let document = Document { kind, id, app, attributes, created: now, updated: now, version: 1 };
        store.create_document(&document).await.expect("it is new");
    }
    let blobs = Blobs::new(store.clone(), Arc::new(vault.clone()));
    for size in [0, 10, INLINE_MAX + 1] {
        let mut staging = blobs.stage();
        staging.write_all(&seed.to_le_bytes().repeat(size.div_ceil(8))).expect("room");
        let staged = staging.finish().expect("room");
        for (key, bytes) in blobs.keep(format!("1/1/{size}"), staged).await.expect("it is kept") {
            store.put_blob(&key, bytes).await.expect("it is stored");
        }
    }
    store.secret().await.expect("a secret");
}

async fn exported(store: Arc<dyn Movable>, vault: &dyn Vault) -> Vec<u8> {
    let mut file = Vec::new();
    export(store, Some(vault), Missing::Refused, &mut file).await.expect("it is exported");
    file
}

/// What comes out of a store that has taken a file in.
async fn file_through(store: Arc<dyn Movable>, file: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let vault = Directory::open(folder.path()).expect("a folder");
    import(Arc::clone(&store), &vault, Missing::Refused, &mut Cursor::new(file)).await.expect("it is imported");
    exported(store, &vault).await
}
