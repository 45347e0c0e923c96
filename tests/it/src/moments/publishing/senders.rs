//! Who is asked to publish: the accounts of the delivery about which nothing final is told and that can be used now.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::wecom::{WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::company::disconnect;
use super::oracle::{Oracle, Outlet, check};
use super::{LATER, USER, recover, request, world};
use crate::{Event, World};

const ADD: &str = "externalcontact/add_moment_task";
const FAILED: &str = "MOMENT_PUBLISH_FAILED";

/// A post of anna and bob that WeCom has refused once, as busy; it will refuse it once more.
async fn refused_once(world: &World) -> Result<(u64, Vec<Outlet>)> {
    let accounts = world.connect_corp(USER, "flowers", &["anna", "bob"]).await?;
    let outlets = accounts.iter().zip(["flowers/anna", "flowers/bob"]);
    let outlets = outlets.map(|(id, name)| Outlet { account_id: id.clone(), name: name.to_owned() }).collect();
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 41_078).times(2));
    let task = request(world, &json!({"text": "上新", "accountIds": accounts})).await?;
    world.drain_publications().await?;
    Ok((task, outlets))
}

async fn next_attempt(world: &World) -> Result<()> {
    world.advance(LATER);
    world.sweep().await?;
    world.drain_publications().await?;
    Ok(())
}

/// Connects the company's members again, as its user does.
async fn connect_again(world: &World) -> Result<()> {
    let corp = world.sandbox.wecom().corp("flowers").expect("the company is there");
    let body = json!({
        "accountType": "WEWORK", "corpId": corp.corp_id, "agentId": corp.agent_id(), "secret": corp.secret(),
    });
    let answer = world.call_as(USER, Event::sample("wechat-account-connect")?.json(&body)).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

fn asked(world: &World) -> Vec<String> {
    world.sandbox.wecom().moment_tasks().iter().flat_map(|moment| moment.members.clone().into_keys()).collect()
}

fn of<'a>(status: &'a Value, outlet: &Outlet) -> &'a Value {
    let mut results = status["results"].as_array().expect("results").iter();
    results.find(|result| result["accountId"] == outlet.account_id.as_str()).expect("a result")
}

/// She was told FAILED at the second attempt and is connected again before the third: she is not asked any more, and
/// when her user has it tried again she is asked for the first time.
#[tokio::test]
async fn senders_without_a_member_recorded_as_failed_at_the_next_attempt() -> Result<()> {
    let world = world().await?;
    let (task, outlets) = refused_once(&world).await?;
    disconnect(&world, &outlets[0].account_id).await?;
    next_attempt(&world).await?;
    let told = world.post_status(USER, task).await?;
    ensure!(of(&told, &outlets[0])["status"] == "FAILED", "{told}");
    connect_again(&world).await?;
    next_attempt(&world).await?;
    ensure!(asked(&world) == ["bob"], "asked: {:?}", asked(&world));
    let status = recover(&world, task).await?;
    let truths = check(&world, task, &status, "上新", &outlets).await?;
    ensure!(truths == [Oracle::Nothing(FAILED.to_owned()), Oracle::Published], "{status}");

    let retry = Event::sample("moment-task-retry")?.path("taskId", &task.to_string());
    ensure!(world.call_as(USER, retry).await?.status == 202);
    ensure!(recover(&world, task).await?["status"] == "COMPLETED");
    for name in ["flowers/anna", "flowers/bob"] {
        ensure!(world.sandbox.journal().publications_of(name).len() == 1, "{name}");
    }
    Ok(())
}

/// The only account that can be used is one that was told FAILED: nothing is sent, and the delivery ends.
#[tokio::test]
async fn senders_of_a_delivery_without_an_open_usable_account_are_none_and_no_call_is_made() -> Result<()> {
    let world = world().await?;
    let (task, outlets) = refused_once(&world).await?;
    disconnect(&world, &outlets[0].account_id).await?;
    next_attempt(&world).await?;
    connect_again(&world).await?;
    disconnect(&world, &outlets[1].account_id).await?;
    let before = world.sandbox.journal().of(ADD).len();
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "FAILED", "{status}");
    let truths = check(&world, task, &status, "上新", &outlets).await?;
    ensure!(truths == [Oracle::Nothing(FAILED.to_owned()), Oracle::Nothing(FAILED.to_owned())], "{status}");
    ensure!(world.sandbox.journal().of(ADD).len() == before, "members were asked whose result had ended");
    Ok(())
}

/// The account's result ends while its delivery waits to be begun, for a second time as its provider was busy: nothing is
/// sent for it, of a person or a company.
#[tokio::test]
async fn senders_never_include_accounts_whose_result_has_ended() -> Result<()> {
    let world = world().await?;
    let table = world.table("t_moment_sync_result");
    let device = world.connect_device(USER, "phone").await?;
    let member = world.connect_corp(USER, "flowers", &["anna"]).await?.remove(0);
    for account in [device, member] {
        let busy = Effect::Code { code: 500, message: Some("操作过于频繁，请稍后再试".to_owned()) };
        world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, busy));
        world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 41_078));
        let task = request(&world, &json!({"text": "早上好", "accountIds": [account]})).await?;
        world.drain_publications().await?;
        let status = world.post_status(USER, task).await?;
        ensure!(status["results"][0]["stage"] == "QUEUED", "{status}");
        let row = world.aws.dynamodb.update_item().table_name(&table);
        row.key("task_id", kernel::dynamo::n(task))
            .key("account_id", kernel::dynamo::s(&account))
            .update_expression("SET #status = :status, stage = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", kernel::dynamo::s("CANCELLED"))
            .send()
            .await?;
        for _ in 0..3 {
            next_attempt(&world).await?;
        }
        let deliveries = world.rows("t_moment_publish_unit").await?;
        let open = deliveries
            .iter()
            .filter(|delivery| delivery["task_id"] == task.to_string() && delivery["stage"] != "DONE")
            .count();
        ensure!(open == 0, "the delivery goes on: {deliveries:?}");
    }
    ensure!(world.sandbox.journal().publications().is_empty() && world.sandbox.wecom().moment_tasks().is_empty());
    Ok(())
}
