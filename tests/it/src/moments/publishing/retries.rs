//! Trying again: only what certainly failed, unless a person asks for what is unconfirmed, and then the provider is
//! read first.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use jiff::SignedDuration;
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::wecom::{WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::oracle::UNCONFIRMED;
use super::{LATER, USER, live, recover, request, world};
use crate::proxy::{Fault, Proxy, When};
use crate::{Answer, Event, World};

const DELIVERY: &str = "TransactWriteItems t_moment_publish_unit";
const REFUSED: &str = "content不可为空";

async fn retry(world: &World, task: u64, body: &Value) -> Result<Answer> {
    world.call_as(USER, Event::sample("moment-task-retry")?.path("taskId", &task.to_string()).json(body)).await
}

async fn granted(world: &World, task: u64, body: &Value) -> Result<()> {
    let answer = retry(world, task, body).boxed_local().await?;
    ensure!(answer.status == 202, "{answer:?}");
    Ok(())
}

/// The code an account is told, or its status.
fn of<'a>(status: &'a Value, account: &str) -> &'a str {
    let results = status["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let result = results.iter().find(|result| result["accountId"] == account).unwrap_or(&Value::Null);
    result["errorCode"].as_str().or_else(|| result["status"].as_str()).unwrap_or_default()
}

/// No list of the gateway can be read.
fn lists_fail(world: &World) {
    for list in [GeweEndpoint::List, GeweEndpoint::ContactList] {
        world.sandbox.gewe().arm(GeweFault::new(list, Effect::Http { status: 502 }).permanent());
    }
}

/// No list of WeCom can be read.
fn moments_cannot_be_listed(world: &World) {
    let fault = WecomFault::new(WecomEndpoint::GetMomentList, Effect::Http { status: 502 });
    world.sandbox.wecom().arm(fault.permanent());
}

fn clear_faults(world: &World) {
    world.sandbox.gewe().clear_faults();
    world.sandbox.wecom().clear_faults();
}

/// A post of one person that ended unconfirmed; `arrived` says whether it is out.
async fn unconfirmed(world: &World, device: &str, arrived: bool, time: Option<String>) -> Result<(String, u64)> {
    let account = world.connect_device(USER, device).await?;
    let fault = GeweFault::new(GeweEndpoint::SendText, Effect::Drop).for_account(device);
    world.sandbox.gewe().arm(if arrived { fault.processed() } else { fault });
    lists_fail(world);
    let task = request(world, &json!({"text": "新品到店", "accountIds": [account], "scheduledTime": time})).await?;
    if time.is_some() {
        world.advance(Duration::from_secs(3_700));
        world.sweep().await?;
    }
    let status = recover(world, task).boxed_local().await?;
    ensure!(of(&status, &account) == UNCONFIRMED, "{status}");
    clear_faults(world);
    Ok((account, task))
}

/// One account's answer was lost and it has published; the other one was refused.
async fn half_known(world: &World) -> Result<(String, String, u64)> {
    let (lost, refused) = (world.connect_device(USER, "lost").await?, world.connect_device(USER, "refused").await?);
    world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText).for_account("lost"));
    let refusal = Effect::Code { code: 500, message: Some(REFUSED.to_owned()) };
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, refusal).for_account("refused"));
    lists_fail(world);
    let task = request(world, &json!({"text": "新品到店", "accountIds": [lost, refused]})).await?;
    let status = recover(world, task).boxed_local().await?;
    ensure!(of(&status, &lost) == UNCONFIRMED && of(&status, &refused) == "MOMENT_PUBLISH_FAILED", "{status}");
    clear_faults(world);
    Ok((lost, refused, task))
}

