use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kernel::Error;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::log_capture::LogCapture;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    task_id: String,
}

impl QueueMessage for Message {}

/// Counts the records it got.
#[derive(Default)]
struct App(AtomicUsize);

async fn handle(app: &App, message: Message, _: Deadline) -> Result<(), Error> {
    app.0.fetch_add(1, Ordering::SeqCst);
    match message.task_id.as_str() {
        "fails" => Err(Error::Contention("account")),
        "panics" => panic!("a bug"),
        // Fails unless another record runs meanwhile.
        "meets" => {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            if app.0.load(Ordering::SeqCst) == 2 { Ok(()) } else { Err(Error::Contention("batch")) }
        }
        _ => Ok(()),
    }
}

fn deadline() -> Deadline {
    Deadline::after("2026-11-20T00:00:00Z".parse().unwrap(), Duration::from_secs(300))
}

fn event(records: &Value) -> SqsEvent {
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn task(id: &str) -> Value {
    json!({"messageId": format!("m-{id}"), "body": json!({"taskId": id}).to_string()})
}

async fn failures(records: &Value) -> (Vec<String>, usize) {
    let app = App::default();
    let answer = run_batch(&app, handle, event(records), deadline()).await;
    (answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect(), app.0.into_inner())
}

#[tokio::test]
async fn sqs_batch_with_one_failed_record_returns_that_record_alone() {
    for (case, records, failed, handled) in [
        ("an empty batch", json!([]), &[][..], 0),
        ("all good", json!([task("1"), task("2")]), &[], 2),
        ("one fails", json!([task("1"), task("fails"), task("2")]), &["m-fails"], 3),
        ("one panics", json!([task("panics"), task("1")]), &["m-panics"], 2),
        ("all fail", json!([task("fails"), task("panics")]), &["m-fails", "m-panics"], 2),
        ("at once", json!([task("meets"), task("1")]), &[], 2),
        ("not JSON", json!([{"messageId": "m-p", "body": "poison"}, task("1")]), &["m-p"], 1),
        ("another shape", json!([task("1"), {"messageId": "m-p", "body": "{\"taskId\":7}"}]), &["m-p"], 1),
        ("no body", json!([{"messageId": "m-p"}, task("1")]), &["m-p"], 1),
        // Nothing runs: what cannot be reported as failed would be deleted.
        ("no message id", json!([task("1"), {"body": "{\"taskId\":\"2\"}"}]), &[""], 0),
        ("an empty message id", json!([{"messageId": "", "body": "{\"taskId\":\"2\"}"}]), &[""], 0),
    ] {
        let (reported, ran) = failures(&records).await;
        assert_eq!(reported, failed, "{case}");
        assert_eq!(ran, handled, "{case}");
    }
}

#[tokio::test]
async fn sqs_record_that_cannot_be_read_is_logged_by_its_hash_only() {
    let (logged, _guard) = LogCapture::start();
    let poison = json!([{"messageId": "m-1", "body": "{\"taskId\":[\"nickname-secret\"]}",
                         "attributes": {"ApproximateReceiveCount": "3"}}]);
    failures(&poison).await;
    let text = logged.text();
    assert!(!text.contains("nickname-secret"), "{text}");
    let line: Value = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["body.sha256"].as_str().unwrap().len(), 16);
    assert_eq!(line["spans"][0], json!({"name": "record", "message.id": "m-1", "receive_count": "3"}));
}
