//! The variables of a build.

use windlass_buildspec::{Context, PullRequest, variables};

#[test]
fn a_build_knows_itself_and_what_its_owners_say() {
    let context = Context {
        app_id: "d1a2b3".into(),
        branch: "feature/x".into(),
        branch_arn: "arn:aws:amplify:…:apps/d1a2b3/branches/feature%2Fx".into(),
        clone_url: "https://user:pa@ss@example.com:8443/a@b.git?x=1".into(),
        commit_id: "0123abc".into(),
        job_id: 7,
        source_folder: "/build/src".into(),
        pull_request: Some(PullRequest {
            id: "5".into(),
            source_branch: "x".into(),
            destination_branch: "main".into(),
        }),
        own: map(&[
            ("A", "own"),
            ("C", "own"),
            ("CI", "false"),
            ("PATH", "/opt/bin"),
            ("", "x"),
            ("X=Y", "x"),
            ("LD_PRELOAD", "x"),
            ("BASH_ENV", "x"),
            ("N", "a\0b"),
        ]),
        spec: vec![("C".into(), "spec".into()), ("AWS_JOB_ID".into(), "99".into()), ("AWS_REGION".into(), "r".into())],
    };
    let told: Vec<_> = variables(&context).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        told,
        [
            "A=own",
            "AWS_APP_ID=d1a2b3",
            "AWS_BRANCH=feature/x",
            "AWS_BRANCH_ARN=arn:aws:amplify:…:apps/d1a2b3/branches/feature%2Fx",
            "AWS_CLONE_URL=https://example.com:8443/a@b.git?x=1",
            "AWS_COMMIT_ID=0123abc",
            "AWS_JOB_ID=0000000007",
            "AWS_PULL_REQUEST_DESTINATION_BRANCH=main",
            "AWS_PULL_REQUEST_ID=5",
            "AWS_PULL_REQUEST_SOURCE_BRANCH=x",
            "AWS_REGION=r",
            "C=spec",
            "CI=false",
            "CODEBUILD_SRC_DIR=/build/src",
            "PATH=/opt/bin",
        ]
    );
}

#[test]
fn a_build_that_is_no_preview_cannot_pretend_to_be_one() {
    let context = Context { own: map(&[("AWS_PULL_REQUEST_ID", "5")]), ..Context::default() };
    assert!(!variables(&context).contains_key("AWS_PULL_REQUEST_ID"));
}

fn map(variables: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
