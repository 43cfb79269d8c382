//! A branch as someone would draw it who knows no table: plain lists, and every question answered by looking at
//! all jobs.

use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

/// One thing that is done to a branch. Jobs are counted back from the newest, 0, so that a list of deeds still makes
/// sense when the jobs before are struck out of it.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Create(Content),
    Push,
    Retry(usize),
    Delete(usize),
    Ask(usize, Request),
    /// The clock moves, or jumps back.
    Wait(i64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    Zip,
    TwoFiles,
    Url,
    Commit,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    Upload(u32),
    Start,
    Replace,
    Stop,
    Claim,
    Expire,
    Reclaim(Fence),
    Say(Fence, Word),
}

/// Whose word it is: that of the runner that has the job, of the one before, or of one that never had it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fence {
    Current,
    Former,
    Next,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Word {
    Provisioned,
    /// Which of two commits it is; the first is what the job was made for.
    Resolved(u8),
    StepStarted(usize),
    StepEnded(usize),
    Failed(&'static str),
    Skipped,
    Succeeded(u64),
    Stopped,
}

/// The branch, the clock, and what was answered last.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) now: i64,
    pub(crate) jobs: Vec<Drawn>,
    pub(crate) live: Option<usize>,
    pub(crate) answer: Answer,
}

/// Obeyed, or refused for a reason.
pub(crate) type Answer = Result<(), &'static str>;

#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) deleted: bool,
    pub(crate) built: bool,
    pub(crate) commit: Option<u8>,
    pub(crate) filled: Vec<bool>,
    pub(crate) status: &'static str,
    pub(crate) records: u32,
    pub(crate) since: i64,
    pub(crate) at: i64,
    pub(crate) attempt: u32,
    pub(crate) steps: Vec<(usize, &'static str)>,
    pub(crate) why: &'static str,
    pub(crate) artifact: Option<u64>,
    pub(crate) goes_back_to: Option<u64>,
}

impl ReferenceStateMachine for Picture {
    type State = Self;
    type Transition = Deed;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self { now: 1_767_258_000_000, jobs: Vec::new(), live: None, answer: Ok(()) }).boxed()
    }

    fn transitions(picture: &Self) -> BoxedStrategy<Deed> {
        let makes = prop_oneof![any_content().prop_map(Deed::Create), Just(Deed::Push)];
        let back = |back: &usize| &picture.jobs[picture.jobs.len() - 1 - back];
        let all: Vec<usize> = (0..picture.jobs.len()).filter(|job| !back(job).deleted).collect();
        let unfinished: Vec<usize> = all.iter().copied().filter(|job| !back(job).ended()).collect();
        if all.is_empty() {
            return makes.boxed();
        }
        let likely = if unfinished.is_empty() { all.clone() } else { unfinished };
        let around: Vec<i64> = likely.iter().filter_map(|job| back(job).deadline()).collect();
        // Most of what a clock can do wrong, it does around a deadline.
        let now = picture.now;
        let a_while = (-30_000..60_000i64).boxed();
        let until_due = if around.is_empty() {
            a_while.clone()
        } else {
            (select(around), -1..2i64).prop_map(move |(deadline, off)| deadline + off - now).boxed()
        };
        let leads_on =
            |job: &usize| back(job).leads_on().into_iter().map(|request| (*job, request)).collect::<Vec<_>>();
        let onwards: Vec<_> = likely.iter().flat_map(leads_on).collect();
        let ask = |(job, request)| Deed::Ask(job, request);
        prop_oneof![
            4 => makes,
            2 => select(all.clone()).prop_map(Deed::Retry),
            1 => select(all.clone()).prop_map(Deed::Delete),
            16 => select(onwards).prop_map(ask),
            8 => (select(likely), any_request()).prop_map(ask),
            2 => (select(all), any_request()).prop_map(ask),
            2 => a_while.prop_map(Deed::Wait),
            1 => until_due.prop_map(Deed::Wait),
        ]
        .boxed()
    }

    fn preconditions(picture: &Self, deed: &Deed) -> bool {
        match deed {
            Deed::Create(_) | Deed::Push | Deed::Wait(_) => true,
            Deed::Retry(back) | Deed::Delete(back) | Deed::Ask(back, _) => {
                picture.jobs.iter().nth_back(*back).is_some_and(|job| !job.deleted)
            }
        }
    }

    fn apply(mut picture: Self, deed: &Deed) -> Self {
        picture.answer = picture.does(deed);
        picture
    }
}