#[tokio::test]
async fn retry_of_one_account_leaves_the_unconfirmed_one_alone() -> Result<()> {
    for named in [true, false] {
        let world = world().await?;
        let (lost, refused, task) = half_known(&world).await?;
        let body = if named { json!({"accountIds": [refused]}) } else { json!({}) };
        granted(&world, task, &body).await?;
        let status = recover(&world, task).await?;
        ensure!(of(&status, &refused) == "SUCCESS" && of(&status, &lost) == UNCONFIRMED, "{status}");
        let twice = world.sandbox.journal().published_twice();
        ensure!(twice.is_empty(), "published twice: {twice:?}");

        let answer = retry(&world, task, &json!({})).await?;
        let words = "includeUnconfirmed";
        ensure!(answer.status == 409 && answer.body["message"].to_string().contains(words), "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn retry_of_an_unconfirmed_post_that_shows_up_publishes_nothing() -> Result<()> {
    let world = world().await?;
    let (lost, refused, task) = half_known(&world).await?;
    granted(&world, task, &json!({"includeUnconfirmed": true})).await?;
    let status = recover(&world, task).await?;
    ensure!(of(&status, &refused) == "SUCCESS" && of(&status, &lost) == "SUCCESS", "{status}");
    let journal = world.sandbox.journal();
    ensure!(journal.publications().len() == 2 && journal.published_twice().is_empty());
    let id = journal.publications_of("lost")[0].id.clone();
    ensure!(status.to_string().contains(&id), "another post is told: {status}");
    Ok(())
}

/// It does not show up: the gateway's list is read as often as after any lost answer, and only then it is sent. A timed
/// one is not missed for the time it was planned for.
#[tokio::test]
async fn retry_of_an_unconfirmed_post_that_never_arrived_publishes_it_once() -> Result<()> {
    for timed in [false, true] {
        let world = world().await?;
        let time = timed.then(|| (world.clock.now() + SignedDuration::from_hours(1)).to_string());
        let (account, task) = unconfirmed(&world, "phone", false, time).await?;
        world.advance(Duration::from_secs(6 * 3_600));
        let reads = || world.sandbox.journal().of("sns/snsList").len();
        let before = reads();
        granted(&world, task, &json!({"accountIds": [account], "includeUnconfirmed": true})).await?;
        world.drain_publications().await?;
        ensure!(world.sandbox.journal().publications().is_empty(), "one look was enough");
        let status = recover(&world, task).await?;
        ensure!(of(&status, &account) == "SUCCESS", "{status}");
        ensure!(world.sandbox.journal().publications().len() == 1 && reads() - before == 4, "{} reads", reads());
    }
    Ok(())
}

/// Who cannot read the list does not send: an outage, and an account that cannot be used.
#[tokio::test]
async fn retry_of_an_unconfirmed_post_whose_list_cannot_be_read_publishes_nothing() -> Result<()> {
    for gone in [false, true] {
        let world = world().await?;
        let (account, task) = unconfirmed(&world, "phone", true, None).await?;
        if gone {
            super::company::disconnect(&world, &account).await?;
        } else {
            lists_fail(&world);
        }
        granted(&world, task, &json!({"includeUnconfirmed": true})).await?;
        let status = recover(&world, task).await?;
        ensure!(of(&status, &account) == UNCONFIRMED, "{status}");
        ensure!(world.sandbox.journal().publications().len() == 1);
    }
    Ok(())
}

/// Three members were asked, or not: nobody knows.
async fn company(world: &World, arrived: bool) -> Result<(Vec<String>, u64)> {
    let accounts = world.connect_corp(USER, "flowers", &["anna", "bob", "cara"]).await?;
    let fault = WecomFault::new(WecomEndpoint::AddMomentTask, Effect::Drop);
    world.sandbox.wecom().arm(if arrived { fault.processed() } else { fault });
    moments_cannot_be_listed(world);
    let task = request(world, &json!({"text": "新品到店", "accountIds": accounts})).await?;
    world.drain_publications().boxed_local().await?;
    for _ in 0..5 {
        world.advance(LATER);
        world.sweep().await?;
        world.drain_publications().boxed_local().await?;
    }
    let status = world.post_status(USER, task).await?;
    ensure!(accounts.iter().all(|account| of(&status, account) == UNCONFIRMED), "{status}");
    let told = status["results"][0]["errorMessage"].to_string();
    ensure!(told.contains("企业微信管理后台") && !told.contains("朋友圈，确认"), "{told}");
    clear_faults(world);
    Ok((accounts, task))
}

/// One of three is tried again, and the moment that asked all three shows up: what it says is told for all of them.
#[tokio::test]
async fn retry_of_one_unconfirmed_member_tells_what_is_found_for_all() -> Result<()> {
    let world = world().await?;
    let (accounts, task) = company(&world, true).await?;
    granted(&world, task, &json!({"accountIds": [accounts[0]], "includeUnconfirmed": true})).await?;
    let status = recover(&world, task).await?;
    ensure!(accounts.iter().all(|account| of(&status, account) == "SUCCESS"), "{status}");
    ensure!(world.sandbox.wecom().moment_tasks().len() == 1, "members were asked twice");
    Ok(())
}

/// No moment shows up: each member that is tried again is asked alone, one after the other, once.
#[tokio::test]
async fn retry_of_unconfirmed_members_one_by_one_asks_each_once() -> Result<()> {
    let world = world().await?;
    let (accounts, task) = company(&world, false).await?;
    for (place, account) in accounts.iter().enumerate() {
        granted(&world, task, &json!({"accountIds": [account], "includeUnconfirmed": true})).await?;
        let status = recover(&world, task).await?;
        let known = accounts.iter().filter(|account| of(&status, account) == "SUCCESS").count();
        ensure!(of(&status, account) == "SUCCESS" && known == place + 1, "{status}");
    }
    let asked: Vec<Vec<String>> =
        world.sandbox.wecom().moment_tasks().into_iter().map(|moment| moment.members.into_keys().collect()).collect();
    ensure!(asked == [["anna"], ["bob"], ["cara"]], "{asked:?}");
    each_once(&world, &["flowers/anna", "flowers/bob", "flowers/cara"])
}

/// Each of these has published once.
fn each_once(world: &World, names: &[&str]) -> Result<()> {
    for name in names {
        let posts = world.sandbox.journal().publications_of(name).len();
        ensure!(posts == 1, "{name} has published {posts} times");
    }
    Ok(())
}

/// Two that certainly failed are tried again one after the other.
#[tokio::test]
async fn retry_of_failed_members_one_by_one_publishes_each_once() -> Result<()> {
    let world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["anna", "bob"]).await?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 48_002));
    let task = request(&world, &json!({"text": "新品到店", "accountIds": accounts})).await?;
    ensure!(recover(&world, task).await?["status"] == "FAILED");
    for (account, end) in accounts.iter().zip(["PARTIAL_SUCCESS", "COMPLETED"]) {
        granted(&world, task, &json!({"accountIds": [account]})).await?;
        let status = recover(&world, task).await?;
        ensure!(status["status"] == end, "{status}");
    }
    ensure!(world.sandbox.wecom().moment_tasks().len() == 2);
    each_once(&world, &["flowers/anna", "flowers/bob"])
}

