//! Receivers that are slow, broken, hostile or gone.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::inbox::{BotSpec, Conduct};
use serde_json::{Value, json};

use super::{USER, ask, change, create, deliver, id, log, shown, tell, tenant_with_leads};
use crate::{Event, World};

const OTHER: u64 = 2_002;

/// A world whose deliverer waits a second for an answer, as real time passes.
async fn world() -> Result<World> {
    let mut world = World::start().await?;
    world.set("WEBHOOK_TIMEOUT_SECONDS", "1");
    Ok(world)
}

/// Lets time pass until what is due is due, and has it sent.
async fn later(world: &World, time: Duration) -> Result<()> {
    world.advance(time);
    world.sweep().await?;
    deliver(world).await.map(|_| ())
}

#[tokio::test]
async fn delivery_is_taken_or_not_by_the_status_whatever_the_body_is() -> Result<()> {
    let world = world().await?;
    let elsewhere = world.sandbox.inbox().url("elsewhere");
    for (conduct, status, answered, error) in [
        (Conduct::Well, "DELIVERED", json!(204), Value::Null),
        (Conduct::Verbose { bytes: 3_000_000 }, "DELIVERED", json!(200), Value::Null),
        (Conduct::CutShort, "DELIVERED", json!(200), Value::Null),
        (Conduct::Status { status: 500, times: None }, "PENDING", json!(500), json!("HTTP_500")),
        (Conduct::Redirect { location: elsewhere.clone() }, "PENDING", json!(307), json!("REDIRECT")),
        (Conduct::Close, "PENDING", Value::Null, json!("CONNECTION_LOST")),
        (Conduct::Hang, "PENDING", Value::Null, json!("TIMED_OUT")),
    ] {
        let made = create(&world, USER, "crm", json!({ "types": ["lead.erased"] })).await?;
        world.sandbox.inbox().behave("crm", conduct.clone());
        ask(&world, USER, "webhook-test", &[("webhookId", id(&made))], &Value::Null).await?;
        deliver(&world).await?;
        let kept = log(&world, USER, &made).await?;
        let attempt = &kept[0]["attempts"][0];
        assert_eq!(
            (&kept[0]["status"], &attempt["status"], &attempt["error"]),
            (&json!(status), &answered, &error),
            "{conduct:?}"
        );
        assert_eq!(kept[0]["nextAttemptAt"].is_null(), status == "DELIVERED", "{conduct:?}");
        ask(&world, USER, "webhook-delete", &[("webhookId", id(&made))], &Value::Null).await?;
        world.sandbox.inbox().behave("crm", Conduct::Well);
    }
    assert!(world.sandbox.inbox().arrivals("elsewhere").is_empty(), "a redirect is not followed");
    // What was to be tried again went with its webhook.
    later(&world, Duration::from_secs(86_400)).await?;
    let rows = world.rows("t_webhook_delivery").await?;
    assert!(rows.iter().all(|row| !row.contains_key("due_at")), "{rows:?}");
    Ok(())
}

#[tokio::test]
async fn receiver_that_hangs_delays_no_other_one() -> Result<()> {
    let world = world().await?;
    for user in [USER, OTHER] {
        tenant_with_leads(&world, user, 1).await?;
    }
    let slow = create(&world, USER, "slow", json!({})).await?;
    create(&world, USER, "beside", json!({})).await?;
    create(&world, OTHER, "other", json!({})).await?;
    world.sandbox.inbox().behave("slow", Conduct::Hang);
    for status in ["CONTACTED", "NEW", "CONTACTED", "NEW", "CONTACTED", "NEW"] {
        change(&world, USER, 1, status).await?;
    }
    change(&world, OTHER, 1, "CONTACTED").await?;
    for user in [USER, OTHER] {
        crate::events::number(&world, user).await?;
    }
    let began = std::time::Instant::now();
    deliver(&world).await?;
    ensure!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let inbox = world.sandbox.inbox();
    assert_eq!((inbox.distinct("beside").len(), inbox.distinct("other").len()), (6, 1));
    // Four were under way when it proved slow; the others were left for later.
    assert_eq!(inbox.arrivals("slow").len(), 4);
    inbox.behave("slow", Conduct::Well);
    later(&world, Duration::from_secs(60)).await?;
    assert_eq!(inbox.distinct("slow").len(), 6);
    assert!(log(&world, USER, &slow).await?.iter().all(|delivery| delivery["status"] == "DELIVERED"));
    Ok(())
}