fn any_content() -> impl Strategy<Value = Content> {
    select(vec![Content::Zip, Content::TwoFiles, Content::Url, Content::Commit])
}

fn any_request() -> impl Strategy<Value = Request> {
    let fence =
        || select(vec![Fence::Current, Fence::Current, Fence::Current, Fence::Current, Fence::Former, Fence::Next]);
    let word = prop_oneof![
        2 => Just(Word::Provisioned),
        1 => (0..2u8).prop_map(Word::Resolved),
        3 => (0..4usize).prop_map(Word::StepStarted),
        3 => (0..4usize).prop_map(Word::StepEnded),
        1 => select(vec!["no index.html", "disk full"]).prop_map(Word::Failed),
        1 => Just(Word::Skipped),
        2 => (0..2u64).prop_map(Word::Succeeded),
        2 => Just(Word::Stopped),
    ];
    prop_oneof![
        3 => (0..3u32).prop_map(Request::Upload),
        2 => Just(Request::Start),
        1 => Just(Request::Replace),
        1 => Just(Request::Stop),
        4 => Just(Request::Claim),
        1 => Just(Request::Expire),
        2 => fence().prop_map(Request::Reclaim),
        9 => (fence(), word).prop_map(|(fence, word)| Request::Say(fence, word)),
    ]
}

impl Picture {
    fn does(&mut self, deed: &Deed) -> Answer {
        match *deed {
            Deed::Create(content) => self.create(content.slots(), matches!(content, Content::Commit)),
            Deed::Push => match self.waiting() {
                Some(job) => self.asks(job, Request::Replace),
                None => self.makes(0, true),
            },
            Deed::Retry(back) => self.retry(self.jobs.len() - 1 - back),
            Deed::Delete(back) => self.delete(self.jobs.len() - 1 - back),
            Deed::Ask(back, request) => self.asks(self.jobs.len() - 1 - back, request),
            Deed::Wait(millis) => {
                self.now += millis;
                Ok(())
            }
        }
    }

    fn retry(&mut self, job: usize) -> Answer {
        let Drawn { status, built, commit, ref filled, artifact, goes_back_to, .. } = self.jobs[job];
        if !self.jobs[job].ended() {
            Err("not ended")
        } else if filled.contains(&false) && status != "SUCCEED" {
            Err("nothing to retry")
        } else {
            self.create(0, built)?;
            if let Some(new) = self.jobs.last_mut() {
                new.commit = commit;
                new.goes_back_to = artifact.or(goes_back_to).filter(|_| !built);
            }
            Ok(())
        }
    }

    fn delete(&mut self, job: usize) -> Answer {
        if !self.jobs[job].ended() {
            return Err("not ended");
        }
        if self.live == Some(job) {
            return Err("live");
        }
        self.jobs[job].deleted = true;
        Ok(())
    }

    fn create(&mut self, slots: usize, built: bool) -> Answer {
        let free = |job: &Drawn| job.ended() || job.status == "CANCELLING";
        if self.jobs.iter().all(free) { self.makes(slots, built) } else { Err("busy") }
    }

    fn makes(&mut self, slots: usize, built: bool) -> Answer {
        let (status, records) = if slots > 0 { ("CREATED", 1) } else { ("PENDING", 2) };
        let (since, at) = (self.now, self.now);
        let (filled, steps, deleted, attempt, why) = (vec![false; slots], vec![], false, 0, "");
        let (commit, artifact, goes_back_to) = (built.then_some(0), None, None);
        self.jobs.push(Drawn {
            deleted,
            built,
            commit,
            filled,
            status,
            records,
            since,
            at,
            attempt,
            steps,
            why,
            artifact,
            goes_back_to,
        });
        Ok(())
    }

