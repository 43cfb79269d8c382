//! The law in the words of `rust-fsm`, on our own types.

use rust_fsm::{StateMachine, state_machine};
use windlass::{EventKind, JobStatus};

state_machine! {
    #[state_machine(input(windlass::EventKind), state(windlass::JobStatus))]
    law(Created)

    Created => {
        Uploaded => Created,
        Started => Pending,
        Stopped => Cancelled,
        Expired => Failed,
    },
    Pending => {
        Replaced => Pending,
        Claimed => Provisioning,
        Stopped => Cancelled,
        Expired => Failed,
    },
    Provisioning => {
        Provisioned => Running,
        Reclaimed => Provisioning,
        StopRequested => Cancelling,
        Failed => Failed,
        Expired => Failed,
    },
    Running => {
        Reclaimed => Running,
        Resolved => Running,
        StepStarted => Running,
        StepEnded => Running,
        StopRequested => Cancelling,
        Skipped => Cancelled,
        Failed => Failed,
        Expired => Failed,
        Succeeded => Succeed,
    },
    Cancelling => {
        Stopped => Cancelled,
        Expired => Cancelled,
    }
}

pub(super) struct RustFsm(StateMachine<law::Impl>);

/// The crate's own `Clone` asks for more than it needs.
impl Clone for RustFsm {
    fn clone(&self) -> Self {
        Self(StateMachine::from_state(*self.0.state()))
    }
}

impl super::Law for RustFsm {
    type Event = EventKind;

    fn at(status: JobStatus) -> Self {
        Self(StateMachine::from_state(status))
    }

    fn event(event: EventKind) -> EventKind {
        event
    }

    fn step(&mut self, event: EventKind) -> bool {
        self.0.consume(&event).is_ok()
    }

    fn status(&self) -> JobStatus {
        *self.0.state()
    }
}
