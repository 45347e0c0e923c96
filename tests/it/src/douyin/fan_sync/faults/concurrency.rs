//! Several at the same work: workers with copies of one message, two accounts with fans in common, everybody who needs
//! a new token.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::Message;
use functions::workers::douyin_fan_sync_worker;
use futures::FutureExt;
use futures::future::{try_join, try_join_all};
use kernel::platform_secret::Secrets;
use leads::Stores;
use leads::ids::OpenId;
use leads::tokens::Tokens;
use sandbox::douyin::FanChange;
use serde_json::json;

use super::audit::Ledger;
use super::story::{ONE_PAGE, Story};
use super::{PLENTY, SHOP, USER, WORKER, begin, live, live_through, recover, shop};
use crate::proxy::{Fault, Proxy};
use crate::world::EndpointOverrides;
use crate::{Event, World, lead_tables};

/// So many workers, each with a copy of the message, come to what one comes to.
async fn share_the_work(story: Story, workers: usize) -> Result<()> {
    let (world, account) = story.scene().await?;
    let task = begin(&world, &account, "INCREMENTAL").await?;
    for _ in 1..workers {
        world.put_message(&json!({ "taskId": task }).to_string()).await?;
    }
    let time = if story == Story::Continued { ONE_PAGE } else { PLENTY };
    let mut messages = world.receive().await?;
    ensure!(messages.len() == workers, "{} messages", messages.len());
    let (world, endpoints) = (&world, &EndpointOverrides::default());
    try_join_all(messages.drain(..).map(|message| async move {
        let batch = vec![message];
        let failed = super::work(world, endpoints.clone(), &mut None, &batch, time).await?;
        super::settle(world, batch, failed).await
    }))
    .await?;
    // What they left for each other, again all at once.
    try_join_all((0..workers).map(|_| async move {
        let proxy = Proxy::start(world).await?;
        live(world, &proxy, time).await
    }))
    .await?;
    assert_eq!(recover(world, &task).await?, 0, "nobody had to wait for the sweeper");
    Ledger::read(world).await?.expect(&story.undisturbed().await?[&1].ledger)
}

#[tokio::test]
async fn fan_sync_message_copies_change_nothing() -> Result<()> {
    for story in [Story::Straight, Story::Continued] {
        for workers in [2, 5] {
            share_the_work(story, workers).await.with_context(|| format!("{story:?} with {workers} workers"))?;
        }
    }
    Ok(())
}

/// The messages that wait, shared out among so many workers that run at once.
async fn in_workers(world: &World, proxy: &Proxy, workers: usize) -> Result<()> {
    let mut batches: Vec<Vec<Message>> = (0..workers).map(|_| Vec::new()).collect();
    let mut taken = 0;
    loop {
        let batch = world.receive().await?;
        if batch.is_empty() {
            break;
        }
        for message in batch {
            batches[taken % workers].push(message);
            taken += 1;
        }
    }
    try_join_all(batches.into_iter().map(|batch| {
        async move {
            let failed = super::work(world, proxy.endpoints(), &mut None, &batch, PLENTY).await?;
            super::settle(world, batch, failed).await
        }
        .boxed_local()
    }))
    .await?;
    Ok(())
}

/// Ten syncs of one tenant. How many of their transactions are refused, by the workers that they are shared out among;
/// as many as there are syncs is how it was before those of a worker took turns.
#[tokio::test]
async fn syncs_of_one_tenant_in_one_worker_refuse_each_other_nothing() -> Result<()> {
    const SHOPS: u32 = 10;
    let mut refused = Vec::new();
    for workers in [10, 2, 1] {
        let (world, first) = shop(11, 45).await?;
        let (mut accounts, mut tasks) = (vec![first], Vec::new());
        for number in 1..SHOPS {
            let name = format!("branch-{number}");
            world.douyin_account(&name, 45);
            accounts.push(world.authorize(USER, &name).await?);
        }
        for account in &accounts {
            tasks.push(begin(&world, account, "INCREMENTAL").await?);
        }
        let proxy = Proxy::start(&world).await?;
        in_workers(&world, &proxy, workers).await?;
        let mut needed = u64::from(SHOPS);
        for task in &tasks {
            let progress = world.progress(USER, task).await?;
            ensure!(progress["status"] == "COMPLETED", "{progress}");
            needed += progress["pages"].as_u64().context("no count")?;
        }
        let sent = u64::from(proxy.count("TransactWriteItems t_douyin_sync_task"));
        println!("  {workers:>2} workers: {sent} transactions for {needed}, {} refused", sent - needed);
        refused.push(sent - needed);
        assert_eq!(Ledger::read(&world).await?.leads(), SHOPS as usize * 45);
    }
    assert!(refused[2] == 0 && refused[1] < refused[0], "{refused:?}");
    Ok(())
}

