//! What goes wrong in production, minute by minute, and which alarm tells of it after how long: each story is a row of the
//! table in docs/operations.md. Everything is real but the time: the functions, what they write, and the template's alarms.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::douyin::{Endpoint, Fault};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::{Value, json};
use tracing::instrument::WithSubscriber;

use super::Operation;
use super::declared::MINUTE;
use crate::logged::Logged;
use crate::platform::parity::project::read;
use crate::{Event, World};

const USER: u64 = 6_301;
const DAY: Duration = Duration::from_secs(86_400);
/// For how long a story is followed, in minutes.
const AFTERWARDS: usize = 40;

/// The table's rows: what happens, and since when it can be known.
const STORIES: [(&str, &str); 16] = [
    ("A fan sync fails at an answer that we do not know", "its end"),
    ("Douyin ends an account's authorisation", "the keeper's round"),
    ("Douyin refuses the tokens of 25 accounts at once", "the keeper's round"),
    ("Douyin says that our app may not renew tokens", "the first answer"),
    ("Douyin says that our app may not list fans", "the first answer"),
    ("The answer to a post is lost, and no list shows the post", "the last look"),
    ("Twelve timed posts miss their time in an outage", "the outage's end"),
    ("WeCom refuses a company's address", "the refusal"),
    ("The list of sensitive words is gone", "the first post"),
    ("The token keeper does not run", "the second round that does not come"),
    ("The sweeper does not run", "the third round that does not come"),
    ("The health checker does not run", "the third round that does not come"),
    ("Nobody reads the queue of posts", "the first post"),
    ("Nobody reads the queue of fan syncs", "the first sync"),
    ("The queue of the event sink is gone", "the first event"),
    ("Everything goes well for a working day", "its beginning"),
];

/// What a story came to: the operation, and the second since when it could be known.
type Told = (Operation, i64);

/// Plays a story and compares what rang with its row.
async fn tell(name: &str, story: impl AsyncFnOnce(Logged) -> Result<Told>) -> Result<()> {
    let (_, since) = STORIES.iter().find(|(story, _)| *story == name).context("an unknown story")?;
    let log = Logged::default();
    let played = async {
        let (mut operation, known) = story(log.clone()).await?;
        let early = operation.rung(i64::MIN)?;
        ensure!(early.values().all(|at| *at > known), "rang before anything had happened: {early:?}");
        let until = known + i64::try_from(AFTERWARDS)? * MINUTE;
        while operation.now() < until {
            operation.minute().await?;
        }
        let mut rung: Vec<_> = operation.rung(known)?.into_iter().map(|(alarm, at)| (at - known, alarm)).collect();
        rung.sort_unstable();
        let shown = |(after, alarm): &(i64, &str)| format!("`{alarm}` {}", (after + MINUTE - 1) / MINUTE);
        let shown: Vec<String> = rung.iter().map(shown).collect();
        Ok::<_, anyhow::Error>(if shown.is_empty() { "none".to_owned() } else { shown.join(", ") })
    };
    let rung = Box::pin(played).with_subscriber(log.subscriber_at("ERROR")).await?;
    let row = format!("| {name} | {since} | {rung} |");
    println!("{row}");
    ensure!(read("docs/operations.md").lines().any(|line| line == row), "docs/operations.md does not say: {row}");
    Ok(())
}

#[test]
fn table_of_stories_has_no_row_that_no_test_plays() {
    let operations = read("docs/operations.md");
    let section = operations.split_once("\n## What rings when\n").unwrap().1;
    let section = section.split_once("\n## ").unwrap().0;
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let known: Vec<String> = rows.map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" | ")).collect();
    assert_eq!(known, STORIES.map(|(story, since)| format!("| {story} | {since}")));
}

/// A world with these accounts, quiet for some minutes.
async fn quiet(world: World, log: &Logged) -> Result<Operation> {
    let mut operation = Operation::begin(world, log).await?;
    operation.minutes(6).await?;
    Ok(operation)
}

async fn post(world: &World, body: &Value) -> Result<u64> {
    let answer = world.request_post(USER, body).await?;
    ensure!(answer.status == 202, "{answer:?}");
    answer.data()["syncTaskId"].as_u64().context("no task")
}

/// Plays until a post has ended; since when that is known.
async fn ended(operation: &mut Operation, task: u64, most: usize) -> Result<i64> {
    for _ in 0..most {
        let now = operation.now();
        operation.minute().await?;
        let status = operation.world.post_status(USER, task).await?;
        if !["PENDING", "PROCESSING"].contains(&status["status"].as_str().unwrap_or_default()) {
            ensure!(status["status"] == "FAILED", "{status}");
            return Ok(now);
        }
    }
    anyhow::bail!("the post does not end")
}

