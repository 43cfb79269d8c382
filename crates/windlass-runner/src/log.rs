//! The log of a step, in the form of Amplify's own.

use std::fmt;
use std::sync::Arc;

use windlass_store::Clock;

/// The lines of a step so far.
pub(crate) struct Log {
    text: String,
    clock: Arc<dyn Clock>,
}

impl Log {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { text: String::new(), clock }
    }

    pub(crate) fn info(&mut self, line: impl fmt::Display) {
        self.line("INFO", &line);
    }

    pub(crate) fn warning(&mut self, line: impl fmt::Display) {
        self.line("WARNING", &line);
    }

    pub(crate) fn error(&mut self, line: impl fmt::Display) {
        self.line("ERROR", &line);
    }

    fn line(&mut self, level: &str, line: &dyn fmt::Display) {
        let now = self.clock.now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        // What a log quotes may hold line breaks, which would make lines that nobody wrote.
        let line = line.to_string().replace(['\n', '\r'], " ");
        self.text.push_str(&format!("{now} [{level}]: {line}\n"));
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}
