//! Load on a server, and what it costs the server to bear it.

#![allow(dead_code, reason = "each bench uses some of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::process::{Process, now};

/// What came of some turns of load.
#[derive(Default)]
pub(crate) struct Load {
    answers: u32,
    time: Duration,
    processor: Duration,
}

impl Load {
    /// Has each of some requests asked again and again over a connection of its own for a turn.
    pub(crate) async fn add(&mut self, server: &mut Process, requests: &Arc<[Vec<u8>]>, turn: Duration) {
        let address = server.endpoint.trim_start_matches("http://").to_owned();
        let over = Arc::new(AtomicBool::new(false));
        let (processor, start) = (server.processor(), now());
        let mut clients = JoinSet::new();
        for client in 0..requests.len() {
            let (requests, over, address) = (Arc::clone(requests), Arc::clone(&over), address.clone());
            clients.spawn(async move { ask(&address, &requests[client], &over).await });
        }
        tokio::time::sleep(turn).await;
        over.store(true, Ordering::Relaxed);
        self.answers += clients.join_all().await.iter().sum::<u32>();
        self.time += start.elapsed();
        self.processor += server.processor() - processor;
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.answers) / self.time.as_secs_f64()
    }

    /// Microseconds of processor time a request.
    pub(crate) fn processor(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / f64::from(self.answers)
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8.0} requests/s   {:6.1} us of processor time a request", self.rate(), self.processor())
    }
}

/// Asks the same again and again over one connection; answers how often there was an answer.
async fn ask(address: &str, request: &[u8], over: &AtomicBool) -> u32 {
    let mut stream = connect(address).await;
    let mut answer = Vec::with_capacity(16 * 1024);
    let mut answers = 0;
    while !over.load(Ordering::Relaxed) {
        exchange(&mut stream, request, &mut answer).await;
        answers += 1;
    }
    answers
}

/// Asks once; answers the body.
pub(crate) async fn ask_once(endpoint: &str, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    exchange(&mut connect(endpoint.trim_start_matches("http://")).await, request, &mut answer).await;
    answer.split_off(head(&answer).expect("a head"))
}

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

async fn exchange(stream: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) {
    stream.write_all(request).await.expect("the connection stays");
    answer.clear();
    while !is_whole(answer) {
        assert!(stream.read_buf(answer).await.expect("the connection stays") > 0, "the server hung up");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(answer));
}

/// How long the head of an answer is, once it is there.
fn head(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|window| window == b"\r\n\r\n").map(|end| end + 4)
}

/// Whether an answer has come to its end.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = head(answer) else { return false };
    let head = std::str::from_utf8(&answer[..end]).expect("an ASCII head").to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ").expect("an answer of known length");
    let length: usize = length.lines().next().and_then(|length| length.parse().ok()).expect("a number");
    answer.len() >= end + length
}
