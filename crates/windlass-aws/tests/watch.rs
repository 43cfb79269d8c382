//! Watching a job on a service that throttles, fails, is slow, and contradicts itself. No test waits: time is tokio's.

mod support;

use core::error::Error as _;

use chrono::TimeDelta;
use serde_json::{Value, json};
use support::{Answer, Canned, refusal, seven, summary};
use tokio::time::{Duration, Instant, timeout};
use windlass::wire::Open;
use windlass::{Contradiction, EventKind, JobStatus, Pace};
use windlass_aws::{Error, Seen, Watch, get_job};

#[tokio::test(start_paused = true)]
async fn a_job_is_watched_to_its_end_through_throttling_and_a_stale_answer() {
    let canned = Canned::new([
        status("PENDING"),
        refusal(429, "LimitExceededException", "Slow down"),
        refusal(400, "BadRequestException", "Rate exceeded"),
        status("RUNNING"),
        status("PENDING"),
        ended("SUCCEED"),
    ]);
    let mut watch = Watch::new(canned.client(), seven());
    let mut seen = Vec::new();
    while let Some(next) = watch.next().await.expect("it is answered in the end") {
        seen.push(next);
    }

    let statuses: Vec<_> = seen.iter().filter_map(|seen| seen.look.job.summary.status.known()).collect();
    assert_eq!(statuses, [JobStatus::Pending, JobStatus::Running, JobStatus::Pending, JobStatus::Succeed]);
    let [pending, running, stale, end] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(pending.observation.passed, [JobStatus::Created]);
    assert_eq!(running.observation.happened, [EventKind::Claimed, EventKind::Provisioned]);
    let back = Contradiction::WentBack { seen: JobStatus::Running, found: JobStatus::Pending };
    assert_eq!((&stale.observation.contradictions, stale.observation.is_believed()), (&vec![back], false));
    assert_eq!(end.observation.happened, [EventKind::Succeeded]);
    assert!(end.observation.contradictions.is_empty() && end.observation.is_believed());

    // Twice as long after each that brought nothing, from the start again after the one that did.
    paused(&canned, &[1, 2, 4, 1, 2]);
    assert!(watch.next().await.expect("nothing is asked").is_none());
    assert_eq!(canned.paths().len(), 6);
    assert_eq!(canned.paths()[0], "/apps/d2ek69ya1jyvs1/branches/feature%2Fx/jobs/7");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_nothing_is_looked_at_more_and_more_rarely() {
    let canned = Canned::new([status("RUNNING")]);
    let pace = Pace { first: TimeDelta::milliseconds(50), longest: TimeDelta::seconds(2) };
    let mut watch = Watch::new(canned.client(), seven()).with_pace(pace);
    for look in 0..9 {
        let seen = next(&mut watch).await;
        assert_eq!(seen.observation.changed, look == 0);
    }
    let longest = [50, 100, 200, 400, 800, 1600, 2000, 2000].map(Duration::from_millis);
    for (pause, longest) in canned.pauses().into_iter().zip(longest) {
        assert!(within(pause, longest), "{pause:?} is not within a fifth of {longest:?}");
    }
    assert_eq!(canned.pauses().len(), longest.len());
}

#[tokio::test(start_paused = true)]
async fn many_watches_do_not_look_all_at_once() {
    let mut pauses = Vec::new();
    for _ in 0..20 {
        let canned = Canned::new([status("RUNNING")]);
        let mut watch = Watch::new(canned.client(), seven());
        next(&mut watch).await;
        next(&mut watch).await;
        pauses.extend(canned.pauses());
    }
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() > 10, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_may_pass_is_waited_for_until_patience_ends() {
    let silent = [
        refusal(500, "InternalFailureException", "Oops"),
        refusal(429, "TooManyRequestsException", "Slow down"),
        refusal(400, "ThrottlingException", "Slow down"),
        Answer::Http(502, Vec::new(), "<h1>Bad gateway</h1>".into()),
        Answer::Broken,
    ];
    for answer in silent {
        let canned = Canned::new([status("RUNNING"), answer.clone(), answer.clone()]);
        let mut watch = Watch::new(canned.client(), seven()).with_patience(Duration::from_secs(60));
        next(&mut watch).await;
        let error = watch.next().await.expect_err("nothing else is answered");
        assert!(error.is_transient(), "{answer:?}: {error:?}");
        // The first pause is that after an answer; from the first silence to the last it is the patience to the second.
        let silence: Duration = canned.pauses()[1..].iter().sum();
        assert_eq!(silence.as_secs(), 60, "{answer:?}: {:?}", canned.pauses());
        assert!(canned.paths().len() < 12, "{answer:?}: it is asked ever more rarely");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_renews_patience() {
    let broken = || Answer::Broken;
    let canned = Canned::new([broken(), broken(), status("RUNNING"), broken(), broken(), ended("FAILED")]);
    // One pause of the second silence is longer than what the first had left over.
    let mut watch = Watch::new(canned.client(), seven()).with_patience(Duration::from_secs(8));
    assert_eq!(known(&next(&mut watch).await), Some(JobStatus::Running));
    assert_eq!(known(&next(&mut watch).await), Some(JobStatus::Failed));
    paused(&canned, &[1, 2, 1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn without_patience_the_first_silence_is_an_error_and_the_next_look_comes_after_a_pause() {
    let canned = Canned::new([Answer::Broken, status("RUNNING")]);
    let mut watch = Watch::new(canned.client(), seven()).with_patience(Duration::ZERO);
    let error = watch.next().await.expect_err("the line is cut");
    assert!(matches!(error, Error::NoAnswer { timed_out: false, .. }), "{error:?}");
    assert_eq!(error.to_string(), "GetJob got no answer");
    assert!(error.source().is_some_and(|source| format!("{source:?}").contains("the line is cut")), "{error:?}");
    assert_eq!(known(&next(&mut watch).await), Some(JobStatus::Running));
    paused(&canned, &[1]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_none_after_two_minutes() {
    let canned = Canned::new([Answer::Silence, ended("SUCCEED")]);
    let mut watch = Watch::new(canned.client(), seven());
    assert_eq!(known(&next(&mut watch).await), Some(JobStatus::Succeed));
    assert!(within(canned.pauses()[0] - Duration::from_secs(120), Duration::from_secs(1)), "{:?}", canned.pauses());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_there_ends_the_watch_at_once_and_says_so() {
    let canned = Canned::new([refusal(404, "NotFoundException", "Job 7 not found.")]);
    let error = Watch::new(canned.client(), seven()).next().await.expect_err("there is no such job");
    assert!(matches!(error, Error::NotFound(_)) && !error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), "GetJob was refused: NotFoundException: Job 7 not found. (request 0b5e-77)");
    let refusal = error.refusal().expect("the service said so");
    assert_eq!((refusal.operation, refusal.status, refusal.code.as_str()), ("GetJob", 404, "NotFoundException"));
    assert_eq!(refusal.request_id.as_deref(), Some("0b5e-77"));
    assert_eq!(canned.paths().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_mend_ends_the_watch_at_once() {
    for answer in [
        refusal(400, "BadRequestException", "The jobId is not a number."),
        refusal(403, "AccessDeniedException", "Not you"),
        refusal(404, "UnknownOperationException", "No operation of this API has this method and path."),
        Answer::Http(200, Vec::new(), "<h1>It works!</h1>".into()),
        Answer::Http(200, Vec::new(), "{}".into()),
    ] {
        let canned = Canned::new([answer.clone()]);
        let error = Watch::new(canned.client(), seven()).next().await.expect_err("it is no job");
        assert!(!error.is_transient(), "{answer:?}: {error:?}");
        assert!(matches!(error, Error::Refused(_) | Error::Unreadable { .. }), "{answer:?}: {error:?}");
        assert_eq!(canned.paths().len(), 1);
    }
    let nameless = windlass_aws::JobRef::new("d2ek69ya1jyvs1", "main", "");
    let error = get_job(&Canned::new([Answer::Broken]).client(), &nameless).await.expect_err("it has no number");
    assert!(matches!(error, Error::NotSent { .. }) && !error.is_transient(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_dropped_while_it_waits_goes_on_where_it_was() {
    let canned = Canned::new([status("RUNNING"), ended("SUCCEED")]);
    let mut watch = Watch::new(canned.client(), seven());
    next(&mut watch).await;
    let start = Instant::now();
    while timeout(Duration::from_millis(100), watch.next()).await.is_err() {}
    // Eight times it was dropped at the least, and the pause was no longer for it.
    assert!(within(start.elapsed(), Duration::from_secs(1)), "{:?}", start.elapsed());
    assert!(watch.next().await.expect("nothing is asked").is_none());
    assert_eq!(canned.paths().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_dropped_before_its_answer_is_made_again() {
    let canned = Canned::new([status("RUNNING"), Answer::Silence, ended("SUCCEED")]);
    let mut watch = Watch::new(canned.client(), seven());
    next(&mut watch).await;
    assert!(timeout(Duration::from_secs(10), watch.next()).await.is_err());
    let start = Instant::now();
    let end = next(&mut watch).await;
    assert_eq!((known(&end), start.elapsed()), (Some(JobStatus::Succeed), Duration::ZERO));
    assert_eq!(end.observation.happened, [EventKind::Succeeded]);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_aws_adds_is_handed_on_and_is_no_end() {
    let canned = Canned::new([status("RUNNING"), status("PAUSED"), ended("FAILED")]);
    let mut watch = Watch::new(canned.client(), seven());
    next(&mut watch).await;
    let paused = next(&mut watch).await;
    assert_eq!(paused.look.job.summary.status, Open::Unknown("PAUSED".into()));
    assert!(paused.observation.changed && paused.observation.contradictions.is_empty());
    assert_eq!(known(&next(&mut watch).await), Some(JobStatus::Failed));
    assert!(watch.next().await.expect("nothing is asked").is_none());
}

#[tokio::test]
async fn what_a_windlass_server_says_in_headers_is_read() {
    let said = vec![
        ("x-windlass-status-reason", "the build failed".to_owned()),
        ("x-windlass-why", "FAILED at noon: the build failed".to_owned()),
    ];
    let step = json!({ "stepName": "BUILD", "startTime": 2, "endTime": 3, "status": "FAILED" });
    let mut job = json!({ "summary": facts("FAILED"), "steps": [step] });
    let canned = Canned::new([Answer::Http(200, said.clone(), json!({ "job": job }).to_string())]);
    let look = get_job(&canned.client(), &seven()).await.expect("it is answered");
    assert_eq!(look.why.as_deref(), Some("FAILED at noon: the build failed"));
    assert_eq!((look.status_reason.as_deref(), look.reason()), (Some("the build failed"), Some("the build failed")));

    job["steps"][0]["statusReason"] = "exit code 2".into();
    let canned = Canned::new([Answer::Http(200, said, json!({ "job": job }).to_string()), support::job(&job)]);
    let look = get_job(&canned.client(), &seven()).await.expect("it is answered");
    assert_eq!(look.reason(), Some("exit code 2"));
    let of_aws = get_job(&canned.client(), &seven()).await.expect("it is answered");
    assert_eq!((of_aws.status_reason.as_deref(), of_aws.why.as_deref()), (None, None));
    assert_eq!(of_aws.reason(), Some("exit code 2"));
}

async fn next(watch: &mut Watch) -> Seen {
    watch.next().await.expect("it is answered").expect("it goes on")
}

fn known(seen: &Seen) -> Option<JobStatus> {
    seen.look.job.summary.status.known()
}

fn status(status: &str) -> Answer {
    summary(&facts(status))
}

fn ended(status: &str) -> Answer {
    let mut facts = facts(status);
    facts["endTime"] = 1_767_258_060.25.into();
    summary(&facts)
}

fn facts(status: &str) -> Value {
    json!({ "jobArn": "…/jobs/0000000007", "jobId": "7", "status": status, "startTime": 1_767_258_000.125 })
}

/// Asserts that the pauses were these, in seconds, each up to a fifth shorter.
fn paused(canned: &Canned, seconds: &[u64]) {
    let pauses = canned.pauses();
    assert_eq!(pauses.len(), seconds.len(), "{pauses:?}");
    for (pause, seconds) in pauses.iter().zip(seconds) {
        assert!(within(*pause, Duration::from_secs(*seconds)), "{pauses:?}, not {seconds:?} s");
    }
}

/// A timer may be a millisecond late.
fn within(pause: Duration, longest: Duration) -> bool {
    pause >= longest * 4 / 5 && pause <= longest + Duration::from_millis(2)
}
