//! Logging: one line per outcome, JSON on AWS, and nothing of what passes through.
//!
//! Only our own crates log below WARN, at every level: hyper, the SDK and the Lambda runtime write whole requests,
//! responses and events at DEBUG and TRACE, with tokens, codes and nicknames in them.
//!
//! Metrics are lines beside those of the log and pass at every level. So Lambda is told to let every line pass, and the level
//! is kept here.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::config::{Env, LOGS};
use crate::metrics::{self, MetricLines};

/// The crates of this workspace that log.
const OURS: [&str; 7] = ["kernel", "leads", "moments", "webhooks", "functions", "sandbox", "local"];

/// Logs this process to its standard output from now on, as its environment says. A second call changes nothing.
pub fn init(env: &Env) {
    let _ = tracing::subscriber::set_global_default(subscriber(env, std::io::stdout));
}

/// What [`init`] installs, with its own writer: a test captures exactly what production would log.
///
/// JSON when `AWS_LAMBDA_LOG_FORMAT` is `JSON`, with timestamp and level where Lambda's own log filter looks for them;
/// otherwise compact text. The level is `LOG_LEVEL`, else `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else INFO. Metrics are
/// written if `METRICS_NAMESPACE` says into which namespace.
pub fn subscriber<W>(env: &Env, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Clone + Send + Sync + 'static,
{
    let metrics = value(env, "METRICS_NAMESPACE").map(|namespace| {
        let lines = MetricLines { namespace, writer: writer.clone() };
        lines.with_filter(Targets::new().with_target(metrics::TARGET, LevelFilter::INFO))
    });
    let json = value(env, "AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let format: Box<dyn Layer<Registry> + Send + Sync> = if json {
        // The whole list of spans: the innermost alone would hide the request id of a line in a nested one.
        fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(writer).boxed()
    } else {
        fmt::layer().compact().without_time().with_writer(writer).boxed()
    };
    tracing_subscriber::registry().with(format.with_filter(filter(level(env)))).with(metrics)
}

/// `Targets` and not `EnvFilter`, which would bring a regex engine into every cold start.
fn filter(level: LevelFilter) -> Targets {
    let log = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(OURS.map(|ours| (ours, level)));
    log.with_target(metrics::TARGET, LevelFilter::OFF)
}

/// A wrong setting must not keep the log from telling of it, so it counts as absent.
fn value(env: &Env, name: &str) -> Option<String> {
    LOGS.of(env).optional(name).ok().flatten()
}

fn level(env: &Env) -> LevelFilter {
    // Not its default, which only says what the template sets: outside of it the others decide.
    let set = env.get("LOG_LEVEL");
    let named = set.or_else(|| value(env, "AWS_LAMBDA_LOG_LEVEL")).or_else(|| value(env, "RUST_LOG"));
    match named.as_deref() {
        // Lambda's sixth level.
        Some(fatal) if fatal.eq_ignore_ascii_case("fatal") => LevelFilter::ERROR,
        Some(name) => name.parse().unwrap_or(LevelFilter::INFO),
        None => LevelFilter::INFO,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn log(settings: &[(&str, &str)], write: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let env: Env = settings.iter().copied().collect();
        tracing::subscriber::with_default(subscriber(&env, move || writer.clone()), write);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// One line per level from us, and one from others.
    fn emit_sample_lines() {
        tracing::error!(target: "leads::sync", "ours-error");
        tracing::warn!(target: "leads::sync", "ours-warn");
        tracing::info!(target: "leads::sync", "ours-info");
        tracing::debug!(target: "leads::sync", "ours-debug");
        tracing::trace!(target: "leads::sync", "ours-trace");
        tracing::error!(target: "hyper::client", "theirs-error");
        tracing::warn!(target: "hyper::client", "theirs-warn");
        tracing::info!(target: "aws_sdk_dynamodb", "theirs-info");
        tracing::debug!(target: "lambda_runtime::runtime", "theirs-debug");
        tracing::trace!(target: "hyper::client", "theirs-trace");
    }

    #[test]
    fn telemetry_of_other_crates_is_never_below_warn() {
        const ALL: [&str; 10] = [
            "ours-error",
            "theirs-error",
            "ours-warn",
            "theirs-warn",
            "ours-info",
            "ours-debug",
            "ours-trace",
            "theirs-info",
            "theirs-debug",
            "theirs-trace",
        ];
        for (settings, shown) in [
            (&[][..], 5),
            (&[("AWS_LAMBDA_LOG_LEVEL", "TRACE")], 7),
            (&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")], 6),
            (&[("AWS_LAMBDA_LOG_LEVEL", "warn")], 4),
            (&[("AWS_LAMBDA_LOG_LEVEL", "ERROR")], 2),
            (&[("AWS_LAMBDA_LOG_LEVEL", "FATAL")], 2),
            (&[("AWS_LAMBDA_LOG_LEVEL", "nonsense")], 5),
            (&[("RUST_LOG", "debug")], 6),
            (&[("RUST_LOG", "trace"), ("AWS_LAMBDA_LOG_LEVEL", "ERROR")], 2),
            (&[("RUST_LOG", "hyper=trace")], 5),
            (&[("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("AWS_LAMBDA_LOG_FORMAT", "JSON")], 7),
            (&[("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("LOG_LEVEL", "ERROR")], 2),
        ] {
            let text = log(settings, emit_sample_lines);
            let seen: Vec<_> = ALL.into_iter().filter(|line| text.contains(line)).collect();
            assert_eq!(seen, ALL[..shown], "{settings:?}\n{text}");
        }
    }

    #[test]
    fn telemetry_of_each_shared_crate_is_logged() {
        let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let crates = std::fs::read_dir(shared).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let missing: Vec<_> = crates.filter(|name| !OURS.contains(&name.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn telemetry_json_line_has_time_level_fields_and_spans() {
        let text = log(&[("AWS_LAMBDA_LOG_FORMAT", "json")], || {
            let _span = tracing::error_span!("request", request.id = "r-1").entered();
            tracing::info!(user.id = 1001, "done");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "done");
        assert_eq!(line["user.id"], 1001);
        assert_eq!(line["spans"][0]["request.id"], "r-1");
        line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }

    /// What CloudWatch reads: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    #[test]
    fn telemetry_metric_is_a_line_of_its_own_at_every_level() {
        for level in ["ERROR", "INFO", "TRACE"] {
            let settings = [("LOG_LEVEL", level), ("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("METRICS_NAMESPACE", "shop")];
            let text = log(&settings, || metrics::put(metrics::Metric::OldestDueTask, 31));
            let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{level}: {text}") };
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!((&line["OldestDueTask"], &directive["Namespace"]), (&31.into(), &"shop".into()));
            assert_eq!(directive["Metrics"], serde_json::json!([{"Name": "OldestDueTask", "Unit": "Seconds"}]));
            assert_eq!(directive["Dimensions"], serde_json::json!([[]]));
            assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
            // Lambda filters lines by this one.
            assert!(line.get("level").is_none());
        }
        assert_eq!(log(&[("LOG_LEVEL", "TRACE")], || metrics::put(metrics::Metric::OldestDueTask, 31)), "");
    }

    #[test]
    fn telemetry_text_is_one_plain_line() {
        let text = log(&[], || tracing::info!(target: "functions", status = 200, "done"));
        assert_eq!(text, " INFO functions: done status=200\n");
    }
}
