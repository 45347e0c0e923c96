//! Lists of fans that lie about their end, hide everybody, come in pages of another size than asked for, hold entries
//! nobody can read, and name every avatar anew each time.

use anyhow::Result;
use sandbox::douyin::{Disorder, FanChange, ListEnd};
use serde_json::Value;

use super::audit::Ledger;
use super::story::ONE_PAGE;
use super::{PLENTY, SHOP, USER, begin, deliver_again, live, recover, shop};
use crate::proxy::{Fault, Proxy, When};

fn expect(progress: &Value, counters: &[(&str, u64)]) {
    assert_eq!(progress["status"], "COMPLETED", "{progress}");
    for (counter, expected) in counters {
        assert_eq!(progress[counter], *expected, "{counter} of {progress}");
    }
}

#[tokio::test]
async fn fan_sync_of_a_list_without_end_keeps_the_leads_and_marks_nobody_unfollowed() -> Result<()> {
    for end in [ListEnd::RepeatsCursor, ListEnd::GoesRound, ListEnd::NeverEnds] {
        let (world, account) = shop(21, 53).await?;
        world.sandbox.douyin().configure(|settings| settings.lists.end = end);
        expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("created", 53)]);
        assert!(world.sandbox.journal().of("fans/list").len() < 50, "{end:?} costs the day's calls");
        // Five have left, and the same number as there are was met; but who knows what follows.
        world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 5, ..FanChange::default() });
        expect(&world.sync(USER, &account, "FULL").await?, &[("created", 0), ("unfollowed", 0)]);
        world.sandbox.douyin().configure(|settings| settings.lists.end = ListEnd::Honest);
        expect(&world.sync(USER, &account, "FULL").await?, &[("unfollowed", 5)]);
        assert_eq!(Ledger::read(&world).await?.leads(), 53, "{end:?}");
    }
    Ok(())
}

#[tokio::test]
async fn fan_sync_of_a_list_that_is_empty_or_misses_most_marks_nobody_unfollowed() -> Result<()> {
    let (world, account) = shop(22, 60).await?;
    expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("created", 60)]);
    world.sandbox.douyin().configure(|settings| settings.lists.hidden = true);
    expect(&world.sync(USER, &account, "FULL").await?, &[("seen", 0), ("total", 0), ("unfollowed", 0)]);
    world.sandbox.douyin().configure(|settings| settings.lists.hidden = false);
    world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 31, ..FanChange::default() });
    expect(&world.sync(USER, &account, "FULL").await?, &[("total", 29), ("unfollowed", 0)]);
    world.sandbox.douyin().change_fans(SHOP, FanChange { refollow: 1, ..FanChange::default() });
    expect(&world.sync(USER, &account, "FULL").await?, &[("total", 30), ("unfollowed", 30)]);
    Ledger::read(&world).await?;
    Ok(())
}

#[tokio::test]
async fn fan_sync_with_lagging_reads_counts_unfollowers_once_and_follows_them_again() -> Result<()> {
    let (mut world, account) = shop(23, 200).await?;
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("created", 200)]);
    world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 90, ..FanChange::default() });
    world.let_reads_lag();
    expect(&world.sync(USER, &account, "FULL").await?, &[("unfollowed", 90)]);
    expect(&world.sync(USER, &account, "FULL").await?, &[("unfollowed", 0), ("updated", 0)]);

    world.sandbox.douyin().change_fans(SHOP, FanChange { refollow: 90, ..FanChange::default() });
    expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("updated", 90), ("unchanged", 110)]);
    let following = |row: &crate::tables::Row| row["follow_state"] == "FOLLOWING";
    assert!(world.rows("t_douyin_lead").await?.iter().all(following));
    world.rules.settle();
    Ledger::read(&world).await?;
    Ok(())
}

#[tokio::test]
async fn fan_sync_page_of_any_size_is_committed() -> Result<()> {
    let (world, account) = shop(24, 2_000).await?;
    world.sandbox.douyin().configure(|settings| {
        settings.disorder = Disorder::NONE;
        settings.lists.page_size = Some(93);
    });
    expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("created", 2_000), ("pages", 22)]);
    // Renamed fans all over the index: a page of them needs a segment each.
    world.sandbox.douyin().change_fans(SHOP, FanChange { rename: 400, ..FanChange::default() });
    world.sandbox.douyin().configure(|settings| settings.lists.page_size = Some(1_000));
    let full = world.sync(USER, &account, "FULL").await?;
    expect(&full, &[("updated", 400), ("unchanged", 1_600), ("pages", 2), ("unfollowed", 0)]);
    Ledger::read(&world).await?;
    Ok(())
}