/// One of them stands still before its first commit until the other is about to make its second: they do collide.
#[tokio::test]
async fn fan_syncs_of_accounts_with_common_fans_make_each_a_lead_once() -> Result<()> {
    collide(("TransactWriteItems t_douyin_sync_task", 1), ("TransactWriteItems t_douyin_sync_task", 3)).await
}

/// One of them has read how many leads there are, and looks for those it knows only after the other has made some.
#[tokio::test]
async fn fan_sync_with_a_counter_moved_after_its_read_counts_all_leads() -> Result<()> {
    collide(("BatchGetItem t_lead_identity", 1), ("TransactWriteItems t_douyin_sync_task", 2)).await
}

/// Two accounts of one user are synced at once. One stands still at `slow` until the other is at `quick`.
async fn collide(slow: (&str, u32), quick: (&str, u32)) -> Result<()> {
    const COMMON: usize = 25;
    let (world, first) = shop(7, 40).await?;
    world.douyin_account("branch", 45);
    let second = world.authorize(USER, "branch").await?;
    let fans = |name: &str| -> Vec<String> {
        world.sandbox.douyin().fans(name).into_iter().flatten().map(|fan| fan.open_id).collect()
    };
    // The sandbox gives every account fans of its own; here some of the branch's are the shop's.
    let common: Vec<(String, String)> = fans("branch").into_iter().zip(fans(SHOP)).take(COMMON).collect();
    let both: BTreeSet<String> = common.iter().map(|(_, shops)| shops.clone()).collect();
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("fans/list", 1, u32::MAX, Fault::Replace(common));
    let (slow, quick) = (proxy.hold(slow.0, slow.1), proxy.hold(quick.0, quick.1));
    let tasks = [begin(&world, &first, "INCREMENTAL").await?, begin(&world, &second, "INCREMENTAL").await?];
    let collide = async {
        quick.reached().await;
        slow.open();
        quick.open();
        Ok(())
    };
    // Two workers, because the syncs of one take turns.
    try_join(in_workers(&world, &proxy, 2).boxed_local(), collide).await?;

    let mut created = 0;
    for task in &tasks {
        let progress = world.progress(USER, task).await?;
        assert_eq!(progress["status"], "COMPLETED", "{progress}");
        created += progress["created"].as_u64().context("no count")?;
    }
    let ledger = Ledger::read(&world).await?;
    assert_eq!((ledger.leads(), created), (40 + 45 - COMMON, (40 + 45 - COMMON) as u64));
    for lead in world.rows("t_douyin_lead").await? {
        let sources: BTreeSet<&str> = lead["sources"].split(',').collect();
        let expected = if both.contains(&lead["douyin_user_id"]) { 2 } else { 1 };
        assert_eq!(sources.len(), expected, "{lead:?}");
    }
    assert!(proxy.count("GetItem t_douyin_lead_index") > 2, "one of them had to plan a page anew");
    Ok(())
}

#[tokio::test]
async fn lead_changed_by_a_person_during_a_sync_keeps_both_changes() -> Result<()> {
    let (world, account) = shop(10, 12).await?;
    world.sync(USER, &account, "INCREMENTAL").await?;
    world.sandbox.douyin().change_fans(SHOP, FanChange { rename: 12, ..FanChange::default() });
    let task = begin(&world, &account, "FULL").await?;
    let proxy = Proxy::start(&world).await?;
    let edit = async {
        let event = Event::sample("douyin-lead-update")?.path("leadId", "7");
        let edited = world.call_as(USER, event.json(&json!({"status": "CONTACTED", "notes": "周五回访"}))).await?;
        ensure!(edited.status == 200, "{edited:?}");
        Ok(())
    };
    live_through(&world, &proxy, PLENTY, ("TransactWriteItems t_douyin_sync_task", 1), edit).await?;

    Ledger::read(&world).await?;
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["status"], &progress["updated"]), (&"COMPLETED".into(), &12.into()), "{progress}");
    let leads = world.rows("t_douyin_lead").await?;
    let lead = leads.iter().find(|lead| lead["lead_id"] == "7").context("no lead 7")?;
    let fans = world.sandbox.douyin().fans(SHOP).context("no shop")?;
    let fan = fans.iter().find(|fan| fan.open_id == lead["douyin_user_id"]).context("no such fan")?;
    let nickname = fan.nickname.as_deref().filter(|name| !name.is_empty()).context("this fan has no name to tell")?;
    assert_eq!(lead["nickname"], nickname);
    assert_eq!((&*lead["status"], &*lead["notes"], &*lead["version"]), ("CONTACTED", "周五回访", "1"));
    Ok(())
}

/// Environment variable: how many edits there are while the sync runs, two of each lead.
const EDITS: &str = "SYNC_EDITS";