#[tokio::test]
async fn sync_that_fails_rings_within_a_minute() -> Result<()> {
    tell("A fan sync fails at an answer that we do not know", async |log| {
        let world = World::start().await?;
        world.douyin_account("shop", 30);
        let shop = world.authorize(USER, "shop").await?;
        let mut operation = quiet(world, &log).await?;
        operation.world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 99_999));
        let answer = operation.world.request_sync(USER, &shop, "INCREMENTAL").await?;
        let known = operation.now();
        operation.minute().await?;
        let task = answer.data()["taskId"].as_str().context("no task")?;
        ensure!(operation.world.progress(USER, task).await?["status"] == "FAILED");
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn account_that_expires_rings_within_a_minute() -> Result<()> {
    tell("Douyin ends an account's authorisation", async |log| {
        let world = World::start().await?;
        world.douyin_account("shop", 3);
        world.authorize(USER, "shop").await?;
        world.advance(DAY * 13);
        world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010).times(100));
        let mut operation = Operation::begin(world, &log).await?;
        let known = operation.now();
        operation.minute().await?;
        ensure!(operation.world.rows("t_douyin_auth").await?[0]["status"] == "EXPIRED");
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn incident_that_would_expire_many_accounts_rings_within_a_minute() -> Result<()> {
    tell("Douyin refuses the tokens of 25 accounts at once", async |log| {
        let world = World::start().await?;
        for number in 0..25 {
            let name = format!("shop-{number}");
            world.douyin_account(&name, 1);
            world.authorize(USER, &name).await?;
        }
        world.advance(DAY * 13);
        world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010).permanent());
        let mut operation = Operation::begin(world, &log).await?;
        let known = operation.now();
        operation.minute().await?;
        let rows = operation.world.rows("t_douyin_auth").await?;
        let expired = rows.iter().filter(|row| row["status"] == "EXPIRED").count();
        ensure!((1..20).contains(&expired), "{expired} are EXPIRED");
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn app_that_may_not_renew_tokens_rings_within_a_minute() -> Result<()> {
    tell("Douyin says that our app may not renew tokens", async |log| {
        let world = World::start().await?;
        world.douyin_account("shop", 3);
        world.authorize(USER, "shop").await?;
        world.sandbox.douyin().change_app(|app| {
            app.scopes.remove("renew_refresh_token");
        });
        world.advance(DAY * 13);
        world.keep_tokens().await?;
        world.advance(DAY * 12);
        let mut operation = Operation::begin(world, &log).await?;
        let known = operation.now();
        operation.minute().await?;
        ensure!(!operation.world.sandbox.journal().of("oauth/renew_refresh_token").is_empty(), "nobody has asked");
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn app_that_may_not_list_fans_rings_within_a_minute() -> Result<()> {
    tell("Douyin says that our app may not list fans", async |log| {
        let world = World::start().await?;
        world.douyin_account("shop", 30);
        let shop = world.authorize(USER, "shop").await?;
        let mut operation = quiet(world, &log).await?;
        operation.world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_001_018).permanent());
        operation.world.request_sync(USER, &shop, "INCREMENTAL").await?;
        let known = operation.now();
        operation.minute().await?;
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn post_that_nobody_can_confirm_rings_within_a_minute() -> Result<()> {
    tell("The answer to a post is lost, and no list shows the post", async |log| {
        let world = World::start().await?;
        let device = world.connect_device(USER, "blind").await?;
        world.advance(DAY);
        let mut operation = quiet(world, &log).await?;
        let lost = GeweFault::new(GeweEndpoint::SendText, Effect::Code { code: 500, message: None });
        operation.world.sandbox.gewe().arm(lost);
        let task = post(&operation.world, &json!({"text": "早安", "accountIds": [device]})).await?;
        let known = ended(&mut operation, task, 600).await?;
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn posts_that_miss_their_time_ring_within_a_minute() -> Result<()> {
    tell("Twelve timed posts miss their time in an outage", async |log| {
        let mut world = World::start().await?;
        world.set("PERSONAL_INTERVAL_SECONDS", "0");
        world.set("PERSONAL_POSTS_PER_DAY", "1000");
        let device = world.connect_device(USER, "phone").await?;
        let time = (world.clock.now() + jiff::SignedDuration::from_mins(20)).to_string();
        let mut task = 0;
        for nth in 0..12 {
            let text = format!("第{nth}条");
            task = post(&world, &json!({"text": text, "accountIds": [device], "scheduledTime": time})).await?;
        }
        world.advance(Duration::from_secs(2 * 3_600));
        let mut operation = Operation::begin(world, &log).await?;
        let known = operation.now();
        ended(&mut operation, task, 3).await?;
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn company_that_does_not_list_our_address_rings_within_a_minute() -> Result<()> {
    tell("WeCom refuses a company's address", async |log| {
        let world = World::start().await?;
        let member = world.connect_corp(USER, "flowers", &["lily"]).await?;
        let mut operation = quiet(world, &log).await?;
        operation.world.sandbox.wecom().change_app("flowers", |app| app.trusted_ips = Some([].into()));
        let task = post(&operation.world, &json!({"text": "新品", "accountIds": member})).await?;
        let known = ended(&mut operation, task, 3).await?;
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn post_that_cannot_be_judged_rings_within_minutes() -> Result<()> {
    tell("The list of sensitive words is gone", async |log| {
        let world = World::start().await?;
        let device = world.connect_device(USER, "phone").await?;
        world.advance(DAY);
        let mut operation = quiet(world, &log).await?;
        post(&operation.world, &json!({"text": "早上好", "accountIds": [device]})).await?;
        // The publisher, which starts now, is told of a list that is not there.
        operation.world.set("SENSITIVE_WORDS_KEY", "words/none.txt");
        let known = operation.now();
        operation.minute().await?;
        Ok((operation, known))
    })
    .await
}

/// Stops a function after eleven minutes, and answers when it has not run for so many seconds.
async fn stopped(log: Logged, bin: &str, missed: i64) -> Result<Told> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.connect_device(USER, "phone").await?;
    let mut operation = Operation::begin(world, &log).await?;
    operation.minutes(11).await?;
    let last = operation.now() - MINUTE;
    operation.stop(bin);
    let known = last + missed;
    while operation.now() < known {
        operation.minute().await?;
    }
    Ok((operation, known))
}

#[tokio::test]
async fn token_keeper_that_does_not_run_rings_within_minutes() -> Result<()> {
    tell("The token keeper does not run", async |log| stopped(log, "douyin-token-keeper", 2 * 300).await).await
}

#[tokio::test]
async fn sweeper_that_does_not_run_rings_within_minutes() -> Result<()> {
    tell("The sweeper does not run", async |log| stopped(log, "sweeper", 3 * 60).await).await
}

#[tokio::test]
async fn health_checker_that_does_not_run_rings_within_minutes() -> Result<()> {
    tell("The health checker does not run", async |log| stopped(log, "wechat-health-checker", 3 * 60).await).await
}

#[tokio::test]
async fn queue_of_posts_that_nobody_reads_rings_within_minutes() -> Result<()> {
    tell("Nobody reads the queue of posts", async |log| {
        let world = World::start().await?;
        let device = world.connect_device(USER, "phone").await?;
        world.advance(DAY);
        let mut operation = quiet(world, &log).await?;
        operation.stop("moment-publisher");
        post(&operation.world, &json!({"text": "早上好", "accountIds": [device]})).await?;
        let known = operation.now();
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn queue_of_fan_syncs_that_nobody_reads_rings_within_minutes() -> Result<()> {
    tell("Nobody reads the queue of fan syncs", async |log| {
        let world = World::start().await?;
        world.douyin_account("shop", 30);
        let shop = world.authorize(USER, "shop").await?;
        let mut operation = quiet(world, &log).await?;
        operation.stop("douyin-fan-sync-worker");
        operation.world.request_sync(USER, &shop, "INCREMENTAL").await?;
        let known = operation.now();
        Ok((operation, known))
    })
    .await
}

#[tokio::test]
async fn event_sink_that_is_gone_rings_within_minutes() -> Result<()> {
    tell("The queue of the event sink is gone", async |log| {
        let mut world = World::start().await?;
        world.open_sink().await?;
        world.douyin_account("shop", 3);
        let shop = world.authorize(USER, "shop").await?;
        ensure!(world.sync(USER, &shop, "INCREMENTAL").await?["created"] == 3);
        let operation = quiet(world, &log).await?;
        ensure!(!operation.world.take_from_sink().await?.is_empty(), "nothing was sent while it was there");
        operation.world.delete_sink().await?;
        let lead = Event::sample("douyin-lead-update")?.path("leadId", "1").json(&json!({"notes": "周五回访"}));
        ensure!(operation.world.call_as(USER, lead).await?.status == 200);
        let known = operation.now();
        Ok((operation, known))
    })
    .await
}

/// Accounts of each kind, posts to all of them in the morning and in the evening, and their syncs. Eight hours, which is
/// more than any alarm looks back.
#[tokio::test]
async fn day_on_which_all_goes_well_rings_nothing() -> Result<()> {
    tell("Everything goes well for a working day", async |log| {
        let world = World::start().await?;
        world.sandbox.wecom().configure(|settings| settings.auto_confirm_seconds = Some(600));
        for shop in ["shop", "branch"] {
            world.douyin_account(shop, 60);
            world.authorize_and_sync(USER, shop).await?;
        }
        let mut accounts = world.connect_corp(USER, "flowers", &["lily", "rose"]).await?;
        accounts.push(world.connect_device(USER, "phone").await?);
        let mut operation = Operation::begin(world, &log).await?;
        let known = operation.now();
        let mut tasks = Vec::new();
        let hours = std::env::var("ALARM_HOURS").ok().map_or(Ok(8), |hours| hours.parse())?;
        for hour in 0..hours {
            if [1, 5].contains(&hour) {
                let body = json!({"text": format!("第{hour}小时"), "accountIds": accounts});
                tasks.push(post(&operation.world, &body).await?);
            }
            operation.minutes(60).await?;
        }
        for task in tasks {
            let status = operation.world.post_status(USER, task).await?;
            ensure!(status["status"] == "COMPLETED", "{status}");
        }
        let syncs = operation.world.rows("t_douyin_sync_task").await?;
        ensure!(syncs.len() >= 2 && syncs.iter().all(|sync| sync["status"] == "COMPLETED"), "{syncs:?}");
        Ok((operation, known))
    })
    .await
}
