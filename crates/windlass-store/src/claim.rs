//! Which of the jobs that want a runner one gets, and what is stored of that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use windlass::{AppId, Attempt, Command, Job, Report, StepName, next_to_claim};

use crate::execute::outcome;
use crate::{Append, Candidate, Executed, Extras, JobKey, Lease, Store, StoreError, StoredBranch, Work};

/// How many candidates more than there is room for are looked at, since some may be damaged, or another's by then.
const SPARE: usize = 16;

/// What a runner asks for.
#[derive(Clone, Debug)]
pub struct Claims {
    /// The hold that it will have on each job.
    pub lease: Lease,
    /// How many jobs it has room for.
    pub room: usize,
    /// Those that it has in hand, which it is not given again.
    pub in_hand: Vec<JobKey>,
    /// How many jobs may be in work at a time, whoever has them.
    pub concurrent: u64,
    /// When that is, by its own clock.
    pub now: DateTime<Utc>,
}

impl Claims {
    /// How many candidates of each kind a store looks at.
    #[must_use]
    pub fn look(&self) -> usize {
        self.room.saturating_add(self.in_hand.len()).saturating_add(SPARE)
    }
}

/// Gives a runner what there is for it to do. Answers what became of each job that it was given, of those too that have
/// ended instead: by time, or because they were lost once too often.
///
/// # Errors
///
/// Those of the store. Nobody knows then what was stored; what was is lost when its hold has run out.
pub async fn claim(store: &dyn Store, claims: &Claims) -> Result<Vec<Executed>, StoreError> {
    let claimed = store.claim(claims).await?;
    claimed.iter().for_each(Executed::tell);
    Ok(claimed)
}

/// Decides for a store, which knows no rules: it says what [work](Work) there is; until that is [done](Self::is_done) it loads
/// the jobs whose [turn](Self::turn) it is, each with its branch, and has it [decided](Self::decide) what becomes of them; at
/// the [end](Self::end) it stores that. Until then nothing of what it has said may change.
#[derive(Debug)]
pub struct Claiming<'a> {
    claims: &'a Claims,
    working: BTreeMap<AppId, u64>,
    candidates: VecDeque<Candidate>,
    taken: usize,
    decided: Vec<(Append, Executed)>,
}

impl<'a> Claiming<'a> {
    /// Nothing is decided yet.
    #[must_use]
    pub fn new(claims: &'a Claims, work: Work) -> Self {
        let (in_hand, candidates): (Vec<_>, Vec<_>) =
            work.candidates.into_iter().partition(|candidate| claims.in_hand.contains(&candidate.key));
        let working = work.working.into_iter().collect();
        let mut claiming = Self { claims, working, candidates: candidates.into(), taken: 0, decided: Vec::new() };
        for candidate in in_hand.into_iter().filter(|candidate| candidate.lost) {
            // Its hold has lapsed, and it works on it all the same.
            claiming.enter(&candidate.app);
        }
        claiming
    }

    /// Whether there is nothing for this runner to do, or no more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.taken >= self.claims.room || self.choose().is_none()
    }

    /// The jobs whose turn it is, to be loaded: they are the runner's if nothing is in the way.
    pub fn turn(&mut self) -> Vec<Candidate> {
        let mut chosen = Vec::new();
        while self.taken + chosen.len() < self.claims.room
            && let Some(index) = self.choose()
            && let Some(candidate) = self.candidates.remove(index)
        {
            self.enter(&candidate.app);
            chosen.push(candidate);
        }
        chosen
    }

    /// Those of lost runners first: they have waited, and each holds up its branch.
    fn choose(&self) -> Option<usize> {
        let lost = self.candidates.front()?.lost;
        let mut apps = BTreeSet::new();
        let alike = self.candidates.iter().enumerate().take_while(|(_, candidate)| candidate.lost == lost);
        let first_of_each: Vec<_> = alike.filter(|(_, candidate)| apps.insert(&candidate.app)).collect();
        let working: Vec<_> = self.working.iter().map(|(app, count)| (app, *count)).collect();
        let waiting: Vec<_> = first_of_each.iter().map(|(_, candidate)| &candidate.app).collect();
        let next = next_to_claim(self.claims.concurrent, &working, &waiting)?;
        first_of_each.get(next).map(|(index, _)| *index)
    }

    /// Decides what becomes of a job whose turn it is, as it was loaded. `None` where another has it: it is being changed, or
    /// its runner is not lost after all.
    pub fn decide(&mut self, candidate: &Candidate, found: Option<(StoredBranch, Job)>) {
        let Some((branch, job)) = found else {
            // Whoever has one that seemed lost may well work on it.
            if !candidate.lost {
                self.pass_over(candidate);
            }
            return;
        };
        let (seq, commands) = (job.seq(), commands(&job, candidate.lost));
        let change = branch.branch.handle_all(&job, &commands, self.claims.now);
        let extras = Extras { lease: Some(self.claims.lease.clone()), ..Extras::default() };
        let (append, executed) = outcome(branch, seq, change, &extras);
        if executed.answer.is_ok() && executed.job.status().is_working() {
            self.taken += 1;
        } else {
            self.pass_over(candidate);
        }
        self.decided.extend(append.map(|append| (append, executed)));
    }

    /// A job whose turn it is cannot be had.
    pub fn pass_over(&mut self, candidate: &Candidate) {
        if let Some(count) = self.working.get_mut(&candidate.app) {
            *count = count.saturating_sub(1);
        }
    }

    /// What is to be stored, by branch, and what the answer is about each once it is. No two are of one branch.
    #[must_use]
    pub fn end(mut self) -> Vec<(Append, Executed)> {
        self.decided.sort_by_key(|(append, _)| append.key);
        self.decided
    }

    fn enter(&mut self, app: &AppId) {
        *self.working.entry(app.clone()).or_default() += 1;
    }
}

/// A claim and the start of the first step.
fn commands(job: &Job, lost: bool) -> Vec<Command> {
    let (claim, attempt) = if lost {
        let lost = job.attempt();
        (Command::Reclaim { attempt: lost }, lost.next())
    } else {
        (Command::Claim, Some(Attempt::new(1)))
    };
    // It has been lost once too often: claiming it ends it.
    let Some(attempt) = attempt else { return vec![claim] };
    let first = if job.birth().source.needs_build() { StepName::Build } else { StepName::Deploy };
    vec![
        claim,
        Command::Report { attempt, report: Report::Provisioned },
        Command::Report { attempt, report: Report::StepStarted(first) },
    ]
}
