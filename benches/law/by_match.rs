//! The law as one would write it by hand: a `match` in a `match`.

use windlass::{EventKind as E, JobStatus};

#[derive(Clone, Copy)]
pub(super) struct Match(JobStatus);

impl super::Law for Match {
    type Event = E;

    fn at(status: JobStatus) -> Self {
        Self(status)
    }

    fn event(event: E) -> E {
        event
    }

    fn step(&mut self, event: E) -> bool {
        let next = next(self.0, event);
        self.0 = next.unwrap_or(self.0);
        next.is_some()
    }

    fn status(&self) -> JobStatus {
        self.0
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "as one writes it by hand")]
const fn next(status: JobStatus, event: E) -> Option<JobStatus> {
    Some(match status {
        JobStatus::Created => match event {
            E::Uploaded => JobStatus::Created,
            E::Started => JobStatus::Pending,
            E::Stopped => JobStatus::Cancelled,
            E::Expired => JobStatus::Failed,
            _ => return None,
        },
        JobStatus::Pending => match event {
            E::Replaced => JobStatus::Pending,
            E::Claimed => JobStatus::Provisioning,
            E::Stopped => JobStatus::Cancelled,
            E::Expired => JobStatus::Failed,
            _ => return None,
        },
        JobStatus::Provisioning => match event {
            E::Provisioned => JobStatus::Running,
            E::Reclaimed => JobStatus::Provisioning,
            E::StopRequested => JobStatus::Cancelling,
            E::Failed | E::Expired => JobStatus::Failed,
            _ => return None,
        },
        JobStatus::Running => match event {
            E::Reclaimed | E::Resolved | E::StepStarted | E::StepEnded => JobStatus::Running,
            E::StopRequested => JobStatus::Cancelling,
            E::Skipped => JobStatus::Cancelled,
            E::Failed | E::Expired => JobStatus::Failed,
            E::Succeeded => JobStatus::Succeed,
            _ => return None,
        },
        JobStatus::Cancelling => match event {
            E::Stopped | E::Expired => JobStatus::Cancelled,
            _ => return None,
        },
        JobStatus::Failed | JobStatus::Succeed | JobStatus::Cancelled => return None,
    })
}
