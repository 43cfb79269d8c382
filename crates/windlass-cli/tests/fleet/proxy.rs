//! A connection to PostgreSQL that can be cut, and be held up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{broadcast, watch};

/// A TCP port in front of the server's socket.
pub(crate) struct Proxy {
    port: u16,
    cut: broadcast::Sender<()>,
    held: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn start(server: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, held) = (broadcast::Sender::new(1), watch::Sender::new(false));
        let (cuts, holds) = (cut.clone(), held.clone());
        tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                tokio::spawn(pass(here, server.clone(), cuts.subscribe(), holds.subscribe()));
            }
        });
        Self { port, cut, held }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Ends all connections. New ones are made as before.
    pub(crate) fn cut(&self) {
        // There may be none.
        let _ = self.cut.send(());
    }

    /// Passes nothing on, either way, and says nothing of it: as where packets are lost.
    pub(crate) fn hold(&self, is_held: bool) {
        self.held.send_replace(is_held);
    }
}

async fn pass(here: TcpStream, server: PathBuf, mut cut: broadcast::Receiver<()>, held: watch::Receiver<bool>) {
    let mut is_free = held.clone();
    let passing = async {
        let _ = is_free.wait_for(|held| !held).await;
        // While the server starts there is nobody.
        let Ok(there) = UnixStream::connect(server).await else { return };
        let (mut from_here, mut to_here) = here.into_split();
        let (mut from_there, mut to_there) = there.into_split();
        tokio::select! {
            () = copy(&mut from_here, &mut to_there, held.clone()) => {}
            () = copy(&mut from_there, &mut to_here, held) => {}
        }
    };
    tokio::select! {
        () = passing => {}
        _ = cut.recv() => {}
    }
}

async fn copy(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    mut held: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        let _ = held.wait_for(|held| !held).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Cuts connections at moments that nobody chooses, until it is dropped.
pub(crate) struct Cutter(tokio::task::JoinHandle<()>);

impl Cutter {
    pub(crate) fn start(proxies: Vec<Arc<Proxy>>, mut moments: crate::chance::Chance) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(moments.below(300))).await;
                proxies[moments.below(proxies.len() as u64) as usize].cut();
            }
        }))
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.0.abort();
    }
}
