//! The memory store gives itself away, and takes another in.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::MemoryStore;
use super::state::{State, StoredJob};
use crate::moving::{Last, Loading, Movable, MovedJob, Row};
use crate::{Happening, Lease, RunnerId, StoreError};

#[async_trait]
impl Movable for MemoryStore {
    async fn dump(&self, rows: mpsc::Sender<Row>) -> Result<(), StoreError> {
        let all = self.state().rows();
        for row in all {
            rows.send(row).await.map_err(|_| gone())?;
        }
        Ok(())
    }

    async fn load(&self, mut loading: Loading) -> Result<(), StoreError> {
        if !self.state().is_new() {
            return Err(StoreError::Exists);
        }
        let mut state = State { secret: self.state().secret, ..State::default() };
        while state.take(loading.next().await?)? {}
        let back = loading.back();
        for row in state.rows() {
            back.send(row).await.map_err(|_| gone())?;
        }
        drop(back);
        loading.verdict().await?;
        let mut now = self.state();
        if !now.is_new() {
            return Err(StoreError::Exists);
        }
        *now = state;
        Ok(())
    }
}

impl State {
    /// Whether nothing has ever been in it.
    fn is_new(&self) -> bool {
        (self.last, self.cursor) == (0, 0) && self.blobs.is_empty()
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![Row::Secret(self.secret)];
        for (number, app) in &self.apps {
            rows.push(Row::App(*number, app.clone()));
            self.documents_of(Some(&app.id), &mut rows);
            for branch in self.branches.values().filter(|branch| branch.app == app.id) {
                rows.push(Row::Branch(branch.clone()));
                let jobs = self.jobs.iter().filter(|(key, _)| key.branch == branch.uid);
                rows.extend(jobs.map(|(key, stored)| {
                    let happened = self.happenings.iter().filter(|happening| happening.key == *key);
                    let records = happened.map(|happening| (happening.cursor, happening.record.clone())).collect();
                    Row::Job(MovedJob { key: *key, job: stored.job.clone(), records })
                }));
            }
        }
        self.documents_of(None, &mut rows);
        rows.extend(self.blobs.iter().map(|(key, bytes)| Row::Blob(key.clone(), bytes.clone())));
        let last = self.last;
        rows.push(Row::Last(Last { app: last, branch: last, document: last, happening: self.cursor }));
        rows
    }

    fn documents_of(&self, app: Option<&windlass::AppId>, rows: &mut Vec<Row>) {
        let of_app = self.documents.iter().filter(|(_, document)| document.app.as_ref() == app);
        rows.extend(of_app.map(|(number, document)| Row::Document(*number, document.clone())));
    }

    /// Takes a row in, and answers whether more are to follow.
    fn take(&mut self, row: Row) -> Result<bool, StoreError> {
        let replaced = match row {
            Row::Secret(bytes) => {
                self.secret = bytes;
                false
            }
            Row::App(number, app) => self.app(&app.id).is_some() || self.apps.insert(number, app).is_some(),
            Row::Document(number, document) => {
                self.document(document.kind, &document.id).is_some()
                    || self.documents.insert(number, document).is_some()
            }
            Row::Branch(branch) => {
                self.branch(&branch.app, &branch.name).is_some() || self.branches.insert(branch.uid, branch).is_some()
            }
            Row::Job(MovedJob { key, job, records }) => {
                let branch = self.branches.get(&key.branch);
                let branch = branch.ok_or_else(|| StoreError::damaged(format!("branch {} is missing", key.branch)))?;
                let app = branch.app.clone();
                // Whoever had it is no runner of this store's.
                let lost = || Lease { runner: RunnerId(String::new()), until: chrono::DateTime::UNIX_EPOCH };
                let lease = branch.branch.working().filter(|working| working.job == key.job).map(|_| lost());
                let happened =
                    records.iter().map(|(cursor, record)| Happening { cursor: *cursor, key, record: record.clone() });
                self.happenings.extend(happened);
                let records = records.into_iter().map(|(_, record)| record).collect();
                self.jobs.insert(key, StoredJob { app, job, records, lease }).is_some()
            }
            Row::Blob(key, bytes) => self.blobs.insert(key, bytes).is_some(),
            Row::Last(Last { app, branch, document, happening }) => {
                self.last = app.max(branch).max(document);
                self.cursor = happening;
                self.happenings.sort_unstable_by_key(|happening| happening.cursor);
                return Ok(false);
            }
        };
        if replaced { Err(StoreError::damaged("two rows of one name or number")) } else { Ok(true) }
    }
}

fn gone() -> StoreError {
    StoreError::unavailable("nobody takes the rows any more")
}
