//! Fetching from servers that behave, and from servers that do not.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, like the test")]

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn, ready};
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body as AnswerBody;
use axum::extract::Path as InPath;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use windlass_runner::fetch::{Body, Destination, FetchError, FetchLimits, Fetched, Fetcher, TimeLimit};
use windlass_runner::guard::{AddressClass, AddressGuard};

const KIB: usize = 1024;

/// A query, as presigned URLs have one, that must not be told.
const SECRET: &str = "X-Amz-Signature=SECRET";

// What works.

#[tokio::test]
async fn a_small_body_stays_in_memory() {
    let site = Site::start().await;
    let fetched = site.fetch("/bytes/1024").await.unwrap();
    assert_eq!((fetched.size, fetched.url.clone()), (1024, site.url("/bytes/1024")));
    assert_eq!(in_memory(fetched), vec![b'x'; KIB]);
    site.left_nothing();
}

#[tokio::test]
async fn a_large_body_is_written_to_a_file_that_goes_when_it_is_dropped() {
    let site = Site::start().await;
    let fetched = site.fetch("/bytes/3000000").await.unwrap();
    assert_eq!(fetched.size, 3_000_000);
    let Body::File(file) = fetched.body else { panic!("a large body in memory") };
    assert!(file.path().starts_with(site.into.path()));
    assert!(std::fs::read(file.path()).unwrap() == vec![b'x'; 3_000_000]);
    drop(file);
    site.left_nothing();
}

#[tokio::test]
async fn one_byte_more_than_fits_into_memory_makes_a_file() {
    let site = Site::start().await;
    let fits = site.fetch(&format!("/bytes/{INLINE_UP_TO}")).await.unwrap();
    assert!(matches!(fits.body, Body::Inline(_)));
    let too_much = site.fetch(&format!("/bytes/{}", INLINE_UP_TO + 1)).await.unwrap();
    assert!(matches!(too_much.body, Body::File(_)));
}

#[tokio::test]
async fn an_empty_body_is_a_body() {
    let site = Site::start().await;
    assert_eq!(in_memory(site.fetch("/bytes/0").await.unwrap()), b"");
}

#[tokio::test]
async fn a_chain_of_redirects_is_followed_to_its_end() {
    let site = Site::start().await;
    for status in [301, 302, 303, 307, 308] {
        let fetched = site.fetch(&format!("/chain/{status}/5")).await.unwrap();
        assert_eq!(fetched.url, site.url(&format!("/chain/{status}/0")));
        assert_eq!(in_memory(fetched), b"arrived");
    }
}

#[tokio::test]
async fn four_redirects_are_followed_and_six_are_not() {
    let site = Site::start().await;
    assert_eq!(in_memory(site.fetch("/chain/302/4").await.unwrap()), b"arrived");
    let error = site.fetch("/chain/302/6").await.unwrap_err();
    assert!(matches!(error, FetchError::TooManyRedirects { limit: 5, .. }), "{error}");
}

#[tokio::test]
async fn a_query_of_three_thousand_characters_arrives_whole_also_through_a_redirect() {
    let site = Site::start().await;
    let query = format!("X-Amz-Security-Token={}%2B%2F", "x".repeat(2_973));
    assert_eq!(query.len(), 3_000);
    for path in ["/query", "/with-query"] {
        assert_eq!(in_memory(site.fetch(&format!("{path}?{query}")).await.unwrap()), query.as_bytes(), "{path}");
    }
    let error = site.fetch(&format!("/status/403?{query}")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("source {} answered 403 Forbidden", site.url("/status/403")));
}

