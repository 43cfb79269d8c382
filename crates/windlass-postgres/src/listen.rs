//! News from the other processes. It comes on a connection outside the pool, which is made again when it breaks; what was
//! missed meanwhile is missed, and whoever waits looks at what there is to do now and then.

use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::broadcast;
use tokio_postgres::{AsyncMessage, Client};
use windlass::JobId;
use windlass_store::{BranchUid, JobKey, Notice};

use crate::connect::{Server, Work};

/// How long it waits before it connects again: the first time, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// One life of one store, which has told its own listeners already when its own news comes back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instance(u64);

impl Instance {
    pub(crate) fn new() -> Result<Self, String> {
        getrandom::u64().map(Self).map_err(|error| format!("no random numbers: {error}"))
    }

    /// A notice as it travels.
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

/// Passes on what the other processes tell, for ever.
pub(crate) async fn listen(server: Server, notices: broadcast::Sender<Notice>, instance: Instance) {
    let mut wait = AGAIN.0;
    loop {
        match server.connect().await {
            Ok((client, connection)) => {
                let heard = hear(&client, connection, &notices, instance).await;
                if heard {
                    wait = AGAIN.0;
                }
                tracing::warn!(
                    "no news from {server}; changes of other processes are found by looking until it is back"
                );
            }
            Err(error) => tracing::debug!("no news from {server}: {error}"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(AGAIN.1);
    }
}

/// Listens until the connection breaks. Answers whether it ever heard the server.
async fn hear(client: &Client, mut work: Work, notices: &broadcast::Sender<Notice>, instance: Instance) -> bool {
    let mut messages = pin!(stream::poll_fn(move |context| work.poll_message(context)));
    let mut begun = pin!(client.batch_execute("LISTEN windlass"));
    let mut listening = false;
    loop {
        tokio::select! {
            done = &mut begun, if !listening => match done {
                Ok(()) => listening = true,
                Err(_) => return false,
            },
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(news))) => {
                    if let Some(notice) = instance.read(news.payload()) {
                        // Nobody listening is fine.
                        let _ = notices.send(notice);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return listening,
            },
        }
    }
}
