//! Douyin says of very many accounts at once that their authorisation has ended: that is an incident, and nobody is to
//! authorise anew for it.

use anyhow::Result;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::Value;

use super::{DAY, EXPIRED, MINUTE, REFRESH_TOKEN_DEAD, USER};
use crate::{Event, World};

/// Accounts of the world; 20 of them are more than 5 %.
const SHOPS: usize = 26;
/// The breaker lets pass fewer than 20. Each account is counted before it is marked, so of those that are counted at the
/// same time some are held although they were among the first 19.
const MOST_MARKED: usize = 19;

async fn shops() -> Result<World> {
    let world = World::start().await?;
    for number in 0..SHOPS {
        let name = format!("shop-{number}");
        world.douyin_account(&name, 1);
        world.authorize(USER, &name).await?;
    }
    Ok(world)
}

/// How many accounts are in this state.
async fn count(world: &World, status: &str) -> Result<usize> {
    Ok(world.rows("t_douyin_auth").await?.iter().filter(|row| row["status"] == status).count())
}

#[tokio::test]
async fn refusals_of_very_many_accounts_stop_the_marking_and_end_with_the_incident() -> Result<()> {
    for code in [REFRESH_TOKEN_DEAD, EXPIRED] {
        let world = shops().await?;
        world.advance(DAY * 13);
        let incident = world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, code).permanent());
        // Three hours of it, and for the second code the hour until the first refusal is asked about again.
        for round in 0..24 {
            world.keep_tokens().await?;
            let marked = count(&world, "EXPIRED").await?;
            assert!(marked <= MOST_MARKED, "{code}, round {round}: {marked} are EXPIRED");
            world.advance(MINUTE * 10);
        }
        let marked = count(&world, "EXPIRED").await?;
        assert!(marked > 0, "{code}: below that, each is its own matter");
        let rows = world.rows("t_idempotency").await?;
        assert!(rows.iter().any(|row| row["idempotency_key"] == "douyin-app" && row["accounts"] == SHOPS.to_string()));

        // Without the incident they are refreshed within ten minutes, and those marked come back by their trials.
        world.sandbox.douyin().disarm(incident);
        world.keep_tokens().await?;
        assert_eq!(count(&world, "ACTIVE").await?, SHOPS - marked, "{code}");
        for _ in 0..2 {
            world.advance(DAY);
            world.keep_tokens().await?;
        }
        assert_eq!(count(&world, "ACTIVE").await?, SHOPS, "{code}");
    }
    Ok(())
}

/// Each of the syncs is refused twice, ten minutes apart, as in `faults::tokens`.
#[tokio::test]
async fn refusals_in_syncs_count_as_well_and_hold_the_syncs_until_the_incident_is_over() -> Result<()> {
    let world = shops().await?;
    world.keep_tokens().await?;
    let incident = world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, EXPIRED).permanent());
    let accounts = world.call_as(USER, Event::sample("douyin-accounts")?).await?.data().clone();
    for account in accounts.as_array().into_iter().flatten() {
        world.request_sync(USER, account["douyinUserId"].as_str().unwrap_or_default(), "INCREMENTAL").await?;
    }
    for _ in 0..3 {
        world.drain().await?;
        world.advance(MINUTE * 11);
        world.sweep().await?;
    }
    // A sync that met a throttle is refused for the second time later, and finds the breaker on.
    let marked = count(&world, "EXPIRED").await?;
    assert!((1..=MOST_MARKED).contains(&marked), "{marked} are EXPIRED");
    world.sandbox.douyin().disarm(incident);
    for _ in 0..3 {
        world.drain().await?;
        world.keep_tokens().await?;
        world.advance(MINUTE * 11);
        world.sweep().await?;
    }
    world.drain().await?;
    assert_eq!(count(&world, "ACTIVE").await?, SHOPS);
    let leads = world.leads(USER, &[]).await?.data()["total"].clone();
    assert_eq!(leads, Value::from(SHOPS), "also the syncs that the verdicts had ended");
    Ok(())
}