#[tokio::test]
async fn a_compressed_body_is_taken_as_it_comes() {
    let site = Site::start().await;
    assert_eq!(in_memory(site.fetch("/gzip").await.unwrap()), b"not really gzip");
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_of_where_it_came_from() {
    let site = Site::start().await;
    let headers = String::from_utf8(in_memory(site.fetch("/to/headers").await.unwrap())).unwrap();
    assert!(headers.contains(&format!("user-agent: windlass/{}\n", env!("CARGO_PKG_VERSION"))), "{headers}");
    assert!(headers.contains("accept-encoding: identity\n"), "{headers}");
    assert!(!headers.contains("referer") && !headers.contains("cookie"), "{headers}");
}

#[tokio::test]
async fn credentials_in_a_url_are_sent_to_its_own_server_only() {
    let (site, other) = (Site::start().await, Site::start().await);
    let with_password = |path: &str| site.url(path).replace("http://", "http://me:PASSWORD@");
    let own = in_memory(site.fetch_url(&with_password("/headers")).await.unwrap());
    assert!(String::from_utf8(own).unwrap().contains(AUTHORIZATION.as_str()));
    let target = format!("/away/{}/headers", other.address.port());
    let others = in_memory(site.fetch_url(&with_password(&target)).await.unwrap());
    assert!(!String::from_utf8(others).unwrap().contains(AUTHORIZATION.as_str()));
}

#[tokio::test]
async fn a_host_name_is_fetched_from_those_of_its_addresses_that_are_allowed() {
    let site = Site::start().await;
    let url = format!("http://localhost:{}/bytes/3", site.address.port());
    assert_eq!(in_memory(site.fetch_url(&url).await.unwrap()), b"xxx");
}

// What is refused.

#[tokio::test]
async fn every_spelling_of_loopback_is_refused() {
    let site = Site::start_with(AddressGuard::new(vec![]), limits()).await;
    let port = site.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.2",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "127%2e0%2e0%2e1",
        "１２７.0.0.1",
        "127。0。0。1",
        "localhost",
        "LOCALHOST",
        "me@127.0.0.1",
        "8.8.8.8@127.0.0.1",
    ] {
        let error = site.fetch_url(&format!("http://{host}:{port}/bytes/1?{SECRET}")).await.unwrap_err();
        let FetchError::Refused { refused, .. } = &error else { panic!("{host}: {error}") };
        assert!(matches!(refused.why, AddressClass::Loopback | AddressClass::Unspecified), "{host}: {error}");
        assert!(error.to_string().contains("--allow-source"), "{error}");
        site.tells_no_secret(&error);
    }
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused() {
    let guard = AddressGuard::new(vec!["127.0.0.1/32".parse().unwrap()]);
    let site = Site::start_with(guard, limits()).await;
    for host in ["127.0.0.2", "169.254.169.254", "[::1]", "10.0.0.1", "0x7f000002", "[::ffff:169.254.169.254]"] {
        let error = site.fetch(&format!("/goto/{host}?{SECRET}")).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }), "{host}: {error}");
        site.tells_no_secret(&error);
    }
}

// Elsewhere than on Linux, a machine has no loopback address beside 127.0.0.1.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_redirect_to_a_name_with_a_forbidden_address_is_refused() {
    let guard = AddressGuard::new(vec!["127.0.0.2/32".parse().unwrap()]);
    let site = Site::start_at([127, 0, 0, 2].into(), guard, limits()).await;
    let error = site.fetch("/goto/localhost").await.unwrap_err();
    let FetchError::Refused { url, refused } = error else { panic!("{error}") };
    assert_eq!((url.as_str(), refused.why), ("http://localhost/admin", AddressClass::Loopback));
}

#[tokio::test]
async fn a_redirect_to_another_scheme_or_to_nowhere_is_refused() {
    let site = Site::start().await;
    for path in ["/bad/file", "/bad/nothing", "/bad/no-url"] {
        let error = site.fetch(&format!("{path}?{SECRET}")).await.unwrap_err();
        assert!(matches!(error, FetchError::BadRedirect { .. }), "{path}: {error}");
        site.tells_no_secret(&error);
    }
}

#[tokio::test]
async fn a_redirect_too_many_is_refused() {
    let site = Site::start().await;
    for path in ["/chain/302/6", "/loop"] {
        let error = site.fetch(&format!("{path}?{SECRET}")).await.unwrap_err();
        assert!(matches!(error, FetchError::TooManyRedirects { limit: 5, .. }), "{path}: {error}");
        site.tells_no_secret(&error);
    }
}

