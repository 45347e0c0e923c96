//! What receivers get.

use anyhow::Result;
use serde_json::{Value, json};

use super::{USER, ask, change, create, deliver, id, log, tell, tenant_with_leads};
use crate::{Event, World};

#[tokio::test]
async fn event_is_delivered_signed_as_it_is_read_to_each_webhook_that_wants_it() -> Result<()> {
    let world = World::start().await?;
    tenant_with_leads(&world, USER, 2).await?;
    let all = create(&world, USER, "all", json!({})).await?;
    let some = create(&world, USER, "some", json!({ "types": ["lead.erased"] })).await?;
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    let arrived = world.sandbox.inbox().distinct("all");
    assert_eq!(arrived.len(), 1, "what was before the webhook is not delivered");
    let read = world.call_as(USER, Event::sample("events")?.query(&[("after", "0")])).await?;
    let event = read.data()["events"].as_array().and_then(|events| events.last()).cloned().unwrap_or_default();
    assert_eq!((event["type"].clone(), arrived[0].json()), (json!("lead.status_changed"), event.clone()));
    assert_eq!(arrived[0].id(), event["id"].as_str().unwrap_or_default());
    assert!(world.sandbox.inbox().arrivals("some").is_empty());
    assert!(log(&world, USER, &some).await?.is_empty());
    let kept = log(&world, USER, &all).await?;
    assert_eq!((kept.len(), &kept[0]["eventId"], &kept[0]["sequence"]), (1, &event["id"], &event["sequence"]));
    Ok(())
}

#[tokio::test]
async fn delivery_that_fails_is_tried_again_under_the_same_id_and_can_be_resent() -> Result<()> {
    use sandbox::inbox::Conduct;

    let world = World::start().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let made = create(&world, USER, "crm", json!({})).await?;
    world.sandbox.inbox().behave("crm", Conduct::Status { status: 503, times: Some(2) });
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    for attempts in 1..=2 {
        let kept = log(&world, USER, &made).await?;
        assert_eq!(
            (&kept[0]["status"], kept[0]["attempts"].as_array().map(Vec::len)),
            (&json!("PENDING"), Some(attempts))
        );
        assert_eq!(kept[0]["attempts"][attempts - 1]["error"], "HTTP_503");
        world.advance(std::time::Duration::from_secs(60));
        world.sweep().await?;
        deliver(&world).await?;
    }
    let kept = log(&world, USER, &made).await?;
    assert_eq!((&kept[0]["status"], kept[0]["attempts"].as_array().map(Vec::len)), (&json!("DELIVERED"), Some(3)));
    assert_eq!(kept[0]["nextAttemptAt"], Value::Null);
    let delivery = kept[0]["deliveryId"].as_str().unwrap_or_default();
    let ids = [("webhookId", id(&made)), ("deliveryId", delivery)];
    assert_eq!(ask(&world, USER, "webhook-resend", &ids, &Value::Null).await?.status, 202);
    deliver(&world).await?;
    let arrivals = world.sandbox.inbox().arrivals("crm");
    assert_eq!((arrivals.len(), world.sandbox.inbox().distinct("crm").len()), (4, 1));
    Ok(())
}
