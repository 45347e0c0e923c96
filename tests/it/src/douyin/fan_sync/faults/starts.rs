//! How a sync gets going: the request for it and the sweeper die anywhere, race, or cannot send their message.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::workers::sweeper;
use futures::future::{join_all, try_join_all};
use serde_json::json;

use super::audit::Ledger;
use super::story::Story;
use super::{USER, begin, recover};
use crate::call::call;
use crate::proxy::{Fault, Proxy, Step, When};
use crate::world::EndpointOverrides;
use crate::{Answer, Event, World};

/// A message unseen for this long is taken for lost.
const OVERDUE: Duration = Duration::from_secs(31);
/// How often the SDK sends a request before it gives up.
const SDK_ATTEMPTS: u32 = 3;

async fn post(world: &World, account: &str, endpoints: EndpointOverrides) -> Result<Answer> {
    let event = Event::sample("douyin-fans-sync")?.json(&json!({ "douyinUserId": account }));
    let event = event.bearer(&world.token(USER, &["*"])?);
    Box::pin(call(&world.context("douyin-fans-sync", &endpoints).await?, &event)).await
}

async fn sweep(world: &World, endpoints: EndpointOverrides) -> Result<()> {
    let app = sweeper::App::new(&world.context("sweeper", &endpoints).await?).await?;
    sweeper::handle(&app, world.deadline()).await?;
    Ok(())
}

/// A task whose message was lost.
async fn forgotten(world: &World, account: &str) -> Result<String> {
    let task = begin(world, account, "INCREMENTAL").await?;
    for message in world.receive().await? {
        let delete = world.aws.sqs.delete_message().queue_url(world.queue_url()?);
        delete.set_receipt_handle(message.receipt_handle).send().await?;
    }
    Ok(task)
}

/// Ends like the straight story, with one task.
async fn expect_undisturbed(world: &World) -> Result<()> {
    Ledger::read(world).await?.expect(&Story::Straight.undisturbed().await?[&1].ledger)
}

fn each_crash(steps: &[Step]) -> impl Iterator<Item = (Step, When)> {
    steps.iter().flat_map(|step| [When::Before, When::After].map(|when| (step.clone(), when)))
}

#[tokio::test]
async fn fan_sync_request_killed_at_any_step_starts_one_sync_or_none() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let proxy = Proxy::start(&world).await?;
    ensure!(post(&world, &account, proxy.endpoints()).await?.status == 202);
    println!("the request for a sync dies …");
    for (step, when) in each_crash(&proxy.steps()) {
        let (world, account) = Story::Straight.scene().await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, Fault::Kill(when));
        tokio::select! {
            biased;
            () = proxy.died() => proxy.idle().await,
            answer = post(&world, &account, proxy.endpoints()) => anyhow::bail!("{step}: answered {answer:?}"),
        }
        let is_written = !world.rows("t_douyin_sync_task").await?.is_empty();
        // The second look at the app's row is taken beside the writes, so either may have come first.
        if step.name != "GetItem t_platform_quota" || step.nth == 1 {
            let expected = step.name == "SendMessage" || (step.name.starts_with("Transact") && when == When::After);
            assert_eq!(is_written, expected, "{step} {when:?}");
        }
        // Its user sees no answer and asks again.
        let answer = world.request_sync(USER, &account, "INCREMENTAL").await?;
        assert_eq!(answer.status, if is_written { 200 } else { 202 }, "{step} {when:?}");
        let sweeps = recover(&world, answer.data()["taskId"].as_str().context("no taskId")?).await?;
        expect_undisturbed(&world).await.with_context(|| format!("{step} {when:?}"))?;
        println!(
            "  {:<45}{:<8}{}, as undisturbed, {sweeps} sweeps",
            step.to_string(),
            format!("{when:?}"),
            answer.status
        );
    }
    Ok(())
}

