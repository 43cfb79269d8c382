//! AWS's JSON: ours beside bare serde structs, which know no status and no time, and beside the parser of AWS's SDK.

mod bare;
mod sdk;

use std::hint::black_box;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use windlass::{Account, Arn, Resource, wire};

use self::sdk::Sdk;
use crate::mix::{Kind, job};
use crate::random::Random;
use crate::table::{Aim, Body, CHUNKS, Peer, Row};

/// How many jobs AWS puts on a page.
const PAGE: usize = 50;

/// What ListJobs answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListJobs<T> {
    job_summaries: Vec<T>,
    next_token: Option<String>,
}

/// What GetJob answers.
#[derive(Serialize, Deserialize)]
struct GetJob<T> {
    job: T,
}

type Page = ListJobs<wire::JobSummary>;
type BarePage = ListJobs<bare::JobSummary>;
type One = GetJob<wire::Job>;
type BareOne = GetJob<bare::Job>;

/// One job and a page of jobs, parsed and printed.
pub(crate) fn rows() -> Vec<Row> {
    let jobs: Vec<_> = jobs().collect();
    let ones: Vec<_> = jobs.iter().step_by(PAGE).map(|(job, _)| print(&GetJob { job: job.clone() })).collect();
    let pages: Vec<_> = jobs.chunks(PAGE).map(|jobs| print(&page_of(jobs))).collect();
    ones.iter().for_each(|body| check::<One, BareOne>(body));
    pages.iter().for_each(|body| check::<Page, BarePage>(body));

    let [get_job, list_jobs] = [Sdk::get_job(), Sdk::list_jobs()];
    get_job.check_job(&ones[0]);
    list_jobs.check_page(&pages[0]);
    vec![
        parsed::<One, BareOne>("GetJob, parsed", &ones, get_job, ONE_PARSED),
        printed::<One, BareOne>("GetJob, printed", &ones),
        parsed::<Page, BarePage>("ListJobs, a page of 50, parsed", &pages, list_jobs, PAGE_PARSED),
        printed::<Page, BarePage>("ListJobs, a page of 50, printed", &pages),
    ]
}

/// What parsing the first body allocates: its strings, and the list around them.
const ONE_PARSED: u64 = 5;
const PAGE_PARSED: u64 = 146;

fn jobs() -> impl Iterator<Item = (wire::Job, wire::JobSummary)> {
    let mut random = Random::new();
    let account = Account { region: "us-east-1".into(), id: "000000000000".into() };
    let app: windlass::AppId = "d2f9xk3m8q1zt7".parse().expect("an app's id");
    let branch: windlass::BranchName = "main".parse().expect("a branch's name");
    (1..=(PAGE * CHUNKS) as u64).map(move |number| {
        let job = job(Kind::any(&mut random), number);
        let arn: Arn = account.arn(Resource::Job(app.clone(), branch.clone(), job.id()));
        (wire::Job::new(&job, &arn), wire::JobSummary::new(&job, &arn))
    })
}

fn page_of(jobs: &[(wire::Job, wire::JobSummary)]) -> Page {
    let job_summaries = jobs.iter().map(|(_, summary)| summary.clone()).collect();
    ListJobs { job_summaries, next_token: Some("MDAwMDAwMDA1MA==".into()) }
}

/// Both must read and write the same, or comparing them means nothing.
fn check<Ours: Serialize + DeserializeOwned, Bare: Serialize + DeserializeOwned>(body: &[u8]) {
    assert_eq!(String::from_utf8_lossy(&print(&parse::<Ours>(body))), String::from_utf8_lossy(body));
    assert_eq!(String::from_utf8_lossy(&print(&parse::<Bare>(body))), String::from_utf8_lossy(body));
}

fn parsed<Ours: DeserializeOwned, Bare: DeserializeOwned>(
    what: &'static str,
    bodies: &[Vec<u8>],
    sdk: Sdk,
    allocations: u64,
) -> Row {
    let answers: Vec<_> = bodies.iter().map(|body| Sdk::answer(body)).collect();
    let sdk = move |chunk: usize| {
        black_box(sdk.parse(black_box(&answers[chunk])));
    };
    Row {
        what,
        calls: 1,
        ours: each_parsed::<Ours>(bodies),
        aim: None,
        peers: vec![
            Peer { name: "bare serde structs", aim: Some(Aim::AtMost(1.3)), body: each_parsed::<Bare>(bodies) },
            Peer { name: "aws-sdk-amplify", aim: Some(Aim::AtMost(1.0 / 3.0)), body: Box::new(sdk) },
        ],
        allocations,
    }
}

fn printed<Ours: Serialize + DeserializeOwned + 'static, Bare: Serialize + DeserializeOwned + 'static>(
    what: &'static str,
    bodies: &[Vec<u8>],
) -> Row {
    Row {
        what,
        calls: 1,
        ours: each_printed::<Ours>(bodies),
        aim: None,
        peers: vec![Peer {
            name: "bare serde structs",
            aim: Some(Aim::AtMost(1.3)),
            body: each_printed::<Bare>(bodies),
        }],
        // The text, which is given all its room at once.
        allocations: 1,
    }
}

fn each_parsed<T: DeserializeOwned>(bodies: &[Vec<u8>]) -> Body {
    let bodies = bodies.to_vec();
    Box::new(move |chunk| {
        black_box(parse::<T>(black_box(&bodies[chunk])));
    })
}

fn each_printed<T: Serialize + DeserializeOwned + 'static>(bodies: &[Vec<u8>]) -> Body {
    let values: Vec<T> = bodies.iter().map(|body| parse(body)).collect();
    let room = bodies.iter().map(Vec::len).max().unwrap_or_default();
    Box::new(move |chunk| {
        let mut text = Vec::with_capacity(room);
        serde_json::to_writer(&mut text, black_box(&values[chunk])).expect("it can be printed");
        black_box(text);
    })
}

/// A body is bytes. To look once whether all of it is text costs less than to look again at each string.
fn parse<T: DeserializeOwned>(body: &[u8]) -> T {
    let text = core::str::from_utf8(body).expect("our own JSON");
    serde_json::from_str(text).expect("our own JSON")
}

fn print<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("it can be printed")
}
