//! Following a job by samples of its summary: what must have happened between two, what cannot be, when to look again.

#![cfg(feature = "serde")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use proptest::prelude::*;
use proptest::sample::Index;
use strum::VariantArray;
use support::{commands, sources, start};
use windlass::wire::{JobSummary, Open};
use windlass::{
    Account, Arn, Artifact, Attempt, Command, Contradiction, EventKind, Job, JobId, JobStatus, JobType, Member, NewJob,
    Observation, Observer, Pace, Record, Report, Resource, Source, SourceUrlType, TRANSITIONS, Transition,
};

#[allow(dead_code, reason = "other tests use the rest of it")]
mod support;

#[test]
fn between_any_two_statuses_lies_what_every_way_between_them_has_in_common() {
    for from in JobStatus::VARIANTS {
        for to in JobStatus::VARIANTS {
            let ways = ways(*from, *to);
            assert_eq!(from.can_reach(*to), !ways.is_empty(), "{from} to {to}");
            let passed: Vec<_> = from.must_pass(*to).collect();
            let happened: Vec<_> = from.must_happen(*to).collect();
            let between = |way: &[Transition]| way.iter().skip(1).map(|step| step.from).collect::<Vec<_>>();
            assert_eq!(passed, common(ways.iter().map(|way| between(way)).collect()), "{from} to {to}");
            let events = ways.iter().map(|way| way.iter().map(|step| step.event).collect()).collect();
            assert_eq!(happened, common(events), "{from} to {to}");
        }
    }
}

/// Every way through the law that meets no status twice; the one that goes nowhere included.
fn ways(from: JobStatus, to: JobStatus) -> Vec<Vec<Transition>> {
    fn go(at: JobStatus, to: JobStatus, way: &mut Vec<Transition>, ways: &mut Vec<Vec<Transition>>) {
        if at == to {
            ways.push(way.clone());
            return;
        }
        for step in TRANSITIONS.iter().filter(|step| step.from == at) {
            if step.to != at && way.iter().all(|earlier| earlier.from != step.to) {
                way.push(*step);
                go(step.to, to, way, ways);
                way.pop();
            }
        }
    }
    let mut ways = Vec::new();
    go(from, to, &mut Vec::new(), &mut ways);
    ways
}

/// What is in every list, in the order of the first, which must be that of all.
fn common<T: Copy + PartialEq + core::fmt::Debug>(lists: Vec<Vec<T>>) -> Vec<T> {
    let Some(first) = lists.first() else { return Vec::new() };
    let common: Vec<T> = first.iter().copied().filter(|item| lists.iter().all(|list| list.contains(item))).collect();
    for list in &lists {
        let there: Vec<T> = list.iter().copied().filter(|item| common.contains(item)).collect();
        assert_eq!(there, common, "every way has them in this order");
    }
    common
}

#[test]
fn a_first_sample_is_compared_with_the_jobs_birth() {
    use EventKind::{Claimed, Provisioned, Started, Succeeded};
    let first = |status: &str| Observer::default().observe(sample(status));
    let created = first("CREATED");
    assert_eq!((created.passed, created.happened, created.changed), (vec![], vec![], true));
    assert_eq!(first("PENDING").passed, [JobStatus::Created]);
    let ended = first("SUCCEED");
    assert_eq!(ended.passed, [JobStatus::Created, JobStatus::Pending, JobStatus::Provisioning, JobStatus::Running]);
    assert_eq!(ended.happened, [Started, Claimed, Provisioned, Succeeded]);
    // It may have failed anywhere.
    let failed = first("FAILED");
    assert_eq!((failed.passed, failed.happened), (vec![JobStatus::Created], vec![]));
    assert_eq!((failed.contradictions, failed.next_look), (vec![], None));
}

#[test]
fn each_pause_is_twice_as_long_until_something_changes_or_the_longest_is_reached() {
    let (running, mut observer) = (sample("RUNNING"), paced(1, 10));
    let mut look = |sample: &JobSummary| observer.observe(sample.clone()).next_look.map(|pause| pause.num_seconds());
    assert_eq!([1, 2, 4, 8, 10, 10].map(Some), [(); 6].map(|()| look(&running)));
    let named = JobSummary { commit_id: "a1b2".into(), ..running };
    assert_eq!([1, 2].map(Some), [(); 2].map(|()| look(&named)));
    assert_eq!(look(&sample("CANCELLING")), Some(1));
    assert_eq!(look(&sample("CANCELLED")), None);
}

