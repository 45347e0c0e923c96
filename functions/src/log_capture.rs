//! What a test's code logged.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use kernel::config::Env;
use kernel::telemetry;
use tracing::subscriber::DefaultGuard;

/// A log writer that keeps everything; shared by its clones.
#[derive(Clone, Default)]
pub(crate) struct LogCapture(Arc<Mutex<Vec<u8>>>);

impl LogCapture {
    /// Keeps all that this thread logs at TRACE, as JSON, while the guard lives.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        // With one subscriber in the process, a line that another test's thread meets first, where nobody listens, is
        // switched off for good. So somebody listens everywhere.
        static EVERYWHERE: Once = Once::new();
        let env: Env = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "TRACE")].into_iter().collect();
        EVERYWHERE.call_once(|| {
            let sink = telemetry::subscriber(&env, std::io::sink);
            tracing::subscriber::set_global_default(sink).expect("nobody else sets it");
        });
        let captured = Self::default();
        let writer = captured.clone();
        let guard = tracing::subscriber::set_default(telemetry::subscriber(&env, move || writer.clone()));
        (captured, guard)
    }

    /// All of it so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for LogCapture {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
