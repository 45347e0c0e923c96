//! The answer to the one call that publishes is lost, late, cut or a lie: the platform's own list decides, and what
//! cannot be known is not claimed.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceState, GeweEndpoint, GeweFault};
use sandbox::wecom::{WecomEndpoint, WecomFault};
use serde_json::Value;

use super::oracle::{Oracle, UNCONFIRMED, check};
use super::story::Story;
use super::{LATER, live, publisher, receive, recover, world};
use crate::World;
use crate::proxy::Proxy;

const SPOILED: [Effect; 5] = [
    Effect::Drop,
    Effect::Http { status: 502 },
    Effect::NotJson,
    Effect::EmptyBody,
    Effect::Hang { milliseconds: None },
];

async fn impatient() -> Result<World> {
    let mut world = world().await?;
    world.set("PROVIDER_TIMEOUT_SECONDS", "1");
    Ok(world)
}

/// Every spoiled answer, to a request that was carried out and to one that was not.
async fn spoiled(story: Story, arm: fn(&World, Effect, bool)) -> Result<()> {
    let world = impatient().await?;
    let cases = SPOILED.into_iter().flat_map(|effect| [(effect.clone(), true), (effect, false)]);
    for (number, (effect, processed)) in cases.enumerate() {
        let scene = story.scene(&world, number).await?;
        arm(&world, effect.clone(), processed);
        let status = recover(&world, scene.task).await?;
        let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        let expected = if processed { Oracle::Published } else { Oracle::Nothing(UNCONFIRMED.to_owned()) };
        ensure!(truths.iter().all(|truth| *truth == expected), "{effect:?}, processed: {processed}: {truths:?}");
        println!("  {story:?}  {:<32}carried out: {processed:<7}{expected:?}", format!("{effect:?}"));
    }
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

#[tokio::test]
async fn publish_with_a_spoiled_gateway_answer_publishes_once() -> Result<()> {
    spoiled(Story::Words, |world, effect, processed| arm_gateway(world, GeweEndpoint::SendText, effect, processed))
        .await?;
    spoiled(Story::Picture, |world, effect, processed| arm_gateway(world, GeweEndpoint::SendImage, effect, processed))
        .await?;
    spoiled(Story::Video, |world, effect, processed| arm_gateway(world, GeweEndpoint::SendVideo, effect, processed))
        .await
}

fn arm_gateway(world: &World, endpoint: GeweEndpoint, effect: Effect, processed: bool) {
    let fault = GeweFault::new(endpoint, effect);
    world.sandbox.gewe().arm(if processed { fault.processed() } else { fault });
}

#[tokio::test]
async fn publish_with_a_spoiled_wecom_answer_publishes_once() -> Result<()> {
    spoiled(Story::Company, |world, effect, processed| {
        let fault = WecomFault::new(WecomEndpoint::AddMomentTask, effect);
        world.sandbox.wecom().arm(if processed { fault.processed() } else { fault });
    })
    .await
}

/// Carried out, and then called a failure in words that do not say when it failed.
#[tokio::test]
async fn publish_with_an_ambiguous_failure_reads_back_before_it_decides() -> Result<()> {
    let world = world().await?;
    world.sandbox.gewe().arm(GeweFault::code(GeweEndpoint::SendText, 500).processed());
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, -1).processed());
    for (number, story) in [Story::Words, Story::Company].into_iter().enumerate() {
        let (status, truths) = refused(&world, story, number).await?;
        ensure!(truths.iter().all(|truth| *truth == Oracle::Published), "{story:?}: {status}");
    }
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

/// The request reaches the platform after its sender has given up and looked for it once.
#[tokio::test]
async fn publish_whose_request_arrives_late_is_found_and_not_repeated() -> Result<()> {
    for (story, send) in [(Story::Words, "sns/sendTextSns"), (Story::Company, "externalcontact/add_moment_task")] {
        let world = impatient().await?;
        let scene = story.scene(&world, 1).await?;
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold(send, 1);
        ensure!(live(&world, &proxy).await?.is_none(), "the publisher died");
        world.advance(LATER);
        world.sweep().await?;
        world.drain_publications().await?;
        ensure!(world.sandbox.journal().publications().is_empty() && world.sandbox.wecom().moment_tasks().is_empty());
        gate.open();
        proxy.idle().await;
        let status = recover(&world, scene.task).await?;
        let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        ensure!(truths.iter().all(|truth| *truth == Oracle::Published), "{truths:?}");
    }
    Ok(())
}

async fn refused(world: &World, story: Story, number: usize) -> Result<(Value, Vec<Oracle>)> {
    let scene = story.scene(world, number).await?;
    let status = recover(world, scene.task).await?;
    let truths = check(world, scene.task, &status, &scene.text, &scene.outlets).await?;
    Ok((status, truths))
}

