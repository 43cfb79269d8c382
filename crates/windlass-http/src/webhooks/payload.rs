//! What forges say of pushes: as much of it as decides what is built. Where each says so stands with [`Forge`].

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use windlass::Commit;

use super::delivery::Forge;
use crate::error::ApiError;
use crate::jobs::is_hash;

//= https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
//# The array includes a maximum of 2048 commits.
/// How many commits of a push GitHub tells of at most.
const GITHUB_COMMITS: usize = 2048;

//= https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
//# A maximum of 3000 changed files will be reported per commit.
/// How many paths of a commit it tells of at most.
const GITHUB_PATHS: usize = 3000;

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// These branches have new commits.
    Pushes(Vec<BranchPush>),
    /// Nothing that could start anything, in words for whoever looks at the forge's list of deliveries.
    Nothing(String),
}

/// A push to one branch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BranchPush {
    /// The branch's name, as the forge has it.
    pub(super) branch: String,
    pub(super) commit: Head,
    /// The paths that have changed, where the forge is sure to have told all.
    pub(super) paths: Option<Vec<String>>,
}

/// What a branch is at after a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: String,
    message: String,
    time: Option<DateTime<Utc>>,
}

impl Head {
    /// The commit, as a job has it. One without a time is taken to be made when it was heard of.
    pub(super) fn at(self, now: DateTime<Utc>) -> Commit {
        Commit { id: self.id.into(), message: self.message.into(), time: self.time.unwrap_or(now) }
    }
}

/// What GitHub, GitLab and Gitea say, who have learned it from each other.
#[derive(Deserialize)]
struct RefPush {
    #[serde(rename = "ref")]
    reference: String,
    /// Zeros where the branch was deleted.
    after: String,
    /// This and the next two, GitHub alone says.
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    created: bool,
    forced: Option<bool>,
    /// GitLab does not say it.
    head_commit: Option<RefCommit>,
    /// GitLab tells of the newest 20, and of none where a branch is new and its commits are not. Gitea tells of as many as its
    /// administrator likes (`FEED_MAX_COMMIT_NUM`), the newest first.
    commits: Option<Vec<RefCommit>>,
}

#[derive(Deserialize)]
struct RefCommit {
    id: String,
    #[serde(default)]
    message: String,
    timestamp: Option<String>,
    /// This and the next two are null in Gitea where it does not know.
    added: Option<Vec<String>>,
    modified: Option<Vec<String>>,
    removed: Option<Vec<String>>,
}

/// What Bitbucket Data Center says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataCenterEvent {
    changes: Vec<DataCenterChange>,
    /// Older versions tell of no commits.
    #[serde(default)]
    commits: Vec<DataCenterCommit>,
    to_commit: Option<DataCenterCommit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataCenterChange {
    ref_id: String,
    to_hash: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataCenterCommit {
    id: String,
    #[serde(default)]
    message: String,
    /// In milliseconds.
    committer_timestamp: Option<i64>,
}

/// What Bitbucket Cloud says.
#[derive(Deserialize)]
struct BitbucketEvent {
    push: BitbucketPush,
}

#[derive(Deserialize)]
struct BitbucketPush {
    changes: Vec<BitbucketChange>,
}

#[derive(Deserialize)]
struct BitbucketChange {
    old: Option<BitbucketRef>,
    /// Missing where the branch was deleted.
    new: Option<BitbucketRef>,
}

#[derive(Deserialize)]
struct BitbucketRef {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    target: BitbucketCommit,
}

#[derive(Deserialize)]
struct BitbucketCommit {
    hash: String,
    #[serde(default)]
    message: String,
    date: Option<String>,
}

/// Reads an event.
///
/// # Errors
///
/// Where it is a push, and it is not what the forge says of one.
pub(super) fn read(forge: Forge, event: &str, json: &[u8]) -> Result<Told, ApiError> {
    match (forge, event) {
        (Forge::GitHub | Forge::Gitea, "push") | (Forge::GitLab, "Push Hook") => parse::<RefPush>(json)?.told(forge),
        (Forge::Bitbucket, "repo:push") => parse::<BitbucketEvent>(json)?.told(),
        (Forge::Bitbucket, "repo:refs_changed") => parse::<DataCenterEvent>(json)?.told(),
        (_, "ping" | "diagnostics:ping") => {
            Ok(Told::Nothing("The webhook is there; a ping starts nothing.".to_owned()))
        }
        (_, "Tag Push Hook") => {
            Ok(Told::Nothing("A tag was pushed, and tags are not built: nothing was started.".to_owned()))
        }
        (_, other) => Ok(Told::Nothing(format!("The event {} is no push: nothing was started.", short(other)))),
    }
}

/// The event within a body: GitHub and Gitea put it into a form if they are told to.
pub(super) fn event_of<'a>(headers: &HeaderMap, body: &'a [u8]) -> Cow<'a, [u8]> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded") {
        return body.into();
    }
    let payload = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    payload.map_or_else(|| body.into(), |(_, payload)| payload.into_owned().into_bytes().into())
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    // Where it is wrong is said, and not what stands there.
    serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        bad(&format!("it cannot be read at line {line}, column {column}"))
    })
}

