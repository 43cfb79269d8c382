//! How forges deliver events: by which headers each is known, tells one delivery from another, and proves who it is.
//!
//! Each signs with the secret that it was given for the webhook, which is our token; GitLab sends the secret itself. What is
//! said here of a forge stands on the page that is named with it, or in its source where that is named.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;
use strum::AsRefStr;
use subtle::ConstantTimeEq as _;

/// Whoever keeps repositories and tells of pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr)]
pub(super) enum Forge {
    /// `X-GitHub-Event`; `X-GitHub-Delivery`, the same when an event is delivered again; `X-Hub-Signature-256`, over the body
    /// as it is sent. Events of more than 25 MB are not delivered.
    ///
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers>
    GitHub,
    /// `X-Gitlab-Event`; `Idempotency-Key`, the same when a delivery is tried again, where older versions have
    /// `X-Gitlab-Event-UUID` alone; `X-Gitlab-Token`, the secret token. The `webhook-signature` that newer versions may have
    /// beside it is not looked at.
    ///
    /// <https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers>
    GitLab,
    /// Forgejo, too. `X-Gitea-Event`; `X-Gitea-Delivery`; `X-Gitea-Signature`, in hexadecimal, over the event alone, also
    /// where that is sent within a form. It has GitHub's and Gogs's headers as well.
    ///
    /// <https://docs.gitea.com/usage/repository/webhooks>, and `addDefaultHeaders` in its `services/webhook/deliver.go`
    Gitea,
    /// `X-Event-Key`; `X-Hub-Signature`, with SHA-256 for what others have SHA-1. Cloud has `X-Request-UUID`, and says nothing
    /// of pushes of which it would have to tell more than 256 KB; Data Center has `X-Request-Id`.
    ///
    /// <https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/>,
    /// <https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html>
    Bitbucket,
}

/// A delivery of an event, by what its headers say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery<'a> {
    pub(super) forge: Forge,
    /// What happened, in the forge's word for it.
    pub(super) event: &'a str,
    /// What tells it from others; the same when it is sent again.
    pub(super) id: Option<&'a str>,
    /// How it proves who sent it, if it does.
    pub(super) proof: Option<Proof<'a>>,
}

/// What is known only to whoever has the token.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof<'a> {
    /// The token.
    Token(&'a [u8]),
    /// The HMAC-SHA256 of the event, in hexadecimal.
    OfEvent(&'a [u8]),
    /// The HMAC-SHA256 of the whole body, in hexadecimal, with `sha256=` before it.
    OfBody(&'a [u8]),
}

/// How long an id of a delivery may be: all have UUIDs.
const ID_MAX: usize = 255;

impl<'a> Delivery<'a> {
    /// The delivery that a request is, if it is a forge's. Gitea also has GitHub's headers, so it is looked for first.
    pub(super) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let get = |name: &str| headers.get(name).map(|value| value.as_bytes()).filter(|value| !value.is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| get(name));
        let (forge, event, ids, proof): (_, _, &[&str], _) =
            if let Some(event) = first(&["x-gitea-event", "x-forgejo-event"]) {
                let signature = first(&["x-gitea-signature", "x-forgejo-signature"]);
                (Forge::Gitea, event, &["x-gitea-delivery", "x-forgejo-delivery"], signature.map(Proof::OfEvent))
            } else if let Some(event) = get("x-github-event") {
                (Forge::GitHub, event, &["x-github-delivery"], get("x-hub-signature-256").map(Proof::OfBody))
            } else if let Some(event) = get("x-gitlab-event") {
                let ids = &["idempotency-key", "x-gitlab-event-uuid"];
                (Forge::GitLab, event, ids, get("x-gitlab-token").map(Proof::Token))
            } else {
                let event = get("x-event-key")?;
                let ids = &["x-request-uuid", "x-request-id"];
                (Forge::Bitbucket, event, ids, get("x-hub-signature").map(Proof::OfBody))
            };
        let visible = |text: &&str| text.len() <= ID_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        let id = first(ids).and_then(|id| str::from_utf8(id).ok()).filter(visible);
        // An event whose name is no text is none that we know.
        Some(Self { forge, event: str::from_utf8(event).unwrap_or_default(), id, proof })
    }
}

impl Proof<'_> {
    /// Whether it can only be made with `token`, for this body with this event in it. It takes as long whatever is wrong
    /// with it.
    pub(super) fn holds(self, token: &str, body: &[u8], event: &[u8]) -> bool {
        match self {
            Self::Token(given) => token.as_bytes().ct_eq(given).into(),
            Self::OfEvent(hex) => is_signature(hex, token, event),
            Self::OfBody(given) => given.strip_prefix(b"sha256=").is_some_and(|hex| is_signature(hex, token, body)),
        }
    }
}

fn is_signature(hex: &[u8], token: &str, signed: &[u8]) -> bool {
    let mut given = [0; 32];
    if hex::decode_to_slice(hex, &mut given).is_err() {
        return false;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("a key may have any length");
    mac.update(signed);
    mac.verify_slice(&given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn forges_are_told_apart_though_one_has_anothers_headers() {
        let forge = |of: &[(&'static str, &str)]| Delivery::of(&headers(of)).map(|delivery| delivery.forge);
        assert_eq!(forge(&[("x-github-event", "push")]), Some(Forge::GitHub));
        assert_eq!(forge(&[("x-github-event", "push"), ("x-gitea-event", "push")]), Some(Forge::Gitea));
        assert_eq!(forge(&[("x-forgejo-event", "push")]), Some(Forge::Gitea));
        assert_eq!(forge(&[("x-gitlab-event", "Push Hook")]), Some(Forge::GitLab));
        assert_eq!(forge(&[("x-event-key", "repo:push")]), Some(Forge::Bitbucket));
        assert_eq!(forge(&[("content-type", "application/json")]), None);
    }

    #[test]
    fn github_s_example_of_a_signature_holds() {
        // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
        let (token, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let signature = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(Proof::OfBody(signature).holds(token, body, b""));
        assert!(Proof::OfEvent(&signature[7..]).holds(token, b"", body));
        assert!(!Proof::OfEvent(signature).holds(token, b"", body));
        assert!(!Proof::OfBody(signature).holds(token, b"Hello, World?", body));
        assert!(!Proof::OfBody(signature).holds("another", body, body));
        for cut in 0..signature.len() {
            assert!(!Proof::OfBody(&signature[..cut]).holds(token, body, body), "{cut}");
        }
    }
}
