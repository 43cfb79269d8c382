//! A server that speaks S3's protocol, and a front before it that can go wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, LOCATION, RANGE};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use windlass_runner::s3::{Access, Keys};

pub(crate) const BUCKET: &str = "pages";

const KEY_ID: &str = "AKID";
const SECRET: &str = "S3CR3T";

/// What the front does to a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers with this status and an error with this code.
    Status(u16, &'static str),
    /// Answers a redirect to here.
    Redirect(&'static str),
    /// Answers this.
    Body(&'static str),
    /// Ends the connection after this many bytes of the body.
    CutAfter(usize),
    /// Sends this many bytes of the body, and then nothing.
    Stall(usize),
    /// Puts this before the end of a list.
    List(&'static str),
}

/// A request as the front saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The path, as it was sent.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) range: Option<String>,
    /// How many for this path and kind were there before.
    pub(crate) before: usize,
}

type Faults = Box<dyn Fn(&Asked) -> Option<Fault> + Send + Sync>;

/// The server, with a bucket.
pub(crate) struct Server {
    address: SocketAddr,
    root: TempDir,
    front: Arc<Front>,
}

struct Front {
    s3: S3Service,
    faults: Faults,
    asked: Mutex<Vec<Asked>>,
    /// How many objects are being sent, and how many there were at most.
    busy: Mutex<(usize, usize)>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| None).await
    }

    pub(crate) async fn with(faults: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self::open_to(Some(SimpleAuth::from_single(KEY_ID, SECRET)), faults).await
    }

    /// One that answers everybody.
    pub(crate) async fn public() -> Self {
        Self::open_to(None, |_| None).await
    }

    async fn open_to(
        auth: Option<SimpleAuth>,
        faults: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut s3 = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        if let Some(auth) = auth {
            s3.set_auth(auth);
        }
        let (asked, busy) = (Mutex::default(), Mutex::default());
        let front = Arc::new(Front { s3: s3.build(), faults: Box::new(faults), asked, busy });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&front));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, root, front }
    }

    /// Puts an object where the server finds it.
    pub(crate) fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Where an object lies.
    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }

    pub(crate) fn access(&self) -> Access {
        self.access_with(Some(Keys {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SECRET.to_owned(),
            session_token: None,
        }))
    }

    pub(crate) fn access_with(&self, keys: Option<Keys>) -> Access {
        Access::new("us-east-1", Some(&format!("http://{}", self.address)), keys).unwrap()
    }

    /// What was asked for so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.front.asked.lock().unwrap().clone()
    }

    /// How many pages of lists were asked for.
    pub(crate) fn pages(&self) -> usize {
        self.asked().iter().filter(|asked| asked.query.contains("list-type=2")).count()
    }

    /// How many objects were being sent at the same time at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.front.busy.lock().unwrap().1
    }
}

/// No secret of ours is in `text`, nor anything else that opens a bucket.
pub(crate) fn tells_no_secret(text: &str) {
    assert!(!text.contains(SECRET) && !text.contains(KEY_ID) && !text.contains("X-Amz"), "{text}");
}

async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    let asked = front.note(&request);
    let fault = (front.faults)(&asked);
    match fault {
        Some(Fault::Status(status, code)) => {
            let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
            return (StatusCode::from_u16(status).unwrap(), text).into_response();
        }
        Some(Fault::Body(text)) => return text.into_response(),
        Some(Fault::Redirect(to)) => return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response(),
        Some(Fault::CutAfter(_) | Fault::Stall(_) | Fault::List(_)) | None => {}
    }
    let is_object = !asked.query.contains("list-type=2");
    let response = front.s3.call(request.map(s3s::Body::http_body_unsync)).await.unwrap();
    let (mut head, body) = response.into_parts();
    let busy = is_object.then(|| Busy::new(&front));
    let content = axum::body::to_bytes(Body::new(body), usize::MAX).await.unwrap();
    let kept = |count: usize| content.slice(..count.min(content.len()));
    let body = match fault {
        Some(Fault::CutAfter(count)) => {
            let broken = stream::once(async {
                // What was sent has to be on its way before the connection ends.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                Err(std::io::Error::other("cut"))
            });
            Body::from_stream(stream::iter([Ok::<Bytes, std::io::Error>(kept(count))]).chain(broken))
        }
        Some(Fault::Stall(count)) => {
            Body::from_stream(stream::iter([Ok::<Bytes, std::io::Error>(kept(count))]).chain(stream::pending()))
        }
        Some(Fault::List(more)) => {
            head.headers.remove(CONTENT_LENGTH);
            let text = String::from_utf8(content.to_vec()).unwrap();
            Body::from(text.replace("</ListBucketResult>", &format!("{more}</ListBucketResult>")))
        }
        Some(Fault::Status(..) | Fault::Redirect(_) | Fault::Body(_)) | None => {
            let content = stream::once(async move {
                // Long enough for others to be asked for meanwhile.
                tokio::task::yield_now().await;
                drop(busy);
                Ok::<_, std::io::Error>(content)
            });
            Body::from_stream(content)
        }
    };
    Response::from_parts(head, body)
}

impl Front {
    fn note(&self, request: &Request) -> Asked {
        let uri = request.uri();
        let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
        let range = request.headers().get(RANGE).map(|range| range.to_str().unwrap().to_owned());
        let mut all = self.asked.lock().unwrap();
        let before = all.iter().filter(|asked| asked.path == path).count();
        let asked = Asked { path, query, range, before };
        all.push(asked.clone());
        asked
    }
}

/// An object that is being sent.
struct Busy(Arc<Front>);

impl Busy {
    fn new(front: &Arc<Front>) -> Self {
        let mut busy = front.busy.lock().unwrap();
        busy.0 += 1;
        busy.1 = busy.1.max(busy.0);
        Self(Arc::clone(front))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap().0 -= 1;
    }
}

/// Some text for every number, which compresses as text does.
pub(crate) fn content(number: usize) -> String {
    format!("<h1>{number}</h1>\n").repeat(number % 7 + 1)
}

/// Files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;
