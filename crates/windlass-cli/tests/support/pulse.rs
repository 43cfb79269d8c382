//! Processes of a build that can be felt: each holds a connection open, which ends with it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::{interval, timeout};

/// The variable that tells a build where it is felt: [`Pulse::port`].
pub(crate) const PORT: &str = "PULSE";

/// What a process does that is felt: `bash stay.sh NAME`. It stays until it is told to go.
pub(crate) const STAY: (&str, &str) = (
    "stay.sh",
    r#"
exec 9<>/dev/tcp/127.0.0.1/$PULSE
echo "$1" >&9
[ "$1" != stopped ] || kill -STOP $$
read -r word <&9
[ "$word" = go ]
"#,
);

/// Five processes that would rather live: one that ignores what can be ignored, one in a session of its own, one whose
/// parents are dead, one that is stopped, and the one that the others are left behind by.
pub(crate) const SURVIVE: (&str, &str) = (
    "survive.sh",
    r#"
(trap "" HUP INT TERM; exec bash stay.sh deaf) &
setsid -f nohup bash stay.sh session </dev/null >/dev/null 2>&1
(setsid bash -c '(bash stay.sh orphan &) &' </dev/null >/dev/null 2>&1 &) &
bash stay.sh stopped &
exec bash stay.sh main
"#,
);

/// How many they are.
pub(crate) const SURVIVORS: usize = 5;

/// How long a process may take to begin or to end. No measure of anything: who waits so long waits for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where processes are felt.
pub(crate) struct Pulse(TcpListener);

/// One process.
#[derive(Debug)]
pub(crate) struct Beat {
    pub(crate) name: String,
    connection: TcpStream,
}

impl Pulse {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind(("127.0.0.1", 0)).await.unwrap())
    }

    pub(crate) fn port(&self) -> String {
        self.0.local_addr().unwrap().port().to_string()
    }

    /// The next process that lives.
    pub(crate) async fn beat(&self) -> Beat {
        let beat = async {
            let (mut connection, _) = self.0.accept().await.unwrap();
            let mut name = Vec::new();
            loop {
                match connection.read_u8().await.unwrap() {
                    b'\n' => break,
                    byte => name.push(byte),
                }
            }
            Beat { name: String::from_utf8(name).unwrap(), connection: connection.into_std().unwrap() }
        };
        timeout(PATIENCE, beat).await.expect("no process of a build begins")
    }

    /// The next processes that live.
    pub(crate) async fn beats(&self, count: usize) -> Vec<Beat> {
        let mut beats = Vec::new();
        while beats.len() < count {
            beats.push(self.beat().await);
        }
        beats
    }
}

impl Beat {
    pub(crate) fn is_alive(&self) -> bool {
        match (&self.connection).read(&mut [0]) {
            Ok(read) => read > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    /// Tells it to go on.
    pub(crate) fn go(&self) {
        (&self.connection).write_all(b"go\n").unwrap();
    }
}

/// Waits until none of them lives.
pub(crate) async fn all_stop(beats: &[Beat]) {
    let stop = async {
        let mut look = interval(Duration::from_millis(2));
        while beats.iter().any(Beat::is_alive) {
            look.tick().await;
        }
    };
    let alive = || beats.iter().filter(|beat| beat.is_alive()).collect::<Vec<_>>();
    timeout(PATIENCE, stop).await.unwrap_or_else(|_| panic!("alive after the end: {:?}", alive()));
}
