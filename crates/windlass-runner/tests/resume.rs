//! Fetching over connections that break.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, like the test")]

use std::future::{Future, pending, poll_fn};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body as AnswerBody, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderName, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;
use tokio::net::TcpListener;
use windlass_runner::fetch::{Body, Destination, FetchError, FetchLimits, Fetcher, TimeLimit, Told};
use windlass_runner::guard::AddressGuard;

// What goes on where it was.

#[tokio::test]
async fn what_broke_off_goes_on_where_it_was() {
    for version in [&[(ETAG, "\"one\"")][..], &[(LAST_MODIFIED, THEN), (DATE, LATER)]] {
        // The first break is in memory, the second in a file.
        let site = Site::start(move |asked| match asked.number {
            0 => whole(0, version).cut(50_000),
            1 => asked.rest(0, version).cut(100_000),
            _ => asked.rest(0, version),
        })
        .await;
        assert!(site.fetch().await.unwrap() == content(0));
        let [first, second, third] = &site.asked()[..] else { panic!("{:?}", site.asked()) };
        assert_eq!((&first.range, &first.if_range), (&None, &None));
        let name = Some(version[0].1.to_owned());
        assert_eq!((second.range.as_deref(), &second.if_range), (Some("bytes=50000-"), &name));
        assert_eq!((third.range.as_deref(), &third.if_range), (Some("bytes=150000-"), &name));
        assert_eq!(site.told(), ["ended after 50000 of 300000 bytes", "ended after 150000 of 300000 bytes"]);
    }
}

#[tokio::test]
async fn a_server_that_sends_the_rest_in_parts_is_asked_until_it_is_whole() {
    let site = Site::start(|asked| match asked.from {
        0 => whole(0, &TAG).cut(100_000),
        from => part(0, from..(from + 60_000).min(SIZE), &TAG),
    })
    .await;
    assert!(site.fetch().await.unwrap() == content(0));
    assert_eq!(site.asked().len(), 5);
}

#[tokio::test]
async fn a_try_that_brings_something_new_is_none_in_vain() {
    // Ten breaks, and no more than two in a row may bring nothing.
    let site = Site::start(|asked| match asked.from {
        0 => whole(0, &TAG).cut(30_000),
        _ => asked.rest(0, &TAG).cut(30_000),
    })
    .await;
    assert!(site.fetch_within(FetchLimits { tries: 2, ..limits() }).await.unwrap() == content(0));
    assert_eq!(site.asked().len(), 10);
}

#[tokio::test]
async fn what_is_redirected_elsewhere_goes_on_there_if_it_is_the_same() {
    let site = Site::start(|asked| match (asked.path.as_str(), asked.number) {
        ("/", n) => to(&format!("/{n}?X-Amz-Signature={n}")),
        (_, 1) => whole(0, &TAG).cut(70_000),
        _ => asked.rest(0, &TAG),
    })
    .await;
    assert!(site.fetch().await.unwrap() == content(0));
    let paths: Vec<_> = site.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/", "/0", "/", "/2"]);
}

// What begins again.

#[tokio::test]
async fn what_has_no_sure_version_begins_again() {
    for version in [
        &[][..],
        &[(ETAG, "W/\"one\"")],
        &[(LAST_MODIFIED, THEN), (DATE, THEN)],
        &[(ETAG, "\"one\""), (ACCEPT_RANGES, "none")],
    ] {
        let site = Site::start(move |asked| match asked.number {
            0 => whole(0, version).cut(200_000),
            _ => whole(1, version),
        })
        .await;
        assert!(site.fetch().await.unwrap() == content(1), "{version:?}");
        assert!(site.asked().iter().all(|asked| asked.range.is_none()), "{version:?}");
    }
}

