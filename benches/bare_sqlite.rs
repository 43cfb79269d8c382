//! SQLite alone: producers whose changes one writer commits in groups, each on disk before it is answered.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rusqlite::Connection;

/// About the size of a job's progress and of a record, in bytes.
const ROW: [u8; 400] = [b'x'; 400];
const RECORD: [u8; 80] = [b'y'; 80];

/// Commits `each` changes for each of `producers`, which wait for one before they send the next. A change updates a row
/// and appends another.
pub(crate) fn commit(producers: u32, each: u32) {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Connection::open(dir.path().join("bare.db")).expect("a database");
    db.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    db.pragma_update(None, "synchronous", "FULL").expect("FULL");
    db.execute_batch("CREATE TABLE jobs (id INTEGER PRIMARY KEY, row BLOB); CREATE TABLE records (id INTEGER PRIMARY KEY, body BLOB)")
        .expect("tables");
    let (queue, changes) = channel();
    let writer = thread::spawn(move || write(&db, &changes));
    let threads: Vec<_> = (0..producers)
        .map(|producer| {
            let queue = queue.clone();
            thread::spawn(move || produce(producer, each, &queue))
        })
        .collect();
    drop(queue);
    for thread in threads {
        thread.join().expect("a producer");
    }
    writer.join().expect("the writer");
}

type Change = (u32, Sender<()>);

fn produce(producer: u32, each: u32, queue: &Sender<Change>) {
    let (answer, answered) = channel();
    for _ in 0..each {
        queue.send((producer, answer.clone())).expect("a writer");
        answered.recv().expect("an answer");
    }
}

fn write(db: &Connection, changes: &Receiver<Change>) {
    while let Ok(first) = changes.recv() {
        let mut group = vec![first];
        group.extend(changes.try_iter());
        db.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        for (producer, _) in &group {
            let row = "INSERT INTO jobs VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET row = excluded.row";
            db.prepare_cached(row).and_then(|mut row| row.execute((producer, &ROW[..]))).expect("a row");
            let record = "INSERT INTO records (body) VALUES (?1)";
            db.prepare_cached(record).and_then(|mut record| record.execute([&RECORD[..]])).expect("a record");
        }
        db.execute_batch("COMMIT").expect("a commit");
        for (_, answer) in group {
            answer.send(()).expect("a producer");
        }
    }
}
