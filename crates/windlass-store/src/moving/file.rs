//! The form in which a store lies in a file.
//!
//! JSON, a line for each row, in the forms of the stored format. Bytes stand as they are after the line that says how many they
//! are, with a line's end behind them. The first line says that it is an export and of which format; the last has the SHA-256 of
//! all before it, so that a file that was cut off or changed is known for one. Members that a reader does not know are ignored;
//! whatever cannot be ignored needs another format.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use windlass::{Birth, Job, JobId, Progress, Record};

use super::{Last, MovedJob, Row, Sum};
use crate::{App, BranchUid, Document, JobKey, StoredBranch};

/// The format that is written, and read.
pub(super) const FORMAT: u32 = 1;

/// A line, as it is written.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Written<'a> {
    WindlassExport(Header),
    Secret(String),
    App { number: u64, app: &'a App },
    Document { number: u64, document: &'a Document },
    Branch(&'a StoredBranch),
    Job { branch: BranchUid, number: JobId, birth: &'a Birth, progress: &'a Progress, records: &'a [(u64, Record)] },
    Blob { key: &'a str, bytes: u64 },
    Content { name: &'a str, bytes: u64 },
    Last(&'a Last),
    End(&'a End),
}

/// A line, as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    WindlassExport(Header),
    Secret(Cow<'a, str>),
    App { number: u64, app: App },
    Document { number: u64, document: Document },
    Branch(Box<StoredBranch>),
    Job { branch: BranchUid, number: JobId, birth: Box<Birth>, progress: Box<Progress>, records: Vec<(u64, Record)> },
    Blob { key: String, bytes: u64 },
    Content { name: Cow<'a, str>, bytes: u64 },
    Last(Last),
    End(Box<End>),
}

/// How a file begins.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    /// Whether it holds large artifacts, too, and not only what points to them.
    pub(super) artifacts: bool,
}

/// How a file ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) rows: Sum,
    /// How many large artifacts there are.
    pub(super) artifacts: u64,
    /// Of all before this line, in hexadecimal digits.
    pub(super) sha256: String,
}

/// Writes a row.
pub(super) fn write_row(to: &mut Vec<u8>, row: &Row) {
    let bytes = match row {
        Row::Blob(_, bytes) => Some(bytes),
        Row::Secret(_) | Row::App(..) | Row::Document(..) | Row::Branch(_) | Row::Job(_) | Row::Last(_) => None,
    };
    write_line(to, &written(row));
    if let Some(bytes) = bytes {
        to.extend_from_slice(bytes);
        to.push(b'\n');
    }
}

fn written(row: &Row) -> Written<'_> {
    match row {
        Row::Secret(secret) => Written::Secret(hex::encode(secret)),
        Row::App(number, app) => Written::App { number: *number, app },
        Row::Document(number, document) => Written::Document { number: *number, document },
        Row::Branch(branch) => Written::Branch(branch),
        Row::Job(MovedJob { key: JobKey { branch, job: number }, job, records }) => {
            Written::Job { branch: *branch, number: *number, birth: job.birth(), progress: job.progress(), records }
        }
        Row::Blob(key, bytes) => Written::Blob { key, bytes: bytes.len() as u64 },
        Row::Last(last) => Written::Last(last),
    }
}

pub(super) fn write_line(to: &mut Vec<u8>, line: &Written<'_>) {
    let written = serde_json::to_writer(&mut *to, line);
    debug_assert!(written.is_ok(), "stored types have string keys only, so JSON can hold them");
    to.push(b'\n');
}

/// A job's row, put together again.
pub(super) fn moved(key: JobKey, birth: Birth, progress: Progress, records: Vec<(u64, Record)>) -> Row {
    Row::Job(MovedJob { key, job: Job::from_parts(key.job, birth.into(), progress), records })
}

/// Passes bytes on and hashes them.
pub(super) struct Hashing<W> {
    pub(super) to: W,
    pub(super) sha256: Sha256,
    pub(super) bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, sha256: Sha256::new(), bytes: 0 }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
