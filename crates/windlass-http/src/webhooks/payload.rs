//! What forges say of pushes: as much of it as decides what is built.

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

/// How many commits of a push GitHub tells of at most.
const GITHUB_COMMITS: usize = 2048;

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
    after: String,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    created: bool,
    /// Only GitHub says it.
    forced: Option<bool>,
    head_commit: Option<RefCommit>,
    #[serde(default)]
    commits: Vec<RefCommit>,
}

#[derive(Deserialize)]
struct RefCommit {
    id: String,
    #[serde(default)]
    message: String,
    timestamp: Option<String>,
    added: Option<Vec<String>>,
    modified: Option<Vec<String>>,
    removed: Option<Vec<String>>,
}

/// What Bitbucket says.
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
/// Where it is a push, and the body is not what the forge says of one.
pub(super) fn read(forge: Forge, event: &str, headers: &HeaderMap, body: &[u8]) -> Result<Told, ApiError> {
    let push = match forge {
        Forge::GitHub | Forge::Gitea => "push",
        Forge::GitLab => "Push Hook",
        Forge::Bitbucket => "repo:push",
    };
    if event != push {
        return Ok(Told::Nothing(match event {
            "ping" => "The webhook is there; a ping starts nothing.".to_owned(),
            "Tag Push Hook" => "A tag was pushed, and tags are not built: nothing was started.".to_owned(),
            other => format!("The event {} is no push: nothing was started.", short(other)),
        }));
    }
    let json = json_of(headers, body);
    match forge {
        Forge::GitHub | Forge::Gitea | Forge::GitLab => parse::<RefPush>(&json)?.told(forge),
        Forge::Bitbucket => parse::<BitbucketEvent>(&json)?.told(),
    }
}

/// The event itself: GitHub and Gitea put it into a form unless they are told not to.
fn json_of<'a>(headers: &HeaderMap, body: &'a [u8]) -> Cow<'a, [u8]> {
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
            let reference = short(&self.reference);
            return Ok(Told::Nothing(format!("{reference} is no branch: nothing was started.")));
        };
        if self.deleted || self.after.bytes().all(|byte| byte == b'0') {
            return Ok(deleted(&branch));
        }
        let paths = self.paths(forge);
        let Self { after, head_commit, commits, .. } = self;
        let head = head_commit.into_iter().chain(commits).find(|commit| commit.id == after);
        let (message, time) = head.map(|head| (head.message, head.timestamp)).unwrap_or_default();
        Ok(Told::Pushes(vec![BranchPush { branch, commit: Head::new(after, message, time.as_deref())?, paths }]))
    }

    /// The paths that have changed between what the branch was at and what it is at. It takes a forge that says whether
    /// commits were also taken away: what those had changed, no list has. GitHub alone does.
    fn paths(&self, forge: Forge) -> Option<Vec<String>> {
        let complete = match forge {
            Forge::GitHub => self.forced == Some(false) && !self.created && self.commits.len() < GITHUB_COMMITS,
            Forge::GitLab | Forge::Gitea | Forge::Bitbucket => false,
        };
        // The last one is what the branch is at, or the list is not whole.
        if !complete || self.commits.last()?.id != self.after {
            return None;
        }
        let mut paths = Vec::new();
        for commit in &self.commits {
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
                    let commit = Head::new(hash, message, date.as_deref())?;
                    pushes.push(BranchPush { branch: new.name, commit, paths: None });
                }
                (Some(new), _) => {
                    nothing = Some(Told::Nothing(format!("{} is no branch: nothing was started.", short(&new.name))));
                }
                (None, Some(old)) => nothing = Some(deleted(&old.name)),
                (None, None) => {}
            }
        }
        if !pushes.is_empty() {
            return Ok(Told::Pushes(pushes));
        }
        Ok(nothing.unwrap_or_else(|| Told::Nothing("No branch was pushed: nothing was started.".to_owned())))
    }
}

impl Head {
    fn new(id: String, message: String, time: Option<&str>) -> Result<Self, ApiError> {
        if !is_hash(&id) {
            return Err(bad("its commit has no hash"));
        }
        let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok()).map(|time| time.to_utc());
        Ok(Self { id, message, time })
    }
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
