//! A store of one's own: a small one in memory. Two runners race for a claim, and exactly one of them gets the job.
//!
//! In SQL the three maps are three tables, `save` is one transaction, and its conditions stand in the `WHERE` of its
//! updates.
//!
//! `cargo run -p windlass --example store`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex, MutexGuard};
use std::thread;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass::{
    Artifact, Branch, Change, Command, EventKind, Job, JobId, JobStatus, NewJob, Record, Rejection, Report,
};
use windlass::{Source, SourceUrlType};

/// One branch with its jobs.
#[derive(Default)]
struct Store(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    branch: Branch,
    jobs: BTreeMap<JobId, Job>,
    records: BTreeMap<JobId, Vec<Record>>,
}

/// Somebody else was faster: load again.
#[derive(Debug)]
struct Conflict;

impl Store {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().expect("nobody panics while holding it")
    }

    /// Duty 1: job and branch as they are at one moment.
    fn load(&self, id: JobId) -> (Branch, Job) {
        let tables = self.tables();
        (tables.branch.clone(), tables.jobs[&id].clone())
    }

    /// Duty 3: records, job and branch in one transaction, only if job and branch are what was loaded. A job that is
    /// made now had no records, so its `seq` was 0.
    fn save(&self, branch: &Branch, seq: u32, change: &Change) -> Result<(), Conflict> {
        let mut tables = self.tables();
        let id = change.job.id();
        if tables.branch != *branch || tables.jobs.get(&id).map_or(0, Job::seq) != seq {
            return Err(Conflict);
        }
        tables.records.entry(id).or_default().extend(change.records.iter().cloned());
        tables.jobs.insert(id, change.job.clone());
        tables.branch = change.branch.clone();
        Ok(())
    }

    /// Duties 1 to 4. What a refusal leaves behind is stored as well: time may have ended the job.
    fn execute(&self, id: JobId, command: &Command, now: DateTime<Utc>) -> Result<(), Rejection> {
        loop {
            let (branch, job) = self.load(id);
            let change = branch.handle(&job, command, now);
            if change.is_empty() || self.save(&branch, job.seq(), &change).is_ok() {
                return change.answer;
            }
        }
    }

    /// The same for a job that is to be made. Unfinished jobs that are overdue are not to be in its way.
    fn create(&self, new: &NewJob, now: DateTime<Utc>) -> Result<JobId, Rejection> {
        loop {
            let branch = self.tables().branch.clone();
            for unfinished in branch.unfinished() {
                self.execute(unfinished, &Command::Expire, now)?;
            }
            let branch = self.tables().branch.clone();
            let change = branch.create(new.clone(), now)?;
            if self.save(&branch, 0, &change).is_ok() {
                return Ok(change.job.id());
            }
        }
    }
}

fn main() -> Result<(), Rejection> {
    let store = Store::default();
    let url = Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip };
    let id = store.create(&NewJob::manual(url), nine())?;
    println!("job {id}: {}", store.load(id).1.why(nine()));

    // Both runners load the job while it waits. Only one of them can store its claim.
    let loaded = Barrier::new(2);
    let runner = |name: &'static str| {
        let (branch, job) = store.load(id);
        loaded.wait();
        let claim = branch.handle(&job, &Command::Claim, nine());
        match store.save(&branch, job.seq(), &claim) {
            Ok(()) => println!("{name} has the job, in attempt {}", claim.job.attempt()),
            Err(Conflict) => {
                println!("{name} was slower and looks again");
                store.execute(id, &Command::Claim, nine())?;
            }
        }
        Ok((name, claim.job.attempt()))
    };
    let claims = thread::scope(|scope| {
        let runners = ["runner a", "runner b"].map(|name| scope.spawn(move || runner(name)));
        runners.map(|runner| runner.join().expect("runners do not panic"))
    });
    let (won, lost): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
    let refused = Rejection::IllegalTransition { status: JobStatus::Running, event: EventKind::Claimed };
    assert_eq!(lost, [Err(refused.clone())]);
    println!("it is refused: {refused}");

    let [Ok((winner, attempt))] = won[..] else { panic!("one runner has the job") };
    let artifact = Artifact { job: id, object: 1 };
    let report = Command::Report { attempt, report: Report::Succeeded { artifact } };
    store.execute(id, &report, nine() + TimeDelta::seconds(2))?;

    let (branch, row) = store.load(id);
    println!("{winner} reports, and job {id} is live: {}", row.why(nine()));
    assert_eq!(branch.live().map(|live| live.job), Some(id));

    // The row is the job as it is, the records are how it came about. Both say the same.
    let tables = store.tables();
    assert_eq!(Job::replay(id, &tables.records[&id]), Ok(row));
    println!("its {} records make the same job again", tables.records[&id].len());
    Ok(())
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}

#[test]
fn the_example_runs() {
    assert_eq!(main(), Ok(()));
}
