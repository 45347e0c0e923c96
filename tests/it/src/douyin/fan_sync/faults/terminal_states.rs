//! Syncs that end early, whoever ends them: the user, the platform's event, a worker that never gets anywhere, a list
//! without an end. Nothing is committed afterwards, and the reason given is the true one.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::audit::Ledger;
use super::story::Story;
use super::{ABANDONED, PLENTY, SHOP, USER, begin, deliver_again, live, live_through, recover};
use crate::proxy::{Fault, Proxy, When};
use crate::tables::Row;
use crate::{Event, World};

/// Worlds at once.
const PARALLEL: usize = 4;
const COMMIT: &str = "TransactWriteItems t_douyin_sync_task";
const STALLED: &str = "粉丝同步多次重试仍无进展，已停止";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// `DELETE /accounts/{id}`.
    User,
    /// `POST /fans/sync/{id}/cancel`, twice.
    Cancelling,
    /// Webhook `unauthorize`, delivered twice, its tokens dead by then.
    Platform,
}

impl By {
    async fn end(self, world: &World, account: &str, task: &str) -> Result<()> {
        match self {
            Self::Cancelling => {
                let event = Event::sample("douyin-fans-sync-cancel")?.path("taskId", task);
                for status in [200, 409] {
                    assert_eq!(world.call_as(USER, event.clone()).await?.status, status);
                }
            }
            Self::User => {
                let event = Event::sample("douyin-account-delete")?.path("douyinUserId", account);
                assert_eq!(world.call_as(USER, event).await?.status, 200);
            }
            Self::Platform => {
                let webhook = world.sandbox.douyin().revoke_quietly(SHOP).context("no shop")?;
                let event = Event::sample("douyin-webhook")?.body(&webhook.body);
                let event =
                    event.header("x-douyin-signature", &webhook.signature).header("msg-id", &webhook.message_id);
                for _ in 0..2 {
                    assert_eq!(world.call(&event).await?.status, 200);
                }
            }
        }
        Ok(())
    }

    /// What it was told to have failed for; a sync that was cancelled has not failed.
    const fn reason(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::User => Some(("DOUYIN_LEAD_SYNC_ERROR", "该抖音账号已解除绑定，同步已停止")),
            Self::Cancelling => None,
            Self::Platform => Some(("DOUYIN_AUTH_ERROR", "该抖音账号已在抖音端取消授权")),
        }
    }
}

/// The worker stands still at a step while the sync is ended, and then goes on.
async fn ended_at(step: &str, nth: u32, by: By) -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    let end = async {
        by.end(&world, &account, &task).await?;
        written(&world).await
    };
    let at_the_end = live_through(&world, &proxy, PLENTY, (step, nth), end).await?;
    assert_eq!(written(&world).await?, at_the_end, "something was written after the end");

    let progress = match by.reason() {
        Some(reason) => failed(&world, &task, reason).await?,
        None => world.progress(USER, &task).await?,
    };
    let ledger = Ledger::read(&world).await?;
    assert_eq!(progress["created"], ledger.leads(), "{progress}");
    let accounts = world.rows("t_douyin_auth").await?;
    match by {
        By::User => assert_eq!(accounts.len(), 0),
        By::Cancelling => {
            assert_eq!((&progress["status"], &progress["error"]), (&"CANCELLED".into(), &Value::Null), "{progress}");
            assert_eq!(accounts[0]["status"], "ACTIVE");
            let anew = world.sync(USER, &account, "INCREMENTAL").await?;
            assert_eq!(anew["status"], "COMPLETED", "the account is free: {anew}");
        }
        By::Platform => {
            assert_eq!(accounts[0]["status"], "REVOKED");
            assert!(!accounts[0].contains_key("access_token") && !accounts[0].contains_key("refresh_token"));
        }
    }
    println!("  {step} #{nth:<5}{by:?}: ended with {} leads", ledger.leads());
    Ok(())
}

async fn written(world: &World) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index", "t_douyin_sync_task", "t_douyin_auth"] {
        rows.extend(world.rows(table).await?);
    }
    Ok(rows)
}

/// The task has failed for this reason; answers its progress.
async fn failed(world: &World, task: &str, (kind, message): (&str, &str)) -> Result<Value> {
    let progress = world.progress(USER, task).await?;
    assert_eq!(progress["status"], "FAILED", "{progress}");
    assert_eq!((&progress["error"]["type"], &progress["error"]["message"]), (&kind.into(), &message.into()));
    Ok(progress)
}