#[tokio::test]
async fn what_has_changed_meanwhile_begins_again_and_is_never_mixed() {
    type Answer = fn(&Asked) -> Response;
    let second: [(&str, Answer); 6] = [
        ("all of it, as it should be", |_| whole(1, &[(ETAG, "\"two\"")])),
        ("all of the same", |_| whole(1, &TAG)),
        ("a part of another", |asked| asked.rest(1, &[(ETAG, "\"two\"")])),
        ("another part", |asked| part(0, asked.from - 1..SIZE, &TAG)),
        ("a part of something longer", |asked| {
            let mut answer = asked.rest(0, &TAG);
            let range = format!("bytes {}-{}/{}", asked.from, SIZE - 1, SIZE + 1);
            answer.headers_mut().insert(CONTENT_RANGE, range.parse().unwrap());
            answer
        }),
        ("nothing", |_| StatusCode::RANGE_NOT_SATISFIABLE.into_response()),
    ];
    for (what, second) in second {
        let site = Site::start(move |asked| match asked.number {
            0 => whole(0, &TAG).cut(200_000),
            1 => second(asked),
            _ => whole(1, &[(ETAG, "\"two\"")]),
        })
        .await;
        assert!(site.fetch().await.unwrap() == content(1), "{what}");
        assert_eq!(site.asked()[1].range.as_deref(), Some("bytes=200000-"), "{what}");
        // Whoever is not believed is asked for all of it.
        assert!(site.asked().get(2).is_none_or(|asked| asked.range.is_none()), "{what}");
    }
}

// What is given up.

#[tokio::test]
async fn a_server_that_brings_nothing_new_is_given_up_after_a_few_tries_ever_further_apart() {
    let site = Site::start(|_| whole(0, &[]).cut(1_000)).await;
    let limits = FetchLimits { tries: 4, pause: Duration::from_millis(2), ..limits() };
    let error = site.fetch_within(limits).await.unwrap_err();
    assert!(matches!(error, FetchError::EndedEarly { received: 1_000, .. }), "{error}");
    assert_eq!(site.asked().len(), 4);
    assert_eq!(site.pauses(), [2, 4, 8].map(Duration::from_millis));
    site.left_nothing();
}

#[tokio::test]
async fn a_servers_own_trouble_may_pass_and_a_refusal_may_not() {
    for (status, tries) in [(500, 3), (502, 3), (503, 3), (504, 3), (400, 1), (403, 1), (404, 1), (410, 1), (429, 1)] {
        let status = StatusCode::from_u16(status).unwrap();
        let site = Site::start(move |_| status.into_response()).await;
        let error = site.fetch().await.unwrap_err();
        assert!(matches!(error, FetchError::Status { status: told, .. } if told == status), "{error}");
        assert_eq!(site.asked().len(), tries, "{status}");
    }
    let site = Site::start(|asked| match asked.number {
        0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        1 => whole(0, &TAG).cut(10),
        2 => StatusCode::BAD_GATEWAY.into_response(),
        _ => asked.rest(0, &TAG),
    })
    .await;
    assert!(site.fetch().await.unwrap() == content(0));
}

#[tokio::test]
async fn a_refusal_says_its_code_where_it_has_one() {
    for (text, expected) in [
        ("<Error><Code>RequestExpired</Code></Error>", "403 Forbidden (RequestExpired)"),
        ("<Code>a b</Code>", "403 Forbidden"),
        ("<Code></Code>", "403 Forbidden"),
        ("<Code>?X-Amz-Signature=SECRET</Code>", "403 Forbidden"),
    ] {
        let site = Site::start(move |_| (StatusCode::FORBIDDEN, text).into_response()).await;
        assert_eq!(site.fetch().await.unwrap_err().to_string(), format!("source {} answered {expected}", site.shown()));
    }
}

#[tokio::test]
async fn further_tries_take_no_more_than_all_the_time_there_is() {
    let site = Site::start(|_| StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
    let limits = FetchLimits { total: Duration::from_millis(50), pause: Duration::from_secs(600), ..limits() };
    let error = site.fetch_within(limits).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { limit: TimeLimit::Total, .. }), "{error}");
}

