//! How fast personal accounts publish, with the settings that the template has by default; and that every wait says why
//! and until when.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::{Value, json};

use super::{USER, go_to, world};
use crate::{Answer, Event, World};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// A world as an operator has it who has set nothing, on a device that has rested, at this hour in China.
async fn by_default(hour: u64) -> Result<(World, String)> {
    let mut world = world().await?;
    for (name, value) in [
        ("PERSONAL_POSTS_PER_DAY", "5"),
        ("PERSONAL_INTERVAL_SECONDS", "3600"),
        ("PERSONAL_HOURS", "8-22"),
        ("PERSONAL_REST_SECONDS", "259200"),
    ] {
        world.set(name, value);
    }
    let account = world.connect_device(USER, "phone").await?;
    go_to(&world, hour);
    Ok((world, account))
}

async fn go_on(world: &World, by: u64) -> Result<()> {
    world.advance(Duration::from_secs(by));
    world.sweep().await?;
    world.drain_publications().await?;
    Ok(())
}

async fn ask(world: &World, account: &str, text: &str, more: &Value) -> Result<Answer> {
    let mut body = json!({"text": text, "accountIds": [account]});
    for (name, value) in more.as_object().context("an object")? {
        body[name] = value.clone();
    }
    world.request_post(USER, &body).await
}

async fn asked(world: &World, account: &str, text: &str) -> Result<u64> {
    let answer = ask(world, account, text, &json!({})).await?;
    ensure!(answer.status == 202, "{answer:?}");
    answer.data()["syncTaskId"].as_u64().context("no task")
}

/// Both what makes a post and what tries one out refuse it with this code.
async fn refused(world: &World, account: &str, more: &Value, code: &str) -> Result<String> {
    let answer = ask(world, account, "早安", more).await?;
    ensure!(answer.status == 422 && answer.body["error"]["type"] == code, "{answer:?}");
    let mut body = json!({"text": "早安", "accountIds": [account]});
    for (name, value) in more.as_object().context("an object")? {
        body[name] = value.clone();
    }
    let tried = world.call_as(USER, Event::sample("moment-validate")?.json(&body)).await?;
    ensure!(tried.data()["problems"][0]["code"] == code, "{tried:?}");
    Ok(answer.body.to_string())
}

async fn first_result(world: &World, task: u64) -> Result<Value> {
    Ok(world.post_status(USER, task).await?["results"][0].clone())
}

#[tokio::test]
async fn a_device_of_the_first_three_days_publishes_nothing_and_says_until_when() -> Result<()> {
    let mut world = world().await?;
    world.set("PERSONAL_REST_SECONDS", "259200");
    let account = world.connect_device(USER, "phone").await?;
    let told = refused(&world, &account, &json!({}), "MOMENT_SYNC_CREATION_FAILED").await?;
    ensure!(told.contains("须静置到") && told.contains("accountIds[0]"), "{told}");
    // One that was asked for earlier waits too.
    world.set("PERSONAL_REST_SECONDS", "0");
    let task = asked(&world, &account, "早安").await?;
    world.set("PERSONAL_REST_SECONDS", "259200");
    world.drain_publications().await?;
    let result = first_result(&world, task).await?;
    ensure!(result["reason"].to_string().contains("静置") && result["nextActionAt"].is_string(), "{result}");
    world.advance(Duration::from_secs(3 * DAY + 1));
    ensure!(ask(&world, &account, "晚安", &json!({})).await?.status == 202);
    Ok(())
}

#[tokio::test]
async fn posts_at_night_are_refused_unless_forced() -> Result<()> {
    let (world, account) = by_default(23).await?;
    let told = refused(&world, &account, &json!({}), "QUIET_HOURS").await?;
    ensure!(told.contains("8 点至 22 点") && told.contains("force"), "{told}");
    let hours =
        |hours: u64| world.clock.now() + jiff::SignedDuration::from_secs(i64::try_from(hours * HOUR).unwrap_or(0));
    refused(&world, &account, &json!({"scheduledTime": hours(24)}), "QUIET_HOURS").await?;
    ensure!(ask(&world, &account, "早安", &json!({"scheduledTime": hours(12)})).await?.status == 202);
    let answer = ask(&world, &account, "晚安", &json!({"force": ["QUIET_HOURS"]})).await?;
    ensure!(answer.status == 202, "{answer:?}");
    world.drain_publications().await?;
    ensure!(world.sandbox.journal().publications().len() == 1, "it waits although it is forced");
    Ok(())
}