/// Says that it is on line, and fails at everything.
#[tokio::test]
async fn publish_with_a_zombie_device_ends_unconfirmed() -> Result<()> {
    let world = world().await?;
    let scene = Story::Words.scene(&world, 1).await?;
    world.sandbox.gewe().set_state("device-1", DeviceState::Zombie);
    let status = recover(&world, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Nothing(UNCONFIRMED.to_owned())], "{truths:?}");
    let journal = world.sandbox.journal();
    ensure!(journal.of_account("sns/sendTextSns", "device-1").len() == 1, "it was sent more than once");
    Ok(())
}

#[tokio::test]
async fn publish_refused_for_good_fails_with_its_advice() -> Result<()> {
    let world = world().await?;
    let cases =
        [(40_201, "不允许发布"), (48_002, "权限"), (60_020, "可信 IP"), (41_088, "格式"), (999_999, "未知错误")];
    for (number, (code, words)) in cases.into_iter().enumerate() {
        world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, code));
        let (status, truths) = refused(&world, Story::Company, number).await?;
        ensure!(status["status"] == "FAILED" && truths.iter().all(|truth| *truth != Oracle::Published), "{status}");
        let message = status["results"][0]["errorMessage"].as_str().unwrap_or_default();
        ensure!(message.contains(words), "{code}: {message}");
    }
    ensure!(world.sandbox.wecom().moment_tasks().is_empty());
    Ok(())
}

/// WeCom is busy twice, then takes it.
#[tokio::test]
async fn publish_refused_temporarily_is_tried_again() -> Result<()> {
    let world = world().await?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 41_078).times(2));
    let (_, truths) = refused(&world, Story::Company, 1).await?;
    ensure!(truths == [Oracle::Published, Oracle::Published], "{truths:?}");
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 41_078).permanent());
    let (status, truths) = refused(&world, Story::Company, 2).await?;
    ensure!(status["status"] == "FAILED" && truths.iter().all(|truth| *truth != Oracle::Published), "{status}");
    Ok(())
}

/// An upload may be made again, and why it failed nobody knows: its user's picture was fetched a moment before.
#[tokio::test]
async fn publish_with_a_failing_upload_repeats_it_and_then_names_the_gateway() -> Result<()> {
    let world = world().await?;
    for (number, (story, endpoint)) in
        [(Story::Picture, GeweEndpoint::UploadImage), (Story::Video, GeweEndpoint::UploadVideo)].into_iter().enumerate()
    {
        for (words, times) in [("文件下载失败", 1), ("失败", 2)] {
            let fails = Effect::Code { code: 500, message: Some(words.to_owned()) };
            world.sandbox.gewe().arm(GeweFault::new(endpoint, fails).times(times));
            let (status, truths) = refused(&world, story, 10 * number + times as usize).await?;
            ensure!(truths == [Oracle::Published], "{words}: {status}");
        }
    }
    let fails = Effect::Code { code: 500, message: Some("文件下载失败".to_owned()) };
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::UploadImage, fails).permanent());
    let (status, truths) = refused(&world, Story::Picture, 100).await?;
    ensure!(truths != [Oracle::Published], "{status}");
    let message = status["results"][0]["errorMessage"].as_str().unwrap_or_default();
    ensure!(message.contains("网关") && message.contains("素材链接在检查时可以下载"), "{message}");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

/// The same message in three publishers at once, at every message of a task.
#[tokio::test]
async fn publish_message_received_three_times_at_once_publishes_once() -> Result<()> {
    let world = world().await?;
    for (number, story) in [Story::Words, Story::Company, Story::Both].into_iter().enumerate() {
        let scene = story.scene(&world, number).await?;
        let proxy = Proxy::start(&world).await?;
        for _ in 0..20 {
            while let Some(message) = receive(&world).await? {
                let body = message.body.clone().unwrap_or_default();
                for _ in 0..2 {
                    let send = world.aws.sqs.send_message().queue_url(world.publish_queue_url()?);
                    send.message_body(&body).send().await?;
                }
                let mut batch = vec![message];
                while let Some(message) = receive(&world).await? {
                    batch.push(message);
                }
                let apps = futures::future::try_join_all(batch.iter().map(|_| publisher(&world, &proxy))).await?;
                let rivals = apps.iter().zip(batch).map(|(app, message)| world.publish_batch(app, vec![message]));
                futures::future::try_join_all(rivals).await?;
            }
            super::confirm_everything(&world);
            world.advance(LATER);
            world.sweep().await?;
        }
        let status = recover(&world, scene.task).await?;
        let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        ensure!(truths.iter().all(|truth| *truth == Oracle::Published), "{story:?}: {truths:?}");
        let deliveries = world.rows("t_moment_publish_unit").await?;
        let deliveries = deliveries.iter().filter(|delivery| delivery["task_id"] == scene.task.to_string()).count();
        ensure!(deliveries == if story == Story::Both { 2 } else { 1 }, "{deliveries} deliveries");
    }
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}