/// Members whose last look never came: the moment is known, so the last look is made again, and nobody is asked twice.
#[tokio::test]
async fn retry_of_members_without_a_last_look_makes_it() -> Result<()> {
    let world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["anna", "bob"]).await?;
    let task = request(&world, &json!({"text": "新品到店", "accountIds": accounts})).await?;
    world.drain_publications().await?;
    world.advance(LATER);
    world.sweep().await?;
    world.drain_publications().await?;
    let moment = world.sandbox.wecom().moment_tasks().remove(0).moment_id;
    world.sandbox.wecom().confirm(&moment, "anna")?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::GetMomentTask, 48_002).permanent());
    world.advance(Duration::from_secs(50 * 3_600));
    world.sweep().await?;
    world.drain_publications().await?;
    let status = world.post_status(USER, task).await?;
    ensure!(accounts.iter().all(|account| of(&status, account) == UNCONFIRMED), "{status}");
    clear_faults(&world);
    granted(&world, task, &json!({"includeUnconfirmed": true})).await?;
    let status = recover(&world, task).await?;
    ensure!(of(&status, &accounts[0]) == "SUCCESS", "{status}");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    ensure!(world.sandbox.journal().publications_of("flowers/anna").len() == 1);
    Ok(())
}

/// One unconfirmed account of a person and 49 members that certainly failed, in one request.
#[tokio::test]
async fn retry_of_one_unconfirmed_and_many_failed_retries_all() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let names: Vec<String> = (0..49).map(|number| format!("member{number:02}")).collect();
    let members = world.connect_corp(USER, "flowers", &names.iter().map(|name| &**name).collect::<Vec<_>>()).await?;
    world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText));
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 48_002));
    lists_fail(&world);
    let accounts: Vec<&String> = members.iter().chain([&device]).collect();
    let task = request(&world, &json!({"text": "新品到店", "accountIds": accounts})).await?;
    let status = recover(&world, task).await?;
    ensure!(of(&status, &device) == UNCONFIRMED && status["status"] == "FAILED", "{status}");
    clear_faults(&world);
    granted(&world, task, &json!({"includeUnconfirmed": true})).await?;
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

