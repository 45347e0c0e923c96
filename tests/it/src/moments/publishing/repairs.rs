//! What a company's app is refused for, and can be replaced: its token, and uploads that WeCom does not know any more.

use anyhow::{Context, Result, ensure};
use sandbox::fault::Effect;
use sandbox::wecom::{Validation, WecomEndpoint, WecomFault};
use serde_json::json;

use super::company::{ADD, calls};
use super::oracle::{Oracle, check};
use super::story::Story;
use super::{USER, recover, world};
use crate::Event;

/// The fourth attempt is as good as the first: what is void is replaced once, however many busy answers came before.
#[tokio::test]
async fn company_token_and_upload_that_are_void_after_busy_answers_are_each_replaced_once() -> Result<()> {
    let world = world().await?;
    let scene = Story::Company.scene(&world, 1).await?;
    let busy = || WecomFault::code(WecomEndpoint::AddMomentTask, 45_033);
    let void = || WecomFault::new(WecomEndpoint::AddMomentTask, Effect::LoseSession);
    for fault in [busy(), busy(), void(), WecomFault::code(WecomEndpoint::AddMomentTask, 40_007)] {
        world.sandbox.wecom().arm(fault);
    }
    let status = recover(&world, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Published], "{truths:?}: {status}");
    ensure!(calls(&world, "media/upload_attachment", "flowers-1") == 2);
    ensure!(world.sandbox.wecom().faults().iter().all(|fault| fault.met == 1));

    // Void again right after it was replaced: that has another cause, and is not tried without end.
    let scene = Story::Company.scene(&world, 2).await?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 40_014).permanent());
    let before = calls(&world, ADD, "flowers-2");
    let status = recover(&world, scene.task).await?;
    ensure!(status["status"] == "FAILED", "{status}");
    ensure!(calls(&world, ADD, "flowers-2") - before == 2);
    Ok(())
}

/// WeCom may find only in its job that it does not know an upload: kept, it would fail every post that shows it.
#[tokio::test]
async fn company_upload_that_a_job_does_not_know_is_forgotten() -> Result<()> {
    let world = world().await?;
    world.sandbox.wecom().configure(|settings| settings.validation = Validation::InJob);
    let scene = Story::Company.scene(&world, 1).await?;
    ensure!(recover(&world, scene.task).await?["status"] == "COMPLETED");
    let upload = world.rows("t_wechat_media").await?.pop().context("no upload is kept")?;
    let dead = world.aws.dynamodb.update_item().table_name(world.table("t_wechat_media"));
    let dead = dead.key("corp_key", kernel::dynamo::s(&upload["corp_key"]));
    let dead = dead.key("content_hash", kernel::dynamo::s(&upload["content_hash"]));
    let dead = dead.update_expression("SET media_id = :dead");
    dead.expression_attribute_values(":dead", kernel::dynamo::s("dead")).send().await?;

    let accounts: Vec<&String> = scene.outlets.iter().map(|outlet| &outlet.account_id).collect();
    let status = world.post_status(USER, scene.task).await?;
    let body = json!({"text": "第二条", "mediaUrls": status["mediaUrls"], "accountIds": accounts});
    let task = super::request(&world, &body).await?;
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "FAILED", "{status}");
    ensure!(world.rows("t_wechat_media").await?.is_empty(), "the dead upload is kept");

    let retry = Event::sample("moment-task-retry")?.path("taskId", &task.to_string()).json(&json!({}));
    let retried = world.call_as(USER, retry).await?;
    ensure!(retried.status == 202, "{retried:?}");
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}
