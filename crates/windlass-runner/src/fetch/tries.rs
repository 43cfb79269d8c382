//! One try after the other, until all bytes are there or there is no point in going on.

use std::time::Duration;

use http::StatusCode;
use reqwest::Response;
use tokio::time::{sleep, timeout};

use super::body::Receiver;
use super::error::{FetchError, TimeLimit};
use super::hop::Hop;
use super::version::{Rest, Version};
use super::{Destination, Fetched, Fetcher};

/// What happens on the way.
#[derive(Debug)]
pub enum Told<'a> {
    /// More bytes have arrived.
    Received {
        /// How many are there now. After a new beginning these are fewer than before.
        bytes: u64,
        /// How many there will be, where the server has said so.
        of: Option<u64>,
    },
    /// A try has failed, and after a pause there will be another.
    Again {
        /// What the try met.
        after: &'a FetchError,
        /// The pause.
        pause: Duration,
    },
}

/// The longest pause before another try.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How much of an answer that is no success is read, in bytes.
const REFUSAL_MAX: usize = 4096;

/// What a fetch has so far.
struct Progress<'a> {
    received: Receiver<'a>,
    /// What it is of, where the server has said so.
    version: Option<Version>,
}

impl Fetcher {
    /// Fetches what `first` leads to, at most `limit` bytes of it, within no time but that of each try.
    pub(crate) async fn get(&self, first: &Hop, into: Destination<'_>, limit: u64) -> Result<Fetched, FetchError> {
        let received = Receiver::new(into.directory, into.inline_up_to);
        let mut progress = Progress { received, version: None };
        let (mut most, mut in_vain) = (0, 0);
        loop {
            let error = match self.try_once(first, &mut progress, into, limit).await {
                Ok(url) => {
                    let size = progress.received.len();
                    let (body, sha256) = progress.received.finish().await?;
                    return Ok(Fetched { body, sha256, size, url });
                }
                Err(error) => error,
            };
            in_vain = if progress.received.len() > most { 1 } else { in_vain + 1 };
            most = most.max(progress.received.len());
            if !error.may_pass() || in_vain >= self.limits.tries {
                return Err(error);
            }
            let pause = self.limits.pause.saturating_mul(1 << (in_vain - 1).min(16)).min(LONGEST_PAUSE);
            (into.tell)(Told::Again { after: &error, pause });
            sleep(pause).await;
        }
    }

    /// Asks for all, or for what is missing, and answers where the last of it came from.
    async fn try_once(
        &self,
        first: &Hop,
        progress: &mut Progress<'_>,
        into: Destination<'_>,
        limit: u64,
    ) -> Result<String, FetchError> {
        let rest = progress.version.as_ref().and_then(|version| version.rest(progress.received.len()));
        let (hop, response) = self.follow(first, rest.as_ref()).await?;
        match (response.status(), rest) {
            (StatusCode::OK, _) => {
                progress.received.restart();
                progress.version = Version::of(response.headers());
            }
            (StatusCode::PARTIAL_CONTENT, Some(rest)) if rest.is_in(response.headers()) => {}
            (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, Some(_)) => {
                progress.received.restart();
                progress.version = None;
                return Err(hop.no_answer("it does not go on with what it began"));
            }
            (status, _) => return Err(self.refused(&hop, status, response).await),
        }
        self.receive(&hop, response, progress, into, limit).await?;
        Ok(hop.name())
    }

    async fn follow(&self, first: &Hop, rest: Option<&Rest<'_>>) -> Result<(Hop, Response), FetchError> {
        let mut hop = first.clone();
        for _ in 0..=self.limits.redirects {
            let response = self.ask(&hop, rest).await?;
            match response.status() {
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
                    if self.limits.redirects > 0 =>
                {
                    hop = hop.next(response.headers())?;
                }
                _ => return Ok((hop, response)),
            }
        }
        Err(FetchError::TooManyRedirects { url: hop.name(), limit: self.limits.redirects })
    }

    /// Sends the request for one hop and waits for the answer's head.
    async fn ask(&self, hop: &Hop, rest: Option<&Rest<'_>>) -> Result<Response, FetchError> {
        let super::FetchLimits { connect, idle, .. } = self.limits;
        // The client bounds connecting by itself; what is left of the sum is at least the idle limit.
        match timeout(connect.saturating_add(idle), self.connector.get(hop, rest)).await {
            Ok(answer) => answer,
            Err(_) => Err(hop.timed_out(TimeLimit::Idle, idle)),
        }
    }

    /// Takes in a body, which continues what was received before.
    async fn receive(
        &self,
        hop: &Hop,
        mut response: Response,
        progress: &mut Progress<'_>,
        into: Destination<'_>,
        limit: u64,
    ) -> Result<(), FetchError> {
        let idle = self.limits.idle;
        let Progress { received, version } = progress;
        let expected = response.content_length().map(|rest| received.len().saturating_add(rest));
        let too_large = || FetchError::TooLarge { url: hop.name(), limit };
        if expected.is_some_and(|expected| expected > limit) {
            return Err(too_large());
        }
        loop {
            (into.tell)(Told::Received { bytes: received.len(), of: expected });
            let chunk = match timeout(idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(hop.ended_early(received.len(), expected, &error)),
                Err(_) => return Err(hop.timed_out(TimeLimit::Idle, idle)),
            };
            if received.len() + chunk.len() as u64 > limit {
                return Err(too_large());
            }
            received.write(&chunk).await?;
        }
        // A server may have sent less than the rest.
        match version.as_ref().and_then(Version::size) {
            Some(size) if size != received.len() => {
                let size = Some(size);
                let why = "the server sent no more".into();
                let error = FetchError::EndedEarly { url: hop.name(), received: received.len(), expected: size, why };
                if Some(received.len()) > size {
                    received.restart();
                }
                Err(error)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What an answer that is no success says.
    async fn refused(&self, hop: &Hop, status: StatusCode, mut response: Response) -> FetchError {
        let mut text = Vec::new();
        while text.len() < REFUSAL_MAX
            && let Ok(Ok(Some(chunk))) = timeout(self.limits.idle, response.chunk()).await
        {
            text.extend_from_slice(&chunk[..chunk.len().min(REFUSAL_MAX - text.len())]);
        }
        FetchError::Status { url: hop.name(), status, code: code(&String::from_utf8_lossy(&text)) }
    }
}

/// The code in an error of S3 and its like, which say more than a status: `<Code>NoSuchKey</Code>`.
fn code(text: &str) -> Option<String> {
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    let is_one = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_one.then(|| code.to_owned())
}
