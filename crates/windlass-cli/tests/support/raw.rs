//! Requests byte by byte, as no client of AWS would send them, and what every answer has in common.

use std::io;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{BRANCH, World};

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl World {
    /// A server that asks for no signatures.
    pub(crate) async fn unsigned() -> Self {
        Self::with(|config| config.signed = false).await
    }

    /// The path of the branch, below which its jobs are.
    pub(crate) fn branch_path(&self) -> String {
        format!("/apps/{}/branches/{BRANCH}", self.app)
    }

    /// Sends a request and checks what every answer must be.
    pub(crate) async fn ask(&self, method: &str, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask_with(method, target, &[], body).await
    }

    /// The same with headers of the caller's own.
    pub(crate) async fn ask_with(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let body = body.as_ref();
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("host: 127.0.0.1:{}\r\n", self.port()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
        let answer = self.send(&[head.as_bytes(), body].concat()).await;
        answer.unwrap_or_else(|| panic!("no answer to {method} {target}")).checked(method, target)
    }

    /// Sends bytes, and reads the answer until the server hangs up.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Option<Answer> {
        let (mut read, mut write) = self.connect().await.into_split();
        let mut answer = Vec::new();
        // Who is refused early does not get to send the rest.
        let (_, _): (io::Result<()>, io::Result<usize>) =
            tokio::join!(write.write_all(bytes), read.read_to_end(&mut answer));
        Answer::parse(&answer)
    }

    /// Sends bytes and hangs up, though more were announced; reads the answer, if there is one.
    pub(crate) async fn break_off(&self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = self.connect().await;
        let _: io::Result<()> = stream.write_all(bytes).await;
        let _: io::Result<()> = stream.shutdown().await;
        let mut answer = Vec::new();
        let _: io::Result<usize> = stream.read_to_end(&mut answer).await;
        Answer::parse(&answer)
    }

    /// Sends all bytes before it reads a word, as many clients do, and then all that is answered until the server hangs up.
    pub(crate) async fn send_first(&self, bytes: &[u8]) -> io::Result<String> {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await?;
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await?;
        Ok(answers)
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port())).await.unwrap()
    }

    /// What a refused request must leave as it was: the apps, the branches, and the branch's jobs.
    pub(crate) async fn snapshot(&self) -> [String; 3] {
        let branches = format!("/apps/{}/branches", self.app);
        let jobs = format!("{}/jobs", self.branch_path());
        [self.get("/apps").await, self.get(&branches).await, self.get(&jobs).await]
    }

    async fn get(&self, target: &str) -> String {
        let answer = self.ask("GET", target, "").await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        answer.body
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.trim()).ok()?);
        }
        Some(Self { status, headers, body: String::from_utf8_lossy(&bytes[end + 4..]).into_owned() })
    }

    /// Whatever was asked, the answer has an id, is never our fault, has no `null` in it, and an error is in AWS's form.
    fn checked(self, method: &str, target: &str) -> Self {
        let what = || format!("{method} {target}: {self:?}");
        assert!(self.status < 500, "{}", what());
        assert_eq!(self.header("x-amzn-requestid").len(), 36, "{}", what());
        if self.header("content-type") == "application/json" && method != "HEAD" {
            assert!(!has_null(&self.json()), "{}", what());
        }
        if self.status >= 400 {
            assert!(self.header("x-amzn-errortype").ends_with("Exception"), "{}", what());
            if method != "HEAD" {
                let json = self.json();
                let members = json.as_object().unwrap_or_else(|| panic!("{}", what()));
                assert_eq!(members.keys().collect::<Vec<_>>(), ["message"], "{}", what());
                assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", what());
            }
        }
        self
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The answer says that all went well.
    pub(crate) fn ok(&self, what: &str) -> Value {
        assert_eq!(self.status, 200, "{what}: {self:?}");
        self.json()
    }

    /// The answer refuses, in these words among others.
    pub(crate) fn refuses(&self, status: u16, kind: &str, words: &str, what: &str) {
        assert_eq!((self.status, self.header("x-amzn-errortype")), (status, kind), "{what}: {self:?}");
        assert!(self.message().contains(words), "{what}: {words:?} is not in {self:?}");
    }

    /// The answer is a `BadRequestException`.
    pub(crate) fn is_bad(&self, words: &str, what: &str) {
        self.refuses(400, "BadRequestException", words, what);
    }

    /// The answer is a `NotFoundException` with exactly this message.
    pub(crate) fn is_missing(&self, message: &str, what: &str) {
        assert_eq!((self.status, self.header("x-amzn-errortype")), (404, "NotFoundException"), "{what}: {self:?}");
        assert_eq!(self.message(), message, "{what}");
    }
}

/// Whether there is a `null` anywhere in a value.
pub(crate) fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(elements) => elements.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
    }
}
