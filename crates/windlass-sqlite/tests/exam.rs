//! The SQLite store takes the exam.

use tempfile::TempDir;
use windlass_sqlite::SqliteStore;

windlass_store::exam!(async || in_a_new_directory());

mod moves {
    use super::in_a_new_directory;

    windlass_store::moving_exam!(async || in_a_new_directory());
}

fn in_a_new_directory() -> (SqliteStore, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let store = SqliteStore::open(directory.path()).expect("a new directory opens");
    (store, directory)
}