    fn asks(&mut self, job: usize, request: Request) -> Answer {
        let other_works = self.working().is_some_and(|other| other != job);
        let before = self.jobs[job].status;
        self.jobs[job].waits_until(self.now);
        if matches!(request, Request::Claim) && other_works {
            return Err("busy");
        }
        self.jobs[job].hears(request, self.now)?;
        if before != "SUCCEED" && self.jobs[job].status == "SUCCEED" {
            self.live = Some(job);
        }
        Ok(())
    }

    pub(crate) fn waiting(&self) -> Option<usize> {
        self.jobs.iter().position(|job| ["CREATED", "PENDING"].contains(&job.status))
    }

    pub(crate) fn working(&self) -> Option<usize> {
        self.jobs.iter().position(|job| ["PROVISIONING", "RUNNING", "CANCELLING"].contains(&job.status))
    }
}

impl Drawn {
    fn ended(&self) -> bool {
        ["SUCCEED", "FAILED", "CANCELLED"].contains(&self.status)
    }

    /// What comes next where all goes well.
    fn leads_on(&self) -> Vec<Request> {
        let say = |word| Request::Say(Fence::Current, word);
        match (self.status, self.steps.last()) {
            ("CREATED", _) => match self.filled.iter().position(|filled| !filled) {
                Some(0) => vec![Request::Upload(0)],
                Some(_) => vec![Request::Upload(1)],
                None => vec![Request::Start],
            },
            ("PENDING", _) => vec![Request::Claim],
            ("PROVISIONING", _) => vec![say(Word::Provisioned)],
            ("RUNNING", Some((step, "RUNNING"))) => vec![say(Word::StepEnded(*step))],
            ("RUNNING", Some((step, _))) if *step < 3 => {
                vec![say(Word::StepStarted(step + 1)), say(Word::Succeeded(0))]
            }
            ("RUNNING", _) => vec![say(Word::StepStarted(0)), say(Word::Succeeded(0))],
            ("CANCELLING", _) => vec![say(Word::Stopped)],
            _ => vec![Request::Stop],
        }
    }

    pub(crate) fn deadline(&self) -> Option<i64> {
        let seconds = match self.status {
            "CREATED" => 28_800,
            "PENDING" => 86_400,
            "PROVISIONING" => 600,
            "RUNNING" => 1_800,
            "CANCELLING" => 10,
            _ => return None,
        };
        Some(self.since + seconds * 1_000)
    }