#[tokio::test]
async fn receiver_that_hangs_is_left_alone_the_longer_the_more_often_unless_its_tenant_asks() -> Result<()> {
    let world = world().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let made = create(&world, USER, "slow", json!({})).await?;
    let inbox = world.sandbox.inbox();
    inbox.behave("slow", Conduct::Hang);
    for status in ["CONTACTED", "NEW"] {
        change(&world, USER, 1, status).await?;
        tell(&world, USER).await?;
        assert_eq!(inbox.arrivals("slow").len(), 1, "the second is not sent to a receiver that just was slow");
    }
    ask(&world, USER, "webhook-test", &[("webhookId", id(&made))], &Value::Null).await?;
    deliver(&world).await?;
    assert_eq!(inbox.arrivals("slow").len(), 3, "a test is sent at once, and with it what else is due");
    inbox.behave("slow", Conduct::Well);
    later(&world, Duration::from_secs(45)).await?;
    assert_eq!(inbox.arrivals("slow").len(), 3, "the second time in a row it is left alone for a minute");
    later(&world, Duration::from_secs(20)).await?;
    assert_eq!(inbox.arrivals("slow").len(), 6);
    assert!(log(&world, USER, &made).await?.iter().all(|delivery| delivery["status"] == "DELIVERED"));
    Ok(())
}

#[tokio::test]
async fn receiver_that_is_gone_is_disabled_at_once_and_the_others_are_told() -> Result<()> {
    let world = world().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let gone = create(&world, USER, "gone", json!({})).await?;
    create(&world, USER, "crm", json!({ "types": ["webhook.disabled"] })).await?;
    world.sandbox.inbox().behave("gone", Conduct::Status { status: 410, times: None });
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    let now = shown(&world, USER, &gone).await?;
    assert_eq!((&now["status"], &now["disabledReason"]), (&json!("DISABLED"), &json!("GONE")));
    assert_eq!(log(&world, USER, &gone).await?[0]["status"], "FAILED");
    tell(&world, USER).await?;
    let told = world.sandbox.inbox().distinct("crm");
    assert_eq!(told.len(), 1);
    let expected = json!({ "webhookId": gone["webhookId"], "kind": "GENERIC", "reason": "GONE" });
    assert_eq!((&told[0].json()["type"], &told[0].json()["data"]), (&json!("webhook.disabled"), &expected));
    assert_eq!(world.sandbox.inbox().arrivals("gone").len(), 1, "it is told nothing of itself");
    // Its tenant has it work again, from then on.
    world.sandbox.inbox().behave("gone", Conduct::Well);
    let body = json!({ "status": "ACTIVE" });
    let active = ask(&world, USER, "webhook-update", &[("webhookId", id(&gone))], &body).await?;
    assert_eq!((&active.data()["status"], &active.data()["disabledReason"]), (&json!("ACTIVE"), &Value::Null));
    change(&world, USER, 1, "NEW").await?;
    tell(&world, USER).await?;
    assert_eq!(world.sandbox.inbox().distinct("gone").len(), 1);
    Ok(())
}

#[tokio::test]
async fn receiver_that_fails_for_a_day_loses_the_delivery_and_for_five_its_webhook() -> Result<()> {
    let world = world().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let made = create(&world, USER, "crm", json!({})).await?;
    world.sandbox.inbox().behave("crm", Conduct::Status { status: 500, times: None });
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    for _ in 0..40 {
        let kept = log(&world, USER, &made).await?;
        let Some(next) = kept[0]["nextAttemptAt"].as_str() else { break };
        let wait = next.parse::<jiff::Timestamp>()?.duration_since(world.clock.now());
        later(&world, Duration::try_from(wait).unwrap_or_default() + Duration::from_secs(31)).await?;
    }
    let kept = log(&world, USER, &made).await?;
    let attempts = kept[0]["attempts"].as_array().context("no attempts")?;
    assert_eq!(kept[0]["status"], "FAILED");
    assert!((15..=40).contains(&attempts.len()), "{} attempts", attempts.len());
    assert_eq!(shown(&world, USER, &made).await?["status"], "ACTIVE", "one day is not five");
    world.advance(Duration::from_secs(4 * 86_400 + 3 * 3_600));
    change(&world, USER, 1, "NEW").await?;
    tell(&world, USER).await?;
    let now = shown(&world, USER, &made).await?;
    assert_eq!((&now["status"], &now["disabledReason"]), (&json!("DISABLED"), &json!("FAILING")));
    Ok(())
}

