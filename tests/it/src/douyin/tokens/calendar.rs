//! When tokens are refreshed and renewed, and that no date which was shown is ever fallen short of.

use std::time::Duration;

use anyhow::{Context, Result};
use functions::workers::douyin_token_keeper;
use jiff::Timestamp;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::tables::Row;
use crate::{Event, World};

const USER: u64 = 1001;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const REFRESH: &str = "oauth/refresh_token";
const RENEW: &str = "oauth/renew_refresh_token";

async fn world(accounts: usize) -> Result<World> {
    let world = World::start().await?;
    world.keep_the_clock();
    for number in 0..accounts {
        let name = format!("shop-{number}");
        world.douyin_account(&name, 1);
        world.authorize(USER, &name).await?;
    }
    Ok(world)
}

/// Days go by, with the keeper at work.
async fn live(world: &World, days: u32) -> Result<()> {
    for _ in 0..days {
        world.advance(DAY);
        world.keep_tokens().await?;
    }
    Ok(())
}

async fn live_by_the_hour(world: &World, hours: u32) -> Result<()> {
    for _ in 0..hours {
        world.advance(HOUR);
        world.keep_tokens().await?;
    }
    Ok(())
}

async fn row(world: &World) -> Result<Row> {
    world.rows("t_douyin_auth").await?.pop().context("no account")
}

/// The first account's date, as its tenant sees it.
async fn shown(world: &World) -> Result<Option<i64>> {
    let accounts = world.call_as(USER, Event::sample("douyin-accounts")?).await?.data().clone();
    let date = accounts[0]["reauthorizeBy"].as_str().map(str::parse::<Timestamp>).transpose()?;
    Ok(date.map(Timestamp::as_second))
}

fn asked(world: &World, endpoint: &str) -> usize {
    world.sandbox.journal().of(endpoint).len()
}

fn number(row: &Row, name: &str) -> i64 {
    row.get(name).and_then(|value| value.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn app_without_renewals_is_noticed_once_and_dates_count_none() -> Result<()> {
    let world = world(4).await?;
    let begun = world.clock.now().as_second();
    world.sandbox.douyin().change_app(|app| {
        app.scopes.remove("renew_refresh_token");
    });
    let day = i64::try_from(DAY.as_secs())?;
    assert_eq!(shown(&world).await?, Some(begun + 145 * day), "nothing is known yet");
    live(&world, 22).await?;
    assert_eq!(asked(&world, RENEW), 0);
    // Three days in the week in which the refresh tokens are to be renewed.
    live_by_the_hour(&world, 72).await?;
    // Each of the four may have asked at the first moment; from then on one of them asks a day.
    assert!(asked(&world, RENEW) <= 4 + 3, "asked {} times in three days", asked(&world, RENEW));
    let date = shown(&world).await?.context("no date")?;
    let row = row(&world).await?;
    assert_eq!(date, number(&row, "expire_time").max(begun + 30 * day), "no renewal is counted");
    assert!(row["status"] == "ACTIVE" && number(&row, "refresh_due") > world.clock.now().as_second(), "{row:?}");

    // The capability is granted: that is found out within a day, and the accounts are renewed with their next refresh.
    world.sandbox.douyin().change_app(|app| {
        app.scopes.insert("renew_refresh_token".to_owned());
    });
    live(&world, 3).await?;
    live_by_the_hour(&world, 36).await?;
    assert!(shown(&world).await?.context("no date")? > begun + 100 * day);
    for row in world.rows("t_douyin_auth").await? {
        assert_eq!((&*row["status"], &*row["renew_count"]), ("ACTIVE", "1"), "{row:?}");
    }
    Ok(())
}

/// Douyin's own sample has 86400.
#[tokio::test]
async fn renewals_that_state_one_day_are_made_twenty_days_apart() -> Result<()> {
    let world = world(1).await?;
    world.sandbox.douyin().configure(|settings| settings.renewal_states_seconds = Some(86_400));
    live(&world, 130).await?;
    let times: Vec<i64> = world.sandbox.journal().of(RENEW).iter().map(|entry| entry.at.as_second()).collect();
    assert_eq!(times.len(), 5);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 20 * 86_400), "{times:?}");
    assert_eq!(row(&world).await?["status"], "ACTIVE", "Douyin honours it for 30 days whatever it states");
    Ok(())
}