    fn waits_until(&mut self, now: i64) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            if self.status == "CANCELLING" {
                self.ends("CANCELLED", "stopped", now)
            } else {
                self.ends("FAILED", "late", now)
            }
        }
    }

    fn hears(&mut self, request: Request, now: i64) -> Answer {
        match request {
            Request::Upload(slot) => {
                self.must_be(&["CREATED"])?;
                *self.filled.get_mut(slot as usize).ok_or("no such slot")? = true;
                self.notes(now);
            }
            Request::Start => {
                self.must_be(&["CREATED"])?;
                if self.filled.contains(&false) {
                    return Err("uploads missing");
                }
                self.turns("PENDING", now);
            }
            Request::Replace if !self.built && !self.ended() => return Err("busy"),
            Request::Replace => {
                self.must_be(&["PENDING"])?;
                self.commit = Some(0);
                self.notes(now);
            }
            Request::Stop => match self.status {
                "CANCELLING" => {}
                "CREATED" | "PENDING" => self.ends("CANCELLED", "stopped", now),
                _ => {
                    self.must_be(&["PROVISIONING", "RUNNING"])?;
                    self.turns("CANCELLING", now);
                    self.shows_on_the_open_step("CANCELLING");
                }
            },
            Request::Claim => {
                self.must_be(&["PENDING"])?;
                self.attempt = 1;
                self.turns("PROVISIONING", now);
                if !self.built {
                    self.turns("RUNNING", now);
                }
            }
            Request::Expire => {}
            Request::Reclaim(fence) => {
                self.must_be_heard(fence)?;
                self.must_be(&["PROVISIONING", "RUNNING"])?;
                if self.attempt == 3 {
                    self.ends("FAILED", "lost", now);
                } else {
                    self.attempt += 1;
                    self.steps.clear();
                    self.notes(now);
                }
            }
            Request::Say(fence, word) => {
                self.must_be_heard(fence)?;
                self.is_told(word, now)?;
            }
        }
        Ok(())
    }

    fn is_told(&mut self, word: Word, now: i64) -> Answer {
        let open = self.steps.last().filter(|(_, status)| *status == "RUNNING").map(|(step, _)| *step);
        match word {
            Word::Provisioned if self.status == "RUNNING" => {}
            Word::Provisioned => {
                self.must_be(&["PROVISIONING"])?;
                self.turns("RUNNING", now);
            }
            Word::Resolved(commit) if self.status != "CANCELLING" && self.commit == Some(commit) => {}
            Word::Resolved(commit) => {
                self.must_be(&["RUNNING"])?;
                if !self.built {
                    return Err("not built");
                }
                self.commit = Some(commit);
                self.notes(now);
            }
            Word::StepStarted(step) => {
                if self.status != "CANCELLING" && self.steps.iter().any(|(begun, _)| *begun == step) {
                    return Ok(());
                }
                self.must_be(&["RUNNING"])?;
                if open.is_some() || self.steps.iter().any(|(earlier, _)| *earlier >= step) {
                    return Err("out of turn");
                }
                self.steps.push((step, "RUNNING"));
                self.notes(now);
            }
            Word::StepEnded(step) => {
                if self.status != "CANCELLING" && self.steps.contains(&(step, "SUCCEED")) {
                    return Ok(());
                }
                self.must_be(&["RUNNING"])?;
                if open != Some(step) {
                    return Err("out of turn");
                }
                self.shows_on_the_open_step("SUCCEED");
                self.notes(now);
            }
            Word::Failed(reason) if self.why == reason => {}
            Word::Failed(reason) => {
                self.must_be(&["PROVISIONING", "RUNNING"])?;
                self.ends("FAILED", reason, now);
            }
            Word::Skipped if self.why == "skipped" => {}
            Word::Skipped => {
                self.must_be(&["RUNNING"])?;
                self.ends("CANCELLED", "skipped", now);
            }
            Word::Succeeded(object) if self.artifact == Some(object) => {}
            Word::Succeeded(object) => {
                self.must_be(&["RUNNING"])?;
                if open.is_some() {
                    return Err("out of turn");
                }
                if self.goes_back_to.is_some_and(|old| old != object) {
                    return Err("other artifact");
                }
                self.artifact = Some(object);
                self.ends("SUCCEED", "", now);
            }
            Word::Stopped if self.why == "stopped" => {}
            Word::Stopped => {
                self.must_be(&["CANCELLING"])?;
                self.ends("CANCELLED", "stopped", now);
            }
        }
        Ok(())
    }

    fn must_be(&self, statuses: &[&str]) -> Answer {
        if statuses.contains(&self.status) { Ok(()) } else { Err("illegal") }
    }

    fn must_be_heard(&self, fence: Fence) -> Answer {
        match fence {
            Fence::Current if self.attempt > 0 => Ok(()),
            Fence::Current | Fence::Former | Fence::Next => Err("stale"),
        }
    }

    fn notes(&mut self, now: i64) {
        self.records += 1;
        self.at = self.at.max(now);
    }

    fn turns(&mut self, status: &'static str, now: i64) {
        self.notes(now);
        self.status = status;
        self.since = self.at;
    }

    fn ends(&mut self, status: &'static str, why: &'static str, now: i64) {
        self.turns(status, now);
        self.why = why;
        self.shows_on_the_open_step(status);
    }

    fn shows_on_the_open_step(&mut self, status: &'static str) {
        if let Some((_, last @ ("RUNNING" | "CANCELLING"))) = self.steps.last_mut() {
            *last = status;
        }
    }
}

impl Content {
    const fn slots(self) -> usize {
        match self {
            Self::Zip => 1,
            Self::TwoFiles => 2,
            Self::Url | Self::Commit => 0,
        }
    }
}
