//! Watching a job to its end.

use core::hash::BuildHasher as _;
use core::time::Duration;
use std::hash::RandomState;

use aws_sdk_amplify::Client;
use chrono::TimeDelta;
use tokio::time::{Instant, sleep_until, timeout};
use windlass::{Observation, Observer, Pace};

use crate::look::GET_JOB;
use crate::{Error, JobRef, Look, get_job};

/// A job that is looked at again and again until it has ended.
///
/// [`next`](Self::next) waits for its moment, asks GetJob, and says what an [`Observer`] makes of the answer. It looks
/// soon after it saw something new, and more and more rarely while nothing happens, by the [`Pace`]; each pause is up
/// to a fifth shorter than that, at random, so that many watches do not look all at once.
///
/// A service that throttles, fails or cannot be reached is asked again, ever more rarely, until
/// [patience](Self::with_patience) ends. The SDK's own few retries come before that. A look that has no answer after two
/// minutes gets none, whatever the client's own time limits are.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    job: JobRef,
    observer: Observer,
    patience: Duration,
    /// When the next look may be; none before the first.
    due: Option<Instant>,
    /// When the first of the looks was that had no answer since the last that had one.
    silent_since: Option<Instant>,
    ended: bool,
    looks: u64,
    random: RandomState,
}

/// What a [`Watch`] saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What was answered. If it [is not believed](Observation::is_believed), it is older than what was seen before.
    pub look: Look,
    /// What it says beside the answer before, contradictions included.
    pub observation: Observation,
}

impl Watch {
    /// How long a watch waits for an answer unless told otherwise: five minutes.
    pub const PATIENCE: Duration = Duration::from_secs(300);

    /// A watch on `job`, at the default [`Pace`]. Nothing is asked before the first [`next`](Self::next).
    #[must_use]
    pub fn new(client: Client, job: JobRef) -> Self {
        Self {
            client,
            job,
            observer: Observer::default(),
            patience: Self::PATIENCE,
            due: None,
            silent_since: None,
            ended: false,
            looks: 0,
            random: RandomState::new(),
        }
    }

    /// The same, looking as often as `pace` says.
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self { observer: Observer::new(pace), ..self }
    }

    /// The same, giving up after so long without an answer. Without any patience, the first look that gets none is an
    /// error.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Which job is watched.
    #[must_use]
    pub const fn job(&self) -> &JobRef {
        &self.job
    }

    /// What the next look sees, in its time; `None` once the job's end was seen.
    ///
    /// Every answer is handed on, whether it brings anything new or not.
    ///
    /// It may be dropped while it waits, and called again: the pause goes on where it was, and nothing that was seen is
    /// lost. After an error too it may be called again, and looks again.
    ///
    /// # Errors
    ///
    /// At once where the service refuses, [`Error::NotFound`] among that. Once patience ends where it does not answer
    /// or will not now, with what was in the way last.
    pub async fn next(&mut self) -> Result<Option<Seen>, Error> {
        while !self.ended {
            if let Some(due) = self.due {
                sleep_until(due).await;
            }
            match self.look().await {
                Ok(look) => return Ok(Some(self.saw(look))),
                Err(error) => self.missed(error)?,
            }
        }
        Ok(None)
    }

    async fn look(&self) -> Result<Look, Error> {
        let answer = timeout(LONGEST_LOOK, get_job(&self.client, &self.job)).await;
        let silence = |elapsed| Error::NoAnswer { operation: GET_JOB, timed_out: true, source: Box::new(elapsed) };
        answer.map_err(silence)?
    }

    fn saw(&mut self, look: Look) -> Seen {
        let observation = self.observer.observe(look.job.summary.clone());
        self.silent_since = None;
        match observation.next_look {
            Some(pause) => self.pause(pause, Duration::MAX),
            None => self.ended = true,
        }
        Seen { look, observation }
    }

    /// Waits for better times, if they may come and patience lasts.
    fn missed(&mut self, error: Error) -> Result<(), Error> {
        let silent_for = self.silent_since.get_or_insert_with(Instant::now).elapsed();
        let left = self.patience.saturating_sub(silent_for);
        let pause = self.observer.missed();
        if error.is_transient() && !left.is_zero() {
            self.pause(pause, left);
            return Ok(());
        }
        self.silent_since = None;
        self.pause(pause, Duration::MAX);
        Err(error)
    }

    fn pause(&mut self, pause: TimeDelta, longest: Duration) {
        let pause = pause.to_std().unwrap_or_default();
        self.looks += 1;
        let share = u32::try_from(self.random.hash_one(self.looks) % 1000).unwrap_or_default();
        let pause = (pause - pause / 5000 * share).min(longest).min(A_YEAR);
        self.due = Some(Instant::now() + pause);
    }
}

/// A connection may die without a word, and not every client has a limit for that.
const LONGEST_LOOK: Duration = Duration::from_secs(120);

/// Longer than anyone waits, and short enough for a clock to hold.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
