//! Looks at jobs, which clients take over and over until a job ends: while nothing has changed, the same look is given the
//! same answer.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};
use windlass::Job;
use windlass_store::{JobKey, StoredBranch};

use crate::answer::{Answer, Kept};
use crate::error::ApiError;
use crate::objects::minute;

/// How many answers are kept. When there are more, all are forgotten: those that are asked for are soon here again.
const MOST: usize = 1024;

/// A job as someone sees it.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) branch: &'a StoredBranch,
    pub(crate) job: &'a Job,
    /// Under which name and port the client reaches us.
    pub(crate) origin: &'a str,
    pub(crate) now: DateTime<Utc>,
}

/// The answers of late.
#[derive(Default)]
pub(crate) struct Looks(RwLock<HashMap<JobKey, Seen>>);

/// All that an answer depends on, and the answer. A job in one version never changes, nor does the job side of its branch.
struct Seen {
    job: u32,
    branch: u64,
    origin: Box<str>,
    /// URLs are signed anew every minute.
    minute: DateTime<Utc>,
    /// A job whose time is up is said to be ended, whether or not it has heard.
    until: Option<DateTime<Utc>>,
    answer: Kept,
}

impl Looks {
    /// The answer to a look, made by `make` unless the same look was answered before.
    ///
    /// # Errors
    ///
    /// That of `make`.
    pub(crate) fn answer(
        &self,
        look: &Look<'_>,
        make: impl FnOnce() -> Result<Answer, ApiError>,
    ) -> Result<Answer, ApiError> {
        let key = JobKey { branch: look.branch.uid, job: look.job.id() };
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = seen.get(&key).filter(|seen| seen.is(look)) {
            return Ok(same.answer.answer());
        }
        drop(seen);
        let answer = make()?;
        if let Some(kept) = answer.kept() {
            let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if seen.len() >= MOST {
                seen.clear();
            }
            seen.insert(key, Seen::new(look, kept));
        }
        Ok(answer)
    }
}

impl Seen {
    fn new(look: &Look<'_>, answer: Kept) -> Self {
        let Look { branch, job, origin, now } = *look;
        Self {
            job: job.seq(),
            branch: branch.branch_version,
            origin: origin.into(),
            minute: minute(now),
            until: job.deadline().map(|deadline| deadline.at),
            answer,
        }
    }

    fn is(&self, look: &Look<'_>) -> bool {
        self.job == look.job.seq()
            && self.branch == look.branch.branch_version
            && *self.origin == *look.origin
            && self.minute == minute(look.now)
            && self.until.is_none_or(|until| look.now < until)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use windlass::{Branch, Command, JobId, NewJob, Source};
    use windlass_store::{Attributes, BranchUid};

    use super::*;

    #[test]
    fn the_same_look_is_answered_once() {
        let looks = Looks::default();
        let (branch, job) = waiting(1);
        let look = Look { branch: &branch, job: &job, origin: "http://a", now: DateTime::UNIX_EPOCH };
        assert!(is_made(&looks, &look) && !is_made(&looks, &look));
        assert!(!is_made(&looks, &Look { now: look.now + TimeDelta::seconds(59), ..look }));
    }

    #[test]
    fn whatever_an_answer_depends_on_has_it_made_again() {
        let (branch, job) = waiting(1);
        let look = Look { branch: &branch, job: &job, origin: "http://a", now: DateTime::UNIX_EPOCH };
        let stopped = branch.branch.handle(&job, &Command::Stop { by: None }, look.now);
        let other = StoredBranch { branch_version: 2, ..branch.clone() };
        let deadline = job.deadline().expect("it waits").at;
        for changed in [
            Look { job: &stopped.job, ..look },
            Look { branch: &other, ..look },
            Look { origin: "https://a", ..look },
            Look { now: look.now + TimeDelta::minutes(1), ..look },
        ] {
            let looks = Looks::default();
            assert!(is_made(&looks, &look) && is_made(&looks, &changed) && is_made(&looks, &look));
        }
        let (looks, before) = (Looks::default(), Look { now: deadline - TimeDelta::milliseconds(1), ..look });
        assert_eq!(minute(before.now), minute(deadline), "the minute tells them apart, too");
        assert!(is_made(&looks, &before) && is_made(&looks, &Look { now: deadline, ..look }));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let looks = Looks::default();
        for uid in 0..MOST as u64 * 3 {
            let (branch, job) = waiting(uid);
            is_made(&looks, &Look { branch: &branch, job: &job, origin: "http://a", now: DateTime::UNIX_EPOCH });
            assert!(looks.0.read().expect("nobody has panicked").len() <= MOST);
        }
    }

    fn is_made(looks: &Looks, look: &Look<'_>) -> bool {
        let mut made = false;
        let answer = looks.answer(look, || {
            made = true;
            Answer::new(&"seen")
        });
        assert!(answer.is_ok());
        made
    }

    fn waiting(uid: u64) -> (StoredBranch, Job) {
        // Half a minute past one, so that its deadline is, too.
        let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(30);
        let made = Branch::default().create(NewJob::manual(Source::Zip), now).expect("nothing is in the way");
        let branch = StoredBranch {
            uid: BranchUid(uid),
            app: "d1".parse().expect("an id"),
            name: "main".parse().expect("a name"),
            label: "main".to_owned(),
            attributes: Attributes::default(),
            created: now,
            updated: now,
            version: 1,
            branch: made.branch,
            branch_version: 1,
        };
        assert_eq!(made.job.id(), JobId::FIRST);
        (branch, made.job)
    }
}
