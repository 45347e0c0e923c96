//! What a test's functions logged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use kernel::config::Env;
use tracing::Dispatch;

/// A log that keeps everything; shared by its clones.
#[derive(Clone, Default)]
pub(crate) struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    /// What production would log, as JSON and at every level, into this.
    pub(crate) fn subscriber(&self) -> Dispatch {
        self.subscriber_at("TRACE")
    }

    /// The same at this level.
    pub(crate) fn subscriber_at(&self, level: &str) -> Dispatch {
        let settings = [("LOG_LEVEL", level), ("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("METRICS_NAMESPACE", "it")];
        let env: Env = settings.into_iter().collect();
        let writer = self.clone();
        Dispatch::new(kernel::telemetry::subscriber(&env, move || writer.clone()))
    }

    /// All of it so far, one JSON object a line.
    pub(crate) fn text(&self) -> String {
        self.text_from(0)
    }

    /// The same from this byte on.
    pub(crate) fn text_from(&self, start: usize) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()[start..]).into_owned()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
