//! Bodies that are not what creation reads. A misspelt time above all must not publish at once.

use anyhow::Result;
use serde_json::json;

use crate::moments::bad_input::{Desk, unreadable};
use crate::snapshot::ExpectedError;

#[tokio::test]
async fn creation_body_that_is_no_request_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let sample = desk.event("moment-sync")?.without_header("idempotency-key");
    for (what, body) in unreadable("text", "x\",\"accountIds\":[\"x\"],\"contentId\":\"x") {
        desk.refuses(what, &sample.clone().body(&body), &ExpectedError::fields(&["body"]), "请").await?;
    }
    let missing = sample.clone().json(&json!({"text": "早上好"}));
    desk.refuses("no accounts", &missing, &ExpectedError::fields(&["accountIds"]), "缺少必填项，请填写").await?;
    let device = &desk.device;
    for field in ["text", "accountIds", "scheduledTime"] {
        let twice = format!(r#"{{"text":"a","accountIds":["{device}"],"scheduledTime":null,"{field}":null}}"#);
        let event = sample.clone().body(&twice);
        desk.refuses(&twice, &event, &ExpectedError::fields(&[field]), "重复出现，请只保留一个").await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_body_with_unknown_fields_names_them() -> Result<()> {
    let desk = Desk::open().await?;
    let time = desk.at(3_600);
    for field in [
        "scheduleTime",
        "scheduled_time",
        "schedule_time",
        "ScheduledTime",
        "scheduledtime",
        "scheduledTime ",
        "scheduledAt",
        "publishTime",
        "sendTime",
        "mediaUrl",
        "media_urls",
        "images",
        "contentID",
        "content_id",
        "accountId",
        "account_ids",
        "content",
        "status",
        "userId",
        "syncTaskId",
        "定时时间",
        "",
    ] {
        let event = desk.post(json!({ field: time }))?;
        let path = if field.is_empty() { "body" } else { field };
        let remedy =
            "不支持此项，请检查拼写或删除，可用项：contentId、text、mediaUrls、accountIds、scheduledTime、force";
        desk.refuses(&format!("{field:?}"), &event, &ExpectedError::fields(&[path]), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_body_with_a_field_of_another_type_names_its_path() -> Result<()> {
    let desk = Desk::open().await?;
    let content_id = "须为非负整数或文本";
    let id = desk.device.clone();
    for (changes, field, remedy) in [
        (json!({"text": 7}), "text", "应为文本"),
        (json!({"text": true}), "text", "应为文本"),
        (json!({"text": ["早上好"]}), "text", "应为文本"),
        (json!({"text": {"zh": "早上好"}}), "text", "应为文本"),
        (json!({"mediaUrls": "https://cdn.example.com/a.jpg"}), "mediaUrls", "应为数组"),
        (json!({"mediaUrls": {"0": "https://cdn.example.com/a.jpg"}}), "mediaUrls", "应为数组"),
        (json!({"mediaUrls": 1}), "mediaUrls", "应为数组"),
        (json!({"mediaUrls": [7]}), "mediaUrls[0]", "应为文本"),
        (json!({"mediaUrls": ["https://cdn.example.com/a.jpg", null]}), "mediaUrls[1]", "应为文本"),
        (json!({"mediaUrls": [{"url": "https://cdn.example.com/a.jpg"}]}), "mediaUrls[0]", "应为文本"),
        (json!({"accountIds": null}), "accountIds", "应为数组"),
        (json!({"accountIds": id}), "accountIds", "应为数组"),
        (json!({"accountIds": {"0": id}}), "accountIds", "应为数组"),
        (json!({"accountIds": [7]}), "accountIds[0]", "应为文本"),
        (json!({"accountIds": [id, null]}), "accountIds[1]", "应为文本"),
        (json!({"accountIds": [[id]]}), "accountIds[0]", "应为文本"),
        (json!({"contentId": true}), "contentId", content_id),
        (json!({"contentId": -1}), "contentId", content_id),
        (json!({"contentId": 1.5}), "contentId", content_id),
        (json!({"contentId": 1e300}), "contentId", content_id),
        (json!({"contentId": ["7"]}), "contentId", content_id),
        (json!({"contentId": {"id": 7}}), "contentId", content_id),
    ] {
        let event = desk.post(changes.clone())?;
        desk.refuses(&changes.to_string(), &event, &ExpectedError::fields(&[field]), remedy).await?;
    }
    Ok(())
}