#[tokio::test]
async fn other_schemes_and_things_that_are_no_url_are_refused() {
    let site = Site::start().await;
    for url in ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "s3://bucket/key.zip", "data:,x"] {
        let error = site.fetch_url(url).await.unwrap_err();
        assert!(matches!(error, FetchError::Scheme { .. }), "{url}: {error}");
    }
    for url in ["", "app.zip", "/etc/passwd", "http://", "http://[::1", "http://256.0.0.1/", "http://a b/"] {
        let error = site.fetch_url(url).await.unwrap_err();
        assert!(matches!(error, FetchError::BadUrl { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn any_status_but_200_is_an_error_that_names_it() {
    let site = Site::start().await;
    for (code, text) in [
        (404, "404 Not Found"),
        (403, "403 Forbidden"),
        (500, "500 Internal Server Error"),
        (204, "204 No Content"),
        (206, "206 Partial Content"),
        (304, "304 Not Modified"),
    ] {
        let error = site.fetch(&format!("/status/{code}?{SECRET}")).await.unwrap_err();
        assert_eq!(error.to_string(), format!("source {} answered {text}", site.url(&format!("/status/{code}"))));
        site.tells_no_secret(&error);
    }
}

// What is too much.

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let site = Site::start_with(loopback(), FetchLimits { bytes: 100_000, ..limits() }).await;
    assert_eq!(site.fetch("/bytes/100000").await.unwrap().size, 100_000);
    let error = site.fetch("/bytes/100001").await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 100_000, .. }), "{error}");
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_not_read() {
    let site = Site::start().await;
    // The server never sends a byte of the body, so only the announcement can have been judged.
    let error = site.fetch(&format!("/announce/{}?{SECRET}", limits().bytes + 1)).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    site.tells_no_secret(&error);
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit() {
    let site = Site::start().await;
    let error = site.fetch(&format!("/endless?{SECRET}")).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    site.tells_no_secret(&error);
}

#[tokio::test]
async fn a_silent_server_is_given_up_on() {
    // Connections to it stand, since the system accepts them, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}/x?{SECRET}", silent.local_addr().unwrap());
    let limits = FetchLimits { connect: MOMENT, idle: MOMENT, ..limits() };
    let site = Site::start_with(loopback(), limits).await;
    for url in [silent_url, site.url(&format!("/drop-then-silence?{SECRET}"))] {
        let error = site.fetch_url(&url).await.unwrap_err();
        assert!(matches!(error, FetchError::TimedOut { limit: TimeLimit::Idle, .. }), "{url}: {error}");
        site.tells_no_secret(&error);
    }
}

#[tokio::test]
async fn a_server_that_drips_is_given_up_on_in_the_end() {
    let site = Site::start_with(loopback(), FetchLimits { total: MOMENT, ..limits() }).await;
    let error = site.fetch(&format!("/drip?{SECRET}")).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { limit: TimeLimit::Total, .. }), "{error}");
    site.tells_no_secret(&error);
}

#[tokio::test]
async fn a_fetch_is_interrupted_at_once_and_takes_its_file_along() {
    let site = Site::start().await;
    let a_file_is_there = poll_fn(|_| if site.files() == 0 { Poll::Pending } else { Poll::Ready(()) });
    let error = site.fetch_until(&site.url("/drip"), 0, a_file_is_there).await.unwrap_err();
    assert!(matches!(error, FetchError::Interrupted), "{error}");
    site.left_nothing();
}

#[tokio::test]
async fn a_fetch_that_is_stopped_from_the_start_asks_nobody() {
    let site = Site::start().await;
    let error = site.fetch_until("http://127.0.0.1:1/", 0, ready(())).await.unwrap_err();
    assert!(matches!(error, FetchError::Interrupted), "{error}");
}

// What breaks.

