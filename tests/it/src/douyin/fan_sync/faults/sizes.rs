//! Accounts with no fans, one, more than the platform shows, and a list that moves while it is walked.

use anyhow::Result;
use sandbox::douyin::{Disorder, FanChange, RETRIEVABLE};

use super::audit::Ledger;
use super::{PLENTY, SHOP, USER, begin, live_through, shop};
use crate::World;
use crate::proxy::Proxy;

#[tokio::test]
async fn fan_sync_of_no_fan_and_of_one_fan_completes() -> Result<()> {
    for fans in [0_u32, 1] {
        let world = World::start().await?;
        let account = world.authorize(USER, &format!("fans-{fans}")).await?;
        for (strategy, created) in [("INCREMENTAL", fans), ("FULL", 0)] {
            let progress = world.sync(USER, &account, strategy).await?;
            assert_eq!(progress["status"], "COMPLETED", "{progress}");
            for (counter, expected) in [("pages", 1), ("total", fans), ("created", created), ("unfollowed", 0)] {
                assert_eq!(progress[counter], expected, "{counter} of {progress}");
            }
        }
        assert_eq!(Ledger::read(&world).await?.leads(), fans as usize);
    }
    Ok(())
}

#[tokio::test]
async fn fan_sync_above_the_cap_marks_no_lead_as_unfollowed() -> Result<()> {
    let mut world = World::start().await?;
    // As large as pages may be, and tidy: the number of pages is not what this is about.
    world.set("DOUYIN_FAN_PAGE_SIZE", "45");
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    let account = world.authorize(USER, "fans-12000").await?;
    let first = world.sync(USER, &account, "INCREMENTAL").await?;
    assert_eq!(first["status"], "COMPLETED", "{first}");
    assert_eq!((&first["created"], &first["total"]), (&RETRIEVABLE.into(), &12_000.into()), "{first}");
    // Newer fans push others off the end of what can be listed; those have not left.
    world.sandbox.douyin().change_fans("fans-12000", FanChange { add: 30, ..FanChange::default() });
    let full = world.sync(USER, &account, "FULL").await?;
    for (counter, expected) in [("created", 30), ("unfollowed", 0), ("updated", 0), ("total", 12_030)] {
        assert_eq!(full[counter], expected, "{counter} of {full}");
    }
    assert_eq!(Ledger::read(&world).await?.leads(), RETRIEVABLE + 30);
    Ok(())
}

#[tokio::test]
async fn fan_sync_of_a_list_that_changes_marks_no_lead_as_unfollowed() -> Result<()> {
    let (world, account) = shop(11, 33).await?;
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    world.sync(USER, &account, "INCREMENTAL").await?;
    let task = begin(&world, &account, "FULL").await?;
    let proxy = Proxy::start(&world).await?;
    // Those who leave while the second page is asked for move everybody behind them up, and the first of these are on
    // neither page: as many were met as there are now, but not the same.
    let leave =
        async { Ok(world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 5, ..FanChange::default() })) };
    live_through(&world, &proxy, PLENTY, ("fans/list", 2), leave).await?;
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["status"], &progress["unfollowed"]), (&"COMPLETED".into(), &0.into()), "{progress}");
    Ledger::read(&world).await?;

    let next = world.sync(USER, &account, "FULL").await?;
    assert_eq!(next["unfollowed"], 5, "a walk over a list at rest knows: {next}");
    Ledger::read(&world).await?;
    Ok(())
}