#[tokio::test]
async fn secret_that_is_changed_between_two_attempts_is_valid_beside_the_new_one_for_a_day() -> Result<()> {
    let world = world().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let made = create(&world, USER, "crm", json!({})).await?;
    let old = made["secret"].as_str().context("no secret")?.to_owned();
    let inbox = world.sandbox.inbox();
    inbox.behave("crm", Conduct::Status { status: 503, times: Some(1) });
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    let body = json!({ "rotateSecret": true });
    let rotated = ask(&world, USER, "webhook-update", &[("webhookId", id(&made))], &body).await?;
    let new = rotated.data()["secret"].as_str().context("no secret")?.to_owned();
    inbox.know("crm", &[&old, &new])?;
    later(&world, Duration::from_secs(60)).await?;
    let arrivals = inbox.arrivals("crm");
    let signers: Vec<_> = arrivals.iter().map(|arrival| arrival.signers.clone()).collect();
    assert_eq!(signers, [vec![0], vec![0, 1]], "the first was signed by the old secret, the second by both");
    assert_eq!(arrivals[0].id(), arrivals[1].id());
    world.advance(Duration::from_secs(86_400));
    change(&world, USER, 1, "NEW").await?;
    tell(&world, USER).await?;
    assert_eq!(
        inbox.arrivals("crm").last().context("nothing arrived")?.signers,
        [1],
        "a day later by the new one alone"
    );
    Ok(())
}

#[tokio::test]
async fn bot_is_sent_twenty_messages_a_minute_of_which_the_last_tells_of_all_others() -> Result<()> {
    let world = world().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let url = world.sandbox.inbox().add_bot("group", BotSpec::Wecom {});
    let body = json!({ "url": url, "kind": "WECOM_BOT", "types": ["lead.status_changed"] });
    let made = ask(&world, USER, "webhook-create", &[], &body).await?;
    ensure!(made.status == 201, "{made:?}");
    for number in 0..30 {
        change(&world, USER, 1, if number % 2 == 0 { "CONTACTED" } else { "NEW" }).await?;
    }
    tell(&world, USER).await?;
    let arrivals = world.sandbox.inbox().arrivals("group");
    assert_eq!(arrivals.len(), 20);
    assert!(arrivals.iter().all(|arrival| arrival.code == Some(0)), "{arrivals:?}");
    assert!(arrivals[19].text().contains("11"), "{}", arrivals[19].text());
    let kept = log(&world, USER, made.data()).await?;
    assert_eq!(kept.iter().filter(|delivery| delivery["status"] == "DELIVERED").count(), 30);
    // More within the minute waits for the next one.
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    assert_eq!(world.sandbox.inbox().arrivals("group").len(), 20);
    later(&world, Duration::from_secs(60)).await?;
    assert_eq!(world.sandbox.inbox().arrivals("group").len(), 21);
    Ok(())
}

#[tokio::test]
async fn webhook_that_is_paused_is_sent_nothing_and_nothing_later() -> Result<()> {
    let world = world().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let made = create(&world, USER, "crm", json!({})).await?;
    let set = async |status: &str| {
        let body = json!({ "status": status });
        ask(&world, USER, "webhook-update", &[("webhookId", id(&made))], &body).await
    };
    world.sandbox.inbox().behave("crm", Conduct::Status { status: 503, times: Some(1) });
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    set("PAUSED").await?;
    change(&world, USER, 1, "NEW").await?;
    tell(&world, USER).await?;
    later(&world, Duration::from_secs(60)).await?;
    assert_eq!(world.sandbox.inbox().arrivals("crm").len(), 1, "the attempt before it was paused");
    let kept = log(&world, USER, &made).await?;
    assert_eq!(
        (kept.len(), &kept[0]["status"], &kept[0]["attempts"][1]["error"]),
        (1, &json!("FAILED"), &json!("WEBHOOK_NOT_ACTIVE"))
    );
    set("ACTIVE").await?;
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    assert_eq!(world.sandbox.inbox().distinct("crm").len(), 1);
    Ok(())
}

#[tokio::test]
async fn delivery_of_somebody_who_was_erased_meanwhile_shows_nothing_of_them() -> Result<()> {
    let world = world().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let lead = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", "1")).await?;
    let nickname = lead.data()["nickname"].as_str().context("no nickname")?.to_owned();
    let made = create(&world, USER, "crm", json!({ "types": ["lead.status_changed"] })).await?;
    world.sandbox.inbox().behave("crm", Conduct::Status { status: 503, times: Some(1) });
    change(&world, USER, 1, "CONTACTED").await?;
    tell(&world, USER).await?;
    let erase = Event::sample("douyin-lead-erase")?.path("leadId", "1");
    assert_eq!(world.call_as(USER, erase).await?.status, 200);
    later(&world, Duration::from_secs(60)).await?;
    let arrivals = world.sandbox.inbox().arrivals("crm");
    assert!(arrivals[0].body.contains(&nickname) && !arrivals[1].body.contains(&nickname));
    assert_eq!(arrivals[1].json()["data"]["lead"], Value::Null);
    let kept = format!("{:?}", world.rows("t_webhook_delivery").await?);
    assert!(!kept.contains(&nickname) && log(&world, USER, &made).await?[0]["status"] == "DELIVERED");
    Ok(())
}
