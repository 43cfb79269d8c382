//! Ids, names and ARNs, as strangers write them.

use std::fmt::Display;
use std::str::FromStr;

use windlass::{Account, AppId, Arn, BranchName, JobId, Resource};

/// Reads `data` as each kind of id. What can be read is printed and read again, and ARNs made of it are
/// printed and read.
///
/// # Panics
///
/// Where an id changes by being printed, or where a limit is passed over.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    drop(read::<Arn>(&text));
    let app = read::<AppId>(&text);
    let branch = read::<BranchName>(&text);
    let job = read::<JobId>(&text);
    assert!(app.is_none() || (2..=20).contains(&text.len()));
    assert_eq!(branch.is_some(), (1..=255).contains(&text.chars().count()));
    if let Some(job) = job {
        assert_eq!(job.padded().to_string().parse(), Ok(job));
        assert!(job.padded().to_string().len() >= 10);
    }

    let app = app.unwrap_or_else(|| "d1".parse().expect("an id"));
    let account = Account { region: "us-east-1".into(), id: "000000000000".into() };
    if let Some(branch) = branch {
        let job = account.arn(Resource::Job(app.clone(), branch.clone(), job.unwrap_or(JobId::FIRST)));
        assert_eq!(job.to_string().parse(), Ok(job));
        // A branch that is called like a job of another one cannot be told from it.
        if !branch.as_str().contains("/jobs/") {
            let arn = account.arn(Resource::Branch(app.clone(), branch));
            assert_eq!(arn.to_string().parse(), Ok(arn));
        }
    }
    let arn = account.arn(Resource::App(app));
    assert_eq!(arn.to_string().parse(), Ok(arn));
}

fn read<T: FromStr + Display + PartialEq>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert!(value.to_string().parse().is_ok_and(|again: T| again == value), "{text:?} changes by being printed");
    Some(value)
}
