//! Following a job of AWS's, of which only samples are seen: what must have happened between them, what cannot have,
//! and when to look again.
//!
//! `cargo run -p windlass --example follow` reads `follow.json` beside this file, `… -- FILE` another one, and `… -- -`
//! what is piped into it:
//!
//! ```sh
//! for i in 1 2 3; do aws amplify get-job --app-id d1 --branch-name main --job-id 7; sleep 5; done |
//!     cargo run -p windlass --example follow -- -
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::fs::File;
use std::io::{self, BufReader, Read};

use serde::Deserialize;
use windlass::wire::Job;
use windlass::{Observation, Observer};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/follow.json");

/// What GetJob answers, and what `aws amplify get-job` prints.
#[derive(Deserialize)]
struct GetJob {
    job: Job,
}

fn main() -> io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => follow(File::open(SAMPLES)?),
        Some("-") => follow(io::stdin()),
        Some(path) => follow(File::open(path)?),
    }?;
    Ok(())
}

/// Prints what each sample says beside the one before, and returns it.
fn follow(samples: impl Read) -> io::Result<Vec<Observation>> {
    let mut observer = Observer::default();
    let mut observations = Vec::new();
    for sample in serde_json::Deserializer::from_reader(BufReader::new(samples)).into_iter() {
        let GetJob { job } = sample?;
        println!("job {} is {}", job.summary.job_id, job.summary.status);
        for step in &job.steps {
            println!("  step {} is {}", step.step_name, step.status);
        }
        let seen = observer.observe(job.summary);
        if !seen.passed.is_empty() {
            println!("  on the way it was {}", list(&seen.passed));
        }
        if !seen.happened.is_empty() {
            println!("  what happened: {}", list(&seen.happened));
        }
        for contradiction in &seen.contradictions {
            println!("  this cannot be: {contradiction}");
        }
        match seen.next_look {
            Some(pause) => println!("  look again in {} s", pause.num_seconds()),
            None => println!("  no need to look again"),
        }
        observations.push(seen);
    }
    Ok(observations)
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_example_says_what_the_samples_show() {
    let seen = follow(File::open(SAMPLES).expect("the samples are there")).expect("they are JSON");
    let [waits, still_waits, works, stale, ended] = seen.as_slice() else { panic!("{} samples", seen.len()) };
    assert!(waits.changed && !still_waits.changed && still_waits.next_look > waits.next_look);
    assert_eq!(list(&works.passed), "PROVISIONING");
    assert_eq!(list(&works.happened), "Claimed, Provisioned");
    assert_eq!(stale.contradictions.len(), 1);
    assert_eq!(stale.contradictions[0].to_string(), "the job was RUNNING already and is PENDING again");
    assert_eq!((ended.contradictions.as_slice(), ended.next_look), (&[][..], None));
}
