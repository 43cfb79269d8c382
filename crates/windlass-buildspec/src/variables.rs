//! The variables that a build is given.

use std::collections::BTreeMap;

/// What is known of a build before it runs.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `AWS_APP_ID`.
    pub app_id: String,
    /// `AWS_BRANCH`.
    pub branch: String,
    /// `AWS_BRANCH_ARN`.
    pub branch_arn: String,
    /// `AWS_CLONE_URL`. What stands before an `@` in front of the host is left out: it may be a password.
    pub clone_url: String,
    /// `AWS_COMMIT_ID`.
    pub commit_id: String,
    /// `AWS_JOB_ID`, which is written with ten digits.
    pub job_id: u64,
    /// `CODEBUILD_SRC_DIR`: the folder of the clone, as the commands see it.
    pub source_folder: String,
    /// The pull request that is previewed, if it is one.
    pub pull_request: Option<PullRequest>,
    /// The variables that the branch has, its app's among them.
    pub own: BTreeMap<String, String>,
    /// `env.variables` of the build specification: [`Plan::variables`](crate::Plan::variables).
    pub spec: Vec<(String, String)>,
}

/// A pull request of which a preview is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequest {
    /// `AWS_PULL_REQUEST_ID`.
    pub id: String,
    /// `AWS_PULL_REQUEST_SOURCE_BRANCH`.
    pub source_branch: String,
    /// `AWS_PULL_REQUEST_DESTINATION_BRANCH`.
    pub destination_branch: String,
}

/// The variables of a build, by name.
///
/// Later goes before earlier: `CI=true`; the variables of the branch; those of the build specification; and last what only the build itself knows (`AWS_APP_ID` to `AWS_JOB_ID`, `AWS_PULL_REQUEST_…`, `CODEBUILD_SRC_DIR`), which
/// nobody can pretend. A value is a text: `$NAME` in it stands for nothing else.
///
/// Left out, whoever sets them, are
///
/// * names and values that no environment can hold: empty names, those with `=`, and what has a NUL character;
/// * what a program obeys before its first line, as it would then not only concern the commands, but whatever leads up to
///   them: `LD_…` and `GLIBC_TUNABLES` (the loader), `BASH_ENV`, `ENV`, `SHELLOPTS`, `BASHOPTS`, `PS4` and `BASH_FUNC_…`
///   (the shell). A command can `export` them for those after it.
///
/// `PATH` and `HOME` are an owner's to set. Whoever starts the script puts what it cannot do without behind the `PATH`
/// here, and its own default where there is none.
///
/// These variables are for the shell that runs the script, and nobody else: start it with an otherwise empty environment.
#[must_use]
pub fn variables(context: &Context) -> BTreeMap<String, String> {
    let owned = |(name, value): (&String, &String)| (name.clone(), value.clone());
    let mut variables = BTreeMap::from([("CI".to_owned(), "true".to_owned())]);
    variables.extend(context.own.iter().map(owned));
    variables.extend(context.spec.iter().cloned());
    variables.retain(|name, value| is_possible(name) && !is_reserved(name) && !value.contains('\0'));

    let job_id = format!("{:010}", context.job_id);
    let clone_url = without_credentials(&context.clone_url);
    let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
    set("AWS_APP_ID", &context.app_id);
    set("AWS_BRANCH", &context.branch);
    set("AWS_BRANCH_ARN", &context.branch_arn);
    set("AWS_CLONE_URL", &clone_url);
    set("AWS_COMMIT_ID", &context.commit_id);
    set("AWS_JOB_ID", &job_id);
    set("CODEBUILD_SRC_DIR", &context.source_folder);
    if let Some(PullRequest { id, source_branch, destination_branch }) = &context.pull_request {
        set("AWS_PULL_REQUEST_ID", id);
        set("AWS_PULL_REQUEST_SOURCE_BRANCH", source_branch);
        set("AWS_PULL_REQUEST_DESTINATION_BRANCH", destination_branch);
    }
    variables
}

/// Whether an environment can hold a variable of that name.
pub(crate) fn is_possible(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// Whether an owner's value of that variable is not given to a build.
pub(crate) fn is_reserved(name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "AWS_APP_ID",
        "AWS_BRANCH",
        "AWS_BRANCH_ARN",
        "AWS_CLONE_URL",
        "AWS_COMMIT_ID",
        "AWS_JOB_ID",
        "AWS_PULL_REQUEST_ID",
        "AWS_PULL_REQUEST_SOURCE_BRANCH",
        "AWS_PULL_REQUEST_DESTINATION_BRANCH",
        "CODEBUILD_SRC_DIR",
    ];
    const OBEYED: &[&str] = &["GLIBC_TUNABLES", "BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4"];
    KNOWN.contains(&name) || OBEYED.contains(&name) || name.starts_with("LD_") || name.starts_with("BASH_FUNC_")
}

/// A URL without user and password. What is no URL, as `git@host:path`, has no password to lose.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}
