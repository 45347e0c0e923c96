//! Lists that prove nothing: an account whose posts no list shows, so that nobody can tell whether a lost one is out.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::wecom::{WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::oracle::UNCONFIRMED;
use super::{USER, go_to, recover, request, world};
use crate::tables::Row;
use crate::{Answer, Event, World};

async fn retry(world: &World, task: u64, body: &Value) -> Result<Answer> {
    world.call_as(USER, Event::sample("moment-task-retry")?.path("taskId", &task.to_string()).json(body)).await
}

/// A post of `account` whose answer is lost; `arrives` says whether it was carried out.
async fn lost(world: &World, account: &str, text: &str, arrives: bool) -> Result<(u64, Value)> {
    let fault = GeweFault::new(GeweEndpoint::SendText, Effect::Drop);
    world.sandbox.gewe().arm(if arrives { fault.processed() } else { fault });
    let task = request(world, &json!({"text": text, "accountIds": [account]})).await?;
    Ok((task, recover(world, task).await?))
}

async fn posted(world: &World, account: &str, text: &str) -> Result<()> {
    let task = request(world, &json!({"text": text, "accountIds": [account]})).await?;
    let status = recover(world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    world.advance(Duration::from_secs(7_200));
    Ok(())
}

async fn account_row(world: &World) -> Result<Row> {
    world.rows("t_wechat_account").await?.pop().context("no account")
}

#[tokio::test]
async fn lost_post_of_an_account_whose_lists_show_nothing_is_sent_again_only_at_its_users_risk() -> Result<()> {
    for arrives in [false, true] {
        let world = world().await?;
        let account = world.connect_device(USER, "phone").await?;
        if arrives {
            // Whatever is out, no list shows it.
            world.sandbox.gewe().configure(|settings| {
                settings.contact_list_empty = true;
                settings.list_delay_seconds = 10_000_000;
            });
        }
        let (task, status) = lost(&world, &account, "新品到店", arrives).await?;
        let result = &status["results"][0];
        ensure!(result["errorCode"] == UNCONFIRMED, "{status}");
        ensure!(result["errorMessage"].to_string().contains("重复发布"), "the risk is not told: {status}");
        ensure!(account_row(&world).await?.contains_key("blind_since"), "it is not remembered");

        let refused = retry(&world, task, &json!({"includeUnconfirmed": true})).await?;
        let told = refused.body["message"].to_string();
        ensure!(refused.status == 409 && told.contains("force=true") && told.contains("重复发布"), "{refused:?}");
        let before = world.sandbox.journal().publications().len();
        ensure!(before == usize::from(arrives));

        let granted = retry(&world, task, &json!({"includeUnconfirmed": true, "force": true})).await?;
        ensure!(granted.status == 202, "{granted:?}");
        world.drain_publications().await?;
        ensure!(world.sandbox.journal().publications().len() == before, "one look was enough");
        let status = recover(&world, task).await?;
        ensure!(status["results"][0]["status"] == "SUCCESS", "{status}");
        ensure!(world.sandbox.journal().publications().len() == before + 1);
    }
    Ok(())
}

#[tokio::test]
async fn lost_post_of_an_account_whose_earlier_post_shows_is_sent_again_without_risk() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    posted(&world, &account, "昨天").await?;
    let (task, status) = lost(&world, &account, "新品到店", false).await?;
    ensure!(status["results"][0]["errorCode"] == UNCONFIRMED, "{status}");
    ensure!(!account_row(&world).await?.contains_key("blind_since"));
    let granted = retry(&world, task, &json!({"includeUnconfirmed": true})).await?;
    ensure!(granted.status == 202, "{granted:?}");
    let status = recover(&world, task).await?;
    ensure!(status["results"][0]["status"] == "SUCCESS", "{status}");
    ensure!(world.sandbox.journal().publications().len() == 2);
    Ok(())
}

/// Lists that show earlier posts may be minutes late with the latest: nothing is sent on their word before they can know.
#[tokio::test]
async fn lost_post_whose_lists_are_late_is_not_sent_a_second_time() -> Result<()> {
    for stops in [false, true] {
        let mut world = world().await?;
        // Four readings within a quarter of an hour, so that its user may ask before the lists can know.
        world.set("MOMENT_RECONCILE_PAUSE_SECONDS", "60");
        let account = world.connect_device(USER, "phone").await?;
        posted(&world, &account, "昨天").await?;
        world.sandbox.gewe().configure(|settings| {
            (settings.list_delay_seconds, settings.contact_list_delay_seconds) = (25 * 60, 25 * 60);
        });
        world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText));
        let task = request(&world, &json!({"text": "新品到店", "accountIds": [account]})).await?;
        let status = by_minutes(&world, task).await?;
        ensure!(status["results"][0]["errorCode"] == UNCONFIRMED, "{status}");

        let granted = retry(&world, task, &json!({"includeUnconfirmed": true})).await?;
        ensure!(granted.status == 202, "{granted:?}");
        if stops {
            let stop = Event::sample("moment-task-stop")?.path("taskId", &task.to_string());
            let stopped = world.call_as(USER, stop).await?;
            ensure!(stopped.status == 202, "{stopped:?}");
        }
        // Two readings of an account keep their distance.
        world.advance(Duration::from_secs(60));
        world.drain_publications().await?;
        let status = world.post_status(USER, task).await?;
        ensure!(world.sandbox.journal().publications().len() == 2, "published twice");
        let told = status["results"][0]["reason"].to_string();
        ensure!(told.contains("可能有延迟"), "the wait has no reason: {status}");
        let status = by_minutes(&world, task).await?;
        ensure!(status["results"][0]["status"] == "SUCCESS", "{status}");
        ensure!(world.sandbox.journal().publications().len() == 2, "published twice");
    }
    Ok(())
}

