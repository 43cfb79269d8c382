//! What forges send, in the shapes that they document, and signed as they sign.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const BEFORE: &str = "89abcdef0123456789abcdef0123456789abcdef";
pub(crate) const ZEROS: &str = "0000000000000000000000000000000000000000";
pub(crate) const MESSAGE: &str = "Say hello\n\nIt is polite.";

/// What is delivered: the headers but the proof, and the body.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) forge: Forge,
    pub(crate) name: &'static str,
    pub(crate) id: String,
    pub(crate) body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forge {
    GitHub,
    GitLab,
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Bitbucket Data Center.
    DataCenter,
}

pub(crate) const FORGES: [Forge; 5] = [Forge::GitHub, Forge::GitLab, Forge::Gitea, Forge::Bitbucket, Forge::DataCenter];

impl Forge {
    /// A push of one commit to `branch`.
    pub(crate) fn push(self, branch: &str) -> Event {
        let commit = json!({
            "id": COMMIT, "message": MESSAGE, "timestamp": "2026-03-10T13:30:00+02:00", "url": "https://example.com/c",
            "author": { "name": "A", "email": "a@example.com" },
            "added": ["apps/web/new.html"], "modified": ["README.md"], "removed": [],
        });
        let reference = format!("refs/heads/{branch}");
        let (name, body) = match self {
            Self::GitHub => (
                "push",
                json!({
                    "ref": reference, "before": BEFORE, "after": COMMIT, "created": false, "deleted": false, "forced": false,
                    "base_ref": null, "compare": "https://example.com/compare", "commits": [commit], "head_commit": commit,
                    "repository": { "id": 1, "full_name": "o/r" }, "pusher": { "name": "o" }, "sender": { "login": "o" },
                }),
            ),
            Self::Gitea => (
                "push",
                json!({
                    "ref": reference, "before": BEFORE, "after": COMMIT, "compare_url": "https://example.com/compare",
                    "commits": [commit], "total_commits": 1, "head_commit": commit,
                    "repository": { "id": 1, "full_name": "o/r" }, "pusher": { "login": "o" }, "sender": { "login": "o" },
                }),
            ),
            Self::DataCenter => {
                // Its times are in milliseconds, and it names no paths.
                let commit = json!({
                    "id": COMMIT, "displayId": &COMMIT[..11], "message": MESSAGE, "committerTimestamp": 1_773_142_200_000_u64,
                    "author": { "name": "A", "emailAddress": "a@example.com" }, "parents": [{ "id": BEFORE }],
                });
                (
                    "repo:refs_changed",
                    json!({
                        "eventKey": "repo:refs_changed", "date": "2026-03-10T13:30:05+0200", "actor": { "name": "a", "id": 1 },
                        "repository": { "slug": "r", "project": { "key": "P" } },
                        "changes": [{
                            "ref": { "id": reference, "displayId": branch, "type": "BRANCH" }, "refId": reference,
                            "fromHash": BEFORE, "toHash": COMMIT, "type": "UPDATE",
                        }],
                        "commits": [commit], "toCommit": commit,
                    }),
                )
            }
            Self::GitLab => (
                "Push Hook",
                json!({
                    "object_kind": "push", "event_name": "push", "before": BEFORE, "after": COMMIT, "ref": reference,
                    "checkout_sha": COMMIT, "user_id": 4, "project_id": 15, "project": { "id": 15 }, "commits": [commit],
                    "total_commits_count": 1,
                }),
            ),
            Self::Bitbucket => (
                "repo:push",
                json!({
                    "actor": { "type": "user" }, "repository": { "full_name": "o/r" },
                    "push": { "changes": [{
                        "created": false, "closed": false, "forced": false, "truncated": false,
                        "old": { "type": "branch", "name": branch, "target": { "type": "commit", "hash": BEFORE } },
                        "new": { "type": "branch", "name": branch, "target": {
                            "type": "commit", "hash": COMMIT, "message": MESSAGE, "date": "2026-03-10T11:30:00+00:00",
                        } },
                    }] },
                }),
            ),
        };
        Event { forge: self, name, id: "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned(), body }
    }

    pub(crate) fn tag(self) -> Event {
        let mut event = self.push("main");
        match self {
            Self::Bitbucket => event.body["push"]["changes"][0]["new"]["type"] = "tag".into(),
            Self::DataCenter => event.body["changes"][0]["refId"] = "refs/tags/v1".into(),
            Self::GitLab => event.name = "Tag Push Hook",
            Self::GitHub | Self::Gitea => event.body["ref"] = "refs/tags/v1".into(),
        }
        event
    }

    pub(crate) fn deletion(self) -> Event {
        let mut event = self.push("main");
        match self {
            Self::Bitbucket => event.body["push"]["changes"][0]["new"] = Value::Null,
            Self::DataCenter => {
                let change = &mut event.body["changes"][0];
                (change["type"], change["toHash"]) = ("DELETE".into(), ZEROS.into());
            }
            Self::GitLab | Self::Gitea => event.body["after"] = ZEROS.into(),
            Self::GitHub => event.body["deleted"] = true.into(),
        }
        event
    }

    /// The headers of a delivery.
    pub(crate) fn headers(self, name: &str, id: &str) -> Vec<(&'static str, String)> {
        let (event, delivery) = match self {
            Self::GitHub => ("x-github-event", "x-github-delivery"),
            Self::GitLab => ("x-gitlab-event", "idempotency-key"),
            Self::Gitea => ("x-gitea-event", "x-gitea-delivery"),
            Self::Bitbucket => ("x-event-key", "x-request-uuid"),
            Self::DataCenter => ("x-event-key", "x-request-id"),
        };
        let mut headers = vec![(event, name.to_owned()), (delivery, id.to_owned())];
        if self == Self::Gitea {
            // It has GitHub's, too.
            headers.extend([("x-github-event", name.to_owned()), ("x-github-delivery", id.to_owned())]);
        }
        headers
    }

    /// How it is proven that `signed`, a body or the event within it, comes from who has the token.
    pub(crate) fn proof(self, token: &str, signed: &[u8]) -> (&'static str, String) {
        let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).unwrap();
        mac.update(signed);
        let hex = hex::encode(mac.finalize().into_bytes());
        match self {
            Self::GitHub => ("x-hub-signature-256", format!("sha256={hex}")),
            Self::GitLab => ("x-gitlab-token", token.to_owned()),
            Self::Gitea => ("x-gitea-signature", hex),
            Self::Bitbucket | Self::DataCenter => ("x-hub-signature", format!("sha256={hex}")),
        }
    }
}