/// Every lead is renamed by the sync and goes from NEW to CONVERTED by hand, all at once.
#[tokio::test]
async fn leads_worked_on_all_the_while_a_full_sync_runs_keep_every_edit_and_every_refresh() -> Result<()> {
    let edits = std::env::var(EDITS).map_or(Ok(80), |text| text.parse::<u32>())?;
    let leads = edits / 2;
    let (world, account) = shop(13, leads).await?;
    world.sync(USER, &account, "INCREMENTAL").await?;
    world.sandbox.douyin().change_fans(SHOP, FanChange { rename: leads, ..FanChange::default() });
    let task = begin(&world, &account, "FULL").await?;
    let proxy = Proxy::start(&world).await?;
    let edits = async {
        for status in ["CONTACTED", "CONVERTED"] {
            for lead in 1..=leads {
                let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
                let edited = world.call_as(USER, event.json(&json!({"status": status, "notes": status}))).await?;
                ensure!(edited.status == 200, "{edited:?}");
            }
        }
        Ok(())
    };
    try_join(live(&world, &proxy, PLENTY), edits).await?;
    assert_eq!(recover(&world, &task).await?, 0, "nobody had to wait for the sweeper");

    Ledger::read(&world).await?;
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["status"], &progress["updated"]), (&"COMPLETED".into(), &leads.into()), "{progress}");
    let fans = world.sandbox.douyin().fans(SHOP).context("no shop")?;
    for lead in world.rows("t_douyin_lead").await? {
        let fan = fans.iter().find(|fan| fan.open_id == lead["douyin_user_id"]).context("no such fan")?;
        if let Some(nickname) = fan.nickname.as_deref().filter(|name| !name.is_empty()) {
            assert_eq!(lead["nickname"], nickname);
        }
        assert_eq!((&*lead["status"], &*lead["notes"], &*lead["version"]), ("CONVERTED", "CONVERTED", "2"));
    }
    Ok(())
}

#[tokio::test]
async fn token_needed_by_many_at_once_is_refreshed_once() -> Result<()> {
    let (world, account) = shop(8, 1).await?;
    let cx = world.context(WORKER, &EndpointOverrides::default()).await?;
    let douyin = leads::config::douyin(&cx, Secrets::load(&cx).await?)?;
    let tokens = Tokens::new(&cx, douyin)?;
    let account: OpenId = account.parse()?;
    let row = Stores::new(&cx)?.accounts.get(&account).await?.context("no account")?;
    world.sandbox.douyin().expire_access_token(SHOP);
    let got = try_join_all((0..8).map(|_| tokens.replace(&account, row.access_version, world.deadline()))).await?;
    assert!(got.iter().all(|token| token.version == row.access_version + 1), "all have the same token");
    assert_eq!(world.sandbox.journal().of("oauth/refresh_token").len(), 1);
    Ok(())
}

#[tokio::test]
async fn token_needed_by_worker_and_keeper_is_refreshed_once() -> Result<()> {
    let (world, account) = shop(9, 23).await?;
    // Thirty seconds before the access token's end: the keeper is due, and the worker would not begin a call with it.
    world.advance(Duration::from_secs(15 * 86_400 - 30));
    begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    try_join(live(&world, &proxy, PLENTY), world.keep_tokens()).await?;
    let ledger = Ledger::read(&world).await?;
    assert_eq!((ledger.of_task("status"), ledger.leads()), ("COMPLETED", 23));
    assert_eq!(world.sandbox.journal().of("oauth/refresh_token").len(), 1);
    Ok(())
}

/// Counter and accounts met are two rows: of a worker that reads them with another account's first leads in between neither
/// account may get the other's place.
#[tokio::test]
async fn account_that_is_met_while_another_sync_reads_those_met_takes_nobodys_place() -> Result<()> {
    for nth in [1, 2, 1, 2] {
        let world = World::start().await?;
        for name in [SHOP, "branch", "kiosk"] {
            world.douyin_account(name, 3);
        }
        world.authorize_and_sync(USER, SHOP).await?;
        world.drain().await?;
        world.authorize_and_sync(USER, "kiosk").await?;
        let batch = world.receive().await?;
        assert_eq!(batch.len(), 1);
        let proxy = Proxy::start(&world).await?;
        let app = douyin_fan_sync_worker::App::new(&world.context(WORKER, &proxy.endpoints()).await?).await?;
        let gate = proxy.hold("GetItem t_douyin_lead_index", nth);
        let meanwhile = async {
            gate.reached().await;
            world.authorize_and_sync(USER, "branch").await?;
            world.drain().await?;
            gate.open();
            Ok(())
        };
        let (done, ()) = try_join(world.run_batch(&app, batch).boxed_local(), meanwhile.boxed_local()).await?;
        assert_eq!(done, 1);
        let met = proxy.count("GetItem t_douyin_lead_index");
        assert!(met >= 4, "the reads were not made anew: {met}");
        lead_tables::check(&world).await.with_context(|| format!("read {nth} held"))?;
        assert_eq!(world.rows("t_douyin_lead").await?.len(), 9);
    }
    Ok(())
}
