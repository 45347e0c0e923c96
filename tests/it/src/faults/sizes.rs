//! Accounts with no fans, one, and more than the platform shows.

use anyhow::Result;
use sandbox::douyin::{Disorder, FanChange, RETRIEVABLE};

use super::USER;
use super::audit::Ledger;
use crate::World;

#[tokio::test]
async fn no_fan_and_one_fan() -> Result<()> {
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
async fn beyond_the_cap_nobody_is_taken_for_gone() -> Result<()> {
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
