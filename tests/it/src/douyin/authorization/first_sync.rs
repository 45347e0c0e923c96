//! Authorising an account starts its first sync, in the transaction that stores the account.

use std::time::Duration;

use anyhow::{Result, bail};
use sandbox::douyin::Decision;
use serde_json::{Value, json};

use super::{PAGE, accounts};
use crate::call::call;
use crate::proxy::{Fault, Proxy, When};
use crate::tables::Row;
use crate::{Browser, Event, World};

const USER: u64 = 1001;
const OTHER: u64 = 2002;
/// A message unseen for this long is taken for lost.
const OVERDUE: Duration = Duration::from_secs(31);
/// How often the SDK sends a request before it gives up.
const SDK_ATTEMPTS: u32 = 3;

/// How many leads `user` has.
async fn leads(world: &World, user: u64) -> Result<Value> {
    Ok(world.leads(user, &[]).await?.data()["total"].clone())
}

async fn tasks(world: &World) -> Result<Vec<Row>> {
    world.rows("t_douyin_sync_task").await
}

/// The sync that the account list shows under way.
async fn under_way(world: &World) -> Result<Value> {
    let answer = world.call_as(USER, Event::sample("douyin-accounts")?).await?;
    Ok(answer.data()[0]["activeSyncTaskId"].clone())
}

#[tokio::test]
async fn first_sync_after_the_callback_makes_leads() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 37);
    let callback = world.consent(USER, "shop", &Decision::APPROVE).await?;
    assert_eq!(world.call(&callback).await?.status, 200);
    // It is a sync like one that was asked for: seen in the account list, found by who asks for one.
    let task = under_way(&world).await?;
    let asked = world.request_sync(USER, &shop, "FULL").await?;
    assert_eq!((asked.status, &asked.data()["taskId"]), (200, &task), "{asked:?}");
    assert_eq!(world.progress(USER, task.as_str().unwrap()).await?["strategy"], "INCREMENTAL");
    world.drain().await?;
    assert_eq!(leads(&world, USER).await?, 37);
    assert_eq!(world.progress(USER, task.as_str().unwrap()).await?["status"], "COMPLETED");
    assert_eq!(under_way(&world).await?, Value::Null);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn first_sync_after_a_confirmation_makes_leads() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 37);
    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    assert_eq!(tasks(&world).await?.len(), 0, "nothing is synced before it is confirmed");
    assert_eq!(world.confirm(USER, &ticket).await?.status, 200);
    world.drain().await?;
    assert_eq!(leads(&world, USER).await?, 37);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn first_sync_after_a_takeover_makes_leads_for_the_new_tenant_alone() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 5);
    world.authorize_and_sync(OTHER, "shop").await?;
    let revoked = world.sandbox.douyin().revoke_quietly("shop").unwrap();
    let event = Event::sample("douyin-webhook")?.body(&revoked.body);
    let event = event.header("x-douyin-signature", &revoked.signature).header("msg-id", &revoked.message_id);
    assert_eq!(world.call(&event).await?.status, 200);
    world.authorize_and_sync(USER, "shop").await?;
    // The former tenant's message is still in the queue; it finds its sync ended.
    assert_eq!(world.drain().await?, 2);
    assert_eq!((leads(&world, USER).await?, leads(&world, OTHER).await?), (json!(5), json!(0)));
    world.expect_empty_queues().await
}