#[tokio::test]
async fn each_try_is_guarded_as_the_first_was() {
    for target in ["http://127.0.0.2/", "http://169.254.169.254/", "http://[::1]/"] {
        let site = Site::start(move |asked| match asked.number {
            0 => whole(0, &TAG).cut(1_000),
            _ => to(target),
        })
        .await;
        let error = site.fetch().await.unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }), "{target}: {error}");
        site.left_nothing();
    }
    // The redirects of a try are counted anew, and no more of them are followed than in the first.
    let chain = |asked: &Asked| match asked.path.as_str() {
        "/a" => to("/b"),
        "/b" => to("/c"),
        _ if asked.number < 4 => whole(0, &TAG).cut(1_000),
        _ => asked.rest(0, &TAG),
    };
    let site = Site::start(move |asked| if asked.path == "/" { to("/a") } else { chain(asked) }).await;
    assert!(site.fetch_within(FetchLimits { redirects: 3, ..limits() }).await.unwrap() == content(0));
    let site = Site::start(move |asked| if asked.path == "/" { to("/a") } else { chain(asked) }).await;
    let error = site.fetch_within(FetchLimits { redirects: 2, ..limits() }).await.unwrap_err();
    assert!(matches!(error, FetchError::TooManyRedirects { limit: 2, .. }), "{error}");
}

