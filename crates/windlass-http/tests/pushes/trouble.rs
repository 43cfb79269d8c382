//! Bodies that are no events, signatures that are none, and whatever else the network brings.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use proptest::prelude::*;

use crate::World;
use crate::forges::{Event, FORGES, Forge};

#[tokio::test]
async fn a_wrong_signature_starts_nothing_even_beside_the_token() {
    let world = World::new().await;
    for forge in FORGES {
        let event = forge.push("main");
        let body = event.body.to_string();
        let (name, good) = forge.proof(&world.token, body.as_bytes());
        let (_, others) = forge.proof(&"x".repeat(40), body.as_bytes());
        let upper = if forge == Forge::GitLab { good.to_lowercase() } else { good.to_uppercase() + "0" };
        for wrong in
            [others, good[..good.len() - 1].to_owned(), format!("{good}0"), upper, "sha256=".into(), "é".into()]
        {
            for query in [format!("?id={}", world.id), format!("?id={}&token={}", world.id, world.token)] {
                let mut headers = forge.headers(event.name, &event.id);
                headers.push((name, wrong.clone()));
                let answer = world.post(&format!("/-/webhooks{query}"), &headers, body.clone()).await;
                assert_eq!(answer.status, 403, "{forge:?} {wrong}");
                assert_eq!(answer.message(), "The signature of the body is not one by this webhook's token.");
            }
        }
        // Neither, and a token that is wrong, whatever the signature.
        for (query, sign) in [(String::new(), false), ("&token=wrong".to_owned(), true)] {
            let mut headers = forge.headers(event.name, &event.id);
            headers.extend(sign.then(|| (name, good.clone())));
            let target = format!("/-/webhooks?id={}{query}", world.id);
            assert_eq!(world.post(&target, &headers, body.clone()).await.message(), "No webhook has this URL.");
        }
    }
    // A signature is one of an event, and AWS's own form has none.
    let (name, proof) = Forge::GitHub.proof(&world.token, b"{}");
    assert_eq!(world.post(&format!("/-/webhooks?id={}", world.id), &[(name, proof)], "{}").await.status, 403);
    assert!(world.jobs("main").await.is_empty());
}

#[tokio::test]
async fn the_token_in_the_url_is_enough() {
    for forge in FORGES {
        let world = World::new().await;
        let event = forge.push("main");
        let headers = forge.headers(event.name, &event.id);
        let target = format!("/prod/webhooks?id={}&token={}", world.id, world.token);
        let answer = world.post(&target, &headers, event.body.to_string()).await;
        assert_eq!(answer.job(), Some("1"), "{forge:?}");
    }
}

#[tokio::test]
async fn an_event_may_be_in_a_form_which_github_signs_and_gitea_does_not() {
    for (forge, signs_the_form) in [(Forge::GitHub, true), (Forge::Gitea, false)] {
        let world = World::new().await;
        let event = forge.push("main");
        let json = event.body.to_string();
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &json).finish();
        let (signed, unsigned) = if signs_the_form { (&form, &json) } else { (&json, &form) };
        for (signed, expected) in [(unsigned, None), (signed, Some("1"))] {
            let mut headers = forge.headers(event.name, &event.id);
            headers.push(forge.proof(&world.token, signed.as_bytes()));
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
            let answer = world.post(&format!("/-/webhooks?id={}", world.id), &headers, form.clone()).await;
            assert_eq!(answer.job(), expected, "{forge:?} {}", answer.json);
        }
    }
}

#[tokio::test]
async fn what_is_no_event_is_refused_and_says_where_it_is_wrong() {
    let world = World::new().await;
    for forge in FORGES {
        let event = forge.push("main");
        let whole = event.body.to_string().into_bytes();
        let cut = whole[..whole.len() / 2].to_vec();
        let not_text = [b"{\"ref\":\"".as_slice(), &[0xff, 0xfe], b"\"}"].concat();
        let deep = b"[".repeat(100_000);
        for body in
            [cut, not_text, deep, b"".to_vec(), b"hello".to_vec(), b"{}".to_vec(), b"[]".to_vec(), b"null".to_vec()]
        {
            let answer = world.deliver_bytes(&event, body).await;
            assert_eq!(answer.status, 400, "{forge:?}");
            assert!(
                answer.message().starts_with("The body is not what a push says: it cannot be read at line "),
                "{}",
                answer.json
            );
        }
        let text = event.body.to_string().replace(crate::forges::COMMIT, "HEAD; rm -rf /");
        let answer = world.deliver_bytes(&event, text.into_bytes()).await;
        assert_eq!(
            (answer.status, answer.message()),
            (400, "The body is not what a push says: its commit has no hash.")
        );
    }
    assert!(world.jobs("main").await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_or_ends_early_is_not_an_event() {
    let world = World::new().await;
    let event = Forge::GitHub.push("main");
    // GitHub's own limit, up to which whitespace makes no other event of it.
    let padded = |length: usize| {
        let mut body = event.body.to_string().into_bytes();
        body.resize(length, b' ');
        body
    };
    assert_eq!(world.deliver_bytes(&event, padded(25 * 1024 * 1024 + 1)).await.status, 413);
    assert!(world.jobs("main").await.is_empty());
    assert_eq!(world.deliver_bytes(&event, padded(25 * 1024 * 1024)).await.job(), Some("1"));
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 65536])));
    let mut headers = event.forge.headers(event.name, &event.id);
    headers.push(event.forge.proof(&world.token, b""));
    let target = format!("/-/webhooks?id={}", world.id);
    assert_eq!(world.post(&target, &headers, Body::from_stream(endless)).await.status, 413);
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
    assert_eq!(world.post(&target, &headers, Body::from_stream(broken)).await.status, 400);
    assert_eq!(world.jobs("main").await.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is signed and sent, the answer is one of the API's, and never a fault of ours.
    #[test]
    fn no_body_is_our_fault(
        forge in prop::sample::select(FORGES.to_vec()),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        pure in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let status = runtime.block_on(async {
            let world = World::new().await;
            let event: Event = forge.push("main");
            let mut body = if pure { noise } else { event.body.to_string().into_bytes() };
            for (index, byte) in cuts {
                if !body.is_empty() {
                    let at = index.index(body.len());
                    body[at] = byte;
                }
            }
            world.deliver_bytes(&event, body).await.status
        });
        prop_assert!(matches!(status, 200 | 400), "{}", status);
    }
}
