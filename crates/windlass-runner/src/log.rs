//! The log of a step, in the form of Amplify's own, which can be read while the step runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use windlass_store::{Clock, INLINE_MAX, Store};

/// The lines of a step so far. Whoever works on the step may write it at the same time.
pub(crate) struct Log {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    text: String,
    /// Whether a line did not fit any more.
    is_cut: bool,
    /// Bytes that have arrived, and how many there will be.
    arrived: Option<(u64, Option<u64>)>,
    /// What of that was told last.
    told: Option<(u64, Option<u64>)>,
}

/// How often a log that has changed is kept: twice a second while it is short, less often the more there is to keep.
const KEEP_EVERY: Duration = Duration::from_millis(500);

/// How many bytes of a log make it be kept half a second later.
const KEEP_BYTES: usize = 64 * 1024;

/// How often it is told how much has arrived, in times that the log is looked at.
const TELL_EVERY: u32 = 4;

/// From here on only warnings and errors are written, so that the end of a step is told whatever came before it.
const CUT_AT: usize = INLINE_MAX - 64 * 1024;

impl Log {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    pub(crate) fn info(&self, line: impl fmt::Display) {
        // Of a gigabyte of output most has no room: not even its text is made.
        if !self.state().is_cut {
            self.line("INFO", &line, CUT_AT);
        }
    }

    pub(crate) fn warning(&self, line: impl fmt::Display) {
        self.line("WARNING", &line, INLINE_MAX);
    }

    pub(crate) fn error(&self, line: impl fmt::Display) {
        self.line("ERROR", &line, INLINE_MAX);
    }

    /// Notes how many bytes have arrived. The log says it now and then.
    pub(crate) fn arrived(&self, bytes: u64, of: Option<u64>) {
        self.state().arrived = Some((bytes, of));
    }

    /// Keeps what the log says under `key`, again and again, while `work` goes on. Nothing is being kept any more when
    /// this returns.
    pub(crate) async fn kept_while<T>(&self, store: &dyn Store, key: &str, work: impl Future<Output = T>) -> T {
        let done = CancellationToken::new();
        let _stop = done.clone().drop_guard();
        let work = async {
            let worked = work.await;
            done.cancel();
            worked
        };
        let (worked, ()) = tokio::join!(work, self.keep(store, key, &done));
        worked
    }

    async fn keep(&self, store: &dyn Store, key: &str, done: &CancellationToken) {
        let (mut kept, mut looks) = (0, 0_u32);
        loop {
            let length = u32::try_from(kept / KEEP_BYTES).unwrap_or(u32::MAX);
            tokio::select! {
                () = done.cancelled() => return,
                () = sleep(KEEP_EVERY * length.saturating_add(1)) => {}
            }
            if looks.is_multiple_of(TELL_EVERY) {
                self.tell();
            }
            looks = looks.wrapping_add(1);
            let text = self.text();
            if text.len() == kept {
                continue;
            }
            let length = text.len();
            match store.put_blob(key, text).await {
                Ok(()) => kept = length,
                // The step goes on, and the next time may go better.
                Err(error) => tracing::warn!("cannot keep a log: {error}"),
            }
        }
    }

    /// Says how much has arrived, unless that was said already.
    fn tell(&self) {
        let arrived = {
            let mut state = self.state();
            if state.told == state.arrived {
                return;
            }
            state.told = state.arrived;
            state.arrived
        };
        match arrived {
            Some((bytes, Some(of))) => self.info(format_args!("Fetched {} of {} MB", Megabytes(bytes), Megabytes(of))),
            Some((bytes, None)) => self.info(format_args!("Fetched {} MB", Megabytes(bytes))),
            None => {}
        }
    }

    /// Writes a line if there is room for it below `limit` bytes.
    fn line(&self, level: &str, line: &dyn fmt::Display, limit: usize) {
        let now = self.clock.now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        // What a log quotes may hold line breaks, which would make lines that nobody wrote.
        let line = line.to_string().replace(['\n', '\r'], " ");
        let line = format!("{now} [{level}]: {line}\n");
        let mut state = self.state();
        if state.text.len() + line.len() <= limit {
            state.text.push_str(&line);
        } else if !state.is_cut {
            state.is_cut = true;
            let note = format!("{now} [WARNING]: The log is full: of what follows only warnings and errors are kept\n");
            if state.text.len() + note.len() <= INLINE_MAX {
                state.text.push_str(&note);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it so far.
    pub(crate) fn text(&self) -> Bytes {
        Bytes::copy_from_slice(self.state().text.as_bytes())
    }
}

/// A number of bytes in millions, with one digit behind the point.
struct Megabytes(u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1_000_000, self.0 % 1_000_000 / 100_000)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use windlass_store::{ManualClock, MemoryStore};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_is_kept_while_it_grows_and_says_how_much_has_arrived() {
        let (store, log) = (MemoryStore::new([0; 32]), log());
        let kept = async || store.blob("log").await.unwrap().map(|text| String::from_utf8(text.to_vec()).unwrap());
        log.info("begins");
        let work = async {
            assert_eq!(kept().await, None);
            sleep(KEEP_EVERY * 2).await;
            assert_eq!(kept().await.unwrap(), "1970-01-01T00:00:00.000Z [INFO]: begins\n");
            for bytes in [1_250_000, 2_500_000, 512_340_000] {
                log.arrived(bytes, Some(512_340_000));
                sleep(KEEP_EVERY * TELL_EVERY).await;
            }
            sleep(KEEP_EVERY * TELL_EVERY * 3).await;
            kept().await.unwrap()
        };
        let text = log.kept_while(&store, "log", work).await;
        let told: Vec<_> = text.lines().filter_map(|line| line.split_once("]: ")).map(|(_, line)| line).collect();
        assert_eq!(told, ["begins", "Fetched 1.2 of 512.3 MB", "Fetched 2.5 of 512.3 MB", "Fetched 512.3 of 512.3 MB"]);
        log.info("ends");
        sleep(KEEP_EVERY * 100).await;
        assert_eq!(kept().await.unwrap(), text, "it was kept after the work");
    }

    #[test]
    fn a_log_that_is_full_says_so_once_and_still_tells_the_end() {
        let log = log();
        for _ in 0..2_000 {
            log.info("x".repeat(1_000));
        }
        log.info("short enough, and yet not kept after what was left out");
        log.error("the end");
        let text = String::from_utf8(log.text().to_vec()).unwrap();
        assert!(text.len() <= INLINE_MAX, "{}", text.len());
        let last: Vec<_> = text.lines().rev().take(3).map(|line| &line[25..line.len().min(60)]).collect();
        assert_eq!(last[..2], ["[ERROR]: the end", "[WARNING]: The log is full: of what"]);
        assert!(last[2].starts_with("[INFO]: xxx"), "{last:?}");
        for _ in 0..2_000 {
            log.warning("x".repeat(1_000));
        }
        assert!(log.text().len() <= INLINE_MAX);
    }

    #[test]
    fn what_is_quoted_makes_no_line_of_its_own() {
        let log = log();
        log.error("a\r\n1970-01-01T00:00:00.000Z [INFO]: Deployment finished.");
        assert_eq!(log.text().iter().filter(|byte| **byte == b'\n').count(), 1);
    }

    fn log() -> Log {
        Log::new(Arc::new(ManualClock::at(DateTime::UNIX_EPOCH)))
    }
}