#[tokio::test]
async fn a_body_shorter_than_announced_is_an_error() {
    let site = Site::start().await;
    for (head, expected, text) in [
        ("Content-Length: 100", Some(100), "ended after 5 of 100 bytes"),
        ("Transfer-Encoding: chunked", None, "ended after 5 of an unknown number of bytes"),
    ] {
        let body = if expected.is_some() { "hello" } else { "5\r\nhello\r\n" };
        let raw = Raw::start_closing(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}")).await;
        // Nothing is kept in memory, so that there is a file to be cleaned up.
        let error = site.fetch_until(&raw.url(), 0, pending()).await.unwrap_err();
        let FetchError::EndedEarly { received: 5, expected: announced, .. } = error else { panic!("{error}") };
        assert_eq!(announced, expected);
        assert!(error.to_string().contains(text), "{error}");
        site.tells_no_secret(&error);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_an_error() {
    let site = Site::start().await;
    for answer in ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", ""] {
        let error = site.fetch_url(&Raw::start_closing(answer.into()).await.url()).await.unwrap_err();
        assert!(matches!(error, FetchError::NoAnswer { .. }), "{answer:?}: {error}");
        site.tells_no_secret(&error);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_an_error_on_https() {
    let site = Site::start().await;
    let raw = Raw::start_closing("HTTP/1.1 400 Bad Request\r\n\r\n".into()).await;
    let error = site.fetch_url(&raw.url().replace("http://", "https://")).await.unwrap_err();
    assert!(matches!(error, FetchError::Tls { .. }), "{error}");
    site.tells_no_secret(&error);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error() {
    let site = Site::start().await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = site.fetch_url(&format!("http://127.0.0.1:{port}/x?{SECRET}")).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    site.tells_no_secret(&error);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_error() {
    let site = Site::start().await;
    let error = site.fetch_url(&format!("http://nobody.invalid/x?{SECRET}")).await.unwrap_err();
    // Where there is no name server at all, the question may go unanswered until the limit.
    assert!(
        matches!(error, FetchError::Unresolved { .. } | FetchError::TimedOut { limit: TimeLimit::Connect, .. }),
        "{error}"
    );
    site.tells_no_secret(&error);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_an_error_for_large_bodies_only() {
    let site = Site::start().await;
    std::fs::remove_dir(site.into.path()).unwrap();
    assert_eq!(site.fetch("/bytes/10").await.unwrap().size, 10);
    assert!(matches!(site.fetch("/bytes/3000000").await.unwrap_err(), FetchError::Io { .. }));
}

#[test]
fn without_root_certificates_http_works_and_https_says_why() {
    const NAME: &str = "without_root_certificates_http_works_and_https_says_why";
    const EMPTY: &str = "/dev/null";
    if std::env::var("SSL_CERT_FILE").is_ok_and(|file| file == EMPTY) {
        return tokio::runtime::Runtime::new().unwrap().block_on(fetch_without_root_certificates());
    }
    // The environment of this process cannot be changed safely, so the test runs again in one of its own. A proxy where
    // nobody listens shows that proxies are not used.
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env_remove("SSL_CERT_DIR")
        .envs([("SSL_CERT_FILE", EMPTY), ("http_proxy", "http://127.0.0.1:1"), ("HTTP_PROXY", "http://127.0.0.1:1")])
        .status();
    assert!(status.unwrap().success());
}

async fn fetch_without_root_certificates() {
    let site = Site::start().await;
    assert_eq!(in_memory(site.fetch("/bytes/3").await.unwrap()), b"xxx");
    // Other systems than Linux keep their certificates elsewhere.
    if cfg!(target_os = "linux") {
        let error = site.fetch_url(&site.url("/bytes/3").replace("http://", "https://")).await.unwrap_err();
        assert!(matches!(error, FetchError::Tls { .. }), "{error}");
        assert!(error.to_string().contains("No CA certificates"), "{error}");
    }
}

// Helpers.

const INLINE_UP_TO: usize = 64 * KIB;

/// Long enough for an answer to begin, short enough for a test.
const MOMENT: Duration = Duration::from_millis(200);

/// Times far beyond what a test takes, so that only the limit that a test sets can be passed.
fn limits() -> FetchLimits {
    let long = Duration::from_secs(60);
    FetchLimits {
        bytes: 4_000_000,
        total: long,
        idle: long,
        connect: long,
        redirects: 5,
        tries: 3,
        pause: Duration::ZERO,
    }
}

fn loopback() -> AddressGuard {
    AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()])
}

fn in_memory(fetched: Fetched) -> Vec<u8> {
    match fetched.body {
        Body::Inline(bytes) => bytes.to_vec(),
        Body::File(file) => panic!("{} bytes in {}", fetched.size, file.path().display()),
    }
}

/// A web server, a fetcher, and the directory that it fetches into.
struct Site {
    address: SocketAddr,
    fetcher: Fetcher,
    into: TempDir,
}

impl Site {
    async fn start() -> Self {
        Self::start_with(loopback(), limits()).await
    }

    async fn start_with(guard: AddressGuard, limits: FetchLimits) -> Self {
        Self::start_at([127, 0, 0, 1].into(), guard, limits).await
    }

    async fn start_at(address: IpAddr, guard: AddressGuard, limits: FetchLimits) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, routes()).await });
        Self { address, fetcher: Fetcher::new(guard, limits).unwrap(), into: TempDir::new().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn fetch(&self, path: &str) -> Result<Fetched, FetchError> {
        self.fetch_url(&self.url(path)).await
    }

    async fn fetch_url(&self, url: &str) -> Result<Fetched, FetchError> {
        self.fetch_until(url, INLINE_UP_TO, pending()).await
    }

    async fn fetch_until(
        &self,
        url: &str,
        inline_up_to: usize,
        stop: impl Future<Output = ()>,
    ) -> Result<Fetched, FetchError> {
        self.fetcher.fetch(url, Destination::directory(self.into.path(), inline_up_to), stop).await
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.into.path()).unwrap().count()
    }

    fn left_nothing(&self) {
        assert_eq!(self.files(), 0);
    }

    fn tells_no_secret(&self, error: &FetchError) {
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("SECRET") && !text.contains('?'), "{text}");
            assert!(text.chars().count() <= 500, "{text}");
        }
        self.left_nothing();
    }
}