#[tokio::test]
async fn what_a_refresh_states_about_the_refresh_token_is_not_believed() -> Result<()> {
    for stated in [0, 60, 30 * 86_400] {
        let world = world(1).await?;
        let before = number(&row(&world).await?, "refresh_expire_time");
        world.sandbox.douyin().configure(|settings| settings.refresh_states_seconds = Some(stated));
        live(&world, 13).await?;
        assert_eq!((asked(&world, REFRESH), asked(&world, RENEW)), (1, 0), "{stated}: a renewal was spent");
        assert_eq!(number(&row(&world).await?, "refresh_expire_time"), before, "{stated}");
    }
    // Another refresh token has an end of its own.
    let world = world(1).await?;
    world.sandbox.douyin().configure(|settings| settings.refresh_extends_refresh_token = true);
    live(&world, 200).await?;
    assert_eq!((&*row(&world).await?["status"], asked(&world, RENEW)), ("ACTIVE", 0), "it lives as long as it is kept");
    Ok(())
}

#[tokio::test]
async fn only_an_active_account_has_a_date() -> Result<()> {
    let world = world(1).await?;
    assert!(shown(&world).await?.is_some());
    world.advance(DAY * 13);
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010));
    world.keep_tokens().await?;
    assert_eq!((&*row(&world).await?["status"], shown(&world).await?), ("EXPIRED", None));
    world.authorize(USER, "shop-0").await?;
    assert!(shown(&world).await?.is_some());
    let message = world.sandbox.douyin().revoke_quietly("shop-0").context("no account")?;
    let event = Event::sample("douyin-webhook")?
        .header("x-douyin-signature", &message.signature)
        .header("msg-id", &message.message_id)
        .body(&message.body);
    assert_eq!(world.call(&event).await?.status, 200);
    assert_eq!((&*row(&world).await?["status"], shown(&world).await?), ("REVOKED", None));
    Ok(())
}

/// A refusal of one renewal is no proof: the next one is made, and none is lost.
#[tokio::test]
async fn refused_renewal_shows_the_date_that_is_certain_and_is_tried_again() -> Result<()> {
    for code in [10_010, 2_190_008] {
        let world = world(1).await?;
        live(&world, 22).await?;
        let until = world.clock.now() + jiff::SignedDuration::from_hours(30);
        world.sandbox.douyin().arm(Fault::code(Endpoint::RenewRefreshToken, code).until(until));
        live(&world, 1).await?;
        let expire_time = number(&row(&world).await?, "expire_time");
        assert_eq!(shown(&world).await?, Some(expire_time), "{code}: what if it is dead?");
        live(&world, 2).await?;
        let row = row(&world).await?;
        assert_eq!((&*row["status"], &*row["renew_count"]), ("ACTIVE", "1"), "{code}: {row:?}");
        assert!(!row.contains_key("renewal_failed_at"), "{code}");
        assert!(shown(&world).await?.context("no date")? > expire_time + 100 * 86_400, "{code}");
    }
    Ok(())
}

/// A lost renewal has killed the refresh token. What is left is used up.
#[tokio::test]
async fn account_whose_renewal_was_lost_works_until_its_access_token_ends() -> Result<()> {
    let world = world(1).await?;
    live(&world, 22).await?;
    world.sandbox.douyin().arm(Fault::lost_answer(Endpoint::RenewRefreshToken));
    live(&world, 1).await?;
    let mut last = 0;
    while row(&world).await?["status"] == "ACTIVE" {
        last = shown(&world).await?.context("no date")?;
        assert!(world.clock.now().as_second() <= last + 86_400, "it is not noticed");
        live(&world, 1).await?;
    }
    assert!(world.clock.now().as_second() >= last, "it was given up before the date that was shown");
    assert_eq!(last, number(&row(&world).await?, "expire_time"));
    Ok(())
}