#[test]
fn a_look_that_got_no_answer_doubles_the_pause_too() {
    let mut observer = paced(1, 10);
    // Not even the first look is made in a hurry.
    assert_eq!([1, 2, 4, 8, 10, 10], [(); 6].map(|()| observer.missed().num_seconds()));
    let _ = observer.observe(sample("PENDING"));
    assert_eq!([2, 4], [(); 2].map(|()| observer.missed().num_seconds()));
    assert_eq!(observer.observe(sample("PENDING")).next_look, Some(TimeDelta::seconds(8)));
    assert_eq!(observer.last(), Some(&sample("PENDING")));
}

#[test]
fn no_pace_is_too_slow_or_crooked_to_keep() {
    let mut endless = Observer::new(Pace { first: TimeDelta::MAX, longest: TimeDelta::MAX });
    let mut crooked = paced(10, 1);
    for _ in 0..3 {
        assert_eq!(endless.observe(sample("RUNNING")).next_look, Some(TimeDelta::MAX));
        assert_eq!(crooked.observe(sample("RUNNING")).next_look, Some(TimeDelta::seconds(10)));
    }
}

#[test]
fn an_ended_job_needs_no_other_look_and_a_sample_is_still_compared() {
    let mut observer = Observer::default();
    assert_eq!(observer.observe(sample("SUCCEED")).next_look, None);
    let again = observer.observe(sample("SUCCEED"));
    assert_eq!((again.changed, again.next_look, again.contradictions), (false, None, vec![]));
    let stale = observer.observe(sample("RUNNING"));
    assert_eq!((stale.is_believed(), stale.next_look), (false, None));
}

#[test]
fn a_status_that_aws_adds_is_no_end_and_what_is_known_is_compared_across_it() {
    let mut observer = paced(1, 10);
    let _ = observer.observe(sample("RUNNING"));
    let paused = observer.observe(sample("PAUSED"));
    assert_eq!((paused.passed, paused.happened, paused.contradictions), (vec![], vec![], vec![]));
    assert_eq!((paused.changed, paused.next_look), (true, Some(TimeDelta::seconds(1))));
    assert_eq!(observer.observe(sample("PAUSED")).next_look, Some(TimeDelta::seconds(2)));

    let back = observer.clone().observe(sample("PENDING"));
    let (seen, found) = (JobStatus::Running, JobStatus::Pending);
    assert_eq!(back.contradictions, [Contradiction::WentBack { seen, found }]);
    let end = observer.observe(sample("SUCCEED"));
    assert_eq!((end.happened, end.contradictions), (vec![EventKind::Succeeded], vec![]));

    // What is not known at first may have been anything.
    let mut observer = Observer::default();
    assert_eq!(observer.observe(sample("PAUSED")).passed, []);
    assert_eq!(observer.observe(sample("PENDING")).passed, [JobStatus::Created]);
}

#[test]
fn a_stale_sample_changes_nothing() {
    let mut observer = paced(1, 10);
    let running = JobSummary { commit_id: "a1b2".into(), ..sample("RUNNING") };
    let _ = observer.observe(running.clone());
    let stale = observer.observe(JobSummary { commit_id: "HEAD".into(), ..sample("CREATED") });
    let (seen, found) = (JobStatus::Running, JobStatus::Created);
    assert_eq!(stale.contradictions, [Contradiction::WentBack { seen, found }]);
    assert_eq!((stale.changed, stale.is_believed(), stale.passed, stale.happened), (false, false, vec![], vec![]));
    assert_eq!((stale.next_look, observer.last()), (Some(TimeDelta::seconds(2)), Some(&running)));
    let end = observer.observe(JobSummary { commit_id: "a1b2".into(), ..sample("SUCCEED") });
    assert_eq!((end.happened, end.contradictions), (vec![EventKind::Succeeded], vec![]));
}

#[test]
fn two_statuses_without_a_way_between_them_contradict_each_other() {
    for seen in JobStatus::VARIANTS {
        for found in JobStatus::VARIANTS {
            let mut observer = Observer::default();
            let _ = observer.observe(sample(seen.as_ref()));
            let observation = observer.observe(sample(found.as_ref()));
            let (seen, found) = (*seen, *found);
            let contradiction = match (seen.can_reach(found), found.can_reach(seen)) {
                (true, _) => None,
                (false, true) => Some(Contradiction::WentBack { seen, found }),
                (false, false) => Some(Contradiction::NoWay { seen, found }),
            };
            assert_eq!(of_status(&observation), contradiction.iter().collect::<Vec<_>>(), "{seen} to {found}");
            let went_back = matches!(contradiction, Some(Contradiction::WentBack { .. }));
            assert_eq!(observation.is_believed(), !went_back, "{seen} to {found}");
            let last = if went_back { seen } else { found };
            assert_eq!(observer.last().and_then(|last| last.status.known()), Some(last));
        }
    }
}