#[tokio::test]
async fn fan_sync_page_committed_in_parts_by_several_workers_has_each_fan_once() -> Result<()> {
    // Every worker has time for one part only, and is shown the first page in another order.
    let (world, account) = shop(25, 150).await?;
    world.sandbox.douyin().configure(|settings| {
        settings.disorder = Disorder::NONE;
        settings.lists.page_size = Some(150);
    });
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    assert!(live(&world, &proxy, ONE_PAGE).await?.is_empty());
    expect(&world.progress(USER, &task).await?, &[("created", 150), ("seen", 150), ("unchanged", 0), ("pages", 1)]);
    assert!(world.sandbox.journal().of("fans/list").len() > 1, "it took several workers");
    assert_eq!(Ledger::read(&world).await?.leads(), 150);
    Ok(())
}

#[tokio::test]
async fn fan_sync_with_an_unreadable_entry_drops_that_entry_alone() -> Result<()> {
    let (world, account) = shop(26, 60).await?;
    world.sandbox.douyin().configure(|settings| {
        settings.disorder = Disorder::NONE;
        settings.lists.spoiled_one_in = 10;
    });
    // Six are spoiled, two of them beyond reading.
    let first = world.sync(USER, &account, "INCREMENTAL").await?;
    expect(&first, &[("created", 58), ("seen", 58), ("skipped", 2), ("total", 60)]);
    let leads = world.rows("t_douyin_lead").await?;
    assert_eq!(leads.iter().filter(|lead| lead["nickname"] == "半个\u{fffd}").count(), 2);
    assert_eq!(leads.iter().filter(|lead| lead["avatar_url"].len() > 500).count(), 0);
    // Who cannot be read has not left.
    world.sandbox.douyin().configure(|settings| settings.lists.spoiled_one_in = 0);
    expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("created", 2), ("skipped", 0)]);
    world.sandbox.douyin().configure(|settings| settings.lists.spoiled_one_in = 10);
    expect(&world.sync(USER, &account, "FULL").await?, &[("skipped", 2), ("unfollowed", 0)]);
    Ledger::read(&world).await?;
    Ok(())
}

#[tokio::test]
async fn fan_sync_in_full_with_only_avatar_addresses_changed_writes_no_lead() -> Result<()> {
    let (world, account) = shop(27, 53).await?;
    world.sandbox.douyin().configure(|settings| settings.lists.rotating_avatars = true);
    expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("created", 53)]);
    let rows = async || anyhow::Ok((world.rows("t_douyin_lead").await?, world.rows("t_douyin_lead_index").await?));
    let before = rows().await?;
    let full = world.sync(USER, &account, "FULL").await?;
    expect(&full, &[("updated", 0), ("created", 0)]);
    assert!(rows().await? == before, "something was written");
    Ok(())
}

#[tokio::test]
async fn fan_sync_marking_goes_on_in_the_next_worker_without_another_walk() -> Result<()> {
    let (world, account) = shop(28, 120).await?;
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    expect(&world.sync(USER, &account, "INCREMENTAL").await?, &[("pages", 6)]);
    world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 50, ..FanChange::default() });
    let task = begin(&world, &account, "FULL").await?;
    let proxy = Proxy::start(&world).await?;
    // It dies after it has marked the first of them: four pages, then these.
    proxy.arm("TransactWriteItems t_douyin_sync_task", 5, Fault::Kill(When::After));
    let held = live(&world, &proxy, PLENTY).await?;
    assert!(!held.is_empty(), "it did not die");
    deliver_again(&world, held).await?;
    recover(&world, &task).await?;
    expect(&world.progress(USER, &task).await?, &[("pages", 4), ("seen", 70), ("unfollowed", 50)]);
    assert_eq!(world.sandbox.journal().of("fans/list").len(), 6 + 4);
    Ledger::read(&world).await?;
    Ok(())
}
