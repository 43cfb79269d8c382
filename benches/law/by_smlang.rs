//! The law in the words of `smlang`.

use windlass::{EventKind, JobStatus};

#[allow(unused_variables, reason = "the macro's own")]
mod law {
    smlang::statemachine! {
        derive_states: [Clone, Copy, Debug],
        derive_events: [Clone, Copy, Debug],
        transitions: {
            *Created + Uploaded = Created,
            Created + Started = Pending,
            Created + Stopped = Cancelled,
            Created + Expired = Failed,
            Pending + Replaced = Pending,
            Pending + Claimed = Provisioning,
            Pending + Stopped = Cancelled,
            Pending + Expired = Failed,
            Provisioning + Provisioned = Running,
            Provisioning + Reclaimed = Provisioning,
            Provisioning + StopRequested = Cancelling,
            Provisioning + FailedEvent = Failed,
            Provisioning + Expired = Failed,
            Running + Reclaimed = Running,
            Running + Resolved = Running,
            Running + StepStarted = Running,
            Running + StepEnded = Running,
            Running + StopRequested = Cancelling,
            Running + Skipped = Cancelled,
            Running + FailedEvent = Failed,
            Running + Expired = Failed,
            Running + Succeeded = Succeed,
            Cancelling + Stopped = Cancelled,
            Cancelling + Expired = Cancelled,
        }
    }
}

use law::{Events, StateMachine, StateMachineContext, States};

struct Nothing;

impl StateMachineContext for Nothing {}

pub(super) struct Smlang(StateMachine<Nothing>);

impl Clone for Smlang {
    fn clone(&self) -> Self {
        Self(StateMachine::new_with_state(Nothing, *self.0.state()))
    }
}

impl super::Law for Smlang {
    type Event = Events;

    fn at(status: JobStatus) -> Self {
        let state = match status {
            JobStatus::Created => States::Created,
            JobStatus::Pending => States::Pending,
            JobStatus::Provisioning => States::Provisioning,
            JobStatus::Running => States::Running,
            JobStatus::Failed => States::Failed,
            JobStatus::Succeed => States::Succeed,
            JobStatus::Cancelling => States::Cancelling,
            JobStatus::Cancelled => States::Cancelled,
        };
        Self(StateMachine::new_with_state(Nothing, state))
    }

    fn event(event: EventKind) -> Events {
        match event {
            EventKind::Uploaded => Events::Uploaded,
            EventKind::Started => Events::Started,
            EventKind::Replaced => Events::Replaced,
            EventKind::Claimed => Events::Claimed,
            EventKind::Provisioned => Events::Provisioned,
            EventKind::Reclaimed => Events::Reclaimed,
            EventKind::Resolved => Events::Resolved,
            EventKind::StepStarted => Events::StepStarted,
            EventKind::StepEnded => Events::StepEnded,
            EventKind::StopRequested => Events::StopRequested,
            EventKind::Stopped => Events::Stopped,
            EventKind::Skipped => Events::Skipped,
            EventKind::Failed => Events::FailedEvent,
            EventKind::Expired => Events::Expired,
            EventKind::Succeeded => Events::Succeeded,
        }
    }

    fn step(&mut self, event: Events) -> bool {
        self.0.process_event(event).is_ok()
    }

    fn status(&self) -> JobStatus {
        match self.0.state() {
            States::Created => JobStatus::Created,
            States::Pending => JobStatus::Pending,
            States::Provisioning => JobStatus::Provisioning,
            States::Running => JobStatus::Running,
            States::Failed => JobStatus::Failed,
            States::Succeed => JobStatus::Succeed,
            States::Cancelling => JobStatus::Cancelling,
            States::Cancelled => JobStatus::Cancelled,
        }
    }
}
