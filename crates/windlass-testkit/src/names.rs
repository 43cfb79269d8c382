//! Ids, names and ARNs, as strangers write them.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use windlass::{Account, AppId, Arn, BranchName, JobId, Resource};

/// Reads `data` as each kind of id. What can be read is printed and read again. Then makes an ARN of each kind
/// of its lines, which are a region, an account, an app, a name and a number, and reads that.
///
/// # Panics
///
/// Where an id changes by being printed, where a limit is passed over, or where JSON has another.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    drop(read::<Arn>(&text));
    let app = in_json::<AppId>(&text);
    let branch = in_json::<BranchName>(&text);
    let job = read::<JobId>(&text);
    assert_eq!(app.is_some(), is_app(&text));
    assert_eq!(branch.is_some(), (1..=255).contains(&text.chars().count()));
    assert_eq!(job.map(JobId::get), number(&text));
    assert!(app.is_none_or(|app| app.as_str() == text) && branch.is_none_or(|branch| branch.as_str() == text));
    if let Some(job) = job {
        assert_eq!(job.padded().to_string().parse(), Ok(job));
        assert!(job.padded().to_string().len() >= 10);
    }

    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let account = Account { region: part(line(), "us-east-1"), id: part(line(), "000000000000") };
    let app = line().parse().unwrap_or_else(|_| "d1".parse().expect("an id"));
    let name = line();
    arns(&account, &app, name, line().parse().unwrap_or(JobId::FIRST));
}

/// Each ARN that these can make is read as it was written.
fn arns(account: &Account, app: &AppId, name: &str, job: JobId) {
    let mut resources = vec![Resource::App(app.clone())];
    if let Ok(branch) = name.parse::<BranchName>() {
        resources.push(Resource::Job(app.clone(), branch.clone(), job));
        // A branch that is called like a job of another one cannot be told from it.
        if !name.contains("/jobs/") {
            resources.push(Resource::Branch(app.clone(), branch));
        }
    }
    if !name.is_empty() {
        resources.push(Resource::Webhook(app.clone(), name.to_owned()));
        resources.push(Resource::Domain(app.clone(), name.to_owned()));
        resources.push(Resource::BackendEnvironment(app.clone(), name.to_owned()));
    }
    for resource in resources {
        let arn = account.arn(resource);
        assert_eq!(read::<Arn>(&arn.to_string()), Some(arn));
    }
}

/// What may stand between two colons of an ARN.
fn part(text: &str, otherwise: &str) -> String {
    let fits = !text.is_empty() && !text.contains(':');
    (if fits { text } else { otherwise }).to_owned()
}

fn is_app(text: &str) -> bool {
    let rest = text.strip_prefix('d').unwrap_or_default();
    (1..=19).contains(&rest.chars().count()) && rest.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9'))
}

fn number(text: &str) -> Option<u64> {
    let digits = (1..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
    let value = text
        .chars()
        .filter_map(|c| c.to_digit(10))
        .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(digit.into()));
    value.filter(|_| digits)
}

fn read<T: FromStr + Display + PartialEq>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert!(value.to_string().parse().is_ok_and(|again: T| again == value), "{text:?} changes by being printed");
    Some(value)
}

/// The same of an id that is a string in JSON.
fn in_json<T: FromStr + Display + PartialEq + Debug + Serialize + DeserializeOwned>(text: &str) -> Option<T> {
    let value = read::<T>(text);
    let json = Value::from(text);
    assert_eq!(serde_json::from_value(json.clone()).ok(), value);
    assert!(value.as_ref().is_none_or(|value| serde_json::to_value(value).is_ok_and(|written| written == json)));
    value
}
