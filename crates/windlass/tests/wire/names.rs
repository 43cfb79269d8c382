//! Ids, names and ARNs.

use proptest::prelude::*;
use windlass::{AppId, Arn, BranchName, InvalidJobId, JobId, JobStatus, JobType, Resource, SourceUrlType};

use crate::account;

#[test]
fn enums_are_spelled_as_the_api_spells_them() {
    let statuses = ["CREATED", "PENDING", "PROVISIONING", "RUNNING", "FAILED", "SUCCEED", "CANCELLING", "CANCELLED"];
    for name in statuses {
        let status: JobStatus = name.parse().expect("a status");
        assert_eq!(serde_json::to_value(status).expect("JSON"), name);
        assert_eq!(status.to_string(), name);
    }
    for name in ["RELEASE", "RETRY", "MANUAL", "WEB_HOOK"] {
        let job_type: JobType = name.parse().expect("a type");
        assert_eq!(serde_json::to_value(job_type).expect("JSON"), name);
    }
    for name in ["ZIP", "BUCKET_PREFIX"] {
        let url_type: SourceUrlType = name.parse().expect("a type");
        assert_eq!(serde_json::to_value(url_type).expect("JSON"), name);
    }
}

proptest! {
    #[test]
    fn an_app_id_is_d_and_up_to_19_more(text in "[dD]?[a-z0-9-]{0,21}") {
        let fits = text.starts_with('d') && (2..=20).contains(&text.len()) && !text.contains('-');
        let parsed = text.parse::<AppId>();
        prop_assert_eq!(parsed.is_ok(), fits);
        prop_assert!(parsed.is_err() || parsed.is_ok_and(|id| id.to_string() == text));
    }

    #[test]
    fn a_branch_name_is_anything_of_1_to_255_characters(text in "(?s).{0,300}") {
        let parsed = text.parse::<BranchName>();
        prop_assert_eq!(parsed.is_ok(), (1..=255).contains(&text.chars().count()));
        prop_assert!(parsed.is_err() || parsed.is_ok_and(|name| name.as_str() == text));
    }

    #[test]
    fn a_job_id_reads_with_and_without_zeros(number: u64, zeros in 0usize..200) {
        let text = format!("{}{number}", "0".repeat(zeros));
        prop_assert_eq!(text.parse(), Ok(JobId::new(number)));
        prop_assert_eq!(JobId::new(number).padded().to_string(), format!("{number:010}"));
    }

    #[test]
    fn an_arn_is_read_as_it_was_written(
        app in "d[a-z0-9]{1,19}",
        branch in "[a-zA-Z0-9/:%üé +.-]{1,40}|(branches|jobs)/[a-z]{1,9}|x/jobs/[0-9]{1,9}",
        job in prop::option::of(1u64..),
    ) {
        let (app, branch): (AppId, BranchName) = (app.parse().expect("an id"), branch.parse().expect("a name"));
        let resource = match job {
            Some(job) => Resource::Job(app, branch, JobId::new(job)),
            None => Resource::Branch(app, branch),
        };
        let arn = account().arn(resource);
        prop_assert_eq!(arn.to_string().parse::<Arn>(), Ok(arn));
    }
}

#[test]
fn a_job_id_has_255_digits_at_most_and_fits_a_number() {
    assert_eq!("".parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!("+1".parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!("١".parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!("18446744073709551616".parse::<JobId>(), Err(InvalidJobId::TooLarge));
    assert_eq!("9".repeat(255).parse::<JobId>(), Err(InvalidJobId::TooLarge));
    assert_eq!("0".repeat(256).parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!(format!("{}7", "0".repeat(254)).parse(), Ok(JobId::new(7)));
}

#[test]
fn a_branch_called_like_a_job_of_another_is_read_as_that_job() {
    // An ARN cannot tell these two apart. Jobs win, since nobody calls a branch so.
    let [app, odd, x] = ["d1", "x/jobs/0000000001", "x"];
    let odd = account().arn(Resource::Branch(app.parse().expect("an id"), odd.parse().expect("a name")));
    let job = Resource::Job(app.parse().expect("an id"), x.parse().expect("a name"), JobId::FIRST);
    assert_eq!(odd.to_string().parse::<Arn>(), Ok(account().arn(job)));
}

#[test]
fn what_is_no_arn_of_ours_is_refused() {
    for text in [
        "",
        "arn:aws:s3:::bucket",
        "arn:aws:amplify:us-east-1:apps/d1",
        "arn:aws:amplify::000000000000:apps/d1",
        "arn:aws:amplify:us-east-1::apps/d1",
        "arn:aws:amplify:us-east-1:000000000000:apps/D1",
        "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/",
        "arn:aws:amplify:us-east-1:000000000000:apps/d1/",
        "arn:aws:amplify:us-east-1:000000000000:domains/d1",
    ] {
        assert!(text.parse::<Arn>().is_err(), "{text}");
    }
}