#[tokio::test]
async fn first_sync_whose_message_is_lost_is_started_by_the_sweeper() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    let callback = world.consent(USER, "shop", &Decision::APPROVE).await?;
    let proxy = Proxy::start(&world).await?;
    let unavailable = r#"{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"try later"}"#;
    proxy.arm_times("SendMessage", 1, SDK_ATTEMPTS, Fault::Answer(503, unavailable.to_owned()));
    let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
    let answer = Box::pin(call(&base, &callback)).await?;
    assert_eq!((answer.status, proxy.count("SendMessage")), (200, SDK_ATTEMPTS), "the account is authorised");
    assert_eq!(world.depth(world.queue_url()?).await?, 0);
    world.advance(OVERDUE);
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(leads(&world, USER).await?, 3);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn first_sync_without_the_fan_scope_is_not_created() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    let decision = Decision { approve: true, untick: vec!["fans.list".to_owned()] };
    assert_eq!(world.call(&world.consent(USER, "shop", &decision).await?).await?.status, 200);
    assert_eq!((accounts(&world, USER).await?, under_way(&world).await?), (vec![shop], Value::Null));
    assert_eq!(tasks(&world).await?.len(), 0);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn first_sync_at_a_second_authorisation_is_created_only_where_none_runs() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize_and_sync(USER, "shop").await?;
    let first = under_way(&world).await?;
    world.authorize_and_sync(USER, "shop").await?;
    let ticket = Browser::parks(&world, USER, "shop", PAGE).await?;
    assert_eq!(world.confirm(USER, &ticket).await?.status, 200);
    assert_eq!((under_way(&world).await?, tasks(&world).await?.len()), (first, 1), "no second task");
    assert_eq!(world.drain().await?, 1, "and no second message");
    assert_eq!(leads(&world, USER).await?, 3);

    world.authorize_and_sync(USER, "shop").await?;
    assert_eq!(tasks(&world).await?.len(), 2);
    world.drain().await?;
    assert_eq!(under_way(&world).await?, Value::Null);

    // A sync that was asked for is kept like one of our own.
    let asked = world.request_sync(USER, &shop, "FULL").await?;
    world.authorize_and_sync(USER, "shop").await?;
    assert_eq!(under_way(&world).await?, asked.data()["taskId"]);
    assert_eq!(world.drain().await?, 1);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn first_sync_of_an_account_authorised_in_two_tabs_is_created_once() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    let mut tickets = Vec::new();
    for _ in 0..4 {
        tickets.push(Browser::parks(&world, USER, "shop", PAGE).await?);
    }
    let answers = futures::future::try_join_all(tickets.iter().map(|ticket| world.confirm(USER, ticket))).await?;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!((tasks(&world).await?.len(), world.drain().await?), (1, 1));
    Ok(())
}

/// Afterwards there is nothing, or the account with its sync; either way the user gets their leads.
#[tokio::test]
async fn callback_killed_at_any_step_has_stored_nothing_or_the_account_with_its_sync() -> Result<()> {
    let scene = async || {
        let world = World::start().await?;
        let shop = world.douyin_account("shop", 3);
        let callback = world.consent(USER, "shop", &Decision::APPROVE).await?;
        anyhow::Ok((world, shop, callback))
    };
    let (world, _, callback) = scene().await?;
    let proxy = Proxy::start(&world).await?;
    let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
    assert_eq!(Box::pin(call(&base, &callback)).await?.status, 200);
    println!("the callback dies …");
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let (world, shop, callback) = scene().await?;
            let proxy = Proxy::start(&world).await?;
            let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = Box::pin(call(&base, &callback)) => bail!("{step}: answered {answer:?}"),
            }
            let stored = accounts(&world, USER).await? == [shop];
            let (tasks, claim) = (tasks(&world).await?, world.rows("t_douyin_auth").await?);
            let claimed = claim.first().and_then(|row| row.get("active_sync_task_id"));
            assert_eq!(claimed, tasks.first().map(|task| &task["task_id"]), "{step} {when:?}: half of it was done");
            assert_eq!(tasks.len(), usize::from(stored), "{step} {when:?}: half of it was done");
            if stored {
                world.advance(OVERDUE);
                world.sweep().await?;
            } else {
                world.authorize_and_sync(USER, "shop").await?;
            }
            world.drain().await?;
            assert_eq!(leads(&world, USER).await?, 3, "{step} {when:?}");
            world.expect_empty_queues().await?;
            let left = if stored { "account and sync" } else { "nothing" };
            println!("  {:<45}{:<8}{left}", step.to_string(), format!("{when:?}"));
        }
    }
    Ok(())
}
