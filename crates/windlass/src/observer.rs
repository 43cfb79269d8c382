//! Following someone else's job, of which only samples are seen.

use alloc::string::String;
use alloc::vec::Vec;

use chrono::TimeDelta;
use strum::{AsRefStr, Display};
use thiserror::Error;

use crate::wire::{JobSummary, Open};
use crate::{EventKind, JobStatus};

/// Takes the summaries of one job that a poller sees, and says what must have happened between them, what
/// cannot have, and when to look again.
///
/// It knows a job of AWS's as well as one of Windlass's: the law is the same. It reads no clock and waits for
/// nothing.
///
/// ```
/// use windlass::wire::JobSummary;
/// use windlass::{EventKind, JobStatus, Observer};
///
/// let sample = |text| serde_json::from_str::<JobSummary>(text).unwrap();
/// let mut observer = Observer::default();
/// let first = observer.observe(sample(r#"{"jobArn": "…/jobs/0000000007", "jobId": "7", "status": "PENDING"}"#));
/// assert!(first.next_look.is_some());
///
/// let last = observer.observe(sample(
///     r#"{"jobArn": "…/jobs/0000000007", "jobId": "7", "status": "SUCCEED", "startTime": 1, "endTime": 9}"#,
/// ));
/// assert_eq!(last.passed, [JobStatus::Provisioning, JobStatus::Running]);
/// assert_eq!(last.happened, [EventKind::Claimed, EventKind::Provisioned, EventKind::Succeeded]);
/// assert_eq!((last.contradictions, last.next_look), (vec![], None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observer {
    pace: Pace,
    pause: TimeDelta,
    status: Option<JobStatus>,
    last: Option<JobSummary>,
}

/// How often to look at a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The pause after a look that saw something new. Each look that does not doubles it.
    pub first: TimeDelta,
    /// The longest pause.
    pub longest: TimeDelta,
}

impl Default for Pace {
    /// From one second to fifteen: a build is seen to end soon enough, and a fleet of pollers stays below the
    /// rate at which AWS begins to refuse.
    fn default() -> Self {
        Self { first: TimeDelta::seconds(1), longest: TimeDelta::seconds(15) }
    }
}

/// What a sample says beside the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Observation {
    /// Whether anything is not as it was in the sample before.
    pub changed: bool,
    /// The statuses that the job must have passed through unseen, in order. The first sample is compared with
    /// the job's birth.
    pub passed: Vec<JobStatus>,
    /// The events that must have happened, however the job came from there to here.
    pub happened: Vec<EventKind>,
    /// What cannot be, by the law or by what was seen before.
    pub contradictions: Vec<Contradiction>,
    /// How long to wait before the next look; `None` once the job has ended. Many pollers should each vary it a
    /// little.
    pub next_look: Option<TimeDelta>,
}

impl Observation {
    /// Whether the sample counts: it is of this job, and no older than one that was seen before.
    #[must_use]
    pub fn is_believed(&self) -> bool {
        !self.contradictions.iter().any(|contradiction| match contradiction {
            Contradiction::AnotherJob { .. } | Contradiction::WentBack { .. } => true,
            Contradiction::NoWay { .. }
            | Contradiction::Changed { .. }
            | Contradiction::NoEndTime { .. }
            | Contradiction::EndTimeTooSoon { .. }
            | Contradiction::EndedBeforeStart => false,
        })
    }
}

/// Two samples that cannot be of one job's life, or one that cannot be of any.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Contradiction {
    /// The sample is of another job. Nothing else of it was looked at.
    #[error("this is job {found}, not {expected}")]
    AnotherJob {
        /// The ARN, or else the number, of the job that is followed.
        expected: String,
        /// That of the sample.
        found: String,
    },
    /// The sample is older than one that was seen before. It changes nothing.
    #[error("the job was {seen} already and is {found} again")]
    WentBack {
        /// The status that was seen before.
        seen: JobStatus,
        /// That of the sample.
        found: JobStatus,
    },
    /// No way leads from the one status to the other.
    #[error("a job that was {seen} cannot become {found}")]
    NoWay {
        /// The status that was seen before.
        seen: JobStatus,
        /// That of the sample.
        found: JobStatus,
    },
    /// A member is not what it was, and never changes.
    #[error("{member} has changed, which it never does by then")]
    Changed {
        /// Which.
        member: Member,
    },
    /// A job that has ended has no end time.
    #[error("the job is {status} and has no endTime")]
    NoEndTime {
        /// Its status.
        status: JobStatus,
    },
    /// A job that has not ended has an end time.
    #[error("the job is {status} and has an endTime")]
    EndTimeTooSoon {
        /// Its status.
        status: JobStatus,
    },
    /// It ended before it began.
    #[error("endTime is before startTime")]
    EndedBeforeStart,
}

/// A member of a summary that does not change, at the latest from some status on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, Display)]
#[strum(serialize_all = "camelCase")]
pub enum Member {
    /// How the job came about.
    JobType,
    /// What it deploys.
    SourceUrl,
    /// What that URL points at.
    SourceUrlType,
    /// The commit, from the end of RUNNING on: until then a runner may find out what `HEAD` or half a hash stands for. From
    /// the claim on there is never none again.
    CommitId,
    /// When work began, from the claim on.
    StartTime,
    /// When it ended.
    EndTime,
}