fn of_status(observation: &Observation) -> Vec<&Contradiction> {
    let of_status = |of: &&Contradiction| matches!(of, Contradiction::WentBack { .. } | Contradiction::NoWay { .. });
    observation.contradictions.iter().filter(of_status).collect()
}

#[test]
fn a_sample_of_another_job_is_not_looked_at() {
    let arn = |number: u64| format!("arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/main/jobs/{number:010}");
    let mut observer = Observer::default();
    let _ = observer.observe(sample("RUNNING"));
    let other = observer.observe(JobSummary { job_arn: arn(8), ..sample("SUCCEED") });
    let expected = Contradiction::AnotherJob { expected: arn(7), found: arn(8) };
    assert_eq!((other.contradictions, other.changed, other.happened), (vec![expected], false, vec![]));
    let other = observer.observe(JobSummary { job_id: "8".into(), ..sample("SUCCEED") });
    assert!(!other.is_believed() && other.next_look.is_some());
    assert_eq!(other.contradictions, [Contradiction::AnotherJob { expected: "7".into(), found: "8".into() }]);
    assert_eq!(observer.last(), Some(&sample("RUNNING")));
}

#[test]
fn what_never_changes_contradicts_itself_where_it_does() {
    let full = JobSummary {
        commit_id: "a1b2".into(),
        job_type: Some(Open::Known(JobType::Manual)),
        source_url: Some("s3://bucket/site.zip".into()),
        source_url_type: Some(Open::Known(SourceUrlType::Zip)),
        ..sample("SUCCEED")
    };
    let second = full.start_time.map(|time| time + TimeDelta::seconds(1));
    let changes = [
        (Member::JobType, JobSummary { job_type: Some(Open::Known(JobType::Retry)), ..full.clone() }),
        (Member::JobType, JobSummary { job_type: None, ..full.clone() }),
        (Member::SourceUrl, JobSummary { source_url: Some("s3://bucket/other.zip".into()), ..full.clone() }),
        (Member::SourceUrl, JobSummary { source_url: None, ..full.clone() }),
        (Member::SourceUrlType, JobSummary { source_url_type: Some("GIT".parse().expect("a text")), ..full.clone() }),
        (Member::CommitId, JobSummary { commit_id: "c3d4".into(), ..full.clone() }),
        (Member::CommitId, JobSummary { commit_id: String::new(), ..full.clone() }),
        (Member::StartTime, JobSummary { start_time: second, ..full.clone() }),
        (Member::StartTime, JobSummary { start_time: None, ..full.clone() }),
        (Member::EndTime, JobSummary { end_time: Some(time(10)), ..full.clone() }),
    ];
    for (member, now) in changes {
        let mut observer = Observer::default();
        let _ = observer.observe(full.clone());
        let observation = observer.observe(now.clone());
        assert_eq!(observation.contradictions, [Contradiction::Changed { member }], "{now:?}");
        assert!(observation.changed && observation.is_believed());
        assert_eq!(observer.last(), Some(&now), "what is new is what the next is compared with");
    }
    let mut observer = Observer::default();
    let _ = observer.observe(full.clone());
    let without_end = observer.observe(JobSummary { end_time: None, ..full });
    let changed = Contradiction::Changed { member: Member::EndTime };
    let none = Contradiction::NoEndTime { status: JobStatus::Succeed };
    assert_eq!(without_end.contradictions, [changed, none]);
}

#[test]
fn what_may_still_change_or_only_now_be_known_contradicts_nothing() {
    // Until the claim another push may replace the commit, and the start is the creation.
    let queued = JobSummary { commit_id: "a1b2".into(), ..sample("PENDING") };
    let replaced = JobSummary { commit_id: "c3d4".into(), start_time: Some(time(3)), ..sample("PENDING") };
    // What was left out is filled in, and HEAD becomes a hash.
    let bare = JobSummary { commit_id: "HEAD".into(), start_time: None, ..sample("RUNNING") };
    let filled = JobSummary {
        commit_id: "a1b2".into(),
        job_type: Some(Open::Known(JobType::Release)),
        source_url: Some("s3://bucket/site.zip".into()),
        source_url_type: Some(Open::Known(SourceUrlType::Zip)),
        ..sample("RUNNING")
    };
    let unnamed = JobSummary { commit_id: String::new(), ..sample("RUNNING") };
    let claimed = JobSummary { status: Open::Known(JobStatus::Running), start_time: Some(time(4)), ..replaced.clone() };
    for (before, now) in [(queued, replaced.clone()), (bare, filled.clone()), (unnamed, filled), (replaced, claimed)] {
        let mut observer = Observer::default();
        let _ = observer.observe(before.clone());
        let observation = observer.observe(now.clone());
        assert_eq!((observation.contradictions, observation.changed), (vec![], true), "{before:?} to {now:?}");
    }
}