#[tokio::test]
async fn fan_sync_ended_at_any_step_stays_ended() -> Result<()> {
    let steps = [
        ("UpdateItem t_douyin_sync_task", 1),
        ("GetItem t_douyin_auth", 1),
        ("fans/list", 1),
        (COMMIT, 1),
        (COMMIT, 2),
        (COMMIT, 4),
    ];
    stream::iter(steps.into_iter().flat_map(|(step, nth)| [By::User, By::Cancelling, By::Platform].map(|by| (step, nth, by))))
        .map(|(step, nth, by)| async move {
            ended_at(step, nth, by).await.with_context(|| format!("{step} #{nth} by {by:?}"))
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await
}

#[tokio::test]
async fn fan_sync_whose_worker_always_dies_fails_as_stalled() -> Result<()> {
    let (mut world, account) = Story::Straight.scene().await?;
    world.set("FAN_SYNC_MAX_ATTEMPTS", "3");
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let mut lives = 0;
    loop {
        let proxy = Proxy::start(&world).await?;
        // The first one commits a page before it dies.
        proxy.arm("fans/list", if lives == 0 { 3 } else { 1 }, Fault::Kill(When::Before));
        let held = live(&world, &proxy, PLENTY).await?;
        if held.is_empty() {
            break;
        }
        lives += 1;
        deliver_again(&world, held).await?;
        world.drain().await?;
        world.advance(ABANDONED);
        world.sweep().await?;
    }
    assert_eq!(lives, 1 + 3, "three without a page, after the one with some");
    let progress = failed(&world, &task, ("DOUYIN_LEAD_SYNC_ERROR", STALLED)).await?;
    let ledger = Ledger::read(&world).await?;
    assert_eq!((&progress["created"], progress["pages"].as_u64() > Some(0)), (&ledger.leads().into(), true));
    Ok(())
}

#[tokio::test]
async fn task_that_no_worker_takes_up_for_days_is_done_by_the_first_that_comes() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let mut lost = 0;
    for _ in 0..12 {
        for message in world.receive().await? {
            let delete = world.aws.sqs.delete_message().queue_url(world.queue_url()?);
            delete.set_receipt_handle(message.receipt_handle).send().await?;
            lost += 1;
        }
        world.advance(Duration::from_secs(4 * 3_600));
        world.sweep().await?;
    }
    assert_eq!(lost, 12, "a message is sent for it again and again");
    assert_eq!(world.progress(USER, &task).await?["status"], "PENDING");
    world.drain().await?;
    assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED");
    Ok(())
}

/// A page without fans that says where to go on.
fn going_on_at(cursor: i64) -> Fault {
    let data = json!({"list": [], "total": 53, "cursor": cursor, "has_more": true, "error_code": 0, "description": ""});
    let extra = json!({"error_code": 0, "description": "", "logid": "20261120201500A1", "now": 1});
    Fault::Answer(200, json!({ "data": data, "extra": extra }).to_string())
}

#[tokio::test]
async fn fan_sync_of_a_list_that_does_not_move_on_ends() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    world.sync(USER, &account, "INCREMENTAL").await?;
    let second = world.sandbox.journal().of("fans/list")[1].cursor.context("no cursor")?;
    // What a page brought is taken over before the list is given up.
    for (nth, cursor) in [(1, 0), (2, second)] {
        let (world, account) = Story::Straight.scene().await?;
        let task = begin(&world, &account, "INCREMENTAL").await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm("fans/list", nth, going_on_at(cursor));
        live(&world, &proxy, PLENTY).await?;
        let progress = failed(&world, &task, ("DOUYIN_LEAD_SYNC_ERROR", STALLED)).await?;
        assert_eq!((&progress["pages"], proxy.count("fans/list")), (&nth.into(), nth), "{progress}");
        assert_eq!(progress["created"], Ledger::read(&world).await?.leads());
    }
    Ok(())
}

#[tokio::test]
async fn fan_sync_of_a_list_that_goes_in_circles_ends() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    for nth in 2..=20 {
        proxy.arm("fans/list", nth, going_on_at(i64::from(nth % 2) + 7));
    }
    live(&world, &proxy, PLENTY).await?;
    assert_eq!(recover(&world, &task).await?, 0);
    let progress = failed(&world, &task, ("DOUYIN_LEAD_SYNC_ERROR", STALLED)).await?;
    assert_eq!((&progress["pages"], proxy.count("fans/list")), (&4.into(), 4), "{progress}");
    assert_eq!(progress["created"], Ledger::read(&world).await?.leads());
    Ok(())
}
