//! News from the other processes. It comes on a connection outside the pool, which is made again when it breaks; what was
//! missed meanwhile is missed, and whoever waits looks at what there is to do now and then.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};
use windlass::JobId;
use windlass_store::{BranchUid, JobKey, Notice};

use crate::connect::Server;

/// How long it waits before it connects again: the first time, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// One life of one store, which has told its own listeners already when its own news comes back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instance(u64);

impl Instance {
    pub(crate) fn new() -> Result<Self, String> {
        getrandom::u64().map(Self).map_err(|error| format!("no random numbers: {error}"))
    }

    /// A notice as it travels: a line, with others of its commit.
    pub(crate) fn write(self, notice: &Notice) -> String {
        let Notice { key: JobKey { branch, job }, status } = notice;
        format!("{:016x} {branch} {job} {status}", self.0)
    }

    /// A notice of another's.
    fn read(self, text: &str) -> Option<Notice> {
        let mut words = text.split(' ');
        let from = u64::from_str_radix(words.next()?, 16).ok()?;
        let branch = BranchUid(words.next()?.parse().ok()?);
        let job = JobId::new(words.next()?.parse().ok()?);
        let status = words.next()?.parse().ok()?;
        (from != self.0).then_some(Notice { key: JobKey { branch, job }, status })
    }
}

/// A connection that listens. It breaks when this is dropped.
pub(crate) struct Ear {
    _client: Client,
    work: JoinHandle<()>,
}

impl Ear {
    /// Hears everything from when this returns, and passes it on.
    pub(crate) async fn open(
        server: &Server,
        notices: broadcast::Sender<Notice>,
        instance: Instance,
    ) -> Result<Self, tokio_postgres::Error> {
        let (client, mut work) = server.connect().await?;
        let work = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| work.poll_message(context)).await {
                let AsyncMessage::Notification(news) = message else { continue };
                for notice in news.payload().lines().filter_map(|line| instance.read(line)) {
                    // Nobody listening is fine.
                    let _ = notices.send(notice);
                }
            }
        });
        client.batch_execute("LISTEN windlass").await?;
        Ok(Self { _client: client, work })
    }
}

/// Listens for ever, on another connection when one breaks.
pub(crate) async fn listen(mut ear: Ear, server: Server, notices: broadcast::Sender<Notice>, instance: Instance) {
    loop {
        // However it ended, it has.
        let _ = (&mut ear.work).await;
        tracing::warn!(
            "no news from the database at {server}: what other processes change is found by looking until it is back"
        );
        let mut wait = AGAIN.0;
        ear = loop {
            match Ear::open(&server, notices.clone(), instance).await {
                Ok(ear) => break ear,
                Err(error) => tracing::debug!("no news from the database at {server} yet: {error}"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(AGAIN.1);
        };
        tracing::info!("news from the database at {server} again");
    }
}
