//! Whether rows are what a store may hold.

use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use windlass::{Job, JobId, JobStatus, Live, Working};

use super::file;
use super::{Last, MovedJob, Row};
use crate::{BranchUid, StoreError, StoredBranch};

/// Looks at rows as they pass. Holds no more of them than one.
#[derive(Debug, Default)]
pub struct Check {
    /// How far it has come: a part never follows a later one.
    part: Part,
    app: Option<(u64, windlass::AppId)>,
    branch: Option<Projected>,
    /// Of the last document, among those of its app or of none.
    document: u64,
    /// Of the last branch of its app.
    uid: u64,
    key: Option<String>,
    highest: Last,
    sum: Sum,
    sha256: Sha256,
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    #[default]
    Beginning,
    Secret,
    Apps,
    Documents,
    Blobs,
    End,
}

/// What rows add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many apps.
    pub apps: u64,
    /// How many branches.
    pub branches: u64,
    /// How many jobs.
    pub jobs: u64,
    /// How many records of them.
    pub records: u64,
    /// How many documents.
    pub documents: u64,
    /// How many small artifacts.
    pub blobs: u64,
    /// The SHA-256 of all of it, as it stands in a file.
    #[serde(skip)]
    pub sha256: [u8; 32],
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { apps, branches, jobs, records, documents, blobs, sha256: _ } = self;
        write!(
            f,
            "{apps} apps, {branches} branches, {jobs} jobs with {records} records, {documents} documents, {blobs} small artifacts"
        )
    }
}

impl Check {
    /// Takes the next row, and answers how it stands in a file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], naming the row and what is wrong with it.
    pub fn take(&mut self, row: &Row) -> Result<&[u8], StoreError> {
        match row {
            Row::Secret(_) => self.begin(Part::Secret, "the secret")?,
            Row::App(number, app) => {
                self.begin(Part::Apps, "an app")?;
                rising(self.app.as_ref().map_or(0, |(before, _)| *before), *number, "app number")?;
                self.app = Some((*number, app.id.clone()));
                (self.document, self.uid) = (0, 0);
                self.highest.app = *number;
                self.sum.apps += 1;
            }
            Row::Document(number, document) => {
                let (part, app) = match (&self.app, &document.app) {
                    (Some((_, app)), Some(its)) if app == its => (Part::Apps, true),
                    (_, None) => (Part::Documents, false),
                    (_, Some(app)) => {
                        return Err(damaged(format_args!(
                            "document number {number} is of app {app}, and follows another"
                        )));
                    }
                };
                let first_of_none = !app && self.part < Part::Documents;
                self.begin(part, "a document")?;
                rising(if first_of_none { 0 } else { self.document }, *number, "document number")?;
                self.document = *number;
                self.highest.document = self.highest.document.max(*number);
                self.sum.documents += 1;
            }
            Row::Branch(branch) => {
                self.begin(Part::Apps, "a branch")?;
                if self.app.as_ref().is_none_or(|(_, app)| *app != branch.app) {
                    return Err(damaged(format_args!(
                        "branch {} is of app {}, and follows another",
                        branch.uid, branch.app
                    )));
                }
                rising(self.uid, branch.uid.0, "branch")?;
                self.uid = branch.uid.0;
                self.branch = Some(Projected::new(branch.clone()));
                self.highest.branch = self.highest.branch.max(branch.uid.0);
                self.sum.branches += 1;
            }
            Row::Job(moved) => self.job(moved)?,
            Row::Blob(key, _) => {
                self.begin(Part::Blobs, "a small artifact")?;
                if self.key.as_ref().is_some_and(|before| before >= key) {
                    return Err(damaged(format_args!("the small artifact {key} does not follow those before it")));
                }
                self.key = Some(key.clone());
                self.sum.blobs += 1;
            }
            Row::Last(last) => {
                self.begin(Part::End, "the end")?;
                self.last(last)?;
            }
        }
        self.line.clear();
        file::write_row(&mut self.line, row);
        self.sha256.update(&self.line);
        Ok(&self.line)
    }

    /// What all rows add up to.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where the last is missing.
    pub fn end(mut self) -> Result<Sum, StoreError> {
        if self.part != Part::End {
            return Err(damaged("the last row is missing"));
        }
        self.sum.sha256 = self.sha256.finalize().into();
        Ok(self.sum)
    }

    /// How many rows of what there were so far.
    #[must_use]
    pub const fn so_far(&self) -> &Sum {
        &self.sum
    }

    /// A row of a part begins. What follows a branch, but for its jobs, says that there are no more of those.
    fn begin(&mut self, part: Part, what: &str) -> Result<(), StoreError> {
        let once = matches!(part, Part::Secret | Part::End);
        if part < self.part || (once && part == self.part) {
            return Err(damaged(format_args!("{what} stands in the wrong place")));
        }
        self.part = part;
        self.branch.take().map_or(Ok(()), Projected::end)
    }

