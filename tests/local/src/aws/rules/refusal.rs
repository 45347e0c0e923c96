//! The answers by which DynamoDB refuses.

use serde_json::{Value, json};

use crate::aws::dynamodb::Answer;

/// A request on a single item, or on no item in particular, that is refused.
pub(super) fn simple(kind: &str, message: &str) -> Answer {
    let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message });
    Answer { status: 400, body: body.to_string().into_bytes() }
}

/// A transaction that is refused: the code of each action, and why.
pub(super) fn cancelled(reasons: &[Option<(&str, &str)>]) -> Answer {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.map_or("None", |(code, _)| code)).collect();
    let message =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    let reasons: Vec<Value> = reasons
        .iter()
        .map(|reason| match reason {
            Some((code, message)) => json!({ "Code": code, "Message": message }),
            None => json!({ "Code": "None" }),
        })
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": message,
        "CancellationReasons": reasons,
    });
    Answer { status: 400, body: body.to_string().into_bytes() }
}