/// More than fit one transaction: fifty personal accounts, each with a delivery of its own to be read again.
#[tokio::test]
async fn retry_of_fifty_unconfirmed_accounts_retries_all() -> Result<()> {
    let world = world().await?;
    let mut accounts = Vec::new();
    for number in 0..50 {
        accounts.push(world.connect_device(USER, &format!("phone-{number}")).await?);
    }
    world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText).permanent());
    lists_fail(&world);
    let task = request(&world, &json!({"text": "新品到店", "accountIds": accounts})).await?;
    let status = recover(&world, task).await?;
    ensure!(accounts.iter().all(|account| of(&status, account) == UNCONFIRMED), "{status}");
    clear_faults(&world);
    granted(&world, task, &json!({"includeUnconfirmed": true})).await?;
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    ensure!(world.sandbox.journal().publications().len() == 50);
    Ok(())
}

/// Called off right after the request, before anything has begun: what is only being read back is not called off.
#[tokio::test]
async fn retry_that_is_cancelled_still_records_what_was_published() -> Result<()> {
    let world = world().await?;
    let (lost, refused, task) = half_known(&world).await?;
    granted(&world, task, &json!({"includeUnconfirmed": true})).await?;
    let cancel = Event::sample("moment-task-cancel")?.path("taskId", &task.to_string());
    let answer = world.call_as(USER, cancel).await?;
    ensure!(answer.status == 200, "{answer:?}");
    let status = recover(&world, task).await?;
    ensure!(of(&status, &lost) == "SUCCESS" && of(&status, &refused) == "CANCELLED", "{status}");
    ensure!(world.sandbox.journal().publications().len() == 1);
    Ok(())
}

/// The publisher dies around the transaction that replaces the old delivery by a new one, and around the call after it.
#[tokio::test]
async fn retry_with_the_publisher_killed_at_any_step_publishes_once() -> Result<()> {
    let world = world().await?;
    for (number, when) in [When::Before, When::After].into_iter().enumerate() {
        let (account, task) = unconfirmed(&world, &format!("phone-{number}"), false, None).await?;
        granted(&world, task, &json!({"includeUnconfirmed": true})).await?;
        for _ in 0..3 {
            world.drain_publications().await?;
            world.advance(LATER);
            world.sweep().await?;
        }
        let proxy = Proxy::start(&world).await?;
        proxy.arm(DELIVERY, 1, Fault::Kill(when));
        ensure!(live(&world, &proxy).await?.is_some(), "it did not die");
        let status = recover(&world, task).await?;
        ensure!(of(&status, &account) == "SUCCESS", "{when:?}: {status}");
        ensure!(world.sandbox.journal().publications().len() == number + 1, "{when:?}");
    }
    Ok(())
}

/// The function behind the API dies around its write: asked again, it ends where one undisturbed request does.
#[tokio::test]
async fn retry_of_unconfirmed_killed_around_its_write_can_be_repeated() -> Result<()> {
    let world = world().await?;
    let steps = ["Query t_moment_publish_unit", "TransactWriteItems t_moment_sync_task", "SendMessage"];
    let cases = steps.into_iter().flat_map(|step| [(step, When::Before), (step, When::After)]);
    for (number, (step, when)) in cases.enumerate() {
        let (account, task) = unconfirmed(&world, &format!("phone-{number}"), true, None).await?;
        let event = Event::sample("moment-task-retry")?.path("taskId", &task.to_string());
        let event = event.json(&json!({"includeUnconfirmed": true}));
        let proxy = Proxy::start(&world).await?;
        proxy.arm(step, 1, Fault::Kill(when));
        ensure!(super::call(&world, &proxy, &event).await?.is_none(), "{step} never came");
        let again = world.call_as(USER, event).await?;
        ensure!([202, 409].contains(&again.status), "{again:?}");
        let status = recover(&world, task).await?;
        ensure!(of(&status, &account) == "SUCCESS", "{step} {when:?}: {status}");
        ensure!(world.sandbox.journal().publications().len() == number + 1, "{step} {when:?}");
    }
    Ok(())
}
