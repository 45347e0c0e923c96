//! Who reads what functions log in a test.

use std::sync::Once;

use kernel::config::Env;
use tracing_subscriber::fmt::writer::OptionalWriter;
use tracing_subscriber::fmt::{MakeWriter, TestWriter};

/// Has somebody listen to every log line of this process. Without it a line met first while nobody listens is switched
/// off for good, and a test that reads the log later misses it.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let env: Env = [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("METRICS_NAMESPACE", "it")].into_iter().collect();
        // An error means that somebody listens already, which is as good.
        let _heard = tracing::subscriber::set_global_default(kernel::telemetry::subscriber(&env, ErrorsOfTest)).is_ok();
    });
}

/// Writes lines of errors to where the test's own output goes, which is shown if it fails, and all others nowhere.
#[derive(Clone)]
struct ErrorsOfTest;

impl MakeWriter<'_> for ErrorsOfTest {
    type Writer = OptionalWriter<TestWriter>;

    fn make_writer(&self) -> Self::Writer {
        OptionalWriter::none()
    }

    fn make_writer_for(&self, line: &tracing::Metadata<'_>) -> Self::Writer {
        if *line.level() == tracing::Level::ERROR {
            OptionalWriter::some(TestWriter::new())
        } else {
            self.make_writer()
        }
    }
}