impl Observer {
    /// An observer that looks as often as `pace` says.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    /// The last sample that was believed.
    #[must_use]
    pub const fn last(&self) -> Option<&JobSummary> {
        self.last.as_ref()
    }

    /// Is told of a look that got no answer, and says how long to wait before the next: twice as long as before it.
    pub fn missed(&mut self) -> TimeDelta {
        self.lengthen();
        self.pause
    }

    /// Looks at the next sample.
    pub fn observe(&mut self, sample: JobSummary) -> Observation {
        let found = sample.status.known();
        let mut contradictions = Vec::new();
        if let Some(last) = &self.last {
            if let Some(other) = another_job(last, &sample) {
                return self.disbelieved(other);
            }
            if let (Some(seen), Some(found)) = (self.status, found)
                && !seen.can_reach(found)
            {
                if found.can_reach(seen) {
                    return self.disbelieved(Contradiction::WentBack { seen, found });
                }
                contradictions.push(Contradiction::NoWay { seen, found });
            }
            contradictions.extend(self.changed(last, &sample).map(|member| Contradiction::Changed { member }));
        }
        contradictions.extend(impossible(&sample));

        let (passed, happened) = self.between(found);
        let changed = self.last.as_ref() != Some(&sample);
        if changed {
            self.pause = self.pace.first;
        } else {
            self.lengthen();
        }
        self.status = found.or(self.status);
        self.last = Some(sample);
        Observation { changed, passed, happened, contradictions, next_look: self.next_look() }
    }

    fn disbelieved(&mut self, contradiction: Contradiction) -> Observation {
        self.lengthen();
        Observation {
            changed: false,
            passed: Vec::new(),
            happened: Vec::new(),
            contradictions: [contradiction].into(),
            next_look: self.next_look(),
        }
    }

    fn lengthen(&mut self) {
        let doubled = self.pause.checked_mul(2).unwrap_or(TimeDelta::MAX);
        self.pause = self.pace.longest.min(doubled).max(self.pace.first);
    }

    /// A status that AWS has added since may last for ever, but it is not an end.
    fn next_look(&self) -> Option<TimeDelta> {
        let known = self.last.as_ref().and_then(|last| last.status.known());
        if known.is_some_and(JobStatus::is_terminal) { None } else { Some(self.pause) }
    }

    /// What lies between the status that was seen last, or the job's birth, and `found`.
    fn between(&self, found: Option<JobStatus>) -> (Vec<JobStatus>, Vec<EventKind>) {
        let Some(found) = found else { return (Vec::new(), Vec::new()) };
        let seen = self.status.unwrap_or(JobStatus::Created);
        let birth = (self.status.is_none() && found != JobStatus::Created).then_some(JobStatus::Created);
        (birth.into_iter().chain(seen.must_pass(found)).collect(), seen.must_happen(found).collect())
    }

    /// The members that are not what they were, and should be.
    fn changed(&self, last: &JobSummary, sample: &JobSummary) -> impl Iterator<Item = Member> {
        // Until the claim a newer push may replace the commit, and startTime is the job's creation.
        let claimed = self.status.is_some_and(|status| !matches!(status, JobStatus::Created | JobStatus::Pending));
        let resolved = self.status.is_some_and(|status| !status.can_reach(JobStatus::Running));
        let named = |id: &str| !id.is_empty() && id != "HEAD";
        let other_commit = named(&last.commit_id) && last.commit_id != sample.commit_id;
        [
            (Member::JobType, gone(last.job_type.as_ref(), sample.job_type.as_ref())),
            (Member::SourceUrl, gone(last.source_url.as_ref(), sample.source_url.as_ref())),
            (Member::SourceUrlType, gone(last.source_url_type.as_ref(), sample.source_url_type.as_ref())),
            (Member::CommitId, other_commit && (resolved || claimed && !named(&sample.commit_id))),
            (Member::StartTime, claimed && gone(last.start_time.as_ref(), sample.start_time.as_ref())),
            (Member::EndTime, gone(last.end_time.as_ref(), sample.end_time.as_ref())),
        ]
        .into_iter()
        .filter_map(|(member, changed)| changed.then_some(member))
    }
}

/// Whether a value that was there is another one now, or none.
fn gone<T: PartialEq>(before: Option<&T>, now: Option<&T>) -> bool {
    before.is_some() && before != now
}

fn another_job(last: &JobSummary, sample: &JobSummary) -> Option<Contradiction> {
    let differs = |expected: &String, found: &String| {
        (expected != found).then(|| Contradiction::AnotherJob { expected: expected.clone(), found: found.clone() })
    };
    differs(&last.job_arn, &sample.job_arn).or_else(|| differs(&last.job_id, &sample.job_id))
}

/// What cannot be, whatever was seen before.
fn impossible(sample: &JobSummary) -> impl Iterator<Item = Contradiction> {
    let JobSummary { start_time, end_time, .. } = sample;
    let of_end = match &sample.status {
        Open::Known(status) if status.is_terminal() => {
            end_time.is_none().then_some(Contradiction::NoEndTime { status: *status })
        }
        Open::Known(status) => end_time.is_some().then_some(Contradiction::EndTimeTooSoon { status: *status }),
        Open::Unknown(_) => None,
    };
    let backwards = start_time.zip(*end_time).is_some_and(|(start, end)| end < start);
    of_end.into_iter().chain(backwards.then_some(Contradiction::EndedBeforeStart))
}