#[test]
fn a_runner_may_find_out_the_commit_and_nobody_can_forget_it() {
    let found = |before: &str, now: JobSummary| {
        let mut observer = Observer::default();
        let _ = observer.observe(JobSummary { commit_id: before.into(), ..sample("RUNNING") });
        observer.observe(now).contradictions
    };
    let changed = [Contradiction::Changed { member: Member::CommitId }];
    for status in ["RUNNING", "SUCCEED"] {
        let now = |id: &str| JobSummary { commit_id: id.into(), ..sample(status) };
        assert_eq!(found("HEAD", now("a1b2c3")), [], "{status}");
        assert_eq!(found("a1b2", now("a1b2c3")), [], "{status}");
        assert_eq!(found("a1b2", now("HEAD")), changed, "{status}");
        assert_eq!(found("a1b2", now("")), changed, "{status}");
    }
}

#[test]
fn a_sample_can_contradict_itself() {
    let found = |sample: JobSummary| Observer::default().observe(sample).contradictions;
    for status in JobStatus::VARIANTS {
        let (status, sample) = (*status, sample(status.as_ref()));
        assert_eq!(found(sample.clone()), [], "{status}");
        let (end_time, contradiction) = match sample.end_time {
            Some(_) => (None, Contradiction::NoEndTime { status }),
            None => (Some(time(9)), Contradiction::EndTimeTooSoon { status }),
        };
        assert_eq!(found(JobSummary { end_time, ..sample }), [contradiction]);
    }
    // Of a status that AWS has added nobody knows whether it is an end.
    assert_eq!(found(JobSummary { end_time: Some(time(9)), ..sample("PAUSED") }), []);
    let backwards = JobSummary { start_time: Some(time(10)), ..sample("SUCCEED") };
    assert_eq!(found(backwards), [Contradiction::EndedBeforeStart]);
    assert_eq!(found(JobSummary { start_time: Some(time(9)), ..sample("SUCCEED") }), []);
}