fn bad(why: &str) -> ApiError {
    ApiError::bad_request(format!("The body is not what a push says: {why}."))
}

impl RefPush {
    fn told(self, forge: Forge) -> Result<Told, ApiError> {
        let Some(branch) = self.reference.strip_prefix("refs/heads/").map(str::to_owned) else {
            return Ok(no_branch(&self.reference));
        };
        if self.deleted || self.after.bytes().all(|byte| byte == b'0') {
            return Ok(deleted(&branch));
        }
        let paths = self.paths(forge);
        let Self { after, head_commit, commits, .. } = self;
        let head = head_commit.into_iter().chain(commits.into_iter().flatten()).find(|commit| commit.id == after);
        let (message, time) = head.map(|head| (head.message, head.timestamp)).unwrap_or_default();
        let commit = Head::new(after, message, time.as_deref().and_then(read_time))?;
        Ok(Told::Pushes(vec![BranchPush { branch, commit, paths }]))
    }

    /// The paths that have changed between what the branch was at and what it is at. It takes a forge that says whether
    /// commits were also taken away: what those had changed, no list has. GitHub alone does.
    fn paths(&self, forge: Forge) -> Option<Vec<String>> {
        let commits = self.commits.as_deref()?;
        let complete = match forge {
            Forge::GitHub => self.forced == Some(false) && !self.created && commits.len() < GITHUB_COMMITS,
            Forge::GitLab | Forge::Gitea | Forge::Bitbucket => false,
        };
        // The last one is what the branch is at, or the list is not whole.
        if !complete || commits.last()?.id != self.after {
            return None;
        }
        let mut paths = Vec::new();
        for commit in commits {
            let before = paths.len();
            for changed in [&commit.added, &commit.modified, &commit.removed] {
                paths.extend_from_slice(changed.as_deref()?);
            }
            if paths.len() - before >= GITHUB_PATHS {
                return None;
            }
        }
        Some(paths)
    }
}

impl BitbucketEvent {
    fn told(self) -> Result<Told, ApiError> {
        let (mut pushes, mut nothing) = (Vec::new(), None);
        for change in self.push.changes {
            match (change.new, change.old) {
                (Some(new), _) if new.kind == "branch" => {
                    let BitbucketCommit { hash, message, date } = new.target;
                    let commit = Head::new(hash, message, date.as_deref().and_then(read_time))?;
                    pushes.push(BranchPush { branch: new.name, commit, paths: None });
                }
                (Some(new), _) => nothing = Some(no_branch(&new.name)),
                (None, Some(old)) => nothing = Some(deleted(&old.name)),
                (None, None) => {}
            }
        }
        Ok(told_of(pushes, nothing))
    }
}

impl DataCenterEvent {
    fn told(self) -> Result<Told, ApiError> {
        let commits: Vec<_> = self.to_commit.into_iter().chain(self.commits).collect();
        let (mut pushes, mut nothing) = (Vec::new(), None);
        for DataCenterChange { ref_id, to_hash, kind } in self.changes {
            let Some(branch) = ref_id.strip_prefix("refs/heads/") else {
                nothing = Some(no_branch(&ref_id));
                continue;
            };
            if kind == "DELETE" {
                nothing = Some(deleted(branch));
                continue;
            }
            let head = commits.iter().find(|commit| commit.id == to_hash);
            let message = head.map(|head| head.message.clone()).unwrap_or_default();
            let time = head.and_then(|head| DateTime::from_timestamp_millis(head.committer_timestamp?));
            pushes.push(BranchPush {
                branch: branch.to_owned(),
                commit: Head::new(to_hash, message, time)?,
                paths: None,
            });
        }
        Ok(told_of(pushes, nothing))
    }
}

/// What an event comes to that may tell of several branches.
fn told_of(pushes: Vec<BranchPush>, nothing: Option<Told>) -> Told {
    if !pushes.is_empty() {
        return Told::Pushes(pushes);
    }
    nothing.unwrap_or_else(|| Told::Nothing("No branch was pushed: nothing was started.".to_owned()))
}

impl Head {
    fn new(id: String, message: String, time: Option<DateTime<Utc>>) -> Result<Self, ApiError> {
        if is_hash(&id) { Ok(Self { id, message, time }) } else { Err(bad("its commit has no hash")) }
    }
}

fn read_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn no_branch(name: &str) -> Told {
    Told::Nothing(format!("{} is no branch: nothing was started.", short(name)))
}

fn deleted(branch: &str) -> Told {
    Told::Nothing(format!("The branch {} was deleted: nothing was started.", short(branch)))
}

/// As much of somebody else's word as an answer repeats.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
