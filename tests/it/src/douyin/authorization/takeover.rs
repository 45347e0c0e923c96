//! An account whose authorisation has ended is free for whoever can prove a fresh consent.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::douyin::{Decision, Endpoint, Fault};
use serde_json::json;

use super::{PAGE, accounts, opens, unchallenged};
use crate::{Answer, Browser, Event, World};

const HOLDER: u64 = 88_101;
const OWNER: u64 = 88_102;

/// The owner withdraws every authorisation at Douyin, whose webhook tells us.
pub(crate) async fn revoke(world: &World) -> Result<()> {
    let revoked = world.sandbox.douyin().revoke_quietly("shop").context("no shop")?;
    let event = Event::sample("douyin-webhook")?
        .header("x-douyin-signature", &revoked.signature)
        .header("msg-id", &revoked.message_id)
        .body(&revoked.body);
    assert_eq!(world.call(&event).await?.status, 200);
    Ok(())
}

/// The account is EXPIRED from one moment to the next, whatever its sync is doing. How it comes to that is not this
/// module's matter, so the row is changed by hand.
async fn expire(world: &World, account: &str) -> Result<()> {
    let update = world.aws.dynamodb.update_item().table_name(world.table("t_douyin_auth"));
    update
        .key("douyin_user_id", AttributeValue::S(account.to_owned()))
        .update_expression("SET #status = :expired ADD token_version :one")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":expired", AttributeValue::S("EXPIRED".to_owned()))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .send()
        .await?;
    Ok(())
}

#[tokio::test]
async fn takeover_of_a_revoked_account_by_a_fresh_consent_succeeds() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    let shop = world.douyin_account("shop", 3);
    world.authorize(HOLDER, "shop").await?;
    assert_eq!(world.sync(HOLDER, &shop, "INCREMENTAL").await?["created"], 3);
    let before = world.rows("t_douyin_auth").await?.remove(0);
    revoke(&world).await?;
    world.advance(Duration::from_secs(3_600));
    assert_eq!(world.authorize(OWNER, "shop").await?, shop);

    let seen = world.call_as(OWNER, Event::sample("douyin-accounts")?).await?;
    assert_eq!((&seen.data()[0]["status"], &seen.data()[0]["lastSyncAt"]), (&json!("ACTIVE"), &json!(null)));
    assert_eq!(accounts(&world, HOLDER).await?.len(), 0, "it is not the holder's any more");
    let row = world.rows("t_douyin_auth").await?.remove(0);
    assert!(opens(&world, &row, "t_douyin_auth", OWNER).await);
    assert_eq!((&*row["user_id"], &*row["renew_count"]), ("88102", "0"));
    assert_eq!(row["create_time"], world.clock.now().as_second().to_string(), "since when it is this tenant's");
    assert_ne!(row["id"], before["id"]);
    let version = |row: &crate::tables::Row| row["token_version"].parse::<u64>().unwrap();
    assert!(version(&row) > version(&before), "nobody who knows the old tokens may touch the new ones");

    // What the holder made of it stays theirs; the new tenant begins anew.
    assert_eq!(world.leads(HOLDER, &[]).await?.data()["total"], 3);
    assert_eq!(world.sync(OWNER, &shop, "INCREMENTAL").await?["created"], 3);
    let answer = world.request_sync(HOLDER, &shop, "INCREMENTAL").await?;
    assert_eq!((answer.status, answer.error_type()), (400, "DOUYIN_AUTH_ERROR"));
    world.expect_empty_queues().await
}

#[tokio::test]
async fn takeover_of_a_revoked_account_by_a_confirmation_succeeds() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    world.authorize(HOLDER, "shop").await?;
    revoke(&world).await?;
    let ticket = Browser::parks(&world, OWNER, "shop", PAGE).await?;
    assert_eq!(world.confirm(OWNER, &ticket).await?.status, 200);
    assert_eq!((accounts(&world, OWNER).await?, accounts(&world, HOLDER).await?), (vec![shop], vec![]));
    Ok(())
}

/// A sync of the holder that waits when the account expires ends with the take-over, and says why.
#[tokio::test]
async fn takeover_ends_a_waiting_sync_of_the_former_tenant() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 50);
    // An hour past the refill of the quota: a spent one makes the sync wait longer than a message can be delayed.
    let past_midnight = world.clock.now().as_second().rem_euclid(86_400);
    world.advance(Duration::from_secs(u64::try_from(86_400 + 3_600 - past_midnight)?));
    world.authorize(HOLDER, "shop").await?;
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_003_017).on_page(2));
    let waiting = world.sync(HOLDER, &shop, "INCREMENTAL").await?;
    assert_eq!(waiting["status"], "PROCESSING", "it waits for the quota: {waiting}");
    expire(&world, &shop).await?;
    world.authorize(OWNER, "shop").await?;

    let ended = world.progress(HOLDER, waiting["taskId"].as_str().unwrap()).await?;
    assert_eq!((&ended["status"], &ended["error"]["type"]), (&json!("FAILED"), &json!("DOUYIN_LEAD_SYNC_ERROR")));
    let said = ended["error"]["message"].as_str().unwrap();
    assert!(said.contains("已由其他存客宝用户重新授权"), "{said}");
    assert!(!world.rows("t_douyin_auth").await?[0].contains_key("active_sync_task_id"), "its claim is gone");
    // The quota is the app's, so the new tenant's sync waits for its refill too, which is spread over an hour.
    world.advance(Duration::from_secs(86_400 + 3_600));
    assert_eq!(world.sync(OWNER, &shop, "INCREMENTAL").await?["created"], 50);
    assert_eq!(world.leads(HOLDER, &[]).await?.data()["total"], waiting["created"]);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn takeover_of_an_expired_account_by_two_at_once_has_one_new_tenant() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    world.authorize(HOLDER, "shop").await?;
    expire(&world, &shop).await?;
    // Each consent voids the code of the one before, so they are parked first and confirmed together.
    let rivals = [OWNER, OWNER + 1, HOLDER];
    let mut tickets = Vec::new();
    for rival in rivals {
        tickets.push((rival, Browser::parks(&world, rival, "shop", PAGE).await?));
    }
    let answers = futures::future::try_join_all(tickets.iter().map(|(rival, ticket)| world.confirm(*rival, ticket)));
    let answers: Vec<Answer> = answers.await?;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400], "{answers:?}");
    let winner = answers.iter().find(|answer| answer.status == 200).unwrap().data()["userId"].clone();
    assert_eq!(world.rows("t_douyin_auth").await?[0]["user_id"], winner.to_string());
    Ok(())
}

/// A consent for an account that works for somebody else changes nothing, whichever way it comes.
#[tokio::test]
async fn takeover_of_an_active_account_is_refused() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    world.authorize(HOLDER, "shop").await?;
    let callback = world.consent(OWNER, "shop", &Decision::APPROVE).await?;
    let before = unchallenged(world.rows("t_douyin_auth").await?);
    let answer = world.call(&callback).await?;
    assert_eq!((answer.status, answer.error_type()), (400, "DOUYIN_AUTH_ERROR"), "{answer:?}");
    assert!(unchallenged(world.rows("t_douyin_auth").await?) == before, "the account was touched");
    assert_eq!(accounts(&world, HOLDER).await?, [shop]);
    Ok(())
}