#[tokio::test]
async fn all_parts_together_are_no_larger_than_one_body_may_be() {
    let site = Site::start(|asked| match asked.from {
        // Neither says how much there will be.
        0 => part(0, 0..SIZE, &TAG).unsized_(StatusCode::OK).cut(200_000),
        _ => asked.rest(0, &TAG).unsized_(StatusCode::PARTIAL_CONTENT),
    })
    .await;
    let error = site.fetch_within(FetchLimits { bytes: SIZE as u64 - 1, ..limits() }).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    site.left_nothing();
    assert!(site.fetch_within(FetchLimits { bytes: SIZE as u64, ..limits() }).await.unwrap() == content(0));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_another_try() {
    let site = Site::start(|_| whole(0, &TAG).cut(100_000)).await;
    let limits = FetchLimits { pause: Duration::from_secs(600), ..limits() };
    let it_pauses = poll_fn(|_| if site.pauses().is_empty() { Poll::Pending } else { Poll::Ready(()) });
    let error = site.fetch_until(limits, it_pauses).await.unwrap_err();
    assert!(matches!(error, FetchError::Interrupted), "{error}");
    site.left_nothing();
}

// Helpers.

const SIZE: usize = 300_000;

const TAG: [(HeaderName, &str); 1] = [(ETAG, "\"one\"")];

const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn limits() -> FetchLimits {
    let long = Duration::from_secs(60);
    FetchLimits { total: long, idle: long, connect: long, tries: 3, pause: Duration::ZERO, ..FetchLimits::default() }
}

/// What a server has, in one version or another.
fn content(version: usize) -> Vec<u8> {
    (0..SIZE).map(|at| (at / 3 + at % 251 + version * 7) as u8).collect()
}

fn whole(version: usize, headers: &[(HeaderName, &str)]) -> Response {
    with(content(version).into_response(), headers)
}

fn part(version: usize, range: core::ops::Range<usize>, headers: &[(HeaderName, &str)]) -> Response {
    let said = format!("bytes {}-{}/{SIZE}", range.start, range.end - 1);
    let body = content(version)[range].to_vec();
    with((StatusCode::PARTIAL_CONTENT, [(CONTENT_RANGE, said)], body).into_response(), headers)
}

fn with(mut response: Response, headers: &[(HeaderName, &str)]) -> Response {
    for (name, value) in headers {
        response.headers_mut().insert(name.clone(), value.parse().unwrap());
    }
    response
}

fn to(location: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

trait Broken {
    /// The same, but the connection ends after so many bytes.
    fn cut(self, after: usize) -> Self;
    /// The same, with no word of its length.
    fn unsized_(self, status: StatusCode) -> Self;
}

impl Broken for Response {
    fn cut(self, after: usize) -> Self {
        let (mut head, body) = self.into_parts();
        // Only a whole body can be cut: what is shorter ends as it is.
        let length = head.headers.get(CONTENT_LENGTH).map(|length| length.to_str().unwrap().parse::<usize>().unwrap());
        let length = length.or_else(|| axum::body::HttpBody::size_hint(&body).exact().map(|size| size as usize));
        if let Some(length) = length {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
        let left = Arc::new(Mutex::new(after));
        let sent = body.into_data_stream().map(move |chunk| {
            let mut left = left.lock().unwrap();
            let chunk = chunk.unwrap();
            let kept = chunk.slice(..chunk.len().min(*left));
            *left -= kept.len();
            Ok::<Bytes, std::io::Error>(kept)
        });
        let broken = stream::once(async {
            // What was sent has to be on its way before the connection ends.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(std::io::Error::other("cut"))
        });
        let is_whole = length.is_some_and(|length| length <= after);
        let body = if is_whole { AnswerBody::from_stream(sent) } else { AnswerBody::from_stream(sent.chain(broken)) };
        Self::from_parts(head, body)
    }

    fn unsized_(self, status: StatusCode) -> Self {
        let (mut head, body) = self.into_parts();
        head.status = status;
        head.headers.remove(CONTENT_LENGTH);
        if status == StatusCode::OK {
            head.headers.remove(CONTENT_RANGE);
        }
        Self::from_parts(head, AnswerBody::from_stream(body.into_data_stream()))
    }
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Asked {
    /// How many there were before.
    number: usize,
    path: String,
    range: Option<String>,
    if_range: Option<String>,
    /// Where the range begins.
    from: usize,
}

impl Asked {
    fn rest(&self, version: usize, headers: &[(HeaderName, &str)]) -> Response {
        part(version, self.from..SIZE, headers)
    }
}

type Answers = Arc<dyn Fn(&Asked) -> Response + Send + Sync>;

/// A web server that answers as a test says, a directory to fetch into, and what was told on the way.
struct Site {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    into: TempDir,
    told: Mutex<Vec<(String, Duration)>>,
}

impl Site {
    async fn start(answers: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let answers: Answers = Arc::new(answers);
        let router = Router::new().fallback(answer).with_state((Arc::clone(&asked), answers));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, asked, into: TempDir::new().unwrap(), told: Mutex::default() }
    }

    async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        self.fetch_within(limits()).await
    }

    async fn fetch_within(&self, limits: FetchLimits) -> Result<Vec<u8>, FetchError> {
        self.fetch_until(limits, pending()).await
    }

    async fn fetch_until(&self, limits: FetchLimits, stop: impl Future<Output = ()>) -> Result<Vec<u8>, FetchError> {
        let guard = AddressGuard::new(vec!["127.0.0.1/32".parse().unwrap()]);
        let tell = |told: Told<'_>| {
            if let Told::Again { after, pause } = told {
                self.told.lock().unwrap().push((after.to_string(), pause));
            }
        };
        let into = Destination { directory: self.into.path(), inline_up_to: 64 * 1024, tell: &tell };
        let url = format!("http://{}/?X-Amz-Signature=SECRET", self.address);
        let fetched = Fetcher::new(guard, limits).unwrap().fetch(&url, into, stop).await?;
        let content = match fetched.body {
            Body::Inline(bytes) => bytes.to_vec(),
            Body::File(file) => std::fs::read(file.path()).unwrap(),
        };
        assert_eq!(fetched.size, content.len() as u64);
        Ok(content)
    }

    /// How the source is called in errors.
    fn shown(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What each failed try met, without the source's name and the cause.
    fn told(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let words = |text: &String| text.split_once("/ ").unwrap().1.split(':').next().unwrap().to_owned();
        told.iter().map(|(text, _)| words(text)).collect()
    }

    fn pauses(&self) -> Vec<Duration> {
        self.told.lock().unwrap().iter().map(|(_, pause)| *pause).collect()
    }

    fn left_nothing(&self) {
        assert_eq!(std::fs::read_dir(self.into.path()).unwrap().count(), 0);
    }
}

async fn answer(State((all, answers)): State<(Arc<Mutex<Vec<Asked>>>, Answers)>, request: Request) -> Response {
    let header = |headers: &HeaderMap, name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let range = header(request.headers(), RANGE);
    let asked = {
        let mut all = all.lock().unwrap();
        let from = range.as_deref().map_or(0, |range| range["bytes=".len()..range.len() - 1].parse().unwrap());
        let if_range = header(request.headers(), IF_RANGE);
        let asked = Asked { number: all.len(), path: request.uri().path().to_owned(), range, if_range, from };
        all.push(asked.clone());
        asked
    };
    answers(&asked)
}