#[test]
fn a_contradiction_says_itself_in_words() {
    let (seen, found, status) = (JobStatus::Running, JobStatus::Pending, JobStatus::Failed);
    let cases = [
        (Contradiction::AnotherJob { expected: "7".into(), found: "8".into() }, "this is job 8, not 7"),
        (Contradiction::WentBack { seen, found }, "the job was RUNNING already and is PENDING again"),
        (
            Contradiction::NoWay { seen: JobStatus::Succeed, found: status },
            "a job that was SUCCEED cannot become FAILED",
        ),
        (
            Contradiction::Changed { member: Member::SourceUrlType },
            "sourceUrlType has changed, which it never does by then",
        ),
        (Contradiction::NoEndTime { status }, "the job is FAILED and has no endTime"),
        (Contradiction::EndTimeTooSoon { status: seen }, "the job is RUNNING and has an endTime"),
        (Contradiction::EndedBeforeStart, "endTime is before startTime"),
    ];
    for (contradiction, words) in cases {
        assert_eq!(contradiction.to_string(), words);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn samples_of_a_real_job_never_contradict_and_tell_nothing_that_did_not_happen(
        source in any::<Index>(),
        moves in prop::collection::vec((any::<Index>(), 0..2_000_000i64, prop::bool::weighted(0.4)), 1..40),
    ) {
        let mut life = Life::begin(source.get(&sources()).clone());
        if moves.len() % 2 == 0 {
            life.sample()?;
        }
        for (choice, millis, look) in moves {
            life.go_on(choice, millis);
            if look {
                life.sample()?;
            }
        }
        life.sample()?;
    }
}

/// A job that is driven by commands, and an observer that sees it now and then.
struct Life {
    job: Job,
    now: DateTime<Utc>,
    arn: Arn,
    observer: Observer,
    /// What happened since the last sample.
    unseen: Vec<Record>,
    /// The statuses that the job had since then, that of the sample first.
    had: Vec<JobStatus>,
}

impl Life {
    fn begin(new: NewJob) -> Self {
        let (job, records) = Job::create(JobId::new(7), new, start());
        let account = Account { region: "us-east-1".into(), id: "000000000000".into() };
        let resource = Resource::Job("d1".parse().expect("an id"), "main".parse().expect("a name"), job.id());
        let mut life = Self {
            had: vec![JobStatus::Created],
            arn: account.arn(resource),
            now: start(),
            observer: Observer::default(),
            unseen: Vec::new(),
            job: job.clone(),
        };
        life.keep(records.into_iter().collect(), job);
        life
    }

    fn keep(&mut self, records: Vec<Record>, job: Job) {
        for record in &records {
            if let Some(event) = record.event.kind() {
                let status = self.had.last().copied().unwrap_or(JobStatus::Created);
                self.had.push(status.next(event).expect("the law allows what happened"));
            }
        }
        self.unseen.extend(records);
        self.job = job;
    }

    /// Some time passes, and something happens that may.
    fn go_on(&mut self, choice: Index, millis: i64) {
        self.now += TimeDelta::milliseconds(millis);
        let effective: Vec<Command> = commands(&self.job)
            .into_iter()
            .filter(|command| self.job.decide(command, self.now).is_ok_and(|records| !records.is_empty()))
            .collect();
        if effective.is_empty() {
            return;
        }
        let outcome = self.job.handle(choice.get(&effective), self.now);
        self.keep(outcome.records.into_iter().collect(), outcome.job);
    }

    fn sample(&mut self) -> Result<(), TestCaseError> {
        let observation = self.observer.observe(JobSummary::new(&self.job, &self.arn));
        prop_assert_eq!(&observation.contradictions, &vec![]);
        let events: BTreeSet<EventKind> = self.unseen.iter().filter_map(|record| record.event.kind()).collect();
        prop_assert!(observation.happened.iter().all(|event| events.contains(event)), "{:?}", observation);
        prop_assert!(is_part_of(&observation.passed, &self.had), "{:?} of {:?}", observation, self.had);
        prop_assert_eq!(observation.next_look.is_none(), self.job.status().is_terminal());
        self.unseen.clear();
        self.had = vec![self.job.status()];
        Ok(())
    }
}

/// Whether all of `some` are in `all`, in this order.
fn is_part_of(some: &[JobStatus], all: &[JobStatus]) -> bool {
    let mut all = all.iter();
    some.iter().all(|status| all.any(|other| other == status))
}

#[test]
fn a_whole_life_is_told_between_two_samples() {
    let mut life = Life::begin(NewJob::manual(Source::Zip));
    life.sample().expect("it is only born");
    let attempt = Attempt::new(1);
    let artifact = Artifact { job: life.job.id(), object: 4 };
    let commands = [
        Command::Upload { slot: 0, object: 4 },
        Command::Start,
        Command::Claim,
        Command::Report { attempt, report: Report::Succeeded { artifact } },
    ];
    for command in commands {
        let outcome = life.job.handle(&command, life.now + TimeDelta::minutes(1));
        assert_eq!(outcome.answer, Ok(()), "{command:?}");
        life.keep(outcome.records.into_iter().collect(), outcome.job);
    }
    let told = life.observer.clone().observe(JobSummary::new(&life.job, &life.arn));
    assert_eq!(told.passed, [JobStatus::Pending, JobStatus::Provisioning, JobStatus::Running]);
    let all: Vec<_> = life.unseen.iter().filter_map(|record| record.event.kind()).collect();
    assert_eq!(told.happened, all[1..], "all but the upload, which not every job needs");
    life.sample().expect("it is all true");
}

/// A summary of job 7 with this status, which began at second 1 and, if it is an end, ended at second 9.
fn sample(status: &str) -> JobSummary {
    let status: Open<JobStatus> = status.parse().expect("every text is a status");
    JobSummary {
        job_arn: "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/main/jobs/0000000007".into(),
        job_id: "7".into(),
        commit_id: String::new(),
        commit_message: String::new(),
        commit_time: None,
        start_time: Some(time(1)),
        end_time: status.known().is_some_and(JobStatus::is_terminal).then(|| time(9)),
        status,
        job_type: None,
        source_url: None,
        source_url_type: None,
    }
}

fn time(second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, second).single().expect("a time of the calendar")
}

fn paced(first: i64, longest: i64) -> Observer {
    Observer::new(Pace { first: TimeDelta::seconds(first), longest: TimeDelta::seconds(longest) })
}