fn routes() -> Router {
    Router::new()
        .route("/bytes/{n}", get(|InPath(n): InPath<usize>| async move { vec![b'x'; n] }))
        .route("/status/{code}", get(|InPath(code): InPath<u16>| async move { StatusCode::from_u16(code).unwrap() }))
        .route("/gzip", get(|| async { ([(CONTENT_ENCODING, "gzip")], "not really gzip") }))
        .route("/headers", get(|headers: HeaderMap| async move { listed(&headers) }))
        .route("/chain/{status}/{n}", get(|InPath((status, n)): InPath<(u16, u32)>| async move { chain(status, n) }))
        .route("/query", get(|uri: Uri| async move { uri.query().unwrap_or_default().to_owned() }))
        .route(
            "/with-query",
            get(|uri: Uri| async move { redirect(&format!("/query?{}", uri.query().unwrap_or_default())) }),
        )
        .route("/loop", get(|| async { redirect("/loop") }))
        .route("/to/{path}", get(|InPath(path): InPath<String>| async move { redirect(&format!("/{path}")) }))
        .route(
            "/goto/{host}",
            get(|InPath(host): InPath<String>| async move { redirect(&format!("http://{host}/admin?{SECRET}")) }),
        )
        .route(
            "/away/{port}/{path}",
            get(|InPath((port, path)): InPath<(u16, String)>| async move {
                redirect(&format!("http://127.0.0.1:{port}/{path}"))
            }),
        )
        .route("/bad/file", get(|| async { redirect("file:///etc/passwd?SECRET") }))
        .route("/bad/nothing", get(|| async { StatusCode::FOUND }))
        .route("/bad/no-url", get(|| async { redirect("http://[SECRET") }))
        .route(
            "/announce/{n}",
            get(|InPath(n): InPath<u64>| async move {
                ([(CONTENT_LENGTH, n)], AnswerBody::from_stream(stream::pending::<Result<Bytes, Infallible>>()))
            }),
        )
        .route("/endless", get(|| async { AnswerBody::from_stream(stream::repeat_with(|| chunk(64 * KIB))) }))
        .route("/drip", get(|| async { AnswerBody::from_stream(stream::unfold((), drip)) }))
        .route(
            "/drop-then-silence",
            get(|| async { AnswerBody::from_stream(stream::iter([chunk(2 * INLINE_UP_TO)]).chain(stream::pending())) }),
        )
}

fn chunk(length: usize) -> Result<Bytes, Infallible> {
    Ok(vec![b'x'; length].into())
}

async fn drip(at: ()) -> Option<(Result<Bytes, Infallible>, ())> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    Some((chunk(1), at))
}

fn redirect(location: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

fn chain(status: u16, n: u32) -> Response {
    match n.checked_sub(1) {
        // Relative, as a Location may be.
        Some(next) => (StatusCode::from_u16(status).unwrap(), [(LOCATION, next.to_string())]).into_response(),
        None => "arrived".into_response(),
    }
}

fn listed(headers: &HeaderMap) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect()
}

/// A server that answers every connection with the same bytes, once it has read a request or a greeting.
struct Raw(SocketAddr);

impl Raw {
    /// One that closes the connection after its answer.
    async fn start_closing(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let _ = connection.read(&mut [0; 4 * KIB]).await;
                let _ = connection.write_all(answer.as_bytes()).await;
                let _ = connection.shutdown().await;
            }
        });
        Self(address)
    }

    fn url(&self) -> String {
        format!("http://{}/app.zip?{SECRET}", self.0)
    }
}