#[tokio::test]
async fn account_for_which_there_is_nothing_to_do_is_not_due() -> Result<()> {
    let world = world(1).await?;
    // A worker's refresh that fails although days are left.
    world.sandbox.douyin().expire_access_token("shop-0");
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 2_100_004).times(3));
    let shop = row(&world).await?["douyin_user_id"].clone();
    let due = number(&row(&world).await?, "refresh_due");
    world.request_sync(USER, &shop, "INCREMENTAL").await?;
    world.drain().await?;
    assert!(asked(&world, REFRESH) > 0, "the worker asked");
    assert!(number(&row(&world).await?, "refresh_due") >= due, "the keeper would find nothing to do");

    // A row that is due for nothing, however it came to be, is due no more after a round.
    let table = world.table("t_douyin_auth");
    let update = world.aws.dynamodb.update_item().table_name(table).key("douyin_user_id", kernel::dynamo::s(&*shop));
    let now = world.clock.now().as_second();
    update
        .update_expression("SET refresh_due = :now")
        .expression_attribute_values(":now", kernel::dynamo::n(now))
        .send()
        .await?;
    let before = asked(&world, REFRESH);
    world.keep_tokens().await?;
    assert!(number(&row(&world).await?, "refresh_due") > now + 86_400 && asked(&world, REFRESH) == before);
    Ok(())
}

/// The answer to a renewal has to be stored, so it is not asked for when the steps before it took too long.
#[tokio::test]
async fn renewal_is_not_begun_when_too_little_time_is_left_after_the_steps_before_it() -> Result<()> {
    let world = world(1).await?;
    live(&world, 22).await?;
    world.advance(DAY * 3 / 2);
    let proxy = Proxy::start(&world).await?;
    let gate = proxy.hold("Encrypt", 1);
    let app = douyin_token_keeper::App::new(&world.context("douyin-token-keeper", &proxy.endpoints()).await?).await?;
    let meanwhile = async {
        gate.reached().await;
        world.clock.advance(Duration::from_secs(280));
        gate.open();
    };
    let (_, ()) = futures::join!(douyin_token_keeper::handle(&app, world.deadline()), meanwhile);
    assert_eq!(asked(&world, RENEW), 0);
    world.keep_tokens().await?;
    assert_eq!((asked(&world, RENEW), &*row(&world).await?["renew_count"]), (1, "1"), "the next round makes it");
    Ok(())
}

/// Douyin documents that a renewal leaves the access token alone; if it does not, the next call replaces it.
#[tokio::test]
async fn renewal_that_kills_the_access_token_costs_nothing() -> Result<()> {
    let world = world(1).await?;
    world.sandbox.douyin().configure(|settings| settings.renewal_voids_access_token = true);
    live(&world, 24).await?;
    let row = row(&world).await?;
    assert_eq!(row["renew_count"], "1");
    let synced: Value = world.sync(USER, &row["douyin_user_id"], "INCREMENTAL").await?;
    assert_eq!(synced["status"], json!("COMPLETED"));
    Ok(())
}

/// Two months of ten accounts; `cargo budgets --only token-keeper` has the large form.
#[tokio::test]
async fn months_with_incidents_lose_no_account_and_keep_every_date() -> Result<()> {
    for seed in [1, 2] {
        let run = crate::long_run::live(60, 10, seed).await?;
        println!("{run:?}");
        assert!(run.incidents > 10 && run.expiries > 0, "nothing happened: {run:?}");
        assert!(run.lost.is_empty() && run.broken_dates.is_empty(), "seed {seed}: {run:?}");
    }
    Ok(())
}