#[tokio::test]
async fn sweeper_killed_at_any_step_loses_no_sync() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    forgotten(&world, &account).await?;
    world.advance(OVERDUE);
    let proxy = Proxy::start(&world).await?;
    sweep(&world, proxy.endpoints()).await?;
    // It looks into all partitions of its index at once, so one crash among those looks is like any other.
    let steps: Vec<Step> =
        proxy.steps().into_iter().filter(|step| !step.name.starts_with("Query") || step.nth == 1).collect();
    println!("the sweeper dies …");
    for (step, when) in each_crash(&steps) {
        let (world, account) = Story::Straight.scene().await?;
        let task = forgotten(&world, &account).await?;
        world.advance(OVERDUE);
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, Fault::Kill(when));
        tokio::select! {
            biased;
            () = proxy.died() => proxy.idle().await,
            swept = sweep(&world, proxy.endpoints()) => anyhow::bail!("{step}: {swept:?}"),
        }
        let sweeps = recover(&world, &task).await?;
        expect_undisturbed(&world).await.with_context(|| format!("{step} {when:?}"))?;
        println!("  {:<45}{:<8}as undisturbed, {sweeps} more sweeps", step.to_string(), format!("{when:?}"));
    }
    Ok(())
}

#[tokio::test]
async fn fan_sync_message_that_cannot_be_sent_is_sent_by_the_sweeper() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let proxy = Proxy::start(&world).await?;
    let unavailable = r#"{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"try later"}"#;
    proxy.arm_times("SendMessage", 1, SDK_ATTEMPTS, Fault::Answer(503, unavailable.to_owned()));
    let answer = post(&world, &account, proxy.endpoints()).await?;
    assert_eq!(answer.status, 202, "the task is written, so it will run: {answer:?}");
    assert_eq!(proxy.count("SendMessage"), SDK_ATTEMPTS);

    assert_eq!(world.depth(world.queue_url()?).await?, 0);
    world.advance(Duration::from_secs(29));
    world.sweep().await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 0, "not yet overdue");
    world.advance(Duration::from_secs(2));
    world.sweep().await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 1);
    world.drain().await?;
    expect_undisturbed(&world).await
}

#[tokio::test]
async fn sweeper_running_twice_at_once_sends_one_message() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    forgotten(&world, &account).await?;
    world.advance(OVERDUE);
    try_join_all((0..3).map(|_| world.sweep())).await?;
    world.sweep().await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 1);
    world.advance(Duration::from_secs(240));
    world.sweep().await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 1, "it may still be waiting in a long queue");
    world.advance(Duration::from_secs(2 * 3_600 - 241));
    world.sweep().await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 1, "and it is surely there: nobody has taken it");
    world.advance(Duration::from_secs(1));
    world.sweep().await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 2, "after two hours it may be in the dead-letter queue");
    world.drain().await?;
    expect_undisturbed(&world).await
}

/// The write that announces the message is made, and its answer is lost: the SDK repeats it, and it must find its own.
#[tokio::test]
async fn sweeper_whose_note_is_answered_by_nobody_sends_its_message_all_the_same() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    forgotten(&world, &account).await?;
    world.advance(OVERDUE);
    let proxy = Proxy::start(&world).await?;
    proxy.arm("UpdateItem t_douyin_sync_task", 1, Fault::Lose(When::After));
    sweep(&world, proxy.endpoints()).await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 1);
    world.drain().await?;
    expect_undisturbed(&world).await
}

/// More syncs at one instant than workers can take in an hour, as when the day's quota is back.
#[tokio::test]
async fn syncs_that_wait_for_hours_are_neither_failed_nor_sent_again() -> Result<()> {
    const SHOPS: usize = 5;
    let (world, account) = Story::Straight.scene().await?;
    let mut tasks = vec![begin(&world, &account, "INCREMENTAL").await?];
    for number in 1..SHOPS {
        world.douyin_account(&format!("branch-{number}"), 1);
        let branch = world.authorize(USER, &format!("branch-{number}")).await?;
        tasks.push(begin(&world, &branch, "INCREMENTAL").await?);
    }
    for _ in 0..90 {
        world.advance(Duration::from_secs(61));
        world.sweep().await?;
    }
    let sent = world.depth(world.queue_url()?).await?;
    assert_eq!(sent, 2 * SHOPS as u64, "one by the request, one because the sweeper cannot know of that");
    world.drain().await?;
    for task in tasks {
        assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED");
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn fan_sync_requested_ten_times_at_once_starts_one() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let answers = join_all((0..10).map(|_| post(&world, &account, EndpointOverrides::default()))).await;
    let answers: Vec<Answer> = answers.into_iter().collect::<Result<_>>()?;
    let started = answers.iter().filter(|answer| answer.status == 202).count();
    let running = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((started, running), (1, 9), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.data()["taskId"] == answers[0].data()["taskId"]), "{answers:?}");
    assert_eq!(world.depth(world.queue_url()?).await?, 1);
    world.drain().await?;
    expect_undisturbed(&world).await
}