/// Time goes by in small steps, until the task has ended.
async fn by_minutes(world: &World, task: u64) -> Result<Value> {
    for _ in 0..60 {
        world.drain_publications().await?;
        let status = world.post_status(USER, task).await?;
        if super::ended(&status) {
            return Ok(status);
        }
        world.advance(Duration::from_secs(60));
        world.sweep().await?;
    }
    anyhow::bail!("moment task {task} does not end within an hour")
}

/// What was seen again is remembered too: the lists of an account that were empty for a while show its posts.
#[tokio::test]
async fn an_account_is_blind_only_until_its_lists_show_a_post() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    lost(&world, &account, "第一条", false).await?;
    ensure!(account_row(&world).await?.contains_key("blind_since"));
    posted(&world, &account, "第二条").await?;
    lost(&world, &account, "第三条", false).await?;
    ensure!(!account_row(&world).await?.contains_key("blind_since"));
    Ok(())
}

#[tokio::test]
async fn lost_posts_are_known_in_lists_that_trim_texts_and_have_another_clock() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let member = world.connect_corp(USER, "flowers", &["anna"]).await?.remove(0);
    world.sandbox.gewe().configure(|settings| (settings.trims_texts, settings.clock_ahead_seconds) = (true, 900));
    world.sandbox.wecom().configure(|settings| settings.trims_texts = true);
    world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText));
    world.sandbox.wecom().arm(WecomFault::new(WecomEndpoint::AddMomentTask, Effect::Drop).processed());
    let task = request(&world, &json!({"text": "新品到店 \n", "accountIds": [device, member]})).await?;
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

#[tokio::test]
async fn readings_of_an_account_are_at_most_two_hundred_a_day_and_their_end_is_waited_for() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    // Readings are counted by the day, so the test begins far from the end of one.
    go_to(&world, 10);
    let day = (world.clock.now().as_second() + 8 * 3_600).div_euclid(86_400);
    let count = world.aws.dynamodb.update_item().table_name(world.table("t_wechat_account"));
    let count = count.key("account_id", kernel::dynamo::s(&account));
    let count = count.update_expression("SET reading_day = :day, readings = :count");
    let count = count.expression_attribute_values(":day", kernel::dynamo::n(day));
    count.expression_attribute_values(":count", kernel::dynamo::n(197)).send().await?;
    world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText));
    let task = request(&world, &json!({"text": "新品到店", "accountIds": [account]})).await?;
    world.drain_publications().await?;
    world.advance(Duration::from_secs(1_100));
    world.sweep().await?;
    world.drain_publications().await?;
    ensure!(world.sandbox.journal().of("sns/snsList").is_empty(), "it was read");
    let status = world.post_status(USER, task).await?;
    let reason = status["results"][0]["reason"].to_string();
    ensure!(reason.contains("等待网关允许再次核对"), "{status}");
    let next_day = (day + 1) * 86_400 - 8 * 3_600;
    let until: jiff::Timestamp = status["results"][0]["nextActionAt"].as_str().context("no time")?.parse()?;
    ensure!(until.as_second() == next_day, "{status}");
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    let row = account_row(&world).await?;
    ensure!(row["readings"] == "4", "{row:?}");
    Ok(())
}

/// An outage of hours is why answers are lost: the lists are waited for, and then they tell.
#[tokio::test]
async fn lists_that_cannot_be_read_for_hours_are_waited_for() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let member = world.connect_corp(USER, "flowers", &["anna"]).await?.remove(0);
    world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText));
    world.sandbox.wecom().arm(WecomFault::new(WecomEndpoint::AddMomentTask, Effect::Drop).processed());
    for list in [GeweEndpoint::List, GeweEndpoint::ContactList] {
        world.sandbox.gewe().arm(GeweFault::new(list, Effect::Http { status: 502 }).permanent());
    }
    world.sandbox.wecom().arm(WecomFault::new(WecomEndpoint::GetMomentList, Effect::Http { status: 502 }).permanent());
    let task = request(&world, &json!({"text": "新品到店", "accountIds": [device, member]})).await?;
    for _ in 0..9 {
        world.drain_publications().await?;
        world.advance(Duration::from_secs(2_000));
        world.sweep().await?;
    }
    let status = world.post_status(USER, task).await?;
    let results = status["results"].as_array().context("no results")?;
    ensure!(results.iter().all(|result| result["stage"] == "UNCONFIRMED" && result["status"] == "PROCESSING"));
    ensure!(results.iter().all(|result| result["reason"].is_string()), "{status}");
    world.sandbox.gewe().clear_faults();
    world.sandbox.wecom().clear_faults();
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}
