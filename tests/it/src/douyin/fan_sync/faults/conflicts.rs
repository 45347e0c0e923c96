//! A write of one row meets a transaction that is about the same row, or a table that is out of order for a while. A
//! token set that Douyin has just handed out exists nowhere else then, so it has to reach its row all the same.

use anyhow::{Context, Result, ensure};
use functions::workers::douyin_token_keeper;
use sandbox::douyin::{Decision, Effect, Endpoint, Fault as PlatformFault};
use serde_json::json;

use super::audit::Ledger;
use super::aws::ExpectedError;
use super::story::Story;
use super::{PLENTY, SHOP, USER, begin, live, recover, shop, work};
use crate::proxy::{Fault, Proxy, When};
use crate::{Event, World};

const AUTH_WRITE: &str = "UpdateItem t_douyin_auth";
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What DynamoDB answers to a write of an item that a running transaction is about.
pub(crate) fn conflict() -> Fault {
    answer("TransactionConflictException", 400)
}

fn answer(kind: &str, status: u16) -> Fault {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    Fault::Answer(status, json!({"__type": kind, "message": "Transaction is ongoing for the item"}).to_string())
}

/// A world in which the keeper's next round renews the refresh token and does nothing else.
async fn renewal_due(seed: u64) -> Result<World> {
    let (world, _) = shop(seed, 3).await?;
    world.sandbox.douyin().change_app(|app| {
        app.scopes.insert("renew_refresh_token".to_owned());
    });
    world.advance(DAY * 25 / 2);
    world.keep_tokens().await?;
    world.advance(DAY * 11);
    Ok(world)
}

async fn keep(world: &World, proxy: &Proxy) -> Result<()> {
    let app = douyin_token_keeper::App::new(&world.context("douyin-token-keeper", &proxy.endpoints()).await?).await?;
    douyin_token_keeper::handle(&app, world.deadline()).await?;
    Ok(())
}

/// The renewed refresh token is in the row: the next refresh is made with it and accepted.
async fn expect_renewed(world: &World, what: &str) -> Result<()> {
    let row = world.rows("t_douyin_auth").await?.pop().context("no account")?;
    ensure!(world.sandbox.douyin().grants(SHOP)[0].renewals == 1, "{what}: not renewed at the platform");
    ensure!(row["renew_count"] == "1", "{what}: the renewal is not in the row");
    world.advance(DAY * 2);
    world.keep_tokens().await?;
    let row = world.rows("t_douyin_auth").await?.pop().context("no account")?;
    let refreshed = row["expire_time"].parse::<i64>()? > (world.clock.now() + DAY * 14).as_second();
    ensure!(row["status"] == "ACTIVE" && refreshed, "{what}: {row:?}");
    Ok(())
}