/// Its time is checked as at creation; what was forced then or is forced now goes out at night.
#[tokio::test]
async fn a_post_moved_to_the_night_is_refused_unless_forced() -> Result<()> {
    let (world, account) = by_default(9).await?;
    let at = |hours: u64| {
        (world.clock.now() + jiff::SignedDuration::from_secs(i64::try_from(hours * HOUR).unwrap_or(0))).to_string()
    };
    let moved = async |task: u64, body: Value| {
        world.call_as(USER, Event::sample("moment-task-update")?.path("taskId", &task.to_string()).json(&body)).await
    };
    let timed = async |text: &str, more: Value| -> Result<u64> {
        let mut more = more;
        more["scheduledTime"] = at(2).into();
        let answer = ask(&world, &account, text, &more).await?;
        answer.data()["syncTaskId"].as_u64().context("no task")
    };
    let task = timed("早安", json!({})).await?;
    let answer = moved(task, json!({"scheduledTime": at(14)})).await?;
    ensure!(answer.status == 422 && answer.body["error"]["type"] == "QUIET_HOURS", "{answer:?}");
    let told = answer.body.to_string();
    ensure!(told.contains("8 点至 22 点") && told.contains("scheduledTime"), "{told}");
    let time = world.post_status(USER, task).await?["scheduledTime"].clone();
    ensure!(moved(task, json!({"scheduledTime": at(26)})).await?.status == 200);
    ensure!(world.post_status(USER, task).await?["scheduledTime"] != time);
    ensure!(moved(task, json!({"scheduledTime": at(14), "force": ["QUIET_HOURS"]})).await?.status == 200);
    let forced_before = timed("晚安", json!({"force": ["QUIET_HOURS"]})).await?;
    ensure!(moved(forced_before, json!({"scheduledTime": at(16)})).await?.status == 200);
    go_on(&world, 14 * HOUR + MINUTE).await?;
    ensure!(world.sandbox.journal().publications().len() == 1, "it waits although it is forced");
    // A company's members confirm when they like.
    let members = world.connect_corp(USER, "flowers", &["anna"]).await?;
    let body = json!({"text": "夜班", "accountIds": members, "scheduledTime": at(12)});
    let task = super::request(&world, &body).await?;
    ensure!(moved(task, json!({"scheduledTime": at(24)})).await?.status == 200);
    Ok(())
}

/// Six at once in the morning: five that day, about an hour apart, and the sixth on the next morning.
#[tokio::test]
async fn an_account_publishes_five_posts_a_day_about_an_hour_apart_and_by_day() -> Result<()> {
    let (world, account) = by_default(9).await?;
    let mut tasks = Vec::new();
    for number in 0..6 {
        tasks.push(asked(&world, &account, &format!("第 {number} 条")).await?);
    }
    world.drain_publications().await?;
    let mut reasons = std::collections::BTreeSet::new();
    for _ in 0..(24 * 6 + 6) {
        for task in &tasks {
            let result = first_result(&world, *task).await?;
            if result["status"] == "PENDING" || result["status"] == "PROCESSING" {
                ensure!(result["reason"].is_string() && result["nextActionAt"].is_string(), "{result}");
                reasons.insert(result["reason"].as_str().unwrap_or_default().to_owned());
            }
        }
        let published = world.sandbox.gewe().posts_of("phone").len();
        if published == 5 && reasons.len() == 2 {
            refused(&world, &account, &json!({}), "DAILY_CAP").await?;
            reasons.insert(String::new());
        }
        go_on(&world, 10 * MINUTE).await?;
    }
    ensure!(reasons.iter().any(|reason| reason.contains("发布间隔")), "{reasons:?}");
    ensure!(reasons.iter().any(|reason| reason.contains("次数已用完")), "{reasons:?}");
    let times: Vec<Timestamp> = world.sandbox.gewe().posts_of("phone").iter().map(|post| post.at).collect();
    ensure!(times.len() == 6, "{times:?}");
    let in_china = |time: &Timestamp| u64::try_from(time.as_second()).unwrap_or_default() + 8 * HOUR;
    ensure!(times.iter().all(|time| (8..22).contains(&(in_china(time) % DAY / HOUR))), "{times:?}");
    ensure!(in_china(&times[4]) / DAY + 1 == in_china(&times[5]) / DAY, "{times:?}");
    for (earlier, later) in times.iter().zip(times.iter().skip(1)).take(4) {
        let minutes = later.duration_since(*earlier).as_secs() / 60;
        ensure!((50..=80).contains(&minutes), "{minutes} minutes: {times:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rate_limit_is_of_the_account_and_not_of_one_post() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    // The limit ends with the hour, so the test begins with one.
    go_to(&world, 10);
    let words = Effect::Code { code: 500, message: Some("操作过于频繁，请稍后再试".to_owned()) };
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, words));
    let tasks = [asked(&world, &account, "一").await?, asked(&world, &account, "二").await?];
    world.drain_publications().await?;
    go_on(&world, 20 * MINUTE).await?;
    ensure!(world.sandbox.journal().of("sns/sendTextSns").len() == 1, "the second post asked too");
    for task in tasks {
        let result = first_result(&world, task).await?;
        ensure!(result["reason"].to_string().contains("限制了该账号的发布频率"), "{result}");
        ensure!(result["nextActionAt"].is_string(), "{result}");
    }
    for task in tasks {
        let status = super::recover(&world, task).await?;
        ensure!(status["status"] == "COMPLETED", "{status}");
    }
    Ok(())
}

/// Limited for ever, and asked for while nobody dispatches: neither goes out days later.
#[tokio::test]
async fn a_post_without_a_time_ends_when_it_could_not_go_out_for_36_hours() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    let words = Effect::Code { code: 500, message: Some("操作过于频繁，请稍后再试".to_owned()) };
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, words).permanent());
    let limited = asked(&world, &account, "一").await?;
    world.drain_publications().await?;
    let forgotten = asked(&world, &account, "二").await?;
    go_on(&world, 23 * HOUR).await?;
    ensure!(!super::ended(&world.post_status(USER, limited).await?), "it gives up early");
    go_on(&world, 23 * HOUR).await?;
    world.sandbox.gewe().clear_faults();
    for task in [limited, forgotten] {
        let status = super::recover(&world, task).await?;
        ensure!(status["results"][0]["errorMessage"].to_string().contains("等待过久"), "{status}");
    }
    ensure!(world.sandbox.journal().publications().is_empty());
    // Whoever still wants it has it tried again, and then it has another day.
    let retry = Event::sample("moment-task-retry")?.path("taskId", &limited.to_string()).json(&json!({}));
    ensure!(world.call_as(USER, retry).await?.status == 202);
    let status = super::recover(&world, limited).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}