    fn job(&mut self, moved: &MovedJob) -> Result<(), StoreError> {
        let MovedJob { key, job, records } = moved;
        let what = format!("job {} of branch {}", key.job, key.branch);
        let Some(branch) = self.branch.as_mut().filter(|branch| branch.stored.uid == key.branch) else {
            return Err(damaged(format_args!("{what} does not follow its branch")));
        };
        let mut place = 0;
        for (cursor, _) in records {
            rising(place, *cursor, &format!("{what}: record")).map(|()| place = *cursor)?;
        }
        let replayed = Job::replay(key.job, records.iter().map(|(_, record)| record));
        if replayed.map_err(|error| StoreError::from(error).of(&what))? != *job {
            return Err(damaged(format_args!("{what} is not what its history makes of it")));
        }
        branch.follow(job, place).map_err(|error| error.of(what))?;
        self.highest.happening = self.highest.happening.max(place);
        self.sum.jobs += 1;
        self.sum.records += records.len() as u64;
        Ok(())
    }

    fn last(&self, last: &Last) -> Result<(), StoreError> {
        let Last { app, branch, document, happening } = self.highest;
        let pairs = [
            ("an app's number", app, last.app),
            ("a branch's uid", branch, last.branch),
            ("a document's number", document, last.document),
            ("a record's place", happening, last.happening),
        ];
        match pairs.iter().find(|(_, highest, last)| highest > last) {
            Some((what, highest, last)) => {
                Err(damaged(format_args!("{what} is {highest}, and the last that was given out is said to be {last}")))
            }
            None => Ok(()),
        }
    }
}

/// A branch, and what its jobs make of it.
#[derive(Debug)]
struct Projected {
    stored: StoredBranch,
    number: u64,
    jobs: u64,
    waiting: Option<JobId>,
    working: Option<Working>,
    /// What went live last, and its place.
    live: Option<(u64, Live)>,
}

impl Projected {
    const fn new(stored: StoredBranch) -> Self {
        Self { stored, number: 0, jobs: 0, waiting: None, working: None, live: None }
    }

    /// Follows a job, whose last record has this place.
    fn follow(&mut self, job: &Job, place: u64) -> Result<(), StoreError> {
        let id = job.id();
        rising(self.number, id.get(), "its number")?;
        self.number = id.get();
        self.jobs += 1;
        let before = match job.status() {
            JobStatus::Created | JobStatus::Pending => self.waiting.replace(id),
            status @ (JobStatus::Provisioning | JobStatus::Running | JobStatus::Cancelling) => {
                let working = Working { job: id, cancelling: status == JobStatus::Cancelling };
                self.working.replace(working).map(|before| before.job)
            }
            JobStatus::Succeed => {
                // Nothing happens to a job after its success, so the order of the last records is that of going live.
                if let Some(artifact) = job.artifact()
                    && self.live.as_ref().is_none_or(|(before, _)| *before < place)
                {
                    self.live = Some((place, Live { job: id, artifact, since: job.since() }));
                }
                None
            }
            JobStatus::Failed | JobStatus::Cancelled => None,
        };
        match before {
            Some(before) => Err(damaged(format_args!("it is {}, and so is job {before}", job.status()))),
            None => Ok(()),
        }
    }

    /// Compares it with the branch, now that there are no more jobs of it.
    fn end(self) -> Result<(), StoreError> {
        let branch = &self.stored.branch;
        let live = self.live.map(|(_, live)| live);
        let differs = if branch.jobs() != self.jobs {
            Some(format!("has {} jobs by its own count, and there are {}", branch.jobs(), self.jobs))
        } else if branch.last() < self.number {
            Some(format!("has made {} jobs by its own count, and there is job {}", branch.last(), self.number))
        } else if branch.waiting() != self.waiting {
            Some("has another job that waits than its jobs say".to_owned())
        } else if branch.working() != self.working {
            Some("has another job that works than its jobs say".to_owned())
        } else if branch.live() != live {
            Some("shows something else than what went live last".to_owned())
        } else {
            None
        };
        let BranchUid(uid) = self.stored.uid;
        differs.map_or(Ok(()), |differs| Err(damaged(format_args!("branch {uid} {differs}"))))
    }
}

fn rising(before: u64, now: u64, what: &str) -> Result<(), StoreError> {
    if now > before { Ok(()) } else { Err(damaged(format_args!("{what} {now} follows {before}"))) }
}

fn damaged(what: impl fmt::Display) -> StoreError {
    StoreError::damaged(what)
}