#[tokio::test]
async fn token_renewal_whose_write_meets_conflicts_is_stored() -> Result<()> {
    for (seed, times) in [(41, 1), (42, 5)] {
        let world = renewal_due(seed).await?;
        let proxy = Proxy::start(&world).await?;
        // The first write takes the lease, the second stores the tokens.
        proxy.arm_times(AUTH_WRITE, 2, times, conflict());
        keep(&world, &proxy).await?;
        let steps: Vec<String> = proxy.steps().into_iter().map(|step| step.name).collect();
        let renewed = steps.iter().position(|step| step == "oauth/renew_refresh_token").context("not renewed")?;
        let after: Vec<&str> = steps[renewed + 1..].iter().map(String::as_str).take(2).collect();
        assert_eq!(after, ["Encrypt", AUTH_WRITE], "sealing and storing come first");
        expect_renewed(&world, &format!("{times} conflicts")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn token_renewal_whose_write_meets_an_outage_is_stored() -> Result<()> {
    let broken = || answer("InternalServerError", 500);
    let throttled = || answer("ProvisionedThroughputExceededException", 400);
    let kms = || Fault::Answer(500, json!({"__type": "KMSInternalException", "message": "later"}).to_string());
    for (seed, what, step, nth, fault) in [
        (43, "broken table", AUTH_WRITE, 2, broken()),
        (44, "throttled table", AUTH_WRITE, 2, throttled()),
        (45, "no answer", AUTH_WRITE, 2, Fault::Lose(When::Before)),
        (46, "conflicts for long", AUTH_WRITE, 2, conflict()),
        // The first use of the key is the trial before Douyin is asked.
        (47, "broken key service", "Encrypt", 2, kms()),
        (49, "right to the key lost meanwhile", "Encrypt", 2, answer("AccessDeniedException", 400)),
    ] {
        let world = renewal_due(seed).await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm_times(step, nth, if what == "conflicts for long" { 14 } else { 5 }, fault);
        keep(&world, &proxy).await?;
        expect_renewed(&world, what).await?;
    }
    Ok(())
}

/// A renewal voids the stored token, so it is not asked for while its answer could not be stored.
#[tokio::test]
async fn token_renewal_without_the_right_to_encrypt_is_not_requested() -> Result<()> {
    let world = renewal_due(50).await?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("Encrypt", 1, u32::MAX, answer("AccessDeniedException", 400));
    keep(&world, &proxy).await?;
    assert!(world.sandbox.journal().of("oauth/renew_refresh_token").is_empty(), "the stored token is void now");
    world.advance(std::time::Duration::from_secs(3_700));
    world.keep_tokens().await?;
    expect_renewed(&world, "with the right given back").await
}

#[tokio::test]
async fn token_refresh_whose_write_meets_an_outage_is_stored() -> Result<()> {
    let (world, account) = Story::Expired.scene().await?;
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times(AUTH_WRITE, 2, 7, answer("InternalServerError", 500));
    ensure!(live(&world, &proxy, PLENTY).await?.is_empty(), "the worker died");
    assert_eq!(recover(&world, &task).await?, 0, "nobody had to wait for the sweeper");
    assert_eq!(world.sandbox.journal().of("oauth/refresh_token").len(), 1);
    Ledger::read(&world).await?.expect(&Story::Expired.undisturbed().await?[&1].ledger)
}

#[tokio::test]
async fn token_write_whose_answer_was_lost_is_recognised() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    // A refusal of a token that is good: the refresh brings the same one.
    world.sandbox.douyin().arm(PlatformFault::new(Endpoint::FansList, Effect::Code { code: 2_190_008 }).on_page(2));
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm(AUTH_WRITE, 2, Fault::Lose(When::After));
    ensure!(live(&world, &proxy, PLENTY).await?.is_empty(), "the worker died");
    assert_eq!(recover(&world, &task).await?, 0, "nobody had to wait for the sweeper");
    assert_eq!(world.sandbox.journal().of("oauth/refresh_token").len(), 1);
    assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED");
    Ok(())
}

#[tokio::test]
async fn fan_sync_claim_that_meets_conflicts_is_made() -> Result<()> {
    for times in [1, 5] {
        let (world, account) = Story::Straight.scene().await?;
        let task = begin(&world, &account, "INCREMENTAL").await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm_times("UpdateItem t_douyin_sync_task", 1, times, conflict());
        let batch = world.receive().await?;
        let failed = work(&world, proxy.endpoints(), &mut None, &batch, PLENTY).await?;
        assert!(failed.is_empty(), "after {times} conflicts the message was given back");
        assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED");
    }
    Ok(())
}

#[tokio::test]
async fn callback_whose_write_meets_conflicts_keeps_the_account() -> Result<()> {
    for (times, status) in [(1, 200), (5, 200)] {
        let world = World::start().await?;
        world.douyin_account(SHOP, 1);
        let callback = world.consent(USER, SHOP, &Decision::APPROVE).await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm_times("TransactWriteItems t_douyin_auth", 1, times, ExpectedError::Conflict.fault());
        let answer =
            crate::call::call(&world.context(&callback.function, &proxy.endpoints()).await?, &callback).await?;
        assert_eq!(answer.status, status, "{answer:?}");
        let accounts = world.call_as(USER, Event::sample("douyin-accounts")?).await?;
        assert_eq!(accounts.data()[0]["status"], "ACTIVE");
    }
    Ok(())
}

/// A transaction is sent nine times, and made anew twice from what is read then. What meets others even so is not written,
/// and the caller is told to ask again.
#[tokio::test]
async fn sync_request_that_meets_conflicts_is_taken_or_told_to_come_again() -> Result<()> {
    for (times, status) in [(9, 202), (26, 202), (27, 409)] {
        let (world, account) = Story::Straight.scene().await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm_times("TransactWriteItems t_douyin_sync_task", 1, times, ExpectedError::Conflict.fault());
        let event = Event::sample("douyin-fans-sync")?.json(&json!({"douyinUserId": account}));
        let event = event.bearer(&world.token(USER, &["*"])?);
        let answer = crate::call::call(&world.context(&event.function, &proxy.endpoints()).await?, &event).await?;
        assert_eq!(answer.status, status, "{times}: {answer:?}");
        if status == 409 {
            assert_eq!(answer.body["error"]["type"], "CONFLICT", "{answer:?}");
            assert!(world.rows("t_douyin_sync_task").await?.is_empty());
            begin(&world, &account, "INCREMENTAL").await?;
        }
        world.drain().await?;
        world.expect_empty_queues().await?;
    }
    Ok(())
}

#[tokio::test]
async fn oauth_state_that_meets_conflicts_is_issued_and_consumed() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account(SHOP, 1);
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("PutItem t_oauth_state", 1, 5, conflict());
    proxy.arm_times("UpdateItem t_oauth_state", 1, 5, conflict());
    let through = async |event: Event| -> Result<crate::Answer> {
        let event = event.bearer(&world.token(USER, &["*"])?);
        crate::call::call(&world.context(&event.function, &proxy.endpoints()).await?, &event).await
    };
    let link = through(Event::sample("douyin-auth-url")?.query(&[])).await?;
    assert_eq!(link.status, 200, "{link:?}");
    let callback = world.consent(USER, SHOP, &Decision::APPROVE).await?;
    assert_eq!(through(callback).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn token_renewal_whose_lease_ran_out_is_stored() -> Result<()> {
    let world = renewal_due(48).await?;
    let account = world.sandbox.douyin().open_id(SHOP).context("no shop")?;
    let proxy = Proxy::start(&world).await?;
    let gate = proxy.hold(AUTH_WRITE, 2);
    let meanwhile = async {
        gate.reached().await;
        // Whoever takes the lease next is told that the refresh token is dead, which is true of the one in the row.
        world.advance(std::time::Duration::from_secs(61));
        world.sandbox.douyin().expire_access_token(SHOP);
        begin(&world, &account, "INCREMENTAL").await?;
        world.drain().await?;
        gate.open();
        anyhow::Ok(())
    };
    let (kept, done) = futures::future::join(keep(&world, &proxy), meanwhile).await;
    kept?;
    done?;
    expect_renewed(&world, "a lease that ran out").await
}
