//! Row 22 of the contract.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{USER, ask, create, deliver, id, log, shown, tell, tenant_with_leads};
use crate::World;

#[tokio::test]
async fn webhook_is_made_shown_changed_and_deleted_as_the_contract_says() -> Result<()> {
    let world = World::start().await?;
    let made = create(&world, USER, "crm", json!({ "types": ["lead.created"] })).await?;
    let secret = made["secret"].as_str().context("no secret")?;
    assert!(secret.starts_with("whsec_"));
    let expected = json!({
        "webhookId": made["webhookId"], "url": world.sandbox.inbox().url("crm"), "kind": "GENERIC", "types": ["lead.created"],
        "status": "ACTIVE", "disabledReason": null, "createTime": made["createTime"],
    });
    assert_eq!(shown(&world, USER, &made).await?, expected, "without the secret");

    let update = async |body: Value| ask(&world, USER, "webhook-update", &[("webhookId", id(&made))], &body).await;
    let paused = update(json!({ "status": "PAUSED" })).await?;
    assert_eq!((paused.status, &paused.data()["status"]), (200, &json!("PAUSED")));
    assert_eq!(paused.data()["secret"], Value::Null, "a secret that has not changed is not shown again");
    for function in ["webhook-test", "webhook-resend"] {
        let ids = [("webhookId", id(&made)), ("deliveryId", "0")];
        let refused =
            ask(&world, USER, function, &ids[..if function == "webhook-test" { 1 } else { 2 }], &Value::Null).await?;
        assert_eq!((refused.status, &refused.body["error"]["type"]), (409, &json!("CONFLICT")), "{function}");
    }
    let rotated = update(json!({ "status": "ACTIVE", "rotateSecret": true })).await?;
    let next = rotated.data()["secret"].as_str().context("no new secret")?;
    assert!(next.starts_with("whsec_") && next != secret);

    for (body, field) in [
        (json!({}), "body"),
        (json!({ "url": "http://example.com/" }), "url"),
        (json!({ "url": "https://10.0.0.1/" }), "url"),
        (json!({ "types": [] }), "types"),
        (json!({ "types": ["lead.gone"] }), "types[0]"),
        (json!({ "status": "DISABLED" }), "status"),
        (json!({ "secret": "x" }), "secret"),
    ] {
        let refused = update(body.clone()).await?;
        assert_eq!((refused.status, &refused.body["error"]["fields"][0]["path"]), (400, &json!(field)), "{body}");
    }
    let gone = ask(&world, USER, "webhook-delete", &[("webhookId", id(&made))], &Value::Null).await?;
    assert_eq!((gone.status, gone.data()), (200, &json!({ "webhookId": made["webhookId"] })));
    assert_eq!(ask(&world, USER, "webhooks", &[], &Value::Null).await?.data(), &json!([]));
    assert_eq!(update(json!({ "status": "ACTIVE" })).await?.status, 404);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn webhook_of_a_bot_is_shown_without_its_key() -> Result<()> {
    let world = World::start().await?;
    let url = "https://oapi.dingtalk.com/robot/send?access_token=0f1e2d3c";
    let body = json!({ "url": url, "kind": "DINGTALK", "botSecret": "SEC0123456789" });
    let made = ask(&world, USER, "webhook-create", &[], &body).await?;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.data()["url"], "https://oapi.dingtalk.com/robot/send?access_token=***");
    assert_eq!(made.data()["secret"], Value::Null);
    let types = json!([
        "account.expired",
        "account.reauthorize_due",
        "moment.task.finished",
        "moment.waiting_for_member",
        "sync.failed"
    ]);
    assert_eq!(made.data()["types"], types);
    let stored = format!("{:?}", world.rows("t_webhook").await?);
    assert!(!stored.contains("0f1e2d3c") && !stored.contains("SEC0123456789"), "the key is stored as it is");
    Ok(())
}

#[tokio::test]
async fn webhook_beyond_the_most_a_tenant_may_have_is_refused() -> Result<()> {
    let world = World::start().await?;
    let mut made = Vec::new();
    for number in 0..webhooks::MOST_WEBHOOKS {
        made.push(create(&world, USER, &format!("crm-{number}"), json!({ "types": ["lead.erased"] })).await?);
    }
    let body = json!({ "url": "https://example.com/" });
    let refused = ask(&world, USER, "webhook-create", &[], &body).await?;
    assert_eq!((refused.status, &refused.body["error"]["type"]), (409, &json!("CONFLICT")), "{refused:?}");
    // One that goes makes room, and another tenant has room of its own.
    ask(&world, USER, "webhook-delete", &[("webhookId", id(&made[0]))], &Value::Null).await?;
    for user in [USER, 2_002] {
        assert_eq!(ask(&world, user, "webhook-create", &[], &body).await?.status, 201);
    }
    // An event that all of them want is delivered to all of them.
    tenant_with_leads(&world, USER, 1).await?;
    let erase = crate::Event::sample("douyin-lead-erase")?.path("leadId", "1");
    assert_eq!(world.call_as(USER, erase).await?.status, 200);
    tell(&world, USER).await?;
    for (number, webhook) in made.iter().enumerate().skip(1) {
        assert_eq!(world.sandbox.inbox().distinct(&format!("crm-{number}")).len(), 1);
        assert_eq!(log(&world, USER, webhook).await?[0]["status"], "DELIVERED");
    }
    Ok(())
}

#[tokio::test]
async fn test_delivery_has_the_type_of_a_test_and_no_sequence() -> Result<()> {
    let world = World::start().await?;
    let made = create(&world, USER, "crm", json!({ "types": ["lead.erased"] })).await?;
    let test = ask(&world, USER, "webhook-test", &[("webhookId", id(&made))], &Value::Null).await?;
    assert_eq!((test.status, &test.data()["status"]), (202, &json!("PENDING")));
    deliver(&world).await?;
    let arrived = world.sandbox.inbox().distinct("crm");
    let body = arrived[0].json();
    assert_eq!((&body["type"], &body["data"]), (&json!("webhook.test"), &json!({ "webhookId": made["webhookId"] })));
    assert_eq!(body.get("sequence"), None);
    assert_eq!((arrived.len(), arrived[0].id()), (1, body["id"].as_str().unwrap_or_default()));
    let kept = log(&world, USER, &made).await?;
    assert_eq!((&kept[0]["status"], &kept[0]["attempts"][0]["status"]), (&json!("DELIVERED"), &json!(204)));
    assert_eq!((&kept[0]["sequence"], &kept[0]["nextAttemptAt"]), (&Value::Null, &Value::Null));
    Ok(())
}

#[test]
fn webhook_can_want_every_type_of_events_and_no_other() {
    let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
    let types = &document["components"]["schemas"]["EventType"]["enum"];
    let types: std::collections::BTreeSet<&str> = types.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(types, webhooks::EVENT_TYPES.iter().copied().collect());
}
