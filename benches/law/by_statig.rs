//! The law in the words of `statig`.

#![expect(clippy::wildcard_enum_match_arm, reason = "an event that a state does not know is statig's `Super`")]

use statig::prelude::*;
use windlass::{EventKind, JobStatus};

#[derive(Clone, Default)]
pub(super) struct Job;

/// Whether an event was refused is told to the context, because statig does not say it.
#[state_machine(initial = "State::created()", state(derive(Clone, Copy)))]
impl Job {
    #[state]
    fn created(context: &mut bool, event: &EventKind) -> Outcome<State> {
        match event {
            EventKind::Uploaded => Handled,
            EventKind::Started => Transition(State::pending()),
            EventKind::Stopped => Transition(State::cancelled()),
            EventKind::Expired => Transition(State::failed()),
            _ => refuse(context),
        }
    }

    #[state]
    fn pending(context: &mut bool, event: &EventKind) -> Outcome<State> {
        match event {
            EventKind::Replaced => Handled,
            EventKind::Claimed => Transition(State::provisioning()),
            EventKind::Stopped => Transition(State::cancelled()),
            EventKind::Expired => Transition(State::failed()),
            _ => refuse(context),
        }
    }

    #[state]
    fn provisioning(context: &mut bool, event: &EventKind) -> Outcome<State> {
        match event {
            EventKind::Provisioned => Transition(State::running()),
            EventKind::Reclaimed => Handled,
            EventKind::StopRequested => Transition(State::cancelling()),
            EventKind::Failed | EventKind::Expired => Transition(State::failed()),
            _ => refuse(context),
        }
    }

    #[state]
    fn running(context: &mut bool, event: &EventKind) -> Outcome<State> {
        match event {
            EventKind::Reclaimed | EventKind::Resolved | EventKind::StepStarted | EventKind::StepEnded => Handled,
            EventKind::StopRequested => Transition(State::cancelling()),
            EventKind::Skipped => Transition(State::cancelled()),
            EventKind::Failed | EventKind::Expired => Transition(State::failed()),
            EventKind::Succeeded => Transition(State::succeed()),
            _ => refuse(context),
        }
    }

    #[state]
    fn cancelling(context: &mut bool, event: &EventKind) -> Outcome<State> {
        match event {
            EventKind::Stopped | EventKind::Expired => Transition(State::cancelled()),
            _ => refuse(context),
        }
    }

    #[state]
    fn failed(context: &mut bool) -> Outcome<State> {
        refuse(context)
    }

    #[state]
    fn succeed(context: &mut bool) -> Outcome<State> {
        refuse(context)
    }

    #[state]
    fn cancelled(context: &mut bool) -> Outcome<State> {
        refuse(context)
    }
}

fn refuse(legal: &mut bool) -> Outcome<State> {
    *legal = false;
    Super
}

#[derive(Clone)]
pub(super) struct Statig(StateMachine<Job>);

impl super::Law for Statig {
    type Event = EventKind;

    /// A machine of statig begins in its first state and is led to the others.
    fn at(status: JobStatus) -> Self {
        let way: &[EventKind] = match status {
            JobStatus::Created => &[],
            JobStatus::Pending => &[EventKind::Started],
            JobStatus::Provisioning => &[EventKind::Started, EventKind::Claimed],
            JobStatus::Running => &[EventKind::Started, EventKind::Claimed, EventKind::Provisioned],
            JobStatus::Failed => &[EventKind::Expired],
            JobStatus::Succeed => {
                &[EventKind::Started, EventKind::Claimed, EventKind::Provisioned, EventKind::Succeeded]
            }
            JobStatus::Cancelling => &[EventKind::Started, EventKind::Claimed, EventKind::StopRequested],
            JobStatus::Cancelled => &[EventKind::Stopped],
        };
        let mut machine = Job.state_machine();
        machine.init_with_context(&mut true);
        for event in way {
            machine.handle_with_context(event, &mut true);
        }
        Self(machine)
    }

    fn event(event: EventKind) -> EventKind {
        event
    }

    fn step(&mut self, event: EventKind) -> bool {
        let mut legal = true;
        self.0.handle_with_context(&event, &mut legal);
        legal
    }

    fn status(&self) -> JobStatus {
        match self.0.state() {
            State::Created {} => JobStatus::Created,
            State::Pending {} => JobStatus::Pending,
            State::Provisioning {} => JobStatus::Provisioning,
            State::Running {} => JobStatus::Running,
            State::Failed {} => JobStatus::Failed,
            State::Succeed {} => JobStatus::Succeed,
            State::Cancelling {} => JobStatus::Cancelling,
            State::Cancelled {} => JobStatus::Cancelled,
        }
    }
}
