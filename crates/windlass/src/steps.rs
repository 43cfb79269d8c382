//! The steps of a job, whose statuses follow from the job's own.

use chrono::{DateTime, Utc};
use strum::{EnumCount, VariantArray};

use crate::{JobStatus, StepName};

/// A step that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Step {
    /// When it began.
    #[cfg_attr(feature = "serde", serde(with = "chrono::serde::ts_milliseconds"))]
    pub started: DateTime<Utc>,
    /// When it ended. A step never outlives its job.
    #[cfg_attr(
        feature = "serde",
        serde(default, with = "chrono::serde::ts_milliseconds_option", skip_serializing_if = "Option::is_none")
    )]
    pub ended: Option<DateTime<Utc>>,
    /// RUNNING, CANCELLING, or how it ended.
    pub status: JobStatus,
}

/// The steps that have begun, one place for each name. At most the last one is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Steps([Option<Step>; StepName::COUNT]);

impl Steps {
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (StepName, &Step)> {
        StepName::VARIANTS.iter().zip(&self.0).filter_map(|(name, step)| Some((*name, step.as_ref()?)))
    }

    pub(crate) fn get(&self, name: StepName) -> Option<&Step> {
        self.0[name as usize].as_ref()
    }

    /// The step that has not ended.
    pub(crate) fn open(&self) -> Option<StepName> {
        // All are looked at: to stop at the first would cost a branch that no processor foresees.
        let open = |(_, step): &(StepName, &Step)| step.ended.is_none();
        self.iter().rev().filter(open).fold(None, |_, (name, _)| Some(name))
    }

    /// Whether no step is open and none as late as `name` has begun.
    pub(crate) fn may_start(&self, name: StepName) -> bool {
        self.open().is_none() && self.0[name as usize..].iter().all(Option::is_none)
    }

    pub(crate) fn start(&mut self, name: StepName, at: DateTime<Utc>) {
        self.0[name as usize] = Some(Step { started: at, ended: None, status: JobStatus::Running });
    }

    pub(crate) fn end(&mut self, name: StepName, status: JobStatus, at: DateTime<Utc>) {
        if let Some(step) = &mut self.0[name as usize] {
            step.ended = Some(at);
            step.status = status;
        }
    }

    /// Shows that the open step was told to stop.
    pub(crate) fn cancel(&mut self) {
        if let Some(open) = self.open()
            && let Some(step) = &mut self.0[open as usize]
        {
            step.status = JobStatus::Cancelling;
        }
    }

    /// Ends the open step as the job ends.
    pub(crate) fn close(&mut self, status: JobStatus, at: DateTime<Utc>) {
        if let Some(open) = self.open() {
            self.end(open, status, at);
        }
    }
}
